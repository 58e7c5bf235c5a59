package connection_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"log"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	texttemplate "text/template"

	"boardlink/connection"

	"github.com/a-h/templ"
	jsonv2 "github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"
)

const hidden connection.Secret = "canary-4711"

// forms are the ways in which the secret may be written.
var forms = []string{"canary-4711", "63616e6172792d34373131", "Y2FuYXJ5LTQ3MTE", "63 61 6e 61", "0x63, 0x61", "99 97 110 97"}

// holder holds secrets in every place that a struct has for them.
type holder struct {
	XMLName  xml.Name `json:"-" yaml:"-"`
	Plain    connection.Secret
	Pointer  *connection.Secret
	List     []connection.Secret
	Attr     connection.Secret `xml:"attr,attr"`
	Text     connection.Secret `xml:",chardata"`
	Any      any
	Embedded inner
}

type inner struct{ Password connection.Secret }

func held() holder {
	secret := hidden
	return holder{XMLName: xml.Name{Local: "h"}, Plain: hidden, Pointer: &secret, List: []connection.Secret{hidden}, Attr: hidden, Text: hidden, Any: hidden, Embedded: inner{hidden}}
}

func TestSecret_is_masked_by_every_encoder_and_log(t *testing.T) {
	secret := hidden
	values := map[string]any{
		"plain": hidden, "pointer": &secret, "struct": held(), "pointer to struct": &inner{hidden}, "list": []connection.Secret{hidden},
		"map": map[string]connection.Secret{"a": hidden}, "array": [1]connection.Secret{hidden},
		"error": fmt.Errorf("sign in with %v, %s, %q: %w", hidden, hidden, hidden, errors.New("no")), "configuration": connection.Configuration{Password: hidden, DownlinkAsKey: hidden},
		"connection": connection.Connection{UplinkKey: hidden},
	}
	encoders := map[string]func(b *bytes.Buffer, v any) error{
		"json": func(b *bytes.Buffer, v any) error { return json.NewEncoder(b).Encode(v) },
		"json, indented": func(b *bytes.Buffer, v any) error {
			text, err := json.MarshalIndent(v, "", " ")
			b.Write(text)
			return err
		},
		"json v2": func(b *bytes.Buffer, v any) error { return jsonv2.MarshalWrite(b, v, jsonv2.Deterministic(true)) },
		"xml":     func(b *bytes.Buffer, v any) error { return xml.NewEncoder(b).Encode(v) },
		"yaml":    func(b *bytes.Buffer, v any) error { return yaml.NewEncoder(b).Encode(v) },
		"gob": func(b *bytes.Buffer, v any) error {
			gob.Register(hidden)
			return gob.NewEncoder(b).Encode(v)
		},
		"slog text": func(b *bytes.Buffer, v any) error {
			slog.New(slog.NewTextHandler(b, nil)).With("with", v).WithGroup("g").Info("said", "value", v, slog.Any("any", v))
			return nil
		},
		"slog json": func(b *bytes.Buffer, v any) error {
			slog.New(slog.NewJSONHandler(b, nil)).With("with", v).WithGroup("g").Info("said", "value", v, slog.Any("any", v))
			return nil
		},
		"log": func(b *bytes.Buffer, v any) error {
			log.New(b, "", 0).Print(v)
			log.New(b, "", 0).Printf("%+v", v)
			return nil
		},
		"text template": func(b *bytes.Buffer, v any) error {
			return texttemplate.Must(texttemplate.New("").Parse("{{.}} {{printf \"%q\" .}}")).Execute(b, v)
		},
		"html template": func(b *bytes.Buffer, v any) error {
			return template.Must(template.New("").Parse(`<a title="{{.}}" href="/?x={{.}}" onclick="f({{.}})">{{.}}</a>`)).Execute(b, v)
		},
		"errors": func(b *bytes.Buffer, v any) error {
			b.WriteString(errors.Join(fmt.Errorf("%v", v), connection.Fail(connection.CodeInvalid, "%v", v)).Error())
			return nil
		},
		"panic": func(b *bytes.Buffer, v any) (err error) {
			defer func() { fmt.Fprint(b, recover()) }()
			panic(v)
		},
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%+q", "%x", "%X", "% x", "%#x", "%d", "%08v", "%-20s", "%c", "%U", "%t", "%!"} {
		encoders["fmt "+verb] = func(b *bytes.Buffer, v any) error { fmt.Fprintf(b, verb, v); return nil }
	}
	encoders["fmt, printed"] = func(b *bytes.Buffer, v any) error { fmt.Fprint(b, v); fmt.Fprintln(b, v, v); return nil }
	for name, encode := range encoders {
		for kind, v := range values {
			var b bytes.Buffer
			err := encode(&b, v) // some cannot be encoded at all, which shows nothing either
			text := b.String()
			if err != nil {
				text += err.Error()
			}
			for _, form := range forms {
				if strings.Contains(strings.ToLower(text), strings.ToLower(form)) {
					t.Errorf("%s shows a %s: %.300s", name, kind, text)
				}
			}
			if err == nil && !strings.Contains(text, connection.Mask) && kind == "plain" && name != "fmt %!" && name != "html template" {
				t.Errorf("%s masks nothing of a %s: %s", name, kind, text)
			}
		}
	}
}

func TestSecret_is_masked_on_pages_and_in_addresses(t *testing.T) {
	text, err := templ.JoinStringErrs(hidden)
	if err != nil || text != connection.Mask {
		t.Errorf("templ gives %q, %v", text, err)
	}
	attribute, err := templ.ResolveAttributeValue(hidden)
	if err != nil || attribute != connection.Mask {
		t.Errorf("an attribute of templ is %q, %v", attribute, err)
	}
	var page bytes.Buffer
	if err := templ.RenderAttributes(context.Background(), &page, templ.Attributes{"value": hidden, "title": fmt.Sprint(hidden)}); err != nil || strings.Contains(page.String(), "canary") {
		t.Errorf("attributes of templ are %s, %v", page.String(), err)
	}
	if q := (url.Values{"key": {fmt.Sprint(hidden)}}).Encode(); strings.Contains(q, "canary") {
		t.Errorf("the query is %s", q)
	}
}

func TestSecret_is_no_argument_of_a_statement(t *testing.T) {
	var v driver.Valuer = hidden
	if got, err := v.Value(); err == nil || got != nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestSecret_shows_only_whether_there_is_one(t *testing.T) {
	for _, m := range []encoding.TextMarshaler{connection.Secret(""), connection.Secret("a"), connection.Secret(strings.Repeat("long", 100))} {
		text, err := m.MarshalText()
		want := connection.Mask
		if !m.(connection.Secret).IsSet() {
			want = ""
		}
		if err != nil || string(text) != want {
			t.Errorf("%q, %v", text, err)
		}
	}
}
