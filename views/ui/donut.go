package ui

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
