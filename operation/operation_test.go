package operation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/live"
	"boardlink/operation"
	"boardlink/operation/operationtest"
)

const actor = "ann@example.com"

// create makes a connection and forgets the traces of that.
func create(t *testing.T, w *operationtest.World) connection.ID {
	t.Helper()
	v, err := w.Create(t.Context(), actor, operationtest.Valid())
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	w.Links.Reconciled()
	w.Observer.Told()
	w.Feed.Published()
	return v.Connection.ID
}

func lastEvent(t *testing.T, w *operationtest.World) connection.Event {
	t.Helper()
	all := w.Store.AllEvents()
	if len(all) == 0 {
		t.Fatal("no event was left")
	}
	return all[len(all)-1]
}

func TestCreate_stores_and_spreads_the_news(t *testing.T) {
	w := operationtest.New(nil)
	v, err := w.Create(t.Context(), actor, operationtest.Valid())
	if err != nil {
		t.Fatal(err)
	}
	if v.Connection.ID != 1 || v.Connection.Version != 1 || !v.Connection.UplinkKey.IsSet() {
		t.Errorf("stored as id %v, version %d, with key %v", v.Connection.ID, v.Connection.Version, v.Connection.UplinkKey.IsSet())
	}
	if v.Status.State != connection.Opening {
		t.Errorf("state %s, want OPENING until the link says more", v.Status.State)
	}
	if want := operationtest.PublicURL + "/connections/1/uplinks"; v.UplinkURL != want {
		t.Errorf("uplink address %q, want %q", v.UplinkURL, want)
	}
	if want := v.UplinkURL + "?key=uplink-key-1"; v.UplinkURLWithKey() != want {
		t.Errorf("address with key %q, want %q", v.UplinkURLWithKey(), want)
	}
	e := lastEvent(t, w)
	if e.Kind != connection.KindCreated || e.Actor != actor || e.ConnectionID != 1 || e.Message != `The connection "North" was created.` {
		t.Errorf("event %+v", e)
	}
	if got := w.Links.Reconciled(); !slices.Equal(got, []connection.ID{1}) {
		t.Errorf("reconciled %v", got)
	}
	if got := w.Observer.Told(); !slices.Equal(got, []string{"changed 1"}) {
		t.Errorf("observer was told %v", got)
	}
	if got := w.Feed.Published(); !slices.Contains(got, live.Change{Topic: live.Connection, ID: "1"}) ||
		!slices.Contains(got, live.Change{Topic: live.Events, ID: "1"}) {
		t.Errorf("published %v", got)
	}
}

func TestCreate_takes_only_what_belongs_to_the_resource(t *testing.T) {
	w := operationtest.New(nil)
	c := operationtest.Valid()
	c.ID, c.Version, c.UplinkKey, c.GatewayDeviceID = 77, 9, "mine", "device"
	v, err := w.Create(t.Context(), actor, c)
	if err != nil {
		t.Fatal(err)
	}
	got := v.Connection
	if got.ID != 1 || got.Version != 1 || got.UplinkKey == "mine" || got.GatewayDeviceID != "" {
		t.Errorf("taken over: %+v", got)
	}
}

func TestCreate_names_each_wrong_field(t *testing.T) {
	w := operationtest.New(nil)
	c := operationtest.Valid()
	c.Name, c.Configuration.HostName = "", "nowhere"
	_, err := w.Create(t.Context(), actor, c)
	f, ok := errors.AsType[*connection.Failure](err)
	if !ok || f.Code != connection.CodeInvalid || len(f.Fields) != 2 {
		t.Fatalf("got %v", err)
	}
	if f.Fields[0].Path != "name" || f.Fields[1].Path != "configuration.hostName" {
		t.Errorf("fields %v", f.Fields)
	}
	if len(w.Store.AllEvents()) != 0 || len(w.Links.Reconciled()) != 0 {
		t.Error("a refused creation left traces")
	}
}

