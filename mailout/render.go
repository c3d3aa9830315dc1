package mailout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/templates"
)

// DecisionTerm is how long the links of a decision are good for, from the mail
// that carries them.
const DecisionTerm = 7 * 24 * time.Hour

// ConfirmTerm is how long an agent can confirm that a held mail is his, and for
// how long after that his mails with his own tokens need no confirmation.
const ConfirmTerm = 8 * time.Hour

// Renderer makes mails out of notices and letters. It is immutable.
type Renderer struct {
	Desk  *desk.World
	Keys  desk.Keys
	Words *templates.Set
	DKIM  string // the domain that signs every mail, "" where none does
}

// Letter is a mail that no event of a ticket calls for: an answer to a mail that
// came in, or a list.
type Letter struct {
	Template string
	To       Addressee
	Ticket   *desk.Ticket // what it is about, or nil
	Seed     string       // what it answers: the same seed, template and address make the same mail
	At       time.Time
	Answers  *mail.Message // the mail that it answers, or nil
	Confirm  int           // the held article that the addressee is asked to confirm; 0: none
	Approval int           // the consent that the addressee is asked for; 0: none
	Undo     int           // the revision of UndoOf whose last deed can be taken back; 0: none
	UndoOf   desk.TicketID
	Data     templates.Data
	Files    []File // that the desk made
	Listing  int    // the list that it carries, by which an answer names tickets; 0: none
	Queue    string // that sends it, where it is about no ticket; "": the first
	Stop     int    // what its addressee can stop with one click, as desk.StopOwnDigest; 0: nothing
}

// Notices makes the mails for notices, in their order. Where agents are told the
// same, the words are made once.
func (r Renderer) Notices(w World, ns []Notice) ([]Outgoing, error) {
	out := make([]Outgoing, len(ns))
	var words *templates.Words // of the notice before
	var same string            // what it has in common with the next
	for i, n := range ns {
		if i > 0 && !r.sameWords(ns[i-1], n) {
			words, same = nil, ""
		}
		m := r.notice(w, n)
		var err error
		if words, err = r.words(m, words); err != nil {
			return nil, err
		}
		if out[i], err = r.write(m, *words, same); err != nil {
			return nil, err
		}
		same = rest(out[i].Pieces)
	}
	return out, nil
}

// sameWords says that two notices differ in their addressees alone, and that
// these do not come into the words.
func (r Renderer) sameWords(a, b Notice) bool {
	return a.To.Agent && b.To.Agent && a.To.Language == b.To.Language && a.Template == b.Template &&
		a.Event.Ticket == b.Event.Ticket && a.Event.Seq == b.Event.Seq && slices.Equal(a.Lines, b.Lines) &&
		!r.Words.Greets(a.Template, a.To.Language)
}

// words renders a mail, unless its words are at hand.
func (r Renderer) words(m message, have *templates.Words) (*templates.Words, error) {
	if have != nil {
		return have, nil
	}
	name := m.template
	if m.own != "" {
		name = templates.Own(m.template, m.own)
	}
	words, err := r.Words.Render(name, m.to.Language, m.data())
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", m.template, err)
	}
	return &words, nil
}

// notice makes all of the mail for a notice but its words.
func (r Renderer) notice(w World, n Notice) message {
	t := n.Ticket
	queue := r.queue(t.Queue)
	token := desk.Token{Ticket: t.ID, Revision: n.Event.Seq, Addressee: r.Keys.Fingerprint(n.To.Address)}
	m := message{queue: queue, to: n.To, template: n.Template, own: n.Words, ticket: &t, token: token, at: n.Event.At, event: n.Event.Seq}
	m.data = func() templates.Data {
		d := r.about(t, queue, n.To, n.Event.At)
		if !decides(w, n) {
			d.DecisionLink, d.ApproveLink, d.RejectLink = "", "", ""
		}
		r.event(&d, w, n)
		return d
	}
	if c := n.Content; c != nil {
		m.files = r.passedOn(n.Template, c)
		if answersSender(n) {
			m.answers = c.Message
		}
		if (n.Template == "respuesta" || n.Template == "consulta") && n.Event.Actor.Agent() != "" {
			m.author, _ = r.Author(w, n.Event.Actor)
		}
	}
	return m
}

