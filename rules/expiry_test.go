package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ventanilla/desk"
)

// escalation is a set of rules for clocks.
const escalation = `
[[rule]]
name = "correo"
subject = ["vpn"]
type = "x"

[[rule]]
name = "avisa al jefe"
on = "warning"
clock = ["first"]
observers = ["jefe@uni.example"]
tags = ["por vencer"]

[[rule]]
name = "sube"
on = "breach"
ticket = {level = ["0", "1"], queue = ["soporte"]}
queue = "redes"
level = "2"
priority = "muy urgente"
owner = "on-duty"
continue = true

[[rule]]
name = "de uni"
on = "breach"
not = {clock = ["first"]}
requester = {client = ["uni"]}
during = "oficina"
urgency = 1
`

// expiring is a ticket whose first answer is due at noon and its solution a day later.
func expiring() desk.Ticket {
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	return desk.Ticket{ID: 7, Revision: 3, State: desk.Open, Queue: "soporte", Assignee: "luis", Priority: 4, Requester: 1, Subject: "La VPN",
		Clocks: desk.Clocks{First: desk.Clock{Since: noon.Add(-4 * time.Hour), Due: noon, Warn: noon.Add(-time.Hour)},
			Resolution: desk.Clock{Since: noon.Add(-4 * time.Hour), Due: noon.Add(24 * time.Hour), Warn: noon.Add(22 * time.Hour)}}}
}

// Rules for clocks see what is due and nothing else; what they say follows what is
// told, and a ticket that goes to another queue tells whose it was.
func TestExpired(t *testing.T) {
	tree := withDesk(escalation)
	world, err := LoadWorld(tree, desk.World{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	world.Queues[1].Agents = []string{"ana"}
	set, err := Load(tree, world)
	if err != nil || !set.ForClocks() {
		t.Fatal(err)
	}
	for _, c := range []struct{ at, level, want string }{
		{"04 10:59", "", ""},
		{"04 11:00", "", `warn first "avisa al jefe"; tag por vencer; join jefe@uni.example`},
		{"04 12:00", "", `breach first "sube"; assign  quiet; queue redes; assign ana; priority 1; set level 2`},
		{"04 12:00", "2", `breach first ""`},
		{"05 12:00", "2", `breach first ""; breach resolution ""`}, // the calendar is closed at noon
		{"06 09:00", "2", `breach first ""; breach resolution "de uni"; set urgency 1`},
		{"06 09:00", "1", `breach first "sube"; assign  quiet; queue redes; assign ana; priority 1; set level 2; breach resolution "de uni"; set urgency 1`},
	} {
		at, err := time.Parse("2006-01-02 15:04", "2026-05-"+c.at)
		if err != nil {
			t.Fatal(err)
		}
		e := Expiry{Now: at, World: world, Ticket: expiring(), Requester: desk.Person{ID: 1, Address: "ana@fisica.uni.example"}}
		e.Ticket.Level = c.level
		cmds, turn := set.Expired(e)
		var told []string
		for _, c := range cmds {
			line := strings.Replace(string(c.Kind)+" "+strings.TrimSpace(string(c.Field)+" "+c.Value+c.Address), "  ", " ", 1)
			if c.Kind == desk.CmdPriority {
				line += fmt.Sprint(c.Number)
			}
			if c.Kind == desk.CmdWarn || c.Kind == desk.CmdBreach {
				line += fmt.Sprintf(" %q", c.Text)
			}
			if c.Quiet {
				line += " quiet"
			}
			told = append(told, line)
		}
		if got := strings.Join(told, "; "); got != c.want || turn != "" {
			t.Errorf("%s, level %q:\n got %s\nwant %s", c.at, c.level, got, c.want)
		}
		if _, _, err := desk.Apply(desk.Tickets{7: e.Ticket}, at, cmds...); err != nil {
			t.Errorf("%s: %v", c.at, err)
		}
	}
	if got := set.route(Routing{Subject: "VPN"}).Matched; !slices.Equal(got, []string{"correo"}) {
		t.Errorf("a mail is decided by %v", got)
	}
}

// What a ticket does not allow keeps nobody from being told.
func TestExpiredAllTheSame(t *testing.T) {
	s := testSet(t, "[[rule]]\nname = \"una\"\non = \"breach\"\ntags = [\"una-más\"]\n")
	e := Expiry{Now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), World: testWorld(), Ticket: expiring()}
	for i := range desk.MaxTags {
		e.Ticket.Tags = append(e.Ticket.Tags, strings.Repeat("x", i+1))
	}
	if cmds, _ := s.Expired(e); len(cmds) != 1 || cmds[0].Kind != desk.CmdBreach {
		t.Errorf("got %+v", cmds)
	}
}

// A test of a rule for clocks names the clock and the ticket.
func TestTrialOfClock(t *testing.T) {
	for test, want := range map[string]string{
		"ticket = {level = \"1\"}\nexpect = {rule = \"sube\", queue = \"redes\", level = \"2\", priority = 1}": "",
		"ticket = {level = \"2\"}": `rule es "" y se esperaba "sube"; el nivel del ticket es 2, no 0 o 1`,
		"clock = \"resolution\"\nfrom = \"ana@fisica.uni.example\"\nexpect = {rule = \"de uni\", urgency = 1}": "",
		"clock = \"resolution\"\nexpect = {urgency = 1}":                                                       `urgency es ""`,
	} {
		rules := strings.Replace(escalation, "continue = true\n", "continue = true\n\n[[rule.test]]\n"+test+"\n", 1)
		tree := withDesk(rules)
		world, err := LoadWorld(tree, desk.World{Zone: time.UTC})
		if err != nil {
			t.Fatal(err)
		}
		set, err := Load(tree, world)
		if err != nil {
			t.Fatal(err)
		}
		switch err := set.Test(world); {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %q", test, err, want)
		}
	}
}
