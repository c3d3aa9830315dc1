package gateway

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/intake"
)

// Report tells what would become of a mail, and why.
type Report struct {
	Mail        mail.ID         `json:"mail"`
	MessageID   string          `json:"message_id"`
	Subject     string          `json:"subject"`
	Class       string          `json:"class"`
	ClassReason string          `json:"class_reason"`
	Trust       string          `json:"trust"`
	Proof       *store.Proof    `json:"proof,omitempty"`
	Place       mail.Place      `json:"place,omitzero"`  // where it lies, if it came by IMAP
	Quiet       bool            `json:"quiet,omitempty"` // it is an old one: nobody is told
	Disposition string          `json:"disposition"`
	Reason      string          `json:"reason"`
	Trace       []ReportStep    `json:"trace"`
	Commands    []ReportCommand `json:"commands"`
	Mails       []ReportMail    `json:"mails"`
	Defects     []string        `json:"defects,omitempty"`
}

// ReportStep is one thing that was looked at.
type ReportStep struct {
	Rule    string `json:"rule,omitempty"`
	Place   string `json:"place,omitempty"` // file:line of the rule
	Matched bool   `json:"matched"`
	Why     string `json:"why"`
}

// ReportCommand is one command that would be carried out.
type ReportCommand struct {
	Kind   string `json:"kind"`
	Ticket string `json:"ticket"` // number, "new" for the one to be opened
	Actor  string `json:"actor"`
	Value  string `json:"value,omitempty"`
	Text   string `json:"text,omitempty"`
}

// ReportMail is one mail that would go out.
type ReportMail struct {
	Template string `json:"template"`
	To       string `json:"to"`
	Subject  string `json:"subject"`
	Text     string `json:"text,omitempty"`
}

// Explain says what Process would do with a mail that came now, and does
// nothing.
func (g *Gateway) Explain(ctx context.Context, env mail.Envelope, r io.Reader) (Report, error) {
	return g.explainOne(ctx, env, r, false)
}

// ExplainAnew does the same as if the mail had not come before: it would else
// be a duplicate, and there is no more to be told of it.
func (g *Gateway) ExplainAnew(ctx context.Context, env mail.Envelope, r io.Reader) (Report, error) {
	return g.explainOne(ctx, env, r, true)
}

func (g *Gateway) explainOne(ctx context.Context, env mail.Envelope, r io.Reader, anew bool) (Report, error) {
	raw, err := io.ReadAll(io.LimitReader(r, g.limits.Size+1))
	if err != nil {
		return Report{}, err
	}
	if env.ReceivedAt.IsZero() {
		env.ReceivedAt = g.now().UTC()
	}
	it := item{record: intake.Record{Envelope: env, ID: mail.ContentID(raw), Raw: raw}}
	if err := g.recall(ctx, &it); err != nil {
		return Report{}, err
	}
	g.parse(&it)
	s := g.settling(g.Setup(), g.now().UTC().Truncate(time.Millisecond), &it)
	s.explain, s.anew = true, anew
	err = g.store.Glimpse(ctx, func(tx store.Tx) error { s.tx = tx; return s.guarded() })
	if err != nil {
		return Report{}, err
	}
	return s.report(), nil
}

// recall gives a mail that came by IMAP the place from which it came, and whether it
// was an old one: its file does not tell.
func (g *Gateway) recall(ctx context.Context, it *item) error {
	var at string
	err := g.store.View(ctx, func(tx store.Tx) error {
		c, ok, err := tx.Content(it.record.ID)
		if ok {
			at = c.Position
		}
		return err
	})
	if err != nil || at == "" {
		return err
	}
	p, err := intake.ParsePosition(at)
	if err != nil {
		return err
	}
	r, release, err := g.log.Read(p)
	if err != nil {
		return fmt.Errorf("how the mail came: %w", err)
	}
	release()
	if env := &it.record.Envelope; r.Envelope.Place.UID != 0 {
		env.Place, env.Quiet = r.Envelope.Place, r.Envelope.Quiet
	}
	return nil
}

func (s *settling) report() Report {
	d := s.decision
	r := Report{Mail: s.item.record.ID, Disposition: string(d.Disposition), Reason: d.Reason, Trust: d.Trust.String(), Proof: s.proof,
		Place: s.item.record.Envelope.Place, Quiet: s.item.record.Envelope.Quiet, Trace: []ReportStep{}, Commands: []ReportCommand{}, Mails: []ReportMail{}}
	m := s.item.message
	if m == nil {
		r.Disposition, r.Reason = string(rules.ToQuarantine), s.item.limit
		return r
	}
	r.MessageID, r.Subject, r.Class, r.ClassReason, r.Defects = m.MessageID, m.Subject, string(m.Class), m.ClassReason, m.Defects
	for _, t := range d.Trace {
		step := ReportStep{Rule: t.Rule, Matched: t.Matched, Why: t.Why}
		if t.File != "" {
			step.Place = place(t)
		}
		r.Trace = append(r.Trace, step)
	}
	for _, c := range d.Commands {
		number := "new"
		if t, ok := s.tickets[c.Ticket]; ok && c.Ticket != 0 {
			number = "#" + t.Number
		}
		r.Commands = append(r.Commands, ReportCommand{Kind: string(c.Kind), Ticket: number, Actor: string(c.Actor), Value: c.Value, Text: c.Text})
	}
	for _, o := range s.mails {
		r.Mails = append(r.Mails, ReportMail{Template: o.Kind, To: o.To, Subject: o.Subject, Text: textOf(o)})
	}
	return r
}

// textOf reads the text part of a mail of ours.
func textOf(o mailout.Outgoing) string {
	var b strings.Builder
	for _, p := range o.Pieces {
		b.WriteString(p.Text)
	}
	return mail.Parse([]byte(b.String())).Text
}

func place(t rules.Step) string { return fmt.Sprintf("%s:%d", t.File, t.Line) }