func TestEditField_tells_what_changed_without_secrets(t *testing.T) {
	for name, test := range map[string]struct{ field, value, message string }{
		"host":        {"hostName", "other.example.com:8883", "Domain Name changed from thingsboard.example.com:443 to other.example.com:8883 (the stored password was kept)."},
		"username":    {"username", "new@example.com", "Username changed from tenant@example.com to new@example.com."},
		"password":    {"password", "n3w-" + operationtest.Password, "Password changed."},
		"switch":      {"createDevices", "false", "Create devices changed from on to off."},
		"empty value": {"downlinkAsId", "TWA_1", "AS ID set to TWA_1."},
		"choice":      {"telemetryFormat", "MEASUREMENTS", "Telemetry format changed from Original document to Measurements."},
		"strategy":    {"reconnectStrategy", "CALM", "Reconnect strategy changed from Normal to Calm."},
		"long text":   {"description", "first\nsecond", `Description set to "first second".`},
		"new secret":  {"downlinkAsKey", "00112233445566778899aabbccddeeff", "AS key set."},
		"long value":  {"name", strings.Repeat("n", 200), "Name changed from North to " + strings.Repeat("n", 120) + "…."},
	} {
		t.Run(name, func(t *testing.T) {
			w := operationtest.New(nil)
			id := create(t, w)
			v, err := w.EditField(t.Context(), "bob@example.com", id, 1, test.field, test.value)
			if err != nil {
				t.Fatal(err)
			}
			e := lastEvent(t, w)
			if e.Message != test.message || e.Actor != "bob@example.com" || e.Kind != connection.KindUpdated {
				t.Errorf("event %+v", e)
			}
			if v.Connection.Version != 2 || !v.Connection.UpdatedAt.Equal(operationtest.Now) {
				t.Errorf("version %d at %v", v.Connection.Version, v.Connection.UpdatedAt)
			}
			if got := w.Links.Reconciled(); !slices.Equal(got, []connection.ID{id}) {
				t.Errorf("reconciled %v", got)
			}
		})
	}
}

func TestEditField_counts_versions_of_credentials(t *testing.T) {
	for field, want := range map[string]int64{"hostName": 2, "username": 2, "password": 2, "protocol": 1, "restUrl": 2, "name": 1, "mqttHostName": 1} {
		w := operationtest.New(nil)
		id := create(t, w)
		value := map[string]string{
			"hostName": "a.example.com:1", "username": "b@example.com", "password": "other", "protocol": "SSL",
			"restUrl": "https://rest.example.com", "name": "South", "mqttHostName": "mqtt.example.com",
		}[field]
		v, err := w.EditField(t.Context(), actor, id, 1, field, value)
		if err != nil {
			t.Fatalf("%s: %v", field, err)
		}
		if v.Connection.CredentialVersion != want {
			t.Errorf("%s: credential version %d, want %d", field, v.Connection.CredentialVersion, want)
		}
	}
}

func TestEditField_that_changes_nothing_leaves_no_trace(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	before := len(w.Store.AllEvents())
	for field, value := range map[string]string{"hostName": " thingsboard.example.com:443 ", "password": operationtest.Password} {
		v, err := w.EditField(t.Context(), actor, id, 1, field, value)
		if err != nil || v.Connection.Version != 1 {
			t.Errorf("%s: version %d, error %v", field, v.Connection.Version, err)
		}
	}
	if len(w.Store.AllEvents()) != before || len(w.Links.Reconciled()) != 0 || len(w.Feed.Published()) != 0 {
		t.Error("news were spread of a change that was none")
	}
}

