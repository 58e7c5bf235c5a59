package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"

	"github.com/PuerkitoBio/goquery"
)

const validity = "uplinkTimeValidity"

// picker reads the number and the chosen unit of the control for durations.
func picker(doc *goquery.Document) string {
	return doc.Find("#"+validity).AttrOr("value", "") + "|" + doc.Find(`select[name="`+validity+`-unit"] option[selected]`).AttrOr("value", "")
}

// typedDurations are what can be sent of a duration, what it makes, and the picker after a refusal. unit "" is a form that
// has no choice of units.
var typedDurations = []struct {
	number, unit string
	stored       connection.Duration
	again        string // the picker where it was refused, "" where it is taken
}{
	{"72", "h", "72h", ""},
	{" 30 ", "s", "30s", ""},
	{"007", "d", "7d", ""},
	{"72h", "", "72h", ""},  // one text, as programs send it
	{"90m", "d", "90m", ""}, // the unit that was typed counts
	{"", "d", "", ""},       // no number: never
	{"366", "d", "", "366|d"},
	{"0", "s", "", "0|s"},
	{"1.5", "h", "", "1.5|h"},
	{"-5", "m", "", "-5|m"},
	{"soon", "m", "", "soon|m"},
	{"bad", "s", "", "bad|s"},
	{"3", "w", "", "3|"},
	{"soon", "", "", "soon|h"},
	{"5", "", "", "5|h"},
}

const badDuration = "Write one number and one unit (s, m, h or d), from 1s to 365d: 90m or 3d, for example."

func TestDuration_of_a_new_connection_is_a_number_and_a_unit(t *testing.T) {
	c := newConsole(t)
	b := c.Operator(access.RoleOperator)
	doc := page(t, b.Get("/connections/new?type="+connection.ConnectorID), http.StatusOK)
	if got := picker(doc); got != "|h" {
		t.Errorf("the form begins with %q", got)
	}
	made := connection.ID(4338)
	for _, tc := range typedDurations {
		f := filled(validity, tc.number)
		if tc.unit != "" {
			f.Set(validity+"-unit", tc.unit)
		}
		a := b.Post("/connections", f)
		if tc.again == "" {
			made++
			if got := c.store.rows[made].Configuration.UplinkTimeValidity; a.Status != http.StatusSeeOther || got != tc.stored {
				t.Errorf("%q %q: answer %d, stored is %q", tc.number, tc.unit, a.Status, got)
			}
			continue
		}
		doc := page(t, a, http.StatusUnprocessableEntity)
		if got := picker(doc); got != tc.again {
			t.Errorf("%q %q comes back as %q", tc.number, tc.unit, got)
		}
		if got := saying(doc.Find("#" + validity + "-error")); got != badDuration {
			t.Errorf("%q %q: the field says %q", tc.number, tc.unit, got)
		}
		if checked := b.Post("/connections/check", f); !strings.Contains(checked.Body, badDuration) {
			t.Errorf("%q %q: the check answers %s", tc.number, tc.unit, checked.Body)
		}
	}
}

func TestDuration_is_edited_as_a_number_and_a_unit(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		header := partial()
		if !scripts {
			header = nil
		}
		for _, tc := range typedDurations {
			e := newEditing(t, func(c *connection.Connection) { c.Configuration.UplinkTimeValidity = "5m" })
			doc := page(t, e.Get(e.path+"/edit/"+validity, header...), http.StatusOK)
			if got := picker(doc); got != "5|m" {
				t.Fatalf("the editor holds %q", got)
			}
			f := form("version", "1", "step", "ask", validity, tc.number)
			if tc.unit != "" {
				f.Set(validity+"-unit", tc.unit)
			}
			a := e.send(scripts, validity, f)
			if tc.again == "" {
				if got := e.stored().UplinkTimeValidity; got != tc.stored || a.Status >= http.StatusBadRequest {
					t.Errorf("%q %q: answer %d, stored is %q", tc.number, tc.unit, a.Status, got)
				}
				continue
			}
			doc = page(t, a, http.StatusUnprocessableEntity)
			if got := picker(doc); got != tc.again {
				t.Errorf("%q %q comes back as %q", tc.number, tc.unit, got)
			}
			if got := saying(doc.Find("#" + validity + "-error")); got != badDuration || e.stored().UplinkTimeValidity != "5m" {
				t.Errorf("%q %q: the field says %q, stored is %q", tc.number, tc.unit, got, e.stored().UplinkTimeValidity)
			}
		}
	})
}

func TestDuration_of_a_stale_edit_is_kept_whole(t *testing.T) {
	e := newEditing(t, func(c *connection.Connection) { c.Configuration.UplinkTimeValidity = "5m" })
	row := e.store.rows[e.id]
	row.Version = 2
	e.store.rows[e.id] = row
	doc := page(t, e.send(true, validity, form("version", "1", "step", "ask", validity, "3", validity+"-unit", "d")), http.StatusConflict)
	if said := saying(doc.Find(".clash .facts")); said != "Stored now5mYours3d" {
		t.Errorf("the panel says %q", said)
	}
	if a := e.send(true, validity, form("version", "2", "step", "ask", validity, hidden(doc, validity))); a.Status != http.StatusOK || e.stored().UplinkTimeValidity != "3d" {
		t.Errorf("applying mine on top: %d, stored is %q", a.Status, e.stored().UplinkTimeValidity)
	}
}
