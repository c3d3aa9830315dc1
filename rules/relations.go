package rules

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// Mentions returns the numbers of other tickets that an agent's commands name, and
// whether they ask for what was done before.
func Mentions(text string) (numbers []string, undo bool) {
	block, _ := commandBlock(text)
	for _, l := range block {
		switch v, _ := findVerb(l.word); v.name {
		case "unir", "vincular":
			for _, w := range strings.Fields(l.argument) {
				if n := ticketNumber(w); n != "" {
					numbers = append(numbers, n)
				}
			}
		case "deshacer":
			undo = true
		}
	}
	return numbers[:min(len(numbers), desk.MaxLinks)], undo
}

// ticketNumber reads a ticket's number as people write it: 003181, #003181, [#003181].
func ticketNumber(word string) string {
	n := strings.Trim(word, "-–—+#[]().,;: ")
	if n == "" || !strings.ContainsAny(n, "0123456789") {
		return ""
	}
	return n
}

// other returns the ticket whose number a word is.
func (r *reading) other(word string) (desk.Ticket, bool) {
	id, ok := r.Numbers[ticketNumber(word)]
	if !ok {
		return desk.Ticket{}, false
	}
	t, ok := r.Tickets[id]
	return t, ok
}

// address reads a mail address, alone or in angle brackets.
func address(s string) (string, bool) {
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		s = strings.TrimSuffix(s[i+1:], ">")
	}
	s = strings.Trim(strings.TrimPrefix(strings.TrimSpace(s), "mailto:"), " ,;<>()")
	local, domain, ok := strings.Cut(s, "@")
	return s, ok && local != "" && strings.Contains(strings.Trim(domain, "."), ".") && !strings.ContainsAny(s, " \t\"\\,;:<>()[]") && strings.Count(s, "@") == 1
}

// forwardedFrom finds who wrote a message that was forwarded, in its header as mail
// programs write it into the text.
var forwardedFrom = regexp.MustCompile(`(?mi)^[ \t>*]*(?:De|From|Von)\*?:\*?[ \t]*.*?([^\s<>"':;,()\[\]]+@[^\s<>"':;,()\[\]]+)`)

// person reads the address of somebody who is no agent. Without one it is that of
// a message which was forwarded.
func (r *reading) person() (string, Problem) {
	text := r.argument
	if text == "" {
		if m := forwardedFrom.FindStringSubmatch(r.Message.Text); m != nil {
			text = m[1]
		}
	}
	if text == "" {
		return "", Problem{Reason: "unknown-person"}
	}
	a, ok := address(text)
	if !ok {
		return "", Problem{Reason: "address-wrong"}
	}
	if _, is := r.world.AgentAt(a); is {
		return "", Problem{Reason: "is-agent"}
	}
	return a, Problem{}
}

// readRequester reads whose ticket it is.
func readRequester(r *reading) ([]desk.Command, Problem) {
	a, p := r.person()
	if p.Reason != "" {
		return nil, p
	}
	return one(desk.Command{Kind: desk.CmdRequester, Address: a})
}

// readWrite reads to whom an agent writes first.
func readWrite(r *reading) ([]desk.Command, Problem) {
	if r.ticket.ID != 0 && !r.ThisOne {
		return wrong("only-new", "")
	}
	return readRequester(r)
}

// readObservers reads who else is to hear of answers: +a and a take part, -a no more.
func readObservers(r *reading) (cmds []desk.Command, p Problem) {
	for _, w := range strings.FieldsFunc(r.argument, func(c rune) bool { return c == ' ' || c == ',' || c == ';' }) {
		kind := desk.CmdJoin
		if strings.ContainsRune("-–—", []rune(w)[0]) {
			kind = desk.CmdLeave
		}
		a, ok := address(strings.TrimLeft(w, "+-–—"))
		if !ok {
			return wrong("address-wrong", "")
		}
		if _, is := r.world.AgentAt(a); is {
			return wrong("is-agent", "")
		}
		cmds = append(cmds, desk.Command{Kind: kind, Address: a})
	}
	if len(cmds) == 0 {
		return wrong("unknown-person", "")
	}
	return cmds, Problem{}
}

// relations are what another ticket can be to one, and how it is written.
var relations = []listed{{desk.Parent, "parent"}, {desk.Child, "child"}, {desk.Related, "related"}, {desk.Parent, "padre"}, {desk.Parent, "madre"}, {desk.Parent, "pai"}, {desk.Child, "hija"}, {desk.Child, "hijo"}, {desk.Child, "filha"},
	{desk.Related, "relacionada"}}

