package desk

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)

func opened(t *testing.T) Tickets {
	t.Helper()
	o := &Opening{Number: "000001", Subject: "Acceso", Queue: "soporte", Priority: 3, Language: "es", Requester: 7}
	ts, _, err := Apply(nil, t0, Command{Ticket: 1, Kind: CmdOpen, Actor: ByPerson(7), Opening: o, Ack: AckFull, Article: true})
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// TestLife plays scripts of commands; each line says what must follow.
func TestLife(t *testing.T) {
	luis, ana := ByAgent("luis"), ByPerson(7)
	cmd := func(k CommandKind, a Actor) Command { return Command{Ticket: 1, Kind: k, Actor: a, Article: true} }
	set := func(f Field, value string) Command {
		return Command{Ticket: 1, Kind: CmdSet, Actor: luis, Field: f, Value: value}
	}
	tag := func(k CommandKind, value string) Command {
		return Command{Ticket: 1, Kind: k, Actor: luis, Value: value}
	}
	for _, c := range []struct {
		name   string
		cmds   []Command
		events string // kinds
		state  State
		check  func(Ticket) bool
		reason string // of the refusal
	}{
		{name: "assign opens", cmds: []Command{{Ticket: 1, Kind: CmdAssign, Actor: luis, Value: "luis"}}, events: "assigned", state: Open,
			check: func(t Ticket) bool { return t.Assignee == "luis" }},
		{name: "assign twice is once", cmds: []Command{{Ticket: 1, Kind: CmdAssign, Actor: luis, Value: "luis"}, {Ticket: 1, Kind: CmdAssign, Actor: luis, Value: "luis"}}, events: "assigned", state: Open},
		{name: "who answers first has taken it", cmds: []Command{cmd(CmdAnswer, luis)}, events: "assigned answered", state: Open,
			check: func(t Ticket) bool { return t.Assignee == "luis" && t.Articles == 2 }},
		{name: "second answer takes nothing", cmds: []Command{cmd(CmdAnswer, luis), cmd(CmdAnswer, ByAgent("eva"))}, events: "assigned answered answered", state: Open,
			check: func(t Ticket) bool { return t.Assignee == "luis" && t.Articles == 3 }},
		{name: "resolve and approve", cmds: []Command{cmd(CmdResolve, luis), cmd(CmdApprove, ana)}, events: "resolved approved", state: Closed,
			check: func(t Ticket) bool { return t.Decision == "approved" && t.Resolution == 1 && !t.ClosedAt.IsZero() }},
		{name: "reject reopens", cmds: []Command{cmd(CmdResolve, luis), cmd(CmdReject, ana)}, events: "resolved rejected", state: Open,
			check: func(t Ticket) bool { return t.Decision == "rejected" && t.ResolvedAt.IsZero() }},
		{name: "a reply to a resolved ticket reopens", cmds: []Command{cmd(CmdResolve, luis), cmd(CmdReply, ana)}, events: "resolved replied", state: Open},
		{name: "thanks change nothing", cmds: []Command{cmd(CmdResolve, luis), {Ticket: 1, Kind: CmdReply, Actor: ana, Value: KeepState}}, events: "resolved replied", state: Resolved},
		{name: "decide once", cmds: []Command{cmd(CmdResolve, luis), cmd(CmdApprove, ana), cmd(CmdReject, ana)}, reason: "already-decided"},
		{name: "decide what is not resolved", cmds: []Command{cmd(CmdApprove, ana)}, reason: "not-resolved"},
		{name: "old link", cmds: []Command{cmd(CmdResolve, luis), cmd(CmdReply, ana), cmd(CmdResolve, luis), {Ticket: 1, Kind: CmdApprove, Actor: ana, Revision: 1}}, reason: "old-resolution"},
		{name: "new link", cmds: []Command{cmd(CmdResolve, luis), cmd(CmdReply, ana), cmd(CmdResolve, luis), {Ticket: 1, Kind: CmdApprove, Actor: ana, Revision: 2}}, events: "resolved replied resolved approved", state: Closed},
		{name: "close twice is once", cmds: []Command{cmd(CmdClose, luis), cmd(CmdClose, luis)}, events: "closed", state: Closed},
		{name: "reopen what is open", cmds: []Command{cmd(CmdReopen, luis)}, reason: "not-closed"},
		{name: "move releases", cmds: []Command{{Ticket: 1, Kind: CmdAssign, Actor: luis, Value: "luis"}, {Ticket: 1, Kind: CmdQueue, Actor: luis, Value: "redes"}}, events: "assigned queue-changed", state: Open,
			check: func(t Ticket) bool { return t.Assignee == "" && t.Queue == "redes" }},
		{name: "priority out of range", cmds: []Command{{Ticket: 1, Kind: CmdPriority, Actor: luis, Number: 6}}, reason: "priority-range"},
		{name: "fields", cmds: []Command{set(FieldCategory, "redes"), set(FieldUrgency, "2"), set(OwnField("cedula"), " 123 "), set(OwnField("cedula"), "123")}, events: "field-changed field-changed field-changed", state: New,
			check: func(t Ticket) bool { return t.Category == "redes" && t.Urgency == 2 && t.Fields["cedula"] == "123" }},
		{name: "a field is emptied", cmds: []Command{set(OwnField("cedula"), "1"), set(OwnField("cedula"), "")}, events: "field-changed field-changed", state: New,
			check: func(t Ticket) bool { return len(t.Fields) == 0 }},
		{name: "no such field", cmds: []Command{set("color", "azul")}, reason: "unknown-field"},
		{name: "a subject is not emptied", cmds: []Command{set(FieldSubject, "  ")}, reason: "subject-missing"},
		{name: "urgency out of range", cmds: []Command{set(FieldUrgency, "0")}, reason: "priority-range"},
		{name: "no such level", cmds: []Command{set(FieldLevel, "3")}, reason: "unknown-level"},
		{name: "tags", cmds: []Command{tag(CmdTag, "VPN"), tag(CmdTag, "vpn"), tag(CmdTag, "red"), tag(CmdUntag, "vpn"), tag(CmdUntag, "x")}, events: "tagged tagged untagged", state: New,
			check: func(t Ticket) bool { return len(t.Tags) == 1 && t.Tags[0] == "red" }},
		{name: "an empty tag", cmds: []Command{tag(CmdTag, " ")}, reason: "tag-missing"},
		{name: "wait", cmds: []Command{{Ticket: 1, Kind: CmdWait, Actor: luis, Value: "requester", Until: t0}, {Ticket: 1, Kind: CmdWait, Actor: luis, Value: "requester", Until: t0}}, events: "waiting", state: Pending,
			check: func(t Ticket) bool { return t.Waiting == ForRequester && t.WaitUntil.Equal(t0) }},
		{name: "a reply ends the waiting", cmds: []Command{{Ticket: 1, Kind: CmdWait, Actor: luis, Value: "provider", Until: t0}, cmd(CmdReply, ana)}, events: "waiting replied", state: Open,
			check: func(t Ticket) bool { return t.Waiting == "" && t.WaitUntil.IsZero() }},
		{name: "wait for nobody", cmds: []Command{{Ticket: 1, Kind: CmdWait, Actor: luis, Value: "godot"}}, reason: "unknown-waiting"},
		{name: "wait when closed", cmds: []Command{cmd(CmdClose, luis), {Ticket: 1, Kind: CmdWait, Actor: luis, Value: "desk"}}, reason: "already-closed"},
		{name: "cancel", cmds: []Command{{Ticket: 1, Kind: CmdCancel, Actor: luis, Text: "duplicado"}, {Ticket: 1, Kind: CmdNote, Actor: luis}}, events: "cancelled noted", state: Cancelled},
		{name: "nothing after cancelling", cmds: []Command{{Ticket: 1, Kind: CmdCancel, Actor: luis}, cmd(CmdReopen, luis)}, reason: "cancelled"},
		{name: "hold and accept", cmds: []Command{cmd(CmdHold, ByPerson(9)), {Ticket: 1, Kind: CmdAccept, Actor: luis, Number: 2}}, events: "held accepted", state: New,
			check: func(t Ticket) bool { return t.Held == 0 && t.Articles == 2 }},
		{name: "accept nothing", cmds: []Command{{Ticket: 1, Kind: CmdAccept, Actor: luis, Number: 2}}, reason: "nothing-held"},
		{name: "unknown ticket", cmds: []Command{{Ticket: 2, Kind: CmdNote, Actor: luis}}, reason: "unknown"},
		{name: "all or nothing", cmds: []Command{cmd(CmdAnswer, luis), cmd(CmdReopen, luis)}, reason: "not-closed"},
		{name: "joining once", cmds: []Command{{Ticket: 1, Kind: CmdJoin, Actor: luis, Person: 8}, {Ticket: 1, Kind: CmdJoin, Actor: luis, Person: 8}, {Ticket: 1, Kind: CmdJoin, Actor: luis, Person: 7}}, events: "joined", state: New},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := opened(t)
			after, evs, err := Apply(before, t0.Add(time.Hour), c.cmds...)
			if !cmp.Equal(before, opened(t)) {
				t.Error("Apply changed its argument")
			}
			var refused *Refusal
			if c.reason != "" {
				if !errors.As(err, &refused) || refused.Reason != c.reason || !errors.Is(err, ErrRefused) || after != nil || evs != nil {
					t.Fatalf("got %v, %v, %v; want refusal %q", after, evs, err, c.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, e := range evs {
				kinds = append(kinds, string(e.Kind))
			}
			if got := strings.Join(kinds, " "); got != c.events || after[1].State != c.state {
				t.Errorf("events %q, state %s; want %q, %s", got, after[1].State, c.events, c.state)
			}
			if c.check != nil && !c.check(after[1]) {
				t.Errorf("ticket %+v", after[1])
			}
		})
	}
}

// TestSum applies random commands: a ticket is always the sum of its events, and
// its events are numbered without a gap.
func TestSum(t *testing.T) {
	kinds := []CommandKind{CmdAnswer, CmdReply, CmdNote, CmdHold, CmdAccept, CmdSetAside, CmdAutoReply, CmdAssign, CmdQueue, CmdPriority,
		CmdType, CmdResolve, CmdClose, CmdReopen, CmdApprove, CmdReject, CmdJoin, CmdDelivery, CmdSet, CmdTag, CmdUntag, CmdWait, CmdCancel}
	rapid.Check(t, func(r *rapid.T) {
		ts, history, err := Apply(nil, t0, Command{Ticket: 1, Kind: CmdOpen, Actor: ByPerson(1), Opening: &Opening{Number: "1", Queue: "q", Requester: 1}, Article: true})
		if err != nil {
			r.Fatal(err)
		}
		for i := range rapid.IntRange(1, 30).Draw(r, "n") {
			c := Command{Ticket: 1, Kind: rapid.SampledFrom(kinds).Draw(r, "kind"), Field: rapid.SampledFrom([]Field{FieldCategory, FieldUrgency, OwnField("x")}).Draw(r, "field"), Actor: rapid.SampledFrom([]Actor{ByAgent("a"), ByPerson(1), System}).Draw(r, "actor"),
				Value: rapid.SampledFrom([]string{"", "a", "b", "3", string(ForProvider), KeepState}).Draw(r, "value"), Number: rapid.IntRange(0, 6).Draw(r, "number"),
				Person: PersonID(rapid.IntRange(1, 60).Draw(r, "person")), Article: true, Text: strings.Repeat("ñ", rapid.IntRange(0, 3000).Draw(r, "text"))}
			after, evs, err := Apply(ts, t0.Add(time.Duration(i)*time.Minute), c)
			if errors.Is(err, ErrRefused) {
				continue
			} else if err != nil {
				r.Fatal(err)
			}
			ts, history = after, append(history, evs...)
		}
		var sum Ticket
		for i, e := range history {
			if e.Seq != i+1 || len(e.Text) > MaxReason {
				r.Fatalf("event %d: %+v", i, e)
			}
			sum = Evolve(sum, e)
		}
		if diff := cmp.Diff(ts[1], sum); diff != "" || sum.Held < 0 {
			r.Fatal(diff)
		}
	})
}

func TestActor(t *testing.T) {
	if a := ByPerson(12); a != "person/12" || a.Person() != 12 || a.Agent() != "" {
		t.Error(a)
	}
	if a := ByAgent("luis"); a != "agent/luis" || a.Person() != 0 || a.Agent() != "luis" {
		t.Error(a)
	}
}

func TestWorld(t *testing.T) {
	w := World{Queues: []Queue{{Name: "soporte", Address: "soporte@x.example", Further: []string{"ayuda@x.example"}}},
		Agents: []Agent{{Name: "luis", Title: "Luis", Address: "luis@x.example", Further: []string{"l@casa.example"}}}, OwnDomains: []string{"x.example"}}
	for address, want := range map[string]bool{"Soporte@X.example": true, "ayuda@x.example": true, "otra@x.example": false} {
		if _, ok := w.QueueAt(address); ok != want {
			t.Error(address, ok)
		}
	}
	for address, want := range map[string]bool{"LUIS@x.example": true, "l@casa.example": true, "Luis": false, "ıuis@x.example": false} {
		if _, ok := w.AgentAt(address); ok != want {
			t.Error(address, ok)
		}
	}
	if !w.Own("X.EXAMPLE") || w.Own("y.x.example") {
		t.Error("own domains")
	}
}

func ExampleCommand() {
	ts, _, _ := Apply(nil, t0, Command{Ticket: 1, Kind: CmdOpen, Actor: ByPerson(7), Opening: &Opening{Number: "000001", Queue: "soporte", Requester: 7}})
	ts, events, _ := Apply(ts, t0, Command{Ticket: 1, Kind: CmdResolve, Actor: ByAgent("luis")}, Command{Ticket: 1, Kind: CmdApprove, Actor: ByPerson(7)})
	fmt.Println(ts[1].State, events[0].Kind, events[1].Kind)
	// Output: closed resolved approved
}
