package faults_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/netguard"
	"boardlink/thingsboard/sandbox"
)

const named = "tb.example.test"

// byName puts a name in the place of the address of a proxy.
func byName(hostPort, name string) string {
	_, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		panic(err) // proxies have ports
	}
	return net.JoinHostPort(name, port)
}

// guarded dials by the policy of the program, and asks a name server of the test.
func guarded(t *testing.T, s *nameServer, allow string, limit time.Duration) *netguard.Dialer {
	t.Helper()
	policy, err := netguard.ParsePolicy(allow)
	if err != nil {
		t.Fatal(err)
	}
	return policy.Dialer(limit).WithResolver(s.resolver())
}

// Ten links lose their sessions while their name server is in trouble. Their look-ups are bounded, and one at a time for
// each; a link beside them that needs no name delivers all the while.
func TestDNS_in_trouble_closes_links_by_its_class_and_holds_up_no_other(t *testing.T) {
	t.Parallel()
	sound := func(string) reply { return reply{address: "127.0.0.1"} }
	for name, test := range map[string]struct {
		trouble reply
		code    connection.ReasonCode
		says    string
	}{
		"no answer":    {reply{silent: true}, connection.ReasonDNSTimeout, "The name server did not answer."},
		"SERVFAIL":     {reply{code: dnsmessage.RCodeServerFailure}, connection.ReasonDNSTimeout, "The name server answered with an error."},
		"no such name": {reply{code: dnsmessage.RCodeNameError}, connection.ReasonDNSNotFound, "The domain name does not exist."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const troubled = 10
			s := newNameServer(t, sound)
			dialer := guarded(t, s, "127.0.0.1", time.Second) // 10 s in the program
			w := faults.New(t, faults.Options{Links: troubled + 1, Devices: 2, Dial: dialer.DialContext, Sandbox: sandbox.Options{Hosts: []string{named}},
				Configure: func(i int, c *connection.Connection) {
					if i < troubled {
						c.Configuration.HostName = byName(c.Configuration.HostName, named)
						c.Configuration.MQTTHostName = byName(c.Configuration.MQTTHostName, named)
					}
				}})
			w.Start()
			for _, l := range w.Links {
				l.Reaches(connection.Opened, 20*time.Second)
			}
			s.set(func(string) reply { return test.trouble })
			for _, l := range w.Links[:troubled] {
				l.MQTT().Reset()
			}
			beside := w.FeedTo(40, w.Links[troubled])
			waiting := w.FeedTo(5, w.Links[:troubled]...)
			for _, l := range w.Links[:troubled] {
				status := closed(t, w, l, test.code, 20*time.Second)
				if want := "https://" + named; !strings.HasPrefix(status.Reason, want) || !strings.HasSuffix(status.Reason, test.says) {
					t.Errorf("%q does not say %q of %s", status.Reason, test.says, want)
				}
				if d := l.Dials(); d.AtOnce > 1 {
					t.Errorf("%d dials at once", d.AtOnce)
				}
			}
			first := w.Arrived()
			w.Until("the link beside to go on delivering", 20*time.Second, func() bool { return w.Arrived() > first+20 })
			if state := w.Links[troubled].Status().State; state != connection.Opened {
				t.Errorf("the link beside is %s", state)
			}
			beside.Stop()
			waiting.Stop()
			s.set(sound)
			retry(t, w.Links[:troubled]...)
			w.Finish(patience)
		})
	}
}

// relay passes connections to an address of this machine on to another until the test ends.
func relay(t *testing.T, from, to string) {
	t.Helper()
	l, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	work.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				work.Go(func() {
					_, _ = io.Copy(way[1], way[0]) // either end may go
					_ = way[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		work.Wait()
	})
}

// A server moves: its name leads to another address from now on, and nobody is at the old one. Then the name is turned to
// an address that nothing may be sent to.
func TestDNS_that_changes_is_followed_at_the_next_dial_and_checked_anew(t *testing.T) {
	t.Parallel()
	s := newNameServer(t, func(string) reply { return reply{address: "127.0.0.1"} })
	dialer := guarded(t, s, "127.0.0.0/8", 10*time.Second)
	w := faults.New(t, faults.Options{Sandboxes: 2, Dial: dialer.DialContext, Sandbox: sandbox.Options{Hosts: []string{named}},
		Configure: func(_ int, c *connection.Connection) {
			c.Configuration.HostName = byName(c.Configuration.HostName, named)
			c.Configuration.MQTTHostName = byName(c.Configuration.MQTTHostName, named)
		}})
	l, there := w.Links[0], w.Sandboxes[1]
	relay(t, byName(l.REST().Addr(), "127.0.0.2"), there.HTTPAddr())
	relay(t, byName(l.MQTT().Addr(), "127.0.0.2"), there.MQTTSAddr())
	if _, err := l.Edit(func(c *connection.Connection) { c.Configuration.CACertificate += string(there.CAPEM()) }); err != nil {
		t.Fatal(err)
	}
	w.Start()
	w.Backlog(10)
	w.Until("the first arrivals", 20*time.Second, func() bool { return w.Arrived() == 40 })

	w.TB().Pause()
	s.set(func(string) reply { return reply{address: "127.0.0.2"} })
	lost := time.Now()
	w.Backlog(10)
	w.Until("the link at the new address", 20*time.Second, func() bool { return len(there.Sessions()) == 1 && w.Arrived() == 80 })
	t.Logf("followed within %v of the loss", time.Since(lost).Round(time.Millisecond))
	w.Settle(patience)

	for name, address := range map[string]string{"metadata of a cloud": "169.254.169.254", "every address": "0.0.0.0"} {
		asked := s.questions(named)
		s.set(func(string) reply { return reply{address: address} })
		there.CutSessions()
		w.Until(name+" to be refused", 20*time.Second, func() bool {
			status := l.Status()
			return status.State == connection.Closed && status.ReasonCode == connection.ReasonAddress
		})
		if s.questions(named) == asked {
			t.Errorf("%s: the name was not looked up anew", name)
		}
		w.Backlog(2)
		if status := l.Status(); status.Backlog != 8 {
			t.Errorf("%s: %d wait", name, status.Backlog)
		}
		s.set(func(string) reply { return reply{address: "127.0.0.2"} })
		retry(t, l)
		w.Settle(patience)
		l.Reaches(connection.Opened, 20*time.Second)
	}
	w.Check()
}
