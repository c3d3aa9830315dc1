package desk

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// zones have DST, had it, never had it, and change at midnight, at two and by
// half an hour.
var zones = []string{"America/Bogota", "America/Lima", "America/Mexico_City", "America/Santiago", "America/Asuncion", "Europe/Madrid",
	"America/Havana", "America/St_Johns", "Australia/Lord_Howe", "UTC"}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// drawHours draws openings in steps of five minutes.
func drawHours(t *rapid.T, label string) (h Hours) {
	at := 0
	for range rapid.IntRange(0, 3).Draw(t, label) {
		if at >= 288 {
			break
		}
		from := rapid.IntRange(at, 287).Draw(t, "from")
		to := rapid.IntRange(from+1, 288).Draw(t, "to")
		h = append(h, Span{time.Duration(from) * 5 * time.Minute, time.Duration(to) * 5 * time.Minute})
		at = to
	}
	return h
}

func drawCalendar(t *rapid.T, around time.Time) *Calendar {
	p := Plan{Name: "x", Days: map[Day]Hours{}}
	var err error
	if p.Zone, err = time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone")); err != nil {
		t.Fatal(err)
	}
	for i := range p.Week {
		p.Week[i] = drawHours(t, "week")
	}
	p.Week[rapid.IntRange(0, 6).Draw(t, "surely")] = Hours{{0, 24 * time.Hour}}
	for range rapid.IntRange(0, 4).Draw(t, "days") {
		p.Days[DayOf(around)+Day(rapid.IntRange(-2, 9).Draw(t, "day"))] = drawHours(t, "special")
	}
	c, err := NewCalendar(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// drawTime draws a whole minute, more often near a change of a clock.
func drawTime(t *rapid.T) time.Time {
	near := []string{"2024-09-08T03:00:00Z", "2026-04-05T02:00:00Z", "2026-09-06T03:00:00Z", "2024-03-24T02:00:00Z", "2026-10-25T00:00:00Z",
		"2026-03-29T00:00:00Z", "2010-11-07T02:00:00Z", "2026-11-24T15:00:00Z", "2026-04-04T14:00:00Z", "1965-01-01T00:00:00Z"}
	at, err := time.Parse(time.RFC3339, rapid.SampledFrom(near).Draw(t, "near"))
	if err != nil {
		t.Fatal(err)
	}
	return at.Add(time.Duration(rapid.IntRange(-3*1440, 3*1440).Draw(t, "minutes")) * time.Minute)
}

// shows says whether a calendar is open by what the clock on the wall shows. It is
// slow and knows of no offsets.
func shows(c *Calendar, at time.Time) bool {
	w := at.In(c.plan.Zone)
	h, ok := c.plan.Days[DayOf(w)]
	if !ok {
		h = c.plan.Week[w.Weekday()]
	}
	into := time.Duration(w.Hour())*time.Hour + time.Duration(w.Minute())*time.Minute
	for _, s := range h {
		if s.From <= into && into < s.To {
			return true
		}
	}
	return false
}

// TestCalendarAgainstMinutes walks minute by minute beside the calendar.
func TestCalendarAgainstMinutes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := drawTime(t)
		c := drawCalendar(t, from)
		until := from.Add(time.Duration(rapid.IntRange(0, 4*1440).Draw(t, "long")) * time.Minute)
		var open time.Duration
		for at := from; at.Before(until); at = at.Add(time.Minute) {
			if c.Open(at) != shows(c, at) {
				t.Fatalf("open at %v in %v: %v", at, c.plan.Zone, c.Open(at))
			}
			if shows(c, at) {
				open += time.Minute
			}
		}
		if got := c.Between(from, until); got != open {
			t.Fatalf("between %v and %v in %v: %v, want %v", from, until, c.plan.Zone, got, open)
		}
		if got := c.Between(until, from); got != -open {
			t.Fatalf("backwards: %v, want %v", got, -open)
		}
	})
}

// TestAddAgainstMinutes: Add gives the first time at which the work is done, and
// backwards the last time since which it was.
func TestAddAgainstMinutes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := drawTime(t)
		c := drawCalendar(t, from)
		work := time.Duration(rapid.IntRange(0, 3*1440).Draw(t, "work")) * time.Minute
		at, left := from, work
		for left > 0 {
			if shows(c, at) {
				left -= time.Minute
			}
			at = at.Add(time.Minute)
		}
		if got := c.Add(from, work); !got.Equal(at) {
			t.Fatalf("%v after %v in %v: %v, want %v", work, from, c.plan.Zone, got, at)
		}
		at, left = from, work
		for left > 0 {
			at = at.Add(-time.Minute)
			if shows(c, at) {
				left -= time.Minute
			}
		}
		if got := c.Add(from, -work); !got.Equal(at) {
			t.Fatalf("%v before %v in %v: %v, want %v", work, from, c.plan.Zone, got, at)
		}
	})
}

// TestAddDaysAgainstMinutes counts the working days by the minutes that are open.
func TestAddDaysAgainstMinutes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := drawTime(t)
		c := drawCalendar(t, from)
		n := rapid.IntRange(1, 6).Draw(t, "n")
		at := from
		for !shows(c, at) {
			at = at.Add(time.Minute)
		}
		day, left, due := DayOf(at.In(c.plan.Zone)), n, time.Time{}
		for left >= 0 {
			if d := DayOf(at.In(c.plan.Zone)); shows(c, at) {
				if d > day {
					day, left = d, left-1
				}
				if left == 0 {
					due = at.Add(time.Minute)
				}
			}
			at = at.Add(time.Minute)
		}
		if got := c.AddDays(from, n); !got.Equal(due) {
			t.Fatalf("%d days after %v in %v: %v, want %v", n, from, c.plan.Zone, got, due)
		}
	})
}

