package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
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

// ErrNotFound says that there is no such ticket or mail.
var ErrNotFound = store.ErrNotFound

// History is a ticket with all that belongs to it.
type History struct {
	Ticket    desk.Ticket    `json:"ticket"`
	Requester desk.Person    `json:"requester"`
	Events    []desk.Event   `json:"events"`
	Articles  []desk.Article `json:"articles"`
	Mails     []store.Sent   `json:"mails"`

	// Proofs are those of the senders of articles, by their numbers.
	Proofs map[int]store.Proof `json:"proofs,omitempty"`
}

// Tickets returns tickets, the newest first: see [store.Tx.Tickets].
func (g *Gateway) Tickets(ctx context.Context, where string, before desk.TicketID, limit int) (ts []desk.Ticket, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		ts, err = tx.Tickets(where, before, limit)
		return err
	})
	return ts, err
}

// History returns the ticket with a number, and all that belongs to it.
func (g *Gateway) History(ctx context.Context, number string) (h History, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		if h.Ticket, err = tx.TicketByNumber(number); err != nil {
			return err
		}
		id := h.Ticket.ID
		var e1, e2, e3, e4 error
		h.Requester, e1 = tx.Person(h.Ticket.Requester)
		h.Events, e2 = tx.Events(id)
		h.Articles, e3 = tx.Articles(id, 0, 0)
		h.Mails, e4 = tx.Sent(id)
		return errors.Join(e1, e2, e3, e4, h.prove(tx))
	})
	return h, err
}

// prove reads what was known of the senders.
func (h *History) prove(tx store.Tx) error {
	h.Proofs = map[int]store.Proof{}
	for _, a := range h.Articles {
		r, err := tx.Receipt(a.Mail)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if r.Proof != nil {
			h.Proofs[a.Number] = *r.Proof
		}
	}
	return nil
}

// ArticleText returns an article's own text, read again from its raw mail.
func (g *Gateway) ArticleText(a desk.Article) (string, error) { return g.articleText(a) }

// Backlog says whether mails are taken and not yet settled.
func (g *Gateway) Backlog(ctx context.Context) (bool, error) {
	mark, err := g.watermark(ctx)
	if err != nil {
		return false, err
	}
	records, err := g.log.After(mark, 1, 1)
	return len(records) > 0, err
}

// Outbox returns mails to be sent and mails given up: see [store.Tx.Outbox].
func (g *Gateway) Outbox(ctx context.Context, after string, limit int) (os []mailout.Outgoing, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		os, err = tx.Outbox(after, limit)
		return err
	})
	return os, err
}

// OutgoingMail returns a mail to be sent or given up and the number of its ticket, ""
// if it has none; or ErrNotFound.
func (g *Gateway) OutgoingMail(ctx context.Context, id string) (o mailout.Outgoing, number string, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		if o, err = tx.OutgoingRow(id); err != nil || o.Ticket == 0 {
			return err
		}
		t, err := tx.Ticket(o.Ticket)
		number = t.Number
		return err
	})
	return o, number, err
}

// RetryOutgoing makes a mail of the outbox due now, also one that was given up.
func (g *Gateway) RetryOutgoing(ctx context.Context, id string) error {
	now := g.now().UTC().Truncate(time.Millisecond)
	err := g.store.Update(ctx, func(tx store.Tx) error {
		o, err := tx.OutgoingRow(id)
		if err != nil {
			return err
		}
		if o.Failed {
			o.Failed, o.Late, o.Attempts, o.Created = false, false, 0, now
		}
		o.Due = now
		return tx.Reschedule(o)
	})
	if err == nil {
		g.wakeSender()
	}
	return err
}

// DropOutgoing takes a mail out of the outbox; the ticket keeps note of it.
func (g *Gateway) DropOutgoing(ctx context.Context, id string) error {
	return g.store.Update(ctx, func(tx store.Tx) error {
		o, err := tx.OutgoingRow(id)
		if err != nil {
			return err
		}
		return tx.Finish(o, store.Sent{ID: o.ID, Kind: o.Kind, To: o.To, At: g.now().UTC(), Outcome: store.OutcomeDropped, Answer: o.LastError})
	})
}

// Activities calls fn for all work noted from one day of the desk's clock up to another:
// see [store.Tx.Activities].
func (g *Gateway) Activities(ctx context.Context, from, to time.Time, fn func(desk.Activity) error) error {
	return g.store.View(ctx, func(tx store.Tx) error { return tx.Activities(from, to, fn) })
}

