package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// weekdayNames are the days of the week, Sunday first, folded.
var weekdayNames = [7][]string{{"domingo", "sunday"}, {"lunes", "monday", "segunda"}, {"martes", "tuesday", "terca"}, {"miercoles", "wednesday", "quarta"},
	{"jueves", "thursday", "quinta"}, {"viernes", "friday", "sexta"}, {"sabado", "saturday"}}

// times compiles what is wanted of the moment at which a mail came.
func (k *compiler) times(t conditionText, add func(string, condition)) {
	k.notEmpty("weekdays", len(t.Weekdays))
	if len(t.Weekdays) > 0 {
		var c weekdays
		for i, word := range t.Weekdays {
			day := slices.IndexFunc(weekdayNames[:], func(names []string) bool { return slices.Contains(names, mail.Fold(strings.TrimSpace(word))) })
			if day < 0 {
				k.fault(fmt.Sprintf("weekdays[%d]", i), "no es un día de la semana%s", meant(word, dayNames[:], "días"))
				continue
			}
			c.days[day] = true
		}
		add("weekdays", c)
	}
	k.notEmpty("hours", len(t.Hours))
	if len(t.Hours) > 0 {
		c := &spans{text: t.Hours}
		for i, text := range t.Hours {
			span, ok := readDaySpan(text)
			if !ok {
				k.fault(fmt.Sprintf("hours[%d]", i), `no son unas horas: escriba desde y hasta, como "08:00-12:00"`)
			}
			c.spans = append(c.spans, span)
		}
		add("hours", c)
	}
	for _, in := range [...]struct {
		key, name string
		outside   bool
	}{{"during", t.During, false}, {"outside", t.Outside, true}} {
		if !k.has(in.key) {
			continue
		}
		if hours, ok := k.calendar(in.key, in.name); ok {
			add(in.key, &open{in.name, hours, in.outside})
		}
	}
}

// calendar finds a calendar by its name.
func (k *compiler) calendar(key, name string) (*desk.Calendar, bool) {
	var names []string
	for _, c := range k.calendars {
		if c.Name() == name {
			return c, true
		}
		names = append(names, c.Name())
	}
	k.fault(key, "no hay ningún calendario %q en desk/calendars.toml%s", name, meant(name, names, "calendarios"))
	return nil, false
}

// readDaySpan reads 08:00-12:00 as minutes since midnight.
func readDaySpan(text string) (span [2]int, ok bool) {
	from, to, ok := strings.Cut(strings.ReplaceAll(text, " ", ""), "-")
	if !ok {
		return span, false
	}
	for i, clock := range [...]string{from, to} {
		hour, minute, cut := strings.Cut(clock, ":")
		h, err := strconv.ParseUint(hour, 10, 8)
		m, wrong := strconv.ParseUint(minute, 10, 8)
		if !cut || err != nil || wrong != nil || m > 59 || h > 24 || h == 24 && (m > 0 || i == 0) {
			return span, false
		}
		span[i] = int(h*60 + m)
	}
	return span, span[0] != span[1]
}
