package reports

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
)

// Report is a report that is worked out.
type Report struct {
	Desk     string    `json:"desk"`
	Name     string    `json:"name"`
	Title    string    `json:"title"`
	Period   string    `json:"period"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"` // not included
	Made     time.Time `json:"made"`
	Partial  bool      `json:"partial,omitempty"` // the period was not over when it was made
	Tables   []Result  `json:"tables"`
	Meanings []Meaning `json:"meanings"`
}

// Meaning says what a figure means.
type Meaning struct {
	Title   string `json:"title"`
	Meaning string `json:"meaning"`
}

// Result is a table that is worked out.
type Result struct {
	Title string   `json:"title"`
	By    []string `json:"by"`    // names of its dimensions
	Heads []string `json:"heads"` // of the dimensions, then of the columns
	Units []Unit   `json:"units"` // of the columns
	Names []string `json:"names"` // of the columns, as in reports/*.toml
	Lines []Line   `json:"lines"`
	Chart int      `json:"chart"` // column that is drawn, -1 if none
	Cut   int      `json:"cut,omitempty"`
}

// Line is a line of a table.
type Line struct {
	Keys   []string `json:"keys,omitempty"`   // names of what it is about, as in the desk's files
	Labels []string `json:"labels,omitempty"` // as people read them
	Total  bool     `json:"total,omitempty"`  // of a break where there is a label, else of all
	Cells  []Cell   `json:"cells"`
}

// Cell is a figure: Sum for a count; the mean or share of Sum among Count else.
type Cell struct {
	Sum   int64 `json:"sum"`
	Count int64 `json:"count"`
}

// Value returns the figure as its unit has it, and whether there is one: of nothing
// there is no mean.
func (c Cell) Value(u Unit) (v float64, ok bool) {
	if u == Count {
		return float64(c.Sum), true
	}
	if c.Count == 0 {
		return 0, false
	}
	switch u {
	case Percent:
		return float64(100*c.Sum) / float64(c.Count), true
	case Hours:
		return float64(c.Sum) / float64(3600*c.Count), true
	}
	return float64(c.Sum) / float64(c.Count), true
}

// Maker works a report out of tickets that it is given one after the other. It keeps
// sums only.
type Maker struct {
	definition Definition
	period     Period
	days       []Period
	world      *desk.World
	tables     []*sums
}

// sums are a table being made.
type sums struct {
	Table
	lines map[string]*line
	total map[string]amount
}

type line struct {
	keys, labels []string
	amounts      map[string]amount
}

// New returns a maker of a report for a period. What the desk's files say gives the
// names that people read.
func New(d Definition, p Period, w *desk.World) *Maker {
	m := &Maker{definition: d, period: p, days: p.Days(), world: w}
	for _, t := range d.Tables {
		m.tables = append(m.tables, &sums{Table: t, lines: map[string]*line{}, total: map[string]amount{}})
	}
	return m
}

// Add adds a ticket by all its events, in order.
func (m *Maker) Add(events []desk.Event) {
	h := read(events)
	whole := h.within(m.period)
	if whole == nil {
		return
	}
	var daily []*fact // worked out once, for all tables that ask for it
	for _, t := range m.tables {
		t.addTo(t.total, whole)
		if !slices.Contains(t.By, "day") {
			m.spread(t, whole, Period{})
			continue
		}
		if daily == nil {
			for _, day := range m.days {
				daily = append(daily, h.within(day))
			}
		}
		for i, day := range m.days {
			if daily[i] != nil {
				m.spread(t, daily[i], day)
			}
		}
	}
}

// AddActivity adds work on no ticket.
func (m *Maker) AddActivity(a desk.Activity) {
	if a.Ticket != 0 || !m.period.Has(a.At) {
		return
	}
	for _, t := range m.tables {
		add(t.total, "other_minutes", amount{int64(a.Minutes), 1})
		var keys, labels []string
		for _, by := range t.By {
			key, label := "", ""
			switch by {
			case "agent":
				key, label = agentTitled(a.Agent, m.world)
			case "day":
				key, label = m.day(a.At)
			}
			keys, labels = append(keys, key), append(labels, label)
		}
		if len(t.By) > 0 && slices.ContainsFunc(t.By, func(by string) bool { return by == "agent" || by == "day" }) {
			add(t.line(keys, labels).amounts, "other_minutes", amount{int64(a.Minutes), 1})
		}
	}
}

func (m *Maker) day(at time.Time) (key, label string) {
	at = at.In(m.period.From.Location())
	return at.Format(time.DateOnly), at.Format("02/01")
}

// spread adds a fact to the line that it belongs to. Work belongs to who did it.
func (m *Maker) spread(t *sums, f *fact, day Period) {
	if len(t.By) == 0 {
		return
	}
	at := func(agent *string) *line {
		l := f.end
		if agent != nil {
			l.agent = *agent
		}
		var keys, labels []string
		for _, by := range t.By {
			key, label := "", ""
			if by == "day" {
				key, label = m.day(day.From)
			} else {
				key, label = value(&l, by, m.world)
			}
			keys, labels = append(keys, key), append(labels, label)
		}
		return t.line(keys, labels)
	}
	byAgent := slices.Contains(t.By, "agent")
	if len(f.amounts) > 0 || !byAgent {
		own := at(nil)
		for name, a := range f.amounts {
			add(own.amounts, name, a)
		}
	}
	for agent, minutes := range f.minutes {
		to := &agent
		if !byAgent {
			to = nil
		}
		add(at(to).amounts, "minutes", amount{minutes, 1})
	}
}