// readLink ties the ticket to others: padre 12, hija 13, 14, or -14 to untie them.
func readLink(r *reading) (cmds []desk.Command, p Problem) {
	if r.ticket.ID == 0 {
		return wrong("no-ticket", "")
	}
	how := desk.Related
	for _, w := range strings.FieldsFunc(r.argument, func(c rune) bool { return c == ' ' || c == ',' || c == ';' }) {
		if ticketNumber(w) == "" {
			said, p := pick(w, "unknown-ticket", relations)
			if p.Reason != "" {
				return wrong(p.Reason, nearest(mail.Fold(w), []string{"padre", "hija", "relacionada"}))
			}
			how = said
			continue
		}
		other, ok := r.other(w)
		if !ok {
			return wrong("unknown-ticket", "")
		}
		if other.ID == r.ticket.ID {
			return wrong("same-ticket", "")
		}
		kind := desk.CmdLink
		if strings.ContainsRune("-–—", []rune(w)[0]) {
			kind = desk.CmdUnlink
		}
		cmds = append(cmds, desk.Command{Kind: kind, Other: other.ID, Value: other.Number, Text: how},
			desk.Command{Ticket: other.ID, Kind: kind, Other: r.ticket.ID, Value: r.ticket.Number, Text: desk.Converse(how)})
	}
	if len(cmds) == 0 {
		return wrong("argument-missing", "")
	}
	return cmds, Problem{}
}

// readMerge merges the ticket into another, with those who take part in it.
func readMerge(r *reading) ([]desk.Command, Problem) {
	word, reason, _ := strings.Cut(r.argument, " ")
	into, ok := r.other(word)
	switch {
	case r.ticket.ID == 0:
		return wrong("no-ticket", "")
	case r.argument == "":
		return wrong("argument-missing", "")
	case !ok:
		return wrong("unknown-ticket", "")
	case into.ID == r.ticket.ID:
		return wrong("same-ticket", "")
	case into.State == desk.Cancelled:
		return wrong("cancelled", "")
	}
	cmds := []desk.Command{{Ticket: into.ID, Kind: desk.CmdAbsorb, Other: r.ticket.ID, Value: r.ticket.Number}}
	for _, id := range append([]desk.PersonID{r.ticket.Requester}, r.ticket.Others...) {
		if id != into.Requester && id != 0 {
			cmds = append(cmds, desk.Command{Ticket: into.ID, Kind: desk.CmdJoin, Person: id})
		}
	}
	return append(cmds, desk.Command{Kind: desk.CmdMerge, Other: into.ID, Value: into.Number, Text: strings.TrimSpace(reason)}), Problem{}
}

// readSplit opens a ticket with some of the messages of this one.
func readSplit(r *reading) ([]desk.Command, Problem) {
	t := r.ticket
	if t.ID == 0 {
		return wrong("no-ticket", "")
	}
	o := desk.Opening{Subject: t.Subject, Type: t.Type, Queue: t.Queue, Priority: t.Priority, Language: t.Language, Requester: t.Requester, Linked: t.ID,
		Details: desk.Details{Category: t.Category, Service: t.Service, Client: t.Client}}
	cmds := []desk.Command{{Kind: desk.CmdOpen, Opening: &o}}
	var taken []int
	for _, w := range strings.FieldsFunc(r.argument, func(c rune) bool { return c == ' ' || c == ',' || c == ';' || c == 'y' }) {
		n, err := strconv.Atoi(strings.TrimPrefix(w, "#"))
		if err != nil || n < 1 || n > t.Articles {
			return wrong("unknown-article", "")
		}
		if slices.Contains(taken, n) {
			continue
		}
		taken = append(taken, n)
		cmds = append(cmds, desk.Command{Kind: desk.CmdTakeOver, Other: t.ID, Number: n, Article: true},
			desk.Command{Kind: desk.CmdGiveAway, Number: n})
	}
	if len(taken) == 0 {
		return wrong("argument-missing", "")
	}
	if len(taken) >= t.Articles {
		return wrong("whole-ticket", "")
	}
	return cmds, Problem{}
}

// readAnswered counts the ticket as answered, in another way than by mail.
func readAnswered(r *reading) ([]desk.Command, Problem) {
	if r.argument == "" {
		return wrong("reason-missing", "")
	}
	return one(desk.Command{Kind: desk.CmdAnswer, Text: r.argument, Quiet: true})
}

