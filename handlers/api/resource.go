package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"boardlink/connection"
	"boardlink/operation"

	"github.com/danielgtaylor/huma/v2"
)

// moment is a time as the API writes it: RFC 3339 in UTC with milliseconds, or null.
type moment time.Time

// MarshalJSON implements [json.Marshaler].
func (m moment) MarshalJSON() ([]byte, error) {
	t := time.Time(m)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.UTC().Format("2006-01-02T15:04:05.000Z") + `"`), nil
}

// Schema implements [huma.SchemaProvider].
func (moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}

// resource is a connection as programs read it.
type resource struct {
	ID            string             `json:"id" readOnly:"true" example:"4339"`
	ConnectorID   string             `json:"connectorId" enum:"actility-thingsboard-iot"`
	Name          string             `json:"name"`
	Active        bool               `json:"active"`
	State         state              `json:"state" readOnly:"true"`
	StartupTime   moment             `json:"startupTime" readOnly:"true" doc:"When the link last reached OPENED."`
	Alarms        []connection.Alarm `json:"alarms" nullable:"false" maxItems:"20"`
	Configuration configuration      `json:"configuration"`
	Status        status             `json:"status" readOnly:"true"`
	UplinkURL     string             `json:"uplinkUrl" readOnly:"true" doc:"Where ThingPark posts uplinks, with the connection's uplink key."`
	Version       int64              `json:"version" readOnly:"true" doc:"Counts the changes; the ETag holds it."`
}

// state is a link's state, of which the schema lists all.
type state connection.State

// Schema implements [huma.SchemaProvider].
func (state) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, known := range connection.States {
		s.Enum = append(s.Enum, string(known))
	}
	return s
}

// status says how the link is.
type status struct {
	Since            moment `json:"since"`
	ReasonCode       string `json:"reasonCode"`
	Reason           string `json:"reason"`
	Hint             string `json:"hint"`
	Attempt          int    `json:"attempt"`
	NextAttemptAt    moment `json:"nextAttemptAt"`
	Owner            string `json:"owner"`
	Backlog          int64  `json:"backlog"`
	OldestAgeSeconds int64  `json:"oldestAgeSeconds"`
	Parked           int64  `json:"parked"`
	LastDeliveredAt  moment `json:"lastDeliveredAt"`
}

func resourceOf(v operation.View) resource {
	c, s := v.Connection, v.Status
	alarms := c.Alarms
	if alarms == nil {
		alarms = []connection.Alarm{}
	}
	return resource{
		ID: c.ID.String(), ConnectorID: c.ConnectorID, Name: c.Name, Active: c.Active,
		State: state(s.State), StartupTime: moment(s.StartupTime), Alarms: alarms, Configuration: configuration{connection: c},
		Status: status{
			Since: moment(s.Since), ReasonCode: string(s.ReasonCode), Reason: s.Reason, Hint: s.Hint,
			Attempt: s.Attempt, NextAttemptAt: moment(s.NextAttemptAt), Owner: s.Owner,
			Backlog: s.Backlog, OldestAgeSeconds: int64(s.OldestAge / time.Second), Parked: s.Parked,
			LastDeliveredAt: moment(s.LastDeliveredAt),
		},
		UplinkURL: v.UplinkURL, Version: c.Version,
	}
}

// configuration writes the settings of a connection by the table of fields; secrets as the mask, or as a placeholder of
// their own: "<password>".
type configuration struct {
	connection   connection.Connection
	placeholders bool
}

// MarshalJSON implements [json.Marshaler]. A setting without a value is left out, but for the description.
func (c configuration) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, f := range configurationFields() {
		text := f.Get(&c.connection)
		if text == "" && f.Name != "description" {
			continue
		}
		value, err := memberOf(f, text)
		if c.placeholders && f.Control == connection.ControlSecret {
			value = []byte(`"<` + f.Name + `>"`)
		}
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", f.Path, err)
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", f.Name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// memberOf writes a field's value in the type that JSON has for it.
func memberOf(f connection.Field, text string) ([]byte, error) {
	switch f.Control {
	case connection.ControlSwitch:
		return strconv.AppendBool(nil, text == "true"), nil
	case connection.ControlNumber:
		return []byte(text), nil
	}
	return json.Marshal(text)
}

// configurationFields are those of the table that stand in the member "configuration".
func configurationFields() []connection.Field {
	var list []connection.Field
	for _, f := range connection.Fields {
		if strings.HasPrefix(f.Path, "configuration.") {
			list = append(list, f)
		}
	}
	return list
}

// event is a line of the log as programs read it.
type event struct {
	ID           string           `json:"id"`
	Time         moment           `json:"time"`
	Level        connection.Level `json:"level" enum:"info,warning,error"`
	Kind         connection.Kind  `json:"kind"`
	Actor        string           `json:"actor"`
	Address      *string          `json:"address" nullable:"true" doc:"The IP address of the request that caused it; null where none did." example:"192.0.2.7"`
	ConnectionID *string          `json:"connectionId" nullable:"true"`
	DevEUI       *string          `json:"devEUI" nullable:"true"`
	Message      string           `json:"message"`
}

func eventOf(e connection.Event) event {
	out := event{
		ID: strconv.FormatInt(e.ID, 10), Time: moment(e.Time), Level: e.Level, Kind: e.Kind, Actor: e.Actor, Message: e.Message,
	}
	if e.ConnectionID != 0 {
		id := e.ConnectionID.String()
		out.ConnectionID = &id
	}
	if e.DevEUI != "" {
		out.DevEUI = &e.DevEUI
	}
	if e.Address != "" {
		out.Address = &e.Address
	}
	return out
}
