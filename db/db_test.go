package db

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"boardlink/connection"

	"go.uber.org/goleak"
)

var discard = slog.New(slog.DiscardHandler)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }
func newClock() *clock                   { return &clock{time.Date(2026, 11, 23, 10, 8, 8, 309e6, time.UTC)} }

func newTestSealer(t testing.TB, fill byte) *Sealer {
	t.Helper()
	s, err := NewSealer(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openTestDB(t testing.TB, path string, opt Options) *DB {
	t.Helper()
	if opt.Sealer == nil {
		opt.Sealer = newTestSealer(t, 1)
	}
	d, err := Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func newTestDB(t testing.TB) (*DB, *clock) {
	t.Helper()
	c := newClock()
	return openTestDB(t, filepath.Join(t.TempDir(), "boardlink.db"), Options{Now: c.now}), c
}

func wantCode(t *testing.T, err error, code connection.Code) {
	t.Helper()
	if connection.CodeOf(err) != code {
		t.Errorf("error is %v, want code %q", err, code)
	}
}

func TestOpen_makes_a_whole_private_database(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd name? 100%.db")
	d := openTestDB(t, path, Options{})
	if err := d.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
	if err := checkForeignKeys(t.Context(), d.write); err != nil {
		t.Error(err)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		for i := range readers { // each connection of the pool has them
			conn, err := d.read.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("connection %d: %s = %q (%v), want %q", i, pragma, got, err, want)
			}
			_ = conn.Close()
		}
	}
}

func TestOpen_takes_up_what_is_there(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	d, err := Open(t.Context(), path, Options{Sealer: newTestSealer(t, 1)})
	if err != nil {
		t.Fatal(err)
	}
	made := createTestConnection(t, d, "first")
	id, err := d.InstallationID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = openTestDB(t, path, Options{})
	c, err := d.Connection(t.Context(), made.ID)
	if err != nil || c.Configuration.Password.Reveal() != "p4ssw0rd-first" {
		t.Errorf("connection %v, %v", c, err)
	}
	if again, err := d.InstallationID(t.Context()); err != nil || again != id || len(id) != 8 {
		t.Errorf("installation id %q after %q, %v", again, id, err)
	}
}

func TestOpen_refuses_another_key_and_names_the_one_it_needs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	right := newTestSealer(t, 1)
	d, err := Open(t.Context(), path, Options{Sealer: right})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), path, Options{Sealer: newTestSealer(t, 2)})
	wantCode(t, err, connection.CodeUnavailable)
	if err == nil || !strings.Contains(err.Error(), right.KeyID()) {
		t.Errorf("error is %v", err)
	}
}

func TestOpen_beside_makes_and_changes_nothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	_, err := Open(t.Context(), path, Options{Sealer: newTestSealer(t, 1), Beside: true})
	wantCode(t, err, connection.CodeNotFound)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("a file was made")
	}
	running := openTestDB(t, path, Options{})
	beside := openTestDB(t, path, Options{Beside: true})
	createTestConnection(t, beside, "from the side")
	if all, err := running.Connections(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("the running one sees %d connections, %v", len(all), err)
	}
}

func TestMigrate_copies_the_database_first(t *testing.T) {
	dir := t.TempDir()
	path, backups := filepath.Join(dir, "boardlink.db"), filepath.Join(dir, "backup")
	c := newClock()
	opt := Options{Sealer: newTestSealer(t, 1), Now: c.now, BackupDir: backups, Version: "1.0.0"}
	d, err := Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	made := createTestConnection(t, d, "kept")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(backups); !os.IsNotExist(err) {
		t.Error("a new database was backed up")
	}

	opt.Version = "2.0.0"
	migrateTo(t, path, opt, `CREATE TABLE later (id INTEGER PRIMARY KEY);`)
	copies, err := os.ReadDir(backups)
	if err != nil || len(copies) != 1 || copies[0].Name() != fmt.Sprintf("boardlink-schema-%d-20261123T100808Z.db", newestSchema(t)) {
		t.Fatalf("backups are %v, %v", copies, err)
	}
	if info, err := copies[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("backup is %v, %v", info, err)
	}
	d = openTestDB(t, filepath.Join(backups, copies[0].Name()), Options{Sealer: opt.Sealer})
	if _, err := d.Connection(t.Context(), made.ID); err != nil {
		t.Errorf("the copy lacks the connection: %v", err)
	}

	// The program of before meets the database of after.
	opt.Version = "1.0.0"
	_, err = Open(t.Context(), path, opt)
	wantCode(t, err, connection.CodeUnavailable)
	if err == nil || !strings.Contains(err.Error(), "it needs version 2.0.0 or newer") {
		t.Errorf("error is %v", err)
	}
}

