package operation

import (
	"context"
	"encoding/json"
	"fmt"

	"boardlink/connection"
)

// Downlinks sends downlinks by hand, as [boardlink/link.Manager].
type Downlinks interface {
	PostDownlink(ctx context.Context, actor string, c connection.Connection, devEUI string, params json.RawMessage) (connection.Posting, error)
}

// SendDownlink sends a downlink to a device and tells what ThingPark said, within 8 s. Whether the link is open does not
// matter. devEUI may be empty where params name the device; params are those of ThingsBoard's RPC "downlink". Every error is
// a refusal: nothing was sent.
func (o *Connections) SendDownlink(ctx context.Context, actor string, id connection.ID, devEUI string, params json.RawMessage) (connection.Posting, error) {
	c, err := o.store.Connection(ctx, id)
	if err != nil {
		return connection.Posting{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	if o.downlinks == nil {
		return connection.Posting{}, connection.Fail(connection.CodeUnavailable, "Downlinks cannot be sent here.")
	}
	return o.downlinks.PostDownlink(ctx, actor, c, devEUI, params)
}
