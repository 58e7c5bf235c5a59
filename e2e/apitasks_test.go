//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"
)

// block is a fenced block of a document.
type block struct {
	heading, language, text string
	line                    int
}

// blocks reads the fenced blocks of a Markdown document.
func blocks(document string) []block {
	var all []block
	heading, open := "", false
	for i, line := range strings.Split(document, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open:
			open = false
		case isFence:
			open = true
			all = append(all, block{heading: heading, language: fence, line: i + 1})
		case open:
			all[len(all)-1].text += line + "\n"
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimPrefix(line, "## ")
		}
	}
	return all
}

// shell runs blocks one after the other; what they export stays.
type shell struct {
	t   *testing.T
	env string // file
}

func (s *shell) run(script string) []byte {
	s.t.Helper()
	whole := fmt.Sprintf("[ ! -f '%[1]s' ] || . '%[1]s'\n%[2]s\nexport -p >'%[1]s'\n", s.env, script)
	cmd := exec.CommandContext(s.t.Context(), "bash", "-euo", "pipefail", "-c", whole)
	cmd.Env = cleanEnvironment()
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		s.t.Fatalf("%s\nended with %v: %s%s", script, err, out.String(), complaints.String())
	}
	return out.Bytes()
}

// more stands for the members that a document leaves out.
const more = "…"

// sameShape compares what a document shows with what was answered: the same members, values of the same kind, and lists
// alike in their first item. Only a member "…" stands for others.
func sameShape(path string, shown, got any) error {
	switch shown := shown.(type) {
	case map[string]any:
		answer, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: an object is shown, answered was %T", path, got)
		}
		for name, value := range shown {
			if name == more {
				continue
			}
			member, ok := answer[name]
			if !ok {
				return fmt.Errorf("%s.%s is shown and was not answered", path, name)
			}
			if err := sameShape(path+"."+name, value, member); err != nil {
				return err
			}
		}
		_, open := shown[more]
		for name := range answer {
			if _, ok := shown[name]; !ok && !open {
				return fmt.Errorf("%s.%s was answered and is not shown", path, name)
			}
		}
	case []any:
		answer, ok := got.([]any)
		if !ok || len(shown) == 0 != (len(answer) == 0) {
			return fmt.Errorf("%s: a list of %d is shown, answered was %v", path, len(shown), got)
		}
		if len(shown) > 0 {
			return sameShape(path+"[0]", shown[0], answer[0])
		}
	default:
		name := path[strings.LastIndexByte(path, '.')+1:]
		kind := fmt.Sprintf("%T", shown) == fmt.Sprintf("%T", got)
		if !kind || slices.Contains(told, name) && shown != got {
			return fmt.Errorf("%s: %v is shown, answered was %v", path, shown, got)
		}
	}
	return nil
}

// told are members of which the document shows the very value that is answered.
var told = []string{"title", "status", "detail", "reasonCode", "affected", "accepted", "version", "uplinkTimeValidity", "password", "downlinkAsKey"}

// TestTheTasksOfTheDocument runs every line of docs/api.md against the program and a ThingsBoard, and compares the answers
// with what the document shows.
func TestTheTasksOfTheDocument(t *testing.T) {
	raw, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	const refused = "20635F0108000E0A" // as the document shows
	tb, env := startSandbox(t, sandbox.Options{})
	tb.Set(func(b *sandbox.Behaviour) {
		b.Judge = func(p sandbox.Publish) sandbox.Verdict {
			if p.Topic == "v1/gateway/telemetry" && bytes.Contains(p.Payload, []byte(refused)) {
				return sandbox.Verdict{Code: 0x99} // Payload format invalid
			}
			return sandbox.Verdict{}
		}
	})
	var posted atomic.Int64
	park := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(append(body, r.URL.RawQuery...), []byte("01ff")) {
			posted.Add(1)
		}
		_, _ = io.WriteString(w, "<html><body>Request queued by LRC</body></html>")
	}))
	t.Cleanup(park.Close)
	p := newProgram(t, env...)
	p.start()
	here := map[string]string{
		"https://thingpark.example.com/":  park.URL + "/",
		"BOARDLINK=http://localhost:8080": "BOARDLINK=" + p.base, "KEY=the-key-that-you-gave-to-boardlink": "KEY=" + apiKey,
		"thingsboard.example.com:443": tb.HTTPAddr(), "the-password-of-the-account": tenantPassword, "tenant@example.com": tenant,
	}
	sh := &shell{t: t, env: filepath.Join(t.TempDir(), "env")}
	tasks, compared := map[string]bool{}, 0
	var answer []byte
	for _, b := range blocks(string(raw)) {
		switch b.language {
		case "sh":
			if strings.HasPrefix(b.heading, "5.") && !tasks[b.heading] {
				if status := p.post(http.DefaultClient, "1", uplinkOf(refused, 1, time.Now())); status != http.StatusOK {
					t.Fatalf("an uplink was answered %d", status)
				}
				p.await("park it", func() bool { return p.resource("1")["status"].(map[string]any)["parked"] == 1.0 })
			}
			tasks[b.heading] = true
			script := b.text
			for from, to := range here {
				script = strings.ReplaceAll(script, from, to)
			}
			answer = sh.run(script)
			lookout.look(strings.TrimPrefix(p.base, "http://"), fmt.Sprintf("the answer to line %d of the document", b.line), answer)
			if strings.Contains(script, "Idempotency-Key") && !bytes.Equal(answer, sh.run(script)) {
				t.Errorf("line %d of the document: sent again it is answered otherwise", b.line)
			}
		case "json":
			var shown, got any
			if err := json.Unmarshal([]byte(b.text), &shown); err != nil {
				t.Fatalf("line %d of the document: %v", b.line, err)
			}
			if err := json.Unmarshal(answer, &got); err != nil {
				t.Fatalf("line %d of the document: the answer is %q", b.line, answer)
			}
			if err := sameShape("answer", shown, got); err != nil {
				t.Errorf("line %d of the document: %v", b.line, err)
			}
			compared++
		default:
			t.Errorf("line %d of the document: a block of %q is not looked at", b.line, b.language)
		}
	}
	if len(tasks) != 8 || compared < 10 { // what comes before the first task, and seven
		t.Errorf("the document has %d parts with commands, %d answers were compared", len(tasks), compared)
	}
	if d, ok := tb.Device("20635F0108000E09"); !ok || d.Received == 0 {
		t.Error("ThingsBoard has nothing of the document's uplink")
	}
	if n := posted.Load(); n != 1 {
		t.Errorf("the document's downlink, sent twice with one key, was posted %d times", n)
	}
}
