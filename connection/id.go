package connection

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// ConnectorID names the one connector there is. It is a connection's type.
const ConnectorID = "actility-thingsboard-iot"

// ConnectorName is what people read where a program reads [ConnectorID].
const ConnectorName = "ThingsBoard"

// ID identifies a connection for ever: ids are never used again, not even after a deletion. It is a positive number
// that travels as a decimal string. Zero means "not stored yet".
type ID int64

// maxID keeps an ID within the 23 bits that the queue reserves for it beside its own sequence.
const maxID = 1<<23 - 1

// ParseID reads the decimal form of an ID. It refuses signs, leading zeros and anything out of range, so that one
// connection has one address.
func ParseID(s string) (ID, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > maxID || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("connection id %.20q: not a positive decimal number", s)
	}
	return ID(n), nil
}

func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// MarshalJSON writes the id as a string, the form the API promises.
func (id ID) MarshalJSON() ([]byte, error) { return json.Marshal(id.String()) }

// UnmarshalJSON reads the string form only.
func (id *ID) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("connection id: %w", err)
	}
	parsed, err := ParseID(s)
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
