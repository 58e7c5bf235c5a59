package thingpark

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// errNotObject tells that a JSON value is something else than an object.
var errNotObject = errors.New("the value is not an object")

// Members takes a JSON object apart. The members share the memory of raw. It refuses what [Parse] refuses, except for
// names that differ in case only.
func Members(raw json.RawMessage) ([]Member, error) {
	s := newScanner(raw)
	members, err := s.object(nil)
	if err != nil {
		return nil, err
	}
	return members, s.end()
}

// scanner walks over JSON text once. The decoder under it refuses invalid UTF-8, a name that occurs twice in an object
// of any depth, and anything that RFC 8259 does not allow.
type scanner struct {
	src    []byte
	dec    *jsontext.Decoder
	opened int // where the object opened last begins
}

func newScanner(src []byte) *scanner {
	return &scanner{src: src, dec: jsontext.NewDecoder(bytes.NewBuffer(src))} // a bytes.Buffer is read in place
}

// object reads a whole object. names, where it is not nil, refuses names that differ from an earlier one in case only.
func (s *scanner) object(names *caseGuard) ([]Member, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	members := make([]Member, 0, min(48, 1+len(s.src)/24)) // an uplink has about forty
	for s.dec.PeekKind() != jsontext.KindEndObject {
		name, err := s.name(names)
		if err != nil {
			return nil, err
		}
		value, err := s.value()
		if err != nil {
			return nil, err
		}
		members = append(members, Member{name, value})
	}
	_, err := s.dec.ReadToken()
	return members, err
}

// open steps into an object.
func (s *scanner) open() error {
	if s.dec.PeekKind() != jsontext.KindBeginObject {
		if _, err := s.dec.ReadValue(); err != nil {
			return err // not JSON at all, which is worth more to know
		}
		return errNotObject
	}
	if _, err := s.dec.ReadToken(); err != nil {
		return err
	}
	s.opened = int(s.dec.InputOffset()) - 1
	return nil
}

// name reads the name of the next member.
func (s *scanner) name(names *caseGuard) (string, error) {
	raw, err := s.value()
	if err != nil {
		return "", err
	}
	name, folded := known(raw)
	if name == "" {
		unquoted, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return "", err
		}
		name = string(unquoted)
		if names != nil {
			folded = fold(name)
		}
	}
	if names != nil && !names.add(folded) {
		return "", errCaseVariant
	}
	return name, nil
}

// value reads the next value and returns it as a part of the source.
func (s *scanner) value() (json.RawMessage, error) {
	v, err := s.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(s.dec.InputOffset())
	return s.src[end-len(v) : end : end], nil
}

// end checks that nothing follows.
func (s *scanner) end() error {
	_, err := s.dec.ReadToken()
	if err == io.EOF {
		return nil
	}
	if err == nil {
		return errTrailing
	}
	return err
}

var (
	errCaseVariant = errors.New("two members differ in upper and lower case only")
	errTrailing    = errors.New("something follows the document")
)

// excess says in which way a text goes beyond what a document may be.
type excess int

const (
	within  excess = iota
	tooDeep        // [MaxDepth]
	tooMany        // [MaxNames]
)

// beyond reports whether a text is made to cost much. It looks at brackets, quotes and colons only and expects a decoder
// to refuse what is not JSON; it comes first so that nothing else ever recurses deeply or remembers very many names.
func beyond(text []byte) excess {
	depth, names := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > MaxDepth {
				return tooDeep
			}
		case '}', ']':
			depth--
		case ':':
			if names++; names > MaxNames {
				return tooMany
			}
		}
	}
	return within
}

// caseGuard finds names that differ in case only. Some readers of JSON, Go's own among them, take such names for the
// same: two readers of one document could see two different devices.
type caseGuard struct{ seen map[string]struct{} }

func newCaseGuard() *caseGuard { return &caseGuard{make(map[string]struct{}, 48)} }

func (g *caseGuard) add(folded string) bool {
	if _, ok := g.seen[folded]; ok {
		return false
	}
	g.seen[folded] = struct{}{}
	return true
}

// fold gives names that differ in case only the same form.
func fold(name string) string {
	for i := 0; i < len(name); i++ {
		if name[i] >= utf8.RuneSelf {
			return strings.Map(foldRune, name)
		}
	}
	return strings.ToLower(name)
}

// foldRune returns the smallest of the characters that Unicode's simple folding makes equal, in lower case where that
// is ASCII: the Kelvin sign is a k.
func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}
