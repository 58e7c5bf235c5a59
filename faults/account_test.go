package faults_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/faults"
	"boardlink/thingsboard/sandbox"
)

// gateways lists the gateway devices of a ThingsBoard.
func gateways(tb *sandbox.Sandbox) (names []string) {
	for _, d := range tb.Devices() {
		if d.Gateway {
			names = append(names, d.Name)
		}
	}
	return names
}

// calls counts the REST requests whose path begins so and whose status is as given; 0 stands for any.
func calls(tb *sandbox.Sandbox, method, path string, status int) (n int) {
	for _, r := range tb.Requests() {
		if r.Method == method && strings.HasPrefix(r.Path, path) && (status == 0 || r.Status == status) {
			n++
		}
	}
	return n
}

// refusals counts the REST requests that were answered with 401.
func refusals(tb *sandbox.Sandbox) (n int) {
	for _, r := range tb.Requests() {
		if r.Status == 401 {
			n++
		}
	}
	return n
}

func TestCaptive_portal_closes_the_link_and_is_not_quoted(t *testing.T) {
	t.Parallel()
	heard := tap(nil)
	w := faults.New(t, faults.Options{Devices: 2, Dial: heard.dial})
	w.TB().Set(func(b *sandbox.Behaviour) { b.RESTHTML = true })
	w.Backlog(3)
	l := w.Links[0]
	w.Start()
	s := closed(t, w, l, connection.ReasonNotThingsBoard, 20*time.Second)
	if s.Backlog != 6 {
		t.Errorf("%d wait", s.Backlog)
	}
	if n := calls(w.TB(), "POST", "/api/auth/login", 0); n != 0 {
		t.Errorf("the portal was given the password %d times", n)
	}
	never(t, w, l, "<", "html", faults.Password)
	w.TB().Calm()
	retry(t, l)
	l.Reaches(connection.Opened, 20*time.Second)

	// While the link is open, the portal stands in the way of REST alone: uplinks go on.
	w.TB().Set(func(b *sandbox.Behaviour) { b.RESTHTML = true })
	w.Backlog(3)
	w.Until("uplinks to go on over MQTT", 20*time.Second, func() bool { return w.Arrived() == 12 })
	w.Finish(patience)
}

// The clock of ThingsBoard runs ahead by three hours between the sign-in and the making of the gateway device, as a token
// does that expires while it is on its way: each call is refused with code 11 before it does anything, the token is renewed
// once, and the call repeated once. Many links do so at the same time.
func TestToken_that_expires_on_the_way_is_renewed_once_and_makes_nothing_twice(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	w := faults.New(t, faults.Options{Links: 4, Devices: 1, Sandbox: sandbox.Options{LogSize: 10_000,
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}})
	w.TB().Set(func(b *sandbox.Behaviour) { b.RESTDelay = 200 * time.Millisecond })
	w.Backlog(2)
	w.Start()
	w.Until("all to have signed in", 20*time.Second, func() bool { return calls(w.TB(), "GET", "/api/auth/user", 200) == 4 })
	ahead.Store(int64(3 * time.Hour)) // a token lives for 2 h 30 min
	for _, l := range w.Links {
		l.Reaches(connection.Opened, 20*time.Second)
	}
	if n := w.TB().LoginAttempts(faults.Account); n != 4 {
		t.Errorf("%d sign-ins for four links", n)
	}
	// A link that was ahead of the others may have asked all it had to ask.
	refused, renewed := refusals(w.TB()), calls(w.TB(), "POST", "/api/auth/token", 200)
	if refused < 1 || refused > 4 || renewed != refused {
		t.Errorf("%d calls were refused with the old tokens, and %d tokens renewed", refused, renewed)
	}
	if names := gateways(w.TB()); len(names) != 4 {
		t.Errorf("the gateway devices are %v", names)
	}
	w.TB().Calm()
	w.Finish(patience)
}

