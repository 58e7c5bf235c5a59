package sandbox

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Answers of these endpoints that are not 200 are bare texts, not error objects (AccessValidator, TelemetryController).

func (s *Sandbox) telemetryRoutes(mux *http.ServeMux) {
	const base = "/api/plugins/telemetry/DEVICE/{id}"
	mux.HandleFunc("POST "+base+"/timeseries/{scope}", s.signedIn(s.saveTelemetry))
	mux.HandleFunc("POST "+base+"/timeseries/{scope}/{ttl}", s.signedIn(s.saveTelemetry))
	mux.HandleFunc("GET "+base+"/values/timeseries", s.signedIn(s.timeseries))
	mux.HandleFunc("GET "+base+"/keys/timeseries", s.signedIn(s.timeseriesKeys))
	mux.HandleFunc("POST "+base+"/attributes/{scope}", s.signedIn(s.saveAttributes))
	mux.HandleFunc("POST "+base+"/{scope}", s.signedIn(s.saveAttributes))
	mux.HandleFunc("DELETE "+base+"/{scope}", s.signedIn(s.deleteAttributes))
	mux.HandleFunc("GET "+base+"/values/attributes", s.signedIn(s.attributeValues))
	mux.HandleFunc("GET "+base+"/values/attributes/{scope}", s.signedIn(s.attributeValues))
}

// accessible finds the device of the path, or answers with a text.
func (s *Sandbox) accessible(w http.ResponseWriter, r *http.Request, who caller) *device {
	s.mu.Lock()
	d, refusal := s.seen(who, r.PathValue("id"))
	s.mu.Unlock()
	switch {
	case refusal == nil:
		return d
	case refusal.Status == http.StatusNotFound:
		answerText(w, refusal.Status, "Device with requested id wasn't found!")
	default:
		answerText(w, refusal.Status, refusal.Message)
	}
	return nil
}

// saveTelemetry stores before it answers, unlike MQTT.
func (s *Sandbox) saveTelemetry(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	d := s.accessible(w, r, who)
	if d == nil {
		return nil
	}
	if s.current().TelemetryDenied {
		answerText(w, http.StatusForbidden, forbidden().Message)
		return nil
	}
	var body json.RawMessage
	if refusal := decode(r, &body); refusal != nil {
		answerText(w, http.StatusBadRequest, "Unable to parse timeseries payload: Invalid JSON body!")
		return nil
	}
	entries, err := readEntries(body)
	if err != nil || hasNull(body) {
		answerText(w, http.StatusBadRequest, "Unable to parse timeseries payload. Invalid JSON body: "+string(body[:min(len(body), 200)]))
		return nil
	}
	if !slices.ContainsFunc(entries, func(e entry) bool { return len(e.values) > 0 }) {
		answerText(w, http.StatusBadRequest, "No timeseries data found in request body!")
		return nil
	}
	s.store(d, entries)
	w.WriteHeader(http.StatusOK)
	return nil
}

// hasNull tells whether a value of a telemetry body is null.
func hasNull(raw json.RawMessage) bool {
	if isArray(raw) {
		var list []json.RawMessage
		return json.Unmarshal(raw, &list) == nil && slices.ContainsFunc(list, hasNull)
	}
	list, _ := members(raw)
	return slices.ContainsFunc(list, func(m member) bool {
		return string(m.value) == "null" || m.key == "values" && hasNull(m.value)
	})
}

// sample as REST shows it: the value is a text unless strict types are asked for.
type shownSample struct {
	TS    int64 `json:"ts"`
	Value any   `json:"value"`
}

func (s *Sandbox) timeseries(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	d := s.accessible(w, r, who)
	if d == nil {
		return nil
	}
	q := r.URL.Query()
	strict := q.Get("useStrictDataTypes") == "true"
	var keys []string
	if q.Get("keys") != "" {
		keys = strings.Split(q.Get("keys"), ",")
	}
	show := func(ts int64, value json.RawMessage) shownSample {
		if strict {
			return shownSample{ts, value}
		}
		return shownSample{ts, plain(value)}
	}
	out := map[string][]shownSample{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Has("startTs") && q.Has("endTs") {
		history(d, q.Get, keys, func(key string, ts int64, value json.RawMessage) { out[key] = append(out[key], show(ts, value)) })
		answer(w, http.StatusOK, out)
		return nil
	}
	if keys == nil {
		keys = slices.Collect(maps.Keys(d.series.latest))
	}
	for _, key := range keys {
		if latest, ok := d.series.latest[key]; ok {
			out[key] = []shownSample{show(latest.TS, latest.Value)}
		} else {
			out[key] = []shownSample{{s.opt.Now().UnixMilli(), nil}}
		}
	}
	answer(w, http.StatusOK, out)
	return nil
}

// history walks the stored values of keys from startTs up to and without endTs, limit each. A repeated timestamp has
// overwritten the earlier value.
func history(d *device, param func(string) string, keys []string, visit func(key string, ts int64, value json.RawMessage)) {
	number := func(name string, otherwise int64) int64 {
		if n, err := strconv.ParseInt(param(name), 10, 64); err == nil {
			return n
		}
		return otherwise
	}
	start, end, limit := number("startTs", 0), number("endTs", 0), number("limit", 100)
	for _, key := range keys {
		values := map[int64]json.RawMessage{}
		for _, p := range d.series.points {
			if v, ok := p.Values[key]; ok && p.TS >= start && p.TS < end {
				values[p.TS] = v
			}
		}
		stamps := slices.Sorted(maps.Keys(values))
		if !strings.EqualFold(param("orderBy"), "ASC") {
			slices.Reverse(stamps)
		}
		for _, ts := range stamps[:min(int64(len(stamps)), cmp.Or(limit, 100))] {
			visit(key, ts, values[ts])
		}
	}
}

func (s *Sandbox) timeseriesKeys(w http.ResponseWriter, r *http.Request, who caller) *apiError {
	if d := s.accessible(w, r, who); d != nil {
		s.mu.Lock()
		keys := slices.AppendSeq([]string{}, sortedKeys(d.series.latest))
		s.mu.Unlock()
		answer(w, http.StatusOK, keys)
	}
	return nil
}
