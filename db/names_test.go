package db

import (
	"maps"
	"testing"

	"boardlink/connection"
)

func TestDeviceNames_are_kept_until_the_device_has_its_own_again(t *testing.T) {
	d, _ := newTestDB(t)
	conn := createTestConnection(t, d, "c")
	ctx := t.Context()
	names := func(gateway string) map[string]string {
		t.Helper()
		got, err := d.DeviceNames(ctx, conn.ID, gateway)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	set := func(gateway, devEUI, name string) {
		t.Helper()
		if err := d.SetDeviceName(ctx, conn.ID, gateway, devEUI, name); err != nil {
			t.Fatal(err)
		}
	}
	set("g1", "A", "Pump")
	set("g1", "A", "Pump 2")
	set("g1", "B", "Meter")
	set("g2", "A", "Elsewhere")
	if got := names("g1"); !maps.Equal(got, map[string]string{"A": "Pump 2", "B": "Meter"}) {
		t.Errorf("got %v", got)
	}
	set("g1", "A", "A")
	set("g1", "B", "")
	if len(names("g1")) != 0 || len(names("g2")) != 1 || len(names("")) != 0 {
		t.Errorf("got %v, %v", names("g1"), names("g2"))
	}
	if err := d.DeleteConnection(ctx, conn.ID, connection.Event{Kind: connection.KindDeleted}); err != nil {
		t.Fatal(err)
	}
	if len(names("g2")) != 0 {
		t.Error("a name is left of a deleted connection")
	}
	if err := d.SetDeviceName(ctx, conn.ID, "g2", "A", "Pump"); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("a deleted connection: %v", err)
	}
}