// Quarantine returns the receipts of mails in quarantine behind a position.
func (g *Gateway) Quarantine(ctx context.Context, after string, limit int) (rs []store.Receipt, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		rs, err = tx.Quarantined(after, limit)
		return err
	})
	return rs, err
}

// ErrNotQuarantined says that a mail is not, or no more, in quarantine.
var ErrNotQuarantined = errors.New("the mail is not in quarantine")

// ErrUnreadable says that a mail breaks a limit, and so can be kept and not read.
var ErrUnreadable = errors.New("the mail breaks a limit")

// received returns the position of a mail that has a receipt.
func (g *Gateway) received(ctx context.Context, position string) (p intake.Position, err error) {
	if p, err = intake.ParsePosition(position); err != nil {
		return p, ErrNotFound
	}
	return p, g.store.View(ctx, func(tx store.Tx) error {
		_, err := tx.Receipt(position)
		return err
	})
}

// Release takes a mail out of quarantine and settles it, as one of which
// nothing is proved. It returns what became of it.
func (g *Gateway) Release(ctx context.Context, position string) (r store.Receipt, err error) {
	p, err := g.received(ctx, position)
	if err != nil {
		return r, err
	}
	rec, release, err := g.log.Read(p)
	if err != nil {
		return r, err
	}
	defer release()
	it := item{record: rec}
	g.parse(&it)
	if it.message == nil {
		return r, fmt.Errorf("%w: %s", ErrUnreadable, it.limit)
	}
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	err = g.store.Update(ctx, func(tx store.Tx) error {
		if err := quarantined(tx, position); err != nil {
			return err
		}
		s := g.settling(setup, now, &it)
		s.tx, s.released = tx, true
		if err := s.guarded(); err != nil {
			return err
		}
		r, err = tx.Receipt(position)
		return err
	})
	if err == nil {
		g.wakeSender()
	}
	return r, err
}

func quarantined(tx store.Tx, position string) error {
	r, err := tx.Receipt(position)
	if err != nil {
		return err
	}
	if r.Disposition != string(rules.ToQuarantine) || r.Dropped {
		return ErrNotQuarantined
	}
	return nil
}

// DropQuarantined puts a mail in quarantine away for good. Its raw bytes stay in
// the log, and its receipt stays a quarantine.
func (g *Gateway) DropQuarantined(ctx context.Context, position string) error {
	return g.store.Update(ctx, func(tx store.Tx) error {
		if err := quarantined(tx, position); err != nil {
			return err
		}
		r, err := tx.Receipt(position)
		if err != nil {
			return err
		}
		r.Dropped = true
		return tx.PutReceipt(r)
	})
}

// Exported is a raw mail with what became of it.
type Exported struct {
	Record  intake.Record
	Receipt store.Receipt // the zero Receipt while it is not settled
	Again   bool          // the log holds the same bytes further up: the sender missed our 250 and delivered it once more
}

// Export calls fn for every mail of the log, in order. Record.Raw is good until
// fn returns.
func (g *Gateway) Export(ctx context.Context, fn func(Exported) error) error {
	x := exporter{Gateway: g, met: map[mail.ID][][sha256.Size]byte{}}
	var at intake.Position
	for {
		records, err := g.log.After(at, batchMails, batchBytes)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := x.one(ctx, r, fn); err != nil {
				return err
			}
			at = r.Next
		}
	}
}

// exporter is one run over the log.
type exporter struct {
	*Gateway
	met map[mail.ID][][sha256.Size]byte // what was met of contents that came more than once, and of mails not settled
}

func (x *exporter) one(ctx context.Context, r intake.Record, fn func(Exported) error) error {
	if r.Raw == nil {
		whole, release, err := x.log.Read(r.Position)
		if err != nil {
			return err
		}
		defer release()
		r = whole
	}
	e := Exported{Record: r}
	err := x.store.View(ctx, func(tx store.Tx) (err error) {
		e.Receipt, err = tx.Receipt(r.Position.String())
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		if err == nil && (e.Receipt.Position == "" || e.Receipt.Disposition == string(rules.ToDuplicate)) {
			e.Again, err = x.again(tx, r)
		}
		return err
	})
	if err != nil {
		return err
	}
	return fn(e)
}

// again says whether a mail stands further up in the log with the same bytes.
// Of the mails with one content only the first is settled as one of its own, so
// that one is compared without having been remembered.
func (x *exporter) again(tx store.Tx, r intake.Record) (bool, error) {
	first, ok, err := tx.Content(r.ID)
	if err != nil {
		return false, err
	}
	if _, met := x.met[r.ID]; !met && ok && first.Position < r.Position.String() {
		p, err := intake.ParsePosition(first.Position)
		if err != nil {
			return false, err
		}
		original, release, err := x.log.Read(p)
		if err != nil {
			return false, err
		}
		x.met[r.ID] = append(x.met[r.ID], asDelivered(original))
		release()
	}
	sum := asDelivered(r)
	if slices.Contains(x.met[r.ID], sum) {
		return true, nil
	}
	x.met[r.ID] = append(x.met[r.ID], sum)
	return false, nil
}

