package operation_test

import (
	"fmt"
	"testing"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/operation/operationtest"
)

func names(views []operation.View) (list []string) {
	for _, v := range views {
		list = append(list, v.Connection.Name)
	}
	return list
}

func TestList_searches_filters_and_pages(t *testing.T) {
	w := operationtest.New(nil)
	for i := range 5 {
		c := operationtest.Valid()
		c.Name = fmt.Sprintf("Site %d", i+1)
		if _, err := w.Create(t.Context(), actor, c); err != nil {
			t.Fatal(err)
		}
	}
	w.Links.Set(2, connection.Status{State: connection.Opened})
	w.Links.Set(4, connection.Status{State: connection.Opened})
	for name, test := range map[string]struct {
		filter operation.Filter
		want   string
		next   connection.ID
	}{
		"all":                 {operation.Filter{}, "[Site 1 Site 2 Site 3 Site 4 Site 5]", 0},
		"part of a name":      {operation.Filter{Search: " sITE 3 "}, "[Site 3]", 0},
		"part of a host":      {operation.Filter{Search: "THINGSBOARD.", Limit: 1}, "[Site 1]", 1},
		"an id":               {operation.Filter{Search: "5"}, "[Site 5]", 0},
		"nothing fits":        {operation.Filter{Search: "nowhere"}, "[]", 0},
		"a live state":        {operation.Filter{States: []connection.State{connection.Opened}}, "[Site 2 Site 4]", 0},
		"a page":              {operation.Filter{Limit: 2}, "[Site 1 Site 2]", 2},
		"the page after":      {operation.Filter{Limit: 2, After: operation.Place{ID: 2}}, "[Site 3 Site 4]", 4},
		"the last page":       {operation.Filter{Limit: 2, After: operation.Place{ID: 4}}, "[Site 5]", 0},
		"a page that is full": {operation.Filter{Limit: 1, States: []connection.State{connection.Opened}, After: operation.Place{ID: 2}}, "[Site 4]", 0},
	} {
		t.Run(name, func(t *testing.T) {
			views, next, err := w.List(t.Context(), test.filter)
			if err != nil || fmt.Sprint(names(views)) != test.want || next.ID != test.next {
				t.Errorf("got %v, next %v, error %v", names(views), next, err)
			}
		})
	}
	for _, limit := range []int{-1, 1001} {
		if _, _, err := w.List(t.Context(), operation.Filter{Limit: limit}); connection.CodeOf(err) != connection.CodeInvalid {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func TestMetrics_fill_every_point_of_the_window(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	minute := operationtest.Now.Truncate(time.Minute)
	w.Store.AddMinutes(
		connection.Minute{ConnectionID: id, Start: minute, Uplinks: 3, Downlinks: 1, Rejected: 1},
		connection.Minute{ConnectionID: id, Start: minute.Add(-59 * time.Minute), Uplinks: 2, Parked: 4, Expired: 5},
		connection.Minute{ConnectionID: id, Start: minute.Add(-60 * time.Minute), Uplinks: 100},
		connection.Minute{ConnectionID: id, Start: minute.Add(-20 * time.Hour), Uplinks: 1000},
		connection.Minute{ConnectionID: id + 1, Start: minute, Uplinks: 7},
	)
	w.Store.SetActiveDevices(id, 9)
	slow := connection.Minute{ConnectionID: id, Start: minute.Add(-10 * time.Minute), Backlog: 3, OldestAge: time.Minute}
	slow.Delays.Note(30 * time.Second)
	w.Store.AddMinutes(slow, connection.Minute{Start: minute.Add(-11 * time.Minute), Watched: true}, connection.Minute{Start: minute.Add(-10 * time.Minute), Watched: true, Backlog: 99})

	hour, err := w.Metrics(t.Context(), id, operation.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if len(hour.Series) != 60 || hour.Uplinks != 5 || hour.Downlinks != 1 || hour.Rejected != 1 || hour.Parked != 4 || hour.Expired != 5 || hour.ActiveDevices != 9 {
		t.Errorf("an hour: %d points, %+v", len(hour.Series), hour)
	}
	if p := hour.Series[49]; p.Delays.Within(1) != 30*time.Second || p.Backlog != 3 || p.OldestAge != time.Minute || !p.Watched || !hour.Series[48].Watched || hour.Series[47].Watched {
		t.Errorf("what waited: %+v", hour.Series[47:50])
	}
	if hour.Delays.Count() != 1 {
		t.Errorf("%d deliveries", hour.Delays.Count())
	}
	if first, last := hour.Series[0], hour.Series[59]; first.Uplinks != 2 || last.Uplinks != 3 || last.Downlinks != 1 || !last.T.Equal(minute) {
		t.Errorf("an hour runs from %+v to %+v", first, last)
	}
	day, err := w.Metrics(t.Context(), id, operation.Day)
	if err != nil || len(day.Series) != 96 || day.Uplinks != 1105 {
		t.Errorf("a day: %d points, %d uplinks, error %v", len(day.Series), day.Uplinks, err)
	}
	if day.Series[1].T.Sub(day.Series[0].T) != 15*time.Minute || day.Series[95].T.After(operationtest.Now) {
		t.Errorf("a day's points: %v, %v ... %v", day.Series[0].T, day.Series[1].T, day.Series[95].T)
	}
	if _, err := w.Metrics(t.Context(), id, "1w"); connection.CodeOf(err) != connection.CodeInvalid {
		t.Errorf("an unknown window: %v", err)
	}
	if _, err := w.Metrics(t.Context(), 99, operation.Hour); connection.CodeOf(err) != connection.CodeNotFound {
		t.Errorf("an unknown connection: %v", err)
	}
}

func TestOverview_counts_states_and_names_who_needs_a_person(t *testing.T) {
	w := operationtest.New(nil)
	for i, s := range []connection.Status{
		{State: connection.Opened, Backlog: 3, OldestAge: time.Minute},
		{State: connection.Closed, Backlog: 4, OldestAge: time.Hour, Parked: 2},
		{State: connection.AuthenticationFailed},
		{State: connection.Opened},
	} {
		id := create(t, w)
		w.Links.Set(id, s)
		w.Store.AddMinutes(connection.Minute{ConnectionID: id, Start: operationtest.Now.Add(-time.Duration(i) * 2 * time.Minute), Uplinks: 10})
	}
	w.Refusals.Set(4, connection.Refusals{Count: 5}) // its link is open, and nothing arrives
	v, err := w.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v.Total != 4 || fmt.Sprint(v.States) != "[{AUTHENTICATION_FAILED 1} {CLOSED 1} {OPENED 2}]" {
		t.Errorf("total %d, states %v", v.Total, v.States)
	}
	if len(v.NeedPerson) != 3 || v.NeedPerson[2].Refused.Count != 5 || v.NeedPerson[0].Status.State != connection.AuthenticationFailed || v.NeedPerson[0].Status.Reason == "" {
		t.Errorf("need a person: %+v", v.NeedPerson)
	}
	if v.Backlog != 7 || v.Parked != 2 || v.OldestAge != time.Hour {
		t.Errorf("backlog %d, parked %d, oldest %v", v.Backlog, v.Parked, v.OldestAge)
	}
	if v.LastHour.Uplinks != 40 || v.UplinksPerMinute != 6 {
		t.Errorf("uplinks %d, per minute %v", v.LastHour.Uplinks, v.UplinksPerMinute)
	}
	if len(v.Latest) != 4 || v.Latest[0].ID != 4 {
		t.Errorf("latest events %+v", v.Latest)
	}
	all, err := w.Activities(t.Context(), 2)
	if err != nil || all[2].Hour.Uplinks != 10 || all[2].Day.Uplinks != 10 {
		t.Errorf("activities %+v, error %v", all, err)
	}
}

func TestEvents_page_from_the_newest_on(t *testing.T) {
	w := operationtest.New(nil)
	for i := range 5 {
		w.Store.AddEvent(connection.Event{Time: operationtest.Now, ConnectionID: connection.ID(i%2 + 1), Level: connection.LevelInfo, Message: fmt.Sprint(i)})
	}
	page, next, err := w.Events(t.Context(), operation.EventFilter{Limit: 2})
	if err != nil || len(page) != 2 || page[0].ID != 5 || next != 4 {
		t.Fatalf("first page %v, next %d, error %v", page, next, err)
	}
	page, next, err = w.Events(t.Context(), operation.EventFilter{Limit: 3, BeforeID: next})
	if err != nil || len(page) != 3 || page[2].ID != 1 || next != 0 {
		t.Errorf("last page %v, next %d, error %v", page, next, err)
	}
}

func TestGet_tells_of_refused_uplinks(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	want := connection.Refusals{Count: 3, LastAt: operationtest.Now, LastKind: connection.RefusedKey}
	w.Refusals.Set(id, want)
	if v, err := w.Get(t.Context(), id); err != nil || v.Refused != want {
		t.Errorf("refused %+v, error %v", v.Refused, err)
	}
	if views, _, err := w.List(t.Context(), operation.Filter{}); err != nil || views[0].Refused != want {
		t.Errorf("the list says %+v, error %v", views, err)
	}
}

func TestGet_gives_an_address_of_uplinks_for_each_address_of_the_installation(t *testing.T) {
	w := operationtest.New(nil)
	id := create(t, w)
	o := operation.New(operation.Options{
		Store: w.Store, Links: w.Links, Parked: w.Parked, Backlog: w.Backlog, Observer: w.Observer, Feed: w.Feed,
		PublicURL: "https://a.example.com/", UplinkURLs: []string{"https://b.example.com", "http://192.0.2.7:8080"},
	})
	v, err := o.Get(t.Context(), id)
	if got := fmt.Sprint(v.UplinkURL, v.MoreUplinkURLs); err != nil || got != fmt.Sprintf("https://a.example.com/connections/%[1]s/uplinks[https://b.example.com/connections/%[1]s/uplinks http://192.0.2.7:8080/connections/%[1]s/uplinks]", id) {
		t.Errorf("the addresses are %s, %v", got, err)
	}
}
