package link

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/thingpark"
	"boardlink/thingsboard"
)

// fakeMeter keeps what it was told.
type fakeMeter struct {
	mu        sync.Mutex
	published []string
	answered  []string
}

func (m *fakeMeter) Published(result string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.published = append(m.published, fmt.Sprint(result, " ", took))
}

func (m *fakeMeter) Answered(outcome string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answered = append(m.answered, outcome)
}

func (m *fakeMeter) read() (published, answered []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.published), slices.Clone(m.answered)
}

func TestMeter_is_told_how_long_each_publish_took_and_what_came_of_it(t *testing.T) {
	in(t, func(b *bench) {
		meter := &fakeMeter{}
		b.meter = meter
		said := []error{
			nil,
			&thingsboard.Error{Code: connection.ReasonThrottled, Kind: thingsboard.Throttled},
			&thingsboard.Error{Code: connection.ReasonBadPayload, Kind: thingsboard.Poison},
			context.DeadlineExceeded,
		}
		var mu sync.Mutex
		b.board.session = func(s *fakeSession) {
			s.publish = func(ctx context.Context, p published) error {
				if p.kind != "telemetry" {
					return nil
				}
				mu.Lock()
				defer mu.Unlock()
				if err := sleep(ctx, 30*time.Millisecond); err != nil {
					return err
				}
				if len(said) == 0 {
					return nil
				}
				err := said[0]
				said = said[1:]
				return err
			}
		}
		b.start()
		b.queue.put(deviceA)
		b.queue.put(deviceA)
		b.pass(5 * time.Minute)
		want := []string{"delivered 30ms", "throttled 30ms", "refused 30ms", "unanswered 30ms", "delivered 30ms"}
		if got, _ := meter.read(); !slices.Equal(got, want) {
			t.Errorf("told %q", got)
		}
	})
}

func TestMeter_is_told_what_became_of_each_command_once(t *testing.T) {
	commanding(t, func(b *bench) {
		meter := &fakeMeter{}
		b.meter = meter
		b.start()
		b.call(deviceA, 1, turnOn)
		synctest.Wait()
		b.call(deviceA, 1, turnOn) // a repeat is no second command
		synctest.Wait()
		b.call(deviceA, 2, `{"FPort": 0}`)
		synctest.Wait()
		b.fence()
		b.park.send = func(context.Context) error { return &thingpark.SendError{Outcome: thingpark.OutcomeRefused} }
		b.call(deviceA, 3, turnOn)
		synctest.Wait()
		want := []string{"queued", "invalid_command", "refused"}
		_, got := meter.read()
		if !slices.Equal(got, want) {
			t.Errorf("told %q", got)
		}
		for _, outcome := range got {
			if !slices.Contains(Outcomes(), outcome) {
				t.Errorf("%s is not among the outcomes", outcome)
			}
		}
	})
}

// A code that is not listed would be counted among others.
func TestOutcomes_list_every_code_that_an_answer_to_a_downlink_may_have(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "answers.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "code") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		if code != codeUnknownMethod && !slices.Contains(Outcomes(), code) { // what no downlink was asked for is not counted
			t.Errorf("%s is not among the outcomes", code)
		}
		return true
	})
	if found < 10 {
		t.Errorf("%d codes found", found)
	}
}
