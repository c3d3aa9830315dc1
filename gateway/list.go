package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/templates"
)

const (
	listMost = 50   // tickets on a page of a list
	lookMost = 4000 // keys of indexes that are looked at for a page
)

// page is a page of a list.
type page struct {
	title   string
	rows    []templates.Row
	tickets map[desk.TicketID]int
	more    string // what to ask for to see more, "" if that is all
	note    string // under the list; may be empty
	reader  bool   // it is for one who only reads
}

// list looks up a page of a list, the newest first. It costs about what it lists: of
// the indexes that its filters name the smallest is followed, and of what no index
// tells at most lookMost keys are looked at for a page.
func (g *Gateway) list(tx store.Tx, setup *Setup, now time.Time, l rules.List, to mailout.Addressee) (p page, err error) {
	p.title, p.tickets = listTitle(setup, l, to.Language), map[desk.TicketID]int{}
	a, _ := setup.World.AgentAt(to.Address)
	p.reader = a.Reader
	found, next, err := listed(tx, setup, now, l)
	if err == nil && next == 0 && l.Before == "" {
		found, err = g.alsoSaid(tx, now, l, found)
	}
	if err != nil {
		return p, err
	}
	for _, t := range found {
		row, err := g.row(tx, setup, now, t, to)
		if err != nil {
			return p, err
		}
		p.rows = append(p.rows, row)
		p.tickets[t.ID] = t.Revision
	}
	if next != 0 {
		t, err := tx.Ticket(next)
		if err != nil {
			return p, err
		}
		p.more = l.Asked + " antes:" + t.Number
	}
	if l.Search && l.States == nil && l.Number == "" {
		p.note = setup.Words.Word(to.Language, "list-unended") + " " + l.Asked + " estado:todos"
	}
	return p, nil
}

// row is a ticket's line in a list.
func (g *Gateway) row(tx store.Tx, setup *Setup, now time.Time, t desk.Ticket, to mailout.Addressee) (templates.Row, error) {
	requester, err := tx.Person(t.Requester)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return templates.Row{}, err
	}
	row := g.renderer(setup).Row(t, requester, to, now)
	if t.Held == 0 {
		return row, nil
	}
	articles, err := tx.Articles(t.ID, 0, heldMost)
	for _, a := range articles {
		if a.Kind == desk.KindHeld {
			row.Held = append(row.Held, a.Number)
		}
	}
	return row, err
}

// listed returns the tickets of a page, and the one before which the next page goes
// on, 0 if there is none.
func listed(tx store.Tx, setup *Setup, now time.Time, l rules.List) (found []desk.Ticket, next desk.TicketID, err error) {
	var before desk.TicketID
	if l.Before != "" {
		t, ok, err := numbered(tx, setup, l.Before)
		if err != nil || !ok {
			return nil, 0, err
		}
		before = t.ID
	}
	if l.Number != "" {
		if t, ok, err := numbered(tx, setup, l.Number); err != nil || ok {
			return []desk.Ticket{t}, 0, err
		}
	}
	groups, err := searched(tx, l)
	if err != nil || groups == nil {
		return nil, 0, err
	}
	full := false
	next, err = tx.Find(groups, before, lookMost, func(t desk.Ticket) (bool, error) {
		if full = len(found) == listMost; full {
			return false, nil
		}
		if l.Fits(t.Clocks.Light(now)) {
			found = append(found, t)
		}
		return true, nil
	})
	if full {
		next = found[listMost-1].ID
	}
	return found, next, err
}

// numbered returns the ticket with a number, as people write it: the zeros before it
// may be left out.
func numbered(tx store.Tx, setup *Setup, number string) (t desk.Ticket, ok bool, err error) {
	padded := strings.Repeat("0", max(0, setup.World.NumberDigits-len(number))) + number
	for _, n := range []string{number, padded} {
		if t, err = tx.TicketByNumber(n); !errors.Is(err, store.ErrNotFound) {
			return t, err == nil, err
		}
	}
	return t, false, nil
}

