package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"
)

// IDOR: an id that is not there, and what only looks like one that is, opens nothing, whoever asks and by whatever method
// the address knows.
func TestAttack_ids_of_others_and_of_nobody(t *testing.T) {
	c, _ := withDevices(t, 1)
	admin, nobody, tried := c.Operator(access.RoleAdmin), c.Visitor(), 0
	for _, route := range c.Server.Routes() {
		if !strings.Contains(route.Path, ":") || strings.HasPrefix(route.Path, web.Base) { // the API's are walked beside it
			continue
		}
		for _, id := range []string{
			"0", "-1", "01", "1e0", "+1", "777", "9223372036854775808", "1;2", "1%2F..%2F1", "..", "%2e%2e", "1%00", "%27%20OR%201=1--", "*", "4339%20", "４３３９", "4339%0d%0aX:%20y",
		} {
			tried++
			var parts []string
			for part := range strings.SplitSeq(route.Path, "/") {
				if strings.HasPrefix(part, ":") {
					part = id
				}
				parts = append(parts, part)
			}
			path := strings.Join(parts, "/")
			ask := func(b *webtest.Browser) webtest.Answer {
				return b.Do(route.Method, path, "", "Accept", "text/html", "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
			}
			if got := ask(admin); got.Status < 400 || got.Status >= 500 {
				t.Errorf("%s %s by an admin: %d", route.Method, path, got.Status)
			}
			if got := ask(nobody); !(got.Status == http.StatusSeeOther && strings.HasPrefix(got.Header.Get("Location"), "/signin")) && got.Status != http.StatusNotFound && got.Status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s by nobody: %d to %q", route.Method, path, got.Status, got.Header.Get("Location"))
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d were tried", tried)
	}
}

// A device is found at its own connection alone.
func TestAttack_a_device_by_the_address_of_another_connection(t *testing.T) {
	c, id := withDevices(t, 0)
	other := c.add("South", opened(), nil)
	b := c.Operator(access.RoleViewer)
	page(t, b.Get("/connections/"+id.String()+"/devices/"+pump), http.StatusOK)
	page(t, b.Get("/connections/"+other.String()+"/devices/"+pump), http.StatusNotFound)
}

// Mass assignment: a form that sends more than its page asks for changes no more than that.
func TestAttack_forms_that_send_more_than_they_are_asked_for(t *testing.T) {
	e := newEditing(t, nil)
	before := e.store.rows[e.id]
	got := e.send(false, "description", form("step", "go", "version", "1", "description", "North of the river",
		"name", "taken", "password", "taken", "active", "off", "hostName", "evil.example.com:443", "uplinkKey", "taken", "id", "2", "actor", "somebody@example.com"))
	after := e.store.rows[e.id]
	if got.Status >= 400 || after.Configuration.Description != "North of the river" {
		t.Fatalf("%d: %+v", got.Status, after)
	}
	after.Configuration.Description, after.Version, after.UpdatedAt = before.Configuration.Description, before.Version, before.UpdatedAt
	if a, b := plain(after), plain(before); a != b || after.UplinkKey.Reveal() != before.UplinkKey.Reveal() {
		t.Errorf("the form made %s of %s", a, b)
	}
	for _, hidden := range []string{"uplinkKey", "id", "version", "state", "gatewayDeviceId", "credentialVersion", "UplinkKey", "__proto__"} {
		if got := e.send(false, hidden, form("step", "go", "version", "2", hidden, "1")); got.Status != http.StatusNotFound {
			t.Errorf("editing %s: %d", hidden, got.Status)
		}
		if got := e.Post("/connections", form("name", "x", "hostName", "a:443", "username", "a@example.com", "password", "p", hidden, "1")); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("creating with %s: %d", hidden, got.Status)
		}
	}
	if n := len(e.store.rows); n != 1 {
		t.Errorf("there are %d connections", n)
	}
}

// plain is what the table of fields tells of a connection, secrets revealed.
func plain(c connection.Connection) string {
	var all []string
	for _, f := range connection.Fields {
		all = append(all, f.Name+"="+f.Get(&c))
	}
	return strings.Join(append(all, c.Configuration.Password.Reveal(), c.Configuration.DownlinkAsKey.Reveal(), c.ID.String()), " ")
}

// Header injection and open redirects: the form's way back and htmx's address of the page lead nowhere else, and put no
// line into the answer's head.
func TestAttack_ways_back_that_lead_elsewhere(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", opened(), nil)
	b := c.Operator(access.RoleOperator)
	for _, back := range []string{
		"//evil.example.com", `/\evil.example.com`, "https://evil.example.com", "/\r\nSet-Cookie: a=b", "/%0d%0aSet-Cookie:%20a=b", "\t//evil.example.com", "javascript:alert(1)", "/..//evil.example.com", "/@evil.example.com",
	} {
		for _, partly := range []bool{false, true} {
			var header []string
			if partly {
				header = partial()
			}
			a := b.Post("/connections/"+id.String()+"/state", form("action", "restart", "back", back), header...)
			to := a.Header.Get("Location") + a.Header.Get("HX-Redirect")
			if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") || slices.Contains(a.Header.Values("Set-Cookie"), "a=b") {
				t.Errorf("%q leads to %q", back, to)
			}
		}
	}
	for _, current := range []string{"https://evil.example.com//evil.example.com", "//evil.example.com", "javascript:alert(1)", "http://x/\\evil"} {
		a := c.Visitor().Get("/connections", append(partial(), "HX-Current-URL", current)...)
		if to := a.Header.Get("HX-Redirect"); !strings.HasPrefix(to, "/signin?next=") || strings.Contains(to, "evil.example.com%2F%2F") || strings.Contains(to, "next=%2F%2F") || strings.Contains(to, "%5C") {
			t.Errorf("%q leads to %q", current, to)
		}
	}
}

