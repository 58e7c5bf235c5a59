package web

import (
	"strconv"
	"strings"
)

// maxRanges bounds how much of an Accept header is read.
const maxRanges = 50

// prefersJSON reports whether the Accept header ranks application/json above text/html. Equal ranks, and "*/*" alone,
// leave the answer to the page.
func prefersJSON(accept []string) bool {
	ranges := strings.Split(strings.ToLower(strings.Join(accept, ",")), ",")
	if len(ranges) > maxRanges {
		ranges = ranges[:maxRanges]
	}
	return rank(ranges, "application", "json") > rank(ranges, "text", "html")
}

// rank is the quality that the most specific matching range gives to a type (RFC 9110, section 12.5.1); 0 where none
// matches.
func rank(ranges []string, mainType, subType string) float64 {
	best, quality := 0, 0.0
	for _, text := range ranges {
		parts := strings.Split(text, ";")
		specific := 0
		switch strings.TrimSpace(parts[0]) {
		case mainType + "/" + subType:
			specific = 3
		case mainType + "/*":
			specific = 2
		case "*/*":
			specific = 1
		}
		if specific > best {
			best, quality = specific, qualityOf(parts[1:])
		}
	}
	return quality
}

// qualityOf reads the parameter q; anything that is no number from 0 to 1 counts as absent.
func qualityOf(parameters []string) float64 {
	for _, p := range parameters {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.TrimSpace(name) != "q" {
			continue
		}
		if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && q >= 0 && q <= 1 {
			return q
		}
	}
	return 1
}
