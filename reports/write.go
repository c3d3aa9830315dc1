package reports

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// decimals is how many a unit is written with.
func decimals(u Unit) int {
	if u == Count {
		return 0
	}
	return 1
}

// heads are a table's heads, with the units that figures have.
func (t Result) heads() []string {
	heads := append([]string{}, t.Heads...)
	for i, u := range t.Units {
		at := len(t.By) + i
		switch u {
		case Percent:
			heads[at] += " (%)"
		case Hours:
			heads[at] += " (h)"
		}
	}
	return heads
}

// number writes a figure in Spanish: 1.234,5. Of nothing there is none.
func number(c Cell, u Unit, thousands bool) string {
	v, ok := c.Value(u)
	if !ok {
		return ""
	}
	scale := math.Pow10(decimals(u)) // halves go up, as people and spreadsheets have it
	whole, part, _ := strings.Cut(strconv.FormatFloat(math.Round(math.Abs(v)*scale)/scale, 'f', decimals(u), 64), ".")
	if thousands {
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + "." + whole[i:]
		}
	}
	if part != "" {
		whole += "," + part
	}
	if v < 0 && strings.Trim(whole, "0,.") != "" {
		whole = "-" + whole
	}
	return whole
}

// labels are a line's labels, those of totals named.
func (l Line) labels() []string {
	out := append([]string{}, l.Labels...)
	if !l.Total || len(out) == 0 {
		return out
	}
	if len(out) > 1 && out[0] != "" {
		out[1] = "Total"
	} else {
		out[0] = "Total"
	}
	return out
}

// day returns the day that a line is about, "" if none.
func (l Line) day(t Result) string {
	if len(t.By) > 0 && t.By[0] == "day" && len(l.Keys) > 0 {
		return l.Keys[0]
	}
	return ""
}

// CSV writes a report as a spreadsheet of a Spanish Excel opens it: semicolons, a
// decimal comma, and the mark by which it knows UTF-8. Each table stands under its
// title, an empty line between them. No cell is a formula.
func (r Report) CSV() []byte {
	var b bytes.Buffer
	b.WriteString("\uFEFF")
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = ';', true
	write := func(cells ...string) {
		for i, c := range cells {
			cells[i] = harmless(c)
		}
		_ = w.Write(cells) // into memory
	}
	write(r.Title+" · "+r.Desk, r.Period)
	for _, t := range r.Tables {
		write("")
		write(t.Title)
		write(t.heads()...)
		for _, l := range t.Lines {
			cells := l.labels()
			if day, err := time.Parse(time.DateOnly, l.day(t)); err == nil { // with its year: a spreadsheet would take its own
				cells[0] = day.Format("02/01/2006")
			}
			for i, c := range l.Cells {
				cells = append(cells, number(c, t.Units[i], false))
			}
			write(cells...)
		}
	}
	write("")
	write("Qué significa cada cifra")
	for _, m := range r.Meanings {
		write(m.Title, m.Meaning)
	}
	w.Flush()
	return b.Bytes()
}

// harmless keeps a spreadsheet from taking a text for a formula. A number with its
// sign is none.
func harmless(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return cell
	}
	if _, err := strconv.ParseFloat(strings.Replace(cell, ",", ".", 1), 64); err == nil && cell[0] == '-' {
		return cell
	}
	return "'" + cell
}

// Text writes a report for a screen, and for who reads mail as plain text.
func (r Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s\n%s\n", r.Title, r.Desk, r.Period)
	if r.Partial {
		fmt.Fprintf(&b, "El periodo no ha terminado: cifras hasta el %s\n", r.made())
	}
	for _, t := range r.Tables {
		fmt.Fprintf(&b, "\n%s\n\n", strings.ToUpper(t.Title))
		if len(t.By) == 0 {
			t.writePairs(&b)
		} else {
			t.writeText(&b)
		}
		if t.Cut > 0 {
			fmt.Fprintf(&b, "(y %d más)\n", t.Cut)
		}
	}
	b.WriteString("\nQUÉ SIGNIFICA CADA CIFRA\n\n")
	for _, m := range r.Meanings {
		fmt.Fprintf(&b, "%s: %s\n", m.Title, m.Meaning)
	}
	return b.String()
}

func (r Report) made() string { return r.Made.In(r.From.Location()).Format("02/01/2006 15:04") }

// writePairs writes a table of one line as a figure a line.
func (t Result) writePairs(b *strings.Builder) {
	heads := t.heads()
	for i, c := range t.Lines[0].Cells {
		fmt.Fprintf(b, "%s  %s\n", padded(heads[i], 36, false), or(number(c, t.Units[i], true), "–"))
	}
}

func (t Result) writeText(b *strings.Builder) {
	rows := [][]string{t.heads()}
	for _, l := range t.Lines {
		row := l.labels()
		for i, c := range l.Cells {
			row = append(row, or(number(c, t.Units[i], true), "–"))
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var cells []string
		for i, cell := range row {
			cells = append(cells, padded(cell, widths[i], i >= len(t.By)))
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
}

func padded(s string, width int, right bool) string {
	space := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
	if right {
		return space + s
	}
	return s + space
}
