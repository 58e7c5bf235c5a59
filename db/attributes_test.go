package db

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"boardlink/connection"
)

// values gives each key the same JSON value.
func values(value string, keys ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for _, k := range keys {
		m[k] = json.RawMessage(value)
	}
	return m
}

// shared lists a device's attributes as key=value.
func shared(t *testing.T, d *DB, id connection.ID, devEUI string) string {
	t.Helper()
	all, err := d.SharedAttributes(t.Context(), id, devEUI)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, a := range all {
		pairs = append(pairs, a.Key+"="+string(a.Value))
	}
	return strings.Join(pairs, " ")
}

func TestSharedAttributes_are_set_replaced_and_deleted(t *testing.T) {
	d, c := newTestDB(t)
	conn := createTestConnection(t, d, "c")
	change := func(set map[string]json.RawMessage, deleted ...string) {
		t.Helper()
		left, err := d.ChangeSharedAttributes(t.Context(), connection.AttributeChange{ConnectionID: conn.ID, DevEUI: meter, Set: set, Deleted: deleted})
		if err != nil || left != 0 {
			t.Fatalf("%d left out, %v", left, err)
		}
	}
	change(map[string]json.RawMessage{"interval": json.RawMessage(`60`), "mode": json.RawMessage(`{"a":[1,null]}`), "note": json.RawMessage(`"<b>"`)})
	c.advance(time.Hour)
	change(values(`30`, "interval", "new"), "mode", "never there")
	if got := shared(t, d, conn.ID, meter); got != `interval=30 new=30 note="<b>"` {
		t.Errorf("kept %s", got)
	}
	all, _ := d.SharedAttributes(t.Context(), conn.ID, meter)
	if !all[0].UpdatedAt.Equal(c.at) || !all[2].UpdatedAt.Equal(c.at.Add(-time.Hour)) || all[0].DevEUI != meter || all[0].ConnectionID != conn.ID {
		t.Errorf("kept %+v", all)
	}
	if got := shared(t, d, conn.ID, "70B3D5E75E00A002"); got != "" {
		t.Errorf("another device has %s", got)
	}
	if err := d.ForgetSharedAttributes(t.Context(), conn.ID, meter); err != nil || shared(t, d, conn.ID, meter) != "" {
		t.Errorf("not forgotten: %v", err)
	}
}

func TestSharedAttributes_are_bounded(t *testing.T) {
	d, _ := newTestDB(t)
	conn := createTestConnection(t, d, "c")
	change := func(c connection.AttributeChange) int {
		t.Helper()
		c.ConnectionID, c.DevEUI = conn.ID, meter
		left, err := d.ChangeSharedAttributes(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	large := `"` + strings.Repeat("x", connection.MaxSharedAttributeValue-2) + `"`
	if left := change(connection.AttributeChange{Set: values(large, "v", strings.Repeat("k", connection.MaxSharedAttributeKey))}); left != 0 {
		t.Errorf("%d left out within the bounds", left)
	}
	// What is too large takes the place of what was true before, and there is nothing to put there.
	if left := change(connection.AttributeChange{Set: values(large[:1]+"x"+large[1:], "v")}); left != 1 || strings.Contains(shared(t, d, conn.ID, meter), "v=") {
		t.Errorf("%d left out; kept %.100s", left, shared(t, d, conn.ID, meter))
	}
	if left := change(connection.AttributeChange{Set: values(`1`, "", strings.Repeat("k", connection.MaxSharedAttributeKey+1))}); left != 2 {
		t.Errorf("%d odd keys left out", left)
	}
	if left := change(connection.AttributeChange{Set: values(`{`, "broken")}); left != 1 {
		t.Errorf("%d values that are no JSON left out", left)
	}
	var many []string
	for i := range connection.MaxSharedAttributes + 10 {
		many = append(many, fmt.Sprintf("m%03d", i))
	}
	if left := change(connection.AttributeChange{Set: values(`2`, many...), Deleted: []string{strings.Repeat("k", connection.MaxSharedAttributeKey)}}); left != 10 {
		t.Errorf("%d of too many left out", left)
	}
	if left := change(connection.AttributeChange{Set: values(`3`, "m000", "another")}); left != 1 {
		t.Errorf("%d left out of a full device", left)
	}
	all, err := d.SharedAttributes(t.Context(), conn.ID, meter)
	if err != nil || len(all) != connection.MaxSharedAttributes || string(all[0].Value) != "3" {
		t.Errorf("%d kept, the first %s, %v", len(all), all[0].Value, err)
	}
	if left := change(connection.AttributeChange{Deleted: many}); left != 0 || shared(t, d, conn.ID, meter) != "" {
		t.Errorf("%d left out; kept %s", left, shared(t, d, conn.ID, meter))
	}
}

func TestSharedAttributes_of_one_connection_are_bounded(t *testing.T) {
	d, _ := newTestDB(t)
	conn, other := createTestConnection(t, d, "c"), createTestConnection(t, d, "d")
	for _, c := range []connection.AttributeChange{
		{ConnectionID: conn.ID, DevEUI: meter, Set: values(`1`, "a", "b")},
		{ConnectionID: conn.ID, DevEUI: "70B3D5E75E00A002", Set: values(`1`, "a", "b", "c")},
		{ConnectionID: other.ID, DevEUI: meter, Set: values(`1`, "a")},
	} {
		if _, err := d.ChangeSharedAttributes(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	err := d.change(t.Context(), func(tx *sql.Tx) error {
		own, all, err := countSharedAttributes(t.Context(), tx, connection.AttributeChange{ConnectionID: conn.ID, DevEUI: meter})
		if own != 2 || all != 5 {
			t.Errorf("the device has %d, all have %d", own, all)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	const most, mostInAll = connection.MaxSharedAttributes, connection.MaxSharedAttributesInAll
	for counts, want := range map[[2]int]int{
		{0, 0}: most, {0, mostInAll - 1}: 1, {0, mostInAll}: 0, {0, mostInAll + 1}: 0, {most - 2, most}: 2, {most, most}: 0, {most + 1, most + 1}: 0,
	} {
		if got := sharedAttributeRoom(counts[0], counts[1]); got != want {
			t.Errorf("with %v there is room for %d, want %d", counts, got, want)
		}
	}
}
