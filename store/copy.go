package store

import (
	"fmt"
	"slices"
	"time"

	"ventanilla/mailout"
)

// Copy is a mail of ours that was sent, and of which a folder of an IMAP account is
// to have a copy. It stands under imap/copy/<hash of the account>/<time>/<id>.
type Copy struct {
	Mail mailout.Outgoing `json:"mail"`
	At   time.Time        `json:"at"` // when it was sent
}

// Key says which copy it is, in the order in which they were sent.
func (c Copy) Key() string { return padded(uint64(max(0, c.At.UnixMilli())), 14) + "/" + c.Mail.ID }

func copyPrefix(account string) string { return "imap/copy/" + hash(account) + "/" }

// AddCopy notes that an account's folder is to have a copy of a mail of the
// outbox, words and all: it is about to be finished.
func (tx Tx) AddCopy(account string, c Copy) error {
	if err := tx.whole(&c.Mail); err != nil {
		return err
	}
	return tx.put(copyPrefix(account)+c.Key(), c)
}

// Copies returns the copies that an account's folder is still to have, in the
// order in which they were sent, those behind a key, at most limit.
func (tx Tx) Copies(account, after string, limit int) (all []Copy, err error) {
	err = each(tx, copyPrefix(account), after, limit, false, func(_ string, c Copy) error {
		all = append(all, c)
		return nil
	})
	return all, err
}

// ForgetCopy forgets a copy: the folder has it, or will not have it.
func (tx Tx) ForgetCopy(account, key string) error { return tx.kv.Delete(copyPrefix(account) + key) }

// KeepCopies forgets the copies of all accounts but these.
func (tx Tx) KeepCopies(accounts []string) error {
	const most = 1000 // looked at together
	var kept []string
	for _, a := range accounts {
		kept = append(kept, copyPrefix(a))
	}
	from, to := Prefix("imap/copy/")
	for {
		var gone []string
		n, last := 0, ""
		err := tx.kv.Scan(from, to, most, false, func(key string, _ []byte) error {
			n, last = n+1, key
			if len(key) < len("imap/copy/")+33 || !slices.Contains(kept, key[:len("imap/copy/")+33]) {
				gone = append(gone, key)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("copies of no account: %w", err)
		}
		for _, key := range gone {
			if err := tx.kv.Delete(key); err != nil {
				return err
			}
		}
		if n < most {
			return nil
		}
		from = last + "\x00"
	}
}
