package rules

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rickar/cal/v2"

	"ventanilla/desk"
)

// published are the holidays by country and year, month-day, as their governments
// give them: Colombia, Ley 51 de 1983 (calendar of the Ministerio del Interior); Peru,
// gob.pe/feriados; Paraguay, Ministerio de Trabajo, before the decrees that move
// single days; Mexico, Ley Federal del Trabajo art. 74; Chile, feriados.cl and the
// Diario Oficial; Argentina, Ministerio del Interior, without días no laborables and without
// what Decreto 614/2025 moved in 2025; Spain, the holidays of all communities in the
// BOE's yearly resolution; Ecuador, Ministerio de Turismo; Brazil, Portaria MGI; the
// United States, 5 U.S.C. 6103. Years that have not been proclaimed follow the same laws.
var published = map[string]string{
	"CO 2025": "01-01 01-06 03-24 04-17 04-18 05-01 06-02 06-23 06-30 07-20 08-07 08-18 10-13 11-03 11-17 12-08 12-25",
	"CO 2026": "01-01 01-12 03-23 04-02 04-03 05-01 05-18 06-08 06-15 06-29 07-20 08-07 08-17 10-12 11-02 11-16 12-08 12-25",
	"CO 2027": "01-01 01-11 03-22 03-25 03-26 05-01 05-10 05-31 06-07 07-05 07-20 08-07 08-16 10-18 11-01 11-15 12-08 12-25",
	"PE 2025": "01-01 04-17 04-18 05-01 06-07 06-29 07-23 07-28 07-29 08-06 08-30 10-08 11-01 12-08 12-09 12-25",
	"PE 2026": "01-01 04-02 04-03 05-01 06-07 06-29 07-23 07-28 07-29 08-06 08-30 10-08 11-01 12-08 12-09 12-25",
	"PE 2027": "01-01 03-25 03-26 05-01 06-07 06-29 07-23 07-28 07-29 08-06 08-30 10-08 11-01 12-08 12-09 12-25",
	"PY 2025": "01-01 03-01 04-17 04-18 05-01 05-14 05-15 06-12 08-15 09-29 12-08 12-25",
	"PY 2026": "01-01 03-01 04-02 04-03 05-01 05-14 05-15 06-12 08-15 09-29 12-08 12-25",
	"PY 2027": "01-01 03-01 03-25 03-26 05-01 05-14 05-15 06-12 08-15 09-29 12-08 12-25",
	"MX 2025": "01-01 02-03 03-17 05-01 09-16 11-17 12-25",
	"MX 2026": "01-01 02-02 03-16 05-01 09-16 11-16 12-25",
	"MX 2027": "01-01 02-01 03-15 05-01 09-16 11-15 12-25",
	"MX 2030": "01-01 02-04 03-18 05-01 09-16 10-01 11-18 12-25",
	"CL 2023": "01-01 01-02 04-07 04-08 05-01 05-21 06-21 06-26 07-16 08-15 09-18 09-19 10-09 10-27 11-01 12-08 12-25",
	"CL 2024": "01-01 03-29 03-30 05-01 05-21 06-20 06-29 07-16 08-15 09-18 09-19 09-20 10-12 10-31 11-01 12-08 12-25",
	"CL 2025": "01-01 04-18 04-19 05-01 05-21 06-20 06-29 07-16 08-15 09-18 09-19 10-12 10-31 11-01 12-08 12-25",
	"CL 2026": "01-01 04-03 04-04 05-01 05-21 06-21 06-29 07-16 08-15 09-18 09-19 10-12 10-31 11-01 12-08 12-25",
	"CL 2027": "01-01 03-26 03-27 05-01 05-21 06-21 06-28 07-16 08-15 09-17 09-18 09-19 10-11 10-31 11-01 12-08 12-25",
	"AR 2025": "01-01 03-03 03-04 03-24 04-02 04-18 05-01 05-25 06-16 06-20 07-09 08-17 10-12 11-24 12-08 12-25",
	"AR 2026": "01-01 02-16 02-17 03-24 04-02 04-03 05-01 05-25 06-15 06-20 07-09 08-17 10-12 11-23 12-08 12-25",
	"AR 2027": "01-01 02-08 02-09 03-24 03-26 04-02 05-01 05-25 06-20 06-21 07-09 08-16 10-11 11-20 12-08 12-25",
	"ES 2025": "01-01 01-06 04-18 05-01 08-15 10-12 11-01 12-06 12-08 12-25",
	"ES 2026": "01-01 01-06 04-03 05-01 08-15 10-12 11-01 12-06 12-08 12-25",
	"ES 2027": "01-01 01-06 03-26 05-01 08-15 10-12 11-01 12-06 12-08 12-25",
	"EC 2024": "01-01 02-12 02-13 03-29 05-03 05-24 08-09 10-11 11-01 11-04 12-25",
	"EC 2025": "01-01 03-03 03-04 04-18 05-02 05-23 08-11 10-10 11-03 11-04 12-25",
	"EC 2026": "01-01 02-16 02-17 04-03 05-01 05-25 08-10 10-09 11-02 11-03 12-25",
	"BR 2025": "01-01 03-04 04-18 04-21 05-01 06-19 09-07 10-12 11-02 11-15 11-20 12-25",
	"BR 2026": "01-01 02-17 04-03 04-21 05-01 06-04 09-07 10-12 11-02 11-15 11-20 12-25",
	"US 2026": "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
}

