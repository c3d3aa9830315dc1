package rules

import (
	"testing"
	"time"

	"ventanilla/desk"
)

// TestReadMoment: dates as people write them, seen from a Thursday afternoon.
func TestReadMoment(t *testing.T) {
	bogota, err := time.LoadLocation("America/Bogota")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 7, 15, 30, 0, 0, bogota)
	for text, want := range map[string]string{
		"3 días": "2026-05-12 15:30", "3 dias.": "2026-05-12 15:30", "un día": "2026-05-08 15:30", "2d": "2026-05-11 15:30", "3": "2026-05-12 15:30", "en 4 horas": "2026-05-07 19:30",
		"4h": "2026-05-07 19:30", "30 min": "2026-05-07 16:00", "una semana": "2026-05-14 15:30", "2 meses": "2026-07-07 15:30",
		"viernes": "2026-05-08 08:00", "viernes 17:00": "2026-05-08 17:00", "el próximo lunes a las 9": "2026-05-11 09:00", "jueves": "2026-05-14 08:00", "jueves 17:00": "2026-05-07 17:00",
		"sexta-feira": "2026-05-08 08:00", "mañana": "2026-05-08 08:00", "mañana 5 pm": "2026-05-08 17:00", "mañana a las 5:15 p. m.": "2026-05-08 17:15", "hoy 18:00": "2026-05-07 18:00", "pasado mañana": "2026-05-09 08:00",
		"12/05": "2026-05-12 08:00", "12/05 10:30": "2026-05-12 10:30", "7/5": "2027-05-07 08:00", "1/2/2027": "2027-02-01 08:00", "1-2-27": "2027-02-01 08:00", "2026-12-24": "2026-12-24 08:00",
		"12 de mayo": "2026-05-12 08:00", "3 de enero": "2027-01-03 08:00", "15 de septiembre de 2026 14:00": "2026-09-15 14:00", "hasta el 9 de junio": "2026-06-09 08:00",
		"ayer": "unknown-moment", "pronto": "unknown-moment", "31/02": "unknown-moment", "40/13": "unknown-moment", "hoy": "moment-past", "7/5/2026": "moment-past", "2020-01-01": "moment-past",
		"lunes 25:00": "unknown-moment", "0 días": "unknown-moment", "12 de brumario": "unknown-moment", "": "moment-past",
	} {
		at, reason := dates{now: now, zone: bogota}.read(text)
		got := reason
		if reason == "" {
			got = at.In(bogota).Format("2006-01-02 15:04")
		}
		if got != want {
			t.Errorf("%q: %s, not %s", text, got, want)
		}
	}
}

// TestReadDueDay: a term ends when the desk closes, and its holidays are not counted.
func TestReadDueDay(t *testing.T) {
	bogota, err := time.LoadLocation("America/Bogota")
	if err != nil {
		t.Fatal(err)
	}
	office := desk.Hours{{From: 8 * time.Hour, To: 12 * time.Hour}, {From: 14 * time.Hour, To: 18 * time.Hour}}
	calendar, err := desk.NewCalendar(desk.Plan{Name: "oficina", Zone: bogota, Week: [7]desk.Hours{1: office, 2: office, 3: office, 4: office, 5: {{From: 8 * time.Hour, To: 16*time.Hour + 30*time.Minute}}},
		Days: map[desk.Day]desk.Hours{desk.DayOf(time.Date(2026, 5, 11, 0, 0, 0, 0, bogota)): nil}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 7, 15, 30, 0, 0, bogota)
	for text, want := range map[string]string{"1 día": "2026-05-08 16:30", "2 días": "2026-05-12 18:00", "5": "2026-05-15 16:30", "viernes": "2026-05-08 16:30",
		"viernes 10:00": "2026-05-08 10:00", "hoy": "2026-05-07 18:00", "9/5": "2026-05-09 17:00", "4h": "2026-05-07 19:30"} {
		at, reason := dates{now: now, zone: bogota, calendar: calendar, end: true}.read(text)
		if got := at.Format("2006-01-02 15:04"); reason != "" || got != want {
			t.Errorf("%q: %s %s, not %s", text, got, reason, want)
		}
	}
	if at, reason := (dates{now: now, zone: bogota, calendar: calendar}).read("2 días"); reason != "" || at.Format("01-02 15:04") != "05-12 15:30" {
		t.Errorf("2 días: %v %s", at, reason)
	}
}

func FuzzReadMoment(f *testing.F) {
	for _, s := range []string{"3 días", "viernes 17:00", "12/05", "1 de mayo", "9999999999 h"} {
		f.Add(s)
	}
	now := time.Date(2026, 5, 7, 15, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if at, reason := (dates{now: now}).read(text); reason == "" && !at.After(now) {
			t.Errorf("%q is %v", text, at)
		}
	})
}