// A link asks over REST for each new device. Its token, which lives for five seconds, is renewed ahead of its end, so that
// no call is refused. Then ThingsBoard's clock jumps and every token is over at once, while forty devices are asked for:
// one renewal serves all.
func TestToken_is_renewed_ahead_and_once_for_all_who_need_it(t *testing.T) {
	t.Parallel()
	const life, paced, atOnce = 5 * time.Second, 20, 40
	var ahead atomic.Int64
	w := faults.New(t, faults.Options{Devices: paced + atOnce,
		Sandbox:   sandbox.Options{LogSize: 10_000, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }},
		Configure: func(_ int, c *connection.Connection) { c.Configuration.CreateDevices = false }})
	tb, l := w.TB(), w.Links[0]
	for _, devEUI := range l.Devices {
		if _, err := tb.AddDevice(devEUI, "LoRaWAN", false); err != nil {
			t.Fatal(err)
		}
	}
	tb.Set(func(b *sandbox.Behaviour) { b.AccessLife = life })
	// Tokens end with a whole second of ThingsBoard's. One begins now, so that the first token has nearly all of its life.
	ahead.Store(int64(time.Second) - int64(time.Now().Nanosecond()))
	w.Start()
	l.Reaches(connection.Opened, 20*time.Second)
	begun := time.Now()
	for d := range paced {
		l.Put(d)
		next := time.NewTimer(life / paced) // so that they span the token's life
		<-next.C
	}
	w.Until("what was posted to arrive", 20*time.Second, func() bool { return w.Arrived() == paced })
	renewals := func() int { return calls(tb, "POST", "/api/auth/token", 0) }
	if n, most := renewals(), int(time.Since(begun)/(4*time.Second))+1; n < 1 || n > most {
		t.Errorf("%d renewals in %v", n, time.Since(begun))
	}
	if n := refusals(tb); n != 0 {
		t.Errorf("%d calls were refused although the token was to be renewed ahead", n)
	}

	tb.Set(func(b *sandbox.Behaviour) { b.AccessLife = time.Hour })
	before := renewals()
	w.Until("a token that lives long, so that none is renewed ahead from here", 20*time.Second, func() bool { return renewals() > before })
	tb.Set(func(b *sandbox.Behaviour) { b.RESTDelay = 100 * time.Millisecond })
	before = renewals()
	ahead.Add(int64(2 * time.Hour))
	for d := paced; d < paced+atOnce; d++ {
		l.Put(d)
	}
	w.Until("all to arrive", 20*time.Second, func() bool { return w.Arrived() == paced+atOnce })
	if n := renewals() - before; n != 1 || refusals(tb) == 0 {
		t.Errorf("%d renewals for %d calls that were refused at once", n, refusals(tb))
	}
	if n := tb.LoginAttempts(faults.Account); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
	w.Finish(patience)
}

// Whatever ThingsBoard's clock says, a refresh token that is refused costs one sign-in and no more.
func TestRefresh_that_is_refused_costs_one_sign_in_whatever_the_clocks_say(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"clocks agree": 0, "ThingsBoard is an hour ahead": time.Hour, "ThingsBoard is an hour behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := faults.New(t, faults.Options{Devices: 2, Sandbox: sandbox.Options{Now: func() time.Time { return time.Now().Add(skew) }},
				Configure: func(_ int, c *connection.Connection) { c.Configuration.CreateDevices = false }})
			tb, l := w.TB(), w.Links[0]
			for _, devEUI := range l.Devices {
				if _, err := tb.AddDevice(devEUI, "LoRaWAN", false); err != nil {
					t.Fatal(err)
				}
			}
			w.Start()
			l.Reaches(connection.Opened, 20*time.Second)
			l.Put(0)
			w.Until("the first arrival", 20*time.Second, func() bool { return w.Arrived() == 1 })
			if n := tb.LoginAttempts(faults.Account); n != 1 {
				t.Errorf("%d sign-ins before anything was refused", n)
			}
			tb.ExpireTokens(faults.Account) // the refresh token too
			l.Put(1)
			w.Until("the second arrival", 20*time.Second, func() bool { return w.Arrived() == 2 })
			if n := tb.LoginAttempts(faults.Account); n != 2 {
				t.Errorf("%d sign-ins after the tokens were refused", n)
			}
			if n := calls(tb, "POST", "/api/auth/token", 0); n != 1 {
				t.Errorf("%d renewals were tried", n)
			}
			w.Finish(patience)
			if n := tb.LoginAttempts(faults.Account); n != 2 {
				t.Errorf("%d sign-ins at the end", n)
			}
		})
	}
}

// The password is changed at ThingsBoard while the link is open, which ends all tokens. The session lives by the gateway's
// own token, so uplinks go on; the password is presented once more, and not again.
func TestPassword_changed_while_the_link_is_open_is_presented_once_and_uplinks_go_on(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 4, Configure: func(_ int, c *connection.Connection) { c.Configuration.CreateDevices = false }})
	tb, l := w.TB(), w.Links[0]
	for _, devEUI := range l.Devices {
		if _, err := tb.AddDevice(devEUI, "LoRaWAN", false); err != nil {
			t.Fatal(err)
		}
	}
	w.Start()
	l.Reaches(connection.Opened, 20*time.Second)
	for _, d := range []int{0, 1} {
		l.Put(d)
	}
	w.Until("two arrivals", 20*time.Second, func() bool { return w.Arrived() == 2 })
	tb.SetPassword(faults.Account, "another")
	l.Put(2) // asks over REST, which is refused
	w.Until("the password to be presented once more", 20*time.Second, func() bool { return tb.LoginAttempts(faults.Account) == 2 })
	for range 5 {
		l.Put(0) // known, needs no REST
	}
	l.Put(3)
	w.Until("uplinks of known devices to go on", 20*time.Second, func() bool { return w.Arrived() == 7 })
	w.Until("nothing to wait but what must be asked for", 20*time.Second, func() bool { return l.Status().Backlog == 2 })
	if s := l.Status(); s.State != connection.Opened || s.ReasonCode != connection.ReasonAuthRefused {
		t.Errorf("the link is %s (%s)", s.State, s.ReasonCode)
	}
	if n := tb.LoginAttempts(faults.Account); n != 2 {
		t.Errorf("%d sign-ins", n)
	}
	told := 0
	for _, e := range w.Events() {
		if strings.Contains(e.Message, "must be asked about the device first") && e.Level == connection.LevelError {
			told++
		}
	}
	if told != 1 {
		t.Errorf("what waits was told of %d times", told)
	}
	tb.SetPassword(faults.Account, faults.Password)
	retry(t, l)
	w.Finish(patience)
}

