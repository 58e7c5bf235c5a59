package layout

import (
	"context"
	"net/http"

	"boardlink/text"
)

// Problem is what a page says when there is nothing else to show.
type Problem struct {
	Status    int    // 404
	Title     string // "Page not found"
	Text      string // what happened and what can be done, in a sentence or two
	RequestID string // to be found in the log; empty: not shown
	BackURL   string // where to go on; empty: the dashboard
	BackLabel string
}

func (p Problem) back(ctx context.Context) (string, string) {
	if p.BackURL == "" {
		return "/", text.T(ctx, "problem.to_dashboard")
	}
	return p.BackURL, p.BackLabel
}

// way is something that can be done about a problem.
type way struct{ Text, Href, Label string }

// ways says what can be done, beyond going back. user is who is signed in, "" for nobody.
func (p Problem) ways(ctx context.Context, user string) []way {
	if user == "" {
		return nil
	}
	switch p.Status {
	case http.StatusForbidden:
		return []way{
			{text.T(ctx, "problem.forbidden.role", "who", user), "", ""},
			{text.T(ctx, "problem.forbidden.rest"), "/connections", text.T(ctx, "problem.all_connections")},
		}
	case http.StatusNotFound:
		return []way{
			{text.T(ctx, "problem.not_found.address"), "/connections", text.T(ctx, "problem.not_found.search")},
			{text.T(ctx, "problem.not_found.deleted"), "/events", text.T(ctx, "problem.look_at_events")},
		}
	case http.StatusConflict:
		return []way{{text.T(ctx, "problem.conflict"), "/connections", text.T(ctx, "problem.all_connections")}}
	case http.StatusInternalServerError:
		return []way{
			{text.T(ctx, "problem.internal.again"), "", ""},
			{text.T(ctx, "problem.internal.links"), "/events", text.T(ctx, "problem.look_at_events")},
		}
	case http.StatusServiceUnavailable:
		return []way{{text.T(ctx, "problem.unavailable"), "", ""}}
	}
	return nil
}