// spent reads how long something took: 30m, 1h30, 1:30, 2 horas, 1,5h, 90 min.
var spent = regexp.MustCompile(`^(?:(\d{1,2})(?:[,.](\d))? ?(?:h|hs|hora|horas|hour|hours)(?: ?y? ?(\d{1,2}) ?(?:m|min|minutos)?)?|(\d{1,2}):(\d{2})|(\d{1,4}) ?(?:m|min|mins|minuto|minutos|minutes))(?:[ ,.;:]+(.*))?$`)

func readTime(r *reading) ([]desk.Command, Problem) {
	m := spent.FindStringSubmatch(strings.TrimSpace(r.argument))
	if m == nil {
		return wrong("minutes-range", "")
	}
	n := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
	minutes := n(1)*60 + n(2)*6 + n(3) + n(4)*60 + n(5) + n(6)
	if minutes < 1 || minutes > desk.MaxMinutes {
		return wrong("minutes-range", "")
	}
	return one(desk.Command{Kind: desk.CmdTime, Number: minutes, Text: m[7]})
}

// stateVerbs are the states that can be asked for by name, and the verbs for them.
var stateVerbs = []listed{{"reabrir", "en curso"}, {"reabrir", "abierto"}, {"reabrir", "open"}, {"resolver", "resuelto"}, {"resolver", "resolved"},
	{"cerrar", "cerrado"}, {"cerrar", "closed"}, {"cerrar", "fechado"}, {"resolver", "resolvido"}, {"reabrir", "em curso"}, {"reabrir", "em andamento"},
	{"espera", "em espera"}, {"espera", "en espera"}, {"espera", "pendiente"}, {"espera", "pending"}}

// readState reads a state by name. What is under way already stays so.
func readState(r *reading) ([]desk.Command, Problem) {
	name, p := pick(r.argument, "unknown-state", stateVerbs)
	switch {
	case r.argument == "":
		return readShow(r)
	case p.Reason != "":
		p.Near = nearest(mail.Fold(r.argument), []string{"en curso", "en espera", "resuelto", "cerrado"})
		return nil, p
	case name == "espera":
		return one(desk.Command{Kind: desk.CmdWait, Value: string(desk.ForRequester)})
	case name == "resolver":
		return one(desk.Command{Kind: desk.CmdResolve})
	case name == "cerrar":
		return one(desk.Command{Kind: desk.CmdClose})
	case r.ticket.State == desk.Open:
		return nil, Problem{}
	case r.ticket.State == desk.New:
		return readTake(r)
	}
	return one(desk.Command{Kind: desk.CmdReopen})
}

// readUndo takes back what the agent did to the ticket last.
func readUndo(r *reading) ([]desk.Command, Problem) {
	cmds, reason := Undo(r.Events, r.ticket.ID, desk.ByAgent(r.by.Name), r.now, 0)
	if reason != "" {
		return wrong(reason, "")
	}
	return cmds, Problem{}
}

// Undo returns the commands that take back what an agent did to a ticket last, or the
// reason why they cannot. events are all of the ticket and of those that it was merged
// with. upto is the revision after what is meant, 0 for whatever was last.
func Undo(events map[desk.TicketID][]desk.Event, id desk.TicketID, by desk.Actor, now time.Time, upto int) (cmds []desk.Command, reason string) {
	before, did, reason := desk.LastDeed(events[id], by, now)
	switch {
	case reason != "":
		return nil, reason
	case upto > 0 && did[len(did)-1].Seq > upto:
		return nil, "changed-since"
	}
	cmds = []desk.Command{{Ticket: id, Kind: desk.CmdUndo, Before: &before, Actor: by}}
	var relinks []desk.Command
	for _, e := range did {
		switch e.Kind {
		case desk.LinkedEvent, desk.Unlinked:
			back := relinked(e, before)
			back.Actor = by
			relinks = append(relinks, back)
		case desk.Absorbed:
			source, _, reason := desk.LastDeed(events[e.Other], by, now)
			if reason != "" {
				return nil, reason
			}
			cmds = append(cmds, desk.Command{Ticket: e.Other, Kind: desk.CmdUndo, Before: &source, Actor: by})
		}
	}
	return append(cmds, relinks...), ""
}

