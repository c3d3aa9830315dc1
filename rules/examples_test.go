package rules

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"ventanilla/desk"
	"ventanilla/mail"
)

// The commands that the mails of lists show are understood, in each language.
func TestExamplesOfLists(t *testing.T) {
	world := testWorld()
	example := regexp.MustCompile("`([^`]+)`")
	seen := 0
	for _, language := range []string{"es", "en", "pt"} {
		for _, name := range []string{"lista", "resumen"} {
			text, err := os.ReadFile("../templates/files/" + language + "/" + name + ".md")
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range example.FindAllStringSubmatch(string(text), -1) {
				seen++
				if slices.Contains(moreLists, mail.Fold(m[1])) {
					continue
				}
				l, p := readBulkLine(m[1])
				if p.Reason == "" {
					var problems []Problem
					if _, problems = plan([]line{{raw: m[1], word: l.verb, argument: l.argument}}, Case{World: world}, desk.Ticket{ID: 1, State: desk.Open}, world.Agents[0]); len(problems) > 0 {
						p = problems[0]
					}
				}
				if p.Reason != "" {
					t.Errorf("%s/%s: «%s» is not understood: %s %s", language, name, m[1], p.Reason, p.Near)
				}
			}
		}
	}
	if seen < 12 {
		t.Errorf("only %d examples were found", seen)
	}
}
