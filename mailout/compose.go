package mailout

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"unicode/utf8"

	"ventanilla/mail"
)

// Draft is a mail to be written.
type Draft struct {
	Header   []mail.Field // UTF-8, in the order in which they are written; addresses as [Mailbox] returns them
	Text     string       // UTF-8, LF line ends
	HTML     string       // "" leaves the HTML part out
	Files    []File
	Boundary string // seed of the boundaries: the same draft makes the same bytes

	rest string // of a mail with the same words and no files; "" means that it is to be made
}

// File is an attachment or an inline picture of a Draft. Its bytes stay where
// they are, in the raw mail that it came in, or are Data where the desk made it.
type File struct {
	Name      string
	Type      string // media type; one that cannot stand in base64 is sent as application/octet-stream
	ContentID string // without angle brackets, as the HTML names it after "cid:"
	Inline    bool   // belongs into the HTML, at the place that names its ContentID
	Mail      string // where the raw mail lies, as the intake log names it
	Part      mail.Part
	Raw       []byte // the raw mail, read for size and hash only
	Data      []byte // of a file that came in no mail
}

// Compose writes a mail and returns it in pieces, with the size in bytes and the
// SHA-256 in lower-case hexadecimal of all pieces assembled. The mail is 7-bit,
// its lines end in CRLF and are at most 998 octets long, whatever the draft
// holds. MIME-Version and the Content fields are Compose's own: those of the
// draft are left out. An error means that a header name is none or that a file's
// place lies outside its raw mail.
func Compose(d Draft) (pieces []Piece, size int64, sum string, err error) {
	c := composer{text: make([]byte, 0, 2048+encodedLength(d.Text)+encodedLength(d.HTML)), sum: sha256.New()}
	for _, f := range d.Header {
		if !fieldName(f.Name) {
			return nil, 0, "", fmt.Errorf("compose: %q is no header name", f.Name)
		}
		if !ownField(f.Name) {
			c.text = appendField(c.text, f.Name, f.Value)
		}
	}
	if d.rest != "" {
		c.append(d.rest)
		c.flush()
		return c.pieces, c.size, hex.EncodeToString(c.sum.Sum(nil)), nil
	}
	c.append(restBegins)
	seed := sha256.Sum256([]byte(d.Boundary))
	c.seed = hex.EncodeToString(seed[:12])

	var inline, attached []File
	for _, f := range d.Files {
		if f.Inline && d.HTML != "" && contentID(f.ContentID) {
			inline = append(inline, f)
		} else {
			attached = append(attached, f)
		}
	}
	c.mixed(d, inline, attached)
	c.flush()
	if c.err != nil {
		return nil, 0, "", fmt.Errorf("compose: %w", c.err)
	}
	return c.pieces, c.size, hex.EncodeToString(c.sum.Sum(nil)), nil
}

// Assemble writes the bytes of an outgoing mail. It asks open for each raw mail
// that a piece lies in, and calls release when the piece is written.
func Assemble(w io.Writer, pieces []Piece, open func(ref string) (raw []byte, release func(), err error)) error {
	for _, p := range pieces {
		if p.Mail == "" {
			if _, err := io.WriteString(w, p.Text); err != nil {
				return fmt.Errorf("assemble: %w", err)
			}
			continue
		}
		raw, release, err := open(p.Mail)
		if err != nil {
			return fmt.Errorf("assemble: open %s: %w", p.Mail, err)
		}
		err = encodeFile(w, p, raw)
		if release != nil {
			release()
		}
		if err != nil {
			return fmt.Errorf("assemble: file of %s: %w", p.Mail, err)
		}
	}
	return nil
}

// restBegins is where a mail's own header fields end and what its words make of
// it begins. No field of a draft can hold it: see [ownField].
const restBegins = "MIME-Version: 1.0\r\n"

// rest returns what a composed mail without files has behind the draft's header:
// the same for every draft of the same words.
func rest(pieces []Piece) string {
	if len(pieces) != 1 {
		return ""
	}
	return pieces[0].Text[strings.Index(pieces[0].Text, restBegins):]
}

// composer collects the pieces of one mail.
type composer struct {
	text   []byte // of the piece under way
	pieces []Piece
	size   int64
	sum    hash.Hash
	seed   string
	err    error
}

func (c *composer) flush() {
	if len(c.text) == 0 {
		return
	}
	c.pieces = append(c.pieces, Piece{Text: string(c.text)})
	c.size += int64(len(c.text))
	c.sum.Write(c.text)
	c.text = c.text[:0]
}

// mixed writes the files around the words (RFC 2046 §5.1.3).
func (c *composer) mixed(d Draft, inline, attached []File) {
	if len(attached) == 0 {
		c.alternative(d, inline)
		return
	}
	b := c.boundary('m')
	c.multipart("mixed", b)
	c.open(b)
	c.alternative(d, inline)
	for _, f := range attached {
		c.open(b)
		c.file(f, "attachment")
	}
	c.close(b)
}

