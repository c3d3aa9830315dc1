package gateway

import (
	"context"
	"encoding/json"
	"fmt"

	"ventanilla/store"
)

// Folders is what a poller of IMAP folders asks of the desk. P is how it says how
// far a folder was taken.
type Folders[P any] struct{ *Gateway }

// Point returns how far a folder was taken, the zero value if it never was.
func (f Folders[P]) Point(ctx context.Context, account, folder string) (p P, err error) {
	err = f.store.View(ctx, func(tx store.Tx) error { return tx.FolderPoint(account, folder, &p) })
	return p, err
}

// SetPoint keeps how far a folder was taken.
func (f Folders[P]) SetPoint(ctx context.Context, account, folder string, p P) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("point of a folder: %w", err)
	}
	return f.store.Update(ctx, func(tx store.Tx) error { return tx.SetFolderPoint(account, folder, b) })
}

// Settled returns the UIDs of mails that are settled, in their order.
func (f Folders[P]) Settled(ctx context.Context, account, folder string, validity uint32, limit int) (uids []uint32, err error) {
	err = f.store.View(ctx, func(tx store.Tx) (err error) {
		uids, err = tx.SettledUIDs(account, folder, validity, limit)
		return err
	})
	return uids, err
}

// Finished forgets such UIDs.
func (f Folders[P]) Finished(ctx context.Context, account, folder string, validity uint32, uids []uint32) error {
	return f.store.Update(ctx, func(tx store.Tx) error { return tx.ForgetSettled(account, folder, validity, uids) })
}

// mayGo notes that a mail which came by IMAP may be marked or moved on its
// server: it is settled. One that was too large to be fetched stays as it is.
func (s *settling) mayGo() error {
	env := s.item.record.Envelope
	if p := env.Place; p.UID != 0 && env.Oversize == 0 {
		return s.tx.AddSettled(p.Account, p.Folder, p.Validity, p.UID)
	}
	return nil
}
