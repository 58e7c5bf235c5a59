package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web/webtest"

	"github.com/PuerkitoBio/goquery"
)

// rowOf finds the row of somebody in the list.
func rowOf(t testing.TB, doc *goquery.Document, email string) *goquery.Selection {
	t.Helper()
	row := doc.Find("tbody tr").FilterFunction(func(_ int, s *goquery.Selection) bool {
		return strings.Contains(saying(s.Find("th")), email)
	})
	if row.Length() != 1 {
		t.Fatalf("%d rows of %s", row.Length(), email)
	}
	return row
}

// invite sends the form and gives the link that the answer shows.
func (s *staffed) invite(b *webtest.Browser, email, role string) string {
	s.t.Helper()
	doc := page(s.t, b.Post("/people/invite", form("email", email, "role", role)), http.StatusOK)
	assertDocument(s.t, doc)
	link := doc.Find("#one-time-link").Text()
	if !strings.HasPrefix(link, "https://boardlink.example.com/setup?token=") {
		s.t.Fatalf("the page shows no link: %s", text(doc))
	}
	return link
}

// question opens the question of an action and gives the version that its form bears.
func (s *staffed) question(b *webtest.Browser, id int64, action string) (doc *goquery.Document, version string) {
	s.t.Helper()
	doc = page(s.t, b.Get(fmt.Sprintf("/people/%d/%s", id, action)), http.StatusOK)
	assertDocument(s.t, doc)
	return doc, doc.Find("input[name=version]").AttrOr("value", "")
}

// do asks and answers.
func (s *staffed) do(b *webtest.Browser, id int64, action string, more ...string) webtest.Answer {
	s.t.Helper()
	_, version := s.question(b, id, action)
	return b.Post(fmt.Sprintf("/people/%d/%s", id, action), form(append(more, "version", version)...))
}

func TestPeople_page_tells_how_everybody_stands(t *testing.T) {
	s := newStaffed(t)
	ada := s.as(adaEmail, adaPassword)
	doc := page(t, ada.Get("/people"), http.StatusOK)
	assertDocument(t, doc)
	if !strings.Contains(text(doc), "You are the only one here") || !strings.Contains(saying(rowOf(t, doc, adaEmail)), "(you)") {
		t.Errorf("alone: %s", text(doc))
	}
	if doc.Find("nav[aria-label=Main] a[href='/people'][aria-current=page]").Length() != 1 {
		t.Error("the navigation does not lead here")
	}
	s.invite(ada, bobEmail, "viewer")
	s.join(t, "cleo@example.com", access.RoleOperator, "the password of cleo")
	dan := s.join(t, "dan@example.com", access.RoleAdmin, "the password of dan")
	if a := s.do(ada, dan.ID, "disable"); a.Status != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	doc = page(t, ada.Get("/people"), http.StatusOK)
	assertDocument(t, doc)
	for email, want := range map[string][]string{
		adaEmail:           {"Admin", "Active", "a moment ago"},
		bobEmail:           {"Viewer", "Invited", "The link ends in 2 days", "never"},
		"cleo@example.com": {"Operator", "Active", "a moment ago"},
		"dan@example.com":  {"Admin", "Disabled"},
	} {
		said := saying(rowOf(t, doc, email))
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("of %s it says %q, not %q", email, said, w)
			}
		}
	}
	if strings.Contains(text(doc), "You are the only one here") {
		t.Error("it says so although there are others")
	}
	for email, want := range map[string]string{
		bobEmail:          "Change role, New invitation link, Disable, Remove",
		"dan@example.com": "Change role, Enable, Remove",
		adaEmail:          "Change role, New password link, Disable, Remove",
	} {
		var got []string
		for _, b := range rowOf(t, doc, email).Find("button").EachIter() {
			got = append(got, saying(b))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("of %s one can do %v, want %s", email, got, want)
		}
	}
	viewer := s.as("cleo@example.com", "the password of cleo")
	if home := page(t, viewer.Get("/"), http.StatusOK); home.Find("a[href='/people']").Length() != 0 {
		t.Error("the navigation of an operator leads to the people")
	}
}

