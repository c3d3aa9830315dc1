// Package imap brings mails in from folders of IMAP accounts (RFC 9051, RFC
// 3501): protocol only. What it finds it hands to a [Desk], which takes charge
// of it, and what the desk has settled it marks or moves on the server.
package imap

import (
	"context"
	"io"
	"time"

	"ventanilla/mail"
)

// Desk takes charge of mails and remembers how far each folder was taken.
type Desk interface {
	// Receive takes charge of a mail: it is durable when there is no error.
	// mail.ErrTooLarge and mail.ErrLoop are for good, every other error is
	// temporary. A mail that comes again must be known by its content.
	Receive(ctx context.Context, env mail.Envelope, r io.Reader) (mail.ID, error)

	// Point returns how far a folder was taken. The zero Point says that it was
	// never read.
	Point(ctx context.Context, account, folder string) (Point, error)

	// SetPoint notes how far a folder was taken: all mails up to there are
	// durable, or not for the desk.
	SetPoint(ctx context.Context, account, folder string, p Point) error

	// Settled returns the UIDs of mails that are settled and still to be marked
	// or moved, in their order, at most limit.
	Settled(ctx context.Context, account, folder string, validity uint32, limit int) ([]uint32, error)

	// Finished forgets such UIDs: they are marked or moved, or no more there.
	Finished(ctx context.Context, account, folder string, validity uint32, uids []uint32) error
}

// Sent says of which sent mails folders are still to have copies. Its methods may be
// called from several goroutines.
type Sent interface {
	// Copies returns those that an account is still to have, in the order in which
	// they were sent, those behind a key, at most limit.
	Copies(ctx context.Context, account, after string, limit int) ([]Copy, error)

	// Copied forgets one: the folder has it, or will not have it.
	Copied(ctx context.Context, account, key string) error
}

// Copy is a mail that was sent, and of which a folder is to have a copy.
type Copy struct {
	Key       string
	MessageID string // without angle brackets
	At        time.Time
	Size      int64                 // bytes that Write writes
	Write     func(io.Writer) error // may be called again
}

// Point is how far a folder was taken. It never runs ahead of the mail: after a
// crash mails are fetched again, and known by their content.
type Point struct {
	Validity    uint32    `json:"validity"`               // UIDVALIDITY of the folder
	UID         uint32    `json:"uid"`                    // the highest that was taken or passed over
	Since       time.Time `json:"since,omitzero"`         // mails that arrived before are not for the desk; zero: all are
	UnseenBelow uint32    `json:"unseen_below,omitempty"` // of those with a lower UID only the unseen ones are
	QuietBelow  uint32    `json:"quiet_below,omitempty"`  // those with a lower UID were there when the folder was read again from its start
	QuietBefore time.Time `json:"quiet_before,omitzero"`  // those that arrived before are old ones: they were there when it was first read
	Looked      time.Time `json:"looked,omitzero"`        // when all was taken last, but for the last minute
}
