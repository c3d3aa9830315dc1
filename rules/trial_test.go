package rules

import (
	"strings"
	"testing"
	"testing/fstest"

	"ventanilla/desk"
)

const trials = `
[[rule]]
name = "camaras"
subject = ["camara"]
queue = "redes"
priority = "alta"
`

// Tests of rules pass where the mail becomes what they expect, and else say
// where, what came out and why.
func TestTrials(t *testing.T) {
	for name, c := range map[string]struct{ test, want string }{
		"nothing expected":   {`subject = "Cámara dañada"`, ""},
		"all expected":       {"subject = \"Cámara\"\nexpect = {rule = \"camaras\", queue = \"Redes\", priority = 2, disposition = \"ticket\", language = \"es\"}", ""},
		"mail in a file":     {`mail = "camara.eml"`, ""},
		"nothing matches":    {`subject = "Cara"`, `rules/10.toml:8:8: la prueba de "camaras" falla: rule es "" y se esperaba "camaras"; el asunto no contiene «camara»`},
		"another queue":      {"subject = \"camara\"\nexpect = {queue = \"soporte\"}", `rules/10.toml:10:19: la prueba de "camaras" falla: queue es "redes" y se esperaba "soporte"; el asunto contiene «camara»`},
		"another priority":   {"subject = \"camara\"\nexpect = {priority = \"baja\"}", `priority es "2" y se esperaba "4"`},
		"another end":        {"subject = \"camara\"\nexpect = {disposition = \"filed\"}", `disposition es "ticket" y se esperaba "filed"`},
		"another language":   {"subject = \"camara\"\nexpect = {language = \"en\"}", `language es "es" y se esperaba "en"`},
		"two things at once": {"subject = \"nada\"\nexpect = {queue = \"redes\", priority = 2}", `priority es "3" y se esperaba "2"`},
	} {
		tree := with(trials + "\n[[rule.test]]\n" + c.test + "\n")
		tree["rules/camara.eml"] = &fstest.MapFile{Data: []byte("From: a@b.example\r\nTo: soporte@mesa.example\r\nSubject: una =?utf-8?q?c=C3=A1mara?=\r\n\r\nhola\r\n")}
		world, err := LoadWorld(tree, desk.World{Domain: "mesa.example", Language: "es"})
		if err != nil {
			t.Fatal(err)
		}
		set, err := Load(tree, world)
		if err != nil || set.Tests() != 1 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		switch err := set.Test(world); {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// A test of a rule for answers has a ticket, and a time.
func TestTrialOfReply(t *testing.T) {
	for test, passes := range map[string]bool{
		"ticket = {priority = 4}\nat = 2026-05-04T10:00:00\nexpect = {priority = 1, disposition = \"append\"}":         true,
		"ticket = {priority = 4}\nat = 2026-05-04T23:00:00\nexpect = {priority = 1}":                                   false,
		"ticket = {priority = 2}\nat = 2026-05-04T10:00:00":                                                            false,
		"ticket = {priority = 4}\ntrust = \"nothing\"\nat = 2026-05-04T10:00:00\nexpect = {disposition = \"pending\"}": true,
	} {
		set, err := loadRules(t, "[[rule]]\nname = \"sube\"\non = \"reply\"\nduring = \"oficina\"\nticket = {priority = [\"baja\"]}\npriority = 1\n\n[[rule.test]]\nbody = \"urge\"\n"+test)
		if err != nil {
			t.Fatal(err)
		}
		world, err := LoadWorld(withDesk(""), desk.World{Domain: "mesa.example"})
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Test(world); (err == nil) != passes {
			t.Errorf("%s: %v", test, err)
		}
	}
}

// What patterns catch fills in fields; a category gives what no rule says.
func TestDetails(t *testing.T) {
	tree := withDesk(`
[[rule]]
name = "impresora"
subject_pattern = ['equipo (?P<equipo>PC-\d+)( de (?P<otro>\w+))?']
category = "impresoras"
service = "vpn"
tags = ["Sala", "nueva"]
fields = {equipo = "$equipo $$", nota = "de $otro"}
`)
	world, err := LoadWorld(tree, desk.World{Domain: "mesa.example"})
	if err != nil {
		t.Fatal(err)
	}
	set, err := Load(tree, world)
	if err != nil {
		t.Fatal(err)
	}
	c := testCase("x@fisica.uni.example", "hola")
	c.World, c.Message.Subject, c.Message.InReplyTo, c.Thread = world, "Equipo pc-12", nil, nil
	d := set.Decide(c)
	if len(d.Commands) != 1 || d.Commands[0].Opening == nil {
		t.Fatalf("got %+v", d)
	}
	o := d.Commands[0].Opening
	if o.Queue != "redes" || o.Type != "incidente" || o.Assignee != "ana" || o.Service != "vpn" || o.Category != "impresoras" || o.Client != "uni" ||
		o.Urgency != 1 || o.Impact != 2 || o.Priority != 1 || strings.Join(o.Tags, " ") != "sala nueva" {
		t.Errorf("opening %+v", o)
	}
	if o.Fields["equipo"] != "pc-12 $" || len(o.Fields) != 1 {
		t.Errorf("fields %v", o.Fields)
	}
}
