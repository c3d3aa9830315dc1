package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/templates"
)

// notices renders who is to be told and puts the mails into the outbox.
func (s *settling) notices() error {
	w, err := s.world()
	if err != nil {
		return err
	}
	ns, err := s.gathered(w, mailout.Notices(w, s.tickets, s.events))
	if err != nil {
		return err
	}
	for i := range ns {
		n := &ns[i]
		if t := n.Ticket; t.Linked != 0 && n.Event.Kind == desk.Opened && n.To.Agent {
			linked, err := s.tx.Ticket(t.Linked)
			if err != nil {
				return err
			}
			n.Lines = []string{s.setup.Words.Word(n.To.Language, "linked-to") + " #" + linked.Number}
		}
		if n.Event.Kind == desk.MergedEvent {
			n.Lines = []string{s.setup.Words.Word(n.To.Language, "merged-into") + " #" + n.Event.New}
		}
	}
	os, err := s.g.renderer(s.setup).Notices(w, ns)
	if err != nil {
		return err
	}
	for i, o := range os {
		if err := s.enqueue(o); err != nil {
			return err
		}
		if t := ns[i].Template; t == "acuse" || t == "acuse-fijo" {
			if err := s.count(o.To, t == "acuse-fijo"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *settling) enqueue(o mailout.Outgoing) error {
	if suppressed, err := s.suppress(o); err != nil || suppressed {
		return err
	}
	s.mails = append(s.mails, o)
	s.sent++
	return s.tx.Enqueue(o)
}

// count notes an automatic mail to somebody from outside.
func (s *settling) count(to string, unverified bool) error {
	err := s.tx.AddCount(s.now, store.CountAddress, to)
	if unverified {
		err = errors.Join(err, s.tx.AddCount(s.now, store.CountDomain, domainOf(to)))
	}
	return errors.Join(err, s.tx.AddCount(s.now, store.CountAll, ""))
}

// world reads whom the notices of these events may concern.
func (s *settling) world() (mailout.World, error) {
	preferences, err := s.tx.Preferences()
	if err != nil {
		return mailout.World{}, err
	}
	w := mailout.World{Desk: s.setup.World.Preferring(preferences), People: map[desk.PersonID]desk.Person{}, Contents: map[mailout.ContentKey]mailout.Content{}}
	add := func(id desk.PersonID) error {
		if _, ok := w.People[id]; ok || id == 0 {
			return nil
		}
		p, err := s.tx.Person(id)
		w.People[id] = p
		return err
	}
	for _, e := range s.events {
		t := s.tickets[e.Ticket]
		concerned := append([]desk.PersonID{t.Requester, t.Deputy, e.Actor.Person(), e.Person}, t.Others...)
		if a, ok := t.Approval(e.Task); ok {
			concerned = append(concerned, a.Person, a.Deputy.Person())
		}
		for _, id := range concerned {
			if err := add(id); err != nil {
				return w, err
			}
		}
		key := mailout.ContentKey{Ticket: e.Ticket, Article: e.Article}
		if e.Kind == desk.QueueChanged {
			s.openingContent(w, e.Ticket)
		}
		if e.Kind == desk.Accepted {
			c, err := s.acceptedContent(e)
			if err != nil {
				return w, err
			}
			w.Contents[key] = c
		} else if e.Article != 0 && articleKinds[e.Kind] != "" {
			w.Contents[key] = s.content()
		}
	}
	return w, nil
}

// content is the mail as others may see it.
func (s *settling) content() mailout.Content {
	m := s.item.message
	c := mailout.Content{Message: m, Text: s.decision.Body, Mail: s.position(), Raw: s.item.record.Raw}
	if m.HTML != "" {
		c.Markdown = rules.WithoutCommands(s.item.markdown, s.decision.Body != m.Reply)
	}
	if canned := s.decision.Canned; canned != "" {
		if m.HTML == "" {
			c.Markdown = mail.EscapeMarkdown(rules.WithoutCommands(m.Reply, true))
		}
		c.Markdown = canned + "\n\n" + c.Markdown
	}
	return c
}

const openingArticle = 1 // of a ticket

// openingContent puts the mail that opened a ticket among the contents, for those to
// whose queue it goes. Where it can no longer be read they are told without it.
func (s *settling) openingContent(w mailout.World, id desk.TicketID) {
	key := mailout.ContentKey{Ticket: id, Article: openingArticle}
	a, err := s.tx.Article(id, openingArticle)
	if _, have := w.Contents[key]; have || err != nil || a.Kind != desk.KindPublic {
		return
	}
	c, err := s.acceptedContent(desk.Event{Ticket: id, Article: openingArticle})
	if err != nil {
		s.g.slog.Warn("a ticket changes its queue without its first words", "ticket", id, "error", err)
		return
	}
	if a.Author.Agent() != "" {
		c.Text, c.Markdown = rules.WithoutCommands(c.Text, true), rules.WithoutCommands(c.Markdown, true)
	}
	w.Contents[key] = c
}

// acceptedContent is the held mail that an agent has let in.
func (s *settling) acceptedContent(e desk.Event) (c mailout.Content, err error) {
	a, err := s.tx.Article(e.Ticket, e.Article)
	if err != nil {
		return c, err
	}
	raw, release, err := s.g.Raw(context.Background(), a.Mail)
	if err != nil {
		return c, err
	}
	defer release()
	c = mailout.Content{Mail: a.Mail, Raw: slices.Clone(raw)}
	c.Message = mail.Parse(c.Raw)
	if c.Text = c.Message.Reply; c.Message.HTML != "" {
		c.Markdown = c.Message.Markdown()
	}
	return c, nil
}

// letters writes the answers that no event calls for.
func (s *settling) letters(c rules.Case, d rules.Decision) error {
	r := s.g.renderer(s.setup)
	for _, l := range d.Letters {
		if l.Spared {
			continue
		}
		out := mailout.Letter{Template: l.Template, Seed: string(c.Message.ID), At: s.now, To: s.addressee(c, l)}
		if strings.EqualFold(l.To, s.from()) {
			out.Answers = c.Message
		}
		if l.Ticket == 0 && (l.Confirm > 0 || l.Opened) { // of the ticket that the mail opens
			l.Ticket, _ = s.where()
		}
		t, ok := s.tickets[l.Ticket]
		if !ok {
			t, ok = c.Tickets[l.Ticket]
		}
		if ok {
			out.Ticket = &t
		}
		out.Data, out.Confirm, out.Approval = s.letterData(l, out.To.Language), l.Confirm, l.Approval
		out.Data.Refused = s.refusedLines(c, l, out.To)
		if err := errors.Join(s.fill(&out, l, c, d), s.exported(&out, l)); err != nil {
			return err
		}
		if len(l.Done) > 0 {
			if undo, revision := s.undoable(l, desk.ByAgent(agentOf(s.setup, l.To))); revision > 0 {
				out.UndoOf, out.Undo = undo.ID, revision
			}
			if err := (teller{s, out.To.Language, l.Ticket}).transcript(l, t, &out.Data); err != nil {
				return err
			}
		}
		o, err := r.Letter(out)
		if err != nil {
			return err
		}
		if err := s.enqueue(o); err != nil {
			return err
		}
		if l.Counted {
			if err := s.count(l.To, false); err != nil {
				return err
			}
		}
		if l.Template == "aviso-admin" {
			if err := s.tx.AddCount(s.now, store.CountTold, l.Reason); err != nil {
				return err
			}
		}
	}
	return nil
}

// agentOf returns the name of the agent at an address, "" if there is none.
func agentOf(setup *Setup, address string) string {
	a, _ := setup.World.AgentAt(address)
	return a.Name
}

// fill puts into a letter what it lists.
func (s *settling) fill(out *mailout.Letter, l rules.Letter, c rules.Case, d rules.Decision) (err error) {
	if a, ok := s.setup.World.AgentAt(l.To); ok && l.Alerts {
		preferences := c.Preferences
		if d.Prefers != nil {
			preferences = *d.Prefers
		}
		out.Data.Lines = s.alertLines(preferences.Of(a), out.To.Language)
	}
	if l.Question != "" {
		s.setup.answer(&out.Data, l, out.To.Language)
	}
	if l.List == nil {
		return nil
	}
	if l.Template == "mis-solicitudes" {
		out.Data.Rows, out.Data.Suggestion, err = s.requests(*l.List, out.To)
		return err
	}
	p, err := s.g.list(s.tx, s.setup, s.now, *l.List, out.To)
	if err == nil {
		out.Data, out.Listing, err = p.data(s.tx)
	}
	return err
}

func (s *settling) addressee(c rules.Case, l rules.Letter) mailout.Addressee {
	to := mailout.Addressee{Name: l.Name, Address: l.To, Language: s.setup.World.Language}
	if a, ok := s.setup.World.AgentAt(l.To); ok {
		to.Agent = true
		if a.Language != "" {
			to.Language = a.Language
		}
	} else if t, ok := c.Tickets[l.Ticket]; ok {
		to.Language = t.Language
	}
	return to
}

// letterData puts a letter's reasons and problems into words.
func (s *settling) letterData(l rules.Letter, language string) (d templates.Data) {
	word := func(key string) string { return s.setup.Words.Word(language, key) }
	d.Lines = l.Lines
	if l.Reason != "" {
		d.Reason = word("reason-" + l.Reason)
	}
	if l.Template == "aviso-admin" {
		d.Subject = word("admin-" + l.Reason)
	}
	if l.Template == "identidad" && len(l.Lines) > 0 {
		d.AuthorAddress, d.Lines = l.Lines[0], nil
	}
	if len(l.Problems) > 0 {
		d.Body = templates.Body{Text: strings.Join(l.Lines, "\n")}
		d.Lines = nil
		for _, p := range l.Problems {
			line := p.Line + ": " + word("reason-"+p.Reason)
			if p.Near != "" {
				line += " " + word("did-you-mean") + " " + p.Near + "?"
				d.Suggestion = p.Near
			}
			d.Lines = append(d.Lines, line)
		}
	}
	return d
}

// refusedLines say of each ticket that was left as it is why, and how it is now.
func (s *settling) refusedLines(c rules.Case, l rules.Letter, to mailout.Addressee) (lines []string) {
	word := func(key string) string { return s.setup.Words.Word(to.Language, key) }
	for _, p := range l.Refused {
		row := s.g.renderer(s.setup).Row(c.Tickets[p.Ticket], desk.Person{}, to, s.now)
		line := p.Line + ": " + row.Number + ": " + word("reason-"+p.Reason) + " " + word("now-listed") + ": " + row.State
		if row.Owner != "" {
			line += ", " + row.Owner
		}
		lines = append(lines, line)
	}
	return lines
}

// whyMost is how many messages of a ticket are told of, the last ones.
const whyMost = 20

// why tells of each mail of a ticket what was decided, and by what.
func (s *settling) why(id desk.TicketID) (lines []string, err error) {
	articles, err := s.tx.Articles(id, 0, 0)
	for _, a := range articles[max(len(articles)-whyMost, 0):] {
		r, err := s.tx.Receipt(a.Mail)
		if errors.Is(err, store.ErrNotFound) {
			continue // of this very mail
		} else if err != nil {
			return nil, err
		}
		line := fmt.Sprintf("%d. %s: %s (%s); clase %s; confianza %s", a.Number, a.At.In(s.zone()).Format("2006-01-02 15:04"), r.Disposition, r.Reason, r.Class, r.Trust)
		if len(r.Matched) > 0 {
			line += "; reglas: " + strings.Join(r.Matched, ", ")
		}
		if len(r.Rules) >= 12 {
			line += "; archivos " + r.Rules[:12]
		}
		lines = append(lines, line)
	}
	events, err2 := s.tx.Events(id)
	for _, e := range events {
		if (e.Kind == desk.TermWarned || e.Kind == desk.TermBreached) && e.Text != "" {
			how := "por vencer"
			if e.Kind == desk.TermBreached {
				how = "vencido"
			}
			lines = append(lines, fmt.Sprintf("%s: plazo %s: %s; reglas: %s", e.At.In(s.zone()).Format("2006-01-02 15:04"), how, s.setup.Words.Word("es", "clock-"+e.New), e.Text))
		}
	}
	return lines, errors.Join(err, err2)
}

// requests are a page of somebody's requests, and what asks for the next.
func (s *settling) requests(l rules.List, to mailout.Addressee) (rows []templates.Row, more string, err error) {
	found, next, err := listed(s.tx, s.setup, s.now, l)
	if err != nil {
		return nil, "", err
	}
	for _, t := range found {
		row := s.g.renderer(s.setup).Row(t, desk.Person{}, to, s.now)
		rows = append(rows, templates.Row{Number: row.Number, Link: row.Link, Page: row.Page, State: s.setup.Words.Word(to.Language, "state-"+string(t.State)),
			Subject: t.Subject, Date: t.OpenedAt.In(s.zone()).Format("2006-01-02")})
	}
	if next == 0 {
		return rows, "", nil
	}
	t, err := s.tx.Ticket(next)
	return rows, l.Asked + " antes:" + t.Number, err
}
