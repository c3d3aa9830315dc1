// Package mailout makes the mails that events call for, and sends them. Making
// them is pure (notice.go, about.go, message.go, compose.go); only [Sender] touches
// the network.
package mailout

import (
	"time"

	"ventanilla/desk"
)

// Outgoing is one mail to one recipient, final to the last byte: its bytes are
// those of its pieces, one after the other, and always the same.
type Outgoing struct {
	ID        string        `json:"id"`         // the local part of its Message-ID: a retry is the same mail
	MessageID string        `json:"message_id"` // without angle brackets
	Ticket    desk.TicketID `json:"ticket,omitempty"`
	Event     int           `json:"event,omitempty"` // Seq of the event that called for it
	Kind      string        `json:"kind"`            // the template
	From      string        `json:"from"`            // envelope sender; "" is the null reverse-path
	To        string        `json:"to"`              // envelope recipient
	Subject   string        `json:"subject"`         // for lists; the mail itself is in Pieces
	Pieces    []Piece       `json:"pieces"`
	Size      int64         `json:"size"`   // of all pieces, assembled
	SHA256    string        `json:"sha256"` // of all pieces, assembled
	Created   time.Time     `json:"created"`
	Due       time.Time     `json:"due"` // when it may be tried next
	Attempts  int           `json:"attempts"`
	LastError string        `json:"last_error,omitempty"`
	Failed    bool          `json:"failed,omitempty"` // given up; kept until somebody retries or drops it
	Late      bool          `json:"late,omitempty"`   // its author has been told that it is delayed

	// Detour keeps the mail off the first smarthost: only a backup may take it.
	Detour bool `json:"detour,omitempty"`
}

// LateAfter is the age at which the author of a mail that was put off is told so.
const LateAfter = 2 * time.Hour

// Piece is a run of an outgoing mail's bytes: either Text itself, or a file out
// of a mail in the intake log, decoded and written as base64 in lines of 76
// characters. A file to five people is so not kept five times.
type Piece struct {
	Text     string `json:"text,omitempty"`
	Mail     string `json:"mail,omitempty"` // where the raw mail lies, as the intake log names it
	Offset   int64  `json:"offset,omitempty"`
	Length   int64  `json:"length,omitempty"`
	Encoding string `json:"encoding,omitempty"` // content-transfer-encoding in the raw mail
}
