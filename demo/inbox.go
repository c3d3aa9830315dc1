// Package demo is what a newcomer sees of Ventanilla on his own machine: an
// inbox that takes every mail the desk sends, pages that show those mails as a
// mail program would, and a form that writes to the desk by real SMTP.
//
// It holds mail of nobody but the one who tries it, in memory, and serves no
// other machine's pages.
package demo

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"ventanilla/mail"
)

// Captured is a mail that the [Inbox] took.
type Captured struct {
	Number   int           // 1 and up, in the order of arrival
	ID       mail.ID       // of its content
	Envelope mail.Envelope // as the server told
	Message  *mail.Message // never nil
	Raw      []byte        // as it came; not to be changed
}

// To says whether the mail was sent to an address, in whatever case.
func (c Captured) To(address string) bool {
	return slices.ContainsFunc(c.Envelope.Rcpts, func(r string) bool { return sameAddress(r, address) })
}

// Inbox takes every mail for every address and keeps the last ones in memory,
// at most 1,000 and 64 MiB. It is a receiver for mailin.NewServer. The zero
// Inbox is ready for use, by many goroutines.
type Inbox struct {
	mu      sync.Mutex
	mails   []Captured // oldest first
	bytes   int
	last    int           // Number of the newest
	arrived chan struct{} // closed when the next one comes; nil if nobody waits

	maxMails, maxBytes int // 0 means the defaults
}

const (
	defaultMails = 1000
	defaultBytes = 64 << 20
)

func (b *Inbox) limits() (mails, bytes int) {
	mails, bytes = b.maxMails, b.maxBytes
	if mails == 0 {
		mails = defaultMails
	}
	if bytes == 0 {
		bytes = defaultBytes
	}
	return mails, bytes
}

// Accepts takes every recipient.
func (b *Inbox) Accepts(mail.Envelope, string) error { return nil }

// Receive keeps a mail. It fails with mail.ErrTooLarge for one that has no room
// in an empty inbox.
func (b *Inbox) Receive(_ context.Context, env mail.Envelope, r io.Reader) (mail.ID, error) {
	_, maxBytes := b.limits()
	raw, err := io.ReadAll(io.LimitReader(r, int64(maxBytes)+1))
	if err != nil {
		return "", fmt.Errorf("capture mail: %w", err)
	}
	if len(raw) > maxBytes {
		return "", mail.ErrTooLarge
	}
	c := Captured{ID: mail.ContentID(raw), Envelope: env, Message: mail.Parse(raw), Raw: raw}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	c.Number = b.last
	b.mails = append(b.mails, c)
	b.bytes += len(raw)
	b.forget()
	if b.arrived != nil {
		close(b.arrived)
		b.arrived = nil
	}
	return c.ID, nil
}

// forget drops the oldest mails until the rest is within the limits.
func (b *Inbox) forget() {
	maxMails, maxBytes := b.limits()
	n := 0
	for len(b.mails)-n > maxMails || b.bytes > maxBytes {
		b.bytes -= len(b.mails[n].Raw)
		n++
	}
	b.mails = slices.Delete(b.mails, 0, n)
}

// Mails returns what is kept, oldest first.
func (b *Inbox) Mails() []Captured {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mails)
}

// Mail returns the mail of that number, if it is kept.
func (b *Inbox) Mail(number int) (Captured, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, found := slices.BinarySearchFunc(b.mails, number, func(c Captured, n int) int { return c.Number - n })
	if !found {
		return Captured{}, false
	}
	return b.mails[i], true
}

// Last returns the number of the newest mail, 0 if none ever came.
func (b *Inbox) Last() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// Wait returns the oldest kept mail that match accepts, as soon as there is one,
// whether it came before the call or comes after. It fails with the context's
// error. match is called once for each mail and must not call the Inbox's
// Receive.
func (b *Inbox) Wait(ctx context.Context, match func(Captured) bool) (Captured, error) {
	seen := 0
	for {
		b.mu.Lock()
		mails := slices.Clone(b.mails)
		if b.arrived == nil {
			b.arrived = make(chan struct{})
		}
		arrived := b.arrived
		b.mu.Unlock()
		for _, c := range mails {
			if c.Number <= seen {
				continue
			}
			if seen = c.Number; match(c) {
				return c, nil
			}
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Captured{}, fmt.Errorf("wait for a mail: %w", ctx.Err())
		}
	}
}