// byUndoAddress takes back what an agent's commands did, by an address that their
// transcript has: whoever bears it may.
func (d *decider) byUndoAddress(by Addressed) {
	t, ok := d.Tickets[by.Token.Ticket]
	a, is := d.World.Agent(by.Agent)
	if !ok || !is || d.Message.Class != mail.ClassHuman && d.Message.Class != mail.ClassList {
		d.settle(ToFiled, "nada que deshacer")
		return
	}
	cmds, reason := Undo(d.Events, t.ID, desk.ByAgent(a.Name), d.Now, by.Token.Revision)
	if reason != "" {
		d.settle(ToCommand, "ya no se puede deshacer")
		d.wrong(a, t, []Problem{{Line: "#deshacer", Reason: reason}})
		return
	}
	d.Commands = cmds
	d.settle(ToCommand, "órdenes del agente "+a.Name+", deshechas")
	d.transcript(a, t, nil, []Done{{"#deshacer", slices.Clone(cmds)}})
}

// relinked makes the other side of a link what it was before.
func relinked(e desk.Event, before desk.Ticket) desk.Command {
	for _, l := range before.Links {
		if l.Ticket == e.Other {
			return desk.Command{Ticket: e.Other, Kind: desk.CmdLink, Other: before.ID, Value: before.Number, Text: desk.Converse(l.How)}
		}
	}
	return desk.Command{Ticket: e.Other, Kind: desk.CmdUnlink, Other: before.ID}
}

// readCanned checks that the ready answers exist. They are put in by [decider.canned].
func readCanned(r *reading) ([]desk.Command, Problem) {
	names := strings.FieldsFunc(r.argument, func(c rune) bool { return c == ' ' || c == ',' || c == ';' })
	if len(names) == 0 {
		return wrong("argument-missing", "")
	}
	for _, name := range names {
		if _, p := pick(name, "unknown-answer", cannedNames(r.world)); p.Reason != "" {
			return nil, p
		}
	}
	return nil, Problem{}
}

func cannedNames(w *desk.World) []listed {
	return listOf(w.Answers, func(c desk.Canned) listed { return listed{c.Name, c.Name} })
}

// canned returns the ready answers that the lines name, filled in: as plain text and
// as Markdown, in which what strangers have chosen is only text.
func (d *decider) canned(block []line, a desk.Agent, t desk.Ticket) (text, markdown string) {
	var texts, markdowns []string
	for _, l := range block {
		if v, _ := findVerb(l.word); v.name != "plantilla" {
			continue
		}
		for _, word := range strings.FieldsFunc(l.argument, func(c rune) bool { return c == ' ' || c == ',' || c == ';' }) {
			name, _ := pick(word, "", cannedNames(d.World))
			for _, c := range d.World.Answers {
				if c.Name == name {
					texts = append(texts, d.filled(c.Text, a, t, func(s string) string { return s }))
					markdowns = append(markdowns, d.filled(c.Text, a, t, mail.EscapeMarkdown))
				}
			}
		}
	}
	return strings.Join(texts, "\n\n"), strings.Join(markdowns, "\n\n")
}

// ready is the answer, in Markdown, that a rule puts into an acknowledgement, which says nothing
// to who proves nothing. The number is not known yet: who gives it fills it in.
func (d *decider) ready(name string, o desk.Opening, ack desk.Ack) string {
	if ack != desk.AckFull && ack != desk.AckForm {
		return ""
	}
	for _, c := range d.World.Answers {
		if c.Name != name {
			continue
		}
		q, _ := d.World.Queue(o.Queue)
		a, _ := d.World.Agent(o.Assignee)
		return strings.NewReplacer("{asunto}", mail.EscapeMarkdown(o.Subject), "{nombre}", mail.EscapeMarkdown(d.from().Name), "{agente}", or(a.Title, q.Title), "{cola}", q.Title).Replace(c.Text)
	}
	return ""
}

// CannedWords are what ready answers can have in braces.
var CannedWords = []string{"número", "asunto", "nombre", "agente", "cola"}

func (d *decider) filled(text string, a desk.Agent, t desk.Ticket, escape func(string) string) string {
	q, _ := d.World.Queue(t.Queue)
	values := []string{"#" + t.Number, t.Subject, d.People[t.Requester].Name, a.Title, q.Title}
	var pairs []string
	for i, w := range CannedWords {
		pairs = append(pairs, "{"+w+"}", escape(values[i]))
	}
	return strings.TrimSpace(strings.NewReplacer(pairs...).Replace(text))
}
