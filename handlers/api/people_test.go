package api_test

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"
	"boardlink/db"
	"boardlink/web/webtest"
)

// ann is the person with the id 1, an admin with a password.
const (
	ann         = "ann@example.com"
	annPassword = connection.Secret("the password of ann")
)

// peopleOnDisk is the real people over a real database, which is opened when somebody asks: most tests do not. The test
// server's own operators, who sign in, are others.
type peopleOnDisk struct {
	Fail error // of all that is asked
	t    *testing.T
	once sync.Once
	all  *access.People
	db   *db.DB
}

func (p *peopleOnDisk) real() *access.People {
	p.once.Do(func() {
		p.db = remembering(p.t, filepath.Join(p.t.TempDir(), "people.db"), time.Now)
		hasher, err := access.NewHasher()
		if err != nil {
			p.t.Error(err)
		}
		p.all = access.NewPeople(p.db, access.PeopleOptions{Hasher: hasher, PublicURL: "https://boardlink.example.com"})
		if _, err := p.all.FirstFromEnvironment(context.Background(), ann, annPassword); err != nil {
			p.t.Error(err)
		}
	})
	return p.all
}

func (p *peopleOnDisk) List(ctx context.Context, afterID int64, limit int) ([]access.Operator, int64, error) {
	if p.Fail != nil {
		return nil, 0, p.Fail
	}
	return p.real().List(ctx, afterID, limit)
}

func (p *peopleOnDisk) Get(ctx context.Context, id int64) (access.Operator, error) {
	if p.Fail != nil {
		return access.Operator{}, p.Fail
	}
	return p.real().Get(ctx, id)
}

func (p *peopleOnDisk) Invite(ctx context.Context, actor, email string, role access.Role) (access.Operator, access.Link, error) {
	if p.Fail != nil {
		return access.Operator{}, access.Link{}, p.Fail
	}
	return p.real().Invite(ctx, actor, email, role)
}

func (p *peopleOnDisk) Change(ctx context.Context, actor string, id, version int64, change access.Change) (access.Operator, error) {
	return p.real().Change(ctx, actor, id, version, change)
}

func (p *peopleOnDisk) NewLink(ctx context.Context, actor string, id, version int64) (access.Operator, access.Link, error) {
	return p.real().NewLink(ctx, actor, id, version)
}

func (p *peopleOnDisk) Remove(ctx context.Context, actor string, id, version int64) error {
	return p.real().Remove(ctx, actor, id, version)
}

// events are those of people, the latest first.
func (p *peopleOnDisk) events() []connection.Event {
	p.t.Helper()
	p.real()
	list, err := p.db.Events(p.t.Context(), db.EventFilter{})
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

// anyPerson gives the id of somebody else than ann, who is invited where there is nobody.
func (w *world) anyPerson() string {
	w.t.Helper()
	list, _, err := w.people.List(w.t.Context(), 1, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(list) == 0 {
		o, _, err := w.people.Invite(w.t.Context(), ann, "anybody@example.com", access.RoleViewer)
		if err != nil {
			w.t.Fatal(err)
		}
		list = []access.Operator{o}
	}
	return strconv.FormatInt(list[0].ID, 10)
}

// bob invites bob, who sets a password where that is asked for, and gives the answer to the invitation.
func (w *world) bob(comes bool) webtest.Answer {
	w.t.Helper()
	got := w.do("POST", "/api/v1/users", `{"email": "bob@example.com", "role": "viewer"}`)
	if got.Status != 201 {
		w.t.Fatalf("invited: %d %s", got.Status, got.Body)
	}
	if comes {
		if _, err := w.people.real().SetUp(w.t.Context(), tokenIn(w.t, got), "", "the password of bob"); err != nil {
			w.t.Fatal(err)
		}
	}
	return got
}
