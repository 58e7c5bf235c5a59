package web_test

import (
	"net/http"
	"strings"
	"testing"

	"boardlink/web"
	"boardlink/web/webtest"
)

func TestPages_speak_the_accented_language_in_development_alone(t *testing.T) {
	for _, development := range []bool{false, true} {
		site := webtest.New(t, func(o *web.Options) { o.Development = development })
		page := record(site, http.MethodGet, "/nothing", "Accept", "text/html", "Accept-Language", "en-XA, en").Body.String()
		if got := strings.Contains(page, `lang="en-XA"`); got != development {
			t.Errorf("development %v: the accented language was spoken: %v\n%s", development, got, page)
		}
	}
}
