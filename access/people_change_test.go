package access

import (
	"fmt"
	"testing"

	"boardlink/connection"
)

func TestChange_tells_before_and_after(t *testing.T) {
	p, m, _ := withAda(t)
	calls := 0
	p.changed = func() { calls++ }
	bob, link := invite(t, p, "bob@example.com", RoleViewer)
	if _, err := p.SetUp(t.Context(), tokenOf(t, link), "", "battery staple"); err != nil {
		t.Fatal(err)
	}
	operator, yes, no := RoleOperator, true, false
	steps := []struct {
		change Change
		want   []string
	}{
		{Change{Role: &operator}, []string{"bob@example.com", "from viewer to operator"}},
		{Change{Disabled: &yes}, []string{"bob@example.com", "the account, operator before, was disabled"}},
		{Change{Disabled: &no}, []string{"bob@example.com", "disabled before, was enabled"}},
	}
	for _, s := range steps {
		before := len(m.events)
		o, err := p.Change(t.Context(), "ada@example.com", bob.ID, 0, s.change)
		if err != nil || len(m.events) != before+1 {
			t.Fatalf("%v, %d events", err, len(m.events)-before)
		}
		told(t, m, "ada@example.com", s.want...)
		_, err = p.SignIn(t.Context(), Origin{}, bob.Email, "battery staple")
		if o.Disabled() != (connection.CodeOf(err) == connection.CodeUnauthorized) {
			t.Errorf("disabled %v, sign-in %v", o.Disabled(), err)
		}
		if who, err := p.Identify(t.Context(), bob.ID); err != nil || who.Known() == o.Disabled() || who.Known() && who.Role != o.Role {
			t.Errorf("a session is %+v, %v, of %+v", who, err, o)
		}
	}
	if calls != 5 { // invited, set up, three changes
		t.Errorf("told %d times", calls)
	}
	_, err := p.SignIn(t.Context(), Origin{}, bob.Email, "wrong")
	wrong := fmt.Sprint(err)
	if _, err := p.Change(t.Context(), "ada@example.com", bob.ID, 0, Change{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SignIn(t.Context(), Origin{}, bob.Email, "battery staple"); fmt.Sprint(err) != wrong {
		t.Errorf("who is disabled is told %v, who is wrong %s", err, wrong)
	}
}

func TestChange_that_changes_nothing_leaves_no_event_and_the_version(t *testing.T) {
	p, m, _ := withAda(t)
	admin, no := RoleAdmin, false
	before := len(m.events)
	for _, c := range []Change{{}, {Role: &admin}, {Disabled: &no}} {
		if _, err := p.Change(t.Context(), "ada@example.com", 1, 0, c); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.events) != before {
		t.Errorf("events are %+v", m.events[before:])
	}
}

func TestChange_refuses_what_is_no_role_and_what_is_stale(t *testing.T) {
	p, _, _ := withAda(t)
	bob, _ := invite(t, p, "bob@example.com", RoleViewer)
	bad, operator := Role("superuser"), RoleOperator
	_, err := p.Change(t.Context(), "ada@example.com", bob.ID, 0, Change{Role: &bad})
	wantCode(t, err, connection.CodeInvalid)
	changed, err := p.Change(t.Context(), "ada@example.com", bob.ID, bob.Version, Change{Role: &operator})
	if err != nil || changed.Version == bob.Version {
		t.Fatalf("version %d, %v", changed.Version, err)
	}
	_, err = p.Change(t.Context(), "ada@example.com", bob.ID, bob.Version, Change{Role: &operator})
	wantStale(t, err)
	_, _, err = p.NewLink(t.Context(), "ada@example.com", bob.ID, bob.Version)
	wantStale(t, err)
	wantStale(t, p.Remove(t.Context(), "ada@example.com", bob.ID, bob.Version))
	for _, err := range []error{
		func() error { _, err := p.Change(t.Context(), "x", 99, 0, Change{}); return err }(),
		func() error { _, _, err := p.NewLink(t.Context(), "x", 99, 0); return err }(),
		p.Remove(t.Context(), "x", 99, 0),
	} {
		wantCode(t, err, connection.CodeNotFound)
	}
}

func wantStale(t *testing.T, err error) {
	t.Helper()
	wantCode(t, err, connection.CodeConflict)
	if !IsStale(err) {
		t.Errorf("%v does not say that it is stale", err)
	}
}

func TestRemove_takes_the_person_and_leaves_the_name(t *testing.T) {
	p, m, _ := withAda(t)
	bob, link := invite(t, p, "bob@example.com", RoleOperator)
	if err := p.Remove(t.Context(), "ada@example.com", bob.ID, bob.Version); err != nil {
		t.Fatal(err)
	}
	told(t, m, "ada@example.com", "bob@example.com (operator, invited) was removed.")
	_, err := p.Get(t.Context(), bob.ID)
	wantCode(t, err, connection.CodeNotFound)
	_, err = p.SetUp(t.Context(), tokenOf(t, link), "", "battery staple")
	wantCode(t, err, connection.CodeForbidden)
}

func TestList_goes_page_by_page(t *testing.T) {
	p, _, _ := withAda(t)
	for i := range 4 {
		invite(t, p, fmt.Sprintf("p%d@example.com", i), RoleViewer)
	}
	var seen []string
	after := int64(0)
	for range 3 {
		page, next, err := p.List(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page {
			seen = append(seen, o.Email)
		}
		if after = next; next == 0 {
			break
		}
	}
	if want := "[ada@example.com p0@example.com p1@example.com p2@example.com p3@example.com]"; fmt.Sprint(seen) != want || after != 0 {
		t.Errorf("seen %v", seen)
	}
	for _, limit := range []int{-1, 1001} {
		_, _, err := p.List(t.Context(), 0, limit)
		wantCode(t, err, connection.CodeInvalid)
	}
	if page, next, err := p.List(t.Context(), 0, 0); err != nil || len(page) != 5 || next != 0 {
		t.Errorf("%d people, %d, %v", len(page), next, err)
	}
}