func TestPeople_invitation_from_the_form_to_the_first_page(t *testing.T) {
	s := newStaffed(t)
	ada := s.as(adaEmail, adaPassword)
	assertDocument(t, page(t, ada.Get("/people/invite"), http.StatusOK))
	for _, bad := range []struct{ email, role, field, says string }{
		{"", "viewer", "email", "Fill in the person's e-mail address."},
		{"bob", "viewer", "email", "Write an e-mail address"},
		{bobEmail, "", "role", "Choose among"},
		{bobEmail, "superuser", "role", "Choose among"},
		{"ADA@example.com", "viewer", "email", "Somebody has this e-mail address already."},
	} {
		doc := page(t, ada.Post("/people/invite", form("email", bad.email, "role", bad.role)), http.StatusUnprocessableEntity)
		assertDocument(t, doc)
		if got := saying(doc.Find("#" + bad.field + "-error")); !strings.Contains(got, bad.says) {
			t.Errorf("%q as %q: at %s stands %q", bad.email, bad.role, bad.field, got)
		}
		if !strings.HasPrefix(doc.Find("title").Text(), "Error: ") || labelled(doc, "E-mail").AttrOr("value", "") != bad.email {
			t.Errorf("%q: title %q, value %q", bad.email, doc.Find("title").Text(), labelled(doc, "E-mail").AttrOr("value", ""))
		}
	}
	link := s.invite(ada, "Bob@Example.com", "operator")
	for _, path := range []string{"/people", "/events", "/"} {
		if strings.Contains(ada.Get(path).Body, linkToken(link).Reveal()) {
			t.Errorf("%s shows the link again", path)
		}
	}

	bob := s.Visitor()
	path := "/setup?token=" + linkToken(link).Reveal()
	welcome := page(t, bob.Get(path), http.StatusOK)
	if said := text(welcome); !strings.Contains(said, "Welcome to Boardlink") || !strings.Contains(said, "You are invited") || labelled(welcome, "E-mail").AttrOr("value", "") != bobEmail {
		t.Errorf("the link says %s", said)
	}
	page(t, bob.Post(path, form("email", bobEmail, "password", "short")), http.StatusUnprocessableEntity)
	page(t, bob.Post(path, form("email", adaEmail, "password", bobPassword)), http.StatusUnprocessableEntity)
	if a := bob.Post(path, form("email", bobEmail, "password", bobPassword)); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/" {
		t.Fatalf("%d to %q", a.Status, a.Header.Get("Location"))
	}
	if a := bob.Get("/"); a.Status != http.StatusOK || !strings.Contains(a.Body, bobEmail) {
		t.Errorf("not signed in: %d", a.Status)
	}
	page(t, s.Visitor().Get(path), http.StatusForbidden)
	page(t, s.Visitor().Post(path, form("email", bobEmail, "password", "another password")), http.StatusForbidden)
	s.as(bobEmail, bobPassword)
	if got := s.messages(t); !slices.Contains(got, bobEmail+": "+bobEmail+" accepted the invitation and set a password.") || strings.Contains(fmt.Sprint(got), linkToken(link).Reveal()) {
		t.Errorf("events %q", got)
	}
}

func TestPeople_questions_say_what_follows_and_open_as_dialogs(t *testing.T) {
	s := newStaffed(t)
	ada := s.as(adaEmail, adaPassword)
	bob := s.join(t, bobEmail, access.RoleViewer, bobPassword)
	for action, want := range map[string][]string{
		"role":    {"Change the role of bob@example.com?", "Their sessions end: they sign in again, with the new role."},
		"disable": {"Disable bob@example.com?", "Their sessions end at once.", "cannot sign in until somebody enables them"},
		"link":    {"Make a new password link for bob@example.com?", "once, for 24 hours", "The password they have now works until then."},
		"remove":  {"Remove bob@example.com?", "This cannot be undone", "stays in the events"},
		"enable":  {"Enable bob@example.com?"},
	} {
		whole, _ := s.question(ada, bob.ID, action)
		fragment := page(t, ada.Get(fmt.Sprintf("/people/%d/%s", bob.ID, action), partial()...), http.StatusOK)
		assertDocument(t, fragment)
		if fragment.Find("body > dialog[data-modal]").Length() != 1 || fragment.Find("nav").Length() != 0 {
			t.Errorf("%s: no dialog", action)
		}
		for _, doc := range []*goquery.Document{whole, fragment} {
			for _, w := range want {
				if !strings.Contains(text(doc), w) {
					t.Errorf("%s: it does not say %q: %s", action, w, text(doc))
				}
			}
			if strings.Contains(text(doc), "This is you") {
				t.Errorf("%s: it takes bob for ada", action)
			}
		}
	}
	for _, action := range []string{"role", "disable", "remove"} {
		if doc, _ := s.question(ada, 1, action); !strings.Contains(text(doc), "This is you. You are signed out") {
			t.Errorf("%s on oneself: %s", action, text(doc))
		}
	}
	for _, path := range []string{"/people/99/role", "/people/x/role", "/people/01/disable", "/people/-1/remove"} {
		page(t, ada.Get(path), http.StatusNotFound)
		page(t, ada.Post(path, form("version", "1", "role", "admin")), http.StatusNotFound)
	}
}