func TestEditField_on_an_old_version_shows_theirs(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	w.Store.Rename(id, "Theirs")
	_, err := w.EditField(t.Context(), actor, id, 1, "name", "Mine")
	conflict, ok := errors.AsType[*operation.Conflict](err)
	if !ok || connection.CodeOf(err) != connection.CodeConflict {
		t.Fatalf("got %v", err)
	}
	if conflict.Theirs.Connection.Name != "Theirs" || conflict.Theirs.Connection.Version != 2 {
		t.Errorf("theirs %+v", conflict.Theirs.Connection)
	}
	if _, err := w.EditField(t.Context(), actor, id, 1, "name", "Theirs"); err != nil {
		t.Errorf("what is stored already is no conflict: %v", err)
	}
}

func TestEditField_loses_the_race_for_the_row_with_a_conflict(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	w.Store.BeforeUpdate = func() { w.Store.Rename(id, "Quicker") }
	_, err := w.EditField(t.Context(), actor, id, 1, "name", "Mine")
	if connection.CodeOf(err) != connection.CodeConflict {
		t.Errorf("got %v", err)
	}
}

func TestSetActive_wins_over_a_change_made_meanwhile(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	once := false
	w.Store.BeforeUpdate = func() {
		if !once {
			once = true
			w.Store.Rename(id, "Quicker")
		}
	}
	v, err := w.SetActive(t.Context(), actor, id, false)
	if err != nil || v.Connection.Active || v.Connection.Name != "Quicker" {
		t.Fatalf("got %+v, %v", v.Connection, err)
	}
	if v.Status.State != connection.Deactivated {
		t.Errorf("state %s", v.Status.State)
	}
	if e := lastEvent(t, w); e.Message != "Connection deactivated." {
		t.Errorf("event %q", e.Message)
	}
}

func TestEditField_refuses_what_the_rules_refuse(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	for field, value := range map[string]string{"hostName": "nowhere", "password": "", "downlinkPort": "x", "sendMetadata": "perhaps"} {
		_, err := w.EditField(t.Context(), actor, id, 1, field, value)
		f, ok := errors.AsType[*connection.Failure](err)
		if !ok || f.Code != connection.CodeInvalid || f.Fields[0].Path != "configuration."+field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if _, err := w.EditField(t.Context(), actor, id, 1, "password", connection.Mask); connection.CodeOf(err) != connection.CodeInvalid {
		t.Errorf("the mask became a password: %v", err)
	}
	if _, err := w.EditField(t.Context(), actor, id, 1, "colour", "red"); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("an unknown setting: %v", err)
	}
	if _, err := w.EditField(t.Context(), actor, 99, 1, "name", "x"); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("an unknown connection: %v", err)
	}
}

func TestProposeField_changes_nothing_and_tells_whether_the_link_restarts(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	for field, want := range map[string]struct {
		value    string
		restarts bool
	}{"hostName": {"b.example.com:1", true}, "password": {"other", true}, "name": {"South", false}} {
		p, err := w.ProposeField(t.Context(), id, 1, field, want.value)
		if err != nil || p.Nothing() || p.Restarts() != want.restarts {
			t.Errorf("%s: nothing %v, restarts %v, error %v", field, p.Nothing(), p.Restarts(), err)
		}
	}
	if v, _ := w.Get(t.Context(), id); v.Connection.Version != 1 {
		t.Error("a proposal was stored")
	}
}

func TestReplace_keeps_secrets_and_what_belongs_to_the_server(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	c := operationtest.Valid()
	c.ID, c.Name, c.Configuration.Password = id, "South", ""
	v, err := w.Replace(t.Context(), actor, c, operation.Secrets{Password: true, DownlinkAsKey: true})
	if err != nil {
		t.Fatal(err)
	}
	if v.Connection.Configuration.Password != operationtest.Password || v.Connection.UplinkKey != "uplink-key-1" {
		t.Error("a secret was lost")
	}
	c.Configuration.Password = ""
	if _, err := w.Replace(t.Context(), actor, c, operation.Secrets{}); connection.CodeOf(err) != connection.CodeInvalid {
		t.Errorf("an empty password was taken: %v", err)
	}
	c.Version = 1
	c.Name = "West"
	if _, err := w.Replace(t.Context(), actor, c, operation.Secrets{Password: true}); connection.CodeOf(err) != connection.CodeConflict {
		t.Errorf("an old version was taken: %v", err)
	}
}

