package operation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/operation/operationtest"
)

// trialWorld is a world in which connection 1 is stored, with a clock that the test sets.
func trialWorld(t *testing.T) (*operationtest.World, *time.Time) {
	t.Helper()
	now := operationtest.Now
	w := operationtest.New(func() time.Time { return now })
	if _, err := w.Create(t.Context(), "ann@example.com", operationtest.Valid()); err != nil {
		t.Fatal(err)
	}
	return w, &now
}

// unsaved is a connection that nobody has stored.
func unsaved() connection.Connection {
	c := operationtest.Valid()
	c.Configuration.Username = "other@example.com"
	return c
}

// stored gives connection 1 with changes, for a test that keeps its secrets.
func stored(t *testing.T, w *operationtest.World, change ...func(*connection.Configuration)) connection.Connection {
	t.Helper()
	v, err := w.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	c := v.Connection
	c.Configuration.Password = connection.Mask // as a program sends it
	for _, f := range change {
		f(&c.Configuration)
	}
	return c
}

var keepAll = operation.Secrets{Password: true, DownlinkAsKey: true}

func withheld(r operation.Report) string {
	for _, s := range r.Steps {
		if s.Step == connection.TrialSignIn && s.Outcome == connection.OutcomeSkipped {
			return s.Reason
		}
	}
	return ""
}

func TestTry_tells_each_step_and_stores_nothing(t *testing.T) {
	w, _ := trialWorld(t)
	w.Links.Reconciled()
	events := len(w.Store.AllEvents())
	var told []connection.StepResult
	report, err := w.Try(t.Context(), "ann@example.com", unsaved(), func(r connection.StepResult) { told = append(told, r) })
	if err != nil || !report.OK || len(report.Steps) != 2 || !slices.Equal(stepsOf(told), stepsOf(report.Steps)) {
		t.Errorf("%+v, %v, told %v", report, err, told)
	}
	if all, _ := w.Store.Connections(t.Context()); len(all) != 1 || len(w.Store.AllEvents()) != events || len(w.Links.Reconciled()) != 0 {
		t.Errorf("connections %v, %d events", all, len(w.Store.AllEvents()))
	}
	w.Prober.Verdict = connection.Refused
	if report, err = w.Try(t.Context(), "ann@example.com", unsaved(), nil); err != nil || report.OK {
		t.Errorf("refused: %+v, %v", report, err)
	}
}

func stepsOf(list []connection.StepResult) (names []connection.TrialStep) {
	for _, r := range list {
		names = append(names, r.Step)
	}
	return names
}

func TestTry_validates_as_a_creation_does(t *testing.T) {
	w, _ := trialWorld(t)
	c := unsaved()
	c.Configuration.HostName, c.Configuration.Password = "no port", ""
	_, err := w.Try(t.Context(), "ann@example.com", c, nil)
	var f *connection.Failure
	if !errors.As(err, &f) || f.Code != connection.CodeInvalid || len(f.Fields) != 2 {
		t.Errorf("got %v", err)
	}
	if _, err := w.TryStored(t.Context(), "ann@example.com", connection.Connection{ID: 7}, keepAll, nil); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("unknown: %v", err)
	}
	if len(w.Prober.Seen()) != 0 {
		t.Error("it was tried")
	}
}

