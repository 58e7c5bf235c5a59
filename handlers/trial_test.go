package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/web/webtest"

	"github.com/PuerkitoBio/goquery"
)

// stepwise is a test that goes on when it is told to.
type stepwise struct {
	results chan connection.StepResult // closed: the test is over
	seen    chan connection.Connection
}

func newStepwise() stepwise {
	return stepwise{make(chan connection.StepResult), make(chan connection.Connection, 1)}
}

func (s stepwise) Probe(ctx context.Context, c connection.Connection, _ connection.Presenter, tell func(connection.StepResult)) error {
	s.seen <- c
	for {
		select {
		case r, open := <-s.results:
			if !open {
				return nil
			}
			tell(r)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func filled(more ...string) url.Values {
	return form(append([]string{"connectorId", connection.ConnectorID, "name", "North", "hostName", "tb.example.com:443", "username", "tenant@example.com",
		"password", canaryPassword}, more...)...)
}

// steps reads the steps of a test as "title word".
func steps(doc *goquery.Document) (list []string) {
	for _, s := range doc.Find(".steps .step").EachIter() {
		list = append(list, saying(s.Find(".step-line").Find(".strong"))+" "+saying(s.Find(".step-line .muted")))
	}
	return list
}

func TestTrial_is_drawn_as_it_goes(t *testing.T) {
	c := newConsole(t)
	s := newStepwise()
	c.prober.Instead = s
	b := c.Operator(access.RoleOperator)
	doc := page(t, b.Post("/connections/test", filled("name", ""), partial()...), http.StatusOK)
	address, follows := doc.Find("#trial-steps").Attr("hx-get")
	if !follows || doc.Find("progress").AttrOr("value", "") != "0" || saying(doc.Find("#trial-said")) != "The test begins." {
		t.Fatalf("the test begins with %q", saying(doc.Selection))
	}
	if tried := <-s.seen; tried.Configuration.Password != canaryPassword || tried.Name == "" {
		t.Errorf("tried is %+v", tried)
	}
	t.Run("for nobody else", func(t *testing.T) {
		if a := c.Operator(access.RoleOperator).Get(address, partial()...); a.Status != http.StatusNotFound {
			t.Errorf("another operator reads the test: %d", a.Status)
		}
	})
	next := make(chan webtest.Answer)
	go func() { next <- b.Get(address, partial()...) }()
	s.results <- connection.StepResult{Step: connection.TrialAddress, Outcome: connection.OutcomeOK, Took: 1500 * time.Microsecond, Detail: "ThingsBoard is looked for."}
	doc = page(t, <-next, http.StatusOK)
	if got := steps(doc); len(got) != 9 || got[0] != "Settings fine" || got[1] != "Name under way" || got[2] != "Port not yet" {
		t.Errorf("the steps are %q", got)
	}
	if said := saying(doc.Find(".step").First()); !strings.Contains(said, "2 ms") || !strings.Contains(said, "ThingsBoard is looked for.") {
		t.Errorf("the first step says %q", said)
	}
	if got := saying(doc.Find("#trial-said")); got != "1 of 9: Settings fine." {
		t.Errorf("said is %q", got)
	}
	address = doc.Find("#trial-steps").AttrOr("hx-get", "")
	go func() { next <- b.Get(address, partial()...) }()
	code := connection.ReasonDNSNotFound
	s.results <- connection.StepResult{Step: connection.TrialDNS, Outcome: connection.OutcomeFailed, ReasonCode: code, Reason: code.Text().Sentence, Hint: code.Text().Hint}
	doc = page(t, <-next, http.StatusOK)
	close(s.results)
	if address, follows = doc.Find("#trial-steps").Attr("hx-get"); follows {
		doc = page(t, b.Get(address, partial()...), http.StatusOK)
	}
	if _, follows := doc.Find("#trial-steps").Attr("hx-get"); follows || doc.Find("progress").Length() != 0 {
		t.Error("a test that is over goes on asking")
	}
	if got := saying(doc.Find("#trial-said")); got != "The test failed at the step “Name”: The domain name does not exist." {
		t.Errorf("said is %q", got)
	}
	failed := doc.Find(".step-bad")
	if said := saying(failed); !strings.Contains(said, "The domain name does not exist.") || !strings.Contains(said, "Check the spelling") {
		t.Errorf("the failed step says %q", said)
	}
	if failed.Find(`a[href="#hostName"]`).Length() != 1 {
		t.Error("nothing leads to the field to correct")
	}
	if len(c.store.rows) != 0 {
		t.Error("a test has stored something")
	}
}

func TestTrial_is_stopped_where_it_stands(t *testing.T) {
	c := newConsole(t)
	s := newStepwise()
	c.prober.Instead = s
	b := c.Operator(access.RoleOperator)
	doc := page(t, b.Post("/connections/test", filled(), partial()...), http.StatusOK)
	<-s.seen
	stop := button(doc, "Stop the test")
	s.results <- connection.StepResult{Step: connection.TrialAddress, Outcome: connection.OutcomeOK, Detail: "ThingsBoard is looked for."}
	if doc = page(t, b.Get(doc.Find("#trial-steps").AttrOr("hx-get", ""), partial()...), http.StatusOK); button(doc, "Stop the test").Length() != 1 {
		t.Error("the test cannot be stopped any more")
	}
	if a := c.Operator(access.RoleOperator).Post(stop.AttrOr("hx-post", ""), nil, partial()...); a.Status != http.StatusNotFound {
		t.Errorf("another operator stops it: %d", a.Status)
	}
	doc = page(t, b.Post(stop.AttrOr("hx-post", ""), nil, partial()...), http.StatusOK)
	if got := steps(doc); len(got) != 9 || got[0] != "Settings fine" || got[1] != "Name not tried" {
		t.Errorf("the steps are %q", got)
	}
	if got := saying(doc.Find("#trial-said")); got != "The test was stopped. Nothing was changed." {
		t.Errorf("said is %q", got)
	}
	if _, follows := doc.Find("#trial-steps").Attr("hx-get"); follows || doc.Find("progress, button").Length() != 0 || doc.Find("#trial-focus[tabindex]").Length() != 1 {
		t.Error("a test that was stopped goes on, or has nothing that takes the focus")
	}
}

func TestTrial_without_JavaScript_is_one_page_and_keeps_the_password(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleOperator)
	doc := page(t, b.Post("/connections/test", filled("description", "Kept words")), http.StatusOK)
	assertDocument(t, doc)
	if got := steps(doc); len(got) != 9 || got[0] != "Settings fine" || got[5] != "Sign-in fine" {
		t.Errorf("the steps are %q", got)
	}
	if seen := c.prober.Seen(); len(seen) != 1 || seen[0].Configuration.Password != canaryPassword {
		t.Errorf("tried were %+v", seen)
	}
	if labelled(doc, "Description").Text() != "Kept words" || labelled(doc, "Password").AttrOr("value", "") != "" {
		t.Error("what was typed is lost, or the password stands in the page")
	}
	again := filled("password", "")
	for _, sealed := range doc.Find(`input[type=hidden][name^="sealed-"]`).EachIter() {
		again.Set(sealed.AttrOr("name", ""), sealed.AttrOr("value", ""))
	}
	if again.Get("sealed-password") == "" {
		t.Fatal("nothing keeps the password")
	}
	t.Run("for its own person", func(t *testing.T) {
		if a := c.Operator(access.RoleOperator).Post("/connections", again); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("another person made a connection with it: %d", a.Status)
		}
	})
	if a := b.Post("/connections", again); a.Status != http.StatusSeeOther {
		t.Fatalf("answer %d: %s", a.Status, a.Body)
	}
	if got := c.store.rows[4339].Configuration.Password; got != canaryPassword {
		t.Error("the password that was kept was not stored")
	}
}

func TestTrial_names_what_is_wrong_first(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		c := newConsole(t)
		var header []string
		if scripts {
			header = partial()
		}
		doc := page(t, c.Operator(access.RoleOperator).Post("/connections/test", filled("hostName", "tb.example.com", "name", ""), header...), http.StatusUnprocessableEntity)
		links := doc.Find(".summary a")
		if links.Length() != 1 || links.AttrOr("href", "") != "#hostName" {
			t.Errorf("wrong are %q", saying(doc.Find(".summary")))
		}
		if len(c.prober.Seen()) != 0 {
			t.Error("a test was made all the same")
		}
	})
}

