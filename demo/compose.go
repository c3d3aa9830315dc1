package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
)

// letter is a mail that the visitor writes.
type letter struct {
	From, To   *netmail.Address
	Subject    string
	Text       string
	InReplyTo  string   // msg-id without angle brackets, or ""
	References []string // msg-ids without angle brackets
	FileName   string
	FileType   string
	File       []byte // nil means none
	Date       time.Time
	MessageID  string // without angle brackets
}

// newMessageID makes one that nobody can foretell, at the domain of an address.
func newMessageID(address string) string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	_, domain, _ := strings.Cut(address, "@")
	return hex.EncodeToString(b[:]) + "@" + domain
}

// bytes returns the mail as a mail program would send it, with CRLF line ends.
func (l letter) bytes() ([]byte, error) {
	var b bytes.Buffer
	field := func(name, value string) {
		folded := strings.ReplaceAll(oneLine(value), "?= =?", "?=\r\n =?") // between encoded-words
		fmt.Fprintf(&b, "%s: %s\r\n", name, folded)
	}
	field("Date", l.Date.Format(time.RFC1123Z))
	field("From", l.From.String())
	field("To", l.To.String())
	field("Subject", mime.QEncoding.Encode("utf-8", oneLine(l.Subject)))
	field("Message-ID", "<"+l.MessageID+">")
	if l.InReplyTo != "" {
		field("In-Reply-To", "<"+l.InReplyTo+">")
	}
	if len(l.References) > 0 {
		b.WriteString("References:")
		for _, id := range l.References {
			b.WriteString(" <" + oneLine(id) + ">\r\n") // each on its own line: folded
		}
	}
	field("MIME-Version", "1.0")
	if err := l.body(&b); err != nil {
		return nil, fmt.Errorf("compose mail: %w", err)
	}
	return b.Bytes(), nil
}

func (l letter) body(b *bytes.Buffer) error {
	const textType = "text/plain; charset=utf-8"
	if l.File == nil {
		fmt.Fprintf(b, "Content-Type: %s\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", textType)
		return quoted(b, l.Text)
	}
	w := multipart.NewWriter(b)
	fmt.Fprintf(b, "Content-Type: multipart/mixed; boundary=%q\r\n\r\n", w.Boundary())
	p, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {textType}, "Content-Transfer-Encoding": {"quoted-printable"}})
	if err != nil {
		return err
	}
	if err := quoted(p, l.Text); err != nil {
		return err
	}
	p, err = w.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {l.FileType},
		"Content-Transfer-Encoding": {"base64"},
		"Content-Disposition":       {mime.FormatMediaType("attachment", map[string]string{"filename": oneLine(l.FileName)})},
	})
	if err != nil {
		return err
	}
	encoded := base64.StdEncoding.EncodeToString(l.File)
	for len(encoded) > 76 {
		fmt.Fprintf(p, "%s\r\n", encoded[:76])
		encoded = encoded[76:]
	}
	fmt.Fprintf(p, "%s\r\n", encoded)
	return w.Close()
}

func quoted(w interface{ Write([]byte) (int, error) }, text string) error {
	q := quotedprintable.NewWriter(w)
	if _, err := q.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n")); err != nil {
		return err
	}
	return q.Close()
}

// oneLine keeps a value from becoming two header fields.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return r < ' ' || r == 0x7F }), " ")
}

// refusal is the answer of a mail server that does not take a mail.
type refusal struct {
	Code int
	Text string
}

func (r *refusal) Error() string { return fmt.Sprintf("refused with %d %s", r.Code, r.Text) }

// send gives a mail to the server at address, host:port, within a minute. It
// fails with *refusal if the server does not take it.
func send(ctx context.Context, address string, l letter) error {
	raw, err := l.bytes()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("connect to %s: %w", address, err)
		}
	}
	if err := converse(conn, l, raw); err != nil {
		if answer := (*textproto.Error)(nil); errors.As(err, &answer) {
			return &refusal{Code: answer.Code, Text: answer.Msg}
		}
		return fmt.Errorf("send to %s: %w", address, err)
	}
	return nil
}

func converse(conn net.Conn, l letter, raw []byte) error {
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	if err := c.Mail(l.From.Address); err != nil {
		return err
	}
	if err := c.Rcpt(l.To.Address); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(raw); err != nil {
		return err
	}
	if err := w.Close(); err != nil { // the server's answer to the mail
		return err
	}
	_ = c.Quit() // the mail is taken, whatever is said in parting
	return nil
}