// searched says under which indexes a list's tickets stand. It returns nil where there
// can be none.
func searched(tx store.Tx, l rules.List) (groups [][]string, err error) {
	states := l.In()
	in := func(index func(desk.State) string) {
		var g []string
		for _, s := range states {
			g = append(g, index(s))
		}
		groups = append(groups, g)
	}
	if l.Agent != "" {
		in(func(s desk.State) string { return store.OfAssignee(l.Agent, s) })
	}
	if l.Nobodys {
		in(func(s desk.State) string { return store.OfAssignee(store.Nobody, s) })
	}
	if l.Queue != "" {
		in(func(s desk.State) string { return store.InQueue(l.Queue, s) })
	}
	exact := len(groups) > 0
	groups, whole := append(groups, fields(l, states)...), wholeClasses(states)
	if l.Requester != "" {
		p, ok, err := tx.PersonAt(l.Requester)
		if err != nil || !ok {
			return nil, err
		}
		groups, whole = append(groups, []string{store.OfRequester(p.ID)}), false
	}
	if !exact && (len(groups) == 0 || !whole) {
		in(store.InState)
	}
	return groups, nil
}

// fields are the indexes of a list's further filters. They tell what is ended from what
// is not, and nothing else about states.
func fields(l rules.List, states []desk.State) (groups [][]string) {
	ended := slices.ContainsFunc(states, desk.State.Ended)
	live := slices.ContainsFunc(states, func(s desk.State) bool { return !s.Ended() })
	with := func(f store.Field, value string) {
		var g []string
		if value == "" {
			return
		}
		if live {
			g = append(g, store.With(f, value, false))
		}
		if ended {
			g = append(g, store.With(f, value, true))
		}
		groups = append(groups, g)
	}
	with(store.ByClient, l.Client)
	with(store.ByService, l.Service)
	with(store.ByResponsible, l.Responsible)
	with(store.ByExternal, l.External)
	with(store.ByTag, l.Tag)
	with(store.ByWaiting, string(l.Waiting))
	if l.Priority > 0 {
		with(store.ByPriority, strconv.Itoa(l.Priority))
	}
	if l.Overdue {
		with(store.ByOverdue, store.Overdue)
	}
	for _, f := range l.Fields {
		with(store.OwnField(f[0]), f[1])
	}
	for _, w := range store.Words(strings.Join(l.Words, " ")) {
		with(store.ByWord, w)
	}
	return groups
}

// wholeClasses says that of what is ended, and of what is not, a list has all states
// or none.
func wholeClasses(states []desk.State) bool {
	live, ended := 0, 0
	for _, s := range states {
		if s.Ended() {
			ended++
		} else {
			live++
		}
	}
	return (live == 0 || live == 4) && (ended == 0 || ended == 3)
}

func listTitle(setup *Setup, l rules.List, language string) string {
	word := func(key string) string { return setup.Words.Word(language, key) }
	switch {
	case l.Search:
		return word("list-search") + ": " + strings.TrimSpace(l.Asked[strings.IndexByte(l.Asked+" ", ' '):])
	case l.Agent != "" && !l.Nobodys:
		return word("list-mine")
	}
	q, _ := setup.World.Queue(l.Queue)
	return word("list-queue") + " " + q.Title
}

// data remembers a page, so that an answer can name its tickets, and puts it into a
// mail.
func (p page) data(tx store.Tx) (d templates.Data, n int, err error) {
	if len(p.tickets) > 0 || p.more != "" {
		n, err = tx.AddListing(store.Listing{Tickets: p.tickets, More: p.more})
	}
	d = templates.Data{Subject: p.title, Rows: p.rows, Reader: p.reader, Suggestion: p.more}
	if p.note != "" {
		d.Reason = p.note
	}
	return d, n, err
}

// daily is a digest that is due: an agent's own, or that of a queue for one of those
// who get it.
type daily struct {
	key   string // under which it is noted that it was sent
	agent desk.Agent
	queue *desk.Queue // nil: his own
}

