package rules

import (
	"math"
	"slices"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/br"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/us"

	"ventanilla/desk"
)

// Holidays are worked out when the files are read, for these years, so that a desk
// that runs for years does not run out of them.
const firstYear, lastYear = 2000, 2199

// nations are the national holidays by ISO 3166-1 country. Those that a government
// proclaims for one year alone are not among them: the admin adds them.
var nations = map[string][]*cal.Holiday{
	"AR": argentina, "BR": brazil, "CL": chile, "CO": colombia, "EC": ecuador, "ES": es.Holidays, "MX": mexico, "PE": peru, "PY": paraguay, "US": us.Holidays,
}

// countries returns the countries whose holidays are known, in order.
func countries() (all []string) {
	for c := range nations {
		all = append(all, c)
	}
	slices.Sort(all)
	return all
}

// holidays returns the holidays of a country in the years from first to last. A
// holiday that is moved counts on the day to which it is moved.
func holidays(country string, first, last int) (days []desk.Day) {
	for year := first; year <= last; year++ {
		for _, h := range nations[country] {
			if _, observed := h.Calc(year); !observed.IsZero() {
				days = append(days, desk.DayOf(observed.Add(12*time.Hour))) // midnight may be missing where this machine stands
			}
		}
	}
	return days
}

// fixed is a holiday on one date of every year, moved as moves say.
func fixed(month time.Month, day int, moves ...cal.AltDay) *cal.Holiday {
	return &cal.Holiday{Month: month, Day: day, Observed: moves, Func: func(h *cal.Holiday, year int) time.Time {
		return time.Date(year, h.Month, h.Day, 0, 0, 0, 0, time.UTC)
	}}
}

// easter is a holiday so many days after Easter Sunday.
func easter(offset int) *cal.Holiday {
	return &cal.Holiday{Offset: offset, Func: cal.CalcEasterOffset}
}

// nth is the n-th such weekday of a month.
func nth(n int, weekday time.Weekday, month time.Month) *cal.Holiday {
	return &cal.Holiday{Month: month, Weekday: weekday, Offset: n, Func: cal.CalcWeekdayOffset}
}

// since is a holiday from a year on.
func since(year int, h *cal.Holiday) *cal.Holiday {
	h.StartYear = year
	return h
}

// when is a holiday of those years whose date falls on the weekday.
func when(weekday time.Weekday, month time.Month, day int) *cal.Holiday {
	return &cal.Holiday{Month: month, Day: day, Weekday: weekday, Func: func(h *cal.Holiday, year int) time.Time {
		t := time.Date(year, h.Month, h.Day, 0, 0, 0, 0, time.UTC)
		if t.Weekday() != h.Weekday {
			return time.Time{}
		}
		return t
	}}
}

func move(from time.Weekday, days int) cal.AltDay { return cal.AltDay{Day: from, Offset: days} }

// nextMonday moves a holiday to the Monday that follows, if it is none itself.
var nextMonday = []cal.AltDay{move(time.Tuesday, 6), move(time.Wednesday, 5), move(time.Thursday, 4), move(time.Friday, 3), move(time.Saturday, 2), move(time.Sunday, 1)}

// colombia: Ley 51 de 1983 (Ley Emiliani) and Código Sustantivo del Trabajo, art. 177.
// What it moves after Easter always falls on the same Monday.
var colombia = []*cal.Holiday{
	fixed(1, 1), fixed(5, 1), fixed(7, 20), fixed(8, 7), fixed(12, 8), fixed(12, 25), easter(-3), easter(-2),
	fixed(1, 6, nextMonday...), fixed(3, 19, nextMonday...), fixed(6, 29, nextMonday...), fixed(8, 15, nextMonday...),
	fixed(10, 12, nextMonday...), fixed(11, 1, nextMonday...), fixed(11, 11, nextMonday...),
	easter(43), easter(64), easter(71), // Ascension, Corpus Christi, Sacred Heart
}

// peru: Decreto Legislativo 713, art. 6, with Leyes 31381 (9 December), 31530
// (6 August), 31788 (7 June) and 31822 (23 July).
var peru = []*cal.Holiday{
	fixed(1, 1), easter(-3), easter(-2), fixed(5, 1), since(2024, fixed(6, 7)), fixed(6, 29), since(2023, fixed(7, 23)), fixed(7, 28), fixed(7, 29),
	since(2022, fixed(8, 6)), fixed(8, 30), fixed(10, 8), fixed(11, 1), fixed(12, 8), since(2021, fixed(12, 9)), fixed(12, 25),
}

// paraguay: Ley 8/90 with Leyes 715/95, 4531/11 and 5204/14 (29 September). The
// government may move 1 March, 12 June and 29 September by a decree of the year.
var paraguay = []*cal.Holiday{
	fixed(1, 1), fixed(3, 1), easter(-3), easter(-2), fixed(5, 1), fixed(5, 14), fixed(5, 15), fixed(6, 12), fixed(8, 15), fixed(9, 29), fixed(12, 8), fixed(12, 25),
}

// mexico: Ley Federal del Trabajo, art. 74. Every sixth year the executive power
// changes hands on 1 October.
var mexico = []*cal.Holiday{
	fixed(1, 1), nth(1, time.Monday, 2), nth(3, time.Monday, 3), fixed(5, 1), fixed(9, 16), nth(3, time.Monday, 11), fixed(12, 25),
	{Func: func(_ *cal.Holiday, year int) time.Time {
		if year < 2024 || (year-2024)%6 != 0 {
			return time.Time{}
		}
		return time.Date(year, 10, 1, 0, 0, 0, 0, time.UTC)
	}},
}

