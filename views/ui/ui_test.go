package ui_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"boardlink/views/ui"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
)

func draw(t *testing.T, c templ.Component) *goquery.Document {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func said(s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") }

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func TestRelative(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "a moment ago", 4 * time.Second: "a moment ago", 5 * time.Second: "5 seconds ago", 61 * time.Second: "1 minute ago",
		3 * time.Hour: "3 hours ago", 24 * time.Hour: "1 day ago", 800 * 24 * time.Hour: "2 years ago",
		-90 * time.Second: "in 1 minute", -500 * time.Millisecond: "a moment ago", -2 * time.Second: "in 2 seconds",
	} {
		if got := ui.Relative(t.Context(), now, now.Add(-d)); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestUntil_is_never_in_the_past(t *testing.T) {
	for d, want := range map[time.Duration]string{90 * time.Second: "in 1 minute", 0: "now", -time.Hour: "now"} {
		if got := ui.Until(t.Context(), now, now.Add(d)); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestFor(t *testing.T) {
	for d, want := range map[time.Duration]string{18 * time.Second: "for 18 seconds", 0: "for a moment", 61 * time.Minute: "for 1 hour"} {
		if got := ui.For(t.Context(), now, now.Add(-d)); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 300 * time.Microsecond: "1 ms", 25 * time.Millisecond: "25 ms", time.Second: "1 s", 2500 * time.Millisecond: "2.5 s",
		30 * time.Second: "30 s", time.Minute: "1 minute", 6 * time.Hour: "6 hours",
	} {
		if got := ui.Took(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := ui.Count(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	doc := draw(t, ui.Ago(now, now.Add(-4*time.Minute)))
	at := doc.Find("time")
	if said(at) != "4 minutes ago" || at.AttrOr("datetime", "") != "2026-11-23T09:56:00.000Z" || at.AttrOr("title", "") != "2026-11-23 09:56:00 UTC" {
		t.Errorf("drawn is %q, %q, %q", said(at), at.AttrOr("datetime", ""), at.AttrOr("title", ""))
	}
	if never := draw(t, ui.Ago(now, time.Time{})); said(never.Find(".sr-only")) != "never" {
		t.Errorf("never is told as %q", said(never.Selection))
	}
}

func TestFormField(t *testing.T) {
	for _, tc := range []struct {
		what  string
		field ui.Field
		check func(t *testing.T, doc *goquery.Document, control *goquery.Selection)
	}{
		{"names, explains and requires", ui.Field{Name: "x", Label: "Thing", Help: "What goes in.", Mandatory: true}, func(t *testing.T, doc *goquery.Document, c *goquery.Selection) {
			if said(doc.Find("label[for=x]")) != "Thing *" || c.AttrOr("aria-required", "") != "true" {
				t.Errorf("label %q, aria-required %q", said(doc.Find("label")), c.AttrOr("aria-required", ""))
			}
			if doc.Find("[aria-label='About Thing'][popovertarget=x-help]").Length() != 1 || said(doc.Find("#x-help[popover]")) != "What goes in." {
				t.Error("no help is at hand")
			}
			if c.AttrOr("aria-describedby", "") != "x-help x-error" {
				t.Errorf("described by %q", c.AttrOr("aria-describedby", ""))
			}
		}},
		{"says what is wrong", ui.Field{Name: "x", Label: "Thing", Value: "<b>", Error: "Not so."}, func(t *testing.T, doc *goquery.Document, c *goquery.Selection) {
			if c.AttrOr("aria-invalid", "") != "true" || said(doc.Find("#x-error")) != "Not so." || c.AttrOr("value", "") != "<b>" || doc.Find("b").Length() != 0 {
				t.Error("the error is not at the field, or the value is markup")
			}
		}},
		{"ticks what is valid", ui.Field{Name: "x", Label: "Thing", Valid: true}, func(t *testing.T, doc *goquery.Document, c *goquery.Selection) {
			if !c.Parent().HasClass("is-valid") || c.AttrOr("aria-invalid", "") != "" {
				t.Error("no tick")
			}
		}},
		{"hides a secret, and shows it on demand", ui.Field{Name: "x", Label: "Key", Kind: ui.KindSecret}, func(t *testing.T, doc *goquery.Document, c *goquery.Selection) {
			eye := doc.Find("button[data-eye=x]")
			if c.AttrOr("type", "") != "password" || c.AttrOr("autocomplete", "") != "new-password" || eye.AttrOr("aria-label", "") != "Show Key" || eye.AttrOr("type", "") != "button" {
				t.Error("the secret or its eye is wrong")
			}
		}},
		{"offers choices", ui.Field{Name: "x", Label: "Kind", Kind: ui.KindChoice, Value: "b", Options: []ui.Option{{Value: "a", Label: "A"}, {Value: "b", Label: "B"}}}, func(t *testing.T, doc *goquery.Document, c *goquery.Selection) {
			if c.Find("option[selected]").AttrOr("value", "") != "b" || c.Find("option").Length() != 2 {
				t.Error("the choices are wrong")
			}
		}},
		{"takes lines", ui.Field{Name: "x", Label: "Text", Kind: ui.KindLines, Value: "a\nb"}, func(t *testing.T, doc *goquery.Document, c *goquery.Selection) {
			if c.Text() != "a\nb" {
				t.Errorf("holds %q", c.Text())
			}
		}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			doc := draw(t, ui.FormField(tc.field))
			tc.check(t, doc, doc.Find("#x"))
		})
	}
	t.Run("switches", func(t *testing.T) {
		doc := draw(t, ui.FormField(ui.Field{Name: "x", Label: "Devices", Kind: ui.KindSwitch, Value: "false"}))
		if doc.Find("[role=radiogroup][aria-label=Devices] input[type=radio][name=x]").Length() != 2 {
			t.Error("the switch is no named pair")
		}
		if doc.Find("input[checked]").AttrOr("value", "") != "false" {
			t.Errorf("chosen is %q", doc.Find("input[checked]").AttrOr("value", ""))
		}
	})
}

func TestToasts(t *testing.T) {
	doc := draw(t, ui.Toasts([]ui.Toast{{Kind: ui.ToastSuccess, Title: "Done", Text: "All is well."}, {Kind: ui.ToastError, Title: "Not so"}}))
	if doc.Find("#toasts[role=status][aria-live=polite]").Length() != 1 {
		t.Error("nobody is told")
	}
	if doc.Find(".toast[data-toast]").Length() != 1 || doc.Find(".toast[role=alert]:not([data-toast])").Length() != 1 {
		t.Error("only a success leaves by itself")
	}
	if draw(t, ui.Toasts(nil)).Find("#toasts").Length() != 1 {
		t.Error("the place of messages must always be there")
	}
}

func TestBarChart(t *testing.T) {
	chart := ui.BarChart{ID: "c", Title: "Uplinks by minute", First: "Uplinks", Other: "Downlinks", Step: "From", Bars: []ui.Bar{
		{Label: "10:00", First: 40, Other: 1}, {Label: "10:01"}, {Label: "10:02", First: 20},
	}}
	doc := draw(t, chart.Draw())
	if doc.Find("svg[role=img][aria-labelledby=c-title]").Length() != 1 || said(doc.Find("#c-title")) != "Uplinks by minute" {
		t.Error("the drawing has no name")
	}
	first := doc.Find("rect.bars-first")
	if first.Length() != 2 || first.First().AttrOr("height", "") != "116" || first.Last().AttrOr("height", "") != "58" {
		t.Errorf("%d bars, the first %s high", first.Length(), first.First().AttrOr("height", ""))
	}
	if rows := doc.Find("tbody tr"); rows.Length() != 3 || said(rows.First()) != "10:00401" {
		t.Errorf("%d rows, the first %q", rows.Length(), said(rows.First()))
	}
	if doc.Find("[style]").Length() != 0 {
		t.Error("an inline style is against the policy")
	}
	chart.Apart, chart.Bars[1].Unknown = true, true
	chart.WriteOther = func(n int64) string { return ui.Count(n) + " s" }
	doc = draw(t, chart.Draw())
	if other := doc.Find("rect.bars-other"); other.Length() != 1 || other.AttrOr("height", "") != "116" {
		t.Errorf("on a scale of its own the other figure is %s high", other.AttrOr("height", ""))
	}
	if legend := said(doc.Find(".legend")); legend != "Uplinks peak 40 Downlinks peak 1 s" {
		t.Errorf("the peaks are told as %q", legend)
	}
	if row := said(doc.Find("tbody tr").Eq(1)); row != "10:01 -not known -not known" && row != "10:01-not known-not known" {
		t.Errorf("what is not known reads %q", row)
	}
	if empty := draw(t, ui.BarChart{ID: "e"}.Draw()); empty.Find("rect").Length() != 0 {
		t.Error("nothing is drawn of nothing")
	}
}

func TestDonut(t *testing.T) {
	doc := draw(t, ui.Donut{Total: 4, Unit: "connections", Slices: []ui.Slice{
		{Label: "OPENED", Count: 3, Tone: ui.ToneOK}, {Label: "CLOSED", Count: 0, Tone: ui.ToneBad}, {Label: "DEACTIVATED", Count: 1, Tone: ui.ToneOff},
	}}.Draw())
	arcs := doc.Find("circle[stroke-dasharray]")
	if arcs.Length() != 2 || !arcs.First().HasClass("stroke-ok") || arcs.Last().AttrOr("stroke-dashoffset", "") != "-75" {
		t.Errorf("%d arcs, the last from %q", arcs.Length(), arcs.Last().AttrOr("stroke-dashoffset", ""))
	}
	if one := draw(t, ui.Donut{Total: 1, Slices: []ui.Slice{{Count: 1, Tone: ui.ToneBad}}}.Draw()); one.Find("circle[stroke-dasharray]").AttrOr("stroke-dasharray", "") != "100 100" {
		t.Error("a whole has no gap")
	}
	if none := draw(t, ui.Donut{}.Draw()); none.Find("circle[stroke-dasharray]").Length() != 0 {
		t.Error("nothing is divided into nothing")
	}
}
