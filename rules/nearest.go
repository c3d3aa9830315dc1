package rules

import "strings"

// nearest returns the valid word that somebody who wrote word most likely
// meant, or "" if none is near. Case does not count.
func nearest(word string, valid []string) string {
	written := []rune(strings.ToLower(word))
	best, least := "", (len(written)+2)/3+1
	for _, v := range valid {
		candidate := strings.ToLower(v)
		d := distance(written, []rune(candidate))
		if len(written) >= 3 && strings.HasPrefix(candidate, string(written)) {
			d = min(d, 1)
		}
		// of two as near the one of the same length is meant: letters are swapped
		// or mistaken more often than left out
		if d < least || d == least && best != "" && len([]rune(best)) != len(written) && len([]rune(candidate)) == len(written) {
			best, least = v, d
		}
	}
	return best
}

// distance counts the letters to be added, left out, changed or swapped with
// their neighbour to make b out of a (optimal string alignment).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
