package access

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
)

// besieged are people with one operator, of whom strangers try the password.
type besieged struct {
	t *testing.T
	*People
	*clock
	m *memory
}

func newBesieged(t *testing.T) *besieged {
	t.Helper()
	p, m, c := newTestPeople(t)
	if _, err := p.FirstFromEnvironment(t.Context(), "ada@example.com", "correct horse"); err != nil {
		t.Fatal(err)
	}
	return &besieged{t, p, c, m}
}

// try gives what became of one password: "in", "wrong", or how long to wait.
func (b *besieged) try(from Origin, email string, password connection.Secret) string {
	b.t.Helper()
	_, err := b.SignIn(b.t.Context(), from, email, password)
	if wait, ok := errors.AsType[*Throttled](err); ok {
		return wait.Wait.String()
	}
	if err == nil {
		return "in"
	}
	wantCode(b.t, err, connection.CodeUnauthorized)
	return "wrong"
}

// stranger is the nth address.
func stranger(n int) Origin {
	return Origin{Address: netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String()}
}

func TestBrute_force_at_one_account_slows_down_and_does_as_much_work_for_an_unknown_one(t *testing.T) {
	for _, email := range []string{"ada@example.com", "nobody@example.com", "no address"} {
		b := newBesieged(t)
		checks := b.hasher.checks.Load()
		var told []string
		read := 0
		for n := range 100 {
			got := b.try(stranger(n), email, "wrong horse") // each from an address of its own
			if got == "wrong" {
				read++
				continue
			}
			if len(told) == 0 || told[len(told)-1] != got {
				told = append(told, got)
			}
			wait, err := time.ParseDuration(got)
			if err != nil {
				t.Fatal(err)
			}
			b.advance(wait)
		}
		if want := "[1s 2s 4s 8s 16s 32s 1m0s]"; fmt.Sprint(told) != want {
			t.Errorf("%s: the delays are %v, want %s", email, told, want)
		}
		// Who tries an e-mail that nobody has learns nothing by the time it takes: each password that is read costs one hash.
		if n := b.hasher.checks.Load() - checks; n != int64(read) {
			t.Errorf("%s: %d passwords were read and %d hashed", email, read, n)
		}
	}
}

func TestBrute_force_gets_a_bounded_number_of_tries_a_day(t *testing.T) {
	b := newBesieged(t)
	read := 0
	for end := b.at.Add(24 * time.Hour); b.at.Before(end); {
		got := b.try(stranger(read), "ada@example.com", "wrong horse")
		if wait, err := time.ParseDuration(got); err == nil {
			b.advance(wait) // to the moment
			continue
		}
		read++
	}
	if read > 1460 {
		t.Errorf("%d passwords were tried within a day", read)
	}
	b.advance(longestDelay)
	if got := b.try(stranger(0), "ada@example.com", "correct horse"); got != "in" {
		t.Errorf("the rightful person from a new browser, after the longest delay: %s", got)
	}
}

func TestBrute_force_from_one_address_at_many_accounts_slows_down(t *testing.T) {
	b := newBesieged(t)
	from := Origin{Address: "2001:db8:1:2::1"}
	read := 0
	for n := range 1000 {
		from.Address = fmt.Sprintf("2001:db8:1:2::%x", n+1) // one subscriber
		if b.try(from, fmt.Sprintf("p%d@example.com", n), "wrong horse") == "wrong" {
			read++
		}
	}
	if read != freeTries[laneAddress] {
		t.Errorf("%d passwords were read at once", read)
	}
	if got := b.try(Origin{Address: "2001:db8:1:3::1"}, "ada@example.com", "correct horse"); got != "in" {
		t.Errorf("another address: %s", got)
	}
	// An account of one's own does not wipe the address's count out.
	b.advance(forgetAfter)
	for n := range 100 {
		if b.try(from, fmt.Sprintf("q%d@example.com", n), "wrong horse") == "wrong" {
			b.try(from, "ada@example.com", "correct horse")
		}
	}
	if got := b.try(from, "ada@example.com", "correct horse"); got != "1s" {
		t.Errorf("between right ones: %s", got)
	}
}

