package ui

// Bar is one step of a [BarChart]: two figures of the same span of time.
type Bar struct {
	Label   string // "14:05"
	First   int64
	Other   int64
	Unknown bool // neither of them is known
}

// BarChart draws two figures over time, the first upwards, the other on its foot.
type BarChart struct {
	ID    string // for its title
	Title string // what the chart shows, in words
	First string // name of the first figure
	Other string
	Step  string // head of the table's first column
	Span  string // what each bar counts over: "a minute"; "": nothing is counted
	Bars  []Bar

	Apart      bool               // the two are of different units: each has a scale of its own
	WriteFirst func(int64) string // how the first figure is written; nil: [Count]
	WriteOther func(int64) string // nil: as the first
}

// The drawing's own units; the page scales it.
const (
	chartWidth  = 600.0
	chartHeight = 120.0
)

// Highest is the largest figure of the chart.
func (c BarChart) Highest() int64 {
	return max(c.highest(false), c.highest(true))
}

// highest is the largest of one figure.
func (c BarChart) highest(second bool) int64 {
	var most int64
	for _, b := range c.Bars {
		if second {
			most = max(most, b.Other)
		} else {
			most = max(most, b.First)
		}
	}
	return most
}

func (c BarChart) write(n int64, second bool) string {
	write := c.WriteFirst
	if second && c.WriteOther != nil {
		write = c.WriteOther
	}
	if write == nil {
		write = Count
	}
	return write(n)
}

// column is one drawn bar.
type column struct{ X, Y, Width, Height string }

// columns places one of the two series: each step of the chart holds both, side by side.
func (c BarChart) columns(second bool) []column {
	most := float64(c.Highest())
	if c.Apart {
		most = float64(c.highest(second))
	}
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
