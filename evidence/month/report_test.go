package month

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"ventanilla/evidence/month/books"
)

// head reads and is sent reports, and is no agent.
const head = "jefa@mesa.example"

// reportFile asks for the figures that the books can tell.
const reportFile = `title = "Cuadre"
[[table]]
title = "Por cola"
by = ["queue"]
columns = ["opened", "resolved", "closed", "backlog_end", "breached", "first_on_time", "resolution_on_time", "surveys", "score", "minutes"]
[[table]]
title = "Por agente"
by = ["agent"]
columns = ["opened", "resolved", "closed", "backlog_end", "breached", "first_on_time", "resolution_on_time", "surveys", "score"]
`

// report asks by mail for the report of the month, and holds every cell of the mail that
// comes back against the books.
func (p *play) report() {
	p.t.Helper()
	now := p.setClock(0)
	want := p.send(now, []mail{written(head, "soporte@mesa.example", "Consulta", "", "informe cuadre octubre", now, false)})
	if err := p.house.DoDue(context.Background()); err != nil {
		p.t.Fatal(err)
	}
	letters := p.come(want)
	if len(letters) != 1 {
		p.t.Fatalf("%d reports came", len(letters))
	}
	_, queues, _ := strings.Cut(letters[0].Text, "POR COLA\n")
	queues, agents, found := strings.Cut(queues, "POR AGENTE\n")
	if !found {
		p.t.Fatalf("the report has not two tables:\n%s", letters[0].Text)
	}
	agents, _, _ = strings.Cut(agents, "QUÉ SIGNIFICA")
	cells := p.table(queues, 10, func(t *books.Ticket) string { return strings.TrimSuffix(t.Queue.Address, "@mesa.example") })
	cells += p.table(agents, 9, func(t *books.Ticket) string {
		a, _ := p.house.setup.World.AgentAt(t.Assignee)
		return a.Title
	})
	p.t.Logf("%d cells of the report agree with the books", cells)
}

var columns = regexp.MustCompile(`\s{2,}`)

// table holds a table of the report against the books.
func (p *play) table(text string, width int, line func(*books.Ticket) string) (cells int) {
	p.t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")[1:] // behind the heads
	named := map[string]bool{}
	for _, t := range p.books.Tickets {
		named[line(t)] = true
	}
	if len(lines) != len(named)+1 {
		p.t.Errorf("%d lines, want %d and a total", len(lines), len(named))
	}
	for _, l := range lines {
		row := columns.Split(strings.TrimSpace(l), -1)
		f := p.books.Figures(func(t *books.Ticket) bool { return row[0] == "Total" || line(t) == row[0] })
		share := func(n, of int) string {
			if of == 0 {
				return "–"
			}
			return decimal(100 * float64(n) / float64(of))
		}
		score := "–"
		if f.Scores > 0 {
			score = decimal(float64(f.Sum) / float64(f.Scores))
		}
		want := []string{row[0], whole3(f.Opened), whole3(f.Resolved), whole3(f.Closed), whole3(f.Pending), whole3(f.Late),
			share(f.FirstKept, f.First), share(f.SolvedKept, f.Solved), whole3(f.Scores), score, whole3(f.Minutes)}[:width+1]
		if got := strings.Join(row, "|"); got != strings.Join(want, "|") {
			p.t.Errorf("the report says %s, the books %s", got, strings.Join(want, "|"))
		}
		cells += width
	}
	return cells
}

func decimal(v float64) string {
	return strings.Replace(strconv.FormatFloat(math.Round(v*10)/10, 'f', 1, 64), ".", ",", 1)
}

// whole3 writes a number as 1.234.
func whole3(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d.%03d", n/1000, n%1000)
}
