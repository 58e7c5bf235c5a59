package api

import "strings"

// nearest gives the known name that somebody may have meant: the same but for letter case, or else the one that the fewest
// slips lead to; "" where none is near. A slip is a letter too many, too few, another one, or two that changed places.
func nearest(name string, known []string) string {
	best, least := "", 0
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return k
		}
		most := max(1, min(len(k), len(name))/3)
		if len(name) > len(k)+most || len(k) > len(name)+most {
			continue // also spares names of any length
		}
		if n := slips(strings.ToLower(name), strings.ToLower(k)); n <= most && (best == "" || n < least) {
			best, least = k, n
		}
	}
	return best
}

// slips counts what makes one name of the other, letter by letter.
func slips(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last := []int(nil), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row := make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}
