package gateway_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
	"ventanilla/store/mem"
)

func inPeace() *mortal {
	return &mortal{Engine: mem.New(), dies: func(int) (bool, bool) { return false, false }}
}

// TestClockBack: a clock that is put back, by minutes or by days, sends nothing again.
func TestClockBack(t *testing.T) {
	setup := lifeSetup(t)
	want := live(t, setup, inPeace())
	for _, wrong := range []time.Duration{-time.Minute, -time.Hour, -26 * time.Hour, -400 * 24 * time.Hour} {
		steps := week()
		for i, s := range steps {
			if s.looks {
				steps[i].do = func(l *life, n int) error { return errors.Join(tick(0)(l, n), tick(wrong)(l, n), tick(0)(l, n)) }
			}
		}
		if diff := cmp.Diff(want, liveBy(t, setup, inPeace(), steps)); diff != "" {
			t.Errorf("%v: %s", wrong, diff)
		}
	}
}

// essence is a line without its time and its bytes.
func essence(line string) string {
	words := strings.Fields(line)
	return words[1] + " " + words[4] + " " + words[6]
}

// TestClockAhead: a clock that jumps ahead for a moment, and a desk that was off for
// days, miss nothing and send nothing twice; of what was overtaken the last is told.
func TestClockAhead(t *testing.T) {
	setup := lifeSetup(t)
	count := func(lines []string) map[string]int {
		n := map[string]int{}
		for _, line := range lines {
			if e := essence(line); !strings.Contains(e, "resumen") && !strings.Contains(e, "plazo-por-vencer") {
				n[e]++
			}
		}
		return n
	}
	want := count(live(t, setup, inPeace()))
	for at := 5 * time.Hour; at < 220*time.Hour; at += 25 * time.Hour {
		for _, name := range []string{"jump", "off"} {
			steps := week()
			for i, s := range steps {
				switch late := s.after - at; {
				case name == "jump" && s.looks && late >= 0 && late < 4*time.Hour:
					steps[i].do = func(l *life, n int) error { return errors.Join(tick(5*time.Hour)(l, n), tick(0)(l, n)) }
				case name == "off" && s.looks && late >= 0 && late < 12*time.Hour:
					steps[i].do = func(*life, int) error { return nil }
				}
			}
			got := count(liveBy(t, setup, inPeace(), steps))
			for _, e := range slices.Sorted(keysOf(want, got)) {
				if got[e] > want[e] || got[e] == 0 {
					t.Errorf("%s at %v: %s %d times, want %d", name, at, e, got[e], want[e])
				}
			}
		}
	}
}

func keysOf(maps ...map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for _, m := range maps {
			for k := range m {
				if seen[k] {
					continue
				}
				if seen[k] = true; !yield(k) {
					return
				}
			}
		}
	}
}

// TestDigestOverDST: in the night in which an hour is missing, and in the one that has
// an hour twice, a digest comes once, though its time is that very hour.
func TestDigestOverDST(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	for _, night := range []time.Time{time.Date(2026, 3, 29, 0, 0, 0, 0, madrid), time.Date(2026, 10, 25, 0, 0, 0, 0, madrid)} {
		p := newPlayed(t, mem.New())
		w := p.Setup().World
		w.Zone = madrid
		p.now = night.Add(-40 * time.Hour)
		p.receive(verified, opening(1))
		for i := range w.Agents {
			w.Agents[i].Digest = 2*time.Hour + 30*time.Minute
		}
		days := map[string]int{}
		for range 40 * 12 {
			p.now = p.now.Add(10 * time.Minute)
			before := count(p.kinds(), "resumen luis")
			if err := p.DoDue(context.Background()); err != nil {
				t.Fatal(err)
			}
			days[p.now.In(madrid).Format(time.DateOnly)] += count(p.kinds(), "resumen luis") - before
		}
		for day, n := range days {
			if n != 1 && day != night.Add(-40*time.Hour).Format(time.DateOnly) {
				t.Errorf("%s: %d digests", day, n)
			}
		}
	}
}

// TestTermsOverDST: a term of working hours is told by the clock on the wall, whatever
// the night between did to it, and a wait is over at the moment that was named.
func TestTermsOverDST(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	plan := desk.Plan{Name: "laboral", Zone: madrid}
	for d := time.Monday; d <= time.Friday; d++ {
		plan.Week[d] = desk.Hours{{From: 8 * time.Hour, To: 16 * time.Hour}}
	}
	calendar, err := desk.NewCalendar(plan)
	if err != nil {
		t.Fatal(err)
	}
	for name, friday := range map[string]time.Time{"spring": time.Date(2026, 3, 27, 14, 0, 0, 0, madrid), "autumn": time.Date(2026, 10, 23, 14, 0, 0, 0, madrid)} {
		p := newPlayed(t, mem.New())
		p.Setup().World.Zone = madrid
		p.Setup().World.Terms = desk.Terms{{Name: "general", Calendar: calendar, Warn: 50, First: desk.Length{Work: 4 * time.Hour}}}
		p.now = friday
		p.receive(verified, opening(1))
		var told []string
		for ; p.now.Before(friday.AddDate(0, 0, 5)); p.now = p.now.Add(10 * time.Minute) {
			before := len(p.kinds())
			if err := p.DoDue(context.Background()); err != nil {
				t.Fatal(err)
			}
			if len(p.kinds()) > before {
				told = append(told, p.now.In(madrid).Format("Mon 15:04"))
			}
		}
		if want := []string{"Fri 16:00", "Mon 10:00"}; !slices.Equal(told, want) {
			t.Errorf("%s: told at %q, want %q", name, told, want)
		}
	}
}
