package thingsboard

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"
	pahologger "github.com/eclipse/paho.golang/paho/log"
)

// Keeping a session alive, and noticing that it is not. The server is told keepAlive; we ask after pingAfter without a
// packet in one of the directions and give up after pingTimeout without any packet from the peer. A silent peer is thus
// found within pingAfter + pingTimeout = 20 s of its last sign of life.
const (
	keepAlive   = 15 * time.Second
	pingAfter   = 10 * time.Second
	pingTimeout = 10 * time.Second
)

var errNoPong = errors.New("the peer did not answer a ping")

// pinger keeps the session alive in place of the library's, which needs two intervals of KeepAlive to notice.
type pinger struct {
	answered func() // called for each PINGRESP; must not block
	dead     func() // called once the peer is given up, before the library is told and closes the connection

	mu             sync.Mutex
	sent, received time.Time
}

// Run pings until ctx ends or the peer is found dead. keepAlive is the server's, in seconds.
func (p *pinger) Run(ctx context.Context, conn net.Conn, keepAlive uint16) error {
	after := pingAfter
	if theirs := time.Duration(keepAlive) * time.Second; keepAlive > 0 && theirs*2/3 < after {
		after = theirs * 2 / 3
	}
	p.mu.Lock()
	p.sent, p.received = time.Now(), time.Now()
	p.mu.Unlock()
	timer := time.NewTimer(after)
	defer timer.Stop()
	var asked time.Time // when the ping went out that waits for a sign of life; zero: none does
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		sent, received := p.last()
		now := time.Now()
		if !asked.IsZero() && received.Before(asked) {
			p.dead()
			return errNoPong
		}
		asked = time.Time{}
		due := earlier(sent, received).Add(after)
		if now.Before(due) {
			timer.Reset(due.Sub(now))
			continue
		}
		asked = now
		if _, err := packets.NewControlPacket(packets.PINGREQ).WriteTo(conn); err != nil {
			return err
		}
		p.PacketSent()
		timer.Reset(pingTimeout)
	}
}

func (p *pinger) last() (sent, received time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, p.received
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// PacketSent is the library's word that it sent something.
func (p *pinger) PacketSent() {
	p.mu.Lock()
	p.sent = time.Now()
	p.mu.Unlock()
}

// PacketReceived is the library's word that something came.
func (p *pinger) PacketReceived() {
	p.mu.Lock()
	p.received = time.Now()
	p.mu.Unlock()
}

// PingResp is the library's word that a ping was answered.
func (p *pinger) PingResp() { p.answered() }

// SetDebug is asked for by the library; there is nothing to log here.
func (p *pinger) SetDebug(pahologger.Logger) {}
