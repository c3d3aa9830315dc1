package mailout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ventanilla/desk"
)

// TestWhoIsTold: by default, by what the desk's files say, and while somebody is
// away.
func TestWhoIsTold(t *testing.T) {
	at := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	away := []desk.Absence{{From: at.AddDate(0, 0, -1), Until: at.AddDate(0, 0, 1)}}
	agents := func(change func([]desk.Agent)) []desk.Agent {
		all := []desk.Agent{{Name: "luis", Address: "luis@mesa.example"}, {Name: "ana", Address: "ana@mesa.example"}, {Name: "eva", Address: "eva@mesa.example"}}
		if change != nil {
			change(all)
		}
		return all
	}
	ticket := desk.Ticket{ID: 3, Queue: "soporte", Requester: 7, Others: []desk.PersonID{8}, Language: "es", Details: desk.Details{Responsible: "eva"}}
	taken := ticket
	taken.Assignee = "luis"
	opened := desk.Event{Kind: desk.Opened, Actor: desk.ByPerson(7), Ack: desk.AckFull, Opened: &desk.Opening{Queue: "soporte"}}
	replied := desk.Event{Kind: desk.Replied, Actor: desk.ByPerson(7)}
	resolved := desk.Event{Kind: desk.ResolvedEvent, Actor: desk.ByAgent("luis")}
	for _, c := range []struct {
		name   string
		agents func([]desk.Agent)
		notify map[string][]desk.Role
		ticket desk.Ticket
		event  desk.Event
		want   string
	}{
		{name: "a new ticket", ticket: ticket, event: opened, want: "acuse carla, ticket-nuevo luis, ticket-nuevo ana"},
		{name: "to the accountable and the admin too", notify: map[string][]desk.Role{"ticket-nuevo": {desk.RoleQueue, desk.RoleResponsible, desk.RoleAdmin}}, ticket: ticket, event: opened,
			want: "acuse carla, ticket-nuevo luis, ticket-nuevo ana, ticket-nuevo eva, ticket-nuevo admin"},
		{name: "to the accountable alone", notify: map[string][]desk.Role{"ticket-nuevo": {desk.RoleResponsible}}, ticket: ticket, event: opened, want: "acuse carla, ticket-nuevo eva"},
		{name: "to nobody", notify: map[string][]desk.Role{"ticket-nuevo": {}}, ticket: ticket, event: opened, want: "acuse carla"},
		{name: "an answer", ticket: taken, event: replied, want: "respuesta-solicitante luis"},
		{name: "an answer to the whole queue", notify: map[string][]desk.Role{"respuesta-solicitante": {desk.RoleQueue}}, ticket: taken, event: replied, want: "respuesta-solicitante luis, respuesta-solicitante ana"},
		{name: "observers learn of the solution", notify: map[string][]desk.Role{"resuelto": {desk.RoleRequester, desk.RoleObservers}}, ticket: taken, event: resolved, want: "resuelto carla, resuelto diego"},
		{name: "his deputy while he is away", agents: func(a []desk.Agent) { a[0].Away, a[0].Deputy = away, "eva" }, ticket: taken, event: replied, want: "respuesta-solicitante eva"},
		{name: "nobody stands in", agents: func(a []desk.Agent) { a[0].Away = away }, ticket: taken, event: replied, want: "respuesta-solicitante luis"},
		{name: "the deputy is away too", agents: func(a []desk.Agent) {
			a[0].Away, a[0].Deputy = away, "eva"
			a[2].Away, a[2].Deputy = away, "ana"
		}, ticket: taken, event: replied, want: "respuesta-solicitante ana"},
		{name: "deputies in a ring", agents: func(a []desk.Agent) {
			a[0].Away, a[0].Deputy = away, "eva"
			a[2].Away, a[2].Deputy = away, "luis"
		}, ticket: taken, event: replied, want: "respuesta-solicitante luis"},
		{name: "back again", agents: func(a []desk.Agent) {
			a[0].Away, a[0].Deputy = []desk.Absence{{From: at.AddDate(0, 0, -3), Until: at}}, "eva"
		}, ticket: taken, event: replied, want: "respuesta-solicitante luis"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := World{Desk: &desk.World{Language: "es", AdminAddress: "admin@mesa.example", Agents: agents(c.agents), Notify: c.notify,
				Queues: []desk.Queue{{Name: "soporte", Agents: []string{"luis", "ana"}}}},
				People: map[desk.PersonID]desk.Person{7: {ID: 7, Address: "carla@x.example"}, 8: {ID: 8, Address: "diego@x.example"}}}
			c.event.Ticket, c.event.Seq, c.event.At = 3, 1, at
			var got []string
			for _, n := range Notices(w, desk.Tickets{3: c.ticket}, []desk.Event{c.event}) {
				name, _, _ := strings.Cut(n.To.Address, "@")
				got = append(got, n.Template+" "+name)
			}
			if !slices.Equal(got, strings.Split(c.want, ", ")) {
				t.Errorf("%s, not %s", strings.Join(got, ", "), c.want)
			}
		})
	}
}
