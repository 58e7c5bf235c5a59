package operationtest

import (
	"context"
	"encoding/json"
	"sync"

	"boardlink/connection"
	"boardlink/operation"
)

var _ operation.Downlinks = (*Park)(nil)

// Park pretends to send downlinks to ThingPark.
type Park struct {
	// Instead, where it is set, does it.
	Instead operation.Downlinks
	// Says and Fail are the answer; without them each downlink is queued.
	Says connection.Posting
	Fail error

	mu   sync.Mutex
	sent []string
}

// Sent gives what was sent: "actor connection device params".
func (p *Park) Sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.sent...)
}

// PostDownlink implements [operation.Downlinks].
func (p *Park) PostDownlink(ctx context.Context, actor string, c connection.Connection, devEUI string, params json.RawMessage) (connection.Posting, error) {
	if p.Instead != nil {
		return p.Instead.PostDownlink(ctx, actor, c, devEUI, params)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, actor+" "+c.ID.String()+" "+devEUI+" "+string(params))
	if p.Fail != nil || p.Says.State != "" {
		return p.Says, p.Fail
	}
	return connection.Posting{State: connection.CommandQueued, Code: "queued", CorrelationID: "0102030405060708"}, nil
}
