package link

import (
	"encoding/json"
	"fmt"

	"boardlink/thingpark"
	"boardlink/thingsboard"
)

// piece is what goes out in one publish.
type piece struct {
	entries []thingsboard.Entry
	points  int // data points, 0 where nobody counts them
}

// pieces makes publishes of entries: one, unless they have more data points than one publish may have (most; 0: any
// number). Then each part has the time of the entry it was cut from: ThingsBoard keeps each key for itself, so together
// they are what the one was.
func pieces(entries []thingsboard.Entry, most int) ([]piece, error) {
	if most <= 0 {
		return []piece{{entries: entries}}, nil
	}
	var parts []piece
	points := 0
	for _, e := range entries {
		members, err := thingpark.Members(e.Values) // each top-level value is a data point (JsonConverter.java)
		if err != nil {
			return nil, fmt.Errorf("count data points: %w", err)
		}
		for points += len(members); len(members) > 0; {
			n := min(most, len(members))
			values, err := object(members[:n])
			if err != nil {
				return nil, err
			}
			parts = append(parts, piece{[]thingsboard.Entry{{TS: e.TS, Values: values}}, n})
			members = members[n:]
		}
	}
	if points <= most {
		return []piece{{entries, points}}, nil
	}
	return parts, nil
}

func object(members []thingpark.Member) (json.RawMessage, error) {
	values := []byte{'{'}
	for i, m := range members {
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, fmt.Errorf("write an entry: %w", err)
		}
		if i > 0 {
			values = append(values, ',')
		}
		values = append(append(append(values, name...), ':'), m.Value...)
	}
	return append(values, '}'), nil
}
