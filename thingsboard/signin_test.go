package thingsboard

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"boardlink/connection"
)

func TestSignIn_says_who_the_account_is(t *testing.T) {
	_, c := cloud(t)
	user, err := c.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if user.Authority != TenantAdmin || user.ID == "" {
		t.Errorf("got %+v", user)
	}
}

func TestSignIn_tells_refusals_apart(t *testing.T) {
	with := func(h http.HandlerFunc) func(*rest) {
		return func(r *rest) { r.override["/api/auth/login"] = h }
	}
	refusal := func(code int, text string) func(*rest) {
		return with(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 401, code, text) })
	}
	for _, test := range []struct {
		name   string
		server func(*rest)
		code   connection.ReasonCode
		kind   Kind
	}{
		{"a wrong password", func(r *rest) { r.password = "another" }, connection.ReasonAuthRefused, Auth},
		{"a disabled account", refusal(10, "User account is not active"), connection.ReasonAuthDisabled, Auth},
		{"the try that locks", refusal(10, "User account is locked due to security policy"), connection.ReasonAuthDisabled, Auth},
		{"an expired password", refusal(15, "User password expired!"), connection.ReasonAuthExpired, Auth},
		{"a password against the policy", refusal(45, "Password violates policy"), connection.ReasonAuthExpired, Auth},
		{"a second factor", with(func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 200, map[string]string{"token": "pre", "scope": "PRE_VERIFICATION_TOKEN"})
		}), connection.ReasonAuth2FA, Auth},
		{"a second factor to be set up", with(func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 200, map[string]string{"token": "pre", "scope": "MFA_CONFIGURATION_TOKEN"})
		}), connection.ReasonAuth2FA, Auth},
		{"no refresh token", with(func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, map[string]string{"token": "x"}) }), connection.ReasonAuth2FA, Auth},
		{"a system administrator", func(r *rest) { r.authority = sysAdmin }, connection.ReasonAuthSysAdmin, Auth},
		{"another authority", func(r *rest) { r.authority = "REFRESH_TOKEN" }, connection.ReasonPermission, Config},
		{"too many requests", with(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 429, 33, "Too many requests") }), connection.ReasonRateLimited, Throttled},
		{"a failing server", with(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 500, 2, "General error") }), connection.ReasonServerError, Transient},
		{"a page", with(page(200)), connection.ReasonNotThingsBoard, Config},
		{"a proxy's own 401", with(page(401)), connection.ReasonNotThingsBoard, Config},
		{"a JSON 401 that is not ThingsBoard's", with(func(w http.ResponseWriter, _ *http.Request) { answer(w, 401, map[string]string{"error": "no"}) }), connection.ReasonNotThingsBoard, Config},
		{"nothing at the address", with(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, 32, "no") }), connection.ReasonNotThingsBoard, Config},
		{"a redirect", with(http.RedirectHandler("https://elsewhere.example.com/login", http.StatusTemporaryRedirect).ServeHTTP), connection.ReasonNotThingsBoard, Config},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, c := cloud(t)
			server.set(test.server)
			_, err := c.SignIn(t.Context())
			wantCode(t, err, test.code, test.kind)
		})
	}
}

func TestSignIn_never_presents_a_refused_password_by_itself(t *testing.T) {
	server, c := cloud(t)
	server.set(func(r *rest) { r.password = "another" })
	_, err := c.SignIn(t.Context())
	wantCode(t, err, connection.ReasonAuthRefused, Auth)
	for range 3 {
		_, err = c.Gateway(t.Context(), gatewayName, "")
		wantCode(t, err, connection.ReasonAuthRefused, Auth)
	}
	if logins, _ := server.counts(); logins != 1 {
		t.Errorf("the password was presented %d times", logins)
	}
	server.set(func(r *rest) { r.password = canaryPassword })
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Errorf("asked to sign in again: %v", err)
	}
}

func TestSignIn_is_shared_by_who_comes_at_the_same_time(t *testing.T) {
	server, c := cloud(t)
	hold := make(chan struct{})
	server.set(func(r *rest) {
		r.override["/api/auth/login"] = func(w http.ResponseWriter, q *http.Request) {
			<-hold
			r.login(w, q)
		}
	})
	var all sync.WaitGroup
	errs := make(chan error, 8)
	begin := func() {
		all.Go(func() {
			_, err := c.SignIn(t.Context())
			errs <- err
		})
	}
	begin()
	waitUntil(t, func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.flight != nil })
	for range 7 {
		begin()
	}
	close(hold)
	all.Wait()
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	// Who came late may have found the first flight landed; together they are far fewer than eight.
	if logins, _ := server.counts(); logins > 2 {
		t.Errorf("the password was presented %d times", logins)
	}
}

