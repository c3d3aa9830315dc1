package desk

import (
	"fmt"
	"slices"
	"time"
)

// Day is a date without a zone: days since 1 January 1970.
type Day int32

// DayOf returns the date that t shows in its own zone.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400) // exact: midnight in UTC
}

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday {
	return time.Weekday(((int(d)+4)%7 + 7) % 7) // 1 January 1970 was a Thursday
}

// String returns the date as 2026-11-24.
func (d Day) String() string { return time.Unix(int64(d)*86400, 0).UTC().Format(time.DateOnly) }

// Span is an opening: from and up to a time on the clock on the wall, counted
// from 0:00 of the same day. It holds 0 ≤ From < To ≤ 24 h.
type Span struct{ From, To time.Duration }

// Hours are the openings of a day, in order and apart. None means closed.
type Hours []Span

// Plan is what a calendar is made of.
type Plan struct {
	Name string
	Zone *time.Location
	Week [7]Hours // by time.Weekday

	// Days have hours of their own, whatever the week says: none on a holiday.
	Days map[Day]Hours
}

// Calendar knows when a desk works. It is immutable and safe for concurrent use.
//
// The openings are times on the clock on the wall: an instant is open if the
// clock of the zone then shows a time within a span of the date that it shows.
// A night that has an hour twice therefore counts it twice, and one that lacks
// an hour does not count it.
type Calendar struct {
	plan Plan
}

// farthest is how many days a calendar looks ahead or back. What does not come
// due within forty years does not come due.
const farthest = 40 * 366

// NewCalendar returns the calendar of a plan, or an error: a span that is empty,
// passes midnight or meets another, or a week that has no opening at all, so that
// no term would ever end. The plan must not be changed afterwards.
func NewCalendar(p Plan) (*Calendar, error) {
	if p.Zone == nil {
		return nil, fmt.Errorf("calendar %s has no zone", p.Name)
	}
	open := false
	for i, h := range p.Week {
		if err := h.check(); err != nil {
			return nil, fmt.Errorf("calendar %s, %s: %w", p.Name, time.Weekday(i), err)
		}
		open = open || len(h) > 0
	}
	for d, h := range p.Days {
		if err := h.check(); err != nil {
			return nil, fmt.Errorf("calendar %s, %s: %w", p.Name, d, err)
		}
	}
	if !open {
		return nil, fmt.Errorf("calendar %s never opens", p.Name)
	}
	return &Calendar{plan: p}, nil
}

func (h Hours) check() error {
	for i, s := range h {
		if s.From < 0 || s.To > 24*time.Hour || s.From >= s.To {
			return fmt.Errorf("the span %v–%v does not lie within one day", s.From, s.To)
		}
		if i > 0 && s.From < h[i-1].To {
			return fmt.Errorf("the span %v–%v begins before the one before it has ended", s.From, s.To)
		}
	}
	return nil
}

// Name returns the name of the calendar.
func (c *Calendar) Name() string { return c.plan.Name }

// Closes returns when the calendar closes for the last time on a date, counted from
// its 0:00 by the clock on the wall, and whether it opens on that date at all.
func (c *Calendar) Closes(d Day) (at time.Duration, ok bool) {
	h := c.hours(d)
	if len(h) == 0 {
		return 0, false
	}
	return h[len(h)-1].To, true
}

// Zone returns the zone whose clock the openings are read from.
func (c *Calendar) Zone() *time.Location { return c.plan.Zone }

// hours returns the openings of a date.
func (c *Calendar) hours(d Day) Hours {
	if h, ok := c.plan.Days[d]; ok {
		return h
	}
	return c.plan.Week[d.Weekday()]
}

// Open says whether the desk works at that time.
func (c *Calendar) Open(at time.Time) bool {
	_, offset := at.In(c.plan.Zone).Zone()
	local := at.Add(time.Duration(offset) * time.Second)
	d := dayAt(local.Unix())
	into := local.Sub(time.Unix(int64(d)*86400, 0))
	return slices.ContainsFunc(c.hours(d), func(s Span) bool { return s.From <= into && into < s.To })
}

