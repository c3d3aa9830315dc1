// Package reports makes tables of figures out of the histories of tickets. It is
// pure: histories come in, a [Report] comes out, and is written as text, CSV, HTML
// or JSON. Every figure is worked out from events alone, so that who has the events
// can work it out again; what it means is in the table [Columns].
package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
)

// Period is the time that a report is about: from the beginning of a day to the
// beginning of another, by the desk's clock.
type Period struct{ From, To time.Time }

// Month returns a month of a zone's calendar.
func Month(year int, month time.Month, zone *time.Location) Period {
	return Days(time.Date(year, month, 1, 0, 0, 0, 0, zone), time.Date(year, month+1, 0, 0, 0, 0, 0, zone))
}

// Days returns the days from one to another, both included.
func Days(first, last time.Time) Period {
	year, month, day := last.Date()
	return Period{begin(first.Date())(first.Location()), begin(year, month, day+1)(last.Location())}
}

// begin returns the first moment of a day. In some zones an hour is missing there on
// one night of the year, and the day begins at one.
func begin(year int, month time.Month, day int) func(*time.Location) time.Time {
	return func(zone *time.Location) time.Time {
		t, noon := time.Date(year, month, day, 0, 0, 0, 0, zone), time.Date(year, month, day, 12, 0, 0, 0, zone)
		for t.Day() != noon.Day() {
			t = t.Add(15 * time.Minute)
		}
		return t
	}
}

// Has says whether a moment lies within the period.
func (p Period) Has(at time.Time) bool { return !at.Before(p.From) && at.Before(p.To) }

// Days returns the days of the period, in order. A day of a change of the zone's
// offset has 23 or 25 hours.
func (p Period) Days() (days []Period) {
	for from := p.From; from.Before(p.To); {
		day := Days(from, from)
		days = append(days, day)
		from = day.To
	}
	return days
}

var months = [...]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}

// String names the period in Spanish: a month, or its days.
func (p Period) String() string {
	last := p.To.AddDate(0, 0, -1)
	if whole := Month(p.From.Year(), p.From.Month(), p.From.Location()); p.From.Equal(whole.From) && p.To.Equal(whole.To) {
		return months[p.From.Month()-1] + " de " + p.From.Format("2006")
	}
	if p.From.Format(time.DateOnly) == last.Format(time.DateOnly) {
		return p.From.Format("02/01/2006")
	}
	return p.From.Format("02/01/2006") + " a " + last.Format("02/01/2006")
}

// ReadPeriod reads a period as people write it: «mayo», «mayo 2026», «2026-05», a
// day, or two days. A month without its year is the last one that has begun by now.
func ReadPeriod(text string, now time.Time) (Period, error) {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ' ' || r == ',' })
	words = slices.DeleteFunc(words, func(w string) bool {
		return slices.Contains([]string{"de", "del", "desde", "hasta", "a", "al", "el"}, w)
	})
	zone := now.Location()
	switch {
	case len(words) == 1 && slices.Contains(months[:], written(words[0])), len(words) == 2 && slices.Contains(months[:], written(words[0])):
		month, year := time.Month(slices.Index(months[:], written(words[0]))+1), now.Year()
		if month > now.Month() {
			year--
		}
		if len(words) == 2 {
			t, err := time.Parse("2006", words[1])
			if err != nil {
				return Period{}, badPeriod(text)
			}
			year = t.Year()
		}
		return Month(year, month, zone), nil
	case len(words) == 1 && len(words[0]) == len("2006-01"):
		t, err := time.ParseInLocation("2006-01", words[0], zone)
		if err != nil {
			return Period{}, badPeriod(text)
		}
		return Month(t.Year(), t.Month(), zone), nil
	case len(words) == 1 || len(words) == 2:
		first, err := atNoon(words[0], zone)
		last, err2 := atNoon(words[len(words)-1], zone)
		if err != nil || err2 != nil || last.Before(first) || last.Sub(first) > longest {
			return Period{}, badPeriod(text)
		}
		return Days(first, last), nil
	}
	return Period{}, badPeriod(text)
}

// atNoon reads a day. Its midnight may be missing in the zone.
func atNoon(day string, zone *time.Location) (time.Time, error) {
	return time.ParseInLocation("2006-01-02 15", day+" 12", zone)
}

// longest is how long a period may be: two years.
const longest = 2 * 366 * 24 * time.Hour

// written takes what people write for what is meant: setiembre is september too.
func written(month string) string {
	if month == "setiembre" {
		return "septiembre"
	}
	return month
}

func badPeriod(text string) error {
	return fmt.Errorf("no se entiende el periodo %q: escriba un mes («mayo», «mayo 2026», «2026-05»), un día («2026-05-04») o dos, el primero y el último", text)
}