func TestSignIn_goes_on_for_others_when_one_gives_up(t *testing.T) {
	server, c := cloud(t)
	hold := make(chan struct{})
	server.set(func(r *rest) {
		r.override["/api/auth/login"] = func(w http.ResponseWriter, q *http.Request) {
			<-hold
			r.login(w, q)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := c.SignIn(ctx)
		gone <- err
	}()
	waitUntil(t, func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.flight != nil })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	close(hold)
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Error(err)
	}
}

// waitUntil waits for a condition with a deadline.
func waitUntil(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("waited for 5 s")
}

// bubble runs a test in fake time with a server in clear at tb.example.com:80 and a client that has signed in.
func bubble(t *testing.T, options func(*Options), test func(t *testing.T, server *rest, c *Client)) {
	synctest.Test(t, func(t *testing.T) {
		n, server := newNetwork(), newREST()
		serveHTTP(t, n.pipe("tb.example.com:80"), server)
		o := Options{Dial: n.Dial}
		if options != nil {
			options(&o)
		}
		c, err := NewClient(Account{HostName: "tb.example.com:80", Username: testUser, Password: canaryPassword, Protocol: connection.ProtocolTCP}, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if err := c.Locate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.SignIn(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, server, c)
	})
}

func wantCounts(t *testing.T, server *rest, logins, renewals int) {
	t.Helper()
	if l, r := server.counts(); l != logins || r != renewals {
		t.Errorf("got %d sign-ins and %d renewals, want %d and %d", l, r, logins, renewals)
	}
}

func TestToken_is_renewed_at_80_percent_of_its_life(t *testing.T) {
	bubble(t, nil, func(t *testing.T, server *rest, _ *Client) {
		time.Sleep(7199 * time.Second)
		wantCounts(t, server, 1, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		wantCounts(t, server, 1, 1)
		time.Sleep(7201 * time.Second)
		synctest.Wait()
		wantCounts(t, server, 1, 2)
	})
}

func TestToken_life_does_not_depend_on_the_clocks_agreeing(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		ours := func(o *Options) { o.Now = func() time.Time { return time.Now().Add(skew) } }
		bubble(t, ours, func(t *testing.T, server *rest, c *Client) {
			time.Sleep(7201 * time.Second)
			synctest.Wait()
			wantCounts(t, server, 1, 1)
			if _, err := c.Gateway(t.Context(), gatewayName, ""); err != nil {
				t.Errorf("skew %v: %v", skew, err)
			}
			wantCounts(t, server, 1, 1)
		})
	}
}

func TestToken_that_cannot_be_renewed_costs_one_sign_in(t *testing.T) {
	asked := 0
	bubble(t, func(o *Options) { o.BeforeRelogin = func(context.Context) error { asked++; return nil } }, func(t *testing.T, server *rest, _ *Client) {
		server.set((*rest).outdate)
		time.Sleep(7201 * time.Second)
		synctest.Wait()
		wantCounts(t, server, 2, 1)
		if asked != 1 {
			t.Errorf("asked %d times before presenting the password", asked)
		}
	})
}

func TestToken_renewal_stops_when_the_password_is_refused(t *testing.T) {
	bubble(t, nil, func(t *testing.T, server *rest, c *Client) {
		server.set(func(r *rest) { r.outdate(); r.password = "changed" })
		time.Sleep(30 * 24 * time.Hour)
		synctest.Wait()
		wantCounts(t, server, 2, 1)
		_, err := c.Gateway(t.Context(), gatewayName, "")
		wantCode(t, err, connection.ReasonAuthRefused, Auth)
		wantCounts(t, server, 2, 1)
	})
}

func TestToken_renewal_asks_before_it_presents_the_password(t *testing.T) {
	used := errors.New("no tries left")
	bubble(t, func(o *Options) { o.BeforeRelogin = func(context.Context) error { return used } }, func(t *testing.T, server *rest, c *Client) {
		server.set((*rest).outdate)
		_, err := c.Gateway(t.Context(), gatewayName, "")
		if !errors.Is(err, used) {
			t.Errorf("got %v", err)
		}
		wantCounts(t, server, 1, 1)
	})
}

func TestToken_renewal_tries_again_after_trouble_that_passes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, server *rest, c *Client) {
		server.set(func(r *rest) { r.override["/api/auth/token"] = page(503) })
		time.Sleep(7201 * time.Second)
		if _, err := c.Gateway(t.Context(), gatewayName, ""); err != nil {
			t.Errorf("the old token still lives: %v", err)
		}
		server.set(func(r *rest) { delete(r.override, "/api/auth/token") })
		time.Sleep(retryRenewal + time.Second)
		synctest.Wait()
		wantCounts(t, server, 1, 1)
	})
}