// dayAt returns the day of a second that is counted on the clock on the wall.
func dayAt(local int64) Day {
	d := local / 86400
	if local%86400 < 0 {
		d--
	}
	return Day(d)
}

// opening is a stretch of open time and the date of its span.
type opening struct {
	from, to time.Time
	day      Day
}

// each calls fn for what is open from then on, in order, until fn returns false
// or the calendar has looked ahead as far as it does. It goes from one change of
// the zone's offset to the next, for between them the clock on the wall runs evenly.
func (c *Calendar) each(from time.Time, fn func(opening) bool) {
	last := from.AddDate(0, 0, farthest)
	for t := from; t.Before(last); {
		local := t.In(c.plan.Zone)
		_, offset := local.Zone()
		_, end := local.ZoneBounds()
		if end.IsZero() || end.After(last) {
			end = last
		}
		for t.Before(end) {
			d := dayAt(t.Unix() + int64(offset))
			midnight := time.Unix(int64(d)*86400-int64(offset), 0)
			for _, s := range c.hours(d) {
				o := opening{from: later(midnight.Add(s.From), t), to: earlier(midnight.Add(s.To), end), day: d}
				if o.from.Before(o.to) && !fn(o) {
					return
				}
			}
			t = earlier(midnight.Add(24*time.Hour), end)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Add returns the first time at which so much open time has passed since from;
// from itself for none. Of a negative amount it returns the last time since which
// so much has passed until from. What lies more than forty years away is put there.
// The result is in UTC.
func (c *Calendar) Add(from time.Time, work time.Duration) time.Time {
	if work < 0 {
		return c.back(from, -work)
	}
	at := from
	if work > 0 {
		at = from.AddDate(0, 0, farthest)
		c.each(from, func(o opening) bool {
			if have := o.to.Sub(o.from); have < work {
				work -= have
				return true
			}
			at = o.from.Add(work)
			return false
		})
	}
	return at.UTC()
}

// back finds the beginning of the work done until a time: it looks at the last
// two weeks, then four, and so on.
func (c *Calendar) back(until time.Time, work time.Duration) time.Time {
	for days := 14; days < farthest; days *= 2 {
		start := until.AddDate(0, 0, -days)
		if have := c.Between(start, until); have >= work {
			at := c.Add(start, have-work)
			if next, ok := c.NextOpen(at); ok && next.Before(until) {
				return next
			}
			return at
		}
	}
	return until.AddDate(0, 0, -farthest).UTC()
}

// Between returns the open time from a to b, negative if b is before a. It counts
// forty years at most.
func (c *Calendar) Between(a, b time.Time) time.Duration {
	if b.Before(a) {
		return -c.Between(b, a)
	}
	var sum time.Duration
	c.each(a, func(o opening) bool {
		if !o.from.Before(b) {
			return false
		}
		sum += earlier(o.to, b).Sub(o.from)
		return true
	})
	return sum
}

// NextOpen returns the first time from then on at which the desk works, in UTC.
// It is false if there is none within forty years.
func (c *Calendar) NextOpen(from time.Time) (at time.Time, ok bool) {
	c.each(from, func(o opening) bool {
		at, ok = o.from.UTC(), true
		return false
	})
	return at, ok
}

// AddDays returns when the n-th working day after that of from closes, n ≥ 1. As in
// the terms of the law, the day on which something comes in does not count; what
// comes in when no more is worked that day counts as of the next working day. A
// working day is one that has any opening. The result is in UTC.
func (c *Calendar) AddDays(from time.Time, n int) time.Time {
	at := from.AddDate(0, 0, farthest)
	first := true
	var day Day
	c.each(from, func(o opening) bool {
		if first {
			first, day = false, o.day
		}
		if o.day > day { // a clock set back over midnight shows the day before again
			if n--; n < 0 {
				return false
			}
			day = o.day
		}
		if n == 0 {
			at = o.to
		}
		return true
	})
	return at.UTC()
}
