package rules

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
)

// TestVerbCases plays testdata/verbs.txt: each line that begins like a command, and
// below it, indented, what it asks for or what is wrong with it. Every verb and each
// of its synonyms has a line that is understood, and every verb that takes something
// one that is not.
func TestVerbCases(t *testing.T) {
	const file = "../testdata/verbs.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	understood, refused := map[string]bool{}, map[string]bool{}
	var out strings.Builder
	for _, text := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if strings.HasPrefix(text, "\t") {
			continue
		}
		fmt.Fprintln(&out, text)
		if text == "" || strings.HasPrefix(text, "# ") && strings.HasSuffix(text, ".") {
			continue
		}
		c := guideCase()
		about := c.Tickets[1]
		block, _ := commandBlock(text)
		if len(block) == 0 {
			fmt.Fprintln(&out, "\tno command")
			continue
		}
		v, known := findVerb(block[0].word)
		if v.name == "escribir" {
			about = desk.Ticket{}
		}
		p, problems := plan(block, c, about, desk.Agent{Name: "luis", Exports: true})
		for _, wrong := range problems {
			fmt.Fprintln(&out, strings.TrimRight("\twrong: "+wrong.Reason+" "+wrong.Near, " "))
			refused[v.name] = true
		}
		for _, k := range p.cmds {
			fmt.Fprintln(&out, "\t"+told(k))
		}
		if known && len(problems) == 0 {
			understood[block[0].word] = true
			if len(p.cmds) == 0 {
				fmt.Fprintln(&out, "\tthe transcript answers")
			}
		}
	}
	for _, v := range verbs {
		for _, w := range append([]string{v.name}, v.synonyms...) {
			if !understood[w] {
				t.Errorf("#%s has no case that is understood", w)
			}
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(data), out.String()); diff != "" {
		t.Error(diff)
	}
	for _, v := range verbs {
		if !refused[v.name] && v.takes() {
			t.Errorf("#%s has no case that is refused", v.name)
		}
	}
}

// takes says whether a verb refuses some arguments.
func (v verb) takes() bool {
	for _, argument := range []string{"", "?"} {
		c := guideCase()
		if _, p := v.read(&reading{Case: c, argument: argument, world: c.World, ticket: c.Tickets[1], by: desk.Agent{Name: "luis", Exports: true}, now: c.Now}); p.Reason != "" {
			return true
		}
	}
	return false
}

// told writes a command out.
func told(c desk.Command) string {
	words := []string{string(c.Kind)}
	for _, s := range []string{string(c.Field), c.Value, c.Address, c.Text} {
		if s != "" {
			words = append(words, s)
		}
	}
	if c.Number != 0 {
		words = append(words, fmt.Sprint(c.Number))
	}
	if c.Other != 0 {
		words = append(words, fmt.Sprintf("other %d", c.Other))
	}
	if !c.Until.IsZero() {
		words = append(words, c.Until.Format("2006-01-02T15:04"))
	}
	if c.Ticket > 1 {
		words = append(words, fmt.Sprintf("(ticket %d)", c.Ticket))
	}
	return strings.Join(words, " ")
}
