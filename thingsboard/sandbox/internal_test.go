package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

func TestCast_stores_what_ThingsBoard_would(t *testing.T) {
	for input, want := range map[string]string{
		`"0012"`: `12`, `"-7"`: `-7`, `"1.50"`: `1.5`, `".5"`: `0.5`, `"5."`: `"5."`, `"1E5"`: `"1E5"`, `1E5`: `100000`, `1.25e1`: `12.5`,
		`22.0`: `22.0`, `22`: `22`, `-0`: `0`, `9223372036854775807`: `9223372036854775807`, `9223372036854775808`: `"9223372036854775808"`,
		`0.12345678901234567`: `"0.12345678901234567"`, `1e999`: `"1e999"`, `true`: `true`, `"x"`: `"x"`, `""`: `""`, `null`: ``,
		`{"a": [1, "2"]}`: `{"a":[1,"2"]}`, `[ ]`: `[]`, `"+1"`: `"+1"`, `"20635F0108000E09"`: `"20635F0108000E09"`,
	} {
		if got := string(cast(json.RawMessage(input))); got != want {
			t.Errorf("cast(%s) = %s, want %s", input, got, want)
		}
	}
}

func TestBucket_refills_and_demands_all_rates(t *testing.T) {
	limit := Limit{{2, time.Second}, {3, time.Minute}}
	now := time.Unix(1000, 0)
	b := newBuckets()
	take := func(n int, after time.Duration) bool {
		now = now.Add(after)
		return b.take(bucketKey{"d", "k"}, limit, n, now)
	}
	for i, step := range []struct {
		n     int
		after time.Duration
		want  bool
	}{
		{2, 0, true}, {1, 0, false}, {1, 500 * time.Millisecond, true}, {1, time.Second, false}, // the minute's three are gone
		{1, 20 * time.Second, true}, {3, time.Hour, false}, {2, 0, true},
	} {
		if got := take(step.n, step.after); got != step.want {
			t.Errorf("step %d: %t", i, got)
		}
	}
	if text := limit.String(); text != "2:1,3:60" {
		t.Errorf("in words %s", text)
	}
}

func FuzzReadEntries(f *testing.F) {
	for _, seed := range []string{`[{"ts":1,"values":{"a":"012"}}]`, `{"a":1e5}`, `[]`, `[[]]`, `{"ts":"x","values":{}}`, `[{"a":1e-400}]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		entries, err := readEntries(raw)
		if err != nil {
			return
		}
		for _, e := range entries {
			if _, err := json.Marshal(e.values); err != nil {
				t.Errorf("%q became something that is no JSON: %v", raw, err)
			}
		}
	})
}

func FuzzReadPacket(f *testing.F) {
	f.Add([]byte{0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 1, 0, 0}, byte(0))
	f.Add([]byte{0x82, 8, 0, 1, 0, 0, 3, 'a', '/', 'b'}, byte(5)) // ends where the options should be
	f.Add([]byte{0x32, 7, 0, 1, 'a', 0, 1, 0, 'x'}, byte(5))
	f.Add([]byte{0xe0, 2, 0x8e, 200}, byte(5))
	f.Fuzz(func(_ *testing.T, raw []byte, version byte) {
		_, _ = readPacket(bufio.NewReader(bytes.NewReader(raw)), version%6, 1<<16) // an error is fine, a panic is not
	})
}