// decides says whether a notice goes to one who is asked to decide on a resolution:
// whoever has the links can.
func decides(w World, n Notice) bool {
	is := func(id desk.PersonID) bool { return id != 0 && strings.EqualFold(n.To.Address, w.People[id].Address) }
	return is(n.Ticket.Requester) || is(n.Ticket.Deputy)
}

// Letter makes the mail for a letter.
func (r Renderer) Letter(l Letter) (Outgoing, error) {
	queue := r.Desk.Queues[0]
	d := l.Data
	m := message{to: l.To, template: l.Template, ticket: l.Ticket, at: l.At, answers: l.Answers, seed: l.Seed, files: l.Files}
	m.token = desk.Token{Addressee: r.Keys.Fingerprint(l.To.Address), Revision: l.Listing}
	if l.Queue != "" {
		queue = r.queue(l.Queue)
	}
	if l.Ticket != nil {
		queue = r.queue(l.Ticket.Queue)
		d = r.about(*l.Ticket, queue, l.To, l.At)
		d.Lines, d.Reason, d.Suggestion, d.Numbers = l.Data.Lines, l.Data.Reason, l.Data.Suggestion, l.Data.Numbers
		d.Refused = l.Data.Refused
		d.Body, d.AuthorAddress, d.Held = l.Data.Body, l.Data.AuthorAddress, l.Data.Held
		m.token.Ticket, m.token.Revision = l.Ticket.ID, l.Ticket.Revision
	}
	if l.Ticket != nil && l.Approval > 0 {
		a, _ := l.Ticket.Approval(l.Approval)
		r.consent(&d, *l.Ticket, a, l.To, l.At)
	}
	if l.Ticket != nil && l.Undo > 0 {
		token := desk.Token{Ticket: l.UndoOf, Revision: l.Undo, Addressee: m.token.Addressee, Expires: l.At.Add(desk.UndoWithin)}
		d.UndoLink = "mailto:" + plus(queue.Address, r.made(desk.ForUndo, token)) + "?subject=" + url.PathEscape("Deshacer [#"+l.Ticket.Number+"]")
		if r.Desk.PublicURL != "" {
			d.UndoPage = r.Desk.PublicURL + "/u/" + r.made(desk.ForUndo, token)
		}
	}
	if l.Confirm > 0 && l.Ticket != nil {
		token := m.token
		token.Revision, token.Expires = l.Confirm, l.At.Add(ConfirmTerm)
		d.ApproveLink = "mailto:" + plus(queue.Address, r.made(desk.ForConfirm, token)) + "?subject=" + url.PathEscape("Confirmo [#"+l.Ticket.Number+"]")
	}
	if l.Stop > 0 {
		m.stop = r.stops(queue, l.Stop, m.token.Addressee)
		d.StopLink = m.stop[0]
	}
	d.Desk, d.Name = r.Desk.Name, l.To.Name
	m.queue, m.data = queue, func() templates.Data { return d }
	words, err := r.words(m, nil)
	if err != nil {
		return Outgoing{}, err
	}
	return r.write(m, *words, "")
}

// stops returns the ways to stop a digest, the best first.
func (r Renderer) stops(q desk.Queue, what int, addressee desk.Fingerprint) (ways []string) {
	token := r.made(desk.ForStop, desk.Token{Revision: what, Addressee: addressee})
	if r.Desk.PublicURL != "" {
		ways = append(ways, r.Desk.PublicURL+"/l/"+token)
	}
	return append(ways, "mailto:"+plus(q.Address, token)+"?subject="+url.PathEscape("No más resúmenes"))
}

