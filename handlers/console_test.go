package handlers_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/handlers"
	"boardlink/handlers/api"
	"boardlink/link"
	"boardlink/live"
	"boardlink/operation"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"

	"github.com/PuerkitoBio/goquery"
)

// Secrets of the fixtures: no page may ever hold one of them.
const (
	canaryPassword = "canary-password-5b1f"
	canaryASKey    = "0cafa7e00cafa7e00cafa7e00cafa7e0"
	uplinkKey      = "uplink-key-of-the-fixture-000001"
)

var now = time.Date(2026, 11, 23, 10, 8, 8, 0, time.UTC)

// console is the pages over real operations on a store in memory.
type console struct {
	*webtest.Site
	store   *store
	people  *people
	prober  *operationtest.Prober
	backlog *operationtest.Backlog
	park    *operationtest.Park
	t       testing.TB
}

func newConsole(t testing.TB) *console {
	t.Helper()
	c := &console{store: newStore(), people: &people{Roster: noRoster{}}, prober: &operationtest.Prober{Verdict: connection.Accepted}, backlog: &operationtest.Backlog{}, park: &operationtest.Park{}, t: t}
	keys := 0
	var keyRing *access.Keys
	c.Site = webtest.New(t, func(o *web.Options) { keyRing = o.Keys.(*access.Keys) }, func(s *web.Server) {
		ops := operation.New(operation.Options{
			Store: c.store, Links: c.store, Parked: &c.store.parked, Observer: c.store, Refusals: c.store, Feed: nobody{}, PublicURL: "https://boardlink.example.com",
			NewUplinkKey: func() connection.Secret {
				keys++
				return connection.Secret("renewed-uplink-key-" + strings.Repeat("0", 12) + string(rune('0'+keys)))
			},
			Now:     func() time.Time { return now },
			Backlog: c.backlog, Downlinks: c.park,
			Prober: c.prober, Tries: operationtest.New(nil).Store, Example: link.Example,
		})
		if err := handlers.Mount(s, handlers.NewConsole(ops, c.people, func() time.Time { return now }), api.Options{Operations: ops, Keys: keyRing}); err != nil {
			t.Fatal(err)
		}
	})
	return c
}

type nobody struct{}

func (nobody) Publish(live.Change) {}

// add stores a connection and what its link says.
func (c *console) add(name string, status connection.Status, change func(*connection.Connection)) connection.ID {
	c.t.Helper()
	row := connection.Connection{
		ConnectorID: connection.ConnectorID, Name: name, Active: true, Configuration: connection.DefaultConfiguration(),
		UplinkKey: uplinkKey, CreatedAt: now, UpdatedAt: now,
	}
	row.Configuration.HostName = "thingsboard.example.com:443"
	row.Configuration.Username = "tenant@example.com"
	row.Configuration.Password = canaryPassword
	row.Configuration.DownlinkAsKey = canaryASKey
	row.Configuration.DownlinkAsID = "TWA_100002167.1111.AS"
	if change != nil {
		change(&row)
	}
	stored, err := c.store.CreateConnection(context.Background(), row, connection.Event{
		Time: now, Level: connection.LevelInfo, Kind: connection.KindCreated, Actor: "alice@example.com", Message: "The connection was created.",
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if status.State != "" {
		c.store.statuses[stored.ID] = status
	}
	return stored.ID
}

func opened() connection.Status {
	return connection.Status{
		State: connection.Opened, Since: now.Add(-4 * time.Hour), ReasonCode: connection.ReasonConnected,
		StartupTime: now.Add(-4 * time.Hour), LastDeliveredAt: now.Add(-3 * time.Second),
	}
}

// people stands for the operators, of whom the pages that sign in and set up know one.
type people struct {
	handlers.Roster

	reset, nobody bool
	wait          time.Duration // too many passwords were wrong
	from          access.Origin // of the last sign-in
	changed       []access.PasswordChange
	ended         []string // who ended how many sessions
}

func (p *people) SignIn(_ context.Context, from access.Origin, email string, password connection.Secret) (access.Identity, error) {
	p.from = from
	if p.wait > 0 {
		return access.Identity{}, fmt.Errorf("sign in: %w", &access.Throttled{Wait: p.wait})
	}
	if email != "alice@example.com" || password != "right password" {
		return access.Identity{}, connection.Fail(connection.CodeUnauthorized, "The e-mail or the password is wrong.")
	}
	return access.Identity{Kind: access.OperatorKind, ID: 1, Name: email, Role: access.RoleAdmin}, nil
}

func (p *people) Remember(_ context.Context, from access.Origin, _ access.Identity) (connection.Secret, error) {
	if from.Browser.IsSet() {
		return from.Browser, nil
	}
	return "a-known-browser", nil
}

func (p *people) Confirm(_ context.Context, _ access.Origin, _ int64, password connection.Secret) error {
	if p.wait > 0 {
		return fmt.Errorf("confirm a password: %w", &access.Throttled{Wait: p.wait})
	}
	if password != "right password" {
		return &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields need another look.", Fields: []connection.FieldError{{Path: "password", Message: "The password is wrong."}}}
	}
	return nil
}

func (p *people) ChangePassword(_ context.Context, _ access.Origin, c access.PasswordChange) error {
	if p.wait > 0 {
		return fmt.Errorf("change a password: %w", &access.Throttled{Wait: p.wait})
	}
	for field, wrong := range map[string]bool{"currentPassword": c.Current != "right password", "newPassword": len(c.New) < 8} {
		if wrong {
			return &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields need another look.", Fields: []connection.FieldError{{Path: field, Message: "Look at " + field + "."}}}
		}
	}
	p.changed = append(p.changed, c)
	return nil
}

func (p *people) TellSessionsEnded(_ context.Context, _ access.Origin, who access.Identity, n int64) {
	p.ended = append(p.ended, fmt.Sprintf("%s %d", who.Name, n))
}

func (p *people) NeedsSetup(context.Context) (bool, error) { return p.nobody, nil }

func (p *people) LookUpToken(_ context.Context, token connection.Secret) (access.SetupToken, error) {
	if token != "good-token" {
		return access.SetupToken{}, connection.Fail(connection.CodeForbidden, "This link is not valid any more.")
	}
	if p.reset {
		return access.SetupToken{OperatorID: 1, Email: "alice@example.com"}, nil
	}
	return access.SetupToken{}, nil
}

func (p *people) SetUp(ctx context.Context, token connection.Secret, email string, password connection.Secret) (access.Identity, error) {
	if _, err := p.LookUpToken(ctx, token); err != nil {
		return access.Identity{}, err
	}
	if len(password) < 8 {
		return access.Identity{}, &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields are not right.", Fields: []connection.FieldError{{Path: "password", Message: "Use at least 8 characters."}}}
	}
	return access.Identity{Kind: access.OperatorKind, ID: 1, Name: email, Role: access.RoleAdmin}, nil
}

// noRoster looks after nobody, for the tests of other pages.
type noRoster struct{ handlers.Roster }

func (noRoster) List(context.Context, int64, int) ([]access.Operator, int64, error) {
	return nil, 0, nil
}

func (noRoster) Get(context.Context, int64) (access.Operator, error) {
	return access.Operator{}, connection.Fail(connection.CodeNotFound, "There is no such person.")
}

func (noRoster) Invite(context.Context, string, string, access.Role) (access.Operator, access.Link, error) {
	return access.Operator{}, access.Link{}, connection.Fail(connection.CodeConflict, "Nobody is taken in here.")
}

// page reads an answer as a document, and fails where it holds a secret.
func page(t testing.TB, a webtest.Answer, status int) *goquery.Document {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, text(document(t, a)))
	}
	return document(t, a)
}

