package mailout

import (
	"slices"
	"strconv"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// World is what has to be known to say who is told of what.
type World struct {
	Desk     *desk.World
	People   map[desk.PersonID]desk.Person
	Contents map[ContentKey]Content // the mails that came in as articles
}

// ContentKey names an article.
type ContentKey struct {
	Ticket  desk.TicketID
	Article int
}

// Content is a mail that came in as an article, as far as others may see it.
type Content struct {
	Message  *mail.Message
	Text     string // the sender's own text, without commands
	Markdown string // the same with its formatting; "" if it has none
	Mail     string // where the raw mail lies, as the intake log names it
	Raw      []byte // the raw mail
}

// Addressee is somebody to whom a mail goes.
type Addressee struct {
	Name, Address, Language string
	Agent                   bool
}

// Notice says that somebody is to be told of an event.
type Notice struct {
	Event    desk.Event
	Ticket   desk.Ticket // as it is after the event
	Template string
	Words    string // the admin's own template that stands in for it; "" for none
	To       Addressee
	Content  *Content // of the event's article, or nil
	Lines    []string
}

// Notices returns who is to be told of events, and by which template, in the
// order of the events. Nobody is told what they did themselves, but for the
// acknowledgement.
func Notices(w World, ts desk.Tickets, evs []desk.Event) []Notice {
	n := noticer{World: w}
	for i, e := range evs {
		n.ticket, n.event, n.rest = ts[e.Ticket], e, evs[i+1:]
		n.batch = evs
		n.content = nil
		if c, ok := w.Contents[ContentKey{e.Ticket, e.Article}]; ok {
			n.content = &c
		}
		if !e.Quiet {
			before := len(n.out)
			n.tell()
			n.further(n.out[before:])
		}
	}
	return n.out
}

// wanted says whether the desk's files let a mail go to a role. What they do not
// speak of goes as it always does.
func (n *noticer) wanted(template string, role desk.Role) bool {
	roles, said := n.Desk.Notify[template]
	return !said || slices.Contains(roles, role)
}

// further sends mails of this event also to those whom the desk's files name and who
// would not get them otherwise. Where the files have taken away all that would get a
// mail, there is none to send.
func (n *noticer) further(sent []Notice) {
	var told []string
	for _, s := range append(slices.Clone(sent), n.kept...) {
		if !slices.Contains(told, s.Template) {
			told = append(told, s.Template)
		}
	}
	n.kept = nil
	for _, template := range told {
		roles := n.Desk.Notify[template]
		for _, role := range roles {
			n.toRole(role, template)
		}
	}
}

// toRole sends a mail to all who are that to the ticket; who has it already does not
// get it twice.
func (n *noticer) toRole(role desk.Role, template string) {
	switch role {
	case desk.RoleRequester:
		if template != "cerrado" || !n.asks() {
			n.person(n.ticket.Requester, template)
		}
	case desk.RoleObservers:
		for _, id := range n.ticket.Others {
			n.person(id, template)
		}
	case desk.RoleAssignee:
		n.agent(n.ticket.Assignee, template, role)
	case desk.RoleResponsible:
		n.agent(n.ticket.Responsible, template, role)
	case desk.RoleQueue:
		if q, ok := n.Desk.Queue(n.ticket.Queue); ok {
			for _, name := range q.Agents {
				n.agent(name, template, role)
			}
		}
	case desk.RoleAdmin:
		if n.Desk.AdminAddress != "" {
			n.add(template, Addressee{Address: n.Desk.AdminAddress, Language: n.Desk.Language, Agent: true})
		}
	}
}

type noticer struct {
	World
	ticket  desk.Ticket
	event   desk.Event
	rest    []desk.Event // the events after it
	batch   []desk.Event
	content *Content
	out     []Notice
	kept    []Notice // of this event, that the desk's files keep from those who would get them
}

// tell says who is told of what was said and of how the ticket stands.
func (n *noticer) tell() {
	switch n.event.Kind {
	case desk.Opened:
		n.acknowledge()
		n.workers("ticket-nuevo", n.event.Opened.Told...)
	case desk.Asked:
		n.requester("datos")
	case desk.Answered:
		n.audience("respuesta")
	case desk.Replied, desk.Accepted:
		if n.event.HeldAck != nil {
			n.acknowledge()
			return
		}
		n.replied()
		n.refused()
	case desk.Noted:
		n.assignee("nota")
	case desk.Held:
		if n.ticket.Held == 1 { // one notice, however many wait
			n.workers("retenido")
		}
	case desk.Assigned:
		n.assignee("asignado")
		n.change("estado")
	case desk.QueueChanged:
		if c, ok := n.Contents[ContentKey{n.event.Ticket, 1}]; ok { // those who get it have not read it
			n.content = &c
		}
		n.workers("ticket-nuevo")
		n.content = nil
		n.change("estado")
	case desk.Reopened:
		n.workers("reabierto")
		n.change("estado")
	case desk.WaitingSet, desk.CancelledEvent:
		n.change("estado")
	case desk.MergedEvent:
		n.audience("estado")
	case desk.Undone:
		if n.event.Old != n.event.New {
			n.change("estado")
		}
	case desk.RequesterSet:
		n.requester("acuse")
	case desk.ResolvedEvent:
		n.content = n.answerBefore()
		n.audience("resuelto")
	case desk.ClosedEvent:
		n.content = n.answerBefore()
		n.ended("cerrado")
		n.observers("cerrado")
	case desk.ApprovedEvent:
		n.decided("gracias")
		n.workers("aprobado")
	case desk.RejectedEvent:
		n.decided("gracias-rechazo")
		n.workers("reabierto")
	default:
		n.tellWork()
	}
}

// tellWork says who is told of what is asked of somebody, and of what comes due.
func (n *noticer) tellWork() {
	switch n.event.Kind {
	case desk.Consulted:
		n.outside(n.event.Person, "consulta")
	case desk.ParentClosed:
		n.workers("padre-cerrado")
	case desk.Informed:
		n.workers("respuesta-interna")
	case desk.ApprovalAsked, desk.ApprovalReminded, desk.ApprovalDeputy, desk.ApprovalGiven, desk.ApprovalRefused:
		n.approval()
	case desk.TaskSet:
		n.agent(n.event.New, "tarea", desk.RoleAssignee)
	case desk.TaskReported, desk.TaskReturned, desk.TaskDue:
		n.task()
	case desk.WaitOver:
		n.workers("espera-cumplida")
	case desk.Reminded:
		n.requester("recordatorio")
		if !slices.ContainsFunc(n.rest, func(e desk.Event) bool { return e.Kind == desk.DeputyAsked }) { // who is asked only now is told by that
			n.person(n.ticket.Deputy, "suplente")
		}
	case desk.DeputyAsked:
		n.person(n.event.Person, "suplente")
	case desk.SurveyAsked:
		n.survey()
	case desk.SurveyAnswered:
		if score, _ := strconv.Atoi(n.event.New); score <= lowScore || n.event.Text != "" {
			n.workers("calificacion")
		}
	case desk.TermWarned:
		n.expiry("plazo-por-vencer")
	case desk.TermBreached:
		n.expiry("plazo-vencido")
	case desk.Delivery:
		switch n.event.New {
		case "failed":
			n.author("entrega-fallida")
		case "delayed":
			n.author("entrega-demorada")
		}
	}
}

// expiry tells those who work on the ticket of a clock, and those from whom a rule
// takes it because of that.
func (n *noticer) expiry(template string) {
	n.workers(template)
	for _, e := range n.rest {
		switch {
		case e.Ticket != n.event.Ticket || e.Actor != desk.System:
		case e.Kind == desk.Assigned && e.Old != "":
			n.agent(e.Old, template, desk.RoleAssignee)
			return
		case e.Kind == desk.QueueChanged: // nobody had it: the agents of its queue
			if q, ok := n.Desk.Queue(e.Old); ok {
				for _, name := range q.Agents {
					n.agent(name, template, desk.RoleQueue)
				}
			}
			return
		}
	}
}

// acknowledge answers the mail that opened a ticket.
func (n *noticer) acknowledge() {
	before := len(n.out)
	switch n.event.Ack {
	case desk.AckFull:
		n.requester("acuse")
	case desk.AckForm:
		n.requester("datos")
	case desk.AckFixed:
		n.requester("acuse-fijo")
	}
	if n.event.Ack == desk.AckFull && len(n.out) > before {
		n.out[before].Words = n.event.Words
	}
}

// approval tells whose consent is asked for, and those who wait for it how it was decided.
func (n *noticer) approval() {
	a, _ := n.ticket.Approval(n.event.Task)
	template := "visto-bueno-dado"
	switch n.event.Kind {
	case desk.ApprovalAsked:
		n.asked(a.Actor())
		return
	case desk.ApprovalReminded:
		n.asked(a.Actor())
		if !slices.ContainsFunc(n.rest, func(e desk.Event) bool { return e.Kind == desk.ApprovalDeputy }) {
			n.asked(a.Deputy)
		}
		return
	case desk.ApprovalDeputy:
		n.asked(a.Deputy)
		return
	case desk.ApprovalRefused:
		template = "visto-bueno-negado"
	}
	n.workers(template)
	n.agent(a.By, template, desk.RoleAssignee)
}

// asked writes to one whose consent is asked for.
func (n *noticer) asked(who desk.Actor) {
	if name := who.Agent(); name != "" {
		n.agent(name, "visto-bueno", desk.RoleAssignee)
		return
	}
	n.outside(who.Person(), "visto-bueno")
}

// outside writes to somebody who takes no part in the ticket: a provider in the language
// that the desk's files say.
func (n *noticer) outside(id desk.PersonID, template string) {
	p, ok := n.People[id]
	if !ok || p.Address == "" {
		return
	}
	language := p.Language
	for _, provider := range n.Desk.Providers {
		if strings.EqualFold(provider.Address, p.Address) {
			language = provider.Language
		}
	}
	if language == "" {
		language = n.Desk.Language
	}
	n.add(template, Addressee{Name: p.Name, Address: p.Address, Language: language})
}

// task tells its owner of a task that came back or is due, and who set it that it is
// done.
func (n *noticer) task() {
	k, _ := n.ticket.Task(n.event.Task)
	switch n.event.Kind {
	case desk.TaskReported:
		n.agent(k.By, "tarea-hecha", desk.RoleAssignee)
	case desk.TaskReturned:
		n.agent(k.Owner, "tarea", desk.RoleAssignee)
	case desk.TaskDue:
		n.agent(k.Owner, "tarea-vence", desk.RoleAssignee)
	}
}

// lowScore is the best score of which those who worked on the ticket are told.
const lowScore = 2

// decided thanks whoever has decided, and tells the requester where that was his
// deputy.
func (n *noticer) decided(thanks string) {
	who := n.event.Actor.Person()
	if who == 0 || who == n.ticket.Requester {
		n.ended(thanks)
		return
	}
	n.person(who, thanks)
	n.ended("decidio-suplente")
}

// ended tells the requester of the end, unless the survey does.
func (n *noticer) ended(template string) {
	if n.asks() {
		n.kept = append(n.kept, Notice{Template: template}) // others may get it all the same
		return
	}
	n.requester(template)
}

// asks says whether the same mail or call makes the desk ask how it was.
func (n *noticer) asks() bool {
	return slices.ContainsFunc(n.batch, func(e desk.Event) bool { return e.Ticket == n.event.Ticket && e.Kind == desk.SurveyAsked && !e.Quiet })
}

// survey asks the requester how it was, in the one mail that tells of the end.
func (n *noticer) survey() {
	for _, e := range n.batch {
		if e.Ticket == n.event.Ticket && e.Kind == desk.ClosedEvent {
			n.event.Text = e.Text // why it was closed
		}
	}
	n.content = n.answerBefore()
	n.requester("encuesta")
}

// replied tells those who work on the ticket, and the requester of what a guest
// has written.
func (n *noticer) replied() {
	if n.event.New != "" && n.event.Old != string(desk.Pending) {
		n.workers("reabierto")
	} else {
		n.workers("respuesta-solicitante")
	}
	if p := n.event.Actor.Person(); p != 0 && p != n.ticket.Requester {
		n.requester("respuesta")
	}
}

// refused tells who sent files that are not passed on. Of an opening mail the
// acknowledgement tells it.
func (n *noticer) refused() {
	if n.content == nil || n.content.Message == nil || n.content.Message.Class == mail.ClassMachine {
		return
	}
	refuses := func(p mail.Part) bool { return n.Desk.Files.Refuses(p.Name, p.Kind, p.Size) != "" }
	if slices.ContainsFunc(n.content.Message.Parts, refuses) {
		n.person(n.event.Actor.Person(), "archivos")
	}
}

// answerBefore returns the content of the agent's answer in the same mail, so
// that one mail tells both what was answered and the new state.
func (n *noticer) answerBefore() *Content {
	for _, e := range n.batch {
		if e.Ticket == n.event.Ticket && e.Kind == desk.Answered && e.Quiet {
			if c, ok := n.Contents[ContentKey{e.Ticket, e.Article}]; ok {
				return &c
			}
		}
	}
	return nil
}

// changes are what the requester is told of by the one mail "estado".
var changes = []desk.EventKind{desk.Assigned, desk.QueueChanged, desk.Reopened, desk.WaitingSet, desk.CancelledEvent, desk.Undone}

// change tells all who take part of a change of state, queue or assignee, unless a
// weightier mail of the same batch goes out anyway.
func (n *noticer) change(template string) {
	for _, e := range n.batch {
		if e.Ticket != n.event.Ticket {
			continue
		}
		switch e.Kind {
		case desk.Opened, desk.Answered, desk.ResolvedEvent, desk.ClosedEvent:
			return
		}
	}
	for _, e := range n.rest {
		if e.Ticket == n.event.Ticket && !e.Quiet && slices.Contains(changes, e.Kind) {
			return // the last of several tells
		}
	}
	if n.event.Kind == desk.Assigned && n.event.New == "" {
		return
	}
	n.audience(template)
}

func (n *noticer) requester(template string) { n.person(n.ticket.Requester, template) }

// audience is the requester and whoever else takes part.
func (n *noticer) audience(template string) {
	n.requester(template)
	n.observers(template)
}

// observers are those who take part besides the requester.
func (n *noticer) observers(template string) {
	for _, id := range n.ticket.Others {
		n.person(id, template)
	}
}

func (n *noticer) person(id desk.PersonID, template string) {
	p, ok := n.People[id]
	if !ok || p.Address == "" {
		return
	}
	own := n.event.Actor == desk.ByPerson(id)
	if own && (template == "respuesta" || template == "estado") {
		return
	}
	if template == "estado" && id == n.ticket.Requester && n.ticket.Muted {
		return
	}
	role := desk.RoleRequester
	if id != n.ticket.Requester {
		role = desk.RoleObservers
	}
	if !n.wanted(template, role) {
		n.kept = append(n.kept, Notice{Template: template})
		return
	}
	language := n.ticket.Language
	if id != n.ticket.Requester && p.Language != "" {
		language = p.Language
	}
	n.add(template, Addressee{Name: p.Name, Address: p.Address, Language: language})
}

// workers are the assignee, or where there is none, all agents of the queue and
// of the further queues.
func (n *noticer) workers(template string, further ...string) {
	if n.ticket.Assignee != "" && len(further) == 0 {
		n.agent(n.ticket.Assignee, template, desk.RoleAssignee)
		return
	}
	var names []string
	if n.ticket.Assignee != "" {
		names = append(names, n.ticket.Assignee)
		further = slices.Clone(further)
	} else {
		further = append([]string{n.ticket.Queue}, further...)
	}
	for _, q := range further {
		if queue, ok := n.Desk.Queue(q); ok {
			names = append(names, queue.Agents...)
		}
	}
	for i, name := range names {
		if !slices.Contains(names[:i], name) {
			role := desk.RoleQueue
			if name == n.ticket.Assignee {
				role = desk.RoleAssignee
			}
			n.agent(name, template, role)
		}
	}
}

func (n *noticer) assignee(template string) {
	if n.ticket.Assignee != "" {
		n.agent(n.ticket.Assignee, template, desk.RoleAssignee)
	}
}

// agent tells an agent, or who stands in for him while he is away.
func (n *noticer) agent(name, template string, role desk.Role) {
	a, ok := n.Desk.Agent(name)
	if !ok || n.event.Actor == desk.ByAgent(a.Name) {
		return
	}
	if !n.wanted(template, role) {
		n.kept = append(n.kept, Notice{Template: template})
		return
	}
	if a = n.Desk.Deputy(a, n.event.At); n.event.Actor == desk.ByAgent(a.Name) || slices.Contains(a.Mute, template) {
		return
	}
	language := a.Language
	if language == "" {
		language = n.Desk.Language
	}
	n.add(template, Addressee{Name: a.Title, Address: a.Address, Language: language, Agent: true})
}

// author tells the agent who wrote the mail that an event speaks of. Of a mail of the
// desk's own those are told who work on the ticket.
func (n *noticer) author(template string) {
	if _, ok := n.Desk.Agent(n.event.Old); ok {
		n.agent(n.event.Old, template, desk.RoleAssignee)
		return
	}
	n.workers(template)
}

// add adds a notice, one to an address and event. Whom the same mail both sends a ticket
// from another queue and gives it is told by one mail, which says that it is his.
func (n *noticer) add(template string, to Addressee) {
	for _, have := range n.out {
		if have.Event.Ticket != n.event.Ticket || !strings.EqualFold(have.To.Address, to.Address) {
			continue
		}
		if have.Event.Seq == n.event.Seq && have.Template == template || template == "asignado" && have.Template == "ticket-nuevo" && have.Event.Kind == desk.QueueChanged {
			return
		}
	}
	n.out = append(n.out, Notice{Event: n.event, Ticket: n.ticket, Template: template, To: to, Content: n.content})
}
