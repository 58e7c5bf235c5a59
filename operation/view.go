package operation

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"boardlink/connection"
)

// View is a connection as it should be together with how it is.
type View struct {
	Connection connection.Connection
	Status     connection.Status
	// UplinkURL is where ThingPark posts uplinks. The credential is no part of it: everybody who may look reads this.
	UplinkURL string
	// MoreUplinkURLs are the same at the installation's further addresses.
	MoreUplinkURLs []string
	// Refused counts the uplinks that were refused lately; ThingPark's operator sees those, and ours would not.
	Refused connection.Refusals
}

// UplinkURLWithKey gives the address to paste into ThingPark, credential included. Show it only to those who may change
// the connection, and only when they ask for it.
func (v View) UplinkURLWithKey() string {
	return v.UplinkURL + "?key=" + url.QueryEscape(v.Connection.UplinkKey.Reveal())
}

func (o *Connections) view(c connection.Connection, s connection.Status) View {
	return o.viewOf(&c, statusOf(&c, s))
}

// viewOf makes the view of a connection whose status is complete.
func (o *Connections) viewOf(c *connection.Connection, s connection.Status) View {
	return View{
		Connection:     o.withOldKey(*c),
		Status:         s,
		UplinkURL:      uplinkURL(o.publicURL, c.ID),
		MoreUplinkURLs: o.moreUplinkURLs(c.ID),
		Refused:        o.refused(c.ID),
	}
}

func uplinkURL(public string, id connection.ID) string {
	return public + "/connections/" + id.String() + "/uplinks"
}

func (o *Connections) moreUplinkURLs(id connection.ID) (list []string) {
	for _, public := range o.moreURLs {
		list = append(list, uplinkURL(public, id))
	}
	return list
}

func (o *Connections) refused(id connection.ID) connection.Refusals {
	if o.refusals == nil {
		return connection.Refusals{}
	}
	return o.refusals.Refusals(id)
}

// statusOf completes what the manager says. Its links follow the rows within a moment, and what is shown does not wait for
// that: a row that is not active is deactivated, one that was activated is about to open.
func statusOf(c *connection.Connection, s connection.Status) connection.Status {
	switch {
	case !c.Active && s.State != connection.Deactivated && s.State != connection.Unreachable:
		s = ahead(c, s, connection.Deactivated, connection.ReasonDeactivated)
	case c.Active && (s.State == "" || s.State == connection.Deactivated):
		s = ahead(c, s, connection.Opening, connection.ReasonStarting)
	}
	if s.Reason == "" {
		text := s.ReasonCode.Text()
		s.Reason = text.Sentence
		if s.Hint == "" {
			s.Hint = text.Hint
		}
	}
	return s
}

// ahead makes the status that the link is about to have.
func ahead(c *connection.Connection, s connection.Status, state connection.State, code connection.ReasonCode) connection.Status {
	s.State, s.ReasonCode, s.Since = state, code, c.UpdatedAt
	s.Reason, s.Hint, s.Attempt, s.NextAttemptAt = "", "", 0, time.Time{}
	return s
}

// Get reads one connection.
func (o *Connections) Get(ctx context.Context, id connection.ID) (View, error) {
	c, err := o.store.Connection(ctx, id)
	if err != nil {
		return View{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	return o.view(c, o.links.Status(id)), nil
}