func TestPeople_changes_hold_at_once(t *testing.T) {
	s := newStaffed(t)
	ada := s.as(adaEmail, adaPassword)
	bob := s.join(t, bobEmail, access.RoleViewer, bobPassword)
	b := s.as(bobEmail, bobPassword)
	out := func(what string) {
		t.Helper()
		if a := b.Get("/connections"); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/signin") {
			t.Errorf("%s: the session lives on: %d", what, a.Status)
		}
	}
	page(t, b.Get("/connections"), http.StatusOK)
	page(t, b.Get("/connections/new"), http.StatusForbidden)

	if a := s.do(ada, bob.ID, "role", "role", "operator"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/people#person-2" {
		t.Errorf("%d to %q", a.Status, a.Header.Get("Location"))
	}
	if doc := page(t, ada.Get("/people"), http.StatusOK); !strings.Contains(text(doc), "bob@example.com is an operator now.") {
		t.Errorf("no toast: %s", text(doc))
	}
	out("another role")
	b = s.as(bobEmail, bobPassword)
	page(t, b.Get("/connections/new"), http.StatusOK)

	s.do(ada, bob.ID, "disable")
	out("disabled")
	wrong, right := s.signIn(s.Visitor(), bobEmail, "a wrong password"), s.signIn(s.Visitor(), bobEmail, bobPassword)
	if wrong.Status != right.Status || text(document(t, wrong)) != text(document(t, right)) {
		t.Errorf("who is disabled can be told from who is wrong: %d %s, %d %s", wrong.Status, text(document(t, wrong)), right.Status, text(document(t, right)))
	}
	s.do(ada, bob.ID, "enable")
	b = s.as(bobEmail, bobPassword)

	doc := page(t, s.do(ada, bob.ID, "link"), http.StatusOK)
	link := doc.Find("#one-time-link").Text()
	if !strings.Contains(text(doc), "The password of now works until the link is used.") || link == "" {
		t.Errorf("link page: %s", text(doc))
	}
	page(t, b.Get("/connections"), http.StatusOK) // the session stays until the link is used
	path := "/setup?token=" + linkToken(link).Reveal()
	if a := s.Visitor().Post(path, form("email", bobEmail, "password", "a newer password")); a.Status != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	out("a new password by a link")
	b = s.as(bobEmail, "a newer password")

	if a := s.do(ada, bob.ID, "remove"); a.Header.Get("Location") != "/people" {
		t.Errorf("%d to %q", a.Status, a.Header.Get("Location"))
	}
	out("removed")
	if doc := page(t, ada.Get("/people"), http.StatusOK); doc.Find("tbody tr").Length() != 1 || !strings.Contains(text(doc), "bob@example.com is not here any more.") {
		t.Errorf("%s", text(doc))
	}
}

func TestPeople_form_that_is_stale_or_goes_too_far_asks_again_with_the_reason(t *testing.T) {
	s := newStaffed(t)
	ada := s.as(adaEmail, adaPassword)
	bob := s.join(t, bobEmail, access.RoleViewer, bobPassword)
	_, version := s.question(ada, bob.ID, "role")
	s.do(ada, bob.ID, "disable")
	doc := page(t, ada.Post("/people/2/role", form("role", "admin", "version", version)), http.StatusConflict)
	assertDocument(t, doc)
	if said := saying(doc.Find("[role=alert]")); !strings.Contains(said, "Somebody else changed this person") {
		t.Errorf("it says %q", said)
	}
	if again := doc.Find("input[name=version]").AttrOr("value", ""); again == version {
		t.Error("the form that asks again is stale too")
	}
	for _, bad := range []string{"", "x", "0", "-1"} {
		page(t, ada.Post("/people/2/enable", form("version", bad)), http.StatusUnprocessableEntity)
	}
	_, version = s.question(ada, bob.ID, "role")
	doc = page(t, ada.Post("/people/2/role", form("role", "root", "version", version)), http.StatusUnprocessableEntity)
	if said := saying(doc.Find("#role-error")); !strings.Contains(said, "Choose among") {
		t.Errorf("at the role stands %q", said)
	}
	doc = page(t, ada.Post("/people/2/link", form("version", version)), http.StatusConflict)
	if said := saying(doc.Find("[role=alert]")); !strings.Contains(said, "disabled") {
		t.Errorf("a link for somebody who is disabled: %q", said)
	}
	for action, more := range map[string][]string{"role": {"role", "viewer"}, "disable": nil, "remove": nil} {
		doc := page(t, s.do(ada, 1, action, more...), http.StatusConflict)
		if said := saying(doc.Find("[role=alert]")); !strings.Contains(said, "last admin who can sign in") {
			t.Errorf("%s of the last admin: %q", action, said)
		}
	}
	page(t, ada.Get("/people"), http.StatusOK)
	if got, err := s.Get(t.Context(), bob.ID); err != nil || got.Role != access.RoleViewer || !got.Disabled() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPeople_who_change_themselves_are_led_out(t *testing.T) {
	for action, more := range map[string][]string{"role": {"role", "operator"}, "disable": nil, "remove": nil} {
		s := newStaffed(t)
		bob := s.join(t, bobEmail, access.RoleAdmin, bobPassword)
		b := s.as(bobEmail, bobPassword)
		if a := s.do(b, bob.ID, action, more...); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/signin" {
			t.Errorf("%s: %d to %q", action, a.Status, a.Header.Get("Location"))
		}
		if a := b.Get("/people"); a.Status != http.StatusSeeOther {
			t.Errorf("%s: still signed in: %d", action, a.Status)
		}
		if a := s.signIn(b, bobEmail, bobPassword); (a.Status == http.StatusSeeOther) != (action == "role") {
			t.Errorf("%s: sign-in %d", action, a.Status)
		}
	}
}

