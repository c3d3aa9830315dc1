// Package mailin brings mails in by SMTP and LMTP. It knows the protocol and
// nothing of tickets: whom a mail is for and what becomes of it is asked of a
// [Receiver].
//
// The protocol is go-smtp's. Between it and the socket lies a connection of
// ours (conn) that hands it one command line at a time, so that it is always
// known what the next byte is: a command, the text of a mail, or TLS. The text
// of a mail does not go through the library at all; session.Data reads it from
// the connection, be it DATA or BDAT.
package mailin

import (
	"context"
	"errors"
	"io"

	"github.com/emersion/go-smtp"

	"ventanilla/mail"
)

// Receiver takes charge of mails. Its methods are called from many sessions at
// once.
//
// An error that is, or wraps, one of mail's is answered with that one's code;
// any other is temporary (451). The error's text never reaches the peer.
type Receiver interface {
	// Accepts says whether a mail may come for that recipient: nil,
	// [mail.ErrNoRecipient] or another error. It is asked at each RCPT and
	// does no I/O. env.Rcpts holds those accepted before.
	Accepts(env mail.Envelope, rcpt string) error

	// Receive takes charge of the mail that r holds, our own Return-Path and
	// Received first. When it returns nil the mail is safe, and only then
	// does the peer hear 250. It reads r to io.EOF, and not after it has
	// returned; any other error from r says that the mail is incomplete and
	// must not be kept. ctx ends when a [Server.Shutdown] runs out of time.
	Receive(ctx context.Context, env mail.Envelope, r io.Reader) (mail.ID, error)
}

// What can be wrong with a mail on its way in, beyond what mail names.
var (
	errAborted  = errors.New("the client gave the mail up between two chunks")
	errNewlines = errors.New("something like an end of data, but not CRLF.CRLF")
	errUnread   = errors.New("the receiver returned before the end of the mail")
)

// refusal is the answer to an error: the one table of this package's codes
// (RFC 5321 §4.2, RFC 3463). What it does not know is temporary. The text is
// fixed: what err says stays here.
func refusal(err error) *smtp.SMTPError {
	switch {
	case errors.Is(err, mail.ErrNoRecipient):
		return answer(550, 5, 1, 1, "No such mailbox here")
	case errors.Is(err, mail.ErrTooLarge):
		return answer(552, 5, 3, 4, "Mail larger than the limit")
	case errors.Is(err, mail.ErrNoSpace):
		return answer(452, 4, 3, 1, "Not enough space, try again later")
	case errors.Is(err, mail.ErrLoop):
		return answer(554, 5, 4, 6, "Too many Received fields, mail loop")
	case errors.Is(err, errNewlines):
		return answer(550, 5, 5, 2, "A lone dot between line ends other than CRLF")
	default:
		return answer(451, 4, 3, 0, "Temporary failure, try again later")
	}
}

func answer(code, class, subject, detail int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{
		Code:         code,
		EnhancedCode: smtp.EnhancedCode{class, subject, detail},
		Message:      text,
	}
}
