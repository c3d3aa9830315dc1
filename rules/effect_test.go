package rules

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
)

// effects are what a rule can do, and what that makes of a mail.
var effects = []struct {
	rule string
	want Route
}{
	{`queue = "Redes"`, Route{Queue: "redes"}},
	{`type = " Incidente "`, Route{Type: "Incidente"}},
	{`priority = "muy baja"`, Route{Priority: 5}},
	{`priority = 2`, Route{Priority: 2}},
	{`category = "impresoras"`, Route{Category: "impresoras"}},
	{`service = "VPN"`, Route{Service: "vpn"}},
	{`urgency = "alta"`, Route{Urgency: 2}},
	{`impact = 4`, Route{Impact: 4}},
	{`level = "provider"`, Route{Level: "provider"}},
	{`responsible = "ana"`, Route{Responsible: "ana"}},
	{`tags = ["VIP", "aula 3"]`, Route{Tags: []string{"vip", "aula 3"}}},
	{`fields = {equipo = "$n de $$5", nota = "$nada"}` + "\nsubject_pattern = ['(?P<n>PC-[0-9]+)|(?P<nada>xyz)']", Route{Fields: map[string]string{"equipo": "PC-0417 de $5"}}},
	{`observers = ["Jefe@uni.example"]`, Route{Observers: []string{"jefe@uni.example"}}},
	{`reply = "vpn"`, Route{Reply: "vpn"}},
	{`template = "biblioteca"`, Route{Template: "biblioteca"}},
	{`owner = "LUIS"`, Route{Owner: "luis"}},
	{`owner = "round-robin"`, Route{Owner: RoundRobin}},
	{`owner = "least-loaded"`, Route{Owner: LeastLoaded}},
	{`owner = "on-duty"`, Route{Owner: OnDuty}},
	{`language = "pt"`, Route{Language: "pt"}},
	{`ignore = true`, Route{Ignore: true}},
	{`quarantine = true`, Route{Quarantine: true}},
	{`hold = true`, Route{Hold: true}},
	{`stop = true`, Route{}},
	{`continue = true` + "\ntype = \"x\"", Route{Type: "x", Tags: []string{"after"}}},
}

// Each thing that a rule can do is done, and but for continue ends the search.
func TestEffects(t *testing.T) {
	for _, c := range effects {
		tree := withDesk("[[rule]]\nname = \"una\"\n" + c.rule + "\n[[rule]]\nname = \"después\"\ntags = [\"after\"]\n")
		set, err := loadAll(tree)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		c.want.Matched = []string{"una"}
		if strings.HasPrefix(c.rule, "continue") {
			c.want.Matched = append(c.want.Matched, "después")
		}
		if diff := cmp.Diff(c.want, set.route(long())); diff != "" {
			t.Errorf("%s: %s", c.rule, diff)
		}
	}
	for f := range reflect.TypeFor[ruleText]().Fields() {
		key := keyName(f)
		if key == "" || strings.HasPrefix(f.Tag.Get("help"), "Condición") || slices.Contains([]string{"name", "on", "test"}, key) {
			continue
		}
		if !slices.ContainsFunc(effects, func(c struct {
			rule string
			want Route
		}) bool {
			return strings.HasPrefix(c.rule, key+" = ")
		}) {
			t.Errorf("%s has no case", key)
		}
	}
}

// A new ticket that a rule holds answers nobody; old mail is held quietly too.
func TestOpenHeld(t *testing.T) {
	s := testSet(t, "[[rule]]\nname = \"una\"\nhold = true\n")
	c := testCase(otto, "hola")
	c.Tickets, c.Message.InReplyTo = nil, nil
	c.Auth = true
	d := s.Decide(c)
	if got := outcome(d); got != "pending, open ack=, hold" || len(d.Letters) > 0 {
		t.Errorf("got %s, %v", got, d.Letters)
	}
	if h := d.Commands[1].HeldAck; h == nil || h.Ack != desk.AckFull || d.Commands[0].Ack != desk.AckNone || !d.Commands[0].Quiet {
		t.Errorf("commands %+v", d.Commands)
	}
}
