package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// echo is a server that says what it hears, and counts it.
type echo struct {
	net.Listener
	mu    sync.Mutex
	heard int
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{Listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				b := make([]byte, 4096)
				for {
					n, err := conn.Read(b)
					e.mu.Lock()
					e.heard += n
					e.mu.Unlock()
					if err != nil {
						return
					}
					if _, err := conn.Write(b[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return e
}

func (e *echo) bytes() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard
}

func newProxy(t *testing.T) (*Proxy, *echo) {
	t.Helper()
	e := newEcho(t)
	p, err := Listen(e.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, e
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", p.Addr(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends a text and reads as much back, within limit.
func ask(conn net.Conn, text string, limit time.Duration) (string, error) {
	_ = conn.SetDeadline(time.Now().Add(limit))
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	b := make([]byte, len(text))
	n, err := io.ReadFull(conn, b)
	return string(b[:n]), err
}

func set(t *testing.T, p *Proxy, f Fault) {
	t.Helper()
	if err := p.Set(f); err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

const moment = 150 * time.Millisecond // in which nothing comes where nothing may

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestProxy_passes_on_and_tells_the_end(t *testing.T) {
	p, _ := newProxy(t)
	conn := dial(t, p)
	if got, err := ask(conn, "hello", 5*time.Second); got != "hello" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	big := strings.Repeat("0123456789", 50_000)
	if got, err := ask(conn, big, 10*time.Second); got != big || err != nil {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if p.Accepted() != 1 || p.Open() != 1 {
		t.Errorf("accepted %d, open %d", p.Accepted(), p.Open())
	}
	_ = conn.Close()
	until(t, "the end of the pair", func() bool { return p.Open() == 0 })
}

func TestProxy_refuses_and_listens_again_on_its_port(t *testing.T) {
	p, _ := newProxy(t)
	open := dial(t, p)
	if _, err := ask(open, "before", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	set(t, p, Fault{Refuse: true})
	set(t, p, Fault{Refuse: true})
	if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
	if got, err := ask(open, "still", 5*time.Second); got != "still" {
		t.Errorf("%q, %v", got, err)
	}
	set(t, p, Fault{})
	if got, err := ask(dial(t, p), "again", 5*time.Second); got != "again" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestProxy_that_refuses_keeps_its_port_from_others(t *testing.T) {
	p, _ := newProxy(t)
	if err := p.Set(Fault{Refuse: true}); err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("tcp", p.Addr()); err == nil {
		_ = l.Close()
		t.Error("another got the port")
	}
	if err := p.Pass(); err != nil {
		t.Error(err)
	}
}

func TestProxy_is_a_black_hole_until_it_passes(t *testing.T) {
	p, _ := newProxy(t)
	if err := p.BlackHole(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("the system cannot make one")
	} else if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.DialTimeout("tcp", p.Addr(), 2*moment); !isTimeout(err) {
		t.Errorf("%v, %v", conn, err)
	}
	if err := p.Pass(); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(dial(t, p), "again", 5*time.Second); got != "again" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestProxy_keeps_silent_and_serves_when_that_is_over(t *testing.T) {
	p, e := newProxy(t)
	set(t, p, Fault{Silent: true})
	conn := dial(t, p)
	if _, err := ask(conn, "hello", moment); !isTimeout(err) {
		t.Errorf("%v", err)
	}
	if e.bytes() != 0 {
		t.Error("the server heard something")
	}
	set(t, p, Fault{})
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 5)
	if _, err := io.ReadFull(conn, b); string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestProxy_holds_what_it_does_not_read(t *testing.T) {
	p, _ := newProxy(t)
	conn := dial(t, p)
	if _, err := ask(conn, "before", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	set(t, p, Fault{Up: Way{Hold: true}})
	// More than the kernel buffers: the writer is held up.
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	sent := 0
	for {
		n, err := conn.Write(bytes.Repeat([]byte("x"), 64<<10))
		sent += n
		if err != nil {
			if !isTimeout(err) {
				t.Fatal(err)
			}
			break
		}
	}
	set(t, p, Fault{})
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if n, err := io.CopyN(io.Discard, conn, int64(sent)); err != nil {
		t.Errorf("%d of %d bytes came back: %v", n, sent, err)
	}
}

func TestProxy_loses_one_way_or_both(t *testing.T) {
	for name, f := range map[string]Fault{"up": {Up: Way{Lose: true}}, "down": {Down: Way{Lose: true}}, "half-open": HalfOpen} {
		t.Run(name, func(t *testing.T) {
			p, e := newProxy(t)
			conn := dial(t, p)
			if _, err := ask(conn, "before", 5*time.Second); err != nil {
				t.Fatal(err)
			}
			set(t, p, f)
			if _, err := ask(conn, "during", moment); !isTimeout(err) {
				t.Errorf("%v", err)
			}
			want := len("before")
			if !f.Up.Lose {
				want += len("during")
			}
			if e.bytes() != want {
				t.Errorf("the server heard %d bytes, want %d", e.bytes(), want)
			}
			_ = conn.Close()
			if f.Up.Lose {
				for end := time.Now().Add(moment / 3); time.Now().Before(end); time.Sleep(time.Millisecond) {
					if p.Open() != 1 {
						t.Fatal("the end was passed on")
					}
				}
			}
			set(t, p, Fault{})
			until(t, "the end of the pair", func() bool { return p.Open() == 0 })
		})
	}
}

func TestProxy_cuts_after_so_many_bytes(t *testing.T) {
	p, e := newProxy(t)
	conn := dial(t, p)
	if _, err := ask(conn, "before", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	set(t, p, Fault{Down: Way{CutAfter: 3}})
	if got, err := ask(conn, "0123456789", 5*time.Second); !strings.HasPrefix("012", got) || err == nil || isTimeout(err) {
		t.Errorf("%q, %v", got, err)
	}
	until(t, "what the server heard", func() bool { return e.bytes() == len("before0123456789") })
	until(t, "the end of the pair", func() bool { return p.Open() == 0 })
}

func TestProxy_is_slow(t *testing.T) {
	for name, f := range map[string]Fault{
		"latency":   {Up: Way{Latency: 60 * time.Millisecond}, Down: Way{Latency: 60 * time.Millisecond}},
		"bandwidth": {Up: Way{Rate: 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := newProxy(t)
			set(t, p, f)
			conn := dial(t, p)
			begun := time.Now()
			if _, err := ask(conn, strings.Repeat("x", 120), 10*time.Second); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begun); took < 110*time.Millisecond {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestProxy_resets_and_cuts_what_is_open(t *testing.T) {
	p, _ := newProxy(t)
	for _, c := range []struct {
		end  func()
		want error
	}{{p.Reset, syscall.ECONNRESET}, {p.Cut, io.EOF}} {
		conn := dial(t, p)
		if _, err := ask(conn, "hello", 5*time.Second); err != nil {
			t.Fatal(err)
		}
		c.end()
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, c.want) {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
	until(t, "the end of the pairs", func() bool { return p.Open() == 0 })
}

func TestProxy_aims_elsewhere_and_resets_where_nobody_is(t *testing.T) {
	p, _ := newProxy(t)
	other := newEcho(t)
	p.Aim(other.Addr().String())
	if _, err := ask(dial(t, p), "hello", 5*time.Second); err != nil || other.bytes() != 5 {
		t.Errorf("%v, %d bytes", err, other.bytes())
	}
	_ = other.Close()
	conn, err := net.DialTimeout("tcp", p.Addr(), 5*time.Second)
	if err == nil { // the reset may be there before the connection is
		t.Cleanup(func() { _ = conn.Close() })
		_, err = ask(conn, "hello", 5*time.Second)
	}
	if err == nil || isTimeout(err) {
		t.Errorf("%v", err)
	}
}

func TestClose_ends_everything_whatever_the_fault(t *testing.T) {
	before := runtime.NumGoroutine()
	for name, f := range map[string]Fault{"none": {}, "silent": {Silent: true}, "held": {Up: Way{Hold: true}, Down: Way{Hold: true}}, "half-open": HalfOpen,
		"late": {Up: Way{Latency: time.Hour}}, "refusing": {Refuse: true}} {
		t.Run(name, func(t *testing.T) {
			e := newEcho(t)
			p, err := Listen(e.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conn := dial(t, p)
			if _, err := ask(conn, "x", 5*time.Second); err != nil {
				t.Fatal(err)
			}
			set(t, p, f)
			_, _ = conn.Write([]byte("y")) // it may go nowhere
			if !f.Refuse {
				dial(t, p)
			}
			p.Close()
			p.Close()
			if err := p.Set(Fault{}); !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
	}
	until(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before+2 })
}