func TestCall_with_an_expired_token_is_repeated_once(t *testing.T) {
	bubble(t, nil, func(t *testing.T, server *rest, c *Client) {
		server.set(func(r *rest) { r.live = map[string]time.Time{} })
		if _, err := c.Gateway(t.Context(), gatewayName, ""); err != nil {
			t.Fatal(err)
		}
		wantCounts(t, server, 1, 1)
		if len(server.devices) != 1 {
			t.Errorf("%d devices were made", len(server.devices))
		}
		server.set(func(r *rest) {
			r.override["/api/tenant/devices"] = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 401, 11, "Token has expired") }
		})
		_, err := c.Gateway(t.Context(), gatewayName, "")
		wantCode(t, err, connection.ReasonServerError, Transient)
		wantCounts(t, server, 1, 2)
	})
}

func TestCall_gives_a_silent_server_ten_seconds(t *testing.T) {
	bubble(t, nil, func(t *testing.T, server *rest, c *Client) {
		server.set(func(r *rest) {
			r.override["/api/tenant/devices"] = func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }
		})
		begin := time.Now()
		_, err := c.Gateway(t.Context(), gatewayName, "")
		wantCode(t, err, connection.ReasonTimeout, Transient)
		if took := time.Since(begin); took != callTimeout {
			t.Errorf("took %v", took)
		}
	})
}

func TestLocate_gives_a_black_hole_ten_seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.blackHole("tb.example.com:443")
		c, err := NewClient(Account{HostName: "tb.example.com:443"}, Options{Dial: n.Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begin := time.Now()
		wantCode(t, c.Locate(t.Context()), connection.ReasonTCPTimeout, Transient)
		if took := time.Since(begin); took != dialTimeout {
			t.Errorf("took %v", took)
		}
	})
}

func TestLocate_prefers_443_and_does_not_wait_for_it_for_ever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.blackHole("tb.example.com:443")
		serveHTTP(t, n.pipe("tb.example.com:8080"), newREST())
		c, err := NewClient(Account{HostName: "tb.example.com:1883", Protocol: connection.ProtocolTCP}, Options{Dial: n.Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begin := time.Now()
		if err := c.Locate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != betterProbe || base(c) != "http://tb.example.com:8080" {
			t.Errorf("took %v and found %s", took, base(c))
		}
	})
}

func TestClose_signs_out_and_ends_what_is_under_way(t *testing.T) {
	bubble(t, nil, func(t *testing.T, server *rest, c *Client) {
		c.Close()
		c.Close()
		calls := server.called()
		if calls[len(calls)-1] != "POST /api/auth/logout" {
			t.Errorf("the last call was %s", calls[len(calls)-1])
		}
		time.Sleep(24 * time.Hour)
		wantCounts(t, server, 1, 0)
		if _, err := c.SignIn(t.Context()); err == nil {
			t.Error("a closed client signed in")
		}
	})
}

func TestLifeOf_a_token(t *testing.T) {
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
	}
	for input, want := range map[string]time.Duration{
		token(`{"iat":1000,"exp":10000}`):  9000 * time.Second,
		token(`{"iat":1000,"exp":1000.5}`): time.Second,
		token(`{"iat":1000,"exp":999}`):    fallbackLife,
		token(`{"exp":10000}`):             fallbackLife,
		token(`{"iat":"1","exp":"2"}`):     fallbackLife,
		token(`{"iat":1,"exp":1e300}`):     365 * 24 * time.Hour,
		"e30.!!!.sig":                      fallbackLife,
		"opaque":                           fallbackLife,
		"":                                 fallbackLife,
	} {
		if got := lifeOf(input); got != want {
			t.Errorf("%q: got %v, want %v", input, got, want)
		}
	}
}

func FuzzLifeOf(f *testing.F) {
	f.Add("e30.eyJpYXQiOjEsImV4cCI6Mn0.x")
	f.Fuzz(func(t *testing.T, token string) {
		if life := lifeOf(token); life < minLife || life > 366*24*time.Hour {
			t.Error(fmt.Sprint(life))
		}
	})
}
