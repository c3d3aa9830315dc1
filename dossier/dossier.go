// Package dossier writes a ticket with all its mails into one file, and says later
// whether a byte of it was changed.
//
// The file is an mbox (mboxrd, RFC 4155): any mail program opens it. It has the mails
// as they came, in order, and at its end a message with the ticket's history: a text
// to read, and historia.json. There each fact, a mail that came, a mail that went out
// or an event, carries the SHA-256 of itself and of the fact before, and a mail's fact
// the SHA-256 of its bytes. The header of the last message has a sum over all other
// bytes of the file, and a seal over that sum by a key of the desk: without the key
// nobody can make another file that is believed.
package dossier

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"
)

// Dossier is what is written of a ticket.
type Dossier struct {
	Desk    string          // its name
	Domain  string          // of the Message-ID
	Number  string          // of the ticket
	Subject string          // of the ticket
	Made    time.Time       // now
	Ticket  json.RawMessage // the ticket as it stands
	Facts   []Fact          // in the order in which they came about
	Text    string          // the history, to be read by people
}

// The kinds of facts.
const (
	Received = "received" // a mail that came; it stands in the file
	Sent     = "sent"     // a mail that went out: whom to, when, the sum of its bytes
	Event    = "event"    // something that happened to the ticket
)

// Fact is something that came about.
type Fact struct {
	Kind string          `json:"kind"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data"`

	// Of Received: its bytes as the file has them.
	Bytes  int64  `json:"bytes,omitempty"`
	SHA256 string `json:"sha256,omitempty"`

	// Hash is that of the fact before, of the kind, the time, the data and the sum
	// of the bytes.
	Hash string `json:"hash"`

	From string                 `json:"-"` // envelope sender of a mail that came
	Open func() ([]byte, error) `json:"-"` // its bytes, for Write
}

// history is historia.json.
type history struct {
	Version int             `json:"version"`
	Desk    string          `json:"desk"`
	Number  string          `json:"number"`
	Made    time.Time       `json:"made"`
	Ticket  json.RawMessage `json:"ticket"`
	Begins  string          `json:"begins"` // hash of what stands above, to which the first fact is chained
	Facts   []Fact          `json:"facts"`
}

const version = 1

// begins is the first link of the chain.
func (h history) begins() string {
	return link("", "dossier", h.Made, []byte(fmt.Sprintf("%d\n%s\n%s\n%s", h.Version, h.Desk, h.Number, h.Ticket)), "")
}

func link(before, kind string, at time.Time, data []byte, sum string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n%s\n", before, kind, at.UTC().Format(time.RFC3339Nano), sum)
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

const (
	sumField  = "X-Ventanilla-Sum: "  // SHA-256 of the file without the two fields
	sealField = "X-Ventanilla-Seal: " // of that sum, by a key of the desk
	jsonName  = "historia.json"
	boundary  = "=_historia"
)

// Write writes a dossier. seal makes the seal of a sum.
func Write(w io.Writer, d Dossier, seal func(sum string) string) error {
	all := sha256.New()
	out := io.MultiWriter(w, all)
	h := history{Version: version, Desk: d.Desk, Number: d.Number, Made: d.Made.UTC(), Ticket: compact(d.Ticket), Facts: make([]Fact, 0, len(d.Facts))}
	h.Begins = h.begins()
	before := h.Begins
	for _, f := range d.Facts {
		f.At, f.Data = f.At.UTC(), compact(f.Data)
		if f.Open != nil {
			raw, err := f.Open()
			if err != nil {
				return fmt.Errorf("write dossier: %w", err)
			}
			f.Bytes, f.SHA256 = int64(len(raw)), sumOf(raw)
			if err := WriteMail(out, f.From, f.At, raw); err != nil {
				return fmt.Errorf("write dossier: %w", err)
			}
		}
		f.Hash = link(before, f.Kind, f.At, f.Data, f.SHA256)
		before = f.Hash
		h.Facts = append(h.Facts, f)
	}
	return writeHistory(w, all, d, h, seal)
}

// writeHistory writes the last message. Its first two lines are about all the rest.
func writeHistory(w io.Writer, all hash.Hash, d Dossier, h history, seal func(string) string) error {
	var record bytes.Buffer
	e := json.NewEncoder(&record)
	e.SetEscapeHTML(false) // data stays as it was hashed
	e.SetIndent("", " ")
	if err := e.Encode(h); err != nil {
		return fmt.Errorf("write dossier: %w", err)
	}
	first := fmt.Sprintf("From MAILER-DAEMON %s\n", d.Made.UTC().Format(time.ANSIC))
	var rest bytes.Buffer
	fmt.Fprintf(&rest, "From: %s <historia@%s>\nDate: %s\nSubject: %s\nMessage-ID: <historia.%s.%d@%s>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"%s\"\n\n",
		word(d.Desk), d.Domain, d.Made.UTC().Format(time.RFC1123Z), word("Historia de la solicitud #"+d.Number+": "+d.Subject), d.Number, d.Made.Unix(), d.Domain, boundary)
	part(&rest, "text/plain; charset=utf-8", "inline", []byte(d.Text))
	part(&rest, "application/json; name=\""+jsonName+"\"", "attachment; filename=\""+jsonName+"\"", record.Bytes())
	fmt.Fprintf(&rest, "--%s--\n", boundary)
	all.Write([]byte(first))
	all.Write(rest.Bytes())
	sum := hex.EncodeToString(all.Sum(nil))
	_, err := fmt.Fprintf(w, "%s%s%s\n%s%s\n%s", first, sumField, sum, sealField, seal(sum), rest.Bytes())
	return err
}

func part(b *bytes.Buffer, kind, disposition string, data []byte) {
	fmt.Fprintf(b, "--%s\nContent-Type: %s\nContent-Disposition: %s\nContent-Transfer-Encoding: base64\n\n", boundary, kind, disposition)
	coded := base64.StdEncoding.EncodeToString(data)
	for len(coded) > 76 {
		b.WriteString(coded[:76] + "\n")
		coded = coded[76:]
	}
	b.WriteString(coded + "\n")
}

// word is a header's text, encoded where it must be (RFC 2047), on one line.
func word(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	for _, r := range s {
		if r > '~' || r < ' ' || strings.ContainsRune(`"<>()@,;:\=?`, r) {
			var words []string
			for runes := []rune(s); len(runes) > 0; {
				n := min(len(runes), 14)
				words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(string(runes[:n])))+"?=")
				runes = runes[n:]
			}
			return strings.Join(words, "\n ")
		}
	}
	return s
}

// WriteMail writes a mail in the mboxrd form: lines that begin with "From ", behind
// any number of ">", get one more ">".
func WriteMail(w io.Writer, from string, at time.Time, raw []byte) error {
	if from == "" || from == "<>" || strings.ContainsAny(from, " \t\r\n") {
		from = "MAILER-DAEMON"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From %s %s\n", from, at.UTC().Format(time.ANSIC))
	for len(raw) > 0 {
		line, rest, found := bytes.Cut(raw, []byte("\n"))
		if quoted(line) {
			b.WriteByte('>')
		}
		b.Write(line)
		b.WriteByte('\n')
		if !found {
			break
		}
		raw = rest
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

func quoted(line []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) }

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// compact writes JSON without spaces, so that its hash does not hang on them.
func compact(data json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return data
	}
	return b.Bytes()
}