func TestTryStored_sends_the_stored_password_to_its_own_account_only(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*connection.Configuration)
		refuse bool
	}{
		"nothing":       {func(*connection.Configuration) {}, false},
		"description":   {func(c *connection.Configuration) { c.Description = "new" }, false},
		"strategy":      {func(c *connection.Configuration) { c.ReconnectStrategy = connection.StrategyCalm }, false},
		"MQTT host":     {func(c *connection.Configuration) { c.MQTTHostName = "mqtt.example.com" }, false},
		"host":          {func(c *connection.Configuration) { c.HostName = "evil.example.com:443" }, true},
		"port":          {func(c *connection.Configuration) { c.HostName = "thingsboard.example.com:8443" }, true},
		"user name":     {func(c *connection.Configuration) { c.Username = "other@example.com" }, true},
		"REST address":  {func(c *connection.Configuration) { c.RestURL = "https://evil.example.com" }, true},
		"in clear":      {func(c *connection.Configuration) { c.Protocol = connection.ProtocolTCP }, true},
		"letter case":   {func(c *connection.Configuration) { c.HostName = "ThingsBoard.example.com:443" }, true},
		"SSL by name":   {func(c *connection.Configuration) { c.Protocol = connection.ProtocolSSL }, false},
		"invalid, also": {func(c *connection.Configuration) { c.HostName = "evil" }, true},
	} {
		w, _ := trialWorld(t)
		_, err := w.TryStored(t.Context(), "ann@example.com", stored(t, w, test.change), keepAll, nil)
		if refused := connection.CodeOf(err) == connection.CodeInvalid; refused != test.refuse || refused && !strings.Contains(err.Error(), "configuration.password") {
			t.Errorf("%s: %v", name, err)
		}
		seen := w.Prober.Seen()
		if test.refuse != (len(seen) == 0) || len(seen) == 1 && seen[0].Configuration.Password != operationtest.Password {
			t.Errorf("%s: tried %v", name, seen)
		}
		if test.refuse && name != "invalid, also" { // with a password of its own it is a test like any other
			_, err = w.TryStored(t.Context(), "ann@example.com", stored(t, w, test.change, func(c *connection.Configuration) { c.Password = "typed" }), operation.Secrets{}, nil)
			if seen := w.Prober.Seen(); err != nil || len(seen) != 1 || seen[0].Configuration.Password != "typed" {
				t.Errorf("%s, with a password: %v, tried %v", name, err, seen)
			}
		}
	}
}

