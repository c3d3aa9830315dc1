package rules

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
	"ventanilla/mail"
)

// TestGuide: the technician's guide tells of every verb what #ayuda says, and each
// example of each language is understood.
func TestGuide(t *testing.T) {
	const file = "../docs/guia-del-tecnico.md"
	guide, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, v := range verbs {
		fmt.Fprintf(&table, "| `%s` | %s |\n", v.es.write, v.es.does)
		for _, language := range []string{"es", "en", "pt"} {
			u := v.in(language)
			block, _ := commandBlock(u.write)
			if len(block) != 1 || u.does == "" {
				t.Errorf("#%s, %s: %q is no command", v.name, language, u.write)
				continue
			}
			if meant, _ := findVerb(block[0].word); meant.name != v.name {
				t.Errorf("#%s, %s: %s is #%s", v.name, language, u.write, meant.name)
			}
			about := guideCase().Tickets[1]
			if v.name == "escribir" {
				about = desk.Ticket{}
			}
			if _, problems := plan(block, guideCase(), about, desk.Agent{Name: "luis", Exports: true}); len(problems) > 0 {
				t.Errorf("%s: %+v", u.write, problems)
			}
		}
	}
	rows := regexp.MustCompile("(?m)(^\\| `#[^\n]+\n)+").ReplaceAllLiteral(guide, []byte(table.String()))
	if *update {
		if err := os.WriteFile(file, rows, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(guide), string(rows)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(rows), table.String()) {
		t.Error("the guide has no table of commands")
	}
}

// guideCase has what the examples of the guide speak of.
func guideCase() Case {
	now := time.Date(2026, 5, 7, 15, 30, 0, 0, time.UTC)
	w := testWorld()
	w.Answers = []desk.Canned{{Name: "vpn", Text: "Reinicie."}}
	w.Providers = []desk.Provider{{Name: "conectar", Title: "Conectar", Address: "soporte@conectar.example"}}
	w.Queues[0].Agents = []string{"luis", "eva"}
	t := desk.Ticket{ID: 1, Number: "000001", Revision: 3, Articles: 3, Subject: "x", Queue: w.Queues[0].Name, State: desk.Open, Requester: 5, LastTask: 2, Tasks: []desk.Task{
		{Number: 1, Text: "cable", Owner: "eva", By: "luis", State: desk.TaskDone}, {Number: 2, Text: "switch", Owner: "luis", By: "eva"}}}
	w.Knowledge = []desk.Knowledge{{Name: "ya-sabido-000001", Title: "Ya sabido", Text: "Sí."}}
	return Case{Now: now, World: w, Tickets: desk.Tickets{1: t, 2: {ID: 2, Number: "003181", Revision: 1}}, Numbers: map[string]desk.TicketID{"003181": 2},
		Message: &mail.Message{Text: "De: Ana <ana@uni.example>"}, Events: map[desk.TicketID][]desk.Event{1: {
			{Ticket: 1, Seq: 1, At: now.Add(-time.Hour), Kind: desk.Opened, Opened: &desk.Opening{Number: "000001"}, Actor: desk.ByPerson(5)},
			{Ticket: 1, Seq: 2, At: now.Add(-time.Minute), Kind: desk.PriorityChanged, Old: "3", New: "1", Actor: desk.ByAgent("luis")}}}}
}

// TestUserGuide: what the guide tells requesters to write is understood.
func TestUserGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/guia-del-usuario.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllSubmatch(guide, -1)
	seen := map[phrase]bool{}
	for _, m := range rows {
		p, _ := readPhrase(string(m[1]))
		var asked string
		if p == noPhrase && !begins(string(m[1]), knowledgeAsked, &asked) {
			t.Errorf("%s is not understood", m[1])
		}
		seen[p] = true
	}
	for p := approvePhrase; p <= helpPhrase; p++ {
		if !seen[p] && p != thanksPhrase {
			t.Errorf("the guide does not tell of phrase %d", p)
		}
	}
}

// TestListGuide: the lists of the technician's guide are understood.
func TestListGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/guia-del-tecnico.md")
	if err != nil {
		t.Fatal(err)
	}
	w := testWorld()
	w.Clients = []desk.Client{{Name: "acme"}}
	rows := regexp.MustCompile("(?m)^\\| `([^#`][^`]*)` \\|").FindAllSubmatch(guide, -1)
	for _, m := range rows {
		if l, p, ok := readList(string(m[1]), w, desk.Agent{Name: "luis"}); !ok || p.Reason != "" {
			t.Errorf("%s: %+v", m[1], l)
		}
	}
	if len(rows) != 5 {
		t.Errorf("%d lists", len(rows))
	}
	for _, text := range []string{"cola redes no funciona", "cola nada", "mis tickets no llegan", "buscar", "buscar ", "colaboración", "mistickets", ""} {
		if l, _, ok := readList(text, w, desk.Agent{Name: "luis"}); ok {
			t.Errorf("%q is no list: %+v", text, l)
		}
	}
}

// TestAdminGuide: the rules of the admin's guide load.
func TestAdminGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/administracion.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```toml\n(.*?)```").FindSubmatch(guide)
	if m == nil {
		t.Fatal("no rules in the guide")
	}
	s, err := Load(fstest.MapFS{"rules/guide.toml": {Data: m[1]}}, testWorld())
	if err != nil {
		t.Fatal(err)
	}
	if r := s.route(Routing{Subject: "Re: SÓLICITUD de acceso"}); r.Type != "requerimiento" {
		t.Errorf("route %+v", r)
	}
}

// TestRulesGuide: each example of the guide to rules loads by itself, without a
// warning, and its tests pass.
func TestRulesGuide(t *testing.T) {
	guide, err := os.ReadFile("../docs/reglas.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllSubmatch(guide, -1)
	if len(examples) < 8 {
		t.Fatalf("only %d examples", len(examples))
	}
	for _, m := range examples {
		tree := withDesk(string(m[1]))
		world, err := LoadWorld(tree, desk.World{Domain: "mesa.example"})
		if err != nil {
			t.Fatal(err)
		}
		set, err := Load(tree, world)
		if err != nil {
			t.Error(err)
			continue
		}
		if err := set.Test(world); err != nil || len(set.Warnings()) > 0 {
			t.Errorf("%v, %v", err, set.Warnings())
		}
	}
}
