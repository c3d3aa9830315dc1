package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/reports"
)

// reportFile is reports/NAME.toml.
type reportFile struct {
	Title  string        `toml:"title" help:"Título del informe. Obligatorio."`
	To     []string      `toml:"to" help:"A quiénes se envía solo, el día primero de cada mes, el del mes que terminó: agentes y lectores (role = \"reader\"), como se llaman en desk/agents.toml. Sin esta clave, solo cuando alguien lo pide."`
	At     string        `toml:"at" help:"Hora a la que se envía, como \"07:00\". Sin esta clave, a las 06:00."`
	Tables []reportTable `toml:"table" help:"Una tabla del informe, en su orden."`
}

type reportTable struct {
	Title   string   `toml:"title" help:"Título de la tabla. Obligatorio."`
	By      []string `toml:"by" values:"day queue category service type agent client priority channel level state" help:"Por qué se divide en líneas: una o dos dimensiones; la primera es el corte. Sin esta clave, un solo total. Si un ticket cambió, cuenta como estaba al final del periodo."`
	Columns []string `toml:"columns" values:"backlog_start opened revived closed dropped backlog_end resolved first_answers first_hours first_on_time resolution_hours resolution_on_time breached reopened rejected asked surveys score minutes other_minutes" help:"Las cifras, en su orden; qué significa cada una lo dicen docs/guia-del-jefe.md y el pie del informe. Obligatorio."`
	Totals  *bool    `toml:"totals" help:"Si hay una línea de total por cada corte y una de todo. Sin esta clave, sí."`
	Sort    string   `toml:"sort" help:"Cifra por la que van las líneas, la mayor primero. Sin esta clave, por nombre o por día."`
	Limit   int      `toml:"limit" help:"Cuántas líneas como mucho en cada corte, las primeras. 0: todas."`
	Chart   string   `toml:"chart" help:"Cifra que se dibuja con barras; debe estar en columns."`
}

// reportHour is when a monthly report goes.
const reportHour = 6 * time.Hour

// LoadReports reads reports/*.toml against the agents of a world. Where there is no
// file of that name, the usual report is among them, and the first; else they are in
// the order of their names.
func LoadReports(installation fs.FS, world *desk.World) (all []reports.Definition, err error) {
	names, err := fs.Glob(installation, "reports/*.toml")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var faults []*FileError
	var others []error
	for _, name := range names {
		d, found, err := loadReport(installation, name, world)
		if err != nil {
			others = append(others, err)
		}
		faults = append(faults, found...)
		all = append(all, d)
	}
	usual := reports.Usual()
	if !slices.ContainsFunc(all, func(d reports.Definition) bool { return d.Name == usual.Name }) {
		all = slices.Insert(all, 0, usual)
	}
	return all, errors.Join(append(others, Join(faults...))...)
}

func loadReport(installation fs.FS, name string, world *desk.World) (d reports.Definition, faults []*FileError, err error) {
	data, err := fs.ReadFile(installation, name)
	if err != nil {
		return d, nil, fmt.Errorf("read %s: %w", name, err)
	}
	var f reportFile
	document, err := Read(name, data, &f)
	if err != nil {
		return d, nil, err
	}
	c := &checker{document: document}
	d = reports.Definition{Name: strings.TrimSuffix(path.Base(name), ".toml"), Title: f.Title, To: f.To, At: reportHour}
	if strings.TrimSpace(f.Title) == "" {
		c.fault("title", "falta el título del informe: escriba title = \"…\" arriba")
	}
	for i, to := range f.To {
		if _, ok := world.Agent(to); !ok {
			agents := namesIn(world.Agents, func(a desk.Agent) string { return a.Name })
			c.fault(fmt.Sprintf("to[%d]", i), "no hay un agente %q%s", to, meant(to, agents, "agentes"))
		}
	}
	if f.At != "" {
		at, err := time.Parse("15:04", f.At)
		if d.At = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute; err != nil {
			c.fault("at", "la hora %q debe ser como \"07:00\"", f.At)
		}
	}
	if len(f.Tables) == 0 {
		c.fault("title", "el informe no tiene tablas: escriba una con [[table]]")
	}
	for i, t := range f.Tables {
		k := &checker{document: document, path: fmt.Sprintf("table[%d]", i)}
		d.Tables = append(d.Tables, k.reportTable(t))
		c.faults = append(c.faults, k.faults...)
	}
	return d, c.faults, nil
}

// reportTable checks one [[table]].
func (c *checker) reportTable(t reportTable) reports.Table {
	if strings.TrimSpace(t.Title) == "" {
		c.fault("title", "falta el título de la tabla")
	}
	switch {
	case len(t.Columns) == 0:
		c.fault("columns", "faltan las cifras: escriba por ejemplo columns = [\"opened\", \"closed\"]")
	case len(t.By) > 2:
		c.fault("by", "una tabla se divide por dos dimensiones como mucho")
	case len(t.By) == 2 && (t.By[0] == t.By[1] || t.By[1] == "day"):
		c.fault("by", "las dos dimensiones son distintas, y day va primero")
	}
	for _, key := range []struct{ name, value string }{{"sort", t.Sort}, {"chart", t.Chart}} {
		if key.value != "" && !slices.Contains(t.Columns, key.value) {
			c.fault(key.name, "%q no está en columns%s", key.value, meant(key.value, t.Columns, "hay"))
		}
	}
	for i, name := range t.Columns {
		if slices.Contains(t.Columns[:i], name) {
			c.fault(fmt.Sprintf("columns[%d]", i), "%q ya está en columns", name)
		}
	}
	if t.Limit < 0 {
		c.fault("limit", "%d no es un número de líneas", t.Limit)
	}
	return reports.Table{Title: t.Title, By: t.By, Columns: t.Columns, Totals: t.Totals == nil || *t.Totals, Sort: t.Sort, Limit: t.Limit, Chart: t.Chart}
}
