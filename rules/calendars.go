package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// calendarFile is desk/calendars.toml.
type calendarFile struct {
	Calendars []calendarText `toml:"calendar" help:"Un horario de atención, en el que se cuentan los plazos de desk/terms.toml. El primero vale para los plazos que no dicen otro. Sin este archivo hay uno, «oficina»: lunes a viernes 8:00-12:00 14:00-18:00 en la zona de la mesa, sin festivos."`
}

type calendarText struct {
	Name     string   `toml:"name" help:"Nombre corto, para desk/terms.toml. Obligatorio."`
	Zone     string   `toml:"zone" help:"Zona horaria, por ejemplo America/Bogota. Sin esta clave, la de la mesa."`
	Hours    []string `toml:"hours" help:"Horas de atención: días y aperturas, por ejemplo «lunes a viernes 8:00-12:00 14:00-18:00», «sábado 9:00-12:00» o, sin descanso, «todos 0:00-24:00». Los días que no se nombran están cerrados. Obligatorio."`
	Holidays string   `toml:"holidays" values:"AR BR CL CO EC ES MX PE PY US" help:"País cuyos festivos nacionales se cierran. Los que un gobierno decreta o traslada solo por un año se añaden en closed y special."`
	Closed   []string `toml:"closed" help:"Otros días cerrados: una fecha (2026-12-24), una de todos los años (12-24) o un periodo (2026-12-24 a 2026-12-31)."`
	Special  []string `toml:"special" help:"Días con otro horario, aunque sean festivos: fecha y aperturas, por ejemplo «2026-12-24 8:00-12:00» o «12-31 8:00-12:00»."`
}

const noon, evening = 12 * time.Hour, 18 * time.Hour

// usual are the hours where no file gives any.
var usual = desk.Hours{{From: 8 * time.Hour, To: noon}, {From: 14 * time.Hour, To: evening}}