// office is Monday to Friday 8:00–12:00 and 14:00–18:00.
func office(t testing.TB, zoneName string, days map[Day]Hours) *Calendar {
	t.Helper()
	p := Plan{Name: "oficina", Zone: zone(t, zoneName), Days: days}
	for d := time.Monday; d <= time.Friday; d++ {
		p.Week[d] = Hours{{8 * time.Hour, 12 * time.Hour}, {14 * time.Hour, 18 * time.Hour}}
	}
	c, err := NewCalendar(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func always(t testing.TB, zoneName string) *Calendar {
	t.Helper()
	p := Plan{Name: "siempre", Zone: zone(t, zoneName)}
	for d := range p.Week {
		p.Week[d] = Hours{{0, 24 * time.Hour}}
	}
	c, err := NewCalendar(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNights: the nights on which a clock is set forward and back, from noon to
// the noon of the day named.
func TestNights(t *testing.T) {
	for _, c := range []struct {
		zone, day string
		hours     float64
	}{
		{"America/Santiago", "2026-09-06", 23},
		{"America/Santiago", "2026-04-05", 25},
		{"Europe/Madrid", "2026-03-29", 23},
		{"Europe/Madrid", "2026-10-25", 25},
		{"America/Asuncion", "2024-03-24", 25},
		{"America/Asuncion", "2026-03-22", 24}, // Ley 7354/2024: no change any more
		{"America/Bogota", "2026-03-29", 24},
		{"Australia/Lord_Howe", "2026-10-04", 23.5},
	} {
		z := zone(t, c.zone)
		b, err := time.ParseInLocation("2006-01-02 15:04", c.day+" 12:00", z)
		if err != nil {
			t.Fatal(err)
		}
		a := time.Date(b.Year(), b.Month(), b.Day()-1, 12, 0, 0, 0, z)
		if got := always(t, c.zone).Between(a, b).Hours(); got != c.hours {
			t.Errorf("%s %s has %v hours, want %v", c.zone, c.day, got, c.hours)
		}
	}
}

// TestRefusedPlans: with the check of a plan off, the last never returns.
func TestRefusedPlans(t *testing.T) {
	h := time.Hour
	for want, p := range map[string]Plan{
		"has no zone":              {Week: [7]Hours{{{8 * h, 9 * h}}}},
		"never opens":              {Zone: time.UTC, Days: map[Day]Hours{20000: {{0, h}}}},
		"within one day":           {Zone: time.UTC, Week: [7]Hours{{{22 * h, 30 * h}}}},
		"22h0m0s–6h0m0s":           {Zone: time.UTC, Week: [7]Hours{{{22 * h, 6 * h}}}},
		"0s–0s":                    {Zone: time.UTC, Week: [7]Hours{{{}}}},
		"begins before":            {Zone: time.UTC, Week: [7]Hours{{{8 * h, 12 * h}, {11 * h, 13 * h}}}},
		"2024-10-04: the span -1h": {Zone: time.UTC, Week: [7]Hours{{{8 * h, 9 * h}}}, Days: map[Day]Hours{20000: {{-h, h}}}},
	} {
		if _, err := NewCalendar(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}

// TestFarAway: what never comes due ends after forty years, and soon.
func TestFarAway(t *testing.T) {
	closed := map[Day]Hours{}
	from := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for d := range Day(farthest + 800) {
		closed[DayOf(from)+d-400] = nil
	}
	c := office(t, "America/Bogota", closed)
	want := from.AddDate(0, 0, farthest)
	if got := c.Add(from, time.Hour); !got.Equal(want) {
		t.Errorf("Add: %v, want %v", got, want)
	}
	if got := c.AddDays(from, 1); !got.Equal(want) {
		t.Errorf("AddDays: %v, want %v", got, want)
	}
	if at, ok := c.NextOpen(from); ok {
		t.Errorf("NextOpen: %v", at)
	}
	if got, want := office(t, "America/Bogota", nil).Add(from, 1<<62), want; !got.Equal(want) {
		t.Errorf("Add of 146 years: %v, want %v", got, want)
	}
}

// TestCalendarIsCheap: two days of work over a weekend take no memory.
func TestCalendarIsCheap(t *testing.T) {
	c := office(t, "America/Santiago", nil)
	from := time.Date(2026, 4, 3, 15, 0, 0, 0, time.UTC)
	if n := testing.AllocsPerRun(100, func() { c.Add(from, 16*time.Hour) }); n > 4 {
		t.Errorf("Add allocates %v times", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	c := office(b, "America/Santiago", nil)
	from := time.Date(2026, 4, 3, 15, 0, 0, 0, time.UTC)
	for b.Loop() {
		c.Add(from, 16*time.Hour)
	}
}

func BenchmarkAddAYear(b *testing.B) {
	c := office(b, "America/Santiago", nil)
	from := time.Date(2026, 4, 3, 15, 0, 0, 0, time.UTC)
	for b.Loop() {
		c.Add(from, 2000*time.Hour)
	}
}

// TestDateThatComesTwice: in St. John's the clock was set back from 0:01 on 7 November
// 2010 to 23:01 of the day before. That minute is no working day passed.
func TestDateThatComesTwice(t *testing.T) {
	c := always(t, "America/St_Johns")
	from := time.Date(2010, 11, 6, 12, 0, 0, 0, c.Zone())
	want := time.Date(2010, 11, 8, 0, 0, 0, 0, c.Zone())
	if got := c.AddDays(from, 1); !got.Equal(want) {
		t.Errorf("one day after %v is %v, want %v", from, got.In(c.Zone()), want)
	}
}