// Row returns a ticket's line in a list for an agent. Its link begins a mail that
// answers to the ticket.
func (r Renderer) Row(t desk.Ticket, requester desk.Person, to Addressee, now time.Time) templates.Row {
	word := func(key string) string { return r.Words.Word(to.Language, key) }
	token := desk.Token{Ticket: t.ID, Revision: t.Revision, Addressee: r.Keys.Fingerprint(to.Address)}
	row := templates.Row{Number: "#" + t.Number, Subject: t.Subject, Requester: requester.Name, Age: age(now.Sub(t.OpenedAt)),
		Link:  "mailto:" + plus(r.queue(t.Queue).Address, r.made(desk.ForReply, token)) + "?subject=" + url.PathEscape("[#"+t.Number+"] "+t.Subject),
		State: word("state-" + string(t.State)), Colour: string(t.Clocks.Light(now))}
	if row.Requester == "" {
		row.Requester = requester.Address
	}
	if r.Desk.PublicURL != "" {
		row.Page = r.Desk.PublicURL + "/t/" + r.made(desk.ForStatus, desk.Token{Ticket: t.ID, Addressee: token.Addressee})
	}
	if row.Colour != "" {
		row.Light = word("light-" + row.Colour)
	}
	if t.Waiting != "" {
		row.State = word("waits-" + string(t.Waiting))
	}
	if c, ok := r.Desk.Client(t.Client); ok && row.Requester != "" {
		row.Requester += " (" + c.Title + ")"
	}
	if a, ok := r.Desk.Agent(t.Assignee); ok {
		row.Owner = a.Title
	}
	if a, ok := r.Desk.Agent(t.Responsible); ok && t.Responsible != t.Assignee {
		row.Owner = strings.TrimPrefix(row.Owner+"; "+word("row-responsible")+" "+a.Title, "; ")
	}
	return row
}

// age writes for how long something has been there, in its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " d"
}

// queue returns a ticket's queue, or the first one where it is no more.
func (r Renderer) queue(name string) desk.Queue {
	if q, ok := r.Desk.Queue(name); ok {
		return q
	}
	return r.Desk.Queues[0]
}

// about fills in what can be said of a ticket to somebody.
func (r Renderer) about(t desk.Ticket, q desk.Queue, to Addressee, at time.Time) templates.Data {
	d := templates.Data{Desk: r.Desk.Name, Number: "#" + t.Number, Subject: t.Subject, Name: to.Name,
		State: r.Words.Word(to.Language, "state-"+string(t.State)), Queue: q.Title, Type: t.Type, Days: q.CloseDays,
		Priority: r.Words.Word(to.Language, "priority-"+strconv.Itoa(t.Priority)), Privacy: q.Privacy}
	if a, ok := r.Desk.Agent(t.Assignee); ok {
		d.Assignee = a.Title
	}
	d.External, d.Asset = t.External, t.Asset
	if to.Agent {
		r.details(&d, t)
	}
	token := desk.Token{Ticket: t.ID, Addressee: r.Keys.Fingerprint(to.Address)}
	if r.Desk.PublicURL != "" && !to.Agent {
		token.Purpose = desk.ForStatus
		d.Link = r.Desk.PublicURL + "/t/" + r.Keys.Make(token)
	}
	if t.State == desk.Resolved && !to.Agent {
		r.decision(&d, t, q, token, at)
	}
	return d
}

// details fills in what agents may know of a ticket besides.
func (r Renderer) details(d *templates.Data, t desk.Ticket) {
	if c, ok := r.Desk.Category(t.Category); ok {
		d.Category = c.Title
	}
	if s, ok := r.Desk.Service(t.Service); ok {
		d.Service = s.Title
	}
	for _, f := range r.Desk.Fields { // in the order of the file
		if v := t.Fields[f.Name]; v != "" {
			d.Details = append(d.Details, f.Title+": "+v)
		}
	}
}

