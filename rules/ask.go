package rules

import (
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/reports"
)

// ReportAsk is a report that an agent asks for.
type ReportAsk struct {
	Report string // its name
	Period reports.Period
	Agent  string
}

// reportAsks begin a text that asks for a report.
var reportAsks = []string{"informe", "reporte", "report", "relatorio"}

// asksReport hears an agent or a reader ask for a report: «informe», «informe mayo»,
// «informe semanal 2026-05-04 2026-05-10». Without a period it is the month that
// ended last. What merely begins like it is something else.
func (d *decider) asksReport(a desk.Agent, text string) bool {
	rest := ""
	text = strings.Trim(text, " .!")
	if strings.Contains(text, "\n") || !begins(mail.Fold(text), reportAsks, &rest) || d.Policy.Verdict(ActAgentList, d.Decision.Trust) != Yes {
		return false
	}
	words := strings.Fields(rest)
	ask := ReportAsk{Agent: a.Name}
	for _, def := range d.Reports {
		if ask.Report == "" {
			ask.Report = def.Name
		}
		if len(words) > 0 && mail.Fold(def.Name) == words[0] {
			ask.Report, words = def.Name, words[1:]
			break
		}
	}
	now := d.Now.In(zoneOf(d.World))
	period, err := reports.ReadPeriod(strings.Join(words, " "), now)
	if len(words) == 0 {
		first := time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, now.Location())
		period, err = reports.Month(first.Year(), first.Month(), now.Location()), nil
	}
	if err != nil && len(words) > 3 || ask.Report == "" {
		return false
	}
	if err != nil {
		names := namesIn(d.Reports, func(def reports.Definition) string { return def.Name })
		d.settle(ToCommand, "el informe que se pide no se entiende")
		d.wrong(a, desk.Ticket{}, []Problem{{Line: text, Reason: "report-period", Near: nearest(words[0], append(slices.Clone(names), monthNames...))}})
		return true
	}
	ask.Period = period
	d.Decision.Report = &ask
	d.settle(ToCommand, "informe "+ask.Report+" para el agente "+a.Name)
	return true
}

var monthNames = []string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}

func zoneOf(w *desk.World) *time.Location {
	if w.Zone == nil {
		return time.UTC
	}
	return w.Zone
}