// asDelivered names a mail by the bytes that its last hop delivered: what that
// hop wrote on top, Return-Path and one Received, tells of the delivery.
func asDelivered(r intake.Record) [sha256.Size]byte {
	raw := r.Raw
	for _, name := range []string{"return-path:", "received:"} {
		if len(raw) < len(name) || !strings.EqualFold(string(raw[:len(name)]), name) {
			continue
		}
		for {
			end := bytes.IndexByte(raw, '\n') + 1
			if end == 0 {
				end = len(raw)
			}
			raw = raw[end:]
			if len(raw) == 0 || raw[0] != ' ' && raw[0] != '\t' {
				break
			}
		}
	}
	return sha256.Sum256(raw)
}

// Audit is what Doctor found.
type Audit struct {
	Accepted     int            `json:"accepted"` // mails in the log
	Settled      int            `json:"settled"`
	Waiting      int            `json:"waiting"` // behind the watermark, not yet settled
	Dispositions map[string]int `json:"dispositions"`
	Tickets      int            `json:"tickets"`
	Outbox       int            `json:"outbox"`
	Faults       []string       `json:"faults"`
}

const faultsMost = 100

func (a *Audit) fault(format string, args ...any) {
	if len(a.Faults) < faultsMost {
		a.Faults = append(a.Faults, fmt.Sprintf(format, args...))
	}
}

// Doctor joins the log's mails with their receipts, and tickets with their
// events: every mail accepted must have exactly one disposition, and every
// ticket must be the sum of its events.
func (g *Gateway) Doctor(ctx context.Context) (Audit, error) {
	a := Audit{Dispositions: map[string]int{}, Faults: []string{}}
	mark, err := g.watermark(ctx)
	if err != nil {
		return a, err
	}
	seen := map[string]bool{}
	err = g.Export(ctx, func(e Exported) error {
		a.Accepted++
		position := e.Record.Position.String()
		seen[position] = true
		switch {
		case e.Receipt.Position != "":
			a.Settled++
			a.Dispositions[e.Receipt.Disposition]++
			if e.Receipt.Mail != e.Record.ID {
				a.fault("correo %s: su recibo es de otro correo", position)
			}
		case e.Record.Position.Compare(mark) >= 0:
			a.Waiting++
		default:
			a.fault("correo %s (%s): aceptado, y sin destino", position, e.Record.ID)
		}
		return nil
	})
	if err != nil {
		return a, err
	}
	return a, g.store.View(ctx, func(tx store.Tx) error {
		if err := tx.Receipts("", 0, func(r store.Receipt) error {
			if !seen[r.Position] && r.Position < mark.String() {
				a.fault("recibo %s: no hay tal correo en el registro", r.Position)
			}
			return nil
		}); err != nil {
			return err
		}
		return g.auditTickets(tx, &a)
	})
}

func (g *Gateway) auditTickets(tx store.Tx, a *Audit) error {
	os, err := tx.Outbox("", 0)
	if err != nil {
		return err
	}
	a.Outbox = len(os)
	wrong, err := tx.WrongTallies()
	if err != nil {
		return err
	}
	for _, w := range wrong {
		a.fault("%s", w)
	}
	return tx.EachTicket(func(t desk.Ticket) error {
		a.Tickets++
		events, err := tx.Events(t.ID)
		if err != nil {
			return err
		}
		var sum desk.Ticket
		for _, e := range events {
			sum = desk.Evolve(sum, e)
		}
		if fmt.Sprintf("%+v", sum) != fmt.Sprintf("%+v", t) {
			a.fault("el ticket %s no es la suma de sus sucesos", t.Number)
		}
		for _, missing := range tx.MissingIndex(t) {
			a.fault("el ticket %s falta en %s", t.Number, missing)
		}
		return nil
	})
}

// RawMail calls fn with the raw mail at a position, once it is settled, and its
// envelope.
func (g *Gateway) RawMail(ctx context.Context, position string, fn func(env mail.Envelope, raw []byte) error) error {
	p, err := g.received(ctx, position)
	if err != nil {
		return err
	}
	r, release, err := g.log.Read(p)
	if err != nil {
		return err
	}
	defer release()
	return fn(r.Envelope, r.Raw)
}
