package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"ventanilla/desk"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/templates"
)

const (
	listMost = 50   // tickets on a page of a list
	lookMost = 2000 // tickets of each state that are looked at for a page
	lookStep = 100  // at a time
)

// page is a page of a list.
type page struct {
	title   string
	rows    []templates.Row
	tickets map[desk.TicketID]int
	more    string // what to ask for to see more, "" if that is all
}

// list looks up a page of a list, the newest first. It costs what it looks at,
// which is bounded, however much the store holds.
func (g *Gateway) list(tx store.Tx, setup *Setup, now time.Time, l rules.List, to mailout.Addressee) (p page, err error) {
	var found []desk.Ticket
	cut := false
	for _, state := range []desk.State{desk.New, desk.Open, desk.Pending} {
		ts, more, err := listed(tx, now, l, state)
		if err != nil {
			return p, err
		}
		found, cut = append(found, ts...), cut || more
	}
	slices.SortFunc(found, func(a, b desk.Ticket) int { return int(b.ID) - int(a.ID) })
	if len(found) > listMost {
		found, cut = found[:listMost], true
	}
	r := g.renderer(setup)
	p.title, p.tickets = listTitle(setup, l, to.Language), map[desk.TicketID]int{}
	for _, t := range found {
		requester, err := tx.Person(t.Requester)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return p, err
		}
		p.rows = append(p.rows, r.Row(t, requester, to, now))
		p.tickets[t.ID] = t.Revision
	}
	if cut && len(found) > 0 {
		p.more = l.Asked + " antes:" + found[len(found)-1].Number
	}
	return p, nil
}

// listed returns the tickets of one state that are on a list, at most a page and
// whether there may be more.
func listed(tx store.Tx, now time.Time, l rules.List, state desk.State) (found []desk.Ticket, more bool, err error) {
	where := "state/" + string(state)
	switch {
	case l.Agent != "":
		where = "assignee/" + l.Agent + "/" + string(state)
	case l.Queue != "":
		where = "queue/" + l.Queue + "/" + string(state)
	}
	var before desk.TicketID
	if l.Before != "" {
		t, err := tx.TicketByNumber(l.Before)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, false, err
		}
		before = t.ID
	}
	for looked := 0; looked < lookMost; looked += lookStep {
		ts, err := tx.Tickets(where, before, lookStep)
		if err != nil {
			return nil, false, err
		}
		for _, t := range ts {
			if l.Fits(t, t.Clocks.Light(now)) {
				found = append(found, t)
			}
			if len(found) > listMost {
				return found, true, nil
			}
		}
		if len(ts) < lookStep {
			return found, false, nil
		}
		before = ts[len(ts)-1].ID
	}
	return found, true, nil
}

func listTitle(setup *Setup, l rules.List, language string) string {
	word := func(key string) string { return setup.Words.Word(language, key) }
	switch {
	case l.Agent != "":
		return word("list-mine")
	case l.Queue != "" && len(l.Words) == 0:
		q, _ := setup.World.Queue(l.Queue)
		return word("list-queue") + " " + q.Title
	}
	return word("list-search") + ": " + l.Asked
}

// data remembers a page, so that an answer can name its tickets, and puts it into a
// mail.
func (p page) data(tx store.Tx) (d templates.Data, n int, err error) {
	if len(p.tickets) > 0 {
		n, err = tx.AddListing(p.tickets)
	}
	return templates.Data{Subject: p.title, Rows: p.rows, Suggestion: p.more}, n, err
}

// tellDigests sends the agents whose hour has come what is theirs and what nobody
// has taken in their queues; nothing, if there is nothing. One a day, however often
// the desk is started.
func (g *Gateway) tellDigests(ctx context.Context) error {
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	local := now
	if z := setup.World.Zone; z != nil {
		local = now.In(z)
	}
	day, clock := local.Format("2006-01-02"), time.Duration(local.Hour())*time.Hour+time.Duration(local.Minute())*time.Minute
	var faults []error
	for _, a := range setup.World.Agents {
		if a.Digest == 0 || clock < a.Digest || a.IsAway(now) {
			continue
		}
		if err := g.tellDigest(ctx, setup, now, a, day); err != nil {
			faults = append(faults, fmt.Errorf("digest of agent %s: %w", a.Name, err))
		}
	}
	return errors.Join(faults...)
}

func (g *Gateway) tellDigest(ctx context.Context, setup *Setup, now time.Time, a desk.Agent, day string) error {
	last := ""
	err := g.store.View(ctx, func(tx store.Tx) (err error) { last, err = tx.DigestDay(a.Name); return err })
	if err != nil || last >= day {
		return err
	}
	queued := false
	err = g.store.Update(ctx, func(tx store.Tx) error {
		queued = false
		if last, err := tx.DigestDay(a.Name); err != nil || last >= day {
			return err
		}
		p, err := g.digest(tx, setup, now, a)
		if err != nil || len(p.rows) == 0 {
			return errors.Join(err, tx.SetDigestDay(a.Name, day))
		}
		d, n, err := p.data(tx)
		if err != nil {
			return err
		}
		o, err := g.renderer(setup).Letter(mailout.Letter{Template: "resumen", To: agentAddressee(setup, a), Seed: "digest " + a.Name + " " + day, At: now, Data: d, Listing: n})
		if err != nil {
			return err
		}
		queued = true
		return errors.Join(tx.Enqueue(o), tx.SetDigestDay(a.Name, day))
	})
	if err == nil && queued {
		g.wakeSender()
	}
	return err
}

// digest gathers an agent's own tickets and those of his queues that nobody has.
func (g *Gateway) digest(tx store.Tx, setup *Setup, now time.Time, a desk.Agent) (page, error) {
	to := agentAddressee(setup, a)
	all, err := g.list(tx, setup, now, rules.List{Agent: a.Name, Asked: "mis tickets"}, to)
	for _, q := range setup.World.Queues {
		if err != nil || !slices.Contains(q.Agents, a.Name) {
			continue
		}
		var p page
		p, err = g.list(tx, setup, now, rules.List{Queue: q.Name, Nobodys: true, Asked: "cola " + q.Name}, to)
		all.rows = append(all.rows, p.rows...)
		maps.Copy(all.tickets, p.tickets)
		all.more = cmp.Or(all.more, p.more)
	}
	return all, err
}

func agentAddressee(setup *Setup, a desk.Agent) mailout.Addressee {
	to := mailout.Addressee{Name: a.Title, Address: a.Address, Language: a.Language, Agent: true}
	if to.Language == "" {
		to.Language = setup.World.Language
	}
	return to
}