// Definition says what a report holds: reports/NAME.toml.
type Definition struct {
	Name   string // of the file
	Title  string
	To     []string      // names of the agents and readers to whom it goes on the first day of each month
	At     time.Duration // since midnight, when it goes
	Tables []Table
}

// Table is one table of a report.
type Table struct {
	Title   string
	By      []string // dimensions, at most two: the first breaks the table
	Columns []string // names of [Columns]
	Totals  bool     // a line for each break and one for all
	Sort    string   // column by which lines stand, the greatest first; "" by their names
	Limit   int      // lines at most, of each break; 0: all
	Chart   string   // column that is drawn as bars; "": none
}

// Usual is the report that there is without any file.
func Usual() Definition {
	flow := []string{"opened", "resolved", "closed", "backlog_end"}
	terms := []string{"resolved", "first_on_time", "first_hours", "resolution_on_time", "resolution_hours", "breached"}
	return Definition{Name: "mensual", Title: "Informe mensual", Tables: []Table{
		{Title: "En resumen", Columns: []string{"backlog_start", "opened", "revived", "closed", "dropped", "backlog_end"}},
		{Title: "Cumplimiento y satisfacción", Columns: []string{"first_on_time", "first_hours", "resolution_on_time", "resolution_hours", "breached", "reopened", "rejected", "surveys", "score", "minutes"}},
		{Title: "Día por día", By: []string{"day"}, Columns: []string{"opened", "closed", "backlog_end"}, Totals: true, Chart: "backlog_end"},
		{Title: "Por cola y categoría", By: []string{"queue", "category"}, Columns: flow, Totals: true},
		{Title: "Por agente", By: []string{"agent"}, Columns: []string{"resolved", "backlog_end", "first_on_time", "resolution_on_time", "reopened", "rejected", "score", "minutes", "other_minutes"}, Totals: true, Sort: "resolved"},
		{Title: "Por tipo", By: []string{"type"}, Columns: flow, Totals: true},
		{Title: "Por cliente", By: []string{"client"}, Columns: append(slices.Clone(flow), terms[1:]...), Totals: true, Sort: "opened"},
		{Title: "Problemas más frecuentes", By: []string{"category"}, Columns: []string{"opened", "resolution_hours", "minutes"}, Sort: "opened", Limit: 10, Chart: "opened"},
	}}
}

// Dimensions are what tables are broken by, with the Spanish heads of their columns.
// Where a ticket changed, it is as it was at the end of the period.
var Dimensions = []struct{ Name, Title string }{
	{"day", "Día"}, {"queue", "Cola"}, {"category", "Categoría"}, {"service", "Servicio"}, {"type", "Tipo"}, {"agent", "Agente"},
	{"client", "Cliente"}, {"priority", "Prioridad"}, {"channel", "Canal"}, {"level", "Nivel"}, {"state", "Estado"},
}

func dimensionTitle(name string) string {
	for _, d := range Dimensions {
		if d.Name == name {
			return d.Title
		}
	}
	return name
}

// value returns what a ticket is in a dimension, and what people call it.
func value(l *look, dimension string, w *desk.World) (key, title string) {
	switch dimension {
	case "queue":
		q, _ := w.Queue(l.queue)
		return l.queue, or(q.Title, l.queue)
	case "category":
		return l.category, titled(w.Categories, l.category, func(c desk.Category) (string, string) { return c.Name, c.Title })
	case "service":
		return l.service, titled(w.Services, l.service, func(s desk.Service) (string, string) { return s.Name, s.Title })
	case "client":
		return l.client, titled(w.Clients, l.client, func(c desk.Client) (string, string) { return c.Name, c.Title })
	case "agent":
		return agentTitled(l.agent, w)
	case "priority":
		return fmt.Sprint(l.priority), or(priorities[l.priority], "–")
	case "channel":
		return l.channel, or(l.channel, "correo")
	case "level":
		return l.level, l.level
	case "state":
		return string(l.state), states[l.state]
	}
	return l.kind, l.kind // "type"
}

func agentTitled(name string, w *desk.World) (key, title string) {
	a, _ := w.Agent(name)
	return name, or(a.Title, name)
}

var (
	priorities = map[int]string{1: "muy urgente", 2: "alta", 3: "mediana", 4: "baja", 5: "muy baja"}
	states     = map[desk.State]string{desk.New: "nuevo", desk.Open: "en curso", desk.Pending: "pendiente", desk.Resolved: "resuelto", desk.Closed: "cerrado",
		desk.Merged: "fusionado", desk.Cancelled: "anulado"}
)

func titled[T any](all []T, name string, names func(T) (name, title string)) string {
	for _, t := range all {
		if n, title := names(t); n == name && title != "" {
			return title
		}
	}
	return name
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
