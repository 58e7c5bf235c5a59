package link

import (
	"context"
	"fmt"
	"time"

	"boardlink/connection"
	"boardlink/thingsboard"
)

// triesLater are the pauses after the first and the second refusal. After the third nothing is tried: ThingsBoard
// disables an account after too many failed sign-ins, and only an administrator there can undo that
// (DefaultSystemSecurityService.java, validateUserCredentials).
var triesLater = map[int]time.Duration{1: time.Minute, 2: 10 * time.Minute}

// nextTry tells when credentials may be presented again, as nextCredentialTry, whatever the clock did since the last
// try: its time in the database is the wall clock's, and a pause must become neither shorter nor longer by a jump.
func (k *keeper) nextTry(t connection.CredentialTries) (at time.Time, ok bool) {
	t.Last = notAfter(t.Last, k.m.now())
	if !k.refusedAt.IsZero() {
		t.Last = k.refusedAt
	}
	return nextCredentialTry(t)
}

// nextCredentialTry tells when credentials may be presented again; ok is false where that is for a person to say.
func nextCredentialTry(t connection.CredentialTries) (at time.Time, ok bool) {
	if !t.Left() {
		return time.Time{}, false
	}
	// An allowance takes one try back, whether a person gave it or a sign-in that came to no verdict.
	return t.Last.Add(triesLater[t.Tries-t.Allowance]), true
}

// notTaken shows refused credentials and plans the next try, if one is left.
func (k *keeper) notTaken(ctx context.Context, no *refused) {
	code, sentence := k.refusedWith, no.Error()
	if no.err != nil {
		code, sentence = explain(no.err)
		k.log.Warn("Credentials were refused", "reason", code)
	}
	if code == connection.ReasonNone {
		code = connection.ReasonAuthRefused
	}
	k.refusedWith, k.refusedAt = code, k.m.now()
	tries, err := k.tries(ctx)
	var next time.Time
	switch at, ok := k.nextTry(tries); {
	case err != nil:
		k.log.Warn("Credential tries could not be read", "error", err)
		next = k.m.now().Add(triesLater[2])
	case ok:
		next = at
	}
	event := "Sign-in refused: " + connection.EndSentence(sentence)
	k.schedule.told = failureKey(code, sentence)
	k.showRefused(move{code: code, reason: sentence, next: next, level: connection.LevelError, event: event}, tries)
}

// showRefused enters AUTHENTICATION_FAILED, says what comes next, and arms the next try.
func (k *keeper) showRefused(m move, tries connection.CredentialTries) {
	m.state = connection.AuthenticationFailed
	then := "The next try is at " + clock(m.next) + "."
	if m.next.IsZero() {
		m.hint = m.code.Text().Hint + " Nothing is tried until the credentials are edited or somebody chooses Retry now."
		then = "No try is left; edit the credentials or choose Retry now."
	}
	if m.event != "" {
		m.event += " " + then
	}
	k.board.enter(nil, m, func(s *connection.Status) {
		k.schedule.show(s)
		if tries.Tries > 0 {
			s.Attempt = tries.Tries
		}
	})
	k.arm(m.next)
}

// begin starts the link when the row says that it should run. Credentials that were refused keep their pause, whatever
// made the link begin anew: only new ones, or somebody who asks for a try, may present them before.
func (k *keeper) begin(ctx context.Context) {
	// A sign-in that a session made anew is counted though it was taken.
	taken := k.taken == k.row.CredentialVersion && k.taken != 0
	if k.urged || taken || k.run != nil || k.want != wantRun {
		k.start(ctx)
		return
	}
	tries, err := k.tries(ctx)
	if err != nil {
		k.start(ctx) // nothing is presented before the tries could be read
		return
	}
	at, ok := k.nextTry(tries)
	if ok && !at.After(k.m.now()) {
		k.start(ctx)
		return
	}
	if k.schedule.lostAt.IsZero() {
		k.schedule.lostAt = k.m.now() // down from here, though nothing is tried
	}
	m := move{code: k.refusedWith, next: at}
	if m.code == connection.ReasonNone {
		m.code = connection.ReasonAuthRefused
	}
	if shown := k.board.read(); shown.State == connection.AuthenticationFailed {
		m.code, m.reason = shown.ReasonCode, shown.Reason
	} else {
		m.level, m.event = connection.LevelWarning, "Not signed in: ThingsBoard refused these credentials before."
	}
	k.showRefused(m, tries)
}

