package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// RPCOptions says how an RPC is sent.
type RPCOptions struct {
	OneWay  bool          // done once it is handed to a connection; no answer is waited for
	Timeout time.Duration // 0: 10 s, as ThingsBoard's REST
}

// rpc is a call that is not settled.
type rpc struct {
	id     int
	method string
	params json.RawMessage
	oneWay bool
	notice bool           // of the server's own, and kept over its restarts
	result chan rpcResult // takes one
}

type rpcResult struct {
	data json.RawMessage
	err  error
}

// rpcBook holds the calls to a device, numbered from 0 since the server started; under Sandbox.mu.
type rpcBook struct {
	next    int
	pending map[int]*rpc
}

func newRPCBook() rpcBook { return rpcBook{pending: map[int]*rpc{}} }

// fail settles all calls but the notices, and starts the numbering again.
func (b *rpcBook) fail(err error) {
	old := b.pending
	*b = newRPCBook()
	for _, id := range slices.Sorted(maps.Keys(old)) {
		if call := old[id]; call.notice {
			b.add(call)
		} else {
			call.result <- rpcResult{err: err}
		}
	}
}

// add numbers a call.
func (b *rpcBook) add(call *rpc) {
	call.id = b.next
	b.next++
	b.pending[call.id] = call
}

// downlink is a message on its way to a connection. It is sent without Sandbox.mu.
type downlink struct {
	to            *session
	topic, filter string
	payload       []byte
}

func deliver(list []downlink) {
	for _, d := range list {
		d.to.push(d.topic, d.filter, d.payload)
	}
}

// SendRPC calls a device by name and gives its answer; ErrTimeout where none came, ErrNoDevice, ErrStopped. The time-out is
// taken as it is, where REST raises short ones.
func (s *Sandbox) SendRPC(ctx context.Context, device, method string, params any, opt RPCOptions) (json.RawMessage, error) {
	raw, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("write the RPC's params: %w", err)
	}
	s.mu.Lock()
	d := s.devices.byName[device]
	s.mu.Unlock()
	if d == nil {
		return nil, fmt.Errorf("call %q: %w", device, ErrNoDevice)
	}
	return s.call(ctx, d, method, raw, opt)
}

func (s *Sandbox) call(ctx context.Context, d *device, method string, params json.RawMessage, opt RPCOptions) (json.RawMessage, error) {
	timeout := opt.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	s.mu.Lock()
	if s.turn == nil {
		s.mu.Unlock()
		return nil, ErrStopped
	}
	call := &rpc{method: method, params: params, oneWay: opt.OneWay, result: make(chan rpcResult, 1)}
	d.rpcs.add(call)
	out := s.dispatch(d, call)
	s.mu.Unlock()
	deliver(out)
	s.changes.signal()

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	var err error
	select {
	case r := <-call.result:
		return r.data, r.err
	case <-timer.C:
		err = ErrTimeout
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	waiting := d.rpcs.pending[call.id] == call
	if waiting {
		delete(d.rpcs.pending, call.id)
	}
	s.mu.Unlock()
	if !waiting { // settled at the last moment
		r := <-call.result
		return r.data, r.err
	}
	return nil, err
}

// dispatch hands a call to whoever receives for the device; a one-way call is settled by that. With s.mu held.
func (s *Sandbox) dispatch(d *device, call *rpc) []downlink {
	message := map[string]any{"method": call.method, "params": call.params}
	out := downlink{filter: topicOwnRPCRequest + "+", topic: topicOwnRPCRequest + strconv.Itoa(call.id)}
	switch {
	case d.receiver != nil:
		out.to, out.topic, out.filter = d.receiver.session, topicRPC, topicRPC
		message["id"] = call.id
		message = map[string]any{"device": d.receiver.name, "data": message}
	case d.own != nil:
		if _, listens := d.own.subs[out.filter]; !listens {
			return nil
		}
		out.to = d.own
	default:
		return nil
	}
	payload, err := json.Marshal(message)
	if err != nil { // params came from JSON or through it
		call.result <- rpcResult{err: fmt.Errorf("write the RPC: %w", err)}
		delete(d.rpcs.pending, call.id)
		return nil
	}
	out.payload = payload
	if call.oneWay {
		call.result <- rpcResult{}
		delete(d.rpcs.pending, call.id)
	}
	return []downlink{out}
}

// waitingFor sends all pending calls of a device again, in their order, also those sent before; with s.mu held.
func (s *Sandbox) waitingFor(d *device) []downlink {
	var out []downlink
	for _, id := range slices.Sorted(maps.Keys(d.rpcs.pending)) {
		out = append(out, s.dispatch(d, d.rpcs.pending[id])...)
	}
	return out
}

// answered settles a call; without a call of that number, or for a one-way call, nothing happens.
func (s *Sandbox) answered(d *device, id int, data json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call := d.rpcs.pending[id]; call != nil && !call.oneWay {
		call.result <- rpcResult{data: data}
		delete(d.rpcs.pending, id)
	}
}