// alternative writes the text and, after it, the HTML that says the same (RFC
// 2046 §5.1.4).
func (c *composer) alternative(d Draft, inline []File) {
	if d.HTML == "" {
		c.words("plain", d.Text)
		return
	}
	b := c.boundary('a')
	c.multipart("alternative", b)
	c.open(b)
	c.words("plain", d.Text)
	c.open(b)
	c.related(d.HTML, inline)
	c.close(b)
}

// related writes the HTML with its pictures (RFC 2387).
func (c *composer) related(html string, inline []File) {
	if len(inline) == 0 {
		c.words("html", html)
		return
	}
	b := c.boundary('r')
	c.append("Content-Type: multipart/related; type=\"text/html\";\r\n boundary=\"", b, "\"\r\n\r\n")
	c.open(b)
	c.words("html", html)
	for _, f := range inline {
		c.open(b)
		c.file(f, "inline")
	}
	c.close(b)
}

// encodedLength is about how many bytes a text takes in quoted-printable.
func encodedLength(s string) int { return len(s) + len(s)/5 }

// words writes a text part, as it is where that is safe, else in
// quoted-printable. A delimiter needs "=_", which quoted-printable and base64
// never write.
func (c *composer) words(subtype, s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	if plain7bit(s) && !strings.Contains(s, "=_") {
		c.append("Content-Type: text/", subtype, "; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n")
		for line := range strings.Lines(s) {
			c.append(strings.TrimRight(line, "\r\n"), "\r\n")
		}
		return
	}
	c.append("Content-Type: text/", subtype, "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	c.text = appendQuotedPrintable(c.text, s)
}

// file writes the header of a file and a piece that stands for its bytes.
func (c *composer) file(f File, disposition string) {
	if c.err != nil {
		return
	}
	c.append(fileHeader(f, disposition), "\r\n")
	if f.Mail == "" && f.Data != nil {
		c.text = appendBase64(c.text, f.Data)
		c.append("\r\n")
		return
	}
	c.flush()
	p := Piece{Mail: f.Mail, Offset: f.Part.Offset, Length: f.Part.Length, Encoding: f.Part.Encoding}
	if p.Mail == "" {
		c.err = fmt.Errorf("file %q has no mail that it lies in", f.Name)
		return
	}
	n := &counter{w: c.sum}
	if err := encodeFile(n, p, f.Raw); err != nil {
		c.err = fmt.Errorf("file %q of %s: %w", f.Name, f.Mail, err)
		return
	}
	c.size += n.n
	c.pieces = append(c.pieces, p)
	c.append("\r\n")
}

func (c *composer) append(parts ...string) {
	for _, s := range parts {
		c.text = append(c.text, s...)
	}
}

func (c *composer) multipart(subtype, boundary string) {
	c.append("Content-Type: multipart/", subtype, ";\r\n boundary=\"", boundary, "\"\r\n\r\n")
}

// boundary returns that of a level. No two levels' begin alike.
func (c *composer) boundary(level byte) string { return "=_" + string(level) + c.seed }

func (c *composer) open(boundary string)  { c.append("--", boundary, "\r\n") }
func (c *composer) close(boundary string) { c.append("--", boundary, "--\r\n") }

// counter counts what passes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

var errOutside = errors.New("its place lies outside the raw mail")

// fileChunk is how many bytes of a file are encoded at a time, a multiple of the
// 57 that make a line of 76 characters.
const fileChunk = 57 * 256

// encodeFile decodes a file out of its raw mail and writes it as base64 in lines
// of 76 characters, without a line end after the last.
func encodeFile(w io.Writer, p Piece, raw []byte) error {
	if p.Offset < 0 || p.Length < 0 || p.Offset > int64(len(raw)) || p.Length > int64(len(raw))-p.Offset {
		return errOutside
	}
	r := mail.Part{Offset: p.Offset, Length: p.Length, Encoding: p.Encoding}.Open(raw)
	in, out := make([]byte, fileChunk), make([]byte, 0, fileChunk/57*78)
	for first := true; ; first = false {
		n, err := io.ReadFull(r, in)
		out = out[:0]
		if !first && n > 0 {
			out = append(out, '\r', '\n')
		}
		out = appendBase64(out, in[:n])
		if _, err := w.Write(out); err != nil {
			return err
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil
		default:
			return err
		}
	}
}

// appendBase64 appends data as base64 in lines of 76 characters, without a line end
// after the last.
func appendBase64(to, data []byte) []byte {
	for i := 0; i < len(data); i += 57 {
		if i > 0 {
			to = append(to, '\r', '\n')
		}
		to = base64.StdEncoding.AppendEncode(to, data[i:min(i+57, len(data))])
	}
	return to
}
