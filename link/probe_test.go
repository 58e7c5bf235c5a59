package link_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/db"
	"boardlink/link"
	"boardlink/live"
	"boardlink/operation"
	"boardlink/thingsboard"
)

// trialStore gives the database to operations, as far as a test asks for it.
type trialStore struct {
	operation.Store
	db *db.DB
}

func (s trialStore) Connection(ctx context.Context, id connection.ID) (connection.Connection, error) {
	return s.db.Connection(ctx, id)
}

func (s trialStore) Tell(ctx context.Context, e connection.Event) error {
	_, err := s.db.AddEvent(ctx, e)
	return err
}

// nobody listens.
type nobody struct{}

func (nobody) Changed(connection.Connection) {}
func (nobody) Removed(connection.ID)         {}
func (nobody) Publish(live.Change)           {}

// test tests the connection as it is stored, over the real database, and gives the outcome of each step.
func (w *world) test() map[connection.TrialStep]connection.StepResult {
	w.t.Helper()
	c, err := w.db.Connection(context.Background(), w.conn.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	operations := operation.New(operation.Options{
		Store: trialStore{db: w.db}, Links: w.links, Observer: nobody{}, Feed: nobody{}, Tries: w.db,
		Prober: link.Prober{Options: thingsboard.Options{Dial: w.dial}, Installation: "0a1b2c3d"},
	})
	found := map[connection.TrialStep]connection.StepResult{}
	_, err = operations.TryStored(context.Background(), "ann@example.com", c, operation.Secrets{Password: true, DownlinkAsKey: true},
		func(r connection.StepResult) { found[r.Step] = r })
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func (w *world) tries() int {
	w.t.Helper()
	c, err := w.db.Connection(context.Background(), w.conn.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	tries, err := w.db.CredentialTries(context.Background(), c.ID, c.CredentialVersion)
	if err != nil {
		w.t.Fatal(err)
	}
	return tries.Tries
}

func TestTest_disturbs_no_link_that_runs(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.reaches(connection.Opened, 10*time.Second)
	w.put(device(1), 1, map[string]any{"t": 1})
	w.until("the first arrival", 10*time.Second, func() bool { return len(w.first(device(1))) == 1 })
	w.until("an empty queue", 5*time.Second, func() bool { return w.links.Status(w.conn.ID).Backlog == 0 })
	before, sessions, devices, connects := w.links.Status(w.conn.ID), w.tb.Sessions(), len(w.tb.Devices()), len(w.tb.Connects())
	for range 3 {
		found := w.test()
		for _, step := range connection.TrialSteps {
			if found[step].Outcome != connection.OutcomeOK {
				t.Errorf("%s: %+v", step, found[step])
			}
		}
		if d := found[connection.TrialGateway].Detail; !strings.Contains(d, "'Boardlink 0a1b2c3d "+w.conn.ID.String()+"' was found") {
			t.Errorf("gateway: %s", d)
		}
	}
	after := w.links.Status(w.conn.ID)
	if after.State != connection.Opened || !after.Since.Equal(before.Since) || !reflect.DeepEqual(sessions, w.tb.Sessions()) ||
		len(w.tb.Devices()) != devices || len(w.tb.Connects()) != connects {
		t.Errorf("status %+v, sessions %v, %d devices, %d CONNECTs", after, w.tb.Sessions(), len(w.tb.Devices()), len(w.tb.Connects()))
	}
	w.put(device(1), 2, map[string]any{"t": 2})
	w.until("the next arrival", 10*time.Second, func() bool { return len(w.first(device(1))) == 2 })
}

func TestTest_spends_the_tries_of_the_link(t *testing.T) {
	w := newWorld(t, func(c *connection.Connection) { c.Configuration.Password = "wrong" })
	for i := range connection.MaxCredentialTries {
		if r := w.test()[connection.TrialSignIn]; r.ReasonCode != connection.ReasonAuthRefused || w.tries() != i+1 {
			t.Errorf("test %d: %+v, %d tries", i+1, r, w.tries())
		}
	}
	if r := w.test()[connection.TrialSignIn]; r.Outcome != connection.OutcomeSkipped || r.ReasonCode != connection.ReasonNoTryLeft {
		t.Errorf("without a try: %+v", r)
	}
	w.start()
	w.reaches(connection.AuthenticationFailed, 10*time.Second)
	if n := w.tb.LoginAttempts(account); n != connection.MaxCredentialTries {
		t.Errorf("%d logins: the link had no try left", n)
	}
	w.edit(func(c *connection.Connection) { c.Configuration.Password = password })
	w.reaches(connection.Opened, 10*time.Second)
	if r := w.test()[connection.TrialSignIn]; r.Outcome != connection.OutcomeOK || w.tries() != 0 {
		t.Errorf("with the right password: %+v, %d tries", r, w.tries())
	}
}