// TestPeople_forms_are_for_admins posts every form as people who may not, and as other sites do: nothing changes.
func TestPeople_forms_are_for_admins(t *testing.T) {
	s := newStaffed(t)
	s.join(t, bobEmail, access.RoleViewer, bobPassword)
	s.join(t, "cleo@example.com", access.RoleOperator, "the password of cleo")
	ada := s.as(adaEmail, adaPassword)
	before, events := standings(t, s), len(s.messages(t))
	attempts := []struct {
		path string
		form url.Values
	}{
		{"/people/invite", form("email", "eve@example.com", "role", "admin")},
		{"/people/invite", form("email", adaEmail, "role", "admin")}, // is told no more than of somebody new
		{"/people/2/role", form("role", "admin", "version", "2")}, {"/people/1/role", form("role", "viewer", "version", "1")},
		{"/people/1/disable", form("version", "1")}, {"/people/2/link", form("version", "2")}, {"/people/1/link", form("version", "1")},
		{"/people/2/remove", form("version", "2")}, {"/people/99/remove", form("version", "1")}, {"/people/2/enable", form("version", "2")},
	}
	bobs, cleos := s.as(bobEmail, bobPassword), s.as("cleo@example.com", "the password of cleo")
	events += 2 // signed in
	for _, a := range attempts {
		for who, b := range map[string]*webtest.Browser{"a viewer": bobs, "an operator": cleos} {
			doc := page(t, b.Post(a.path, a.form), http.StatusForbidden)
			if said := text(doc); strings.Contains(said, adaEmail) || !strings.Contains(said, "You may not do this.") {
				t.Errorf("%s at %s is told %s", who, a.path, said)
			}
			page(t, b.Get("/people"), http.StatusForbidden)
		}
		if got := s.Visitor().Post(a.path, a.form); got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/signin") {
			t.Errorf("nobody at %s: %d", a.path, got.Status)
		}
		// From another site, with the admin's cookie.
		if got := ada.Post(a.path, a.form, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com"); got.Status != http.StatusForbidden {
			t.Errorf("another site at %s: %d", a.path, got.Status)
		}
	}
	if after := standings(t, s); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
	if got := s.messages(t); len(got) != events {
		t.Errorf("events %q", got)
	}
}

