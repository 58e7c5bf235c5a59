package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"boardlink/web"
)

// Each address refuses parameters that it does not know, and tells the nearest known one.
func TestUnknownParameters_are_refused_by_name_at_every_address(t *testing.T) {
	w, all := newTable(t)
	checked := 0
	for path, methods := range all {
		if !strings.HasPrefix(path, web.Base+"/") || strings.HasSuffix(path, "/uplinks") { // ThingPark adds parameters of its own there
			continue
		}
		for _, method := range methods {
			checked++
			got := w.do(method, path+"?colour=canary-value&x=1", bodyFor(method, path))
			refused(t, got, 422)
			var problem web.Problem
			if err := json.Unmarshal([]byte(got.Body), &problem); err != nil {
				t.Fatal(err)
			}
			if len(problem.Errors) != 2 || problem.Errors[0].Path != "colour" || problem.Errors[0].Message != "There is no such parameter." || strings.Contains(got.Body, "canary-value") {
				t.Errorf("%s %s: %s", method, path, got.Body)
			}
			refused(t, w.do(method, path+"?limit=%zz", bodyFor(method, path)), 400)
			refused(t, w.do(method, path+"?a=1;b=2", bodyFor(method, path)), 400)
		}
	}
	if checked < 15 {
		t.Errorf("only %d were checked", checked)
	}
	if v, err := w.Get(t.Context(), 1); err != nil || v.Connection.Version != 1 {
		t.Errorf("something was changed: %+v, %v", v.Connection, err)
	}
}

func TestUnknownParameters_are_told_with_the_nearest_known_one(t *testing.T) {
	w := newWorld(t)
	w.create()
	for path, want := range map[string]string{
		"/connections?limt=1": "limit", "/connections?Limit=1": "limit", "/connections?States=OPENED": "state", "/events?conectionId=1": "connectionId",
		"/events?deveui=20635F0108000E09": "devEUI", "/connections/1/metrics?windows=1h": "window", "/connections/1/devices?serach=x": "search", "/stream?connectionID=1": "connectionId",
		"/connections/1/config?fromat=json": "format", "/connections/1/parked?curser=1": "cursor",
	} {
		got := w.do("GET", web.Base+path, "")
		refused(t, got, 422)
		var problem web.Problem
		if err := json.Unmarshal([]byte(got.Body), &problem); err != nil {
			t.Fatal(err)
		}
		if len(problem.Errors) != 1 || problem.Errors[0].Example != want || !strings.HasPrefix(problem.Errors[0].Message, "There is no such parameter; ") {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
	many := "/connections?" + strings.Join(strings.Split(strings.Repeat("a", 100), ""), "=1&") + "=1"
	refused(t, w.do("GET", many, ""), 422)
	long := w.do("GET", "/connections?"+strings.Repeat("x", 5000)+"=1", "")
	refused(t, long, 422)
	if len(long.Body) > 1000 {
		t.Errorf("the answer repeats %d bytes", len(long.Body))
	}
	// Nobody learns parameters before he has said who he is, and the browser's own address is as it was.
	if got := w.site.Visitor().Do("GET", web.Base+"/connections?colour=1", ""); got.Status != http.StatusUnauthorized {
		t.Errorf("by nobody: %d", got.Status)
	}
	if got := w.do("GET", "/connections?limit=1", ""); got.Status != http.StatusOK {
		t.Error("what is known is refused")
	}
}

func TestEmptyTimes_are_refused(t *testing.T) {
	w := newWorld(t)
	for _, query := range []string{"from=", "to=", "from", "from=2026-11-23T10:00:00Z&to="} {
		refused(t, w.do("GET", "/events?"+query, ""), 422)
	}
	if got := w.do("GET", "/events?connectionId=&devEUI=&cursor=", ""); got.Status != http.StatusOK {
		t.Errorf("%d: %s", got.Status, got.Body)
	}
}

// What the document shows as examples, and what it says of alarms and ids, is what is taken.
func TestDocument_tells_rules_that_a_schema_can_tell(t *testing.T) {
	w := newWorld(t)
	text := w.do("GET", "/api/openapi.json", "").Body
	for _, rule := range []string{
		`"enum":["weekly"]`, `"enum":["monday","tuesday","wednesday","thursday","friday","saturday","sunday"]`, `"maximum":1000000`, `"maxItems":20`, `"minItems":1`,
		`"minProperties":1`, `"oneOf":[{"required":["ids"]},{"required":["all"]}]`,
	} {
		if !strings.Contains(text, rule) {
			t.Errorf("the document does not say %s", rule)
		}
	}
	if strings.Contains(text, `"examples":["-----BEGIN`) {
		t.Error("an example is no certificate")
	}
}
