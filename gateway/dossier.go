package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/dossier"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/intake"
)

// Dossier writes a ticket with its mails and its history into one file whose every
// byte is vouched for: see package dossier. ErrNotFound says that there is no such
// ticket; then nothing is written.
func (g *Gateway) Dossier(ctx context.Context, number string, w io.Writer) error {
	var d dossier.Dossier
	err := g.store.View(ctx, func(tx store.Tx) error {
		t, err := tx.TicketByNumber(number)
		if err != nil {
			return err
		}
		d, err = g.dossier(tx, g.Setup(), t, g.now())
		return err
	})
	if err != nil {
		return err
	}
	return dossier.Write(w, d, g.keys.Seal)
}

// Sealed says whether a seal is that of this desk over a sum.
func (g *Gateway) Sealed(sum, seal string) bool { return g.keys.Sealed(sum, seal) }

// dossier gathers what is known of a ticket. The mails themselves are read when they
// are written.
func (g *Gateway) dossier(tx store.Tx, setup *Setup, t desk.Ticket, now time.Time) (d dossier.Dossier, err error) {
	d = dossier.Dossier{Desk: setup.World.Name, Domain: setup.World.Domain, Number: t.Number, Subject: t.Subject, Made: now.UTC().Truncate(time.Second)}
	evs, err := tx.Events(t.ID)
	if err != nil {
		return d, err
	}
	articles, err := tx.Articles(t.ID, 0, 0)
	if err != nil {
		return d, err
	}
	sent, err := tx.Sent(t.ID)
	if err != nil {
		return d, err
	}
	for _, a := range articles {
		raw, err := g.envelope(a)
		if err != nil {
			return d, err
		}
		d.Facts = append(d.Facts, dossier.Fact{Kind: dossier.Received, At: a.At, Data: recorded(a), From: raw, Open: func() ([]byte, error) {
			raw, release, err := g.Raw(context.Background(), a.Mail)
			if err != nil {
				return nil, err
			}
			defer release()
			return bytes.Clone(raw), nil
		}})
	}
	for _, e := range evs {
		d.Facts = append(d.Facts, dossier.Fact{Kind: dossier.Event, At: e.At, Data: recorded(e)})
	}
	for _, s := range sent {
		d.Facts = append(d.Facts, dossier.Fact{Kind: dossier.Sent, At: s.At, Data: recorded(s)})
	}
	slices.SortStableFunc(d.Facts, func(a, b dossier.Fact) int { return a.At.Compare(b.At) })
	people, err := peopleOf(tx, t, evs)
	if err != nil {
		return d, err
	}
	d.Ticket = recorded(struct {
		Ticket desk.Ticket                   `json:"ticket"`
		People map[desk.PersonID]desk.Person `json:"people"`
	}{t, people})
	d.Text = g.told(setup, t, evs, sent, people)
	return d, nil
}

// envelope returns the envelope sender of an article's mail.
func (g *Gateway) envelope(a desk.Article) (string, error) {
	p, err := intake.ParsePosition(a.Mail)
	if err != nil {
		return "", err
	}
	r, release, err := g.log.Read(p)
	if err != nil {
		return "", fmt.Errorf("read the mail of article %d: %w", a.Number, err)
	}
	defer release()
	return r.Envelope.From, nil
}

// recorded is a record as it is stored.
func recorded(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data
	}
	return b
}

// peopleOf are those whom the ticket and its events name.
func peopleOf(tx store.Tx, t desk.Ticket, evs []desk.Event) (map[desk.PersonID]desk.Person, error) {
	ids := append([]desk.PersonID{t.Requester}, t.Others...)
	for _, e := range evs {
		ids = append(ids, e.Person, e.Actor.Person())
	}
	people := map[desk.PersonID]desk.Person{}
	for _, id := range ids {
		if _, there := people[id]; there || id == 0 {
			continue
		}
		p, err := tx.Person(id)
		if err != nil {
			return nil, err
		}
		people[id] = p
	}
	return people, nil
}

// told is the history as people read it, a line for each thing that happened.
func (g *Gateway) told(setup *Setup, t desk.Ticket, evs []desk.Event, sent []store.Sent, people map[desk.PersonID]desk.Person) string {
	word := func(key string) string { return setup.Words.Word(setup.World.Language, key) }
	zone := setup.World.Zone
	if zone == nil {
		zone = time.UTC
	}
	r, w := g.renderer(setup), mailout.World{Desk: setup.World, People: people}
	var b strings.Builder
	fmt.Fprintf(&b, "#%s %s\n%s\n\n", t.Number, t.Subject, setup.World.Name)
	for _, e := range evs {
		author, address := r.Author(w, e.Actor)
		if address != "" && address != author {
			author += " <" + address + ">"
		}
		fmt.Fprintf(&b, "%s  %s  (%s)", e.At.In(zone).Format("2006-01-02 15:04"), word("event-"+string(e.Kind)), author)
		if e.Old != "" || e.New != "" {
			fmt.Fprintf(&b, "  %s → %s", e.Old, e.New)
		}
		b.WriteByte('\n')
		if e.Text != "" {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(e.Text, "\n", "\n    "))
		}
	}
	b.WriteByte('\n')
	for _, s := range sent {
		fmt.Fprintf(&b, "%s  %s → %s: %s %s\n", s.At.In(zone).Format("2006-01-02 15:04"), s.Kind, s.To, s.Outcome, s.Report)
	}
	return b.String()
}

// exportMost is how many bytes of a dossier go by mail.
const exportMost = 10 << 20

// exported puts a ticket's dossier into the letter to the agent who asks for it. One
// that is too large for a mail is fetched by the command line.
func (s *settling) exported(out *mailout.Letter, l rules.Letter) error {
	if !l.Export || out.Ticket == nil {
		return nil
	}
	d, err := s.g.dossier(s.tx, s.setup, *out.Ticket, s.now)
	if err != nil {
		return err
	}
	b := &bounded{most: exportMost}
	err = dossier.Write(b, d, s.g.keys.Seal)
	if b.full {
		out.Data.Reason = s.setup.Words.Word(out.To.Language, "reason-export-too-large")
		return nil
	}
	if err != nil {
		return err
	}
	out.Files = []mailout.File{{Name: "solicitud-" + out.Ticket.Number + ".mbox", Type: "application/mbox", Data: b.Bytes()}}
	return nil
}

// bounded is a buffer that takes no more than most bytes.
type bounded struct {
	bytes.Buffer
	most int
	full bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.full = b.full || b.Len()+len(p) > b.most; b.full {
		return 0, io.ErrShortBuffer
	}
	return b.Buffer.Write(p)
}