// nearMonday: Leyes 27.399 of Argentina and 19.668 of Chile move by the day of the
// week; Chile moves a Tuesday to Thursday back, and a Friday ahead.
var (
	nearMonday    = []cal.AltDay{move(time.Tuesday, -1), move(time.Wednesday, -2), move(time.Thursday, 4), move(time.Friday, 3)}
	chileanMonday = []cal.AltDay{move(time.Tuesday, -1), move(time.Wednesday, -2), move(time.Thursday, -3), move(time.Friday, 3)}
)

// argentina: Ley 27.399, arts. 1 and 6. Days that the government adds for tourism,
// or moves off a weekend (Decreto 614/2025), are those of a year.
var argentina = []*cal.Holiday{
	fixed(1, 1), easter(-48), easter(-47), fixed(3, 24), fixed(4, 2), easter(-2), fixed(5, 1), fixed(5, 25), fixed(6, 20), fixed(7, 9), fixed(12, 8), fixed(12, 25),
	fixed(6, 17, nearMonday...), fixed(8, 17, nearMonday...), fixed(10, 12, nearMonday...), fixed(11, 20, nearMonday...),
}

// chile: Ley 2.977, with Leyes 19.668 (moved to Monday), 19.973 and 20.215 (beside the
// national holidays), 20.148 (16 July), 20.299 (31 October), 20.983 (2 January, 17
// September) and 21.357 (winter solstice).
var chile = []*cal.Holiday{
	fixed(1, 1), since(2017, when(time.Monday, 1, 2)), easter(-2), easter(-1), fixed(5, 1), fixed(5, 21),
	since(2022, &cal.Holiday{Func: winter}), fixed(6, 29, chileanMonday...), fixed(7, 16), fixed(8, 15),
	since(2007, when(time.Monday, 9, 17)), since(2017, when(time.Friday, 9, 17)), fixed(9, 18), fixed(9, 19), since(2007, when(time.Friday, 9, 20)),
	fixed(10, 12, chileanMonday...), since(2008, fixed(10, 31, move(time.Tuesday, -4), move(time.Wednesday, 2))), fixed(11, 1), fixed(12, 8), fixed(12, 25),
}

// winter is the day of the June solstice in Chile, four hours behind UTC: the mean
// solstice and the periodic terms of Meeus, Astronomical Algorithms, ch. 27.
func winter(_ *cal.Holiday, year int) time.Time {
	y := (float64(year) - 2000) / 1000
	mean := 2451716.56767 + 365241.62603*y + 0.00325*y*y + 0.00888*y*y*y - 0.00030*y*y*y*y
	t := (mean - 2451545) / 36525
	w := (35999.373*t - 2.47) * math.Pi / 180
	sum := 0.0
	for _, p := range solsticeTerms {
		sum += p[0] * math.Cos((p[1]+p[2]*t)*math.Pi/180)
	}
	days := mean + 0.00001*sum/(1+0.0334*math.Cos(w)+0.0007*math.Cos(2*w)) - 2440587.5
	y4, m, d := time.Unix(int64(days*86400), 0).UTC().Add(-4 * time.Hour).Date()
	return time.Date(y4, m, d, 0, 0, 0, 0, time.UTC)
}

// solsticeTerms are table 27.C.
var solsticeTerms = [...][3]float64{
	{485, 324.96, 1934.136}, {203, 337.23, 32964.467}, {199, 342.08, 20.186}, {182, 27.85, 445267.112}, {156, 73.14, 45036.886}, {136, 171.52, 22518.443},
	{77, 222.54, 65928.934}, {74, 296.72, 3034.906}, {70, 243.58, 9037.513}, {58, 119.81, 33718.147}, {52, 297.17, 150.678}, {50, 21.02, 2281.226},
	{45, 247.54, 29929.562}, {44, 325.15, 31555.956}, {29, 60.93, 4443.417}, {18, 155.12, 67555.328}, {17, 288.79, 4562.452}, {16, 198.04, 62894.029},
	{14, 199.76, 31436.921}, {12, 95.39, 14577.848}, {12, 287.11, 31931.756}, {12, 320.81, 34777.259}, {9, 227.73, 1222.114}, {8, 15.45, 16859.074},
}

// ecuadorian moves by the law of 2016 (Registro Oficial 906), art. 65 of the Código del
// Trabajo; 2 and 3 November stand side by side and have moves of their own.
var ecuadorian = []cal.AltDay{move(time.Saturday, -1), move(time.Sunday, 1), move(time.Tuesday, -1), move(time.Wednesday, 2), move(time.Thursday, 1)}

var ecuador = []*cal.Holiday{
	fixed(1, 1), easter(-48), easter(-47), easter(-2), fixed(5, 1, ecuadorian...), fixed(5, 24, ecuadorian...), fixed(8, 10, ecuadorian...), fixed(10, 9, ecuadorian...),
	fixed(11, 2, move(time.Saturday, -1), move(time.Sunday, 2), move(time.Wednesday, 2)),
	fixed(11, 3, move(time.Saturday, -2), move(time.Sunday, 1)), fixed(12, 25),
}

// brazil is that of the library with Lei 14.759/2023 (20 November). Carnival Tuesday and
// Corpus Christi are in it: by law they are optional, and hardly anybody works.
var brazil = append(slices.Clone(br.Holidays), since(2024, fixed(11, 20)))
