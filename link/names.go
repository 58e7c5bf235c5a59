package link

import (
	"context"
	"fmt"
	"sync"
)

// names knows what ThingsBoard calls the devices of a connection: their DevEUI, unless somebody renamed them there. It
// outlives single links.
//
// A device has one name at a time: while it changes, nothing is published for the device, and what is under way under
// the old name is waited for. A publish under a name that ThingsBoard does not know any more would make a second device.
type names struct {
	mu       sync.Mutex
	gateway  string                   // the gateway device at the ThingsBoard whose names these are
	byEUI    map[string]string        // of renamed devices
	byName   map[string]string        // the same the other way round, former names too
	deleted  map[string]struct{}      // DevEUIs of devices that were deleted and not connected anew
	using    map[string]int           // publishes under way, by DevEUI
	changing map[string]chan struct{} // by DevEUI; closed when the change is over
	idle     map[string]chan struct{} // by DevEUI; closed when nothing is under way
}

func newNames() *names {
	n := &names{using: map[string]int{}, changing: map[string]chan struct{}{}, idle: map[string]chan struct{}{}}
	n.take("", nil)
	return n
}

// take makes other names the ones that count. n.mu is held, or n is new.
func (n *names) take(gateway string, byEUI map[string]string) {
	n.gateway, n.byEUI, n.byName, n.deleted = gateway, map[string]string{}, map[string]string{}, map[string]struct{}{}
	for devEUI, name := range byEUI {
		n.byEUI[devEUI], n.byName[name] = name, devEUI
	}
}

// load reads the names at a ThingsBoard, unless they are known.
func (n *names) load(gateway string, read func() (map[string]string, error)) error {
	n.mu.Lock()
	known := n.gateway == gateway
	n.mu.Unlock()
	if known {
		return nil
	}
	byEUI, err := read()
	if err != nil {
		return fmt.Errorf("read names of devices: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.take(gateway, byEUI)
	return nil
}

// at returns the gateway device at the ThingsBoard whose names these are.
func (n *names) at() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.gateway
}

// name returns what ThingsBoard calls a device. n.mu is held.
func (n *names) name(devEUI string) string {
	if name, renamed := n.byEUI[devEUI]; renamed {
		return name
	}
	return devEUI
}

// devEUI returns the DevEUI of the device that ThingsBoard calls, or called, by a name; a name that nobody knows is
// returned as it is.
func (n *names) devEUI(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if devEUI, renamed := n.byName[name]; renamed {
		return devEUI
	}
	return name
}

// now returns the name under which a device may be answered that ThingsBoard called by a name when it asked; ok is false
// where the device is gone: an answer would make another.
func (n *names) now(name string) (_ string, ok bool) {
	devEUI := n.devEUI(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	_, gone := n.deleted[devEUI]
	return n.name(devEUI), !gone
}

// use returns the name of a device for publishes, once it does not change. The name holds until done is called. The
// error is ctx's.
func (n *names) use(ctx context.Context, devEUI string) (name string, done func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.changing[devEUI] != nil {
		changed := n.changing[devEUI]
		n.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		n.mu.Lock()
		if err := ctx.Err(); err != nil {
			return "", nil, err
		}
	}
	n.using[devEUI]++
	return n.name(devEUI), sync.OnceFunc(func() { n.done(devEUI) }), nil
}

func (n *names) done(devEUI string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.using[devEUI]--; n.using[devEUI] > 0 {
		return
	}
	delete(n.using, devEUI)
	if idle := n.idle[devEUI]; idle != nil {
		close(idle)
		delete(n.idle, devEUI)
	}
}

// change waits until nothing is under way for a device and keeps it so until end is called. Changes come one after
// another. The error is ctx's.
func (n *names) change(ctx context.Context, devEUI string) (end func(), err error) {
	n.mu.Lock()
	over := make(chan struct{})
	n.changing[devEUI] = over
	var idle chan struct{}
	if n.using[devEUI] > 0 {
		idle = make(chan struct{})
		n.idle[devEUI] = idle
	}
	n.mu.Unlock()
	end = sync.OnceFunc(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.changing, devEUI)
		delete(n.idle, devEUI)
		close(over)
	})
	if idle == nil {
		return end, nil
	}
	select {
	case <-idle:
		return end, nil
	case <-ctx.Done():
		end()
		return nil, ctx.Err()
	}
}

// rename makes name the one of a device; its DevEUI takes the name back.
func (n *names) rename(devEUI, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	room(n.byName)
	delete(n.deleted, devEUI)
	n.byName[n.name(devEUI)] = devEUI // what it was called
	delete(n.byEUI, devEUI)
	if name != devEUI {
		n.byEUI[devEUI] = name
	}
	n.byName[name] = devEUI
}

// remove takes in that a device was deleted: one that is made again has its DevEUI for a name.
func (n *names) remove(devEUI string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	room(n.deleted)
	delete(n.byEUI, devEUI)
	n.deleted[devEUI] = struct{}{}
}

// connected takes in that ThingsBoard knows a device.
func (n *names) connected(devEUI string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.deleted, devEUI)
}