// decision adds the page and the two addresses that decide on a resolution.
func (r Renderer) decision(d *templates.Data, t desk.Ticket, q desk.Queue, token desk.Token, at time.Time) {
	token.Revision, token.Expires = t.Resolution, at.Add(DecisionTerm)
	make := func(p desk.Purpose) string { token.Purpose = p; return r.Keys.Make(token) }
	if r.Desk.PublicURL != "" {
		d.DecisionLink = r.Desk.PublicURL + "/d/" + make(desk.ForPage)
	}
	twin := func(p desk.Purpose, word string) string {
		return "mailto:" + plus(q.Address, make(p)) + "?subject=" + url.PathEscape(word+" [#"+t.Number+"]")
	}
	d.ApproveLink, d.RejectLink = twin(desk.ForApprove, "Aprobar"), twin(desk.ForReject, "Rechazar")
}

// event fills in what has happened.
func (r Renderer) event(d *templates.Data, w World, n Notice) {
	if p, ok := w.People[n.Ticket.Requester]; ok {
		d.Requester, d.RequesterAddress = p.Name, p.Address
		if p.Name == "" {
			d.Requester = p.Address
		}
	}
	d.Author, d.AuthorAddress = r.Author(w, n.Event.Actor)
	d.Reason = n.Event.Text
	r.happened(d, w, n)
	r.said(d, n)
}

// happened fills in what kinds of events tell each in its own way.
func (r Renderer) happened(d *templates.Data, w World, n Notice) {
	e, word := n.Event, func(prefix, v string) string {
		if v == "" {
			return ""
		}
		return r.Words.Word(n.To.Language, prefix+v)
	}
	switch e.Kind {
	case desk.Assigned:
		if a, ok := r.Desk.Agent(e.Old); ok {
			d.OldAssignee = a.Title
		}
	case desk.QueueChanged:
		d.OldQueue = r.queue(e.Old).Title
	case desk.Opened, desk.Asked, desk.Accepted:
		d.Help.Markdown = r.help(n)
		if e.Kind == desk.Asked || e.Ack == desk.AckForm {
			d.Lines = r.Desk.FormLines(n.Ticket.Missing)
		}
	case desk.Held:
		d.Held, d.Reason = e.Article, word("reason-", e.Text)
	case desk.TermWarned, desk.TermBreached:
		d.Term = word("clock-", e.New)
		clock := n.Ticket.Clocks.Clock(desk.ClockName(e.New))
		if d.Reason = clock.Why; !clock.Due.IsZero() {
			d.Deadline = r.written(clock.Due)
		}
		if e.Text != "" {
			d.Lines = append(d.Lines, word("", "rules-applied")+": "+e.Text)
		}
	case desk.ApprovalAsked, desk.ApprovalReminded, desk.ApprovalDeputy, desk.ApprovalGiven, desk.ApprovalRefused:
		r.approval(d, w, n)
	case desk.ParentClosed:
		d.Reason = "#" + e.New
	case desk.Consulted:
		d.Reason = ""
	case desk.TaskSet, desk.TaskReported, desk.TaskReturned, desk.TaskDue:
		r.task(d, n)
	case desk.SurveyAsked:
		if who := e.Actor.Person(); who != 0 && who != n.Ticket.Requester {
			d.Deputy = d.Author
		}
		if r.Desk.PublicURL != "" {
			token := desk.Token{Ticket: n.Ticket.ID, Revision: e.Seq, Addressee: r.Keys.Fingerprint(n.To.Address), Expires: n.Event.At.Add(desk.SurveyTerm)}
			d.SurveyLink = r.Desk.PublicURL + "/e/" + r.made(desk.ForSurvey, token)
		}
	case desk.SurveyAnswered:
		d.Score, _ = strconv.Atoi(e.New)
	case desk.Delivery:
		address, rest, _ := strings.Cut(e.Text, " ")
		d.Recipient = address
		d.Status, d.Diagnostic, _ = strings.Cut(rest, " ")
	case desk.WaitingSet: // Old is whom it waited for, no state
	default:
		d.OldState = word("state-", e.Old)
	}
}

