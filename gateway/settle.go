package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
)

// settling is one mail or call being settled within a transaction. It is made
// anew for each run, since a transaction may run twice.
type settling struct {
	g         *Gateway
	tx        store.Tx
	setup     *Setup
	now       time.Time
	item      *item // nil for a call that came by no mail
	explain   bool
	anew      bool          // no duplicate, whatever came before
	released  bool          // out of quarantine, by an admin, or held and confirmed
	repeated  bool          // its Message-ID came before, with other content
	confirmed bool          // held, and its agent says that it is his
	about     desk.TicketID // on which it was held

	decision rules.Decision
	proof    *store.Proof // of its sender; nil where nothing is known
	tickets  desk.Tickets
	events   []desk.Event
	mails    []mailout.Outgoing
	sent     int // mails put into the outbox
	took     time.Duration
	probe    probeNews
}

func (g *Gateway) settling(setup *Setup, now time.Time, it *item) *settling {
	return &settling{g: g, setup: setup, now: now, item: it}
}

func (s *settling) position() string { return s.item.record.Position.String() }

// guarded runs mail with a net: what panics is an error of that mail alone.
func (s *settling) guarded() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return s.mail()
}

// mail carries one mail from "gather" to "commit".
func (s *settling) mail() error {
	if s.item.message == nil {
		return s.unread()
	}
	c, err := s.gather()
	if err != nil {
		return fmt.Errorf("gather: %w", err)
	}
	d := s.setup.Rules.Decide(c)
	s.decision = d
	if d.Disposition == rules.ToDuplicate {
		return errors.Join(s.rememberCopy(), s.receipt(d, 0, 0))
	}
	if err := s.ledger(d); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if d.Probe > 0 {
		if err := s.probeBack(d.Probe); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
	}
	if err := s.known(&c, &d); err != nil {
		return err
	}
	if d.Turn != "" {
		if err := s.tx.TakeTurn(d.Turn); err != nil {
			return err
		}
	}
	refused, err := s.carryOut(c.Tickets, d.Commands)
	if err != nil {
		return fmt.Errorf("carry out: %w", err)
	}
	if refused != nil {
		s.refused(&c, &d, refused)
	}
	if refused == nil {
		if err := s.activities(d); err != nil {
			return fmt.Errorf("note work: %w", err)
		}
	}
	if err := s.letters(c, d); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if a, ok := s.setup.World.AgentAt(s.from()); ok && d.Prefers != nil {
		if err := s.tx.SetPreferences(a.Name, *d.Prefers); err != nil {
			return err
		}
	}
	if d.Confirms != nil && refused == nil {
		if err := s.confirmHeld(*d.Confirms); err != nil {
			return fmt.Errorf("confirm: %w", err)
		}
	}
	ticket, article := s.where()
	s.decision = d
	if err := s.askReport(); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return errors.Join(s.remember(c, ticket), s.receipt(d, ticket, article))
}

// unread puts a mail that was not read into quarantine, once.
func (s *settling) unread() error {
	id := s.item.record.ID
	content, ok, err := s.tx.Content(id)
	if err != nil {
		return err
	}
	if ok && content.Position != s.position() && s.now.Sub(content.At) < duplicateFor {
		return errors.Join(s.rememberCopy(), s.receipt(rules.Decision{Disposition: rules.ToDuplicate, Reason: rules.SameContent}, 0, 0))
	}
	return errors.Join(s.tx.PutContent(id, store.Content{Position: s.position(), At: s.now}),
		s.receipt(rules.Decision{Disposition: rules.ToQuarantine, Reason: s.item.limit}, 0, 0))
}

