package gateway_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ventanilla/desk"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/testdata/desks"
)

// rowsPlayed are what the manuals ask of classifying, forms, people and words, by
// the numbers of the list of what they ask; each is played on one of the desks.
var rowsPlayed = []string{"A3", "A9", "B1", "B2", "B9", "C1", "C3", "C5", "C14", "C15", "C16", "C17", "C19", "D1", "D2", "D3", "D10", "D13", "E1", "E2", "E3", "E5", "E6", "E8",
	"F1", "F2", "F3", "F4", "F5", "F6", "F8", "F9", "G4", "G5", "G8"}

// TestDesks plays the desks of five real manuals, and runs the tests of their rules.
func TestDesks(t *testing.T) {
	told := map[string]bool{}
	row := regexp.MustCompile(`\b[A-G][0-9]{1,2}\b`)
	for _, d := range desks.All {
		t.Run(d.Name, func(t *testing.T) {
			files, err := fs.Sub(desks.Files, d.Name)
			if err != nil {
				t.Fatal(err)
			}
			zone, err := time.LoadLocation(d.Zone)
			if err != nil {
				t.Fatal(err)
			}
			base := desk.World{Name: d.Title, NumberStyle: desk.NumberStyle(d.NumberStyle), NumberDigits: d.Digits, Zone: zone}
			world, err := rules.LoadWorld(files, base)
			if err != nil {
				t.Fatal(err)
			}
			set, err := rules.Load(files, world)
			if err != nil {
				t.Fatal(err)
			}
			if set.Tests() < set.Len() {
				t.Errorf("%d tests of %d rules", set.Tests(), set.Len())
			}
			if err := set.Test(world); err != nil {
				t.Error(err)
			}
			if w := set.Warnings(); len(w) > 0 {
				t.Error(w)
			}
			file := filepath.Join("../testdata/desks", d.Name, "played.txt")
			playFile(t, file, func(t testing.TB, e store.Engine) *played { return newPlayedDesk(t, e, files, base) })
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range regexp.MustCompile(`(?m)^# `).Split(string(text), -1) {
				about, steps, _ := strings.Cut(part, "\n")
				if !regexp.MustCompile(`(?m)^mail\b`).MatchString(steps) {
					continue // a row counts where a mail is played below it
				}
				for _, r := range row.FindAllString(about, -1) {
					told[r] = true
				}
			}
		})
	}
	for _, r := range rowsPlayed {
		if !told[r] {
			t.Errorf("%s is played on no desk", r)
		}
	}
}