// readOptional reads a file that need not be there; then the document is nil.
func readOptional(installation fs.FS, name string, into any) (*Document, error) {
	data, err := fs.ReadFile(installation, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return Read(name, data, into)
}

// loadCalendars reads desk/calendars.toml. There is always at least one calendar.
func loadCalendars(installation fs.FS, zone *time.Location) ([]*desk.Calendar, error) {
	if zone == nil {
		zone = time.UTC
	}
	var file calendarFile
	document, err := readOptional(installation, "desk/calendars.toml", &file)
	if err != nil {
		return nil, err
	}
	if len(file.Calendars) == 0 {
		plan := desk.Plan{Name: "oficina", Zone: zone}
		for d := time.Monday; d <= time.Friday; d++ {
			plan.Week[d] = usual
		}
		c, err := desk.NewCalendar(plan)
		return []*desk.Calendar{c}, err
	}
	var all []*desk.Calendar
	var faults []*FileError
	names := builder{names: map[string]string{}}
	for i, t := range file.Calendars {
		c := &checker{document: document, path: fmt.Sprintf("calendar[%d]", i)}
		names.name(c, "calendar", t.Name)
		plan := c.plan(t, zone)
		if faults = append(faults, c.faults...); len(c.faults) > 0 {
			continue
		}
		calendar, err := desk.NewCalendar(plan)
		if err != nil {
			return nil, c.document.Fault(c.path, "no sirve: %v", err)
		}
		all = append(all, calendar)
	}
	return all, Join(faults...)
}

// plan reads one [[calendar]].
func (c *checker) plan(t calendarText, zone *time.Location) desk.Plan {
	p := desk.Plan{Name: t.Name, Zone: zone, Days: map[desk.Day]desk.Hours{}}
	if c.has("zone") {
		z, err := time.LoadLocation(t.Zone)
		if err != nil || t.Zone == "" || t.Zone == "Local" {
			c.fault("zone", "no se conoce la zona horaria %q: escriba una como America/Bogota", t.Zone)
		} else {
			p.Zone = z
		}
	}
	c.week(&p, t.Hours)
	for _, d := range holidays(t.Holidays, firstYear, lastYear) {
		p.Days[d] = nil
	}
	c.notEmpty("closed", len(t.Closed))
	for i, text := range t.Closed {
		days, wrong := readDays(text)
		if wrong != "" {
			c.fault(fmt.Sprintf("closed[%d]", i), "%s", wrong)
		}
		for _, d := range days {
			p.Days[d] = nil
		}
	}
	c.special(&p, t.Special)
	return p
}

// week reads the hours by days of the week.
func (c *checker) week(p *desk.Plan, lines []string) {
	open := false
	for i, line := range lines {
		at := fmt.Sprintf("hours[%d]", i)
		days, hours, wrong := readWeekHours(line)
		if wrong != "" {
			c.fault(at, "%s", wrong)
			continue
		}
		for _, d := range days {
			if len(p.Week[d]) > 0 {
				c.fault(at, "el %s ya tiene horario en otra línea: escriba todas sus aperturas en una sola", dayWords[d])
				return
			}
			p.Week[d], open = hours, true
		}
	}
	if !open && len(c.faults) == 0 {
		c.fault("hours", `este horario no abre nunca y ningún plazo vencería: escriba, por ejemplo, hours = ["lunes a viernes 8:00-12:00 14:00-18:00"]`)
	}
}

// special reads days with other hours.
func (c *checker) special(p *desk.Plan, lines []string) {
	c.notEmpty("special", len(lines))
	for i, line := range lines {
		date, spans, _ := strings.Cut(strings.TrimSpace(line), " ")
		days, wrong := readDays(date)
		var hours desk.Hours
		if wrong == "" {
			hours, wrong = readHours(strings.Fields(spans))
		}
		if wrong != "" {
			c.fault(fmt.Sprintf("special[%d]", i), "%s", wrong)
		}
		for _, d := range days {
			p.Days[d] = hours
		}
	}
}

// dayWords are the days of the week by time.Weekday.
var dayWords = [...]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"}

// readWeekHours reads «lunes a viernes 8:00-12:00 14:00-18:00», or says in Spanish
// what is wrong with it.
func readWeekHours(line string) (days []time.Weekday, hours desk.Hours, wrong string) {
	fields := strings.Fields(strings.ReplaceAll(line, ",", " "))
	first := slices.IndexFunc(fields, func(f string) bool { return f[0] >= '0' && f[0] <= '9' })
	if first < 0 {
		return nil, nil, fmt.Sprintf("en %q faltan las horas: escriba, por ejemplo, lunes a viernes 8:00-12:00 14:00-18:00", line)
	}
	through := false
	for _, f := range fields[:first] {
		word := mail.Fold(f)
		switch {
		case word == "y":
			continue
		case word == "a" && len(days) > 0:
			through = true
			continue
		case word == "todos":
			days = append(days, 1, 2, 3, 4, 5, 6, 0)
			continue
		}
		d := slices.IndexFunc(dayWords[:], func(w string) bool { return mail.Fold(w) == word })
		if d < 0 {
			return nil, nil, fmt.Sprintf("%q no es un día%s", f, meant(f, append(dayWords[:], "todos"), "días"))
		}
		if through {
			for n := (days[len(days)-1] + 1) % 7; n != time.Weekday(d); n = (n + 1) % 7 {
				days = append(days, n)
			}
			through = false
		}
		days = append(days, time.Weekday(d))
	}
	if len(days) == 0 || through {
		return nil, nil, fmt.Sprintf("en %q faltan los días: escriba, por ejemplo, lunes a viernes, o todos", line)
	}
	hours, wrong = readHours(fields[first:])
	return days, hours, wrong
}

// readHours reads spans as 8:00-12:00, in order.
func readHours(fields []string) (h desk.Hours, wrong string) {
	if len(fields) == 0 {
		return nil, "faltan las horas: escriba, por ejemplo, 8:00-12:00"
	}
	for _, f := range fields {
		a, b, ok := strings.Cut(strings.ReplaceAll(f, "–", "-"), "-")
		from, ok1 := readClock(a)
		to, ok2 := readClock(b)
		switch {
		case !ok || !ok1 || !ok2:
			return nil, fmt.Sprintf("%q no es una apertura: escriba desde y hasta sin espacios, por ejemplo 8:00-12:00", f)
		case from >= to:
			return nil, fmt.Sprintf("%q pasa de la medianoche o no dura nada: escriba una apertura hasta las 24:00 y otra, en el día siguiente, desde las 0:00", f)
		case len(h) > 0 && from < h[len(h)-1].To:
			return nil, fmt.Sprintf("%q empieza antes de que acabe la apertura anterior: escríbalas en orden y sin que se crucen", f)
		}
		h = append(h, desk.Span{From: from, To: to})
	}
	return h, ""
}

// readClock reads a time on the clock, 0:00 to 24:00.
func readClock(s string) (time.Duration, bool) {
	h, m, ok := strings.Cut(s, ":")
	hours, err1 := strconv.ParseUint(h, 10, 8)
	minutes, err2 := strconv.ParseUint(m, 10, 8)
	at := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	return at, ok && err1 == nil && err2 == nil && len(m) == 2 && minutes < 60 && at <= 24*time.Hour
}

// longestClosed is how many days a period can have.
const longestClosed = 366

// readDays reads a date, a date of every year or a period, or says in Spanish what
// is wrong with it.
func readDays(s string) (days []desk.Day, wrong string) {
	s = strings.TrimSpace(s)
	if first, last, ok := strings.Cut(s, " a "); ok {
		a, ok1 := readDate(strings.TrimSpace(first))
		b, ok2 := readDate(strings.TrimSpace(last))
		switch {
		case !ok1 || !ok2:
			return nil, fmt.Sprintf("%q no es un periodo: escriba dos fechas con su año, por ejemplo 2026-12-24 a 2026-12-31", s)
		case b < a || b-a >= longestClosed:
			return nil, fmt.Sprintf("el periodo %q va al revés o dura más de un año", s)
		}
		for d := a; d <= b; d++ {
			days = append(days, d)
		}
		return days, ""
	}
	if d, ok := readDate(s); ok {
		return []desk.Day{d}, ""
	}
	if _, ok := readDate("2000-" + s); !ok { // a leap year
		return nil, fmt.Sprintf("%q no es una fecha: escriba año, mes y día, por ejemplo 2026-12-24, o solo mes y día, 12-24, si es todos los años", s)
	}
	for year := firstYear; year <= lastYear; year++ {
		if d, ok := readDate(fmt.Sprintf("%d-%s", year, s)); ok {
			days = append(days, d)
		}
	}
	return days, ""
}

func readDate(s string) (desk.Day, bool) {
	t, err := time.Parse(time.DateOnly, s)
	return desk.DayOf(t), err == nil
}