// standings tells of everybody what an attack would change.
func standings(t *testing.T, s *staffed) string {
	t.Helper()
	list, _, err := s.List(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, o := range list {
		fmt.Fprintf(&b, "%d %s %s %v %v %d; ", o.ID, o.Email, o.Role, o.Disabled(), o.LinkUntil, o.Version)
	}
	return b.String()
}

// TestPeople_forms_take_what_they_ask_for_and_nothing_else sends more than the forms hold.
func TestPeople_forms_take_what_they_ask_for_and_nothing_else(t *testing.T) {
	s := newStaffed(t)
	ada := s.as(adaEmail, adaPassword)
	extra := form("email", bobEmail, "role", "viewer", "id", "1", "disabled", "true", "version", "99", "passwordHash", "x", "password_hash", "x", "Role", "admin", "createdAt", "0")
	extra.Add("role", "admin") // the first one counts
	page(t, ada.Post("/people/invite?role=admin&email=eve@example.com", extra), http.StatusOK)
	got, err := s.Get(t.Context(), 2)
	if err != nil || got.Email != bobEmail || got.Role != access.RoleViewer || got.Disabled() || !got.Invited() || got.Version != 1 {
		t.Errorf("invited %+v, %v", got, err)
	}
	page(t, ada.Post("/people/invite?email=eve@example.com&role=admin", form()), http.StatusUnprocessableEntity) // the address says nothing
	page(t, ada.Post("/people/2/role?role=admin", form("version", "1")), http.StatusUnprocessableEntity)

	// Whoever uses a link gives a password and chooses nothing else.
	link := s.do(ada, 2, "link")
	path := "/setup?token=" + linkToken(page(t, link, http.StatusOK).Find("#one-time-link").Text()).Reveal()
	if a := s.Visitor().Post(path+"&role=admin", form("email", bobEmail, "password", bobPassword, "role", "admin", "operatorId", "1", "id", "1")); a.Status != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	if got, err := s.Get(t.Context(), 2); err != nil || got.Role != access.RoleViewer || got.Invited() {
		t.Errorf("set up %+v, %v", got, err)
	}
	s.as(adaEmail, adaPassword) // nothing of hers has changed
}

func TestPeople_links_are_worth_nothing_when_used_replaced_ended_or_guessed(t *testing.T) {
	s := newStaffed(t)
	ada := s.as(adaEmail, adaPassword)
	first := linkToken(s.invite(ada, bobEmail, "viewer"))
	second := linkToken(page(t, s.do(ada, 2, "link"), http.StatusOK).Find("#one-time-link").Text())
	third := linkToken(s.invite(ada, "cleo@example.com", "viewer"))
	s.do(ada, 3, "disable")
	dan := linkToken(s.invite(ada, "dan@example.com", "viewer"))
	s.do(ada, 4, "remove")
	if a := s.Visitor().Post("/setup?token="+second.Reveal(), form("password", bobPassword)); a.Status != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	answers := map[string]bool{}
	for name, token := range map[string]connection.Secret{
		"replaced": first, "used": second, "of somebody disabled": third, "of somebody removed": dan, "guessed": "AAAAAAAAAAAAAAAAAAAAAA", "empty": "",
		"its digest": connection.Secret(fmt.Sprintf("%x", access.DigestOf(second.Reveal()))), "cut": second[:21], "longer": second + "A",
	} {
		path := "/setup?token=" + url.QueryEscape(token.Reveal())
		get, post := s.Visitor().Get(path), s.Visitor().Post(path, form("email", bobEmail, "password", "a password of eve"))
		if get.Status != http.StatusForbidden || post.Status != http.StatusForbidden {
			t.Errorf("%s: %d, %d", name, get.Status, post.Status)
		}
		answers[text(document(t, get))], answers[text(document(t, post))] = true, true
		if strings.Contains(get.Body+post.Body, bobEmail) {
			t.Errorf("%s: it tells whose it was", name)
		}
	}
	if len(answers) != 1 {
		t.Errorf("the answers can be told apart: %v", answers)
	}
	if a := s.signIn(s.Visitor(), bobEmail, "a password of eve"); a.Status == http.StatusSeeOther {
		t.Error("eve has signed in")
	}
}

func TestPeople_link_used_by_two_at_the_same_moment_lets_one_in(t *testing.T) {
	s := newStaffed(t)
	path := "/setup?token=" + linkToken(s.invite(s.as(adaEmail, adaPassword), bobEmail, "admin")).Reveal()
	const n = 5 // whose passwords may be tried without a delay
	browsers, statuses := make([]*webtest.Browser, n), make([]int, n)
	for i := range n {
		browsers[i] = s.Visitor()
	}
	var wg sync.WaitGroup
	for i, b := range browsers {
		wg.Go(func() { statuses[i] = b.Post(path, form("password", fmt.Sprint("the password ", i))).Status })
	}
	wg.Wait()
	in := 0
	for i, b := range browsers {
		signedIn := b.Get("/people").Status == http.StatusOK
		works := s.signIn(s.Visitor(), bobEmail, fmt.Sprint("the password ", i)).Status == http.StatusSeeOther
		if won := statuses[i] == http.StatusSeeOther; won != signedIn || won != works {
			t.Errorf("%d: answered %d, signed in %v, the password works %v", i, statuses[i], signedIn, works)
		}
		if signedIn {
			in++
		} else if statuses[i] != http.StatusForbidden {
			t.Errorf("%d: answered %d", i, statuses[i])
		}
	}
	if in != 1 {
		t.Errorf("%d came in", in)
	}
}