func TestReplace_names_alarms_and_all_changes_in_one_event(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	c := operationtest.Valid()
	c.ID, c.Name = id, "South"
	c.Alarms = []connection.Alarm{{StartTime: operationtest.Now, EndTime: operationtest.Now.Add(time.Hour), Timezone: "Europe/Paris", UplinkRateMinPerHour: 1}}
	if _, err := w.Replace(t.Context(), actor, c, operation.Secrets{}); err != nil {
		t.Fatal(err)
	}
	if got := lastEvent(t, w).Message; got != "Name changed from North to South; Alarm 1 added: (fewer than 1 uplinks an hour, 2026-11-23T10:08:08Z to 2026-11-23T11:08:08Z Europe/Paris)." {
		t.Errorf("event %q", got)
	}
	before := len(w.Store.AllEvents())
	if _, err := w.Replace(t.Context(), actor, c, operation.Secrets{}); err != nil || len(w.Store.AllEvents()) != before {
		t.Errorf("the same again: error %v, %d events", err, len(w.Store.AllEvents())-before)
	}
}

func TestRestart_asks_the_link_and_allows_refused_credentials_once_more(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	if _, err := w.Restart(t.Context(), actor, id); err != nil {
		t.Fatal(err)
	}
	if got := lastEvent(t, w); got.Message != "A restart was asked for." || got.Actor != actor {
		t.Errorf("event %+v", got)
	}
	if len(w.Store.AllowedTries()) != 0 || !slices.Equal(w.Links.Reconciled(), []connection.ID{id}) {
		t.Error("a plain restart must only reconcile")
	}
	w.Links.Set(id, connection.Status{State: connection.AuthenticationFailed})
	v, err := w.Retry(t.Context(), actor, id)
	if err != nil || !slices.Equal(w.Store.AllowedTries(), []connection.ID{id}) {
		t.Errorf("allowed %v, error %v", w.Store.AllowedTries(), err)
	}
	if v.Connection.Version != 1 || v.Connection.RestartRequest != 2 {
		t.Errorf("version %d, requests %d", v.Connection.Version, v.Connection.RestartRequest)
	}
	if _, err := w.SetActive(t.Context(), actor, id, false); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Restart(t.Context(), actor, id); connection.CodeOf(err) != connection.CodeConflict {
		t.Errorf("a deactivated connection restarted: %v", err)
	}
}

func TestRestart_allows_one_try_for_many_wishes(t *testing.T) {
	now := operationtest.Now
	w := operationtest.New(func() time.Time { return now })
	id := create(t, w)
	refused := func(attempt int) {
		w.Links.Set(id, connection.Status{State: connection.AuthenticationFailed, Attempt: attempt})
	}
	want := func(what string, allowed, requests int) {
		t.Helper()
		v, err := w.Get(t.Context(), id)
		if err != nil || len(w.Store.AllowedTries()) != allowed || v.Connection.RestartRequest != int64(requests) {
			t.Errorf("%s: %d tries allowed, %d restarts, error %v", what, len(w.Store.AllowedTries()), v.Connection.RestartRequest, err)
		}
	}
	retry := func() {
		t.Helper()
		if _, err := w.Retry(t.Context(), actor, id); err != nil {
			t.Error(err)
		}
	}
	refused(3)
	var many sync.WaitGroup
	for range 10 {
		many.Go(retry)
	}
	many.Wait()
	want("at once", 1, 1)
	now = now.Add(5 * time.Second)
	w.Links.Set(id, connection.Status{State: connection.Authenticating, Attempt: 1})
	retry()
	want("while the allowed try is under way", 1, 1)
	refused(3)
	retry()
	want("where the allowed try was not made", 1, 2)
	now = now.Add(5 * time.Second)
	refused(4)
	retry()
	want("after the allowed try was refused", 2, 3)
	refused(5)
	retry()
	want("clicked twice", 2, 3)
	if _, err := w.Restart(t.Context(), actor, id); err != nil {
		t.Error(err)
	}
	want("a restart after a retry is a wish of its own", 3, 4)
}

