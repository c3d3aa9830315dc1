package rules

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

var (
	spanForm    = regexp.MustCompile(`^(?:en |por )?([0-9]{1,4}|un|una|um|uma)? ?([a-z]+)$`)
	clockForm   = regexp.MustCompile(`(?:^| )(?:a las? |as )?([0-9]{1,2})(?::([0-9]{2}))? ?(h|hs|hrs|am|pm|a\. ?m\.?|p\. ?m\.?)?$`)
	numericDate = regexp.MustCompile(`^([0-9]{1,2})[/.-]([0-9]{1,2})(?:[/.-]([0-9]{4}|[0-9]{2}))?$`)
	isoDate     = regexp.MustCompile(`^([0-9]{4})-([0-9]{2})-([0-9]{2})$`)
	wordDate    = regexp.MustCompile(`^([0-9]{1,2})(?: de)? ([a-z]+)(?:(?: de| del)? ([0-9]{4}))?$`)
)

var (
	weekdayWords = map[string]time.Weekday{"domingo": 0, "lunes": 1, "martes": 2, "miercoles": 3, "jueves": 4, "viernes": 5, "sabado": 6,
		"segunda": 1, "terca": 2, "quarta": 3, "quinta": 4, "sexta": 5,
		"sunday": 0, "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6}
	monthWords = []string{"ene jan", "feb fev", "mar", "abr apr", "may mai", "jun", "jul", "ago aug", "sep set", "oct out", "nov", "dic dez dec"}
)

// dates reads when something is to be, as people write it.
type dates struct {
	now      time.Time
	zone     *time.Location // nil: UTC
	calendar *desk.Calendar // in which days are counted; nil: Monday to Friday
	end      bool           // a day without an hour means when the calendar closes on it, else 8:00
}

// read reads "3 días", "2h", "mañana", "viernes 17:00", "12/05", "12 de mayo de 2027
// 9:30", "2027-05-12". Days are counted without those on which the calendar does not
// open; a date without a year is the next one. reason is the key of the words for
// what is wrong, "" if nothing is.
func (d dates) read(text string) (at time.Time, reason string) {
	if d.zone == nil {
		d.zone = time.UTC
	}
	d.now = d.now.In(d.zone)
	said := strings.Join(strings.Fields(mail.Fold(strings.Trim(text, " .,;"))), " ")
	said = strings.TrimPrefix(strings.TrimPrefix(said, "hasta "), "el ")
	if at, ok := d.span(said); ok {
		return at, ""
	}
	if numericDate.MatchString(said) || isoDate.MatchString(said) || wordDate.MatchString(said) {
		at, ok := d.day(said, usualHour, 0)
		return checked(at, ok, d.now)
	}
	day, h, m := said, usualHour, 0
	if c := clockForm.FindStringSubmatchIndex(said); c != nil {
		part := func(i int) string {
			if c[2*i] < 0 {
				return ""
			}
			return said[c[2*i]:c[2*i+1]]
		}
		h, _ = strconv.Atoi(part(1))
		m, _ = strconv.Atoi(part(2))
		if strings.HasPrefix(part(3), "p") && h < 12 {
			h += 12
		}
		if day = strings.TrimSpace(said[:c[0]]); h > 23 || m > 59 {
			return at, "unknown-moment"
		}
	}
	at, ok := d.day(day, h, m)
	return checked(at, ok, d.now)
}

// usualHour stands for the hour of a day of which none was said.
const usualHour = -1

// hour returns that hour of a date.
func (d dates) hour(on time.Time) (h, m int) {
	switch {
	case !d.end:
		return 8, 0
	case d.calendar != nil:
		if at, ok := d.calendar.Closes(desk.DayOf(on)); ok {
			at = min(at, 24*time.Hour-time.Minute)
			return int(at / time.Hour), int(at % time.Hour / time.Minute)
		}
	}
	return 17, 0
}

func checked(at time.Time, ok bool, now time.Time) (time.Time, string) {
	switch {
	case !ok:
		return time.Time{}, "unknown-moment"
	case !at.After(now):
		return time.Time{}, "moment-past"
	}
	return at, ""
}

// span reads a span from now on.
func (d dates) span(said string) (at time.Time, ok bool) {
	m := spanForm.FindStringSubmatch(said)
	if m == nil {
		if n, err := strconv.Atoi(said); err == nil && n > 0 && n < 1000 {
			return d.workdays(n), true
		}
		return at, false
	}
	n, err := strconv.Atoi(m[1])
	if err != nil && m[1] != "" {
		n = 1 // un, una
	}
	if n < 1 {
		return at, false
	}
	switch m[2] {
	case "min", "minuto", "minutos", "minute", "minutes", "m":
		return d.now.Add(time.Duration(n) * time.Minute), true
	case "h", "hs", "hora", "horas", "hour", "hours":
		return d.now.Add(time.Duration(n) * time.Hour), true
	case "d", "dia", "dias", "day", "days":
		return d.workdays(n), true
	case "semana", "semanas", "sem", "week", "weeks", "s":
		return d.now.AddDate(0, 0, 7*n), true
	case "mes", "meses", "month", "months":
		return d.now.AddDate(0, n, 0), true
	}
	return at, false
}

// farthest is how many days in a row a calendar can be closed: one that has only
// holidays left counts like none.
const farthest = 400

// workdays returns the same time of day, or the end of it, n days later.
func (d dates) workdays(n int) time.Time {
	closed := 0
	for at := d.now; ; {
		at = at.AddDate(0, 0, 1)
		open := at.Weekday() != time.Saturday && at.Weekday() != time.Sunday
		if d.calendar != nil && closed < farthest {
			_, open = d.calendar.Closes(desk.DayOf(at))
		}
		if closed++; open {
			n, closed = n-1, 0
		}
		if n > 0 {
			continue
		}
		if d.end {
			h, m := d.hour(at)
			at = time.Date(at.Year(), at.Month(), at.Day(), h, m, 0, 0, at.Location())
		}
		return at
	}
}

// day reads a day, at a time of it.
func (d dates) day(day string, h, m int) (at time.Time, ok bool) {
	now := d.now
	on := func(y int, month time.Month, date int) (time.Time, bool) {
		h, m := h, m
		if h == usualHour {
			h, m = d.hour(time.Date(y, month, date, 12, 0, 0, 0, now.Location()))
		}
		at := time.Date(y, month, date, h, m, 0, 0, now.Location())
		return at, at.Day() == date && at.Month() == month // no 31 de febrero
	}
	plus := func(days int) (time.Time, bool) {
		d := now.AddDate(0, 0, days)
		return on(d.Year(), d.Month(), d.Day())
	}
	day = strings.TrimSuffix(strings.TrimSuffix(day, "-feira"), ",")
	switch day {
	case "", "hoy", "hoje", "today":
		return plus(0)
	case "manana", "amanha", "tomorrow":
		return plus(1)
	case "pasado manana", "depois de amanha":
		return plus(2)
	}
	word := strings.TrimPrefix(strings.TrimPrefix(day, "proximo "), "este ")
	if w, ok := weekdayWords[word]; ok {
		ahead := (int(w) - int(now.Weekday()) + 7) % 7
		if at, _ := plus(ahead); !at.After(now) {
			ahead += 7
		}
		return plus(ahead)
	}
	if f := isoDate.FindStringSubmatch(day); f != nil {
		return on(number(f[1]), time.Month(number(f[2])), number(f[3]))
	}
	var date, month, year int
	if f := numericDate.FindStringSubmatch(day); f != nil {
		date, month, year = number(f[1]), number(f[2]), number(f[3])
	} else if f := wordDate.FindStringSubmatch(day); f != nil && len(f[2]) >= 3 {
		date, year = number(f[1]), number(f[3])
		month = 1 + slices.IndexFunc(monthWords, func(words string) bool { return slices.Contains(strings.Fields(words), f[2][:3]) })
	}
	switch {
	case date == 0 || month < 1 || month > 12:
		return at, false
	case year > 0 && year < 100:
		year += 2000
	case year == 0:
		year = now.Year()
		if at, ok := on(year, time.Month(month), date); ok && !at.After(now) {
			year++
		}
	}
	return on(year, time.Month(month), date)
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