func TestTryStored_spends_the_tries_of_the_link(t *testing.T) {
	w, _ := trialWorld(t)
	try := func() operation.Report {
		t.Helper()
		r, err := w.TryStored(t.Context(), "ann@example.com", stored(t, w), keepAll, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	tries := func() connection.CredentialTries {
		tries := w.Store.CredentialTries(1)
		return tries
	}
	w.Prober.Verdict = connection.NoVerdict
	for range 5 {
		if r := try(); withheld(r) != "" {
			t.Fatalf("no verdict: %v", r)
		}
	}
	w.Prober.Verdict = connection.Refused
	for i := range connection.MaxCredentialTries {
		if r := try(); withheld(r) != "" {
			t.Fatalf("try %d: %v", i+1, r)
		}
	}
	if tries().Left() {
		t.Errorf("tries %+v", tries())
	}
	told := w.Store.AllEvents()[1:]
	if e := told[0]; len(told) != connection.MaxCredentialTries || e.Level != connection.LevelWarning || e.Actor != "ann@example.com" ||
		e.ConnectionID != 1 || !strings.Contains(e.Message, "one try less") {
		t.Errorf("events %+v", told)
	}
	for range 2 {
		if r := try(); withheld(r) != connection.ReasonNoTryLeft.Text().Sentence || r.OK {
			t.Errorf("without a try: %+v", r)
		}
	}
	// The same credentials are the same, wherever they are typed.
	if r, err := w.Try(t.Context(), "ann@example.com", operationtest.Valid(), nil); err != nil || withheld(r) == "" {
		t.Errorf("as an unsaved connection: %+v, %v", r, err)
	}
	if err := w.Store.AllowCredentialTry(t.Context(), 1, 1); err != nil {
		t.Fatal(err)
	}
	w.Prober.Verdict = connection.Accepted
	if r := try(); !r.OK || tries().Tries != 0 {
		t.Errorf("taken: %+v, tries %+v", r, tries())
	}
}

func TestTry_bounds_the_refusals_of_an_account(t *testing.T) {
	w, now := trialWorld(t)
	try := func(change func(*connection.Configuration)) operation.Report {
		t.Helper()
		c := unsaved()
		change(&c.Configuration)
		r, err := w.Try(t.Context(), "ann@example.com", c, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	w.Prober.Verdict = connection.Refused
	for i, change := range []func(*connection.Configuration){ // all of them the same account
		func(*connection.Configuration) {},
		func(c *connection.Configuration) { c.HostName, c.Password = "ThingsBoard.Example.com.:8883", "another" },
		func(c *connection.Configuration) {
			c.HostName, c.RestURL, c.Username = "elsewhere.example.com:1883", "https://thingsboard.example.com/", "Other@example.com"
		},
	} {
		if r := try(change); withheld(r) != "" {
			t.Errorf("try %d: %+v", i+1, r)
		}
	}
	if r := try(func(*connection.Configuration) {}); withheld(r) != connection.ReasonTooManyTries.Text().Sentence {
		t.Errorf("the fourth: %+v", r)
	}
	r, err := w.TryStored(t.Context(), "ann@example.com", stored(t, w, func(c *connection.Configuration) { c.Username, c.Password = "other@example.com", "x" }), operation.Secrets{}, nil)
	if err != nil || withheld(r) == "" {
		t.Errorf("through a stored connection: %+v, %v", r, err)
	}
	if r := try(func(c *connection.Configuration) { c.Username = "third@example.com" }); withheld(r) != "" {
		t.Errorf("another account: %+v", r)
	}
	*now = now.Add(10 * time.Minute)
	if r := try(func(*connection.Configuration) {}); withheld(r) != "" {
		t.Errorf("ten minutes later: %+v", r)
	}
	for _, v := range []connection.Verdict{connection.NoVerdict, connection.Accepted} {
		w.Prober.Verdict = v
		for range 5 {
			if r := try(func(*connection.Configuration) {}); withheld(r) != "" {
				t.Errorf("with the verdict %v: %+v", v, r)
			}
		}
	}
}

func TestTry_counts_logins_beside_each_other(t *testing.T) {
	w, _ := trialWorld(t)
	w.Prober.Verdict = connection.Refused
	var work sync.WaitGroup
	for range 20 {
		work.Go(func() {
			_, err1 := w.Try(t.Context(), "ann@example.com", unsaved(), nil)
			_, err2 := w.TryStored(t.Context(), "bob@example.com", stored(t, w), keepAll, nil)
			if err := errors.Join(err1, err2); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	presented := map[string]int{}
	for _, c := range w.Prober.Seen() {
		if c.Configuration.Password.IsSet() {
			presented[c.Configuration.Username]++
		}
	}
	if presented["other@example.com"] != 3 || presented["tenant@example.com"] != 3 {
		t.Errorf("presented %v", presented)
	}
}

func TestTry_keeps_to_a_pace(t *testing.T) {
	w, now := trialWorld(t)
	for i := range 30 {
		if _, err := w.Try(t.Context(), "ann@example.com", unsaved(), nil); err != nil {
			t.Fatalf("test %d: %v", i+1, err)
		}
	}
	_, err := w.Try(t.Context(), "ann@example.com", unsaved(), nil)
	var b *operation.Busy
	if !errors.As(err, &b) || b.Wait != 2*time.Second || connection.CodeOf(err) != connection.CodeUnavailable {
		t.Errorf("the 31st: %v", err)
	}
	if _, err := w.Try(t.Context(), "bob@example.com", unsaved(), nil); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	*now = now.Add(2 * time.Second)
	if _, err := w.Try(t.Context(), "ann@example.com", unsaved(), nil); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestTry_runs_few_at_once_each_with_a_deadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := operationtest.New(nil)
		w.Prober.Before = func(ctx context.Context) {
			if end, ok := ctx.Deadline(); !ok || time.Until(end) != 30*time.Second {
				t.Errorf("ends at %v", end)
			}
			<-ctx.Done()
		}
		var work sync.WaitGroup
		ctx, leave := context.WithCancel(t.Context())
		for range 4 {
			work.Go(func() {
				if _, err := w.Try(ctx, "ann@example.com", unsaved(), nil); err == nil {
					t.Error("no error")
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		_, err := w.Try(t.Context(), "ann@example.com", unsaved(), nil)
		var b *operation.Busy
		if !errors.As(err, &b) || time.Since(began) != 5*time.Second {
			t.Errorf("the fifth: %v after %v", err, time.Since(began))
		}
		leave()
		work.Wait()
		w.Prober.Before = nil
		if _, err := w.Try(t.Context(), "ann@example.com", unsaved(), nil); err != nil {
			t.Errorf("after them: %v", err)
		}
	})
}
