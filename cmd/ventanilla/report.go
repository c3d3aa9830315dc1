package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ventanilla/gateway"
	"ventanilla/reports"
)

// reportCmd is "ventanilla report".
type reportCmd struct {
	Name  string `arg:"" optional:"" name:"informe" help:"Informe de reports/, sin .toml. Sin él, el primero."`
	Month string `help:"Mes: 2026-05, mayo o «mayo 2026». Sin periodo, el último mes que terminó." placeholder:"MES"`
	From  string `help:"Primer día, como 2026-05-04." placeholder:"DÍA"`
	To    string `help:"Último día. Sin él, el primero." placeholder:"DÍA"`
	CSV   bool   `name:"csv" help:"Como hoja de cálculo: se abre en un Excel en español."`
	HTML  bool   `name:"html" help:"Como página, igual que en el correo."`
}

// Run works a report out and writes it.
func (c reportCmd) Run(ctx context.Context, t *terminal) error {
	switch {
	case c.CSV && c.HTML, t.json && (c.CSV || c.HTML):
		return usageError("--csv, --html y --json no van juntos")
	case c.Month != "" && c.From+c.To != "", c.From == "" && c.To != "":
		return usageError("el periodo es --month, o --from con --to")
	}
	var r reports.Report
	v := url.Values{"name": {c.Name}, "period": {strings.TrimSpace(c.Month + " " + c.From + " " + c.To)}}
	if err := t.ask(ctx, "GET", "/report", v, nil, &r); err != nil {
		return err
	}
	var err error
	switch {
	case t.json:
		err = t.record(r)
	case c.CSV:
		_, err = t.out.Write(r.CSV())
	case c.HTML:
		_, err = fmt.Fprint(t.out, r.HTML())
	default:
		_, err = fmt.Fprint(t.out, visible(r.Text()))
	}
	return err
}

// handleReport answers it.
func handleReport(h *house) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		name, names := r.FormValue("name"), []string{}
		for _, d := range h.Setup().Reports {
			names = append(names, d.Name)
		}
		if name == "" {
			name = names[0]
		}
		zone := h.Setup().World.Zone
		if zone == nil {
			zone = time.UTC
		}
		now := time.Now().In(zone)
		text := r.FormValue("period")
		if text == "" {
			text = time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, zone).Format("2006-01")
		}
		period, err := reports.ReadPeriod(text, now)
		if err != nil {
			return nil, usageError(err.Error())
		}
		report, err := h.Report(r.Context(), name, period)
		if errors.Is(err, gateway.ErrNotFound) {
			return nil, fmt.Errorf("no hay un informe %q en reports/; hay: %s: %w", name, strings.Join(names, ", "), gateway.ErrNotFound)
		}
		return report, err
	}
}