// newestSchema is the number of the last migration.
func newestSchema(t *testing.T) (newest int) {
	t.Helper()
	files, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		var n int
		if _, err := fmt.Sscanf(f.Name(), "%05d_", &n); err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		newest = max(newest, n)
	}
	return newest
}

// migrateTo brings the database to a schema of the future, whose last step is the given one.
func migrateTo(t *testing.T, path string, opt Options, step string) {
	t.Helper()
	files := fstest.MapFS{"00099_later.sql": {Data: []byte("-- +goose Up\n" + step + "\n")}}
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := migrationFiles.ReadFile("migrations/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: data}
	}
	pool, err := openPool(path, 2, "foreign_keys(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	if opt.Log == nil {
		opt.Log = discard
	}
	if err := migrateWith(t.Context(), pool, path, files, opt); err != nil {
		t.Fatal(err)
	}
}

func TestMigrate_leaves_the_schema_alone_when_a_step_fails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boardlink.db")
	d := openTestDB(t, path, Options{})
	files := fstest.MapFS{
		"00001_a.sql":  {Data: []byte("-- +goose Up\nSELECT 1;\n")},
		"00099_no.sql": {Data: []byte("-- +goose Up\nCREATE TABLE half (id INTEGER);\nCREATE TABLE connections (id INTEGER);\n")},
	}
	err := migrateWith(t.Context(), d.write, path, files, Options{Now: time.Now, Log: discard})
	if err == nil {
		t.Fatal("it went well")
	}
	var n int
	if err := d.read.QueryRow(`SELECT COUNT(*) FROM sqlite_schema WHERE name = 'half'`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d half tables, %v", n, err)
	}
	if _, err := d.Connections(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOlderVersion(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"3.51.2", "3.51.3"}: true, {"3.51.3", "3.51.3"}: false, {"3.52", "3.51.3"}: false, {"3.9.9", "3.51.3"}: true,
		{"4", "3.51.3"}: false, {"", "3.51.3"}: true,
	} {
		if got := olderVersion(pair[0], pair[1]); got != want {
			t.Errorf("%s is older than %s: %v", pair[0], pair[1], got)
		}
	}
}

var testAlarm = connection.Alarm{
	StartTime: time.Date(2019, 1, 31, 9, 0, 0, 0, time.FixedZone("", 3600)), EndTime: time.Date(2019, 1, 31, 18, 0, 0, 0, time.FixedZone("", 3600)),
	Timezone: "Europe/Paris", Recurrence: []connection.Recurrence{{Frequency: "weekly", ByDays: []string{"monday"}}},
	UplinkRateMinPerHour: 15, Message: "Low rate during business day",
}

// testConnection has a value other than the default in every field.
func testConnection(name string) connection.Connection {
	return connection.Connection{
		ConnectorID: connection.ConnectorID, Name: name, Active: true,
		UplinkKey: connection.Secret("uplink-key-" + name),
		Alarms:    []connection.Alarm{testAlarm},
		Configuration: connection.Configuration{
			Description: "Meters of " + name, HostName: "tb.example.com:443", Username: name + "@example.com",
			Password: connection.Secret("p4ssw0rd-" + name), CreateDevices: true, SendMetadata: true, SendRawDecodedFormat: true,
			UplinkTimeValidity: "72h", TelemetryFormat: connection.FormatMeasurements, DeviceType: "Meter",
			VerifyUplinkToken: true, DownlinkEnabled: true, DownlinkAsID: "TWA_1", DownlinkAsKey: connection.Secret("as-key-" + name),
			DownlinkPort: 7, DownlinkURL: "https://lrc.example.com/rest/downlink", Protocol: connection.ProtocolSSL,
			RestURL: "https://rest.example.com", MQTTHostName: "mqtt.example.com:8883", CACertificate: "PEM", ReconnectStrategy: connection.StrategyCalm,
		},
	}
}

var byTest = connection.Event{Level: connection.LevelInfo, Kind: connection.KindCreated, Actor: "ada@example.com", Message: "Made by a test."}

func createTestConnection(t testing.TB, d *DB, name string) connection.Connection {
	t.Helper()
	c, err := d.CreateConnection(t.Context(), testConnection(name), byTest)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func eventsOf(ctx context.Context, d *DB, id connection.ID) string {
	page, err := d.Events(ctx, EventFilter{ConnectionID: id})
	s := fmt.Sprint(len(page))
	if err != nil {
		s = err.Error()
	}
	return s
}
