package books

// Figures are what a report says of some tickets: all that were opened in its month.
type Figures struct {
	Opened, Resolved, Closed, Pending int
	Late                              int // promises that passed
	First, FirstKept                  int // first answers that were promised for a time, and those in time
	Solved, SolvedKept                int // solutions that were
	Scores, Sum                       int // surveys answered, and what they come to
	Minutes                           int
}

// Figures works them out for the tickets that which takes.
func (b *Books) Figures(which func(*Ticket) bool) (f Figures) {
	one := func(n *int, when bool) {
		if when {
			*n++
		}
	}
	for _, t := range b.Tickets {
		if !which(t) {
			continue
		}
		done := t.State == "resuelto" || t.State == "cerrado"
		f.Opened++
		one(&f.Resolved, done)
		one(&f.Closed, t.State == "cerrado")
		one(&f.Pending, t.State != "cerrado")
		one(&f.Late, t.first.Breached)
		one(&f.Late, t.resolution.Breached)
		one(&f.First, t.first.stopped)
		one(&f.FirstKept, t.first.stopped && t.first.used < t.first.length)
		one(&f.Solved, done)
		one(&f.SolvedKept, done && t.resolution.used < t.resolution.length)
		one(&f.Scores, t.Score > 0)
		f.Sum += t.Score
		f.Minutes += t.Spent
	}
	return f
}