// known makes a person of a sender who is to act on a ticket and is new, and
// gives the commands of nobody yet an actor.
func (s *settling) known(c *rules.Case, d *rules.Decision) error {
	nobody := desk.ByPerson(0)
	for i := range d.Commands {
		cmd := &d.Commands[i]
		if cmd.Address != "" {
			if err := s.named(c, cmd); err != nil {
				return err
			}
		}
		if cmd.Actor != nobody && (cmd.Opening == nil || cmd.Opening.Requester != 0) && (cmd.Kind != desk.CmdJoin || cmd.Person != 0) {
			continue
		}
		if c.Sender == 0 {
			from := c.Message.From[0]
			p, err := s.tx.AddPerson(from.Name, from.Address, s.now)
			if err != nil {
				return err
			}
			c.Sender, c.People[p.ID] = p.ID, p
		}
		if cmd.Actor == nobody {
			cmd.Actor = desk.ByPerson(c.Sender)
		}
		if cmd.Kind == desk.CmdJoin && cmd.Person == 0 {
			cmd.Person = c.Sender
		}
		if cmd.Opening != nil && cmd.Opening.Requester == 0 {
			o := *cmd.Opening
			o.Requester = c.Sender
			cmd.Opening = &o
		}
	}
	return nil
}

// personAt finds, or makes, the person whose address a command names.
func (s *settling) personAt(cmd desk.Command) (desk.Person, error) {
	p, ok, err := s.tx.PersonAt(cmd.Address)
	if err == nil && !ok && cmd.Kind != desk.CmdLeave {
		name := s.setup.World.Known[strings.ToLower(cmd.Address)].Name
		if to, is := s.setup.World.Provider(cmd.Value); is && cmd.Kind == desk.CmdConsult {
			name = to.Title
		}
		p, err = s.tx.AddPerson(name, cmd.Address, s.now)
	}
	return p, err
}

// named tells a command who it is whose address it names.
func (s *settling) named(c *rules.Case, cmd *desk.Command) error {
	p, err := s.personAt(*cmd)
	if err != nil {
		return err
	}
	if cmd.Opening != nil {
		o := *cmd.Opening
		o.Requester, cmd.Opening = p.ID, &o
	} else {
		cmd.Person = p.ID
	}
	if p.ID != 0 {
		c.People[p.ID] = p
	}
	return nil
}

// carryOut applies commands and writes tickets, events, articles and the mails
// that they call for. A refusal changes nothing and is no error.
func (s *settling) carryOut(ts desk.Tickets, cmds []desk.Command) (*desk.Refusal, error) {
	cmds, err := s.number(ts, cmds)
	if err != nil {
		return nil, err
	}
	after, events, err := desk.Apply(ts, s.now, cmds...)
	var refused *desk.Refusal
	if errors.As(err, &refused) {
		return refused, nil
	} else if err != nil {
		return nil, err
	}
	before, after, events, err := s.family(ts, after, events)
	if err != nil {
		return nil, err
	}
	after, events = s.setup.World.Terms.Keep(before, after, events)
	s.tickets, s.events = after, events
	byTicket := map[desk.TicketID][]desk.Event{}
	var order []desk.TicketID
	for _, e := range events {
		if byTicket[e.Ticket] == nil {
			order = append(order, e.Ticket)
		}
		byTicket[e.Ticket] = append(byTicket[e.Ticket], e)
	}
	for _, id := range order {
		if err := s.tx.PutTicket(after[id], byTicket[id]); err != nil {
			return nil, err
		}
	}
	for _, e := range events {
		if err := s.timed(e); err != nil {
			return nil, err
		}
	}
	if err := s.articles(); err != nil {
		return nil, err
	}
	for _, e := range s.events {
		if e.Kind == desk.Learned {
			if err := s.tx.AddLesson(e.Ticket, e.Seq); err != nil {
				return nil, err
			}
		}
	}
	return nil, s.notices()
}

