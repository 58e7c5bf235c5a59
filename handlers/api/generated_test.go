package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/operation"
	"boardlink/operation/operationtest"
	"boardlink/web"
	"boardlink/web/webtest"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described is one operation of the document.
type described struct {
	method, path string
	parameters   []map[string]any
	bodies       map[string]any // by content type
	responses    map[string]any // by status
	person       bool           // only sessions may
}

// contract is the OpenAPI document as a client reads it.
type contract struct {
	operations []described
	schemas    map[string]any
	compiler   *jsonschema.Compiler
}

func readContract(t *testing.T, w *world) *contract {
	t.Helper()
	text := w.do("GET", "/api/openapi.json", "").Body
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{compiler: jsonschema.NewCompiler()}
	if err := c.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	var whole struct {
		Paths map[string]map[string]struct {
			Parameters  []map[string]any
			RequestBody struct{ Content map[string]any }
			Responses   map[string]any
			Security    []map[string]any
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatal(err)
	}
	c.schemas = whole.Components.Schemas
	for path, item := range whole.Paths {
		for method, op := range item {
			person := len(op.Security) == 1 && op.Security[0]["session"] != nil
			c.operations = append(c.operations, described{strings.ToUpper(method), path, op.Parameters, op.RequestBody.Content, op.Responses, person})
		}
	}
	slices.SortFunc(c.operations, func(a, b described) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	return c
}

// inquiry is a request that was made up.
type inquiry struct {
	method, path, body string
	header             []string
	stray              bool // it has a parameter that the document does not know
}

// inquire makes a request of an operation: fitting, or with something wrong in it.
func (g *generator) inquire(op described, id string) inquiry {
	g.marks = nil
	wrong := g.chance(2)
	value := func(schema any) any {
		v := g.value(schema.(map[string]any))
		if wrong && g.chance(2) {
			return g.spoil(v)
		}
		return v
	}
	if g.chance(12) {
		id = pick(g, []string{"0", "777", "01", "-1", g.mark(), "99999999999999999999", "%00", "%F0%9F%92%A9"})
	}
	q := inquiry{method: op.method, path: web.Base + strings.ReplaceAll(op.path, "{id}", id)}
	query := url.Values{}
	for _, p := range op.parameters {
		name, _ := p["name"].(string)
		switch {
		case p["in"] == "query" && g.chance(3):
			for _, text := range plainTexts(value(p["schema"])) {
				query.Add(name, text[:min(len(text), 1000)]) // net/http itself answers where a header is too large
			}
		case p["in"] == "header" && g.chance(3):
			q.header = append(q.header, name, pick(g, []string{`"1"`, `"2"`, "*", `W/"1"`, `"a", "1"`, g.mark(), `"`}))
		}
	}
	if g.chance(10) {
		query.Add(g.mark()+"-name", g.mark())
		q.stray = true
	}
	if len(query) > 0 {
		q.path += "?" + query.Encode()
	}
	for _, kind := range sortedNames(op.bodies) {
		media := op.bodies[kind].(map[string]any)
		q.header = append(q.header, "Content-Type", kind)
		made := value(media["schema"])
		if shown := examplesOf(media); len(shown) > 0 && !wrong && g.chance(3) {
			made = pick(g, shown) // what the document shows must go well
		}
		if object, ok := made.(map[string]any); ok && op.method == "PUT" && !g.chance(4) {
			object["id"] = id // which connection is meant may stand in the body
		}
		body, err := json.Marshal(made)
		if err != nil {
			panic(err) // values are JSON's own
		}
		q.body = string(body)
		if wrong && g.chance(8) {
			q.body = pick(g, []string{q.body[:len(q.body)/2], "[]", "null", "", "\xff\xfe", strings.Repeat("[", 20_000), `{"a":1,"a":2}`, `"` + g.mark() + `"`})
		}
		if g.chance(2) {
			break
		}
	}
	if wrong && g.chance(10) {
		q.header = append(q.header, "Content-Type", pick(g, []string{"text/plain", "application/xml", "application/json; charset=latin1", "multipart/form-data", "/", g.mark()}))
	}
	if g.chance(10) {
		q.header = append(q.header, "Accept", pick(g, []string{"text/event-stream", "text/html", "application/xml", "*/*;q=0"}))
	}
	return q
}

// examplesOf gives the bodies that the document shows.
func examplesOf(media map[string]any) []any {
	if one, ok := media["example"]; ok {
		return []any{one}
	}
	var all []any
	several, _ := media["examples"].(map[string]any)
	for _, name := range sortedNames(several) {
		all = append(all, several[name].(map[string]any)["value"])
	}
	return all
}

// plainTexts writes a value as a query has it.
func plainTexts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, plainTexts(one)...)
		}
		return all
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // values are JSON's own
	}
	return []string{string(text)}
}

