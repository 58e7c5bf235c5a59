package thingpark

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// Documents that are made to cost much are refused, or read in no more time than others of their length.
func TestParse_is_not_hurt_by_bombs(t *testing.T) {
	with := func(members string) string { return `{"DevEUI_uplink":{"DevEUI":"A1B2C3D4E5F60718",` + members + `}}` }
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		body string
		says string // "": it is taken
	}{
		"deep objects":                    {with(`"a":` + strings.Repeat(`{"a":`, 40_000) + "1" + strings.Repeat("}", 40_000)), "nests"},
		"deep arrays":                     {with(`"a":` + strings.Repeat("[", 120_000) + strings.Repeat("]", 120_000)), "nests"},
		"deep and never closed":           {strings.Repeat("[", MaxBody), "nests"},
		"brackets in a text":              {with(`"a":"` + strings.Repeat("[", 60_000) + `"`), ""},
		"brackets after an escaped quote": {with(`"a":"\"` + strings.Repeat("[", 60_000) + `"`), ""},
		"many members":                    {with(many(20_000, `"m%d":1`)), "members"},
		"many members in the payload":     {with(`"payload":{` + many(20_000, `"m%d":1`) + `}`), "members"},
		"many members in many objects":    {with(`"a":[` + many(20_000, `{"a":%d}`) + `]`), "members"},
		"as many as there may be":         {with(many(MaxNames-2, `"m%d":1`)), ""},
		"one more":                        {with(many(MaxNames-1, `"m%d":1`)), "members"},
		"colons in a text":                {with(`"a":"` + strings.Repeat(":", 60_000) + `"`), ""},
		"a long text":                     {with(`"a":"` + strings.Repeat("x", 200_000) + `"`), ""},
		"a long name":                     {with(`"` + strings.Repeat("x", 200_000) + `":1`), ""},
		"a text of escapes":               {with(`"a":"` + strings.Repeat(`\u0041`, 20_000) + `"`), ""},
		"a text without an end":           {`{"DevEUI_uplink":{"a":"` + strings.Repeat("x", 200_000), "JSON"},
		"many elements":                   {with(`"a":[` + many(30_000, "%d") + `]`), ""},
		"names that collide in case":      {with(many(2000, `"M%d":1`) + "," + many(2000, `"m%d":1`)), "upper and lower case"},
		"a long number":                   {with(`"a":` + strings.Repeat("9", 200_000)), ""},
		"a long fraction":                 {with(`"a":0.` + strings.Repeat("3", 200_000)), ""},
		"a big exponent":                  {with(`"a":1e1000000`), ""},
		"a long exponent":                 {with(`"a":1e` + strings.Repeat("9", 200_000)), ""},
		"a small exponent":                {with(`"a":-1E-1000000000`), ""},
		"a big exponent for a counter":    {with(`"FCntUp":1e1000000`), "FCntUp"},
		"a long number for a counter":     {with(`"FCntUp":` + strings.Repeat("9", 200_000)), "FCntUp"},
		"a long time":                     {with(`"Time":"` + strings.Repeat("2", 60_000) + `"`), "Time"},
		"a time of many fractions":        {with(`"Time":"2026-03-01T10:20:30.` + strings.Repeat("4", 60_000) + `Z"`), ""},
		"blanks":                          {strings.Repeat(" ", 200_000) + with(`"a":1`), ""},
		"nothing but blanks":              {strings.Repeat("\n", 200_000), "valid JSON"},
		"bytes of zero":                   {strings.Repeat("\x00", 200_000), "valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			d, err := Parse([]byte(c.body))
			if took := time.Since(start); took > 5*time.Second { // some milliseconds, on a machine that has nothing else to do
				t.Errorf("it took %v", took)
			}
			if c.says == "" && err != nil || c.says != "" && (connection.CodeOf(err) != connection.CodeInvalid || !strings.Contains(err.Error(), c.says)) {
				t.Fatalf("got %.200v, want it to say %q", err, c.says)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("the refusal has %d bytes", len(err.Error()))
			}
			for _, m := range d.Members {
				if n, ok := Number(m.Value); ok && len(n) > maxNumber {
					t.Errorf("a number of %d characters is taken for one", len(n))
				}
			}
		})
	}
}

// A document within a text, as "JSON untyped" writes it, has the same limits.
func TestObject_has_the_limits_of_a_document(t *testing.T) {
	for name, inner := range map[string]string{
		"deep": strings.Repeat(`{\"a\":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1),
		"wide": `{` + strings.Repeat(`\"a\":1,`, MaxNames+1) + `\"b\":1}`,
	} {
		if members := Object([]byte(`"` + inner + `"`)); members != nil {
			t.Errorf("%s: %d members", name, len(members))
		}
	}
	if members := Object([]byte(`"{\"name\":\"x\"}"`)); len(members) != 1 {
		t.Error("a plain one is not read")
	}
}