// dailies are the digests whose hour has come, as the agents want them.
func dailies(w *desk.World, now time.Time, clock time.Duration) (due []daily) {
	for _, a := range w.Agents {
		if a.Digest > 0 && clock >= a.Digest && !a.IsAway(now) {
			due = append(due, daily{key: a.Name, agent: a})
		}
	}
	for _, q := range w.Queues {
		if q.Digest == 0 || clock < q.Digest {
			continue
		}
		to := q.DigestTo
		if to == nil {
			to = q.Agents
		}
		for _, name := range to {
			if a, ok := w.Agent(name); ok && !a.NoQueueDigests && !a.IsAway(now) {
				due = append(due, daily{key: "queue/" + q.Name + "/" + a.Name, agent: a, queue: &q})
			}
		}
	}
	return due
}

// tellDigests sends the digests whose hour has come, where there is anything to tell.
// One a day, however often the desk is started.
func (g *Gateway) tellDigests(ctx context.Context) error {
	setup, now := g.Setup(), g.now().UTC().Truncate(time.Millisecond)
	local := now
	if z := setup.World.Zone; z != nil {
		local = now.In(z)
	}
	day, clock := local.Format("2006-01-02"), time.Duration(local.Hour())*time.Hour+time.Duration(local.Minute())*time.Minute
	var due []daily
	err := g.store.View(ctx, func(tx store.Tx) error {
		due = nil
		preferences, err := tx.Preferences()
		if err != nil {
			return err
		}
		for _, d := range dailies(setup.World.Preferring(preferences), now, clock) {
			last, err := tx.DigestDay(d.key)
			if err != nil {
				return err
			}
			if last < day {
				due = append(due, d)
			}
		}
		return nil
	})
	faults := []error{err}
	for _, d := range due {
		if err := g.tellDigest(ctx, setup, now, d, day); err != nil {
			faults = append(faults, fmt.Errorf("digest %s: %w", d.key, err))
		}
	}
	return errors.Join(faults...)
}

func (g *Gateway) tellDigest(ctx context.Context, setup *Setup, now time.Time, due daily, day string) error {
	queued := false
	err := g.store.Update(ctx, func(tx store.Tx) error {
		queued = false
		if last, err := tx.DigestDay(due.key); err != nil || last >= day {
			return err
		}
		p, err := g.digest(tx, setup, now, due)
		if err != nil || len(p.rows) == 0 {
			return errors.Join(err, tx.SetDigestDay(due.key, day))
		}
		d, n, err := p.data(tx)
		if err != nil {
			return err
		}
		l := mailout.Letter{Template: "resumen", To: agentAddressee(setup, due.agent), Seed: "digest " + due.key + " " + day, At: now, Data: d, Listing: n, Stop: desk.StopOwnDigest}
		if due.queue != nil {
			l.Data.Queue, l.Queue, l.Stop = due.queue.Title, due.queue.Name, desk.StopQueueDigests
		}
		o, err := g.renderer(setup).Letter(l)
		if err != nil {
			return err
		}
		queued = true
		return errors.Join(tx.Enqueue(o), tx.SetDigestDay(due.key, day))
	})
	if err == nil && queued {
		g.wakeSender()
	}
	return err
}

// digest gathers what a queue has to do, or an agent's own tickets and those of his
// queues that nobody has.
func (g *Gateway) digest(tx store.Tx, setup *Setup, now time.Time, due daily) (page, error) {
	to := agentAddressee(setup, due.agent)
	if q := due.queue; q != nil {
		return g.list(tx, setup, now, rules.List{Queue: q.Name, Asked: "cola " + q.Name}, to)
	}
	all, err := g.list(tx, setup, now, rules.List{Agent: due.agent.Name, Asked: "mis tickets"}, to)
	for _, q := range setup.World.Queues {
		if err != nil || !slices.Contains(q.Agents, due.agent.Name) {
			continue
		}
		var p page
		p, err = g.list(tx, setup, now, rules.List{Queue: q.Name, Nobodys: true, Asked: "cola " + q.Name + " asignado:nadie"}, to)
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
