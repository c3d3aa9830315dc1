package gateway

import (
	"fmt"
	"strconv"

	"ventanilla/desk"
	"ventanilla/rules"
)

// activities notes the work that agents tell of: on a ticket, by the event; on none, by
// the mail.
func (s *settling) activities(d rules.Decision) error {
	today := s.now.In(s.zone())
	for i, a := range d.Activities {
		if err := s.tx.PutActivity(today, s.position()+"."+strconv.Itoa(i), a); err != nil {
			return err
		}
	}
	return nil
}

// timed keeps what is noted of an agent's day in step with a ticket's events.
func (s *settling) timed(e desk.Event) error {
	switch e.Kind {
	case desk.TimeSpent:
		minutes, err := strconv.Atoi(e.New)
		if err != nil {
			return err
		}
		return s.tx.PutActivity(e.At.In(s.zone()), spentID(e), desk.Activity{At: e.At, Agent: e.Actor.Agent(), Minutes: minutes, Text: e.Text, Ticket: e.Ticket})
	case desk.Undone:
		events, err := s.tx.Events(e.Ticket)
		if err != nil {
			return err
		}
		for _, u := range events {
			if u.Kind != desk.TimeSpent || u.Seq <= e.Before.Revision {
				continue
			}
			if err := s.tx.DropActivity(u.At.In(s.zone()), u.Actor.Agent(), spentID(u)); err != nil {
				return err
			}
		}
	}
	return nil
}

func spentID(e desk.Event) string { return fmt.Sprintf("t%d.%06d", e.Ticket, e.Seq) }
