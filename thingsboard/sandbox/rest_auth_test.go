package sandbox_test

import (
	"sync/atomic"
	"testing"
	"time"

	"boardlink/thingsboard/sandbox"
)

func refused(t *testing.T, r reply, status, code int, message string) {
	t.Helper()
	if r.Status != status || r.code() != code || r.JSON["message"] != message {
		t.Errorf("got %d %s, want %d, code %d, %q", r.Status, r.Text, status, code, message)
	}
}

func TestLogin_refuses_bad_credentials_and_counts_them(t *testing.T) {
	sb := start(t)
	refused(t, signIn(t, sb, email, "wrong"), 401, 10, "Invalid username or password")
	refused(t, signIn(t, sb, "Tenant@example.org", password), 401, 10, "Invalid username or password")
	refused(t, signIn(t, sb, email, ""), 401, 10, "Authentication failed")
	refused(t, rest(t, sb, "", "POST", "/api/auth/login", "{"), 401, 10, "Authentication failed")
	refused(t, rest(t, sb, "", "GET", "/api/auth/login", nil), 401, 10, "Authentication method not supported")
	if n := sb.LoginAttempts(email); n != 1 {
		t.Errorf("%d attempts, want 1", n)
	}
	if log := sb.Logins(); len(log) != 2 || log[0].OK || log[0].Email != email {
		t.Errorf("log %+v", log)
	}
}

func TestLogin_locks_the_account_after_too_many_failures(t *testing.T) {
	sb := start(t)
	sb.Set(func(b *sandbox.Behaviour) { b.MaxFailedLogins = 2 })
	for range 2 {
		refused(t, signIn(t, sb, email, "wrong"), 401, 10, "Invalid username or password")
	}
	refused(t, signIn(t, sb, email, "wrong"), 401, 10, "User account is locked due to security policy")
	refused(t, signIn(t, sb, email, password), 401, 10, "User account is not active")
	sb.SetDisabled(email, false)
	token(t, sb)
}

func TestLogin_tells_what_stands_in_the_way(t *testing.T) {
	sb := start(t)
	sb.AddAccount(sandbox.Account{Email: "off", Password: "p", Disabled: true})
	sb.AddAccount(sandbox.Account{Email: "old", Password: "p", PasswordExpired: true})
	refused(t, signIn(t, sb, "off", "p"), 401, 10, "User account is not active")
	old := signIn(t, sb, "old", "p")
	refused(t, old, 401, 15, "User password expired!")
	if old.JSON["resetToken"] == nil {
		t.Error("no resetToken")
	}
}

func TestLogin_of_an_account_with_a_second_factor_is_200_with_a_scope_and_no_refresh_token(t *testing.T) {
	sb := start(t)
	sb.AddAccount(sandbox.Account{Email: "two", Password: "p", TwoFactor: true})
	sb.AddAccount(sandbox.Account{Email: "must", Password: "p", TwoFactorMissing: true})
	for who, scope := range map[string]string{"two": "PRE_VERIFICATION_TOKEN", "must": "MFA_CONFIGURATION_TOKEN"} {
		r := signIn(t, sb, who, "p")
		if r.Status != 200 || r.JSON["scope"] != scope || r.JSON["refreshToken"] != nil {
			t.Fatalf("%s: %d %s", who, r.Status, r.Text)
		}
		refused(t, rest(t, sb, r.JSON["token"].(string), "GET", "/api/auth/user", nil), 403, 20, "You don't have permission to perform this operation!")
	}
}

