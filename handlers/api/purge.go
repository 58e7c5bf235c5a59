package api

import (
	"context"
	"net/http"
)

// purge serves the dropping of what waits.
func (a *api) purge(ctx context.Context, c *call) (*affected, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	return affectedBy(a.operations.Purge(ctx, c.actor(), id))
}

func (a *api) describePurge() {
	op := a.operation("purge-connection", http.MethodPost, "/connections/{id}/purge", "Throw away for good what waits for delivery", pathID())
	op.DefaultStatus = http.StatusOK
	op.Description = "Drops the events that wait now, and tells how many there were. The link goes on; what is on its way to ThingsBoard at that moment, " +
		"and what is parked, stays. A huge backlog takes several: 503 says how many were dropped. An event in the log tells who did it."
	handle(a, op, changes, a.purge)
}
