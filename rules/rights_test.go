package rules

import (
	"strings"
	"testing"
	"testing/fstest"

	"ventanilla/desk"
	"ventanilla/mail"
)

// TestRights: what a role forbids is refused with the reason, by every way of asking for it.
func TestRights(t *testing.T) {
	w := testWorld()
	w.Roles = []desk.RoleRights{{Name: "colas", Tickets: desk.TicketsQueues, OwnLevel: true, Deny: []string{"anular", "unir", "cerrar"}},
		{Name: "suyos", Tickets: desk.TicketsOwn}, {Name: "mira", Tickets: desk.TicketsAll, Allow: []string{"tomar"}}}
	other := desk.Ticket{ID: 2, Number: "000002", Revision: 1, Queue: "redes", State: desk.Open}
	for _, c := range []struct{ role, queue, assignee, level, line, want string }{
		{"", "redes", "", "2", "#cerrar", ""},
		{"colas", "soporte", "", "", "#prioridad 1", ""},
		{"colas", "redes", "", "", "#prioridad 1", "other-queue"},
		{"colas", "redes", "luis", "", "#prioridad 1", ""},
		{"colas", "redes", "", "", "#nota", ""},
		{"colas", "redes", "", "", "#tiempo 5m", ""},
		{"colas", "redes", "", "", "#ver", ""},
		{"colas", "soporte", "", "2", "#tomar", "higher-level"},
		{"colas", "soporte", "", "1", "#tomar", ""},
		{"colas", "soporte", "luis", "provider", "#externo 1", "higher-level"},
		{"colas", "soporte", "", "", "#anular un duplicado", "role-forbids"},
		{"colas", "soporte", "", "", "#cancel un duplicado", "role-forbids"},
		{"colas", "soporte", "", "", "#cerrar", "role-forbids"},
		{"colas", "soporte", "", "", "#estado cerrado", "role-forbids"},
		{"suyos", "soporte", "", "", "#tomar", ""},
		{"suyos", "soporte", "eva", "", "#tomar", "not-yours"},
		{"suyos", "soporte", "luis", "", "#resolver", ""},
		{"suyos", "redes", "", "", "#tomar", "other-queue"},
		{"suyos", "soporte", "luis", "", "#unir 000002", "other-queue"},
		{"mira", "soporte", "", "", "#tomar", ""},
		{"mira", "soporte", "", "", "#estado resuelto", "role-forbids"},
		{"mira", "soporte", "", "", "#cola redes", "role-forbids"},
		{"mira", "soporte", "", "", "#asignar redes", "role-forbids"},
	} {
		block, _ := commandBlock(c.line)
		ticket := desk.Ticket{ID: 1, Number: "000001", Revision: 1, Queue: c.queue, Assignee: c.assignee, State: desk.Open, Details: desk.Details{Level: c.level}}
		_, problems := plan(block, Case{World: w, Message: &mail.Message{}, Tickets: desk.Tickets{1: ticket, 2: other}, Numbers: map[string]desk.TicketID{"000002": 2}},
			ticket, desk.Agent{Name: "luis", Role: c.role, Level: "1"})
		got := ""
		if len(problems) > 0 {
			got = problems[0].Reason
		}
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	if got := forbidden(w, desk.Agent{Name: "luis", Role: "mira"}, desk.Ticket{ID: 1, Queue: "soporte"}, answering); got != "role-forbids" {
		t.Errorf("answers: %q", got)
	}
}

// TestRoles: a role that is not there, or forbids what is no command, is told with its place.
func TestRoles(t *testing.T) {
	files := func(role, roles string) fstest.MapFS {
		return fstest.MapFS{
			"desk/queues.toml": {Data: []byte("[[queue]]\nname = \"soporte\"\naddress = \"soporte@mesa.example\"\n")},
			"desk/agents.toml": {Data: []byte("[[agent]]\nname = \"luis\"\naddress = \"luis@mesa.example\"\nrole = \"" + role + "\"\n")},
			"desk/roles.toml":  {Data: []byte(roles)},
		}
	}
	const mesa = "[[role]]\nname = \"mesa\"\ntickets = \"queues\"\ndeny = [\"Fusionar\", \"#anular\", \"responder\"]\n"
	world, err := LoadWorld(files("mesa", mesa), desk.World{})
	if err != nil || world.Agents[0].Role != "mesa" || strings.Join(world.Roles[0].Deny, " ") != "unir anular responder" {
		t.Fatalf("%v, %+v", err, world)
	}
	for text, want := range map[string]string{
		mesa + "allow = [\"tomar\"]\n":                           "escriba deny o allow",
		"[[role]]\nname = \"reader\"\n":                          "siempre hay",
		"[[role]]\nname = \"mesa\"\ndeny = [\"anulr\"]\n":        `¿quiso decir "anular"?`,
		"[[role]]\nname = \"mesas\"\n":                           `¿quiso decir "mesas"?`,
		"[[role]]\nname = \"mesa\"\ntickets = \"todos\"\n":       "desk/roles.toml:3",
		"[[role]]\nname = \"mesa\"\n[[role]]\nname = \"mesa\"\n": "ya está en",
		"[[role]]\nname = \"mesa\"\nallow = []\n":                "allow",
	} {
		if _, err := LoadWorld(files("mesa", text), desk.World{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", text, err, want)
		}
	}
}