// judge gives what is wrong with an answer, "" where it is as the document says.
func (c *contract) judge(op described, got webtest.Answer, marks []string) string {
	status := strconv.Itoa(got.Status)
	response, named := op.responses[status].(map[string]any)
	if !named {
		status = "default"
		response, _ = op.responses["default"].(map[string]any)
	}
	switch {
	case got.Status >= 500:
		return "it broke"
	case !named && got.Status < 400:
		return "the status is in no document"
	}
	if got.Status >= 400 {
		told := got.Body
		for _, values := range got.Header {
			told += "\n" + strings.Join(values, "\n")
		}
		for _, mark := range marks {
			if strings.Contains(strings.ReplaceAll(told, mark+"-name", ""), mark) {
				return "it repeats what was sent"
			}
		}
	}
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if got.Body != "" {
			return "a body is in no document"
		}
		return ""
	}
	kind, _, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if _, ok := content[kind]; err != nil || !ok {
		return "the content type " + kind + " is in no document"
	}
	if kind == "text/event-stream" || kind == "text/plain" {
		return ""
	}
	pointer := strings.NewReplacer("~", "~0", "/", "~1")
	schema, err := c.compiler.Compile("openapi.json#/paths/" + pointer.Replace(op.path) + "/" + strings.ToLower(op.method) +
		"/responses/" + status + "/content/" + pointer.Replace(kind) + "/schema")
	if err != nil {
		return "the schema cannot be read: " + err.Error()
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(got.Body))
	if err != nil {
		return "the body is no JSON"
	}
	if err := schema.Validate(value); err != nil {
		return err.Error()
	}
	return ""
}

// populated is a world with a connection, events, devices and parked events.
func populated(t *testing.T) *world {
	t.Helper()
	w := withOnce(t, remembering(t, filepath.Join(t.TempDir(), "boardlink.db"), time.Now))
	w.create()
	at := operationtest.Now
	w.Store.AddDevices(connection.Device{ConnectionID: 1, DevEUI: "20635F0108000E09", Name: "Meter", LastUplinkAt: at, Uplinks: 3})
	w.Store.AddMinutes(connection.Minute{ConnectionID: 1, Start: at.Truncate(time.Minute), Uplinks: 3})
	w.Store.AddEvent(connection.Event{Time: at, Level: connection.LevelWarning, Kind: connection.KindUpdated, Actor: connection.System, ConnectionID: 1, DevEUI: "20635F0108000E09", Message: "Something"})
	for i := range int64(5) {
		w.Parked.Add(1, connection.ParkedEvent{ID: firstParked + i, DevEUI: "20635F0108000E09", Kind: "DevEUI_uplink", ReceivedAt: at, Attempts: 3, Document: []byte(`{"a": 1}`)})
	}
	return w
}

