package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"boardlink/connection"
	"boardlink/faults/proxy"
	"boardlink/thingsboard/sandbox"
)

// nemesis lets things go wrong, as the seed draws: one act after the other, each with an end of its own, so that several
// are in force at once.
type nemesis struct {
	w      *World
	random *rand.Rand
	acts   []act
	log    func(format string, args ...any)

	mu    sync.Mutex
	busy  map[string]struct{} // what must not be done twice at once
	done  map[string]int
	ends  sync.WaitGroup
	fails []error
}

// act is one thing that goes wrong. begin does it and returns how to undo it, nil where that is not needed.
type act struct {
	name       string
	weight     int
	short, far time.Duration // how long it lasts
	begin      func(n *nemesis) (target string, undo func() error, err error)
}

// newNemesis makes a nemesis. longWait says that acts may be drawn after which a device waits for five minutes.
func newNemesis(w *World, longWait bool, log func(string, ...any)) *nemesis {
	n := &nemesis{w: w, random: w.Rand(1), log: log, busy: map[string]struct{}{}, done: map[string]int{}}
	for _, a := range append(networkActs(), operatorActs()...) {
		a.weight *= 3 // each strikes one link, and those of a server many
		n.acts = append(n.acts, a)
	}
	n.acts = append(n.acts, serverActs(len(w.Links), longWait)...)
	return n
}

// run acts every so often until ctx ends, and then undoes what is in force.
func (n *nemesis) run(ctx context.Context, every time.Duration) {
	over, end := context.WithCancel(context.WithoutCancel(ctx))
	defer n.ends.Wait()
	defer end()
	for {
		// Between nothing and twice as long: sometimes two things go wrong at once.
		pause := time.NewTimer(time.Duration(n.random.Float64() * 2 * float64(every)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
		n.act(over)
	}
}

// act draws an act and does it. It is undone after its time, or when over ends.
func (n *nemesis) act(over context.Context) {
	total := 0
	for _, a := range n.acts {
		total += a.weight
	}
	draw := n.random.IntN(total)
	var chosen act
	for _, a := range n.acts {
		if draw -= a.weight; draw < 0 {
			chosen = a
			break
		}
	}
	lasts := chosen.short + time.Duration(n.random.Float64()*float64(chosen.far-chosen.short))
	target, undo, err := chosen.begin(n)
	if errors.Is(err, errBusy) || errors.Is(err, errDown) {
		return
	}
	n.note(chosen.name, err)
	if undo == nil {
		return
	}
	n.log("%s of %s for %v", chosen.name, target, lasts.Round(time.Millisecond))
	n.ends.Go(func() {
		timer := time.NewTimer(lasts)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-over.Done():
		}
		n.note("", undo())
	})
}

var errBusy = errors.New("this is done already")

// claim takes a target for one act; the returned function gives it back.
func (n *nemesis) claim(target string) (release func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, taken := n.busy[target]; taken {
		return nil, errBusy
	}
	n.busy[target] = struct{}{}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.busy, target)
	}, nil
}

func (n *nemesis) note(name string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name != "" {
		n.done[name]++
	}
	if err != nil {
		n.fails = append(n.fails, fmt.Errorf("%s: %w", name, err))
	}
}

func (n *nemesis) link() *Link { return n.w.Links[n.random.IntN(len(n.w.Links))] }

// network is an act on the proxies of one link.
func network(name string, weight int, short, far time.Duration, mqttOnly bool, fault func(r *rand.Rand) proxy.Fault) act {
	return act{name, weight, short, far, func(n *nemesis) (string, func() error, error) {
		l := n.link()
		release, err := n.claim("net of " + l.String())
		if err != nil {
			return "", nil, err
		}
		f, ways := fault(n.random), []*proxy.Proxy{l.MQTT()}
		if !mqttOnly {
			ways = append(ways, l.REST())
		}
		set := func(f proxy.Fault) error {
			for _, p := range ways {
				if err := p.Set(f); err != nil {
					return err
				}
			}
			return nil
		}
		return l.String(), func() error { defer release(); return set(proxy.Fault{}) }, set(f)
	}}
}

