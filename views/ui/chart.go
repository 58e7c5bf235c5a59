package ui

// Bar is one step of a [BarChart]: two figures of the same span of time.
type Bar struct {
	Label string // "14:05"
	First int64
	Other int64
}

// BarChart draws two figures over time, the first upwards, the other on its foot.
type BarChart struct {
	ID    string // for its title
	Title string // what the chart shows, in words
	First string // name of the first figure
	Other string
	Step  string // head of the table's first column
	Span  string // what each bar counts over: "a minute"
	Bars  []Bar
}

// The drawing's own units; the page scales it.
const (
	chartWidth  = 600.0
	chartHeight = 120.0
)

// Highest is the largest figure of the chart.
func (c BarChart) Highest() int64 {
	var most int64
	for _, b := range c.Bars {
		most = max(most, b.First, b.Other)
	}
	return most
}

// column is one drawn bar.
type column struct{ X, Y, Width, Height string }

// columns places one of the two series: each step of the chart holds both, side by side.
func (c BarChart) columns(second bool) []column {
	most := float64(c.Highest())
	if most == 0 || len(c.Bars) == 0 {
		return nil
	}
	step := chartWidth / float64(len(c.Bars))
	width := step * 0.42
	var drawn []column
	for i, b := range c.Bars {
		value, x := b.First, float64(i)*step+step*0.06
		if second {
			value, x = b.Other, float64(i)*step+step*0.52
		}
		if value <= 0 {
			continue
		}
		height := max(float64(value)/most*(chartHeight-4), 1.5)
		drawn = append(drawn, column{number(x), number(chartHeight - height), number(width), number(height)})
	}
	return drawn
}

// Slice is one part of a [Donut].
type Slice struct {
	Label string
	Count int64
	Tone  Tone
}

// Tone is the meaning of a colour.
type Tone string

// The tones.
const (
	ToneOK   Tone = "ok"
	ToneWait Tone = "wait"
	ToneBad  Tone = "bad"
	ToneOff  Tone = "off"
)

// Donut draws how a whole is divided. The figures must stand beside it as text.
type Donut struct {
	Total  int64
	Unit   string // under the number: "connections"
	Slices []Slice
}

// arc is one drawn slice: a dash on a circle whose length counts as 100.
type arc struct {
	Class, Dash, Offset string
}

func (d Donut) arcs() []arc {
	if d.Total <= 0 {
		return nil
	}
	var drawn []arc
	at := 0.0
	for _, s := range d.Slices {
		if s.Count <= 0 {
			continue
		}
		share := 100 * float64(s.Count) / float64(d.Total)
		length := share
		if share < 100 {
			length = max(share-0.8, 0.6) // a gap between slices
		}
		drawn = append(drawn, arc{"stroke-" + string(s.Tone), number(length) + " 100", number(-at)})
		at += share
	}
	return drawn
}
