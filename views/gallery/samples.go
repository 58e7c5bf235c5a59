package gallery

import (
	"encoding/json"
	"math"
	"time"

	"boardlink/connection"
	"boardlink/views/ui"
)

// nowhere is the id of a connection that no installation reaches: a form that is sent from the gallery finds nothing.
const nowhere = connection.ID(900_719_925_474_099)

const (
	sampleDevEUI   = "20635F0108000E09"
	sampleOperator = "ann@example.com"
)

// link is a connection as it stands in most samples.
func link(name string) connection.Connection {
	c := connection.Connection{ID: nowhere, ConnectorID: connection.ConnectorID, Name: name, Active: true, Version: 4, Configuration: connection.DefaultConfiguration()}
	c.Configuration.Description = "The meters of the old town."
	c.Configuration.HostName, c.Configuration.Username, c.Configuration.Password = "thingsboard.example.com:443", "tenant@example.com", "never shown"
	c.Configuration.TelemetryFormat = connection.FormatMeasurements
	return c
}

// standing is a link in a state, with what the page says of it.
func standing(s connection.State, now time.Time) connection.Status {
	st := connection.Status{State: s, Since: now.Add(-4 * time.Minute), StartupTime: now.Add(-26 * time.Hour), LastDeliveredAt: now.Add(-12 * time.Second)}
	because := func(code connection.ReasonCode) {
		st.ReasonCode, st.Reason, st.Hint = code, code.Text().Sentence, code.Text().Hint
		st.Attempt, st.NextAttemptAt, st.LostAt = 3, now.Add(95*time.Second), now.Add(-4*time.Minute)
		st.Backlog, st.OldestAge, st.LastDeliveredAt = 1240, 4*time.Minute, now.Add(-4*time.Minute)
	}
	switch s {
	case connection.Opened:
		because(connection.ReasonConnected)
		st.Attempt, st.NextAttemptAt, st.LostAt, st.Backlog, st.OldestAge, st.LastDeliveredAt = 0, time.Time{}, time.Time{}, 0, 0, now.Add(-2*time.Second)
	case connection.Closed:
		because(connection.ReasonTCPRefused)
	case connection.AuthenticationFailed:
		because(connection.ReasonAuthRefused)
	case connection.Opening, connection.Authenticating:
		because(connection.ReasonStarting)
		st.NextAttemptAt = time.Time{}
	case connection.Closing:
		because(connection.ReasonEdited)
		st.NextAttemptAt = time.Time{}
	case connection.Deactivated:
		because(connection.ReasonDeactivated)
		st.Attempt, st.NextAttemptAt = 0, time.Time{}
	}
	return st
}

// traffic is an hour of two figures, with a gap.
func traffic(id, first, other string) ui.BarChart {
	c := ui.BarChart{ID: id, Title: first + " and " + other + " of the last hour", First: first, Other: other, Step: "Minute (UTC)", Span: "a minute"}
	for i := range 60 {
		b := ui.Bar{Label: clock(9*60 + i)}
		if i < 22 || i > 29 {
			b.First = 30 + int64(12*math.Sin(float64(i)/5))
			b.Other = b.First - int64(i%4)
		}
		c.Bars = append(c.Bars, b)
	}
	return c
}

// clock writes a minute of the day.
func clock(minute int) string {
	return time.Date(2026, 1, 5, 0, minute, 0, 0, time.UTC).Format("15:04")
}

// past is a strip of a day in which everything happened.
func past(id string) ui.Strip {
	s := ui.Strip{ID: id, Head: "From (UTC)", Title: "The link was up for 91.2 % of the last 24 hours."}
	for i := range 90 {
		p := ui.StripPiece{From: clock(i * 16), Tone: ui.ToneOK, Text: "up"}
		switch {
		case i < 8:
			p.Tone, p.Text = "", "not known"
		case i > 40 && i < 44:
			p.Tone, p.Text = ui.ToneBad, "down"
		case i == 44, i == 70:
			p.Tone, p.Text = ui.ToneWait, "62 % up"
		case i > 74 && i < 79:
			p.Tone, p.Text = ui.ToneOff, "deactivated"
		}
		s.Pieces = append(s.Pieces, p)
	}
	return s
}

// happenings are events of each level.
func happenings(now time.Time) []connection.Event {
	return []connection.Event{
		{ID: 4, Time: now.Add(-time.Minute), Level: connection.LevelInfo, Kind: connection.KindState, ConnectionID: nowhere, Actor: connection.System, Message: "Opened: connected to ThingsBoard at mqtts://thingsboard.example.com:8883."},
		{ID: 3, Time: now.Add(-2 * time.Minute), Level: connection.LevelInfo, Kind: connection.KindUpdated, ConnectionID: nowhere, Actor: sampleOperator, Address: "192.0.2.7", Message: "Password changed."},
		{ID: 2, Time: now.Add(-3 * time.Minute), Level: connection.LevelError, Kind: connection.KindState, ConnectionID: nowhere, Actor: connection.System, Message: "Sign-in refused: ThingsBoard refused the e-mail or the password."},
		{ID: 1, Time: now.Add(-30 * time.Hour), Level: connection.LevelWarning, Kind: connection.KindUplink, ConnectionID: nowhere, DevEUI: sampleDevEUI, Actor: connection.System, Message: "An uplink was parked: ThingsBoard refused it three times."},
	}
}

// steps are the first n steps of a test; the last of them ends as outcome says.
func steps(n int, outcome connection.Outcome, code connection.ReasonCode) []connection.StepResult {
	found := map[connection.TrialStep]string{
		connection.TrialAddress: "ThingsBoard's web address is looked for at thingsboard.example.com:443.",
		connection.TrialDNS:     "The name leads to 192.0.2.10.",
		connection.TrialTCP:     "192.0.2.10:443 takes connections.",
		connection.TrialTLS:     "thingsboard.example.com:443 speaks TLS 1.3.",
	}
	var all []connection.StepResult
	for i, step := range connection.TrialSteps {
		r := connection.StepResult{Step: step, Outcome: connection.OutcomeOK, Took: time.Duration(7*i+1) * time.Millisecond, Detail: found[step]}
		if i >= n {
			if outcome != connection.OutcomeFailed {
				break
			}
			r = connection.StepResult{Step: step, Outcome: connection.OutcomeSkipped, Detail: "Not tried, because a step before it did not succeed."}
		}
		if i == n-1 {
			r.Outcome = outcome
			if code != connection.ReasonNone {
				r.ReasonCode, r.Reason, r.Hint = code, code.Text().Sentence, code.Text().Hint
			}
		}
		all = append(all, r)
	}
	return all
}

// refused are events that ThingsBoard would not take.
func refused(now time.Time) []connection.ParkedEvent {
	document := json.RawMessage(`{"DevEUI_uplink":{"DevEUI":"` + sampleDevEUI + `","FPort":17,"payload_hex":"30e57b"}}`)
	var all []connection.ParkedEvent
	for i, code := range []connection.ReasonCode{connection.ReasonBadPayload, connection.ReasonTooLarge} {
		all = append(all, connection.ParkedEvent{
			ID: int64(2 - i), DevEUI: sampleDevEUI, Kind: "DevEUI_uplink", ReceivedAt: now.Add(-time.Hour), ParkedAt: now.Add(-50 * time.Minute),
			Attempts: 3, ReasonCode: code, Reason: code.Text().Sentence, Document: document,
		})
	}
	return all
}
