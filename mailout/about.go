package mailout

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/templates"
)

// decides says whether a notice goes to one who is asked to decide on a resolution:
// whoever has the links can.
func decides(w World, n Notice) bool {
	is := func(id desk.PersonID) bool { return id != 0 && strings.EqualFold(n.To.Address, w.People[id].Address) }
	return is(n.Ticket.Requester) || is(n.Ticket.Deputy)
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
