package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"boardlink/connection"
)

// OperatorStore keeps operators and set-up tokens. What is not there is a [connection.Failure] with CodeNotFound.
type OperatorStore interface {
	// CreateFirstOperator stores o if there is no operator at all, else fails with CodeConflict.
	CreateFirstOperator(ctx context.Context, o Operator) (Operator, error)
	Operator(ctx context.Context, id int64) (Operator, error)
	OperatorByEmail(ctx context.Context, email string) (Operator, error)
	CountOperators(ctx context.Context) (int, error)
	// SetPasswordHash replaces the hash; sessions stay, for it is the same password.
	SetPasswordHash(ctx context.Context, id int64, hash string) error
	SetLastSignIn(ctx context.Context, id int64, at time.Time) error

	// Operators lists at most limit operators whose id is above afterID, by their id.
	Operators(ctx context.Context, afterID int64, limit int) ([]Operator, error)
	// InviteOperator stores o, the token by which o sets a password, and the event. An e-mail that is taken is a Failure
	// with CodeConflict.
	InviteOperator(ctx context.Context, o Operator, t SetupToken, e connection.Event) (Operator, error)
	// AlterOperator reads an operator, lets decide say what becomes of it, and does that, all in one transaction. What
	// would leave nobody who is an admin and can sign in is a Failure with CodeConflict. An error of decide is given back.
	AlterOperator(ctx context.Context, id int64, decide func(now Operator) (Alteration, error)) (Operator, error)

	// SaveSetupToken stores the token of the first operator and ends one that was made before.
	SaveSetupToken(ctx context.Context, t SetupToken) error
	// SetupToken finds a token that is neither used nor expired, and whose operator is not disabled unless it enables.
	SetupToken(ctx context.Context, d Digest, now time.Time) (SetupToken, error)
	// UseSetupToken uses the token up and, in the same transaction, makes o the first operator (CodeConflict where there
	// is one), or gives the token's operator o's password hash, enables it where the token does, and ends that operator's
	// sessions.
	UseSetupToken(ctx context.Context, d Digest, now time.Time, o Operator) (Operator, error)

	AddEvent(ctx context.Context, e connection.Event) (connection.Event, error)

	BrowserRows
	PasswordRows
}

// PeopleOptions are what [NewPeople] needs beside the store.
type PeopleOptions struct {
	Hasher    *Hasher
	PublicURL string           // how browsers reach the server, for one-time links
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: nothing is logged
	// Changed is called after people were changed and an event tells of it, so that what they own looks again whether it
	// still may. Nil: nobody is told.
	Changed func()
}

// People is what can be done about operators. It is safe for concurrent use.
type People struct {
	store    OperatorStore
	hasher   *Hasher
	throttle *throttle
	public   string
	now      func() time.Time
	log      *slog.Logger
	changed  func()
}

// NewPeople makes a People over a store.
func NewPeople(store OperatorStore, opt PeopleOptions) *People {
	p := &People{store: store, hasher: opt.Hasher, public: opt.PublicURL, now: opt.Now, log: opt.Log, changed: opt.Changed}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.changed == nil {
		p.changed = func() {}
	}
	p.throttle = newThrottle(p.now)
	return p
}

// errSignIn is the one answer to a wrong e-mail and a wrong password: nobody learns which of the two it was.
func errSignIn() error {
	return connection.Fail(connection.CodeUnauthorized, "The e-mail or the password is wrong.")
}

// SignIn finds the operator with that e-mail and password. A wrong one of either is the same [connection.Failure] with
// CodeUnauthorized, after the same work; so is the right password of somebody who is disabled. After some wrong ones the next
// is not read for a while, whether it is right or not and whether anybody has the e-mail or not: a [*Throttled].
func (p *People) SignIn(ctx context.Context, from Origin, email string, password connection.Secret) (Identity, error) {
	normal, badEmail := NormalEmail(email)
	var o Operator
	if badEmail == nil {
		var err error
		o, err = p.store.OperatorByEmail(ctx, normal)
		if err != nil && connection.CodeOf(err) != connection.CodeNotFound {
			return Identity{}, fmt.Errorf("sign in: %w", err)
		}
	}
	places, known, err := p.places(ctx, from, o, normal)
	if err != nil {
		return Identity{}, fmt.Errorf("sign in: %w", err)
	}
	if !o.CanSignIn() {
		o.PasswordHash = "" // the same work for nothing
	}
	match, err := p.tries(ctx, known, o, password, places...)
	if err != nil {
		return Identity{}, fmt.Errorf("sign in: %w", err)
	}
	if !match {
		p.refused(ctx, from, o)
		return Identity{}, errSignIn()
	}
	if err := p.store.SetLastSignIn(ctx, o.ID, p.now()); err != nil {
		return Identity{}, fmt.Errorf("sign in: %w", err)
	}
	p.tell(ctx, connection.LevelInfo, o.Email, o.Email+" signed in.")
	return o.Identity(), nil
}