func TestTrial_of_a_stored_connection(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		e := newEditing(t, nil)
		e.prober.Verdict = connection.Refused
		var doc *goquery.Document
		if scripts {
			doc = page(t, e.Post(e.path+"/test", nil, partial()...), http.StatusOK)
			for range 20 {
				address, follows := doc.Find("#trial-steps").Attr("hx-get")
				if !follows {
					break
				}
				doc = page(t, e.Get(address, partial()...), http.StatusOK)
			}
		} else {
			doc = page(t, e.Post(e.path+"/test", nil), http.StatusOK)
			assertDocument(t, doc)
		}
		if got := saying(doc.Find("#trial-said")); got != "The test failed at the step “Sign-in”." {
			t.Errorf("said is %q", got)
		}
		if doc.Find(`.step-bad a[href="`+e.path+`/edit/password"]`).Length() != 1 {
			t.Errorf("nothing leads to the password: %q", saying(doc.Find(".step-bad")))
		}
		if seen := e.prober.Seen(); len(seen) != 1 || seen[0].Configuration.Password != canaryPassword {
			t.Errorf("tried were %+v", seen)
		}
	})
}

func TestTrial_is_for_those_who_may_change(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", opened(), nil)
	b := c.Operator(access.RoleViewer)
	for _, path := range []string{"/connections/test", "/connections/" + id.String() + "/test"} {
		if a := b.Post(path, filled()); a.Status != http.StatusForbidden {
			t.Errorf("%s answers a viewer %d", path, a.Status)
		}
	}
	if a := b.Get("/connections/trials/x"); a.Status != http.StatusForbidden {
		t.Errorf("the steps answer a viewer %d", a.Status)
	}
}