func TestGateway_whose_token_was_changed_is_read_anew(t *testing.T) {
	t.Parallel()
	w := faults.New(t, faults.Options{Devices: 2})
	tb, l := w.TB(), w.Links[0]
	w.Start()
	w.Backlog(2)
	w.Until("the first arrivals", 20*time.Second, func() bool { return w.Arrived() == 4 })
	if _, err := tb.RotateToken(gateways(tb)[0]); err != nil {
		t.Fatal(err)
	}
	w.Backlog(2)
	s := closed(t, w, l, connection.ReasonMQTTRefused, 20*time.Second)
	if wait := time.Until(s.NextAttemptAt); wait > 20*time.Second {
		t.Errorf("the next try is in %v", wait)
	}
	retry(t, l)
	l.Reaches(connection.Opened, 20*time.Second)
	if n := calls(tb, "GET", "/api/device/", 200); n < 2 {
		t.Errorf("the credentials were read %d times", n)
	}
	if names := gateways(tb); len(names) != 1 {
		t.Errorf("the gateway devices are %v", names)
	}
	w.Finish(patience)
}

func TestGateway_that_was_deleted_is_made_anew_or_its_absence_told(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limit int // of devices; 0: none
		code  connection.ReasonCode
	}{
		"it may be made":  {0, connection.ReasonNone},
		"no room is left": {2, connection.ReasonQuota},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := faults.New(t, faults.Options{Devices: 2})
			tb, l := w.TB(), w.Links[0]
			w.Start()
			w.Backlog(2)
			w.Until("the first arrivals", 20*time.Second, func() bool { return w.Arrived() == 4 })
			old, _ := tb.Device(gateways(tb)[0])
			tb.Set(func(b *sandbox.Behaviour) { b.DeviceLimit = test.limit })
			if err := tb.Delete(old.Name); err != nil {
				t.Fatal(err)
			}
			w.Backlog(2)
			closed(t, w, l, connection.ReasonMQTTRefused, 20*time.Second)
			retry(t, l)
			if test.code != connection.ReasonNone {
				closed(t, w, l, test.code, 20*time.Second)
				if n := tb.LoginAttempts(faults.Account); n > 6 {
					t.Errorf("%d sign-ins", n)
				}
				tb.Calm()
				retry(t, l)
			}
			l.Reaches(connection.Opened, 20*time.Second)
			if names := gateways(tb); len(names) != 1 {
				t.Errorf("the gateway devices are %v", names)
			}
			if made, _ := tb.Device(gateways(tb)[0]); made.ID == old.ID || made.Name != old.Name {
				t.Errorf("the new gateway is %s %q", made.ID, made.Name)
			}
			w.Finish(patience)
		})
	}
}

func TestAccount_with_a_second_factor_is_refused_with_one_sign_in(t *testing.T) {
	t.Parallel()
	for name, account := range map[string]sandbox.Account{
		"one is set up":       {TwoFactor: true},
		"one is to be set up": {TwoFactorMissing: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := faults.New(t, faults.Options{Devices: 2})
			tb, l := w.TB(), w.Links[0]
			account.Email, account.Password = faults.Account, faults.Password
			tb.AddAccount(account)
			w.Backlog(3)
			w.Start()
			s := l.Reaches(connection.AuthenticationFailed, 20*time.Second)
			if s.ReasonCode != connection.ReasonAuth2FA || !strings.Contains(s.Reason, "second factor") || !strings.Contains(s.Hint, "service account") {
				t.Errorf("the status is %+v", s)
			}
			if wait := time.Until(s.NextAttemptAt); wait < 50*time.Second || wait > 61*time.Second {
				t.Errorf("the next try is in %v", wait)
			}
			w.Restart()
			if s := l.Reaches(connection.AuthenticationFailed, 20*time.Second); s.Backlog != 6 {
				t.Errorf("%d wait", s.Backlog)
			}
			if n := tb.LoginAttempts(faults.Account); n != 1 {
				t.Errorf("%d sign-ins", n)
			}
			tb.AddAccount(sandbox.Account{Email: faults.Account, Password: faults.Password})
			retry(t, l)
			w.Finish(patience)
			never(t, w, l, faults.Password)
		})
	}
}