// Parameter pollution: a form holds what came in its body. What the address adds fills in and changes nothing, so no link can
// and no password is taken from where it is logged.
func TestAttack_addresses_that_fill_in_a_form(t *testing.T) {
	site, w := everything(t)
	c, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid())
	if err != nil {
		t.Fatal(err)
	}
	path := "/connections/" + c.Connection.ID.String()
	operator := site.Operator(access.RoleOperator)
	for at, want := range map[string]int{
		path + "/state?action=deactivate":                                        http.StatusUnprocessableEntity,
		path + "/delete?confirmName=" + url.QueryEscape(c.Connection.Name):       http.StatusUnprocessableEntity,
		path + "/uplink-key?action=show":                                         http.StatusUnprocessableEntity,
		path + "/parked?action=retry&all=true":                                   http.StatusUnprocessableEntity,
		path + "/edit/name?step=go&version=1&name=taken":                         http.StatusBadRequest,
		"/connections?name=x&hostName=a:443&username=a@example.com&password=p":   http.StatusUnprocessableEntity,
		"/connections/check?password=p&name=x&hostName=a:443&username=a@b&q=%zz": http.StatusOK,
	} {
		if got := operator.Post(at, nil); got.Status != want {
			t.Errorf("%s: %d, want %d", at, got.Status, want)
		}
	}
	a := site.Visitor().Post("/signin?email=alice@example.com&password=right+password", nil)
	if doc := page(t, a, http.StatusUnprocessableEntity); saying(doc.Find("#password-error")) != "Fill in Password." {
		t.Errorf("the sign-in says %q", text(doc))
	}
	now, err := w.Get(t.Context(), c.Connection.ID)
	if err != nil || now.Connection.Version != 1 || !now.Connection.Active {
		t.Errorf("the connection is %+v, %v", now.Connection, err)
	}
	// What came in the body counts, whatever the address says.
	if got := operator.Post(path+"/state?action=deactivate&back=//evil.example.com", form("action", "restart")); got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), path) {
		t.Errorf("restart: %d to %q", got.Status, got.Header.Get("Location"))
	}
	if now, _ = w.Get(t.Context(), c.Connection.ID); !now.Connection.Active {
		t.Error("the address deactivated the connection")
	}
}