// said fills in whose words go along, and what became of the files with them.
func (r Renderer) said(d *templates.Data, n Notice) {
	e := n.Event
	if e.Actor.Agent() != "" && !n.To.Agent {
		d.Signature = r.queue(n.Ticket.Queue).Signature
	}
	if n.Content != nil {
		d.Body = templates.Body{Text: r.Scrub(n.Content.Text), Markdown: r.Scrub(n.Content.Markdown)}
	}
	if n.Template == "acuse" { // not the requester's own words back, but the ready answer of a rule
		d.Body = templates.Body{Markdown: e.Text}
	}
	if n.Template == "consulta" && n.Content == nil {
		d.Body = templates.Body{Text: e.Text}
	}
	if n.Ticket.Linked != 0 && e.Kind == desk.Opened && n.To.Agent || e.Kind == desk.MergedEvent {
		d.Lines = append(d.Lines, n.Lines...)
	}
	switch n.Template {
	case "datos", "estado", "acuse-fijo":
	default:
		d.Lines = append(d.Lines, r.refusedFiles(n.Content, n.To.Language)...)
	}
}

// approval fills in what is asked of somebody, and why him, or how it was decided.
func (r Renderer) approval(d *templates.Data, w World, n Notice) {
	a, _ := n.Ticket.Approval(n.Event.Task)
	d.Task = a.Text
	if n.Template != "visto-bueno" {
		return
	}
	d.Reason = ""
	r.consent(d, n.Ticket, a, n.To, n.Event.At)
	approver, address := r.Author(w, a.Actor())
	switch deputy, mine := r.Author(w, a.Deputy); {
	case n.Event.Kind == desk.ApprovalAsked:
	case deputy != "" && a.Deputy != "" && (strings.EqualFold(n.To.Address, mine) || n.To.Name == deputy) && !strings.EqualFold(n.To.Address, address):
		d.Reason = r.Words.Word(n.To.Language, "approval-as-deputy") + " " + approver + "."
	default:
		d.Reason = r.Words.Word(n.To.Language, "approval-reminder")
	}
}

// consent adds the page and the two addresses that decide on a consent that an agent
// asks for.
func (r Renderer) consent(d *templates.Data, t desk.Ticket, a desk.Approval, to Addressee, at time.Time) {
	d.Task = a.Text
	if by, ok := r.Desk.Agent(a.By); ok {
		d.Author = by.Title
	}
	token := desk.Token{Ticket: t.ID, Revision: a.Number, Addressee: r.Keys.Fingerprint(to.Address), Expires: at.Add(DecisionTerm)}
	if r.Desk.PublicURL != "" {
		d.DecisionLink = r.Desk.PublicURL + "/d/" + r.made(desk.ForConsent, token)
	}
	twin := func(p desk.Purpose, word string) string {
		return "mailto:" + plus(r.queue(t.Queue).Address, r.made(p, token)) + "?subject=" + url.PathEscape(word+" [#"+t.Number+"]")
	}
	d.ApproveLink, d.RejectLink = twin(desk.ForConsentYes, "Aprobar"), twin(desk.ForConsentNo, "Rechazar")
}

// task fills in what a task is, and a mail that says that it is done, or agrees.
func (r Renderer) task(d *templates.Data, n Notice) {
	k, _ := n.Ticket.Task(n.Event.Task)
	d.Task, d.Held = k.Text, k.Number
	if by, ok := r.Desk.Agent(k.By); ok {
		d.TaskBy = by.Title
	}
	if !k.Due.IsZero() {
		d.Deadline = r.written(k.Due)
	}
	order := "#hecha "
	switch n.Event.Kind {
	case desk.TaskReported:
		order = "#aprobar "
	case desk.TaskSet:
		d.Reason = ""
	}
	token := desk.Token{Ticket: n.Ticket.ID, Revision: n.Event.Seq, Addressee: r.Keys.Fingerprint(n.To.Address)}
	d.ApproveLink = "mailto:" + plus(r.queue(n.Ticket.Queue).Address, r.made(desk.ForReply, token)) +
		"?subject=" + url.PathEscape("Re: [#"+n.Ticket.Number+"] "+n.Ticket.Subject) + "&body=" + url.PathEscape(order+strconv.Itoa(k.Number))
}