func networkActs() []act {
	always := func(f proxy.Fault) func(*rand.Rand) proxy.Fault { return func(*rand.Rand) proxy.Fault { return f } }
	return []act{
		network("half-open", 6, time.Second, 20*time.Second, false, always(proxy.HalfOpen)),
		network("PUBACKs lost", 6, time.Second, 12*time.Second, true, always(proxy.Fault{Down: proxy.Way{Lose: true}})),
		network("held up", 4, time.Second, 15*time.Second, true, always(proxy.Fault{Up: proxy.Way{Hold: true}})),
		network("refusal", 4, time.Second, 10*time.Second, false, always(proxy.Fault{Refuse: true})),
		network("silence on connect", 3, time.Second, 15*time.Second, false, always(proxy.Fault{Silent: true})),
		network("latency", 8, 2*time.Second, 30*time.Second, false, func(r *rand.Rand) proxy.Fault {
			wait := time.Duration(10+r.IntN(300)) * time.Millisecond
			return proxy.Fault{Up: proxy.Way{Latency: wait}, Down: proxy.Way{Latency: wait}}
		}),
		network("trickle", 3, 2*time.Second, 15*time.Second, true, func(r *rand.Rand) proxy.Fault { return proxy.Fault{Up: proxy.Way{Rate: 500 + r.IntN(4000)}} }),
		network("cut within a packet", 6, time.Second, 4*time.Second, true, func(r *rand.Rand) proxy.Fault {
			return proxy.Fault{Down: proxy.Way{CutAfter: int64(1 + r.IntN(2000))}}
		}),
		{"reset", 12, 0, 0, func(n *nemesis) (string, func() error, error) {
			n.link().MQTT().Reset()
			return "", nil, nil
		}},
	}
}

// server is an act on the behaviour of one ThingsBoard. set turns it on, unset back.
func server(name string, weight int, short, far time.Duration, set func(r *rand.Rand) (on, off func(*sandbox.Behaviour))) act {
	return act{name, weight, short, far, func(n *nemesis) (string, func() error, error) {
		i := n.random.IntN(len(n.w.Sandboxes))
		release, err := n.claim(name + " of " + storeName(i))
		if err != nil {
			return "", nil, err
		}
		on, off := set(n.random)
		n.w.Sandboxes[i].Set(on)
		return storeName(i), func() error { defer release(); n.w.Sandboxes[i].Set(off); return nil }, nil
	}}
}

// switched is a server act of one switch.
func switched(name string, weight int, short, far time.Duration, which func(b *sandbox.Behaviour) *bool) act {
	return server(name, weight, short, far, func(*rand.Rand) (on, off func(*sandbox.Behaviour)) {
		return func(b *sandbox.Behaviour) { *which(b) = true }, func(b *sandbox.Behaviour) { *which(b) = false }
	})
}

func serverActs(links int, longWait bool) []act {
	acts := []act{
		{"pause of ThingsBoard", 3, 500 * time.Millisecond, 8 * time.Second, func(n *nemesis) (string, func() error, error) {
			i := n.random.IntN(len(n.w.Sandboxes))
			release, err := n.claim("pause of " + storeName(i))
			if err != nil {
				return "", nil, err
			}
			n.w.Sandboxes[i].Pause()
			return storeName(i), func() error { defer release(); return n.w.Sandboxes[i].Resume() }, nil
		}},
		{"cut of all sessions", 2, 0, 0, func(n *nemesis) (string, func() error, error) {
			n.w.Sandboxes[n.random.IntN(len(n.w.Sandboxes))].CutSessions()
			return "", nil, nil
		}},
		{"shutting down", 1, 0, 0, func(n *nemesis) (string, func() error, error) {
			n.w.Sandboxes[n.random.IntN(len(n.w.Sandboxes))].CloseSessions(0x8B)
			return "", nil, nil
		}},
		switched("freeze", 2, time.Second, 15*time.Second, func(b *sandbox.Behaviour) *bool { return &b.Freeze }),
		switched("no PUBACK", 2, time.Second, 12*time.Second, func(b *sandbox.Behaviour) *bool { return &b.PubackWithhold }),
		switched("failing queue", 1, 200*time.Millisecond, 2*time.Second, func(b *sandbox.Behaviour) *bool { return &b.QueueFails }),
		server("late PUBACKs", 4, time.Second, 20*time.Second, func(r *rand.Rand) (on, off func(*sandbox.Behaviour)) {
			wait := time.Duration(r.IntN(500)) * time.Millisecond
			return func(b *sandbox.Behaviour) { b.PubackDelay = wait }, func(b *sandbox.Behaviour) { b.PubackDelay = 0 }
		}),
		server("PUBACKs out of order", 3, time.Second, 20*time.Second, func(r *rand.Rand) (on, off func(*sandbox.Behaviour)) {
			return func(b *sandbox.Behaviour) { b.PubackReorder = 4 }, func(b *sandbox.Behaviour) { b.PubackReorder = 0 }
		}),
		server("rate limits", 2, 2*time.Second, 15*time.Second, func(r *rand.Rand) (on, off func(*sandbox.Behaviour)) {
			limits := sandbox.Limits{Telemetry: sandbox.Limit{{Count: 2 + r.IntN(6), Per: time.Second}}}
			return func(b *sandbox.Behaviour) { b.GatewayLimits = limits }, func(b *sandbox.Behaviour) { b.GatewayLimits = sandbox.Limits{} }
		}),
		server("REST errors", 2, time.Second, 10*time.Second, func(r *rand.Rand) (on, off func(*sandbox.Behaviour)) {
			return func(b *sandbox.Behaviour) { b.RESTStatus = 503 }, func(b *sandbox.Behaviour) { b.RESTStatus = 0 }
		}),
		server("refused CONNECT", 2, time.Second, 8*time.Second, func(r *rand.Rand) (on, off func(*sandbox.Behaviour)) {
			return func(b *sandbox.Behaviour) { b.ConnectCode = 0x88 }, func(b *sandbox.Behaviour) { b.ConnectCode = 0 }
		}),
	}
	codes := []byte{0x80, 0x99}
	if longWait {
		codes = append(codes, 0x97)
	}
	refusals := server("refusals of some devices", 6, 2*time.Second, 15*time.Second, func(r *rand.Rand) (on, off func(*sandbox.Behaviour)) {
		code, digit := codes[r.IntN(len(codes))], "0123456789ABCDEF"[r.IntN(links)/16%16]
		return func(b *sandbox.Behaviour) {
				b.Judge = func(p sandbox.Publish) sandbox.Verdict {
					if p.Topic == "v1/gateway/telemetry" && refusable(p.Payload, digit) {
						return sandbox.Verdict{Code: code}
					}
					return sandbox.Verdict{}
				}
			}, func(b *sandbox.Behaviour) {
				b.Judge = nil
			}
	})
	return append(acts, refusals)
}

