package thingsboard

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"boardlink/connection"
)

func TestLabelDevice_sets_what_no_person_set(t *testing.T) {
	const name, wanted = "0018B20000000B20", "Cold room 3"
	for what, test := range map[string]struct {
		label   any
		info    any
		written bool
	}{
		"none":                                   {nil, nil, true},
		"an empty one":                           {"", map[string]any{"description": "theirs"}, true},
		"the one that we set before":             {"Cold room 2", map[string]any{labelMark: "Cold room 2", "description": "theirs"}, true},
		"a person's":                             {"Cellar", map[string]any{}, false},
		"a person's over ours":                   {"Cellar", map[string]any{labelMark: "Cold room 2"}, false},
		"that already":                           {wanted, map[string]any{}, false},
		"that already, from us":                  {wanted, map[string]any{labelMark: wanted}, false},
		"none, since a person took it away":      {"", map[string]any{labelMark: wanted}, false},
		"none, but another name since":           {"", map[string]any{labelMark: "Cold room 2"}, true},
		"a mark that is not ours to read":        {"", map[string]any{labelMark: 7.0}, false},
		"additional information of another sort": {"", "text", false},
	} {
		t.Run(what, func(t *testing.T) {
			var id string
			server, c := signedIn(t, func(r *rest) {
				id = r.addDevice(map[string]any{"name": name, "label": test.label, "additionalInfo": test.info, "futureMember": "x"})
			})
			written, err := c.LabelDevice(t.Context(), name, wanted)
			if err != nil || written != test.written {
				t.Fatalf("written %v, %v", written, err)
			}
			d := server.stored(t, id)
			want := test.label
			info, _ := test.info.(map[string]any)
			if test.written {
				want = wanted
				if info == nil {
					info = map[string]any{}
				}
				info[labelMark] = wanted
			}
			if d["label"] != want || d["futureMember"] != "x" {
				t.Errorf("the device is %v", d)
			}
			if info != nil {
				wantInfo(t, d, info)
			}
			if wrote := slices.Contains(server.called(), "POST /api/device"); wrote != test.written {
				t.Errorf("written: %v", wrote)
			}
		})
	}
}

func TestLabelDevice_leaves_somebody_elses_change(t *testing.T) {
	var id string
	server, c := signedIn(t, func(r *rest) {
		id = r.addDevice(map[string]any{"name": "0018B20000000B20"})
		r.conflicts = 1
	})
	if written, err := c.LabelDevice(t.Context(), "0018B20000000B20", "Cold room 3"); written || !errors.Is(err, ErrChangedMeanwhile) {
		t.Errorf("written %v, %v", written, err)
	}
	if d := server.stored(t, id); d["label"] != "changed meanwhile" {
		t.Errorf("the device is %v", d)
	}
}

func TestLabelDevice_of_a_device_that_is_not_there_makes_none(t *testing.T) {
	server, c := signedIn(t, func(*rest) {})
	if written, err := c.LabelDevice(t.Context(), "0018B20000000B20", "Cold room 3"); written || err != nil {
		t.Errorf("written %v, %v", written, err)
	}
	if slices.Contains(server.called(), "POST /api/device") {
		t.Error("a device was made")
	}
}

func TestLabelDevice_asks_nothing_as_a_customer_user(t *testing.T) {
	server, c := signedIn(t, func(r *rest) {
		customer(r)
		r.addDevice(map[string]any{"name": "0018B20000000B20"})
		r.authority = CustomerUser
	})
	before := len(server.called())
	if written, err := c.LabelDevice(t.Context(), "0018B20000000B20", "Cold room 3"); written || err != nil {
		t.Errorf("written %v, %v", written, err)
	}
	if n := len(server.called()); n != before {
		t.Errorf("%d calls", n-before)
	}
}

func TestLabelDevice_tells_why_it_was_refused(t *testing.T) {
	for status, want := range map[int]connection.ReasonCode{400: connection.ReasonBadPayload, 403: connection.ReasonPermission, 429: connection.ReasonRateLimited, 503: connection.ReasonServerError} {
		_, c := signedIn(t, func(r *rest) {
			r.addDevice(map[string]any{"name": "0018B20000000B20"})
			r.override["/api/device"] = func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, 0, "no") }
		})
		if _, err := c.LabelDevice(t.Context(), "0018B20000000B20", "Cold room 3"); CodeOf(err) != want {
			t.Errorf("status %d: %v", status, err)
		}
	}
}
