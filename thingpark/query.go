package thingpark

import (
	"net/url"
	"slices"
	"strings"

	"boardlink/connection"
)

// KeyParameter is the query parameter in which an uplink address may carry its key. It is Boardlink's own: ThingPark
// keeps it in front of its parameters.
const KeyParameter = "key"

// queryParameters are those that ThingPark adds to the address it posts to (actility/thingpark-integrations,
// docs/README.md 2.1.3).
var queryParameters = []string{"LrnDevEui", "LrnFPort", "LrnInfos", "AS_ID", "Time", "Token"}

// reportQuery is the query of a signed report, taken apart the way ThingPark signs it.
type reportQuery struct {
	values map[string]string // of queryParameters, as far as they are there
	pairs  []string          // every "name=value" without the Token, decoded, in the order received
}

// parseQuery decodes a raw query. A + stays a +, as ThingPark writes it in times without encoding it; url.Values would
// make a space of it. Each of ThingPark's parameters may be there once only.
func parseQuery(raw string) (reportQuery, error) {
	q := reportQuery{values: make(map[string]string, len(queryParameters))}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		decoded, err := url.PathUnescape(pair)
		if err != nil {
			return reportQuery{}, connection.Fail(connection.CodeInvalid, "The query of the address is not percent-encoded as it should be.")
		}
		name, value, _ := strings.Cut(decoded, "=")
		if slices.Contains(queryParameters, name) {
			if _, twice := q.values[name]; twice {
				return reportQuery{}, connection.Fail(connection.CodeInvalid, "The query parameter %s is there more than once.", name)
			}
			q.values[name] = value
		}
		if name != "Token" {
			q.pairs = append(q.pairs, decoded)
		}
	}
	return q, nil
}

// signed returns the texts that ThingPark may have signed: the query without the Token and, where the address carries
// its key, also without that.
func (q reportQuery) signed() []string {
	texts := []string{strings.Join(q.pairs, "&")}
	if other := slices.DeleteFunc(slices.Clone(q.pairs), func(pair string) bool {
		return strings.HasPrefix(pair, KeyParameter+"=")
	}); len(other) < len(q.pairs) {
		texts = append(texts, strings.Join(other, "&"))
	}
	return texts
}