// anyConnection gives the id of a connection, which is made where there is none.
func (w *world) anyConnection() string {
	w.t.Helper()
	list, _, err := w.List(w.t.Context(), operation.Filter{Limit: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(list) == 0 {
		v, err := w.Create(w.t.Context(), "ann@example.com", operationtest.Valid())
		if err != nil {
			w.t.Fatal(err)
		}
		list = []operation.View{v}
	}
	id := list[0].Connection.ID
	w.uplinks.mu.Lock()
	defer w.uplinks.mu.Unlock()
	w.uplinks.keys[id] = "uplink-key-" + id.String()
	return id.String()
}

// glimpse asks for a stream and reads its beginning, or the whole of a refusal.
func (w *world) glimpse(path string, header []string) webtest.Answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.site.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	read := bufio.NewReader(resp.Body)
	var told strings.Builder
	for {
		line, err := read.ReadString('\n')
		told.WriteString(line)
		if err != nil || resp.StatusCode == http.StatusOK && line == "\n" { // the first event ends
			return webtest.Answer{Status: resp.StatusCode, Header: resp.Header, Body: told.String()}
		}
	}
}

// anotherSession signs a person in elsewhere and gives that session's id.
func (w *world) anotherSession(b *webtest.Browser) string {
	w.t.Helper()
	b.Elsewhere()
	list, err := w.site.Rows.SessionsOf(w.t.Context(), b.Who.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return strconv.FormatInt(list[0].ID, 10)
}

// anyKey gives the id of an API key, which is made where there is none.
func (w *world) anyKey() string {
	w.t.Helper()
	list, _, err := w.site.Keys.List(w.t.Context(), 0, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(list) == 0 {
		w.site.KeyFor(access.ScopeRead)
		return w.anyKey()
	}
	return strconv.FormatInt(list[0].ID, 10)
}

// TestGenerated_requests_are_answered_as_the_document_says makes requests from the OpenAPI document, fitting ones and wrong
// ones, and holds the answers against it: nothing breaks, no status and no content type is undocumented, every body fits
// its schema, and no refusal repeats a value that was sent. BOARDLINK_SEED repeats a run, BOARDLINK_ROUNDS makes it longer.
func TestGenerated_requests_are_answered_as_the_document_says(t *testing.T) {
	seed := seedOf(t)
	rounds := 8
	if n, err := strconv.Atoi(os.Getenv("BOARDLINK_ROUNDS")); err == nil {
		rounds = n
	}
	statuses, seen := map[int]int{}, map[string]map[int]bool{}
	for round := range rounds {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(round)))}
			w := populated(t)
			c := readContract(t, w)
			g.schemas = c.schemas
			client, person := w.site.Visitor(), w.site.Operator(access.RoleAdmin) // one connection for all
			for range 15 {
				for _, op := range c.operations {
					id := w.anyConnection()
					switch {
					case strings.HasPrefix(op.path, "/sessions/{id}"):
						id = w.anotherSession(person)
					case strings.HasPrefix(op.path, "/keys/"):
						id = w.anyKey()
					case strings.HasPrefix(op.path, "/users/"):
						id = w.anyPerson()
					}
					q := g.inquire(op, id)
					asker, header := client, append([]string{"Authorization", "Bearer " + webtest.Key}, q.header...)
					if op.person {
						asker, header = person, q.header
					}
					var got webtest.Answer
					if op.path == "/stream" {
						got = w.glimpse(q.path, header)
					} else {
						got = asker.Do(q.method, q.path, q.body, header...)
					}
					statuses[got.Status]++
					name := op.method + " " + op.path
					if seen[name] == nil {
						seen[name] = map[int]bool{}
					}
					seen[name][got.Status/100] = true
					wrong := c.judge(op, got, g.marks)
					if q.stray && got.Status < 400 && !strings.HasSuffix(op.path, "/uplinks") { // ThingPark adds its own
						wrong = "a parameter that nobody knows was ignored"
					}
					if wrong != "" {
						t.Errorf("%s: %s %.300s %.600q\nanswered %d %.600s\n%s", name, q.method, q.path, q.body, got.Status, got.Body, wrong)
					}
				}
			}
		})
	}
	t.Logf("answers by status: %v", statuses)
	for name, classes := range seen {
		if !classes[http.StatusOK/100] {
			t.Errorf("%s never went well: the test looks at too little", name)
		}
	}
}

// TestTheJudge_finds_what_is_wrong holds answers that are wrong against the document: a test that finds nothing must not be
// one that cannot.
func TestTheJudge_finds_what_is_wrong(t *testing.T) {
	w := populated(t)
	c := readContract(t, w)
	var op described
	for _, o := range c.operations {
		if o.method == "GET" && o.path == "/connections/{id}" {
			op = o
		}
	}
	right := w.do("GET", "/connections/1", "")
	if wrong := c.judge(op, right, nil); wrong != "" {
		t.Fatalf("what is right is found wrong: %s", wrong)
	}
	problem := w.do("GET", "/connections/2", "")
	for name, change := range map[string]func(a *webtest.Answer){
		"it broke":           func(a *webtest.Answer) { *a = problem; a.Status = 500 },
		"no document":        func(a *webtest.Answer) { a.Status = 202 },
		"content type":       func(a *webtest.Answer) { a.Header = http.Header{"Content-Type": {"text/plain"}} },
		"no JSON":            func(a *webtest.Answer) { a.Body = "{" },
		"additional":         func(a *webtest.Answer) { a.Body = strings.Replace(a.Body, "{", `{"colour":1,`, 1) },
		"repeats":            func(a *webtest.Answer) { *a = problem; a.Body = strings.Replace(a.Body, "There", "zq1", 1) },
		"repeats what was":   func(a *webtest.Answer) { *a = problem; a.Header = a.Header.Clone(); a.Header.Set("X", "zq1") },
		"missing properties": func(a *webtest.Answer) { a.Body = `{"id":"1"}` },
	} {
		a := right
		change(&a)
		if wrong := c.judge(op, a, []string{"zq1"}); !strings.Contains(wrong, name) {
			t.Errorf("want %q, found %q", name, wrong)
		}
	}
}
