package ui

import "strconv"

// StripPiece is a piece of a [Strip]: how it was, and from when on.
type StripPiece struct {
	From string // "14:05"
	Tone Tone   // "" where nothing is known
	Text string // "98 % up"
}

// Strip draws a past piece by piece, the oldest first. Its figures stand below it as a table.
type Strip struct {
	ID     string
	Title  string // the whole in words: "Up for 98.5 % of the last 24 hours"
	Pieces []StripPiece
	Head   string // head of the table's first column
}

// stripRect is one drawn piece. The worse it was the lower it is: colour is not alone in telling.
type stripRect struct{ X, Y, Height, Class string }

// The drawing's own units: a piece is four wide, with a gap of one.
const (
	stripStep   = 5
	stripHeight = 20
)

func (s Strip) rects() []stripRect {
	rects := make([]stripRect, len(s.Pieces))
	for i, p := range s.Pieces {
		tone, height := "unknown", 2
		switch p.Tone {
		case ToneOK:
			tone, height = "ok", stripHeight
		case ToneWait:
			tone, height = "wait", 14
		case ToneBad:
			tone, height = "bad", 8
		case ToneOff:
			tone, height = "off", 4
		}
		rects[i] = stripRect{strconv.Itoa(i * stripStep), strconv.Itoa(stripHeight - height), strconv.Itoa(height), "strip-" + tone}
	}
	return rects
}

func (s Strip) box() string { return "0 0 " + strconv.Itoa(max(len(s.Pieces)*stripStep-1, 1)) + " 20" }
