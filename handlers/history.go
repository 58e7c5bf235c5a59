package handlers

import (
	"fmt"
	"time"

	"boardlink/connection"
	"boardlink/operation"
	"boardlink/views/connections"
	"boardlink/views/ui"

	"github.com/labstack/echo/v4"
)

// pastModel draws how the link fared in the span that the query names; an unknown one is the day.
func (h *Console) pastModel(c echo.Context, id connection.ID) (connections.Past, error) {
	past, span, words, clock := "1d", 24*time.Hour, "the last 24 hours", "15:04"
	if c.QueryParam("past") == "30d" {
		past, span, words, clock = "30d", 30*24*time.Hour, "the last 30 days", "2006-01-02 15:04"
	}
	history, err := h.connections.History(c.Request().Context(), id, span, operation.HistoryPieces)
	if err != nil {
		return connections.Past{}, err
	}
	strip := ui.Strip{ID: "past", Head: "From (UTC)"}
	for _, p := range history.Pieces {
		tone, text := pieceOf(p)
		strip.Pieces = append(strip.Pieces, ui.StripPiece{From: p.From.UTC().Format(clock), Tone: tone, Text: text})
	}
	strip.Title = wholePast(history.Whole, words)
	return connections.Past{Span: past, Strip: strip}, nil
}

// shareOf is the share of a piece that was up. What a link takes to open, less than a second, is not worth a word.
func shareOf(p operation.Piece) (share float64, known bool) {
	if p.Up > 0 && p.Down < time.Second {
		return 1, true
	}
	return p.Share()
}

// pieceOf says how a piece of the past was.
func pieceOf(p operation.Piece) (tone ui.Tone, text string) {
	share, known := shareOf(p)
	switch {
	case !known && p.Off > 0:
		return ui.ToneOff, "ended on purpose"
	case !known:
		return "", "not known"
	case share == 1:
		return ui.ToneOK, "up"
	case share == 0:
		return ui.ToneBad, "down"
	}
	return ui.ToneWait, "down for " + ui.Span(p.Down)
}

// wholePast says it all in a sentence.
func wholePast(p operation.Piece, words string) string {
	share, known := shareOf(p)
	if !known {
		return "Nothing is known of the link in " + words + "."
	}
	text := fmt.Sprintf("The link was up for %s in %s", percent(share), words)
	if rest := p.To.Sub(p.From) - p.Up - p.Down - p.Off; rest > time.Minute {
		text += ", as far as is known: " + ui.Span(p.Up+p.Down)
	}
	if share < 1 {
		text += "; down for " + ui.Span(p.Down) + " in all"
	}
	return text + "."
}

// percent writes a share with one decimal, and never 100 % for what is less.
func percent(share float64) string {
	text := fmt.Sprintf("%.1f %%", share*100)
	switch {
	case share == 1:
		return "100 %"
	case text == "100.0 %":
		return "99.9 %"
	}
	return text
}