// refused tells of a wrong password. An e-mail that nobody has is not repeated, for many a password was typed there; it is
// told of all the same, so that its answer takes as long.
func (p *People) refused(ctx context.Context, from Origin, o Operator) {
	whose, why := "an unknown e-mail address", "the password was wrong"
	if o.ID != 0 {
		whose = o.Email
	}
	switch {
	case o.Disabled():
		why = "the account is disabled"
	case o.ID != 0 && o.Invited():
		why = "no password is set yet"
	}
	p.log.WarnContext(ctx, "Sign-in refused", "operator_id", o.ID, "address", from.Address)
	p.tell(ctx, connection.LevelWarning, connection.System, "A sign-in as "+whose+" was refused: "+why+".")
}

// tries checks a password that counts in these lanes.
func (p *People) tries(ctx context.Context, known bool, o Operator, password connection.Secret, places ...place) (bool, error) {
	if err := p.throttle.admit(places...); err != nil {
		p.log.DebugContext(ctx, "Password not read: too many were wrong", "operator_id", o.ID)
		return false, err
	}
	match, err := p.matches(ctx, known, o, password)
	var busy *Throttled
	if match || errors.As(err, &busy) {
		p.throttle.forgive(match, places...)
	}
	return match, err
}

// matches checks a password that somebody typed, and makes a hash anew that is not of today's parameters. Where there is no
// operator (the zero one) it does the same work and reports false.
func (p *People) matches(ctx context.Context, known bool, o Operator, password connection.Secret) (bool, error) {
	if len(password) > maxPassword*16 {
		password = "" // too long to be anybody's; it must not cost more than another wrong one
	}
	match, outdated, err := p.hasher.Check(ctx, known, password, o.PasswordHash)
	if err != nil {
		return false, err
	}
	if match && outdated {
		p.rehash(ctx, o.ID, password)
	}
	return match, nil
}

// rehash brings a hash up to today's parameters. It may fail: the next sign-in tries again.
func (p *People) rehash(ctx context.Context, id int64, password connection.Secret) {
	hash, err := p.hasher.Hash(ctx, password)
	if err == nil {
		err = p.store.SetPasswordHash(ctx, id, hash)
	}
	if err != nil {
		p.log.WarnContext(ctx, "Password hash not renewed", "operator_id", id, "error", err)
	}
}

// Identify gives the operator of a session as it is now, so that a changed role holds at once and a removed or disabled
// operator is nobody. The zero Identity without an error means nobody.
func (p *People) Identify(ctx context.Context, operatorID int64) (Identity, error) {
	if operatorID == 0 {
		return Identity{}, nil
	}
	o, err := p.store.Operator(ctx, operatorID)
	if connection.CodeOf(err) == connection.CodeNotFound {
		return Identity{}, nil
	}
	if err != nil {
		return Identity{}, fmt.Errorf("identify operator: %w", err)
	}
	if !o.CanSignIn() {
		return Identity{}, nil
	}
	return o.Identity(), nil
}

// tell leaves an event. What it tells of has happened, so a store that cannot take it is logged and no more.
func (p *People) tell(ctx context.Context, level connection.Level, actor, message string) {
	e := p.event(actor, message)
	e.Level = level
	_, err := p.store.AddEvent(context.WithoutCancel(ctx), e)
	if err != nil {
		p.log.ErrorContext(ctx, "Event not stored", "kind", connection.KindAccess, "error", err)
	}
}

// event is one about people.
func (p *People) event(actor, message string) connection.Event {
	return connection.Event{Time: p.now(), Level: connection.LevelInfo, Kind: connection.KindAccess, Actor: actor, Message: message}
}

// fieldsOf returns the wrong fields that a Failure names.
func fieldsOf(err error) []connection.FieldError {
	var f *connection.Failure
	if errors.As(err, &f) {
		return f.Fields
	}
	return nil
}