func document(t testing.TB, a webtest.Answer) *goquery.Document {
	t.Helper()
	for _, secret := range []string{canaryPassword, canaryASKey} {
		if strings.Contains(a.Body, secret) {
			t.Errorf("the answer holds the secret %q", secret)
		}
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(a.Body))
	if err != nil {
		t.Fatalf("read page: %v", err)
	}
	return doc
}

// text is what a page says, white space folded.
func text(doc *goquery.Document) string {
	return strings.Join(strings.Fields(doc.Find("body").Not("template").Text()), " ")
}

// saying is the selection's text, white space folded.
func saying(s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") }

// button finds a button by its accessible name.
func button(doc *goquery.Document, name string) *goquery.Selection {
	return doc.Find("button").FilterFunction(func(_ int, s *goquery.Selection) bool {
		if label, ok := s.Attr("aria-label"); ok {
			return label == name
		}
		return saying(s) == name
	})
}

// labelled finds a control by the text of its label, the star left out.
func labelled(doc *goquery.Document, label string) *goquery.Selection {
	id := ""
	doc.Find("label[for]").Each(func(_ int, s *goquery.Selection) {
		own := s.Clone()
		own.Find("[aria-hidden]").Remove()
		if saying(own) == label {
			id, _ = s.Attr("for")
		}
	})
	return doc.Find("#" + id)
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// partial are the headers of a request by htmx.
func partial() []string { return []string{"HX-Request", "true"} }

// assertDocument checks what every document must keep to: ids are given once, and what names an id finds it.
func assertDocument(t testing.TB, doc *goquery.Document) {
	t.Helper()
	seen := map[string]bool{}
	for _, s := range doc.Find("[id]").EachIter() {
		id := s.AttrOr("id", "")
		if seen[id] {
			t.Errorf("the id %q is given twice", id)
		}
		seen[id] = true
	}
	for _, attribute := range []string{"for", "form", "aria-labelledby", "aria-describedby", "popovertarget", "data-eye", "data-copy"} {
		for _, s := range doc.Find("[" + attribute + "]").EachIter() {
			for id := range strings.FieldsSeq(s.AttrOr(attribute, "")) {
				if !seen[id] {
					t.Errorf("%s names %q, which is not there", attribute, id)
				}
			}
		}
	}
	for _, s := range doc.Find("button, a[href]").EachIter() {
		if saying(s) == "" && s.AttrOr("aria-label", "") == "" {
			html, _ := goquery.OuterHtml(s)
			t.Errorf("nobody can tell what this does: %s", html)
		}
	}
}

func parse(t testing.TB, body string) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(body))
	if err != nil {
		t.Fatalf("read page: %v", err)
	}
	return doc
}
