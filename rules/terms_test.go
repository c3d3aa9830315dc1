package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"ventanilla/desk"
)

// TestTerms plays the stories of testdata/terms. A story is a desk's calendars.toml
// and terms.toml, and a table: when something happened to a ticket, what, and after
// the mark « | » how its clocks and its light then stand. «-update» writes what is
// behind the marks.
func TestTerms(t *testing.T) {
	cases, err := filepath.Glob("../testdata/terms/*.txtar")
	if err != nil || len(cases) < 8 {
		t.Fatalf("only %d cases: %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tree := installation(standing)
			want := ""
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
				} else {
					tree[f.Name] = installation(map[string]string{"x": string(f.Data)})["x"]
				}
			}
			zone, err := time.LoadLocation("America/Bogota")
			if err != nil {
				t.Fatal(err)
			}
			world, err := LoadWorld(tree, desk.World{Domain: "mesa.example", Zone: zone})
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, world.Terms, want)
			if *update {
				writeWant(t, name, archive, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the clocks differ (-want +got):\n%s", diff)
			}
		})
	}
}

// play carries out the table of a story.
func play(t *testing.T, ts desk.Terms, table string) string {
	t.Helper()
	zone := time.UTC
	if len(ts) > 0 {
		zone = ts[0].Calendar.Zone()
	}
	var c desk.Clocks
	ticket, waiting := desk.Selector{}, desk.Waiting("")
	var out strings.Builder
	for line := range strings.Lines(table) {
		what, _, _ := strings.Cut(line, "|")
		what = strings.TrimRight(what, " \n")
		fields := strings.Fields(what)
		if len(fields) < 4 || strings.HasPrefix(line, "#") {
			out.WriteString(line)
			continue
		}
		at, err := time.ParseInLocation(time.DateOnly+" 15:04", fields[1]+" "+fields[2], zone)
		if err != nil || spanishDay(at) != fields[0] {
			t.Fatalf("%q: %v, it is a %s", line, err, spanishDay(at))
		}
		for _, f := range fields[4:] {
			switch key, value, _ := strings.Cut(f, "="); key {
			case "queue":
				ticket.Queue = value
			case "type":
				ticket.Type = value
			case "priority":
				ticket.Priority, _ = strconv.Atoi(value)
			case "waiting":
				waiting = desk.Waiting(value)
			default:
				t.Fatalf("%q says %s", line, f)
			}
		}
		switch h := desk.Happening(fields[3]); {
		case h == "look":
		case h == "told":
			for _, u := range c.Due(at) {
				c = c.Told(u.Clock, u.Breach)
			}
		case slices.Contains([]desk.Happening{desk.HasOpened, desk.HasAnswered, desk.HasReplied, desk.HasChanged, desk.HasResolved, desk.HasReopened, desk.HasEnded}, h):
			c = c.Follow(ts, desk.Moment{At: at, What: h, Ticket: ticket, Waiting: waiting})
		default:
			t.Fatalf("%q: %s does not happen", line, h)
		}
		fmt.Fprintf(&out, "%-58s| %s\n", what, clocksText(c, at, zone))
	}
	return out.String()
}

func spanishDay(t time.Time) string { return string([]rune(dayWords[t.Weekday()])[:3]) }

// clocksText tells of each clock when it is due, or how long it has run.
func clocksText(c desk.Clocks, now time.Time, zone *time.Location) string {
	when := func(t time.Time) string {
		t = t.In(zone)
		return spanishDay(t) + " " + t.Format("01-02 15:04")
	}
	parts := []string{c.Term}
	for _, name := range []desk.ClockName{desk.FirstClock, desk.NextClock, desk.ResolutionClock} {
		switch k := c.Clock(name); {
		case k.Running():
			parts = append(parts, fmt.Sprintf("%s %s", name, when(k.Due)))
		case !k.Paused.IsZero():
			parts = append(parts, fmt.Sprintf("%s paused after %v", name, k.Used))
		case !k.Stopped.IsZero():
			parts = append(parts, fmt.Sprintf("%s %s after %v", name, k.Stood, k.Used))
		}
	}
	if next, ok := c.NextMoment(); ok {
		word := "warn"
		if next.Breach {
			word = "breach"
		}
		parts = append(parts, fmt.Sprintf("%s %s %s", word, next.Clock, when(next.At)))
	}
	return strings.Join(append(parts, "["+string(c.Light(now))+"]"), ", ")
}
