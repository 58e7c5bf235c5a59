package text

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/a-h/templ"
)

// speaking is a context whose words are those of one file, for tests of how words are chosen.
func speaking(t *testing.T, messages string) context.Context {
	t.Helper()
	all, err := read(fstest.MapFS{"en/part.toml": {Data: []byte(messages)}})
	if err != nil {
		t.Fatal(err)
	}
	return context.WithValue(t.Context(), ownKey{}, all)
}

func TestMessage_names_its_values(t *testing.T) {
	ctx := speaking(t, `[card]
owner = "Made by {{.who}}."`)
	if got := T(ctx, "part.card.owner", "who", "Ada"); got != "Made by Ada." {
		t.Errorf("got %q", got)
	}
	if got := T(ctx, "part.card.owner"); got != "part.card.owner" {
		t.Errorf("without its value it says %q, want its id", got)
	}
	if got := T(ctx, "part.card.missing"); got != "part.card.missing" {
		t.Errorf("a missing message says %q, want its id", got)
	}
}

func TestNumber_chooses_the_form_and_is_grouped(t *testing.T) {
	ctx := speaking(t, `[events]
one = "{{.n}} event"
other = "{{.n}} events"`)
	for n, want := range map[int64]string{0: "0 events", 1: "1 event", 2: "2 events", 1234567: "1,234,567 events", -1500: "-1,500 events"} {
		if got := N(ctx, "part.events", n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestForms_are_what_a_number_would_have_chosen(t *testing.T) {
	ctx := speaking(t, `[events]
one = "{{.n}} event"
other = "{{.n}} events"`)
	forms := Forms(ctx, "part.events")
	if len(forms) != 2 || forms["one"] != "{n} event" || forms["other"] != "{n} events" {
		t.Errorf("got %v", forms)
	}
}

func link(href string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, `<a href="`+templ.EscapeString(href)+`">`); err != nil {
			return err
		}
		if err := templ.GetChildren(ctx).Render(templ.ClearChildren(ctx), w); err != nil {
			return err
		}
		_, err := io.WriteString(w, "</a>")
		return err
	})
}

func drawn(t *testing.T, ctx context.Context, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRich_puts_components_into_a_sentence_and_takes_no_value_for_a_tag(t *testing.T) {
	ctx := speaking(t, `hint = "{{.who}} & co: give it the <key>address <b>and</b> key</key> <when/>."`)
	got := drawn(t, ctx, Rich(ctx, "part.hint", "who", "<key>Eve</key>", "key", link("/a?b&c"), "b", link("/b"), "when", templ.Raw("<time>now</time>")))
	want := `&lt;key&gt;Eve&lt;/key&gt; &amp; co: give it the <a href="/a?b&amp;c">address <a href="/b">and</a> key</a> <time>now</time>.`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var b strings.Builder
	if err := Rich(ctx, "part.hint", "who", "x").Render(ctx, &b); err == nil {
		t.Error("a tag without its component was drawn")
	}
}

func TestAccented_words_are_longer_and_keep_values_and_tags(t *testing.T) {
	ctx := With(speaking(t, `hint = "Made by {{.who}}: <key>see</key> {this} "`), Accented)
	got := drawn(t, ctx, Rich(ctx, "part.hint", "who", "Ada", "key", link("/")))
	if !strings.HasPrefix(got, "⟦Máðé") || !strings.Contains(got, "Ada") || !strings.Contains(got, `<a href="/">šéé</a>`) || !strings.Contains(got, "{ţhíš}") || !strings.HasSuffix(got, "⟧") {
		t.Errorf("got %s", got)
	}
	if plain := "Made by Ada: see {this} "; len([]rune(got)) < len([]rune(plain))*13/10 {
		t.Errorf("%q is hardly longer than %q", got, plain)
	}
	if got := Or(ctx, "field.name.label", "Name"); !strings.HasPrefix(got, "⟦Ñá") {
		t.Errorf("English at hand was not accented: %q", got)
	}
}

func TestLanguage_is_what_the_browser_asks_for(t *testing.T) {
	for _, test := range []struct {
		accept      string
		development bool
		want        Language
	}{
		{"", false, English}, {"de-CH,de;q=0.9", false, English}, {"en-GB", false, English}, {"en-XA", false, English},
		{"en-XA", true, Accented}, {"fr, en-XA;q=0.5", true, English}, {";;;", true, English},
	} {
		if got := Match(test.accept, test.development); got != test.want {
			t.Errorf("%q, development %v: got %s, want %s", test.accept, test.development, got, test.want)
		}
	}
}

func BenchmarkT(b *testing.B) {
	ctx := b.Context()
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			_ = T(ctx, "layout.skip")
		}
	})
	b.Run("number", func(b *testing.B) {
		for b.Loop() {
			_ = N(ctx, "layout.skip", 1234)
		}
	})
}