func (t *sums) addTo(total map[string]amount, f *fact) {
	for name, a := range f.amounts {
		add(total, name, a)
	}
	for _, minutes := range f.minutes {
		add(total, "minutes", amount{minutes, 1})
	}
}

func add(to map[string]amount, name string, a amount) {
	have := to[name]
	have.add(a.sum, a.count)
	to[name] = have
}

func (t *sums) line(keys, labels []string) *line {
	id := strings.Join(keys, "\x00")
	if t.lines[id] == nil {
		t.lines[id] = &line{keys: keys, labels: labels, amounts: map[string]amount{}}
	}
	return t.lines[id]
}

// Report returns what the tickets added come to. made is now.
func (m *Maker) Report(made time.Time) Report {
	r := Report{Desk: m.world.Name, Name: m.definition.Name, Title: m.definition.Title, Period: m.period.String(), From: m.period.From, To: m.period.To,
		Made: made, Partial: made.Before(m.period.To)}
	var shown []string
	for _, t := range m.tables {
		r.Tables = append(r.Tables, t.result(m.days))
		shown = append(shown, t.Columns...)
	}
	for _, c := range Columns {
		if slices.Contains(shown, c.Name) {
			r.Meanings = append(r.Meanings, Meaning{c.Title, c.Meaning})
		}
	}
	return r
}

// result puts a table's lines in order, with its totals.
func (t *sums) result(days []Period) Result {
	r := Result{Title: t.Title, By: append([]string{}, t.By...), Names: t.Columns, Chart: slices.Index(t.Columns, t.Chart)}
	for _, by := range t.By {
		r.Heads = append(r.Heads, dimensionTitle(by))
	}
	for _, name := range t.Columns {
		c, _ := ColumnNamed(name)
		r.Heads, r.Units = append(r.Heads, c.Title), append(r.Units, c.Unit)
	}
	if len(t.By) == 0 {
		r.Lines = []Line{{Cells: t.cells(t.total)}}
		return r
	}
	if len(t.By) == 1 && t.By[0] == "day" { // a day on which nothing happened is a day too
		for _, d := range days {
			t.line([]string{d.From.Format(time.DateOnly)}, []string{d.From.Format("02/01")})
		}
	}
	lines := make([]*line, 0, len(t.lines))
	for _, l := range t.lines {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, t.compare)
	for len(lines) > 0 {
		n := len(lines)
		if len(t.By) > 1 {
			if n = slices.IndexFunc(lines, func(l *line) bool { return l.keys[0] != lines[0].keys[0] }); n < 0 {
				n = len(lines)
			}
		}
		t.group(&r, lines[:n])
		lines = lines[n:]
	}
	if t.Totals {
		r.Lines = append(r.Lines, Line{Total: true, Labels: make([]string, len(t.By)), Cells: t.cells(t.total)})
	}
	return r
}

// group writes the lines of a break.
func (t *sums) group(r *Result, lines []*line) {
	sub := map[string]amount{}
	for i, l := range lines {
		for name, a := range l.amounts {
			add(sub, name, a)
		}
		if t.Limit > 0 && i >= t.Limit {
			r.Cut++
			continue
		}
		r.Lines = append(r.Lines, Line{Keys: l.keys, Labels: named(l.labels), Cells: t.cells(l.amounts)})
	}
	if t.Totals && len(t.By) > 1 {
		r.Lines = append(r.Lines, Line{Total: true, Keys: lines[0].keys[:1], Labels: []string{named(lines[0].labels)[0], ""}, Cells: t.cells(sub)})
	}
}

// named gives what has no name one.
func named(labels []string) []string {
	out := slices.Clone(labels)
	for i, l := range out {
		out[i] = or(l, "(sin dato)")
	}
	return out
}

func (t *sums) cells(from map[string]amount) []Cell {
	cells := make([]Cell, len(t.Columns))
	for i, name := range t.Columns {
		cells[i] = Cell{from[name].sum, from[name].count}
	}
	return cells
}

// compare orders lines: breaks by their names, and within them as the table says.
func (t *sums) compare(a, b *line) int {
	if len(t.By) > 1 {
		if c := cmp.Or(cmp.Compare(a.labels[0], b.labels[0]), cmp.Compare(a.keys[0], b.keys[0])); c != 0 {
			return c
		}
	}
	if t.Sort != "" {
		c, _ := ColumnNamed(t.Sort)
		x, _ := Cell{a.amounts[t.Sort].sum, a.amounts[t.Sort].count}.Value(c.Unit)
		y, _ := Cell{b.amounts[t.Sort].sum, b.amounts[t.Sort].count}.Value(c.Unit)
		if x != y {
			return cmp.Compare(y, x)
		}
	}
	last := len(t.By) - 1
	if t.By[last] == "day" || t.By[last] == "priority" {
		return cmp.Compare(a.keys[last], b.keys[last])
	}
	return cmp.Or(cmp.Compare(a.labels[last], b.labels[last]), cmp.Compare(a.keys[last], b.keys[last]))
}
