package store_test

import (
	"testing"
	"time"

	"ventanilla/mailout"
	"ventanilla/store"
	"ventanilla/store/mem"
)

// TestReportBeforeFinish: a bounce can come before the sender has noted that the
// smarthost took the mail; what it says stays when that is noted.
func TestReportBeforeFinish(t *testing.T) {
	e := mem.New()
	o := mailout.Outgoing{ID: "m1", Ticket: 7, Event: 3, Kind: "respuesta", To: "ana@uni.example", Created: at, Due: at, Pieces: []mailout.Piece{{Text: "Hola."}}}
	by := func() (ss []store.Sent) {
		update(t, e, func(tx store.Tx) (err error) { ss, err = tx.SentBy(7, 3); return err })
		return ss
	}
	update(t, e, func(tx store.Tx) error { return tx.Enqueue(o) })
	ss := by()
	if len(ss) != 1 || ss[0].To != o.To || ss[0].Outcome != store.OutcomeSent {
		t.Fatalf("in the outbox: %+v", ss)
	}
	update(t, e, func(tx store.Tx) error { return tx.Report(ss[0], store.OutcomeBounced, "5.1.1", at.Add(time.Second)) })
	update(t, e, func(tx store.Tx) error {
		return tx.Finish(o, store.Sent{ID: o.ID, Kind: o.Kind, To: o.To, At: at, Outcome: store.OutcomeSent, Answer: "250 ok"})
	})
	if ss = by(); len(ss) != 1 || ss[0].Outcome != store.OutcomeBounced || ss[0].Report != "5.1.1" || ss[0].Answer != "250 ok" {
		t.Errorf("noted later: %+v", ss)
	}
}
