package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/intake"
)

var _ mailout.Outbox = (*Gateway)(nil)

// Due returns mails of the outbox that are due: see [mailout.Outbox].
func (g *Gateway) Due(ctx context.Context, now time.Time, limit int, skip func(id string) bool) (mails []mailout.Outgoing, next time.Time, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		held, err := tx.Held()
		if err != nil || held {
			return err
		}
		mails, next, err = tx.Due(now, limit, func(id string) bool { return !skip(id) })
		return err
	})
	return mails, next, err
}

// Held says whether mails of ours are held since these records were restored.
func (g *Gateway) Held(ctx context.Context) (held bool, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		held, err = tx.Held()
		return err
	})
	return held, err
}

// Restored notes that the records come from a copy.
func (g *Gateway) Restored(ctx context.Context) error {
	return g.store.Update(ctx, func(tx store.Tx) error { return tx.Restored() })
}

// LetGo lets mails go that are held since a restore.
func (g *Gateway) LetGo(ctx context.Context) error {
	err := g.store.Update(ctx, func(tx store.Tx) error { return tx.LetGo() })
	if err == nil {
		g.wakeSender()
	}
	return err
}

// Settle records what came of mails: see [mailout.Outbox].
func (g *Gateway) Settle(ctx context.Context, results []mailout.Result) error {
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	queued := false
	err := g.store.Update(ctx, func(tx store.Tx) error {
		queued = false
		for _, r := range results {
			o, err := tx.OutgoingRow(r.ID)
			if errors.Is(err, store.ErrNotFound) {
				continue // dropped meanwhile, or recorded before
			} else if err != nil {
				return err
			}
			told, err := g.settleResult(tx, setup, now, o, r)
			if err != nil {
				return fmt.Errorf("record delivery of %s: %w", o.ID, err)
			}
			queued = queued || told
		}
		return nil
	})
	if err == nil && queued {
		g.wakeSender()
	}
	if err == nil && len(setup.Copies) > 0 {
		g.wakeCopier()
	}
	return err
}

func (g *Gateway) settleResult(tx store.Tx, setup *Setup, now time.Time, o mailout.Outgoing, r mailout.Result) (told bool, err error) {
	answer := strings.TrimSpace(r.Enhanced + " " + r.Text)
	if r.Code != 0 {
		answer = fmt.Sprintf("%d %s", r.Code, answer)
	}
	if r.Outcome == mailout.Sent {
		if err := g.keepCopy(tx, setup, o, r.At); err != nil {
			return false, err
		}
		return false, tx.Finish(o, store.Sent{ID: o.ID, Kind: o.Kind, To: o.To, At: r.At, Outcome: store.OutcomeSent, Answer: answer})
	}
	before := o
	o.Attempts, o.LastError = r.Attempts, answer
	if r.Outcome == mailout.Again {
		o.Due = r.Due
		return false, tx.Reschedule(o)
	}
	o.Failed = true
	if err := tx.Reschedule(o); err != nil || before.Failed || o.Ticket == 0 {
		return false, err
	}
	if _, agent := setup.World.AgentAt(o.To); agent {
		return false, nil // nobody is told by mail that mails to him fail
	}
	if r.Code >= 500 && rules.Gone(r.Enhanced, r.Text) {
		if err := tx.Suppress(o.To, store.Suppressed{At: now, Why: answer}); err != nil {
			return false, err
		}
	}
	return true, g.tellFailure(tx, setup, now, o, r)
}

const lateAtOnce = 100 // mails looked up in one go

// tellLate tells the authors of mails that have been put off for two hours. Each is
// an Update of its own, and what was told is on the mail. While a smarthost is away
// no attempt is charged to anybody's mail, so nobody is told by mails that could not
// go out either.
func (g *Gateway) tellLate(ctx context.Context) error {
	for {
		var ids []string
		err := g.store.View(ctx, func(tx store.Tx) (err error) {
			ids, err = tx.Late(g.now(), lateAtOnce)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			err := g.act(ctx, func(tx store.Tx, setup *Setup, _ time.Time) (desk.Tickets, []desk.Command, error) {
				o, err := tx.OutgoingRow(id)
				if errors.Is(err, store.ErrNotFound) || err == nil && o.Late {
					return nil, nil, nil // sent or told meanwhile
				} else if err != nil {
					return nil, nil, err
				}
				o.Late = true
				if err := tx.Reschedule(o); err != nil {
					return nil, nil, err
				}
				if _, agent := setup.World.AgentAt(o.To); agent {
					return nil, nil, nil // nobody is told by mail that mails to him wait
				}
				return g.delivery(tx, o, "delayed", statusOf(o.LastError))
			})
			if err != nil {
				return fmt.Errorf("tell that %s is delayed: %w", id, err)
			}
		}
	}
}

// statusOf parts what a server answered, as settleResult keeps it, into its status
// code and its words.
func statusOf(answer string) string {
	code, rest, _ := strings.Cut(answer, " ")
	if len(code) != 3 || strings.Trim(code, "0123456789") != "" {
		return "4.0.0 " + answer
	}
	if status, _, _ := strings.Cut(rest, " "); strings.Count(status, ".") == 2 && strings.Trim(status, "0123456789.") == "" {
		return rest
	}
	return code[:1] + ".0.0 " + rest
}

// delivery is the command that notes on its ticket what became of a mail of ours.
func (g *Gateway) delivery(tx store.Tx, o mailout.Outgoing, action, answer string) (desk.Tickets, []desk.Command, error) {
	t, err := tx.Ticket(o.Ticket)
	if err != nil {
		return nil, nil, err
	}
	by, err := author(tx, o.Ticket, o.Event)
	return desk.Tickets{t.ID: t}, []desk.Command{{Ticket: t.ID, Kind: desk.CmdDelivery, Actor: desk.System, Value: action, Author: by,
		Text: o.To + " " + answer}}, err
}

// tellFailure notes on the ticket that a mail of ours was not delivered, which
// tells its author.
func (g *Gateway) tellFailure(tx store.Tx, setup *Setup, now time.Time, o mailout.Outgoing, r mailout.Result) error {
	s := g.settling(setup, now, nil)
	s.tx = tx
	status := r.Enhanced
	if status == "" {
		status = "5.0.0"
	}
	ts, cmds, err := g.delivery(tx, o, "failed", status+" "+r.Text)
	if err != nil {
		return err
	}
	_, err = s.carryOut(ts, cmds)
	return err
}

// Raw opens a raw mail of the intake log by its position.
func (g *Gateway) Raw(_ context.Context, ref string) (raw []byte, release func(), err error) {
	p, err := intake.ParsePosition(ref)
	if err != nil {
		return nil, nil, err
	}
	r, release, err := g.log.Read(p)
	return r.Raw, release, err
}

// articleText reads an article's own text again out of its raw mail.
func (g *Gateway) articleText(a desk.Article) (string, error) {
	m, err := g.articleMail(a)
	if err != nil {
		return "", err
	}
	return m.Reply, nil
}

// ArticleWhole returns all of an article's text, with what was cut off it: what
// it answers, and signatures.
func (g *Gateway) ArticleWhole(a desk.Article) (string, error) {
	m, err := g.articleMail(a)
	if err != nil {
		return "", err
	}
	return m.Text, nil
}

func (g *Gateway) articleMail(a desk.Article) (*mail.Message, error) {
	raw, release, err := g.Raw(context.Background(), a.Mail)
	if err != nil {
		return nil, err
	}
	defer release()
	return mail.Parse(slices.Clone(raw)), nil
}