func TestToken_expires_and_is_renewed_by_a_refresh_token_that_stays_valid(t *testing.T) {
	var ahead atomic.Int64
	sb := start(t, func(o *sandbox.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	sb.Set(func(b *sandbox.Behaviour) { b.AccessLife = time.Minute })
	pair := signIn(t, sb, email, password)
	access, refresh := pair.JSON["token"].(string), pair.JSON["refreshToken"].(string)
	ahead.Store(int64(2 * time.Minute))
	refused(t, rest(t, sb, access, "GET", "/api/auth/user", nil), 401, 11, "Token has expired")
	for range 2 {
		r := rest(t, sb, "", "POST", "/api/auth/token", map[string]string{"refreshToken": refresh})
		if r.Status != 200 {
			t.Fatalf("refresh: %d %s", r.Status, r.Text)
		}
		if r := rest(t, sb, r.JSON["token"].(string), "GET", "/api/auth/user", nil); r.Status != 200 {
			t.Fatalf("renewed token: %d %s", r.Status, r.Text)
		}
	}
	if r := rest(t, sb, "", "POST", "/api/auth/token", map[string]string{"refreshToken": token(t, sb)}); r.Status != 500 {
		t.Errorf("an access token was taken for a refresh token: %d", r.Status)
	}
	sb.Set(func(b *sandbox.Behaviour) { b.RefreshRefused = true })
	refused(t, rest(t, sb, "", "POST", "/api/auth/token", map[string]string{"refreshToken": refresh}), 401, 10, "Token is outdated")
	if n := sb.LoginAttempts(email); n != 2 {
		t.Errorf("%d logins, want 2: a refresh is none", n)
	}
}

func TestToken_ends_with_logout_and_with_the_password(t *testing.T) {
	sb := start(t)
	for name, end := range map[string]func(string){
		"logout":   func(access string) { rest(t, sb, access, "POST", "/api/auth/logout", nil) },
		"password": func(string) { sb.SetPassword(email, password) },
		"expiry":   func(string) { sb.ExpireTokens(email) },
	} {
		pair := signIn(t, sb, email, password)
		access := pair.JSON["token"].(string)
		end(access)
		t.Run(name, func(t *testing.T) {
			refused(t, rest(t, sb, access, "GET", "/api/auth/user", nil), 401, 11, "Token has expired")
			refused(t, rest(t, sb, "", "POST", "/api/auth/token", map[string]string{"refreshToken": pair.JSON["refreshToken"].(string)}),
				401, 10, "Token is outdated")
		})
	}
}

func TestAuthorization_comes_in_either_header_and_as_an_API_key_where_the_server_knows_them(t *testing.T) {
	sb := start(t)
	sb.AddAccount(sandbox.Account{Email: "key", Password: "p", APIKey: "tb_1"})
	good := token(t, sb)
	for _, headers := range [][]string{
		{"X-Authorization", "Bearer " + good}, {"Authorization", "Bearer " + good}, {"X-Authorization", "ApiKey tb_1"}, {"Authorization", "ApiKey tb_1"},
	} {
		if r := rest(t, sb, "", "GET", "/api/auth/user", nil, headers...); r.Status != 200 {
			t.Errorf("%s: %d %s", headers, r.Status, r.Text)
		}
	}
	refused(t, rest(t, sb, "", "GET", "/api/auth/user", nil), 401, 10, "Authentication failed")
	refused(t, rest(t, sb, "", "GET", "/api/auth/user", nil, "Authorization", "bearer "+good), 401, 10, "Authentication failed")
	refused(t, rest(t, sb, "garbage", "GET", "/api/auth/user", nil), 401, 10, "Invalid username or password")
	refused(t, rest(t, sb, good+"x", "GET", "/api/auth/user", nil), 401, 11, "Token has expired")
	sb.Set(func(b *sandbox.Behaviour) { b.NoAPIKeys = true })
	refused(t, rest(t, sb, "", "GET", "/api/auth/user", nil, "Authorization", "ApiKey tb_1"), 401, 10, "Invalid username or password")
}

func TestUser_shows_authority_and_customer(t *testing.T) {
	sb := start(t)
	sb.AddAccount(sandbox.Account{Email: "c", Password: "p", Authority: sandbox.CustomerUser})
	sb.AddAccount(sandbox.Account{Email: "s", Password: "p", Authority: sandbox.SysAdmin})
	for who, want := range map[string]string{"c": "CUSTOMER_USER", "s": "SYS_ADMIN"} {
		r := rest(t, sb, signIn(t, sb, who, "p").JSON["token"].(string), "GET", "/api/auth/user", nil)
		customer := r.JSON["customerId"].(map[string]any)["id"]
		if r.JSON["authority"] != want || (customer == "13814000-1dd2-11b2-8080-808080808080") == (who == "c") {
			t.Errorf("%s: %s", who, r.Text)
		}
	}
	if r := rest(t, sb, "", "GET", "/api/noauth/userPasswordPolicy", nil); r.Status != 200 || r.JSON == nil {
		t.Errorf("password policy: %d %s", r.Status, r.Text)
	}
}
