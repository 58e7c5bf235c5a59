package thingsboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"boardlink/connection"
)

// labelMark is the member of a device's additionalInfo that keeps the label which Boardlink gave it last. It stands with
// the device, so that another installation, and this one after a restore, knows too which labels are a person's.
const labelMark = "boardlinkLabel"

// ErrChangedMeanwhile says that somebody else changed a device between its reading and its writing; theirs was left as
// it is.
var ErrChangedMeanwhile = errors.New("the device was changed meanwhile")

// LabelDevice gives the device of that name a label, over REST (DeviceController.java, saveDevice), and reports whether
// one was written. A label that a person set, or took away from what this method had set, stays as it is; so does
// everything else of the device. Nothing happens, and nothing is asked, for a [CustomerUser]: what a device is called is
// its tenant's to say. label must not be empty and is at most 255 characters. Somebody else's change at the same time
// wins: [ErrChangedMeanwhile].
func (c *Client) LabelDevice(ctx context.Context, name, label string) (written bool, err error) {
	const what = "label a device"
	c.mu.Lock()
	user := c.user
	c.mu.Unlock()
	if user.Authority == CustomerUser {
		return false, nil
	}
	d, err := c.deviceByName(ctx, name)
	if err != nil || d == nil || !d.takesLabel(label) {
		return false, err
	}
	info := d.info()
	if info[labelMark], err = json.Marshal(label); err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	whole := maps.Clone(d.all) // with its version, so that nobody's change is lost
	if whole["additionalInfo"], err = json.Marshal(info); err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	whole["label"] = info[labelMark]
	err = c.call(ctx, request{method: http.MethodPost, path: "/api/device", body: whole})
	if a, ok := asAnswer(err); ok && a.code == codeVersionConflict {
		return false, fmt.Errorf("%s: %w", what, ErrChangedMeanwhile)
	}
	if a, ok := asAnswer(err); ok && a.status == http.StatusBadRequest {
		return false, fmt.Errorf("%s: %w", what, &Error{Code: connection.ReasonBadPayload, Kind: Poison, Err: a.cause(),
			Message: told(connection.ReasonBadPayload.Text().Sentence, a.text, c.secrets())})
	}
	return err == nil, c.explain(what, err)
}

// takesLabel reports whether a device's label is ours to change, and is another than the one wanted.
func (d *device) takesLabel(label string) bool {
	if info := d.AdditionalInfo; len(info) > 0 && string(info) != "null" && info[0] != '{' {
		return false // there is no room for the mark
	}
	var now, ours string
	if raw := d.all["label"]; raw != nil && json.Unmarshal(raw, &now) != nil {
		return false
	}
	if raw := d.info()[labelMark]; raw != nil && json.Unmarshal(raw, &ours) != nil {
		return false
	}
	switch now {
	case label:
		return false
	case "":
		return ours != label // a person took away what we set
	}
	return now == ours
}