// awaitTry goes on waiting for the next try after the program was started again.
func (k *keeper) awaitTry(ctx context.Context) {
	tries, err := k.tries(ctx)
	if err != nil {
		k.log.Warn("Credential tries could not be read", "error", err)
		k.arm(k.m.now().Add(triesLater[2]))
		return
	}
	at, ok := k.nextTry(tries)
	if !ok {
		return
	}
	// New credentials, which the program did not come to present before it ended, have no pause to keep.
	if !at.After(k.m.now()) {
		k.start(ctx)
		return
	}
	k.board.note(nil, func(s *connection.Status) { s.NextAttemptAt = at })
	k.arm(at)
}

// arm sets the next try; the zero time sets none.
func (k *keeper) arm(at time.Time) {
	if at.IsZero() {
		k.next.Stop()
		return
	}
	k.next.Reset(max(at.Sub(k.m.now()), 0))
}

func (k *keeper) tries(ctx context.Context) (connection.CredentialTries, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	return k.m.opt.Store.CredentialTries(ctx, k.id, k.row.CredentialVersion)
}

// signIn presents the credentials, if a try is left. The try is on disk before the login is sent, so that no crash
// makes it forgotten. A login that came to no verdict (not reached, no answer, an error of the server) gives its try
// back: only refusals count.
func (r *run) signIn(ctx context.Context, client Client) error {
	store, version := r.m.opt.Store, r.conn.CredentialVersion
	taken, err := store.TakeCredentialTry(ctx, r.k.id, version)
	if err != nil {
		return &failure{code: connection.ReasonInternal, err: fmt.Errorf("store credential try: %w", err)}
	}
	if !taken {
		return &refused{}
	}
	err = step(ctx, signInLimit, func(ctx context.Context) error {
		_, err := client.SignIn(ctx)
		return err
	})

	book, cancel := context.WithTimeout(context.WithoutCancel(ctx), readLimit)
	defer cancel()
	switch {
	case err == nil:
		if err := store.ResetCredentialTries(book, r.k.id, version); err != nil {
			r.log.Warn("Credential tries were not reset", "error", err)
		}
		return nil
	case isRefusal(err):
		return &refused{err: err}
	default:
		if err := store.AllowCredentialTry(book, r.k.id, version); err != nil {
			r.log.Warn("A credential try was not given back", "error", err)
		}
		return err
	}
}

// isRefusal reports whether ThingsBoard judged the account, as opposed to not answering.
func isRefusal(err error) bool {
	if thingsboard.KindOf(err) == thingsboard.Auth {
		return true
	}
	switch thingsboard.CodeOf(err) {
	case connection.ReasonAuthRefused, connection.ReasonAuthDisabled, connection.ReasonAuthExpired,
		connection.ReasonAuth2FA, connection.ReasonAuthSysAdmin:
		return true
	}
	return false
}

// beforeRelogin counts the logins that the client makes by itself when a token cannot be renewed. A client whose login
// was refused makes no other, so that one more shows that the one before was taken.
func (r *run) beforeRelogin(ctx context.Context) error {
	store, version := r.m.opt.Store, r.conn.CredentialVersion
	if r.relogins.Add(1) > 1 {
		if err := store.ResetCredentialTries(ctx, r.k.id, version); err != nil {
			return fmt.Errorf("reset credential tries: %w", err)
		}
	}
	taken, err := store.TakeCredentialTry(ctx, r.k.id, version)
	if err != nil {
		return fmt.Errorf("store credential try: %w", err)
	}
	if !taken {
		return &refused{}
	}
	return nil
}
