package gateway

import (
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
)

// gatherAbout finds the mails of ours that a bounce, a receipt, a complaint or an
// automatic answer speaks of: by the envelope sender that it came back to, or by
// the Message-ID or ENVID that it names. All are tokens, so nobody can speak of a mail
// that he has not seen.
func (s *settling) gatherAbout(c *rules.Case) error {
	m := c.Message
	switch m.Class {
	case mail.ClassBounce, mail.ClassReceipt, mail.ClassComplaint, mail.ClassAutoReply:
	default:
		return nil
	}
	var tokens []desk.Token
	for _, a := range c.Addressed {
		if a.Token != nil && (a.Token.Purpose == desk.ForBounce || a.Token.Purpose == desk.ForReply) {
			tokens = append(tokens, *a.Token)
		}
	}
	for _, id := range append([]string{m.Original, m.EnvelopeID}, m.InReplyTo...) {
		local, _, _ := strings.Cut(id, "@")
		token, _, _ := strings.Cut(local, ".")
		if t, ok := s.g.keys.Check(token); ok && t.Purpose == desk.ForMessage {
			tokens = append(tokens, t)
		}
	}
	for _, t := range tokens {
		if err := s.gatherOurs(c, t); err != nil {
			return err
		}
	}
	return nil
}

// gatherOurs adds the mails that a token was made for.
func (s *settling) gatherOurs(c *rules.Case, t desk.Token) error {
	sent, err := s.tx.SentBy(t.Ticket, t.Revision)
	for _, o := range sent {
		ours := rules.OurMail{Ticket: o.Ticket, Event: o.Event, ID: o.ID, To: o.To, Told: told(o)}
		if !s.g.keys.IssuedTo(t, o.To) {
			continue
		}
		if ours.Author, err = author(s.tx, o.Ticket, o.Event); err != nil {
			return err
		}
		if !slices.Contains(c.About, ours) {
			c.About = append(c.About, ours)
		}
	}
	return err
}

// told is what its author was told last of a mail.
func told(o store.Sent) string {
	if o.Outcome == store.OutcomeSent && o.Late {
		return store.OutcomeDelayed
	}
	return o.Outcome
}

// author returns the agent whose doing called for a mail, "" for nobody's.
func author(tx store.Tx, id desk.TicketID, event int) (string, error) {
	if id == 0 || event == 0 {
		return "", nil
	}
	evs, err := tx.EventsBetween(id, event, event)
	if err != nil || len(evs) == 0 {
		return "", err
	}
	return evs[0].Actor.Agent(), nil
}

// ledger writes what a mail says of ours, and lets mail go again to somebody who
// writes.
func (s *settling) ledger(d rules.Decision) error {
	for _, r := range d.Ledger {
		sent, err := s.tx.SentBy(r.Mail.Ticket, r.Mail.Event)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(sent, func(o store.Sent) bool { return o.ID == r.Mail.ID })
		if at < 0 {
			continue
		}
		if err := s.tx.Report(sent[at], r.Outcome, r.Text, s.now); err != nil {
			return err
		}
		if _, agent := s.setup.World.AgentAt(r.Mail.To); r.Suppress && !agent {
			err = s.tx.Suppress(r.Mail.To, store.Suppressed{At: s.now, Why: strings.TrimSpace(r.Outcome + " " + r.Text)})
		}
		if err != nil {
			return err
		}
	}
	return s.lives(d)
}

// lives notes that somebody has written from an address, so mail reaches it.
func (s *settling) lives(d rules.Decision) error {
	from, class := s.from(), s.item.message.Class
	if from == "" || class != mail.ClassHuman && class != mail.ClassList || d.Disposition == rules.ToQuarantine {
		return nil
	}
	_, suppressed, err := s.tx.SuppressedAt(from)
	if err != nil || !suppressed {
		return err
	}
	return s.tx.Unsuppress(from)
}

// suppress says whether a mail must not go out because its address is known to
// fail, and keeps note of it.
func (s *settling) suppress(o mailout.Outgoing) (bool, error) {
	if _, agent := s.setup.World.AgentAt(o.To); agent {
		return false, nil
	}
	why, suppressed, err := s.tx.SuppressedAt(o.To)
	if err != nil || !suppressed {
		return false, err
	}
	return true, s.tx.NotSent(o, store.Sent{ID: o.ID, Kind: o.Kind, To: o.To, At: s.now, Outcome: store.OutcomeSuppressed, Answer: why.Why})
}
