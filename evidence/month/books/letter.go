// Package books keeps the books of a help desk from nothing but the mails that go in
// and come out: it reads them by itself and says which mails must come out, when, and
// how every ticket must stand. It knows the desk's rules from its manual, and nothing of
// the program: it imports none of its packages.
package books

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
)

// Letter is a mail as far as the books care.
type Letter struct {
	ID       string // Message-ID, without angle brackets
	Answers  string // In-Reply-To
	From, To string // addresses, lower case
	ReplyTo  string
	Subject  string
	Text     string // the plain text, of the first part that is such
	Auto     bool   // Auto-Submitted says that a machine wrote it
	Number   string // of the ticket, by the subject: 000123; "" if it names none
	Kind     string // of a mail of the desk: what its Message-ID says it is
	CSV      []byte // a file of comma-separated values
}

var tag = regexp.MustCompile(`\[#([0-9]+)\]`)

// Read reads a mail.
func Read(raw []byte) (Letter, error) {
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return Letter{}, fmt.Errorf("read mail: %w", err)
	}
	h := m.Header
	l := Letter{ID: bare(h.Get("Message-ID")), Answers: bare(h.Get("In-Reply-To")), From: address(h.Get("From")), To: address(h.Get("To")), ReplyTo: address(h.Get("Reply-To"))}
	l.Auto = h.Get("Auto-Submitted") != "" && h.Get("Auto-Submitted") != "no"
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(h.Get("Subject")); err != nil {
		return l, fmt.Errorf("read subject: %w", err)
	}
	if t := tag.FindStringSubmatch(l.Subject); t != nil {
		l.Number = t[1]
	}
	if local, _, _ := strings.Cut(l.ID, "@"); strings.Contains(local, ".") {
		l.Kind = strings.Split(local, ".")[1]
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return l, fmt.Errorf("read body: %w", err)
	}
	kind, encoding := h.Get("Content-Type"), h.Get("Content-Transfer-Encoding")
	if l.Text, err = part("text/plain", kind, encoding, strings.NewReader(string(body))); err == nil && strings.HasPrefix(kind, "multipart/mixed") {
		file, _ := part("text/csv", kind, encoding, strings.NewReader(string(body)))
		l.CSV = []byte(file)
	}
	return l, err
}

func bare(id string) string { return strings.Trim(strings.TrimSpace(id), "<>") }

func address(field string) string {
	a, err := mail.ParseAddress(field)
	if err != nil {
		return ""
	}
	return strings.ToLower(a.Address)
}

// part returns the first part of a body that is of a kind, as text.
func part(wanted, contentType, encoding string, body io.Reader) (string, error) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if contentType == "" {
		kind, err = "text/plain", nil
	}
	if err != nil {
		return "", fmt.Errorf("read content type: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return "", fmt.Errorf("find text: %w", err)
			}
			if s, err := part(wanted, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p); err == nil {
				return s, nil
			}
		}
	}
	if kind != wanted {
		return "", fmt.Errorf("not %s but %s", wanted, kind)
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, err := io.ReadAll(body)
	return strings.ReplaceAll(string(b), "\r\n", "\n"), err
}

// Decision returns the address in a mail of the desk by which it is approved ("a") or
// rejected ("r"), "" if there is none.
func (l Letter) Decision(which string) string {
	m := regexp.MustCompile(`mailto:([^?\s]+\+` + which + `[a-z2-7]+@[^?\s]+)\?`).FindStringSubmatch(l.Text)
	if m == nil {
		return ""
	}
	return m[1]
}
