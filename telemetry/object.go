package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// maxText is the longest key, name or label that ThingsBoard keeps, in UTF-16 units (KvUtils.java); what is longer is
// acknowledged and lost.
const maxText = 255

// object builds the values of an entry: a JSON object with names that ThingsBoard keeps, each once.
type object struct {
	buf  bytes.Buffer
	used map[string]struct{}
	n    int
}

func newObject(size int) *object {
	o := &object{used: make(map[string]struct{}, 16)}
	o.buf.Grow(size)
	return o
}

// reserve keeps names for add to leave alone.
func (o *object) reserve(names ...string) {
	for _, name := range names {
		o.used[name] = struct{}{}
	}
}

// add adds a value under a name that is free. null is left out.
func (o *object) add(name string, value json.RawMessage) {
	if len(value) == 0 || string(value) == "null" {
		return
	}
	name = o.free(name)
	o.reserve(name)
	o.put(name, value)
}

// put adds a value under exactly that name.
func (o *object) put(name string, value json.RawMessage) {
	if o.n > 0 {
		o.buf.WriteByte(',')
	} else {
		o.buf.WriteByte('{')
	}
	o.n++
	o.buf.Write(quoted(name))
	o.buf.WriteByte(':')
	appendValue(&o.buf, value)
}

// object returns what was built; it must not be empty.
func (o *object) object() json.RawMessage {
	o.buf.WriteByte('}')
	return o.buf.Bytes()
}

// free returns the key for a member's name: the name as ThingsBoard keeps it, with the prefix payload_ where another
// member holds it, and a mark made of the name where that is held too.
func (o *object) free(name string) string {
	key := keyOf(name)
	if !o.taken(key) {
		return key
	}
	if key = bounded("payload_" + key); !o.taken(key) {
		return key
	}
	key = bounded(fmt.Sprintf("%s_%08x", key, hash(name)))
	for n := o.n; o.taken(key); n++ {
		key = bounded(key + "_" + strconv.Itoa(n))
	}
	return key
}

func (o *object) taken(key string) bool {
	_, held := o.used[key]
	return held
}

// keyOf makes a name fit to be a key. ThingsBoard throws away, after it was acknowledged, the whole entry that holds an
// empty key, one that looks like markup or a template (NoXssValidator.java), or a key that is too long.
func keyOf(name string) string {
	if name == "" {
		return "_"
	}
	return bounded(entityText(name))
}

// entityText replaces what ThingsBoard refuses in keys, names and labels.
func entityText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune("<>{}", r) || unicode.Is(unicode.Bidi_Control, r) {
			return '_'
		}
		return r
	}, s)
}

// bounded cuts a key that is too long and marks it with a hash, so that two long ones stay two.
func bounded(key string) string {
	const mark = 9
	if cut(key, maxText) == key {
		return key
	}
	return fmt.Sprintf("%s_%08x", cut(key, maxText-mark), hash(key))
}

// cut returns the begin of s that has at most limit UTF-16 units, by which ThingsBoard counts.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s // no text has more UTF-16 units than bytes
	}
	units := 0
	for i, r := range s {
		if units += utf16.RuneLen(r); units > limit {
			return s[:i]
		}
	}
	return s
}

func hash(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return h.Sum32()
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // a text always marshals
	return b
}

// appendValue writes a value without the white space between its parts. A number beyond a double goes out as a text:
// ThingsBoard would spend memory on its digits (BigDecimal in JsonConverter.java).
func appendValue(buf *bytes.Buffer, value json.RawMessage) {
	switch c := value[0]; {
	case c == '{' || c == '[':
		_ = json.Compact(buf, value) // the value was parsed before
	case (c == '-' || c >= '0' && c <= '9') && !reasonable(string(value)):
		buf.WriteByte('"')
		buf.Write(value)
		buf.WriteByte('"')
	default:
		buf.Write(value)
	}
}

// reasonable reports whether a number fits a double and is not written at absurd length.
func reasonable(number string) bool {
	const longest, largestExponent = 64, 308
	if len(number) > longest {
		return false
	}
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(number[i+1:])
		return err == nil && exponent <= largestExponent && exponent >= -largestExponent
	}
	return true
}
