package gateway_test

import (
	"encoding/xml"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ventanilla/peers"
	"ventanilla/reports"
	"ventanilla/store/mem"
)

// measure has a page say how wide it and its bars are.
const measure = `<script>document.body.setAttribute("data-width", document.documentElement.scrollWidth);
document.body.setAttribute("data-bars", [...document.querySelectorAll('td[bgcolor="#1f5fa8"]')].map(e => Math.round(e.getBoundingClientRect().width)).join(" "))</script></body>`

// TestReportShown looks at the report of a played month as its readers do: the mail in
// a real browser, the CSV in a real spreadsheet set to Spanish. What they show is kept.
func TestReportShown(t *testing.T) {
	if os.Getenv("VENTANILLA_EVIDENCE") == "" {
		t.Skip("a part of make evidence")
	}
	m := newReportedMonth(t, mem.New(), reportDesk)
	m.play(60)
	r, err := m.Report(t.Context(), "mensual", reports.Month(2026, 9, m.zone))
	if err != nil {
		t.Fatal(err)
	}
	folder := peers.Kept(t)
	write := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	shownByBrowser(t, r, write("informe.html", []byte(r.HTML())), write("medido.html", []byte(strings.Replace(r.HTML(), "</body>", measure, 1))), filepath.Join(folder, "informe.png"))
	shownBySpreadsheet(t, r, write("informe.csv", r.CSV()))
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Env = append(os.Environ(), "HOME="+t.TempDir())
	c.WaitDelay = time.Second
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

// shownByBrowser: the page fits a window, and its bars are as long as their figures.
func shownByBrowser(t *testing.T, r reports.Report, page, measured, picture string) {
	t.Helper()
	browser := []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=940,3600"}
	run(t, "chromium", append(browser, "--screenshot="+picture, "file://"+page)...)
	dom := string(run(t, "chromium", append(browser, "--dump-dom", "file://"+measured)...))
	width := regexp.MustCompile(`data-width="(\d+)"`).FindStringSubmatch(dom)
	bars := regexp.MustCompile(`data-bars="([\d ]+)"`).FindStringSubmatch(dom)
	if width == nil || bars == nil {
		t.Fatalf("nothing was measured: %.300s", dom)
	}
	if w, _ := strconv.Atoi(width[1]); w > 940 {
		t.Errorf("the page is %d pixels wide", w)
	}
	days := r.Tables[2]
	var most float64
	for _, l := range days.Lines[:len(days.Lines)-1] {
		most = max(most, float64(l.Cells[days.Chart].Sum))
	}
	for i, l := range days.Lines[:len(days.Lines)-1] {
		got, _ := strconv.ParseFloat(strings.Fields(bars[1])[i], 64)
		if want := float64(l.Cells[days.Chart].Sum) / most * 180; math.Abs(got-want) > 1 {
			t.Errorf("the bar of %v is %v wide, want %v", l.Labels, got, want)
		}
	}
}

// shownBySpreadsheet: set to Spanish, it finds in the CSV the numbers and the days that
// the report has, as numbers and days.
func shownBySpreadsheet(t *testing.T, r reports.Report, file string) {
	t.Helper()
	const spanish = "Text - txt - csv (StarCalc):59,34,76,1,,9226,false,true" // es-CO; numbers and dates as they are written there
	run(t, "soffice", "--headless", "--infilter="+spanish, "--convert-to", "fods", "--outdir", filepath.Dir(file), file)
	sheet, err := os.Open(strings.TrimSuffix(file, ".csv") + ".fods")
	if err != nil {
		t.Fatal(err)
	}
	defer sheet.Close()
	floats, dates := 0, map[string]bool{}
	var sum float64
	for in := xml.NewDecoder(sheet); ; {
		token, err := in.Token()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		cell, ok := token.(xml.StartElement)
		if !ok || cell.Name.Local != "table-cell" {
			continue
		}
		repeated, value := 1, math.NaN()
		for _, a := range cell.Attr {
			switch a.Name.Local {
			case "number-columns-repeated":
				repeated, _ = strconv.Atoi(a.Value)
			case "value":
				value, _ = strconv.ParseFloat(a.Value, 64)
			case "date-value":
				dates[a.Value] = true
			}
		}
		if !math.IsNaN(value) {
			floats, sum = floats+repeated, sum+value*float64(repeated)
		}
	}
	want, total := 0, 0.0
	for _, table := range r.Tables {
		for _, l := range table.Lines {
			for i, c := range l.Cells {
				if v, ok := c.Value(table.Units[i]); ok {
					want, total = want+1, total+math.Round(v*10)/10
				}
			}
		}
	}
	if floats != want || math.Abs(sum-total) > 0.05*float64(want) {
		t.Errorf("the spreadsheet has %d numbers that come to %.1f, the report %d and %.1f", floats, sum, want, total)
	}
	if len(dates) != 30 || !dates["2026-09-06"] {
		t.Errorf("days %v", dates)
	}
}
