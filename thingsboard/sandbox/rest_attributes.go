package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// saveAttributes sets shared or server attributes; shared ones are pushed to the device.
func (s *Sandbox) saveAttributes(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	d := s.accessible(w, r, who)
	if d == nil {
		return nil
	}
	which := Scope(r.PathValue("scope"))
	if which != SharedScope && which != ServerScope {
		answerText(w, http.StatusBadRequest, "Invalid scope: "+string(which))
		return nil
	}
	var body json.RawMessage
	refusal := decode(r, &body)
	list, ok := members(body)
	values, err := castAll(list)
	if refusal != nil || !ok || err != nil || len(values) == 0 {
		answerText(w, http.StatusBadRequest, "Invalid JSON body for attributes")
		return nil
	}
	s.mu.Lock()
	s.setAttributes(d, which, values)
	var out []downlink
	if which == SharedScope {
		out = s.attributePush(d, values)
	}
	s.mu.Unlock()
	deliver(out)
	s.changes.signal()
	w.WriteHeader(http.StatusOK)
	return nil
}

// deleteAttributes removes the attributes that keys names.
func (s *Sandbox) deleteAttributes(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	d := s.accessible(w, r, who)
	if d == nil {
		return nil
	}
	which := Scope(r.PathValue("scope"))
	keys := strings.Split(r.URL.Query().Get("keys"), ",")
	s.mu.Lock()
	for _, key := range keys {
		delete(d.attributes[which], key)
	}
	var out []downlink
	if which == SharedScope {
		out = s.attributePush(d, map[string][]string{"deleted": keys})
	}
	s.mu.Unlock()
	deliver(out)
	s.changes.signal()
	w.WriteHeader(http.StatusOK)
	return nil
}

// attributePush tells a device of its shared attributes; with s.mu held.
func (s *Sandbox) attributePush(d *device, data any) []downlink {
	out := downlink{topic: topicOwnAttributes, filter: topicOwnAttributes}
	switch {
	case d.receiver != nil:
		out = downlink{to: d.receiver.session, topic: topicAttributes, filter: topicAttributes}
		data = map[string]any{"device": d.receiver.name, "data": data}
	case d.own != nil:
		out.to = d.own
	default:
		return nil
	}
	payload, err := json.Marshal(data)
	if err != nil { // what is stored was JSON
		return nil
	}
	out.payload = payload
	return []downlink{out}
}

// attributeValues lists attributes, of one scope or of all.
func (s *Sandbox) attributeValues(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	d := s.accessible(w, r, who)
	if d == nil {
		return nil
	}
	type shown struct {
		At    int64           `json:"lastUpdateTs"`
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	}
	scopes := []Scope{ServerScope, SharedScope, ClientScope}
	if which := r.PathValue("scope"); which != "" {
		scopes = []Scope{Scope(which)}
	}
	keys := r.URL.Query().Get("keys")
	out := []shown{}
	s.mu.Lock()
	for _, which := range scopes {
		for key := range sortedKeys(d.attributes[which]) {
			if keys == "" || slices.Contains(strings.Split(keys, ","), key) {
				a := d.attributes[which][key]
				out = append(out, shown{a.at, key, a.value})
			}
		}
	}
	s.mu.Unlock()
	answer(w, http.StatusOK, out)
	return nil
}