// help is what the desk knows that may answer a new request: for agents what it is
// called, for its requester what it says, where that is published and the queue
// offers it.
func (r Renderer) help(n Notice) string {
	if n.Event.Opened == nil {
		return ""
	}
	var parts []string
	for _, name := range n.Event.Opened.Offered {
		k, ok := r.Desk.Knows(name)
		switch {
		case !ok:
		case n.To.Agent:
			parts = append(parts, "- "+mail.EscapeMarkdown(k.Title)+" (`knowledge/"+k.Name+".md`)")
		case k.Published && r.queue(n.Ticket.Queue).Offers:
			parts = append(parts, "### "+mail.EscapeMarkdown(k.Title)+"\n\n"+k.Text)
		}
	}
	if n.To.Agent {
		return strings.Join(parts, "\n")
	}
	return strings.Join(parts, "\n\n")
}

// written writes a moment as the desk's clock shows it.
func (r Renderer) written(at time.Time) string {
	if r.Desk.Zone != nil {
		at = at.In(r.Desk.Zone)
	}
	return at.Format("2006-01-02 15:04")
}

// Author returns the name and the address of an actor, as others may know them.
func (r Renderer) Author(w World, a desk.Actor) (name, address string) {
	if agent, ok := r.Desk.Agent(a.Agent()); ok {
		return agent.Title, ""
	}
	if p, ok := w.People[a.Person()]; ok {
		if p.Name == "" {
			return p.Address, p.Address
		}
		return p.Name, p.Address
	}
	return r.Desk.Name, ""
}

// answersSender says whether a mail goes back to the one whose mail called for it.
func answersSender(n Notice) bool {
	return len(n.Content.Message.From) == 1 && strings.EqualFold(n.Content.Message.From[0].Address, n.To.Address)
}

// passedOn returns the files of a mail that its notice carries along.
func (r Renderer) passedOn(template string, c *Content) (files []File) {
	switch template {
	case "respuesta", "respuesta-solicitante", "consulta", "respuesta-interna", "visto-bueno-dado", "visto-bueno-negado", "ticket-nuevo", "resuelto", "cerrado", "nota", "reabierto", "retenido", "encuesta":
	default:
		return nil
	}
	for _, p := range c.Message.Parts {
		if r.Desk.Files.Refuses(p.Name, p.Kind, p.Size) != "" {
			continue
		}
		files = append(files, File{Name: p.Name, Type: p.Type, ContentID: p.ContentID, Inline: p.ContentID != "" && p.Disposition == "inline",
			Mail: c.Mail, Part: p, Raw: c.Raw})
	}
	return files
}

// refusedFiles says of each file of a mail that is not passed on which one it is,
// why, and what the limit is.
func (r Renderer) refusedFiles(c *Content, language string) (lines []string) {
	if c == nil || c.Message == nil {
		return nil
	}
	for _, p := range c.Message.Parts {
		why := r.Desk.Files.Refuses(p.Name, p.Kind, p.Size)
		if why == "" {
			continue
		}
		line := p.Name + ": " + r.Words.Word(language, why)
		switch why {
		case desk.FileTooLarge:
			line += " (" + r.Words.Word(language, "file-limit") + " " + strconv.FormatFloat(float64(r.Desk.Files.MaxSize)/(1<<20), 'f', -1, 64) + " MB)"
		case desk.FileRefused:
			line += " (" + r.Words.Word(language, "file-types") + " " + strings.Join(r.Desk.Files.Types, ", ") + ")"
		}
		lines = append(lines, line+"; "+r.Words.Word(language, "file-kept"))
	}
	return lines
}

