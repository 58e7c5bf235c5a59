package db

import (
	"fmt"
	"testing"
	"time"

	"boardlink/connection"
)

func TestAlarmEvents_are_those_of_one_connection_and_kind(t *testing.T) {
	d, clock := newTestDB(t)
	add := func(id connection.ID, kind connection.Kind, message string) {
		t.Helper()
		if _, err := d.AddEvent(t.Context(), connection.Event{Level: connection.LevelWarning, Kind: kind, ConnectionID: id, Message: message}); err != nil {
			t.Fatal(err)
		}
		clock.advance(time.Minute)
	}
	add(1, connection.KindAlarm, "old")
	since := clock.now()
	add(1, connection.KindAlarm, "first")
	add(2, connection.KindAlarm, "another's")
	add(1, connection.KindState, "no alarm")
	add(1, connection.KindAlarm, "second")
	events, err := d.AlarmEvents(t.Context(), 1, since)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		got = append(got, e.Message)
	}
	if fmt.Sprint(got) != "[second first]" || !events[1].Time.Equal(since) || events[0].Level != connection.LevelWarning || events[0].ConnectionID != 1 {
		t.Errorf("got %+v", events)
	}
}
