package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"

	"github.com/PuerkitoBio/goquery"
)

// What a form shows as the default is what the code takes where nothing is typed, and what it shows as an example would do.
func TestCreate_form_shows_the_defaults_and_examples_of_the_code(t *testing.T) {
	c := newConsole(t)
	doc := page(t, c.Operator(access.RoleOperator).Get("/connections/new"), http.StatusOK)
	defaults := connection.Connection{ConnectorID: connection.ConnectorID, Active: true, Configuration: connection.DefaultConfiguration()}
	for _, f := range connection.Fields {
		input := doc.Find("form [name='" + f.Name + "']")
		if input.Length() == 0 {
			continue // the form takes it in fields of its own
		}
		if got, want := valueOf(input), f.Get(&defaults); got != want {
			t.Errorf("%s is %q in the form, %q in the code", f.Name, got, want)
		}
		placeholder := input.AttrOr("placeholder", "")
		if placeholder == "" || placeholder == "Write here..." || f.Control == connection.ControlMultiline {
			continue
		}
		example := defaults
		example.Name, example.Configuration.HostName, example.Configuration.Username, example.Configuration.Password = "A name", "tb.example.com:443", "a@example.com", "secret"
		example.Configuration.DownlinkAsID, example.Configuration.DownlinkAsKey = "TWA_1.1.AS", connection.Secret(strings.Repeat("0", 32))
		example.Configuration.DownlinkURL = "https://thingpark.example.com"
		if wrong := f.Set(&example, placeholder); wrong != "" {
			t.Errorf("%s: the example %q cannot be read: %s", f.Name, placeholder, wrong)
		}
		for _, wrong := range connection.Validate(example) {
			t.Errorf("%s: the example %q is refused: %s %s", f.Name, placeholder, wrong.Path, wrong.Message)
		}
	}
}

// valueOf is what a browser would send of a control that nobody touched.
func valueOf(input *goquery.Selection) string {
	switch {
	case input.Is("select"):
		return input.Find("option[selected]").AttrOr("value", "")
	case input.Is("[type=radio]"):
		return input.Filter("[checked]").AttrOr("value", "")
	case input.Is("[type=checkbox]"):
		if _, on := input.Attr("checked"); on {
			return "true"
		}
		return "false"
	case input.Is("textarea"):
		return input.Text()
	}
	return input.AttrOr("value", "")
}

func TestList_that_matches_nothing_says_so_and_leads_back(t *testing.T) {
	c := newConsole(t)
	fixtures(c)
	b := c.Operator(access.RoleOperator)
	for _, query := range []string{"q=nothing-like-this", "q=nothing-like-this&state=CLOSED", "q=%25_"} {
		doc := page(t, b.Get("/connections?"+query), http.StatusOK)
		if said := text(doc); !strings.Contains(said, "No connection matches") || doc.Find("tbody tr").Length() != 0 {
			t.Errorf("%s: the page says %q", query, said)
		}
		back := doc.Find("#connection-list a").FilterFunction(func(_ int, a *goquery.Selection) bool { return saying(a) == "Clear filter" })
		if page(t, b.Get(back.AttrOr("href", "")), http.StatusOK).Find("tbody tr").Length() == 0 {
			t.Errorf("%s: the filter was not cleared by %s", query, back.AttrOr("href", ""))
		}
	}
}
