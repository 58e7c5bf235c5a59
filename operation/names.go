package operation

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"boardlink/connection"
)

// Names gives the names of these connections, as far as they are still there. It opens no secret and reads no row that did
// not change.
func (o *Connections) Names(ctx context.Context, ids ...connection.ID) (map[connection.ID]string, error) {
	names := make(map[connection.ID]string, len(ids))
	if len(ids) == 0 {
		return names, nil
	}
	all, err := o.store.Listed(ctx)
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	for _, id := range ids {
		at, there := slices.BinarySearchFunc(all, id, func(c *connection.Connection, id connection.ID) int { return cmp.Compare(c.ID, id) })
		if there {
			names[id] = all[at].Name
		}
	}
	return names, nil
}
