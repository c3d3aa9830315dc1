package mail

import (
	"strings"
	"time"
)

// parseDate reads a date (RFC 5322 §3.3 and §4.3) however it is written: day,
// month by name, year, time and zone in any order that mail programs use. ok
// is false when it is no date.
func parseDate(s string) (time.Time, bool) {
	var d dateParts
	d.day, d.year, d.hour = -1, -1, -1
	if i := strings.IndexByte(s, '('); i >= 0 {
		s = s[:i]
	}
	s = strings.ReplaceAll(s, ",", " ")
	for _, word := range strings.Fields(s) {
		d.word(word)
	}
	if d.day < 1 || d.month == 0 || d.year < 0 {
		return time.Time{}, false
	}
	if d.hour < 0 {
		d.hour = 0
	}
	location := time.UTC
	if d.offset != 0 {
		location = time.FixedZone("", d.offset)
	}
	t := time.Date(d.year, d.month, d.day, d.hour, d.minute, d.second, 0, location)
	if t.Day() != d.day || d.hour > 24 || d.minute > 59 || d.second > 60 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// dateParts are the parts of a date as far as they are known.
type dateParts struct {
	day, year            int
	month                time.Month
	hour, minute, second int
	offset               int // seconds east of UTC
}

func (d *dateParts) word(word string) {
	switch {
	case (word[0] == '+' || word[0] == '-') && len(word) >= 3:
		d.zone(word)
	case strings.ContainsRune(word, ':'):
		d.clock(word)
	case strings.Count(word, "-") == 2:
		pieces := strings.Split(word, "-")
		if len(pieces[0]) == 4 { // 2006-01-02
			d.year, _ = number(pieces[0])
			m, _ := number(pieces[1])
			d.month = time.Month(m)
			d.day, _ = number(pieces[2])
			return
		}
		for _, p := range pieces { // 02-Jan-2006
			if p != "" {
				d.word(p)
			}
		}
	default:
		if n, ok := number(word); ok {
			d.number(n, len(word))
		} else if len(word) >= 3 {
			d.name(word)
		}
	}
}

// number takes a day or a year: two digits of a year mean 1950 to 2049 (§4.3).
func (d *dateParts) number(n, digits int) {
	switch {
	case digits <= 2 && d.day < 0:
		d.day = n
	case d.year >= 0:
	case digits <= 2 && n < 50:
		d.year = 2000 + n
	case digits <= 3:
		d.year = 1900 + n
	default:
		d.year = n
	}
}

// name takes a month or the name of a zone.
func (d *dateParts) name(word string) {
	const months = "janfebmaraprmayjunjulaugsepoctnovdec"
	low := strings.ToLower(word)
	if i := strings.Index(months, low[:3]); i >= 0 && i%3 == 0 && d.month == 0 {
		d.month = time.Month(i/3 + 1)
		return
	}
	switch low {
	case "edt":
		d.offset = -4 * 3600
	case "est", "cdt":
		d.offset = -5 * 3600
	case "cst", "mdt":
		d.offset = -6 * 3600
	case "mst", "pdt":
		d.offset = -7 * 3600
	case "pst":
		d.offset = -8 * 3600
	case "pm":
		if d.hour >= 0 && d.hour < 12 {
			d.hour += 12
		}
	}
}

func (d *dateParts) clock(word string) {
	if i := strings.IndexAny(word, "+-"); i > 0 {
		d.zone(word[i:])
		word = word[:i]
	}
	pieces := strings.Split(word, ":")
	d.hour, _ = number(pieces[0])
	if len(pieces) > 1 {
		d.minute, _ = number(pieces[1])
	}
	if len(pieces) > 2 {
		seconds, _, _ := strings.Cut(pieces[2], ".")
		d.second, _ = number(seconds)
	}
}

func (d *dateParts) zone(word string) {
	digits := strings.ReplaceAll(word[1:], ":", "")
	n, ok := number(digits)
	if !ok || len(digits) > 4 {
		return
	}
	if len(digits) <= 2 {
		n *= 100
	}
	if n >= 2400 || n%100 >= 60 {
		return
	}
	d.offset = (n/100*60 + n%100) * 60
	if word[0] == '-' {
		d.offset = -d.offset
	}
}

// number reads a small decimal number.
func number(s string) (int, bool) {
	if s == "" || len(s) > 6 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