func TestViews_show_activity_at_once(t *testing.T) {
	w := operationtest.New(nil)
	want := func(what string, v operation.View, err error, state connection.State, reason string) {
		t.Helper()
		if s := v.Status; err != nil || s.State != state || s.Reason != reason || !s.NextAttemptAt.IsZero() {
			t.Errorf("%s: %+v, error %v", what, s, err)
		}
	}
	const inactive, starting = "This connection is not active.", "The link is starting."
	c := operationtest.Valid()
	c.Active = false
	w.Links.Set(1, connection.Status{State: connection.Closed, ReasonCode: connection.ReasonStarting, Reason: starting})
	v, err := w.Create(t.Context(), actor, c)
	want("created", v, err, connection.Deactivated, inactive)
	w.Links.Set(1, connection.Status{State: connection.Deactivated, ReasonCode: connection.ReasonDeactivated, Reason: "Ann deactivated this connection."})
	v, err = w.Get(t.Context(), 1)
	want("taken up by its link", v, err, connection.Deactivated, "Ann deactivated this connection.")
	v, err = w.SetActive(t.Context(), actor, 1, true)
	want("activated", v, err, connection.Opening, starting)
	w.Links.Set(1, connection.Status{State: connection.AuthenticationFailed, Reason: "No.", NextAttemptAt: operationtest.Now})
	v, err = w.SetActive(t.Context(), actor, 1, false)
	want("deactivated", v, err, connection.Deactivated, inactive)
}

func TestDelete_closes_the_door_before_it_answers(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	if err := w.Delete(t.Context(), actor, id); err != nil {
		t.Fatal(err)
	}
	if got := w.Observer.Told(); !slices.Equal(got, []string{"removed 1"}) {
		t.Errorf("observer was told %v", got)
	}
	if got := w.Links.Reconciled(); !slices.Equal(got, []connection.ID{id}) {
		t.Errorf("reconciled %v", got)
	}
	if e := lastEvent(t, w); e.Kind != connection.KindDeleted || e.ConnectionID != id {
		t.Errorf("event %+v", e)
	}
	for name, err := range map[string]error{
		"get":    second(w.Get(t.Context(), id)),
		"delete": w.Delete(t.Context(), actor, id),
		"edit":   second(w.EditField(t.Context(), actor, id, 0, "name", "x")),
	} {
		if connection.CodeOf(err) != connection.CodeNotFound {
			t.Errorf("%s after deletion: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestRenewUplinkKey_ends_the_old_one(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	v, err := w.RenewUplinkKey(t.Context(), actor, id, 0)
	if err != nil || v.Connection.UplinkKey != "uplink-key-2" {
		t.Fatalf("error %v", err)
	}
	e := lastEvent(t, w)
	if e.Message != "Uplink key renewed, the old one ended at once." || strings.Contains(e.Message, "uplink-key") {
		t.Errorf("event %q", e.Message)
	}
	if got := w.Observer.Told(); !slices.Equal(got, []string{"changed 1"}) {
		t.Errorf("observer was told %v", got)
	}
}

func TestErrors_of_the_store_come_through(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	w.Store.Fail = context.DeadlineExceeded
	for name, err := range map[string]error{
		"create":     second(w.Create(t.Context(), actor, operationtest.Valid())),
		"get":        second(w.Get(t.Context(), id)),
		"overview":   second(w.Overview(t.Context())),
		"activities": second(w.Activities(t.Context(), 1)),
		"metrics":    second(w.Metrics(t.Context(), id, operation.Hour)),
		"restart":    second(w.Restart(t.Context(), actor, id)),
	} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