// number gives new tickets their id and number.
func (s *settling) number(ts desk.Tickets, cmds []desk.Command) ([]desk.Command, error) {
	out := append([]desk.Command(nil), cmds...)
	var opened desk.TicketID
	var number string
	for i := range out {
		c := &out[i]
		if c.Kind == desk.CmdOpen {
			id, today, err := s.tx.NextTicket(s.now.In(s.zone()))
			if err != nil {
				return nil, err
			}
			w, o := s.setup.World, *c.Opening
			o.Number = s.g.keys.Number(w.NumberStyle, w.NumberDigits, id, today, s.now.In(s.zone()))
			c.Opening, c.Ticket, opened, number = &o, id, id, o.Number
			c.Text = strings.ReplaceAll(c.Text, "{número}", "#"+o.Number)
		} else if c.Ticket == 0 {
			c.Ticket = opened
		}
		if c.HeldAck != nil {
			h := *c.HeldAck
			h.Text, c.HeldAck = strings.ReplaceAll(h.Text, "{número}", "#"+number), &h
		}
		if err := s.foresee(ts[c.Ticket], c); err != nil {
			return nil, err
		}
		if c.Kind == desk.CmdGiveAway {
			c.Other, c.Value = opened, number
		}
	}
	return out, nil
}

func (s *settling) zone() *time.Location {
	if z := s.setup.World.Zone; z != nil {
		return z
	}
	return time.UTC
}

// articleKinds says what an event makes of the mail that came with it.
var articleKinds = map[desk.EventKind]string{
	desk.Opened: desk.KindPublic, desk.Answered: desk.KindPublic, desk.Replied: desk.KindPublic,
	desk.ApprovedEvent: desk.KindPublic, desk.RejectedEvent: desk.KindPublic, desk.SurveyAnswered: desk.KindPublic,
	desk.Consulted: desk.KindNote, desk.Informed: desk.KindNote, desk.ApprovalGiven: desk.KindNote, desk.ApprovalRefused: desk.KindNote,
	desk.Noted: desk.KindNote, desk.Held: desk.KindHeld, desk.AutoReplied: desk.KindAutomatic,
}

// articles writes the article of each event that has one, and lets in or puts
// aside those that were held.
func (s *settling) articles() error {
	for _, e := range s.events {
		if e.Article == 0 {
			continue
		}
		if e.Kind == desk.Accepted || e.Kind == desk.SetAside {
			a, err := s.tx.Article(e.Ticket, e.Article)
			if err != nil {
				return err
			}
			a.Kind = desk.KindPublic
			if a.Inside {
				a.Kind = desk.KindNote
			}
			if e.Kind == desk.SetAside {
				a.Kind = desk.KindAside
			}
			if err := s.tx.PutArticle(a); err != nil {
				return err
			}
			continue
		}
		if e.Kind == desk.GivenAway || e.Kind == desk.TakenOver {
			if err := s.moved(e); err != nil {
				return err
			}
			continue
		}
		m := s.item.message
		a := desk.Article{Ticket: e.Ticket, Number: e.Article, At: e.At, Author: e.Actor, Kind: articleKinds[e.Kind], Mail: s.position(),
			MessageID: m.MessageID, Excerpt: excerpt(s.decision.Body), Files: len(m.Parts), Trust: s.decision.Trust.String(), Repeated: s.repeated,
			Inside: e.Kind == desk.Held && e.New != ""}
		if err := s.tx.PutArticle(a); err != nil {
			return err
		}
	}
	return nil
}

// moved writes what an article becomes that goes from one ticket to another.
func (s *settling) moved(e desk.Event) error {
	if e.Kind == desk.GivenAway {
		a, err := s.tx.Article(e.Ticket, e.Article)
		if err != nil {
			return err
		}
		a.Kind = desk.KindMoved
		return s.tx.PutArticle(a)
	}
	number, err := strconv.Atoi(e.Old)
	if err != nil {
		return err
	}
	a, err := s.tx.Article(e.Other, number)
	if err != nil {
		return err
	}
	a.Ticket, a.Number = e.Ticket, e.Article
	return s.tx.PutArticle(a)
}

// excerpt returns the beginning of a text on one line.
func excerpt(text string) string {
	line := strings.Join(strings.Fields(text[:min(len(text), 400)]), " ")
	r := []rune(strings.ToValidUTF8(line, ""))
	if len(r) > 120 {
		return string(r[:119]) + "…"
	}
	return string(r)
}

