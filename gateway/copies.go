package gateway

import (
	"context"
	"errors"
	"io"
	"time"

	"ventanilla/mailout"
	"ventanilla/store"
)

// keepCopy notes that a folder is to have a copy of a mail that was sent, if the
// queue of its ticket has such a folder.
func (g *Gateway) keepCopy(tx store.Tx, setup *Setup, o mailout.Outgoing, at time.Time) error {
	if len(setup.Copies) == 0 || o.Ticket == 0 {
		return nil
	}
	t, err := tx.Ticket(o.Ticket)
	if errors.Is(err, store.ErrNotFound) || err == nil && setup.Copies[t.Queue] == "" {
		return nil
	} else if err != nil {
		return err
	}
	return tx.AddCopy(setup.Copies[t.Queue], store.Copy{Mail: o, At: at})
}

// Copies returns the copies of sent mails that an account's folder is still to
// have, those behind a key, at most limit.
func (g *Gateway) Copies(ctx context.Context, account, after string, limit int) (all []store.Copy, err error) {
	err = g.store.View(ctx, func(tx store.Tx) (err error) {
		all, err = tx.Copies(account, after, limit)
		return err
	})
	return all, err
}

// WriteCopy writes the mail itself, as it was sent but for its signatures.
func (g *Gateway) WriteCopy(ctx context.Context, c store.Copy, w io.Writer) error {
	return mailout.Assemble(w, c.Mail.Pieces, func(ref string) ([]byte, func(), error) { return g.Raw(ctx, ref) })
}

// ForgetCopy forgets a copy: the folder has it, or will not have it.
func (g *Gateway) ForgetCopy(ctx context.Context, account, key string) error {
	return g.store.Update(ctx, func(tx store.Tx) error { return tx.ForgetCopy(account, key) })
}

// KeepCopies forgets the copies of all accounts but these.
func (g *Gateway) KeepCopies(ctx context.Context, accounts []string) error {
	return g.store.Update(ctx, func(tx store.Tx) error { return tx.KeepCopies(accounts) })
}

// WhenCopied sets what is called after there are more copies.
func (g *Gateway) WhenCopied(wake func()) { g.copier.Store(&wake) }

func (g *Gateway) wakeCopier() {
	if wake := g.copier.Load(); wake != nil {
		(*wake)()
	}
}
