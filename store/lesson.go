package store

import (
	"fmt"
	"strings"

	"ventanilla/desk"
)

// Lesson names an event by which a ticket becomes an article of what the desk knows.
type Lesson struct {
	Ticket desk.TicketID
	Seq    int
}

func (l Lesson) key() string { return "lesson/" + id10(l.Ticket) + "/" + fmt.Sprintf("%06d", l.Seq) }

// AddLesson notes that an article is to be written.
func (tx Tx) AddLesson(ticket desk.TicketID, seq int) error {
	return tx.kv.Put(Lesson{ticket, seq}.key(), []byte("1"))
}

// Lessons returns the articles that are still to be written, at most limit.
func (tx Tx) Lessons(limit int) (ls []Lesson, err error) {
	err = each(tx, "lesson/", "", limit, false, func(rest string, _ int) error {
		ticket, seq, _ := strings.Cut(rest, "/")
		ls = append(ls, Lesson{desk.TicketID(parseID(ticket)), int(parseID(seq))})
		return nil
	})
	return ls, err
}

// Learnt notes that an article is written.
func (tx Tx) Learnt(l Lesson) error { return tx.kv.Delete(l.key()) }
