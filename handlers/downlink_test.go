package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
)

const aDevice = "20635F0108000E09"

func TestDownlink_is_sent_and_leads_to_the_device(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", opened(), func(x *connection.Connection) {
		x.Configuration.DownlinkURL, x.Configuration.DownlinkPort = "https://thingpark.example.com/downlink", 7
	})
	b := c.Operator(access.RoleOperator)
	path := "/connections/" + id.String() + "/downlink"
	doc := page(t, b.Get(path+"?devEUI="+aDevice), http.StatusOK)
	assertDocument(t, doc)
	if labelled(doc, "DevEUI").AttrOr("value", "") != aDevice || !strings.Contains(saying(doc.Find("#FPort-help")), "Empty: 7, as the connection says.") {
		t.Errorf("the form says %q", text(doc))
	}
	if doc.Find(".hint-warning").Length() != 0 {
		t.Errorf("something is missing: %q", saying(doc.Find(".hint-warning")))
	}
	c.park.Says = connection.Posting{State: connection.CommandQueued, CorrelationID: "0102030405060708"}
	a := b.Post(path, form("devEUI", strings.ToLower(aDevice), "payload_hex", "01 ff", "FPort", "007", "ValidityTime", "", "Confirmed", "true", "FlushDownlinkQueue", "false"))
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/connections/4339/devices/"+aDevice+"#commands-title" {
		t.Errorf("answer %d to %q", a.Status, a.Header.Get("Location"))
	}
	sent := c.park.Sent()
	if want := b.Who.Name + " 4339 " + aDevice + ` {"Confirmed":1,"FPort":7,"payload_hex":"01ff"}`; len(sent) != 1 || sent[0] != want {
		t.Errorf("sent is %q, want %q", sent, want)
	}
}

func TestDownlink_that_is_not_queued_says_what_to_do(t *testing.T) {
	for state, tc := range map[connection.CommandState]struct {
		status int
		advice string
	}{
		connection.CommandRefused: {http.StatusUnprocessableEntity, "Sending the same again changes nothing."},
		connection.CommandNotSent: {http.StatusBadGateway, "it may be sent again"},
		connection.CommandUnknown: {http.StatusBadGateway, "It may be queued at ThingPark."},
	} {
		c := newConsole(t)
		id := c.add("North", opened(), nil)
		c.park.Says = connection.Posting{State: state, Sentence: "ThingPark said so."}
		doc := page(t, c.Operator(access.RoleOperator).Post("/connections/"+id.String()+"/downlink", form("devEUI", aDevice, "payload_hex", "01ff", "Confirmed", "true")), tc.status)
		if said := saying(doc.Find(".summary")); !strings.Contains(said, "ThingPark said so.") || !strings.Contains(said, tc.advice) {
			t.Errorf("%s: the page says %q", state, said)
		}
		if labelled(doc, "Payload").AttrOr("value", "") != "01ff" || doc.Find(`[name=Confirmed][value=true][checked]`).Length() != 1 {
			t.Errorf("%s: what was typed is lost", state)
		}
	}
}

func TestDownlink_names_wrong_fields_and_what_is_not_set(t *testing.T) {
	c := newConsole(t)
	id := c.add("North", opened(), nil)
	b, path := c.Operator(access.RoleOperator), "/connections/"+id.String()+"/downlink"
	if doc := page(t, b.Get(path), http.StatusOK); doc.Find(`a[href="/connections/4339/edit/downlinkUrl"]`).Length() != 1 {
		t.Errorf("nothing leads to what is missing: %q", saying(doc.Find(".hint-warning")))
	}
	c.park.Fail = &connection.Failure{Code: connection.CodeInvalid, Message: "Some fields are not right.", Fields: []connection.FieldError{{Path: "FPort", Message: "An FPort is a whole number from 1 to 224."}}}
	doc := page(t, b.Post(path, form("devEUI", aDevice, "payload_hex", "01", "FPort", "many")), http.StatusUnprocessableEntity)
	if labelled(doc, "FPort").AttrOr("aria-invalid", "") != "true" || saying(doc.Find("#FPort-error")) != "An FPort is a whole number from 1 to 224." {
		t.Errorf("the page says %q", text(doc))
	}
	c.park.Fail = connection.Fail(connection.CodeConflict, "Downlinks are switched off for this connection.")
	doc = page(t, b.Post(path, form("devEUI", aDevice, "payload_hex", "01")), http.StatusConflict)
	if said := saying(doc.Find(".summary")); !strings.Contains(said, "switched off") || !strings.Contains(said, "Nothing was sent.") {
		t.Errorf("the page says %q", said)
	}
	if a := c.Operator(access.RoleViewer).Post(path, form("devEUI", aDevice)); a.Status != http.StatusForbidden {
		t.Errorf("a viewer is answered %d", a.Status)
	}
}

func TestDetails_hand_out_the_command_that_makes_them_anew(t *testing.T) {
	_, doc := card(t, opened(), nil)
	if said := doc.Find("#curl").Text(); !strings.Contains(said, "curl -sS -X POST 'https://boardlink.example.com/api/v1/connections'") || !strings.Contains(said, "<password>") {
		t.Errorf("the command reads %s", said)
	}
}

func TestUplinkAddress_of_this_machine_warns(t *testing.T) {
	_, doc := card(t, opened(), nil)
	if doc.Find("#uplinks .hint-warning").Length() != 0 || doc.Find("#uplinks ol li").Length() < 5 {
		t.Errorf("the card says %q", saying(doc.Find("#uplinks")))
	}
}
