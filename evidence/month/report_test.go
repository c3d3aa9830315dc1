package month

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"time"

	"ventanilla/evidence/month/books"
)

// head asks for reports and works on nothing.
const head = "jefa@mesa.example"

var columns = strings.Fields("backlog_start opened revived closed dropped backlog_end resolved first_answers first_hours first_on_time resolution_hours resolution_on_time breached reopened rejected asked surveys score minutes")

// reportFile is reports/mensual.toml.
func reportFile() string {
	names := `["` + strings.Join(columns, `", "`) + `"]`
	return "title = \"Informe mensual\"\n\n[[table]]\ntitle = \"En resumen\"\ncolumns = " + names + "\n\n[[table]]\ntitle = \"Por cola\"\nby = [\"queue\"]\ncolumns = " + names +
		"\n\n[[table]]\ntitle = \"Por agente\"\nby = [\"agent\"]\ncolumns = " + names + "\n\n[[table]]\ntitle = \"Día por día\"\nby = [\"day\"]\ncolumns = [\"opened\", \"backlog_end\"]\n"
}

// report has the head ask for the report of the month by mail, and holds every cell of
// the spreadsheet that comes against the books.
func (p *play) report(now time.Time) {
	p.t.Helper()
	want := p.send(now, []mail{written(head, "soporte@mesa.example", "Informe", "", "informe octubre 2026", now, false)})
	if err := p.house.DoDue(context.Background()); err != nil {
		p.t.Fatal(err)
	}
	tables := p.tables(p.come(want)[0].CSV)
	cells := 0
	hold := func(table string, want map[string][]string) {
		got := tables[table]
		for label, line := range want {
			if !slices.Equal(got[label], line) {
				p.t.Errorf("%s, %s: %q, the books say %q", table, label, got[label], line)
			}
			cells += len(line)
		}
		if len(got) != len(want) {
			p.t.Errorf("%s: %d lines, the books have %d", table, len(got), len(want))
		}
	}
	all := p.books.Cells(columns, func(*books.Ticket) bool { return true })
	hold("En resumen", map[string][]string{"": all})
	queues, agents := map[string][]string{"Total": all}, map[string][]string{"Total": all}
	for i := range p.books.Queues {
		q := &p.books.Queues[i]
		queues[strings.TrimSuffix(q.Address, "@mesa.example")] = p.books.Cells(columns, func(t *books.Ticket) bool { return t.Queue == q })
		for _, a := range q.Agents {
			agents[strings.TrimSuffix(a, "@mesa.example")] = p.books.Cells(columns, func(t *books.Ticket) bool { return t.Assignee == a })
		}
	}
	hold("Por cola", queues)
	hold("Por agente", agents)
	days := map[string][]string{"Total": p.books.Cells([]string{"opened", "backlog_end"}, func(*books.Ticket) bool { return true })}
	for day, d := range p.books.Days {
		if strings.HasSuffix(day, "/10/2026") {
			days[day] = []string{fmt.Sprint(d.Opened), fmt.Sprint(d.Backlog)}
		}
	}
	hold("Día por día", days)
	p.t.Logf("%d cells of the report are as the books say", cells)
}

// tables reads a report's spreadsheet: the lines of each table, by what they are about,
// of agents by the last word of their title.
func (p *play) tables(data []byte) map[string]map[string][]string {
	p.t.Helper()
	data, marked := bytes.CutPrefix(data, []byte("\ufeff"))
	if !marked {
		p.t.Error("the spreadsheet does not say that it is UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord = ';', -1
	rows, err := r.ReadAll()
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[string]map[string][]string{}
	title := ""
	for i, row := range rows {
		switch {
		case len(row) == 1 && row[0] != "":
			title = row[0]
			all[title] = map[string][]string{}
		case title == "" || len(row) < 2 || i > 0 && len(rows[i-1]) == 1: // before the first, between two, heads
		case len(row) == len(columns):
			all[title][""] = row
		default:
			words := strings.Fields(row[0])
			all[title][words[len(words)-1]] = row[1:]
		}
	}
	return all
}