// refused tells an agent why the ticket does not allow what was asked. To
// others a refusal is no news: their mail is kept on record.
func (s *settling) refused(c *rules.Case, d *rules.Decision, r *desk.Refusal) {
	d.Disposition, d.Reason = rules.ToCommand, "refused: "+r.Reason
	line := "#" + string(r.Command.Kind)
	for _, l := range d.Letters {
		for _, done := range l.Done {
			if slices.ContainsFunc(done.Commands, func(c desk.Command) bool { return c.Kind == r.Command.Kind && c.Number == r.Command.Number }) {
				line = done.Line
			}
		}
	}
	d.Letters, d.Listed = nil, false
	if a, ok := s.setup.World.Agent(r.Command.Actor.Agent()); ok {
		d.Letters = []rules.Letter{{Template: "transcripcion", To: a.Address, Name: a.Title, Ticket: r.Command.Ticket,
			Lines: strings.Split(c.Message.Reply, "\n"), Reason: "command-wrong", Problems: []rules.Problem{{Line: line, Reason: r.Reason}}}}
	}
}

// where returns the ticket and article that the mail went to.
func (s *settling) where() (desk.TicketID, int) {
	for _, own := range []bool{true, false} { // what it accepts or puts aside only where it is no article itself
		for _, e := range s.events {
			if e.Article != 0 && e.Kind != desk.TakenOver && e.Kind != desk.GivenAway && (articleKinds[e.Kind] != "" || !own) {
				return e.Ticket, e.Article
			}
		}
	}
	if len(s.events) > 0 {
		return s.events[0].Ticket, 0
	}
	return 0, 0
}

// remember notes the mail's content and Message-ID, so that a copy of it and
// answers to it are known.
func (s *settling) remember(c rules.Case, ticket desk.TicketID) error {
	m := c.Message
	err := s.tx.PutContent(m.ID, store.Content{Position: s.position(), At: s.now})
	if s.decision.Listed && ticket != 0 {
		err = errors.Join(err, s.tx.AddListed(s.now, c.Sender, ticket))
	}
	if ticket == 0 {
		return err
	}
	if _, known, e := s.tx.Received(m.MessageID); e != nil || known {
		return errors.Join(err, e)
	}
	r := store.Received{Ticket: ticket, Mail: m.ID, Settled: s.now}
	for _, list := range [][]mail.Address{m.To, m.Cc} {
		for _, a := range list {
			if _, ours := s.ours(a.Address); !ours && len(r.Copied) < mail.DefaultLimits.Recipients {
				r.Copied = append(r.Copied, store.AddressHash(a.Address))
			}
		}
	}
	return errors.Join(err, s.tx.PutReceived(m.MessageID, r))
}

// rememberCopy adds the recipients of a further copy to the first.
func (s *settling) rememberCopy() error {
	id := s.item.record.ID
	c, _, err := s.tx.Content(id)
	if err != nil {
		return err
	}
	c.Rcpts = append(c.Rcpts, s.item.record.Envelope.Rcpts...)
	c.Rcpts = c.Rcpts[:min(len(c.Rcpts), mail.DefaultLimits.Recipients)]
	return s.tx.PutContent(id, c)
}

// receipt writes what became of the mail.
func (s *settling) receipt(d rules.Decision, ticket desk.TicketID, article int) error {
	r := store.Receipt{Position: s.position(), Mail: s.item.record.ID, At: s.now, Disposition: string(d.Disposition), Reason: d.Reason,
		Ticket: ticket, Article: article, Trust: d.Trust.String(), Proof: s.proof, Matched: d.Matched, Rules: s.setup.Rules.Hash()}
	if m := s.item.message; m != nil {
		r.Class = string(m.Class)
		if d.Disposition == rules.ToQuarantine {
			r.From, r.Subject = s.from(), m.Subject
		}
	}
	if s.explain || s.released {
		return s.tx.PutReceipt(r)
	}
	return errors.Join(s.tx.PutReceipt(r), s.mayGo())
}
