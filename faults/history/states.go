package history

import (
	"fmt"
	"time"

	"boardlink/connection"
)

// Deadlines of the transient states, as docs/architecture.md and the contract with scripts promise them; opening and
// authenticating are several steps of 10 s each.
var leaveWithin = map[connection.State]time.Duration{
	connection.Opening:        22 * time.Second,
	connection.Authenticating: 45 * time.Second,
	connection.Closing:        10 * time.Second,
}

// rests are reasons with which a link may stay closed without a next try: a person must do something, or it is over.
var rests = map[connection.ReasonCode]bool{
	connection.ReasonGivenUp: true, connection.ReasonStopped: true, connection.ReasonDeleted: true,
}

// states is what a link showed.
type states struct {
	last      connection.Status
	seen      bool
	untold    time.Time           // since when it waits for nothing that it names
	blamed    map[string]struct{} // so that a state that lasts is held against it once
	idleSince time.Time           // since when it is open, has a backlog and says that all is well, and delivers nothing
}

// Saved writes down a state that was stored for whoever asks later. It may be stored late, so its deadlines are not
// judged by it.
func (h *History) Saved(id connection.ID, s connection.Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sum.States++
	if s.State == "" || s.Reason == "" {
		h.blameState(id, &h.book(id).states, "why", fmt.Sprintf("stored %q and no reason", s.State))
	}
}

// State writes down what a link shows at a moment. Call it now and then, a few times in the shortest deadline.
func (h *History) State(id connection.ID, s connection.Status, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sum.States++
	b := h.book(id)
	st := &b.states
	if !st.seen || st.last.State != s.State {
		h.sum.Edges++
		clear(st.blamed)
		st.idleSince = time.Time{}
	}
	delivered := st.last.LastDeliveredAt
	st.last, st.seen = s, true

	if s.State == "" || s.Reason == "" {
		h.blameState(id, st, "why", fmt.Sprintf("shows %q and no reason", s.State))
	}
	if limit := leaveWithin[s.State]; limit > 0 && at.Sub(s.Since) > limit+h.opt.Slack {
		h.blameState(id, st, "late", fmt.Sprintf("is %s for %v, which it should leave within %v", s.State, at.Sub(s.Since).Round(time.Millisecond), limit))
	}
	h.checkNext(id, st, s, at)
	h.checkFlow(id, st, s, at, delivered)
}

// checkNext holds it against a link where it waits for nothing, or lets the next try pass. h.mu is held.
func (h *History) checkNext(id connection.ID, st *states, s connection.Status, at time.Time) {
	if s.State != connection.Closed && s.State != connection.AuthenticationFailed {
		st.untold = time.Time{}
		return
	}
	if !s.NextAttemptAt.IsZero() {
		st.untold = time.Time{}
		if late := at.Sub(s.NextAttemptAt); late > h.opt.Slack {
			h.blameState(id, st, "next", fmt.Sprintf("is %s (%s) and should have tried again %v ago", s.State, s.ReasonCode, late.Round(time.Millisecond)))
		}
		return
	}
	if rests[s.ReasonCode] || s.State == connection.AuthenticationFailed && s.Hint != "" {
		st.untold = time.Time{}
		return
	}
	if st.untold.IsZero() {
		st.untold = at
	}
	if at.Sub(st.untold) > h.opt.Slack {
		h.blameState(id, st, "wait", fmt.Sprintf("is %s (%s: %s) and names no next try", s.State, s.ReasonCode, s.Reason))
	}
}

// checkFlow holds it against a link where events wait and nobody is told why. h.mu is held.
func (h *History) checkFlow(id connection.ID, st *states, s connection.Status, at, delivered time.Time) {
	if s.State != connection.Opened || s.Backlog == 0 || s.ReasonCode != connection.ReasonConnected || s.LastDeliveredAt.After(delivered) {
		st.idleSince = time.Time{}
		return
	}
	if st.idleSince.IsZero() {
		st.idleSince = at
	}
	if idle := at.Sub(st.idleSince); idle > h.opt.Stall {
		h.blameState(id, st, "idle", fmt.Sprintf("is OPENED with %d waiting, delivered nothing for %v, and says: %s", s.Backlog, idle.Round(time.Second), s.Reason))
	}
}

func (h *History) blameState(id connection.ID, st *states, key, what string) {
	if _, told := st.blamed[key]; told {
		return
	}
	if st.blamed == nil {
		st.blamed = map[string]struct{}{}
	}
	st.blamed[key] = struct{}{}
	h.blame("I4", id, "", nil, what)
}

// Stuck lists the links that are not in the state in which they should be at the end, with what they show.
func (h *History) Stuck(want connection.State) map[connection.ID]connection.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	stuck := map[connection.ID]connection.Status{}
	for id, b := range h.books {
		if b.states.seen && b.states.last.State != want {
			stuck[id] = b.states.last
		}
	}
	return stuck
}
