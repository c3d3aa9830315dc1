package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
)

// NextTicket returns the id of a new ticket and how many there are of its day.
func (tx Tx) NextTicket(now time.Time) (id desk.TicketID, today int, err error) {
	n, err := tx.next("ticket")
	if err != nil {
		return 0, 0, err
	}
	var day struct {
		Day   string `json:"day"`
		Count int    `json:"count"`
	}
	if _, err := tx.find("meta/today", &day); err != nil {
		return 0, 0, err
	}
	if d := now.Format("2006-01-02"); day.Day != d {
		day.Day, day.Count = d, 0
	}
	day.Count++
	return desk.TicketID(n), day.Count, tx.put("meta/today", day)
}

// Ticket returns a ticket, or ErrNotFound.
func (tx Tx) Ticket(id desk.TicketID) (t desk.Ticket, err error) {
	err = tx.get("ticket/"+id10(id), &t)
	return t, err
}

// TicketByNumber returns the ticket with the number that people see, or
// ErrNotFound.
func (tx Tx) TicketByNumber(number string) (t desk.Ticket, err error) {
	var id desk.TicketID
	if err := tx.get("number/"+strings.ToLower(number), &id); err != nil {
		return t, err
	}
	return tx.Ticket(id)
}

// PutTicket stores t as it is after evs. ErrConflict says that t was not made
// from the ticket stored.
func (tx Tx) PutTicket(t desk.Ticket, evs []desk.Event) error {
	old, err := tx.Ticket(t.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if old.Revision+len(evs) != t.Revision {
		return fmt.Errorf("ticket %d is at revision %d, not %d: %w", t.ID, old.Revision, t.Revision-len(evs), ErrConflict)
	}
	for _, e := range evs {
		if err := tx.put(fmt.Sprintf("event/%s/%06d", id10(t.ID), e.Seq), e); err != nil {
			return err
		}
	}
	if old.Revision == 0 {
		if err := tx.put("number/"+strings.ToLower(t.Number), t.ID); err != nil {
			return err
		}
	}
	if err := tx.putIndex(old, t); err != nil {
		return err
	}
	if err := tx.tallyTicket(old, t); err != nil {
		return err
	}
	if len(evs) > 0 {
		if err := tx.addChange(Change{Ticket: t.ID, First: evs[0].Seq, Last: t.Revision}); err != nil {
			return err
		}
	}
	return tx.put("ticket/"+id10(t.ID), t)
}

// momentKey writes a time as keys have it. Part of a millisecond counts as a whole
// one, so that what is found by its key is due.
func momentKey(at time.Time) string {
	return padded(uint64(max(0, at.Add(time.Millisecond-1).UnixMilli())), 14)
}

// DueTickets returns the tickets at which the desk has to look by now (their NextDue
// has come), in order of that time, from the one behind after ("" from the first), at
// most limit; and what to give as after for more, "" if there is none.
func (tx Tx) DueTickets(now time.Time, after string, limit int) (ids []desk.TicketID, more string, err error) {
	from := "wake/"
	if after != "" {
		from = after + "\x00"
	}
	to := "wake/" + padded(uint64(max(0, now.UnixMilli()+1)), 14)
	err = tx.kv.Scan(from, to, limit, false, func(key string, _ []byte) error {
		ids, more = append(ids, desk.TicketID(parseID(key[strings.LastIndexByte(key, '/')+1:]))), key
		return nil
	})
	if len(ids) < limit {
		more = ""
	}
	return ids, more, err
}

func (tx Tx) putIndex(old, t desk.Ticket) error {
	was, is := indexKeys(old), indexKeys(t)
	for _, k := range was {
		if !slices.Contains(is, k) {
			if err := tx.kv.Delete(k); err != nil {
				return err
			}
		}
	}
	for _, k := range is {
		if !slices.Contains(was, k) {
			if err := tx.kv.Put(k, []byte("1")); err != nil {
				return err
			}
		}
	}
	return nil
}

// Event returns an event of a ticket, or ErrNotFound.
func (tx Tx) Event(id desk.TicketID, seq int) (e desk.Event, err error) {
	err = tx.get(fmt.Sprintf("event/%s/%06d", id10(id), seq), &e)
	return e, err
}

// Events returns a ticket's events in order.
func (tx Tx) Events(id desk.TicketID) (evs []desk.Event, err error) {
	err = each(tx, "event/"+id10(id)+"/", "", 0, false, func(_ string, e desk.Event) error {
		evs = append(evs, e)
		return nil
	})
	return evs, err
}

// EventsBetween returns a ticket's events from one Seq to another, both with them.
func (tx Tx) EventsBetween(id desk.TicketID, first, last int) (evs []desk.Event, err error) {
	err = each(tx, "event/"+id10(id)+"/", fmt.Sprintf("%06d", first-1), last-first+1, false, func(_ string, e desk.Event) error {
		evs = append(evs, e)
		return nil
	})
	return evs, err
}

// PutArticle stores an article.
func (tx Tx) PutArticle(a desk.Article) error {
	return tx.put(fmt.Sprintf("article/%s/%06d", id10(a.Ticket), a.Number), a)
}

// Article returns an article, or ErrNotFound.
func (tx Tx) Article(id desk.TicketID, number int) (a desk.Article, err error) {
	err = tx.get(fmt.Sprintf("article/%s/%06d", id10(id), number), &a)
	return a, err
}

// Articles returns a ticket's articles in order, from the one behind after, at
// most limit (0: all).
func (tx Tx) Articles(id desk.TicketID, after, limit int) (as []desk.Article, err error) {
	start := ""
	if after > 0 {
		start = fmt.Sprintf("%06d", after)
	}
	err = each(tx, "article/"+id10(id)+"/", start, limit, false, func(_ string, a desk.Article) error {
		as = append(as, a)
		return nil
	})
	return as, err
}

// Tickets returns tickets, the newest first, from the one before the given (0:
// from the newest), at most limit. where is "" for all, or an index, as
// "state/open", "queue/soporte/new" or "assignee/luis/open".
func (tx Tx) Tickets(where string, before desk.TicketID, limit int) (ts []desk.Ticket, err error) {
	after := ""
	if before > 0 {
		after = id10(before)
	}
	if where == "" {
		err = each(tx, "ticket/", after, limit, true, func(_ string, t desk.Ticket) error {
			ts = append(ts, t)
			return nil
		})
		return ts, err
	}
	err = each(tx, "index/"+where+"/", after, limit, true, func(rest string, _ int) error {
		t, err := tx.Ticket(desk.TicketID(parseID(rest)))
		ts = append(ts, t)
		return err
	})
	return ts, err
}

// EachTicket calls fn for every ticket, in order of id. It reads the store.
func (tx Tx) EachTicket(fn func(desk.Ticket) error) error {
	return each(tx, "ticket/", "", 0, false, func(_ string, t desk.Ticket) error { return fn(t) })
}

// MissingIndex returns the keys under which a ticket should be found and is not.
func (tx Tx) MissingIndex(t desk.Ticket) (missing []string) {
	for _, k := range append(indexKeys(t), "number/"+strings.ToLower(t.Number)) {
		if _, err := tx.kv.Get(k); err != nil {
			missing = append(missing, k)
		}
	}
	return missing
}

// Turns returns how many tickets of a queue were given by turns.
func (tx Tx) Turns(queue string) (int, error) { return tx.counter("turn/" + queue) }

// TakeTurn notes one more.
func (tx Tx) TakeTurn(queue string) error {
	_, err := tx.next("turn/" + queue)
	return err
}

// Load returns how many tickets an agent has that are not ended, at most limit of
// each state.
func (tx Tx) Load(agent string, limit int) (n int, err error) {
	for _, state := range []desk.State{desk.New, desk.Open, desk.Pending} {
		prefix := "index/" + OfAssignee(agent, state) + "/"
		if err := tx.kv.Scan(prefix, prefix+"~", limit, false, func(string, []byte) error { n++; return nil }); err != nil {
			return n, err
		}
	}
	return n, nil
}