// message is a mail about to be written.
type message struct {
	queue    desk.Queue
	to       Addressee
	template string
	own      string       // template of the admin's own in its place, "" for none
	author   string       // shown as the sender, "" for the desk
	ticket   *desk.Ticket // or nil
	token    desk.Token   // without its purpose
	event    int
	seed     string
	at       time.Time
	answers  *mail.Message         // or nil
	data     func() templates.Data // what the words are made of
	files    []File
	stop     []string // the ways to stop such mails; none where there is nothing to stop
}

// write composes a mail, once and for all. same is what it has in common with
// one that was written before, "" if nothing.
func (r Renderer) write(m message, words templates.Words, same string) (Outgoing, error) {
	o := Outgoing{Kind: m.template, To: m.to.Address, Subject: words.Subject, Created: m.at, Due: m.at, Event: m.event}
	o.ID = r.id(m)
	o.MessageID = o.ID + "@" + r.Desk.Domain
	o.From = r.envelopeSender(m)
	if m.ticket != nil {
		o.Ticket = m.ticket.ID
	}
	boundary := o.ID
	if m.seed == "" && m.ticket != nil { // the same for all who are told the same
		boundary = fmt.Sprintf("%d.%d.%s", m.ticket.ID, m.event, m.template)
	}
	draft := Draft{Header: r.header(m, o), Text: words.Text, HTML: words.HTML, Files: m.files, Boundary: boundary, rest: same}
	var err error
	if o.Pieces, o.Size, o.SHA256, err = Compose(draft); err != nil {
		return Outgoing{}, fmt.Errorf("compose %s: %w", m.template, err)
	}
	return o, nil
}

// envelopeSender returns the address that a bounce comes back to: one that names the
// mail (VERP). An acknowledgement has none, since whoever sends mail in another's
// name would make us write to that one, and him answer; but only where a signature
// vouches for our domain, for then nothing is left to SPF to do so.
func (r Renderer) envelopeSender(m message) string {
	if Acknowledges(m.template) && mail.Aligned(r.DKIM, domainOf(m.queue.Address)) {
		return ""
	}
	return plus(m.queue.Address, r.made(desk.ForBounce, m.token))
}

// Acknowledges says of a template that its mail does no more than tell that another
// has come.
func Acknowledges(template string) bool {
	return template == "acuse" || template == "acuse-fijo" || template == "acuse-varios"
}

// id returns the local part of the Message-ID: a token over ticket, event and
// addressee, then the template, so that the same event makes the same mail. A
// mail about no event is told apart by what it answers.
func (r Renderer) id(m message) string {
	id := r.made(desk.ForMessage, m.token) + "." + m.template
	if m.seed != "" {
		id += "." + shortHash(m.seed)
	}
	return id
}

func (r Renderer) made(p desk.Purpose, t desk.Token) string {
	t.Purpose = p
	return r.Keys.Make(t)
}

