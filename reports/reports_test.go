package reports

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"ventanilla/desk"
)

func zone(t testing.TB, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestReadPeriod reads periods as people write them, on a day in May.
func TestReadPeriod(t *testing.T) {
	z := zone(t, "America/Bogota")
	now := time.Date(2026, 5, 20, 10, 0, 0, 0, z)
	for text, want := range map[string]string{
		"mayo": "2026-05-01 2026-06-01", "Junio": "2025-06-01 2025-07-01", "mayo de 2024": "2024-05-01 2024-06-01", "setiembre 2025": "2025-09-01 2025-10-01",
		"2026-02": "2026-02-01 2026-03-01", "2026-05-04": "2026-05-04 2026-05-05", "del 2026-05-04 al 2026-05-10": "2026-05-04 2026-05-11",
		"2026-12": "2026-12-01 2027-01-01", "": "", "mayoo": "", "2026-13": "", "2026-05-10 2026-05-04": "", "mayo junio": "", "2020-01-01 2026-01-01": "",
	} {
		p, err := ReadPeriod(text, now)
		if p, err := ReadPeriod("2026-09-06", now.In(zone(t, "America/Santiago"))); err != nil || p.From.Day() != 6 || p.To.Day() != 7 {
			t.Fatalf("a day without its midnight: %v, %v", p, err)
		}
		got := ""
		if err == nil {
			got = p.From.Format(time.DateOnly) + " " + p.To.Format(time.DateOnly)
		}
		if got != want {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
	}
}

// TestDays: days follow each other without a gap, also where midnight is missing or
// a night has an hour more.
func TestDays(t *testing.T) {
	for name, month := range map[string]time.Month{"America/Santiago": 9, "America/Bogota": 5, "Europe/Madrid": 10, "America/Havana": 3} {
		p := Month(2026, month, zone(t, name))
		days := p.Days()
		if len(days) < 28 || !days[0].From.Equal(p.From) || !days[len(days)-1].To.Equal(p.To) {
			t.Fatalf("%s: %d days %v", name, len(days), p)
		}
		for i, d := range days {
			if length := d.To.Sub(d.From); d.From.Day() != i+1 || length < 23*time.Hour || length > 25*time.Hour || i > 0 && !d.From.Equal(days[i-1].To) {
				t.Errorf("%s: day %d is %v", name, i+1, d)
			}
		}
		if p.String() != months[month-1]+" de 2026" || Days(p.From, days[1].From).String() == p.String() {
			t.Errorf("%s: %s", name, p)
		}
	}
}

// TestNumbers are figures as Spanish writes them; of nothing there is no mean.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		cell      Cell
		unit      Unit
		thousands bool
		want      string
	}{
		{Cell{0, 0}, Count, true, "0"}, {Cell{1234567, 9}, Count, true, "1.234.567"}, {Cell{1234567, 9}, Count, false, "1234567"}, {Cell{-1234, 1}, Count, true, "-1.234"},
		{Cell{0, 0}, Percent, true, ""}, {Cell{2, 3}, Percent, true, "66,7"}, {Cell{5400, 1}, Hours, true, "1,5"}, {Cell{9, 2}, Mean, false, "4,5"}, {Cell{123, 123}, Count, true, "123"}, {Cell{13, 4}, Mean, true, "3,3"}, {Cell{49, 400}, Percent, true, "12,3"},
	} {
		if got := number(c.cell, c.unit, c.thousands); got != c.want {
			t.Errorf("%+v %s: %q, want %q", c.cell, c.unit, got, c.want)
		}
	}
}

// TestHarmless: what people wrote is no formula in a spreadsheet, and no HTML in a mail.
func TestHarmless(t *testing.T) {
	w := &desk.World{Name: "Mesa <b>", Queues: []desk.Queue{{Name: "q", Title: "=HYPERLINK(\"http://x\")"}}}
	m := New(Definition{Title: "Uno", Tables: []Table{{Title: "@suma", By: []string{"queue", "type"}, Columns: []string{"opened"}, Totals: true, Chart: "opened"}}}, Month(2026, 5, time.UTC), w)
	at := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	for _, kind := range []string{"<script>", "+1", "", "-x"} {
		m.Add([]desk.Event{{Ticket: 1, Seq: 1, At: at, Kind: desk.Opened, Opened: &desk.Opening{Queue: "q", Type: kind}}})
	}
	r := m.Report(at)
	in := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(r.CSV()), "\uFEFF")))
	in.Comma, in.FieldsPerRecord = ';', -1
	rows, err := in.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	if h := r.HTML(); strings.Contains(h, "<script>") || strings.Contains(h, "Mesa <b>") || !strings.Contains(h, "&lt;script&gt;") || !strings.Contains(h, "El periodo no ha terminado") {
		t.Errorf("HTML:\n%s", h)
	}
	if n := len(r.Tables[0].Lines); n != 4+1+1 || !r.Tables[0].Lines[4].Total || r.Tables[0].Lines[5].Cells[0].Sum != 4 {
		t.Errorf("lines %+v", r.Tables[0].Lines)
	}
}

// TestLimit leaves out the lines behind the first ones, and says how many.
func TestLimit(t *testing.T) {
	m := New(Definition{Tables: []Table{{By: []string{"type"}, Columns: []string{"opened"}, Totals: true, Sort: "opened", Limit: 2}}}, Month(2026, 5, time.UTC), &desk.World{})
	for i, kind := range []string{"a", "b", "b", "c", "c", "c"} {
		m.Add([]desk.Event{{Ticket: desk.TicketID(i + 1), Seq: 1, At: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC), Kind: desk.Opened, Opened: &desk.Opening{Type: kind}}})
	}
	got := m.Report(time.Now()).Tables[0]
	if len(got.Lines) != 3 || got.Lines[0].Keys[0] != "c" || got.Lines[1].Keys[0] != "b" || got.Lines[2].Cells[0].Sum != 6 || got.Cut != 1 {
		t.Errorf("%+v", got)
	}
}

// TestColumns: each has a title and a meaning, and no two are called alike.
func TestColumns(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Columns {
		if c.Title == "" || !strings.HasSuffix(c.Meaning, ".") || seen[c.Title] || seen[c.Name] {
			t.Errorf("%+v", c)
		}
		seen[c.Title], seen[c.Name] = true, true
	}
	for _, table := range Usual().Tables {
		for _, name := range append([]string{table.Sort, table.Chart}, table.Columns...) {
			if _, ok := ColumnNamed(name); !ok && name != "" {
				t.Errorf("%s: no column %q", table.Title, name)
			}
		}
	}
}
