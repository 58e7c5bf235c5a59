package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"boardlink/access"
	"boardlink/connection"
)

func TestPurge_asks_for_the_name(t *testing.T) {
	c := newConsole(t)
	status := opened()
	status.Backlog = 1284
	id := c.add("North", status, nil)
	c.backlog.Set(id, 1284)
	b := c.Operator(access.RoleOperator)
	details := "/connections/" + id.String()
	if doc := page(t, b.Get(details), http.StatusOK); doc.Find(`#state-card a[href="`+details+`/purge"]`).Length() != 1 {
		t.Error("nothing leads from the backlog to its purge")
	}
	doc := page(t, b.Get(details+"/purge"), http.StatusOK)
	assertDocument(t, doc)
	if said := text(doc); !strings.Contains(said, "1,284 events wait to be delivered and will be thrown away") {
		t.Errorf("the page says %q", said)
	}
	if dialog := page(t, b.Get(details+"/purge", partial()...), http.StatusOK); dialog.Find("dialog[data-modal] input[name=confirmName]").Length() != 1 {
		t.Error("htmx gets no dialog that asks for the name")
	}
	doc = page(t, b.Post(details+"/purge", form("confirmName", "north")), http.StatusUnprocessableEntity)
	if labelled(doc, "Name of the connection").AttrOr("value", "") != "north" || len(c.store.events) != 1 {
		t.Error("a wrong name has dropped something, or is not shown again")
	}
	if a := b.Post(details+"/purge", form("confirmName", " North")); a.Status != http.StatusSeeOther || a.Header.Get("Location") != details {
		t.Errorf("answer %d to %q", a.Status, a.Header.Get("Location"))
	}
	doc = page(t, b.Get(details), http.StatusOK)
	if got := saying(doc.Find("#toasts .toast-text")); got != "1,284 events dropped They will not be delivered." {
		t.Errorf("the message reads %q", got)
	}
	if last := c.store.events[0]; !strings.Contains(last.Message, "1284 waiting events were dropped") {
		t.Errorf("the log says %q", last.Message)
	}
	c.backlog.Fail = connection.Fail(connection.CodeUnavailable, "There was more than can be dropped at once.")
	c.backlog.Set(id, 3)
	b.Post(details+"/purge", form("confirmName", "North"))
	if got := saying(page(t, b.Get(details), http.StatusOK).Find("#toasts .toast-error")); !strings.Contains(got, "Not everything was dropped") {
		t.Errorf("a purge that was cut short says %q", got)
	}
	if a := c.Operator(access.RoleViewer).Post(details+"/purge", form("confirmName", "North")); a.Status != http.StatusForbidden {
		t.Errorf("a viewer is answered %d", a.Status)
	}
}
