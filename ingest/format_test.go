package ingest

import (
	"fmt"
	"strings"
	"testing"

	"boardlink/connection"
)

func TestRegistry_prints_no_key(t *testing.T) {
	r := &Registry{}
	c := connection.Connection{ID: 1, UplinkKey: "canary-uplink"}
	c.Configuration.DownlinkAsKey = "canary-as"
	r.Load([]connection.Connection{c})
	for _, value := range []any{r, r.entries, r.entries[1]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "canary") {
				t.Errorf("%T by %s: %s", value, verb, text)
			}
		}
	}
}
