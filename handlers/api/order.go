package api

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"boardlink/connection"
	"boardlink/operation"

	"github.com/danielgtaylor/huma/v2"
)

// orders names what a list of connections can be ordered by.
var orders = []string{"id", string(operation.ByName), string(operation.ByState), string(operation.ByBacklog), string(operation.ByLastDelivered)}

func sortSchema() *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Default: orders[0]}
	for _, name := range orders {
		s.Enum = append(s.Enum, name, "-"+name)
	}
	return s
}

// aPlace is the pattern of the cursors of a list that has an order.
const aPlace = `[A-Za-z0-9_-]{1,4000}`

// order reads what the list is ordered by and where the page begins.
func (c *call) order(f *operation.Filter) error {
	text, err := c.query("sort")
	if err != nil {
		return err
	}
	name, desc := strings.CutPrefix(text, "-")
	switch {
	case text == "" || name == "id":
	case slices.Contains(orders, name):
		f.Sort = operation.Sort(name)
	default:
		return wrong("sort", "Choose among "+among(orders)+"; - in front turns the order round.", "-"+string(operation.ByBacklog))
	}
	f.Desc = desc
	cursor, err := c.query("cursor")
	if err != nil || cursor == "" {
		return err
	}
	place, ok := parsePlace(cursor, orderOf(*f))
	if !ok {
		return wrong("cursor", "Give nextCursor of the page before, with the same sort.", "")
	}
	f.After = place
	return nil
}

// orderOf writes an order as the parameter sort has it; "" is that of the ids.
func orderOf(f operation.Filter) string {
	switch {
	case f.Desc && f.Sort == operation.ByID:
		return "-id"
	case f.Desc:
		return "-" + string(f.Sort)
	}
	return string(f.Sort)
}

// placeCursor is a place in an ordered list of connections.
type placeCursor struct {
	order string
	place operation.Place
}

// encodedPlace is a place as its cursor holds it: bound to its order, for it means nothing in another one.
type encodedPlace struct {
	Order  string        `json:"o"`
	Text   string        `json:"t,omitempty"`
	Number int64         `json:"n,omitempty"`
	ID     connection.ID `json:"i"`
}

// String gives the id where the list is ordered by it, as cursors always were.
func (p placeCursor) String() string {
	if p.order == "" {
		return p.place.ID.String()
	}
	b, err := json.Marshal(encodedPlace{p.order, p.place.Text, p.place.Number, p.place.ID})
	if err != nil { // texts and numbers can be encoded
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePlace(text, order string) (p operation.Place, ok bool) {
	if order == "" {
		id, err := strconv.ParseInt(text, 10, 64)
		return operation.Place{ID: connection.ID(id)}, err == nil && id > 0
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	var e encodedPlace
	if err != nil || json.Unmarshal(b, &e) != nil {
		return p, false
	}
	return operation.Place{Text: e.Text, Number: e.Number, ID: e.ID}, e.Order == order && e.ID > 0
}

// among writes "a, b and c".
func among[T ~string](all []T) string {
	var b strings.Builder
	for i, one := range all {
		switch {
		case i == 0:
		case i == len(all)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(one))
	}
	return b.String()
}

func anyOf[T ~string](all []T) []any {
	out := make([]any, len(all))
	for i, one := range all {
		out[i] = string(one)
	}
	return out
}