// refusable reports whether a publish, {"02B0A2000F000000":[...]}, is of the first device of one of the sixteen links
// whose numbers have that hexadecimal digit before their last. A few of them are at each ThingsBoard.
func refusable(payload []byte, digit byte) bool {
	const name = len(`{"`)
	return len(payload) > name+16 && payload[name+8] == digit && payload[name+15] == '0'
}

// linkAct is an act on one connection, which nothing else changes meanwhile.
func linkAct(name string, weight int, short, far time.Duration, begin func(n *nemesis, l *Link) (undo func() error, err error)) act {
	return act{name, weight, short, far, func(n *nemesis) (string, func() error, error) {
		l := n.link()
		release, err := n.claim("settings of " + l.String())
		if err != nil {
			return "", nil, err
		}
		undo, err := begin(n, l)
		if err != nil || undo == nil {
			release()
			return l.String(), nil, err
		}
		return l.String(), func() error { defer release(); return undo() }, nil
	}}
}

func operatorActs() []act {
	return []act{
		linkAct("deactivation", 5, 500*time.Millisecond, 10*time.Second, func(n *nemesis, l *Link) (func() error, error) {
			_, err := l.Activate(false)
			return func() error { return n.persist(func() error { _, err := l.Activate(true); return err }) }, err
		}),
		linkAct("turn to another ThingsBoard", 5, 5*time.Second, 20*time.Second, func(n *nemesis, l *Link) (func() error, error) {
			to := (l.Target() + 1 + n.random.IntN(max(len(n.w.Sandboxes)-1, 1))) % len(n.w.Sandboxes)
			committed, err := l.Aim(to)
			if err != nil {
				return nil, err
			}
			return func() error { // nothing to undo: look where it goes
				if l.openedAfter(committed) {
					n.w.History.Aim(l.ID, storeName(to))
				}
				return nil
			}, nil
		}),
		linkAct("changed password", 4, time.Second, 15*time.Second, func(n *nemesis, l *Link) (func() error, error) {
			secret := fmt.Sprintf("secret %d", n.random.Uint32())
			for _, tb := range n.w.Sandboxes {
				tb.SetPassword(l.Account(), secret)
			}
			if n.random.IntN(2) == 0 {
				l.MQTT().Reset() // so that the old one is presented
			}
			return func() error {
				return n.persist(func() error {
					_, err := l.Edit(func(c *connection.Connection) { c.Configuration.Password = connection.Secret(secret) })
					return err
				})
			}, nil
		}),
		linkAct("edit without restart", 2, 0, 0, func(n *nemesis, l *Link) (func() error, error) {
			strategies := []connection.Strategy{connection.StrategyNormal, connection.StrategyAggressive}
			strategy := strategies[n.random.IntN(len(strategies))]
			_, err := l.Edit(func(c *connection.Connection) { c.Configuration.ReconnectStrategy = strategy })
			return nil, err
		}),
		linkAct("restart of a link", 3, 0, 0, func(_ *nemesis, l *Link) (func() error, error) { return nil, l.Restart() }),
		{"restart of Boardlink", 1, 100 * time.Millisecond, 3 * time.Second, func(n *nemesis) (string, func() error, error) {
			release, err := n.claim("Boardlink")
			if err != nil {
				return "", nil, err
			}
			n.w.Stop()
			return "Boardlink", func() error { defer release(); n.w.Start(); return nil }, nil
		}},
	}
}

// persist tries again while Boardlink is down.
func (n *nemesis) persist(f func() error) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if err := f(); !errors.Is(err, errDown) || time.Now().After(end) {
			return err
		}
	}
}
