package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// table is what a run prints.
type table struct{ lines []line }

type line struct {
	title       string // alone in its line
	what        string
	floor, ours float64 // a floor of 0: there is none
	ratio       float64 // 0: none
	bound       string  // "" for a figure that has none
	kept        bool
}

func (t *table) title(s string) { t.lines = append(t.lines, line{title: s}) }

func (t *table) row(what string, floor, ours, ratio float64, bound string, kept bool) {
	t.lines = append(t.lines, line{what: what, floor: floor, ours: ours, ratio: ratio, bound: bound, kept: kept})
}

// ratio adds a figure without a bound.
func (t *table) ratio(what string, floor, ours float64) {
	t.row(what, floor, ours, ours/floor, "", true)
}

func (t *table) atMost(what string, floor, ours, most float64) {
	t.row(what, floor, ours, 0, fmt.Sprintf("≤ %.0f", most), ours <= most)
}

// missed returns how many bounds were missed.
func (t *table) missed() (n int) {
	for _, l := range t.lines {
		if l.bound != "" && !l.kept {
			n++
		}
	}
	return n
}

func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %9s %11s %6s %8s\n", pad("", 66), "floor", "ventanilla", "ratio", "bound")
	for _, l := range t.lines {
		if l.title != "" {
			fmt.Fprintf(&b, "\n%s\n", l.title)
			continue
		}
		ratio, verdict := "", ""
		if l.ratio > 0 {
			ratio = fmt.Sprintf("%.2f", l.ratio)
		}
		if l.bound != "" {
			verdict = "  kept"
			if !l.kept {
				verdict = "  MISSED"
			}
		}
		row := fmt.Sprintf("%s %9s %11s %6s %s%s", pad("  "+l.what, 66), figure(l.floor), figure(l.ours), ratio, strings.Repeat(" ", 8-utf8.RuneCountInString(l.bound))+l.bound, verdict)
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	return b.String()
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// figure writes a value with as many digits as mean something, and nothing for 0.
func figure(v float64) string {
	switch {
	case v == 0:
		return ""
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