// header returns the header fields of a mail, by RFC 5322, RFC 3834 and what
// common clients know.
func (r Renderer) header(m message, o Outgoing) []mail.Field {
	name := r.Desk.Name
	if m.author != "" {
		name = m.author + " (" + r.Desk.Name + ")"
	}
	h := []mail.Field{
		{Name: "From", Value: Mailbox(name, m.queue.Address)},
		{Name: "To", Value: Mailbox(m.to.Name, m.to.Address)},
		{Name: "Subject", Value: o.Subject},
		{Name: "Date", Value: m.at.In(r.zone()).Format(time.RFC1123Z)},
		{Name: "Message-ID", Value: "<" + o.MessageID + ">"},
	}
	if m.ticket != nil || m.token.Revision > 0 { // a ticket or a list can be answered to
		h = append(h, mail.Field{Name: "Reply-To", Value: Mailbox(r.Desk.Name, plus(m.queue.Address, r.made(desk.ForReply, m.token)))})
	}
	h = append(h, r.threadFields(m)...)
	if a := automatic(m.template); a != "" {
		h = append(h, mail.Field{Name: "Auto-Submitted", Value: a},
			mail.Field{Name: "X-Auto-Response-Suppress", Value: "OOF, AutoReply, RN, NRN"})
	}
	if len(m.stop) > 0 {
		h = append(h, mail.Field{Name: "List-Unsubscribe", Value: "<" + strings.Join(m.stop, ">, <") + ">"})
		if strings.HasPrefix(m.stop[0], "https:") { // RFC 8058 §3.1
			h = append(h, mail.Field{Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"})
		}
	}
	return append(h, mail.Field{Name: mail.LoopHeader, Value: r.Desk.Domain})
}

func (r Renderer) zone() *time.Location {
	if r.Desk.Zone == nil {
		return time.UTC
	}
	return r.Desk.Zone
}

// threadFields make clients group a ticket's mails: a stable id of the ticket
// stands first in References, then what is being answered.
func (r Renderer) threadFields(m message) (h []mail.Field) {
	var refs []string
	if m.ticket != nil {
		refs = append(refs, "<"+r.made(desk.ForTicket, desk.Token{Ticket: m.ticket.ID})+"@"+r.Desk.Domain+">")
	}
	if m.answers != nil {
		for _, id := range trimmed(m.answers.References) {
			if !strings.HasPrefix(refs0(refs), "<"+id+">") {
				refs = append(refs, "<"+id+">")
			}
		}
		refs = append(refs, "<"+m.answers.MessageID+">")
		h = append(h, mail.Field{Name: "In-Reply-To", Value: "<" + m.answers.MessageID + ">"})
	}
	if len(refs) > 0 {
		h = append(h, mail.Field{Name: "References", Value: strings.Join(refs, " ")})
	}
	return h
}

func refs0(refs []string) string {
	if len(refs) == 0 {
		return ""
	}
	return refs[0]
}

// shortHash tells apart the mails that answer different mails.
func shortHash(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:6])
}

// trimmed keeps the first three and the last six of a long list, which with the
// ticket's own id before them makes four and six.
func trimmed(ids []string) []string {
	if len(ids) <= 9 {
		return ids
	}
	return append(ids[:3:3], ids[len(ids)-6:]...)
}

// automatic returns the value of Auto-Submitted (RFC 3834 §5): a person's
// answer has none.
func automatic(template string) string {
	switch template {
	case "respuesta", "respuesta-solicitante", "consulta", "respuesta-interna", "nota":
		return ""
	case "acuse", "acuse-fijo", "datos", "archivos", "gracias", "gracias-rechazo", "transcripcion", "confirmar", "identidad":
		return "auto-replied"
	}
	return "auto-generated"
}

// plus puts a token into an address: soporte+token@domain.
func plus(address, token string) string {
	at := strings.LastIndexByte(address, '@')
	return address[:at] + "+" + token + address[at:]
}

// Scrub takes our own tokens out of a text that is passed on to somebody else:
// whoever quotes a mail of ours would give away what was meant for them alone.
func (r Renderer) Scrub(s string) string {
	var b strings.Builder
	kept := 0
	for i := 0; i < len(s); {
		if !tokenByte(s[i]) {
			i++
			continue
		}
		end := i
		for end < len(s) && tokenByte(s[end]) {
			end++
		}
		if end-i >= 30 && end-i <= 64 {
			if _, ok := r.Keys.Check(s[i:end]); ok {
				b.WriteString(s[kept:i])
				b.WriteString("…")
				kept = end
			}
		}
		i = end
	}
	if kept == 0 {
		return s
	}
	b.WriteString(s[kept:])
	return b.String()
}

func tokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '2' <= c && c <= '7'
}