func TestHolidays(t *testing.T) {
	for key, want := range published {
		country, year, _ := strings.Cut(key, " ")
		t.Run(key, func(t *testing.T) {
			y, err := time.Parse("2006", year)
			if err != nil {
				t.Fatal(err)
			}
			days := holidays(country, y.Year(), y.Year())
			slices.Sort(days)
			var got []string
			for _, d := range slices.Compact(days) {
				got = append(got, strings.TrimPrefix(d.String(), year+"-"))
			}
			if g := strings.Join(got, " "); g != want {
				t.Errorf("\n got %s\nwant %s", g, want)
			}
		})
	}
}

// TestEveryCountryHasHolidays: the words that the file accepts are the countries
// that are known, and each of their lists was compared above.
func TestEveryCountryHasHolidays(t *testing.T) {
	for _, s := range Describe("desk/calendars.toml", calendarFile{}) {
		for _, k := range s.Keys {
			if k.Name == "holidays" && !slices.Equal(k.Values, countries()) {
				t.Errorf("the file accepts %v, known are %v", k.Values, countries())
			}
		}
	}
	for _, c := range countries() {
		if _, ok := published[c+" 2026"]; !ok {
			t.Errorf("%s is compared with nothing", c)
		}
	}
}

// TestSolstice: the days of the June solstice in Chile by the almanac, among them
// those within two hours of midnight (2025, 2029).
func TestSolstice(t *testing.T) {
	for year, want := range map[int]int{2021: 20, 2022: 21, 2023: 21, 2024: 20, 2025: 20, 2026: 21, 2027: 21, 2028: 20, 2029: 20, 2030: 21} {
		if got := winter(nil, year); got.Month() != 6 || got.Day() != want {
			t.Errorf("%d: %v, want %d June", year, got, want)
		}
	}
}

// TestHolidaysWhereMidnightIsMissing: the zone of the machine, in which the library
// reckons, does not matter. In São Paulo 2 November 2004 began at one.
func TestHolidaysWhereMidnightIsMissing(t *testing.T) {
	want := map[string][]desk.Day{}
	for _, c := range countries() {
		want[c] = holidays(c, firstYear, lastYear)
	}
	defer func(l *time.Location) { cal.DefaultLoc = l }(cal.DefaultLoc)
	for _, name := range []string{"America/Santiago", "America/Sao_Paulo", "Pacific/Auckland", "America/Havana"} {
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		cal.DefaultLoc = z
		for _, c := range countries() {
			if !slices.Equal(holidays(c, firstYear, lastYear), want[c]) {
				t.Errorf("in %s the holidays of %s are others", name, c)
			}
		}
	}
}
