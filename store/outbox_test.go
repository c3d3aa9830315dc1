package store_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"ventanilla/mailout"
	"ventanilla/store"
	"ventanilla/store/mem"
)

// TestOutbox: a mail comes out as it went in, whatever it is made of, the row
// alone does for rescheduling, and finishing leaves nothing of its words.
func TestOutbox(t *testing.T) {
	ctx, at := context.Background(), time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	file := mailout.Piece{Mail: "1/64", Offset: 7, Length: 12, Encoding: "base64"}
	for name, pieces := range map[string][]mailout.Piece{
		"words":        {{Text: "Subject: a\r\n\r\n=C3=A1 \"<&>\"\r\n"}},
		"words, files": {{Text: "uno\r\n"}, file, {Text: "dos\r\n"}, file, {Text: "tres\r\n"}},
		"a file":       {file},
		"nothing":      {},
	} {
		t.Run(name, func(t *testing.T) {
			s := store.Store{Engine: mem.New()}
			o := mailout.Outgoing{ID: "m1.acuse", Ticket: 3, Event: 1, Kind: "acuse", To: "a@x.example", Pieces: pieces, Created: at, Due: at}
			check := func(want mailout.Outgoing) {
				t.Helper()
				err := s.View(ctx, func(tx store.Tx) error {
					got, err := tx.Outgoing(o.ID)
					if !reflect.DeepEqual(got, want) || err != nil {
						t.Errorf("outgoing %+v, %v; want %+v", got, err, want)
					}
					all, err := tx.Outbox("", 0)
					if err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], want) {
						t.Errorf("outbox %+v, %v", all, err)
					}
					due, _, err := tx.Due(want.Due, 9, func(string) bool { return true })
					if err != nil || len(due) != 1 || !reflect.DeepEqual(due[0], want) {
						t.Errorf("due %+v, %v", due, err)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			update := func(fn func(tx store.Tx) error) {
				t.Helper()
				if err := s.Update(ctx, fn); err != nil {
					t.Fatal(err)
				}
			}
			update(func(tx store.Tx) error { return tx.Enqueue(o) })
			check(o)
			later := o
			later.Due, later.Attempts = at.Add(time.Hour), 1
			update(func(tx store.Tx) error {
				row, err := tx.OutgoingRow(o.ID)
				row.Due, row.Attempts = later.Due, later.Attempts
				return errors.Join(err, tx.Reschedule(row))
			})
			check(later)
			update(func(tx store.Tx) error {
				return tx.Finish(later, store.Sent{ID: o.ID, Kind: o.Kind, To: o.To, At: at, Outcome: "sent"})
			})
			err := s.Engine.View(ctx, func(kv store.KV) error {
				return kv.Scan("", "", 0, false, func(key string, _ []byte) error {
					if key != "sent/0000000003/000001/m1.acuse" {
						t.Errorf("%s stays", key)
					}
					return nil
				})
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestOutboxWordsMissing: a row whose words are gone is an error, not a mail
// without words.
func TestOutboxWordsMissing(t *testing.T) {
	ctx, s := context.Background(), store.Store{Engine: mem.New()}
	o := mailout.Outgoing{ID: "m1.acuse", Pieces: []mailout.Piece{{Text: "hola"}}}
	err := errors.Join(s.Update(ctx, func(tx store.Tx) error { return tx.Enqueue(o) }),
		s.Engine.Update(ctx, func(kv store.KV) error { return kv.Delete("words/0000000000/000000/" + o.ID) }))
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(ctx, func(tx store.Tx) error { _, err := tx.Outgoing(o.ID); return err })
	if err == nil {
		t.Error("a mail without its words is read")
	}
}
