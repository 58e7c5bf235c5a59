package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"boardlink/access"
	"boardlink/connection"

	"github.com/PuerkitoBio/goquery"
)

// card gives what the card of the state says.
func card(t *testing.T, status connection.Status, change func(*connection.Connection)) (said string, doc *goquery.Document) {
	t.Helper()
	c := newConsole(t)
	id := c.add("North", status, change)
	doc = page(t, c.Operator(access.RoleOperator).Get("/connections/"+id.String()), http.StatusOK)
	return saying(doc.Find("#state-card")), doc
}

func TestStateCard_counts_from_the_loss(t *testing.T) {
	since, lost := now.Add(-18*time.Second), time.Date(2026, 11, 23, 10, 6, 58, 0, time.UTC)
	said, _ := card(t, connection.Status{State: connection.Closed, Since: since}, nil)
	if !strings.Contains(said, "CLOSED for 18 seconds") {
		t.Errorf("the card says %q", said)
	}
	for _, s := range []connection.State{connection.Closed, connection.Opening, connection.Authenticating} {
		said, _ := card(t, connection.Status{State: s, Since: since, LostAt: lost}, nil)
		if !strings.Contains(said, "down for 1 minute, since 2026-11-23 10:06:58 UTC") {
			t.Errorf("%s: the card says %q", s, said)
		}
	}
	if said, _ := card(t, connection.Status{State: connection.Closed, Since: since, NextAttemptAt: now.Add(-time.Minute)}, nil); !strings.Contains(said, "Next attempt now") {
		t.Errorf("an attempt that is due: %q", said)
	}
}

func TestStateCard_explains_a_state_that_its_name_does_not(t *testing.T) {
	for s, want := range map[connection.State]string{
		connection.Closed: "uplinks wait in the queue", connection.Unreachable: "does not report", connection.Closing: "goes back into the queue",
	} {
		if said, _ := card(t, connection.Status{State: s, Since: now}, nil); !strings.Contains(said, want) {
			t.Errorf("%s: the card says %q", s, said)
		}
	}
}

func TestStateCard_leads_to_what_may_be_wrong_before_it_tries_again(t *testing.T) {
	_, doc := card(t, connection.Status{State: connection.AuthenticationFailed, ReasonCode: connection.ReasonAuthRefused}, nil)
	var offered []string
	for _, b := range doc.Find("#state-card .row .btn").EachIter() {
		offered = append(offered, saying(b))
	}
	if got := strings.Join(offered, ", "); got != "Change the password, Change the username, Retry now" {
		t.Errorf("offered is %s", got)
	}
	if primary := doc.Find("#state-card .btn-primary"); saying(primary) != "Change the password" {
		t.Errorf("the primary button is %q", saying(primary))
	}
}

func TestStateCard_says_that_no_uplink_has_come_yet(t *testing.T) {
	const hint = "No uplink has come yet: give ThingPark the uplink address and key below."
	fresh := opened()
	fresh.LastDeliveredAt = time.Time{}
	if said, _ := card(t, fresh, nil); !strings.Contains(said, hint) {
		t.Errorf("the card says %q", said)
	}
	if said, _ := card(t, opened(), nil); strings.Contains(said, hint) {
		t.Errorf("after a delivery the card says %q", said)
	}
}

func TestStateCard_tells_of_refused_uplinks(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", opened(), nil)
	c.store.refused = map[connection.ID]connection.Refusals{id: {Count: 5, LastAt: now.Add(-4 * time.Minute), LastKind: connection.RefusedKey}}
	doc := page(t, c.Operator(access.RoleOperator).Get("/connections/"+id.String()), http.StatusOK)
	said := saying(doc.Find("#state-card"))
	for _, want := range []string{"ThingPark sends uplinks that are refused: 5, the last 4 minutes ago", "The uplink key was wrong or missing. Give ThingPark the uplink key shown below."} {
		if !strings.Contains(said, want) {
			t.Errorf("the card does not say %q but %q", want, said)
		}
	}
}

