package store

import (
	"errors"
	"strings"
	"time"

	"ventanilla/desk"
)

// Preferences returns what agents chose by mail, by their names.
func (tx Tx) Preferences() (all map[string]desk.Preferences, err error) {
	_, err = tx.find("meta/preferences", &all)
	return all, err
}

// SetPreferences notes what an agent chose.
func (tx Tx) SetPreferences(agent string, p desk.Preferences) error {
	all, err := tx.Preferences()
	if err != nil {
		return err
	}
	if all == nil {
		all = map[string]desk.Preferences{}
	}
	all[agent] = p
	return tx.put("meta/preferences", all)
}

// Alerts are what somebody is not told of at once, since he was told of the same
// ticket just before.
type Alerts struct {
	Ticket  desk.TicketID `json:"ticket"`
	Whom    desk.Actor    `json:"whom"`
	Until   time.Time     `json:"until"`             // when what has come is told in one mail
	Waiting []Alert       `json:"waiting,omitempty"` // in their order
}

// Alert is one event that somebody is told of.
type Alert struct {
	Event int    `json:"event"` // its Seq
	Mail  string `json:"mail"`  // that would have told it, by name
}

func (a Alerts) key() string { return "alerts/" + id10(a.Ticket) + "/" + string(a.Whom) }
func (a Alerts) dueKey() string {
	return "alert/" + momentKey(a.Until) + "/" + id10(a.Ticket) + "/" + string(a.Whom)
}

// AlertsOf returns the alerts of a ticket that wait for somebody, and whether he is
// being told of it at all.
func (tx Tx) AlertsOf(ticket desk.TicketID, whom desk.Actor) (a Alerts, ok bool, err error) {
	a.Ticket, a.Whom = ticket, whom
	ok, err = tx.find(a.key(), &a)
	return a, ok, err
}

// PutAlerts stores alerts over those of the same ticket and person.
func (tx Tx) PutAlerts(a Alerts) error {
	if err := tx.DropAlerts(a.Ticket, a.Whom); err != nil {
		return err
	}
	return errors.Join(tx.put(a.key(), a), tx.kv.Put(a.dueKey(), []byte("1")))
}

// DropAlerts forgets them.
func (tx Tx) DropAlerts(ticket desk.TicketID, whom desk.Actor) error {
	old, ok, err := tx.AlertsOf(ticket, whom)
	if err != nil || !ok {
		return err
	}
	return errors.Join(tx.kv.Delete(old.key()), tx.kv.Delete(old.dueKey()))
}

// DueAlerts returns the alerts whose time has come by now, the first of them first, at
// most limit.
func (tx Tx) DueAlerts(now time.Time, limit int) (due []Alerts, err error) {
	const prefix = "alert/"
	to := prefix + padded(uint64(max(0, now.UnixMilli()+1)), 14)
	err = tx.kv.Scan(prefix, to, limit, false, func(key string, _ []byte) error {
		_, rest, _ := strings.Cut(key[len(prefix):], "/")
		id, whom, _ := strings.Cut(rest, "/")
		a, ok, err := tx.AlertsOf(desk.TicketID(parseID(id)), desk.Actor(whom))
		if ok {
			due = append(due, a)
		}
		return err
	})
	return due, err
}