func TestStrangers_do_not_lock_out_whose_browser_is_known(t *testing.T) {
	b := newBesieged(t)
	home := Origin{Address: "192.0.2.1"}
	if got := b.try(home, "ada@example.com", "correct horse"); got != "in" {
		t.Fatal(got)
	}
	ada, err := b.Identify(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if home.Browser, err = b.Remember(t.Context(), home, ada); err != nil {
		t.Fatal(err)
	}
	for n := range 200 {
		b.try(stranger(n), "ada@example.com", "wrong horse")
		b.try(Origin{Address: home.Address}, fmt.Sprintf("p%d@example.com", n), "wrong horse") // next door
	}
	if got := b.try(Origin{Address: home.Address}, "ada@example.com", "correct horse"); got == "in" {
		t.Error("a stranger's lane is not slow: this test shows nothing")
	}
	if got := b.try(home, "ada@example.com", "correct horse"); got != "in" {
		t.Errorf("the rightful person: %s", got)
	}
	// A known browser is no way to try passwords, and not one for other accounts.
	read := 0
	for range 50 {
		if b.try(home, "ada@example.com", "wrong horse") == "wrong" {
			read++
		}
	}
	if read != freeTries[laneBrowser] {
		t.Errorf("%d passwords were read at once", read)
	}
	if places, known, err := b.places(t.Context(), home, Operator{ID: 2}, "bob@example.com"); known || len(places) != 2 || err != nil {
		t.Errorf("known to another operator: %v, %v", places, err)
	}
}

func TestRemember_takes_no_secret_that_was_planted(t *testing.T) {
	b := newBesieged(t)
	ada := Identity{Kind: OperatorKind, ID: 1}
	planted := Origin{Browser: "planted"}
	kept, err := b.Remember(t.Context(), planted, ada)
	if err != nil || kept == planted.Browser || len(kept) != 43 {
		t.Errorf("kept %q, %v", kept.Reveal(), err)
	}
	if again, err := b.Remember(t.Context(), Origin{Browser: kept}, ada); err != nil || again != kept {
		t.Errorf("a known one is replaced: %v", err)
	}
	if _, known, err := b.places(t.Context(), planted, Operator{ID: 1}, "ada@example.com"); known || err != nil {
		t.Errorf("the planted one is known: %v", err)
	}
}

func TestConfirm_is_slowed_down_like_a_sign_in(t *testing.T) {
	b := newBesieged(t)
	var err error
	read := -1
	for wait := (*Throttled)(nil); !errors.As(err, &wait); read++ {
		err = b.Confirm(t.Context(), Origin{}, 1, "wrong horse")
	}
	if read != freeTries[laneConfirm] {
		t.Errorf("%d passwords were read at once", read)
	}
	if err := b.Confirm(t.Context(), Origin{}, 1, "correct horse"); err == nil {
		t.Error("the right one is read")
	}
	if got := b.try(Origin{}, "ada@example.com", "correct horse"); got != "in" {
		t.Errorf("signing in waits as well: %s", got)
	}
	b.advance(time.Second)
	if err := b.Confirm(t.Context(), Origin{}, 1, "correct horse"); err != nil {
		t.Error(err)
	}
	if err := b.Confirm(t.Context(), Origin{}, 1, "wrong horse"); connection.CodeOf(err) != connection.CodeInvalid {
		t.Errorf("the count did not begin anew: %v", err)
	}
}

func TestThrottle_counts_all_that_come_at_once(t *testing.T) {
	b := newBesieged(t)
	var wg sync.WaitGroup
	results := make([]string, 50)
	for i := range results {
		wg.Go(func() { results[i] = b.try(stranger(i), "ada@example.com", "wrong horse") })
	}
	wg.Wait()
	read := 0
	for _, r := range results {
		if r == "wrong" {
			read++
		}
	}
	if read > freeTries[laneAccount] {
		t.Errorf("%d passwords were read at once", read)
	}
}

func TestThrottle_forgives_what_was_not_read(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBesieged(t)
		for range hashesAtOnce {
			b.hasher.strangers.slots <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for n := range maxWaiting {
			wg.Go(func() { _, _ = b.SignIn(ctx, stranger(n), fmt.Sprintf("p%d@example.com", n), "wrong") })
		}
		synctest.Wait()
		for range 3 * freeTries[laneAccount] {
			if got := b.try(stranger(0), "ada@example.com", "correct horse"); got != "1s" {
				t.Fatalf("a busy server: %s", got)
			}
		}
		cancel()
		wg.Wait()
		for range hashesAtOnce {
			<-b.hasher.strangers.slots
		}
		if got := b.try(stranger(0), "ada@example.com", "correct horse"); got != "in" {
			t.Errorf("afterwards: %s", got)
		}
	})
}

func TestThrottle_is_bounded_and_keeps_what_is_under_attack(t *testing.T) {
	c := newClock()
	th := newThrottle(c.now)
	victim := placeOf(laneAccount, "ada@example.com")
	for range freeTries[laneAccount] {
		if err := th.admit(victim); err != nil {
			t.Fatal(err)
		}
	}
	for n := range maxLane + 20 {
		if err := th.admit(placeOf(laneAccount, fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(th.lanes[laneAccount]); n > maxLane {
		t.Errorf("%d accounts are remembered", n)
	}
	if err := th.admit(victim); err == nil {
		t.Error("made-up names have wiped the count out")
	}
	c.advance(forgetAfter)
	if err := th.admit(placeOf(laneAccount, "one more")); err != nil || len(th.lanes[laneAccount]) != 1 {
		t.Errorf("an hour later %d are remembered, %v", len(th.lanes[laneAccount]), err)
	}
}

func TestThrottle_lets_nobody_wait_for_a_clock_that_was_turned_back(t *testing.T) {
	c := newClock()
	th := newThrottle(c.now)
	p := placeOf(laneAccount, "ada@example.com")
	for range 20 {
		if th.admit(p) != nil {
			c.advance(longestDelay)
		}
	}
	c.advance(-24 * time.Hour)
	if err := th.admit(p); err != nil {
		t.Fatalf("the next: %v", err)
	}
	if wait, _ := errors.AsType[*Throttled](th.admit(p)); wait == nil || wait.Wait != longestDelay {
		t.Errorf("the one after it waits %v", wait)
	}
}

func TestThrottled_tells_whole_seconds(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		time.Millisecond: "Too many tries. Wait a second and try again.", 1001 * time.Millisecond: "Too many tries. Wait 2 seconds and try again.", time.Minute: "Too many tries. Wait 60 seconds and try again.",
	} {
		if got := (&Throttled{wait}).Error(); got != want {
			t.Errorf("%v: %s", wait, got)
		}
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "@": "@",
	} {
		if got := network(address); got != want {
			t.Errorf("%q is counted as %q", address, got)
		}
	}
}