func TestDownlinks_say_what_they_lack(t *testing.T) {
	for _, tc := range []struct {
		change func(*connection.Configuration)
		want   string
	}{
		{func(c *connection.Configuration) { c.DownlinkURL = "" }, "On, but Downlink address is not set"},
		{func(c *connection.Configuration) { c.DownlinkAsID = "" }, "On, but AS ID is not set"},
		{func(c *connection.Configuration) { c.DownlinkAsKey = "" }, "On, but AS key is not set"},
		{func(*connection.Configuration) {}, "On"},
		{func(c *connection.Configuration) { c.DownlinkURL, c.DownlinkEnabled = "", false }, "Off"},
	} {
		_, doc := card(t, opened(), func(c *connection.Connection) {
			c.Configuration.DownlinkEnabled, c.Configuration.DownlinkURL = true, "https://thingpark.example.com/downlink"
			tc.change(&c.Configuration)
		})
		if got := saying(doc.Find("#f-downlinkEnabled .prop-value")); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

func TestAdvancedSettings_stand_in_groups(t *testing.T) {
	_, doc := card(t, opened(), nil)
	titles := ""
	for _, h := range doc.Find(".advanced-card h3").EachIter() {
		titles += saying(h) + " "
	}
	if titles != "Uplinks Commands Link " {
		t.Errorf("the groups are %s", titles)
	}
	for _, f := range connection.Fields {
		if n := doc.Find("#f-" + f.Name).Length(); n != 1 {
			t.Errorf("%s stands %d times", f.Name, n)
		}
	}
}

func TestUplinkKey_is_hidden_again_and_renewed_with_a_word(t *testing.T) {
	e := newEditing(t, nil)
	shown := page(t, e.Post(e.path+"/uplink-key", form("action", "show"), partial()...), http.StatusOK)
	if _, focus := button(shown, "Copy the uplink key").Attr("autofocus"); !focus {
		t.Error("the focus is not on the key's Copy")
	}
	if button(shown, "Hide").Length() != 1 || button(shown, "Renew now").Length() != 1 {
		t.Error("the key cannot be hidden or renewed where it is shown")
	}
	hidden := page(t, e.Get(e.path+"?part=uplinks", partial()...), http.StatusOK)
	if _, focus := button(hidden, "Show the uplink key").Attr("autofocus"); !focus || hidden.Find("#uplink-key").Length() != 0 {
		t.Error("the key is still shown, or the focus is lost")
	}
	bothWays(t, func(t *testing.T, scripts bool) {
		header := partial()
		if !scripts {
			header = nil
		}
		renewed := page(t, e.Post(e.path+"/uplink-key", form("action", "renew"), header...), http.StatusOK)
		if got := saying(renewed.Find("#toasts .toast-text")); got != "New uplink key Until ThingPark sends it, uplinks are refused." {
			t.Errorf("the message reads %q", got)
		}
	})
}

func TestUplinkKey_overlap_is_shown_and_ended(t *testing.T) {
	bothWays(t, func(t *testing.T, scripts bool) {
		e := newEditing(t, nil)
		header := partial()
		if !scripts {
			header = nil
		}
		renewed := page(t, e.Post(e.path+"/uplink-key", form("action", "renew", "oldValidFor", "24h"), header...), http.StatusOK)
		if !scripts {
			assertDocument(t, renewed)
		}
		if got := saying(renewed.Find("#toasts .toast-text")); got != "New uplink key ThingPark may send the old one for 1 day more." {
			t.Errorf("the message reads %q", got)
		}
		if saying(renewed.Find("#old-uplink-key")) != uplinkKey || saying(renewed.Find("#uplink-key")) == uplinkKey {
			t.Error("the keys are not both shown")
		}
		e.store.mu.Lock()
		c := e.store.rows[e.id]
		c.OldUplinkKeyUsedAt = now.Add(-3 * time.Minute)
		e.store.rows[e.id] = c
		e.store.mu.Unlock()
		seen := page(t, e.Get(e.path), http.StatusOK)
		assertDocument(t, seen)
		for _, want := range []string{"The old uplink key is accepted too, and ends in 1 day", "An uplink last came with it 3 minutes ago"} {
			if !strings.Contains(text(seen), want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		if strings.Contains(text(seen), uplinkKey) {
			t.Error("a key is shown to who did not ask")
		}
		if n := labelled(seen, "The key in use ends").Find("option").Length(); n != 1 {
			t.Errorf("%d ways to renew once more", n)
		}
		twice := page(t, e.Post(e.path+"/uplink-key", form("action", "renew", "oldValidFor", "1h"), header...), http.StatusOK)
		if got := saying(twice.Find(".toast-error")); !strings.Contains(got, "The uplink key was not renewed") {
			t.Errorf("a third key: %q", got)
		}
		ended := page(t, e.Post(e.path+"/uplink-key", form("action", "end"), header...), http.StatusOK)
		if ended.Find("#old-uplink-key").Length() != 0 || !strings.Contains(saying(ended.Find("#toasts")), "Old uplink key ended") || e.store.rows[e.id].OldUplinkKey.IsSet() {
			t.Error("the old key has not ended")
		}
		if again := e.Post(e.path+"/uplink-key", form("action", "end"), header...); again.Status != http.StatusOK {
			t.Errorf("ended twice: %d", again.Status)
		}
		if bad := e.Post(e.path+"/uplink-key", form("action", "renew", "oldValidFor", "9d"), header...); bad.Status != http.StatusUnprocessableEntity {
			t.Errorf("9 days: %d", bad.Status)
		}
	})
}
