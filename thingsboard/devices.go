package thingsboard

import (
	"context"
	"fmt"
	"net/http"

	"boardlink/connection"
)

// FindDevice looks a device up by its exact name, among those that the account may see, and returns its id; found is
// false where there is none. ThingsBoard makes any device that a gateway names, so who must not create devices asks
// here first.
func (c *Client) FindDevice(ctx context.Context, name string) (id string, found bool, err error) {
	c.mu.Lock()
	user := c.user
	c.mu.Unlock()
	var d *device
	if user.Authority == CustomerUser {
		err = c.customerDevices(ctx, user, name, func(candidate *device) bool {
			if candidate.Name == name {
				d = candidate
			}
			return d != nil
		})
	} else {
		d, err = c.deviceByName(ctx, name)
	}
	if err != nil || d == nil {
		return "", false, err
	}
	return d.ID.ID, true, nil
}

// SendTelemetry writes readings of a device over REST (TelemetryController.java), for those that are too large for
// MQTT. Nil means that they are stored. ThingsBoard's rule chains see such readings as another kind of message, and the
// device does not become active by them.
func (c *Client) SendTelemetry(ctx context.Context, deviceID string, entries []Entry) error {
	const what = "send telemetry over REST"
	if err := checkEntries(entries); err != nil {
		return err
	}
	if !uuidForm.MatchString(deviceID) {
		return fmt.Errorf("%s: %w", what, fail(connection.ReasonInternal, Device, "", nil))
	}
	err := c.call(ctx, request{method: http.MethodPost, path: "/api/plugins/telemetry/DEVICE/" + deviceID + "/timeseries/ANY", body: entries})
	a, ok := asAnswer(err)
	if !ok {
		return c.explain(what, err)
	}
	var v verdict
	switch a.status {
	case http.StatusBadRequest:
		v = verdict{connection.ReasonBadPayload, Poison}
	case http.StatusRequestEntityTooLarge:
		v = verdict{connection.ReasonTooLarge, Poison}
	case http.StatusNotFound:
		v = verdict{connection.ReasonRefused, Device}
	default:
		return c.explain(what, err)
	}
	return fmt.Errorf("%s: %w", what, &Error{Code: v.code, Kind: v.kind, Err: a.cause(), Message: told(v.code.Text().Sentence, a.text, c.secrets())})
}
