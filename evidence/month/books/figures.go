package books

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// figure is a figure of a report that is made of tickets.
type figure struct {
	unit string // "" a count, "%" a share, "h" the mean of seconds in hours, "mean"
	of   func(t *Ticket) (sum, count int)
}

func yes(is bool) (sum, count int) {
	if is {
		return 1, 1
	}
	return 0, 0
}

// figures are those that the guide for heads of desks explains, by their names in
// reports/*.toml. All tickets of the books were opened in the month.
var figures = map[string]figure{
	"backlog_start": {"", func(*Ticket) (int, int) { return 0, 0 }},
	"revived":       {"", func(*Ticket) (int, int) { return 0, 0 }},
	"dropped":       {"", func(*Ticket) (int, int) { return 0, 0 }},
	"opened":        {"", func(*Ticket) (int, int) { return 1, 1 }},
	"closed":        {"", func(t *Ticket) (int, int) { return yes(t.State == "cerrado") }},
	"backlog_end":   {"", func(t *Ticket) (int, int) { return yes(t.State != "cerrado") }},
	"resolved":      {"", func(t *Ticket) (int, int) { return yes(t.done()) }},
	"first_answers": {"", func(t *Ticket) (int, int) { return yes(!t.answered.IsZero()) }},
	"first_hours": {"h", func(t *Ticket) (int, int) {
		if t.answered.IsZero() {
			return 0, 0
		}
		return int(t.answered.Sub(t.Opened) / time.Second), 1
	}},
	"first_on_time": {"%", func(t *Ticket) (int, int) {
		if !t.first.stopped {
			return 0, 0
		}
		sum, _ := yes(!t.first.late)
		return sum, 1
	}},
	"resolution_hours": {"h", func(t *Ticket) (int, int) {
		if !t.done() {
			return 0, 0
		}
		return int(t.solved.Sub(t.Opened) / time.Second), 1
	}},
	"resolution_on_time": {"%", func(t *Ticket) (int, int) {
		if !t.done() {
			return 0, 0
		}
		sum, _ := yes(!t.resolution.late)
		return sum, 1
	}},
	"breached": {"", func(t *Ticket) (int, int) {
		a, _ := yes(t.first.Breached)
		b, _ := yes(t.resolution.Breached)
		return a + b, a + b
	}},
	"reopened": {"", func(t *Ticket) (int, int) { return yes(t.reopened) }},
	"rejected": {"", func(t *Ticket) (int, int) { return yes(t.rejected) }},
	"asked":    {"", func(t *Ticket) (int, int) { return yes(t.Asked) }},
	"surveys":  {"", func(t *Ticket) (int, int) { return yes(t.Score > 0) }},
	"score": {"mean", func(t *Ticket) (int, int) {
		_, n := yes(t.Score > 0)
		return t.Score, n
	}},
	"minutes": {"", func(t *Ticket) (int, int) { return t.Spent, 1 }},
}

func (t *Ticket) done() bool { return t.State == "resuelto" || t.State == "cerrado" }

// Cells are figures of those tickets that are meant, as a Spanish spreadsheet shows them.
func (b *Books) Cells(columns []string, meant func(*Ticket) bool) (cells []string) {
	for _, name := range columns {
		f := figures[name]
		sum, count := 0, 0
		for _, t := range b.Tickets {
			if meant(t) {
				s, n := f.of(t)
				sum, count = sum+s, count+n
			}
		}
		cells = append(cells, f.written(sum, count))
	}
	return cells
}

func (f figure) written(sum, count int) string {
	if f.unit == "" {
		return fmt.Sprint(sum)
	}
	if count == 0 {
		return ""
	}
	v := float64(sum) / float64(count)
	switch f.unit {
	case "%":
		v *= 100
	case "h":
		v /= 3600
	}
	return strings.Replace(fmt.Sprintf("%.1f", math.Round(v*10)/10), ".", ",", 1) // halves go up, as people round
}

// Day is what the books said of a day when it was over.
type Day struct{ Opened, Backlog int }

// newDay closes the books of the day before, if a new one has begun.
func (b *Books) newDay() {
	day := b.at.In(b.Hours.zone).Format("02/01/2006")
	if b.today == "" {
		b.today, b.Days = day, map[string]Day{}
	}
	if b.today == day {
		return
	}
	d := Day{Opened: len(b.Tickets) - b.openedBefore}
	for _, t := range b.Tickets {
		if t.State != "cerrado" {
			d.Backlog++
		}
	}
	b.Days[b.today] = d
	b.today, b.openedBefore = day, len(b.Tickets)
}
