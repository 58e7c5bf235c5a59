package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boardlink/connection"
	"boardlink/queue"
)

// tellLosses raises an alarm for each connection of which a damaged file of the queue did not give all uplinks back. It is
// called in the middle of the queue's work and must not wait for the queue.
func (a *application) tellLosses(losses []queue.Loss) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	all := []connection.Event{{
		Level: connection.LevelWarning, Kind: connection.KindAlarm, Actor: connection.System,
		Message: "The queue's file was damaged, and a new one was made of it: no uplink was lost. Look after the disk. The damaged file is kept in the data folder.",
	}}
	if len(losses) > 0 {
		all = nil
	}
	for _, l := range losses {
		all = append(all, connection.Event{
			Level: connection.LevelError, Kind: connection.KindAlarm, Actor: connection.System, ConnectionID: l.Connection, Message: lossSentence(l.Events),
		})
	}
	for _, e := range all {
		if !a.addEvent(ctx, e) {
			return errors.New("an alarm could not be stored")
		}
	}
	return nil
}

func lossSentence(n int64) string {
	lost := "1 accepted uplink of this connection is lost"
	if n != 1 {
		lost = fmt.Sprintf("%d accepted uplinks of this connection are lost", n)
	}
	return lost + ": the disk damaged the part of the queue's file that held what is missing. Look after the disk. The damaged file is kept in the data folder."
}
