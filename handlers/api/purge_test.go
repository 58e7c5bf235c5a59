package api_test

import (
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/web"
)

func TestPurge_drops_what_waits_and_says_how_much(t *testing.T) {
	w := newWorld(t)
	w.create()
	w.Backlog.Set(1, 42)
	const path = web.Base + "/connections/1/purge"
	refused(t, w.site.Operator(access.RoleViewer).Do("POST", path, "", "Content-Type", "application/json"), 403)
	if got := w.do("POST", path, ""); got.Status != 200 || strings.TrimSpace(got.Body) != `{"affected":42}` {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got := w.do("POST", "/connections/1/purge", ""); got.Status != 200 || strings.TrimSpace(got.Body) != `{"affected":0}` {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if all := w.Store.AllEvents(); len(all) != 2 || !strings.Contains(all[1].Message, "42 waiting events") {
		t.Errorf("%+v", all)
	}
}
