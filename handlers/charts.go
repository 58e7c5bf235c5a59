package handlers

import (
	"context"
	"time"

	"boardlink/operation"
	"boardlink/text"
	"boardlink/views/ui"
)

// chartSpan is what a window's charts say of it.
type chartSpan struct{ key, each string }

func spanOf(w operation.Window) chartSpan {
	if w == operation.Day {
		return chartSpan{"day", "a_quarter"}
	}
	return chartSpan{"hour", "a_minute"}
}

// chartOf draws a series. name is the table of the chart's words, words that of the names of its two figures.
func chartOf(ctx context.Context, id, name, words string, span chartSpan, series []operation.Point, bar func(operation.Point) ui.Bar) ui.BarChart {
	c := ui.BarChart{
		ID: id, Title: text.T(ctx, "chart."+name+"."+span.key), Step: text.T(ctx, "chart.step"),
		First: text.T(ctx, "chart."+words+".first"), Other: text.T(ctx, "chart."+words+".second"),
	}
	for _, p := range series {
		b := bar(p)
		b.Label = p.T.Format("15:04")
		c.Bars = append(c.Bars, b)
	}
	return c
}

// countsOf draws what is counted by the minute or the quarter of an hour.
func countsOf(ctx context.Context, id, name string, span chartSpan, series []operation.Point, bar func(operation.Point) ui.Bar) ui.BarChart {
	c := chartOf(ctx, id, name, name, span, series, bar)
	c.Span = text.T(ctx, "chart."+span.each)
	return c
}

func uplinksOf(p operation.Point) ui.Bar   { return ui.Bar{First: p.Uplinks, Other: p.Delivered} }
func downlinksOf(p operation.Point) ui.Bar { return ui.Bar{First: p.Downlinks, Other: p.Rejected} }
func trafficOf(p operation.Point) ui.Bar   { return ui.Bar{First: p.Uplinks, Other: p.Downlinks} }

// delaysChart draws how long deliveries took, in milliseconds.
func delaysChart(ctx context.Context, id string, span chartSpan, series []operation.Point) ui.BarChart {
	c := chartOf(ctx, id, "delays", "delays", span, series, func(p operation.Point) ui.Bar {
		return ui.Bar{First: p.Delays.Within(0.5).Milliseconds(), Other: p.Delays.Within(0.95).Milliseconds(), Unknown: p.Delays.Count() == 0}
	})
	c.WriteFirst = func(ms int64) string { return ui.Took(time.Duration(ms) * time.Millisecond) }
	return c
}

// backlogChart draws how many events waited, and for how many seconds the oldest did. name is "backlog", or "waiting" of all
// connections.
func backlogChart(ctx context.Context, id, name string, span chartSpan, series []operation.Point) ui.BarChart {
	c := chartOf(ctx, id, name, "backlog", span, series, func(p operation.Point) ui.Bar {
		return ui.Bar{First: p.Backlog, Other: int64((p.OldestAge + time.Second - 1) / time.Second), Unknown: !p.Watched && p.Backlog == 0}
	})
	c.Apart = true
	c.WriteOther = func(seconds int64) string {
		if seconds == 0 {
			return "-"
		}
		return ui.Span(time.Duration(seconds) * time.Second)
	}
	return c
}
