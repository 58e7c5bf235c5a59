package ui

import (
	"context"
	"time"

	"boardlink/text"
)

// unit is a length of time that people count in; its name ends the ids of the messages that count it.
type unit struct {
	length time.Duration
	name   string
}

// units are in falling order.
func units() []unit {
	const day = 24 * time.Hour
	return []unit{{365 * day, "year"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
}

// count gives the largest unit that d, which is a second at least, holds, and how many of it.
func count(d time.Duration) (int64, string) {
	for _, u := range units() {
		if d >= u.length {
			return int64(d / u.length), u.name
		}
	}
	return 0, "second"
}

// Relative writes a moment as seen from now: "4 minutes ago", "in 2 hours", "a moment ago".
func Relative(ctx context.Context, now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d > -time.Second && d < 5*time.Second:
		return text.T(ctx, "ui.time.moment_ago")
	case d < 0:
		n, unit := count(-d)
		return text.N(ctx, "ui.time.in."+unit, n)
	default:
		n, unit := count(d)
		return text.N(ctx, "ui.time.ago."+unit, n)
	}
}

// Until writes a moment that is waited for: "in 2 hours", "now" once it has come.
func Until(ctx context.Context, now, t time.Time) string {
	if d := t.Sub(now); d > time.Second {
		n, unit := count(d)
		return text.N(ctx, "ui.time.in."+unit, n)
	}
	return text.T(ctx, "ui.time.now")
}

// For writes how long something has lasted: "for 18 seconds".
func For(ctx context.Context, now, since time.Time) string {
	if d := now.Sub(since); d >= time.Second {
		n, unit := count(d)
		return text.N(ctx, "ui.time.for."+unit, n)
	}
	return text.T(ctx, "ui.time.for_moment")
}

// TimeWords are the words of [Relative], [Until] and [For]; static/scripts/times.js keeps times fresh by them.
func TimeWords(ctx context.Context) map[string]any {
	ago, in, lasting := map[string]any{}, map[string]any{}, map[string]any{}
	for _, u := range units() {
		ago[u.name] = text.Forms(ctx, "ui.time.ago."+u.name)
		in[u.name] = text.Forms(ctx, "ui.time.in."+u.name)
		lasting[u.name] = text.Forms(ctx, "ui.time.for."+u.name)
	}
	return map[string]any{
		"ago": ago, "in": in, "for": lasting,
		"momentAgo": text.T(ctx, "ui.time.moment_ago"), "now": text.T(ctx, "ui.time.now"), "forMoment": text.T(ctx, "ui.time.for_moment"),
	}
}
