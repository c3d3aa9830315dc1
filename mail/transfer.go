package mail

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Open returns a reader of the part's content, decoded. raw is the mail that
// the part was read from. Reading never fails but with io.EOF: what is no
// base64 is passed over, as mail programs do.
func (p Part) Open(raw []byte) io.Reader {
	start := min(max(p.Offset, 0), int64(len(raw)))
	end := min(start+max(p.Length, 0), int64(len(raw)))
	return openTransfer(p.Encoding, raw[start:end])
}

// openTransfer undoes a content-transfer-encoding (RFC 2045 §6). "base64 100+20"
// stands for 20 bytes behind the first 100 of what is decoded: a file within a
// file.
func openTransfer(encoding string, body []byte) io.Reader {
	if encoding, place, ok := strings.Cut(encoding, " "); ok {
		var offset, length int64
		if _, err := fmt.Sscanf(place, "%d+%d", &offset, &length); err != nil {
			return bytes.NewReader(nil)
		}
		return &within{r: openTransfer(encoding, body), skip: offset, left: length}
	}
	switch encoding {
	case "base64":
		return &base64Decoder{src: body}
	case "quoted-printable":
		return &quotedDecoder{src: body}
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return &uuDecoder{src: body}
	}
	return bytes.NewReader(body)
}

// within reads a stretch of what another reader gives.
type within struct {
	r          io.Reader
	skip, left int64
}

func (w *within) Read(p []byte) (int, error) {
	if w.skip > 0 {
		n, err := io.CopyN(io.Discard, w.r, w.skip)
		if w.skip -= n; err != nil {
			return 0, io.EOF
		}
	}
	if w.left <= 0 {
		return 0, io.EOF
	}
	n, err := w.r.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	return n, err
}

// decodeTransfer is openTransfer for a body that is wanted whole. The result
// may be body itself.
func decodeTransfer(encoding string, body []byte) []byte {
	r := openTransfer(encoding, body)
	if _, plain := r.(*bytes.Reader); plain {
		return body
	}
	out := make([]byte, 0, len(body)+16)
	for {
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
		}
		n, err := r.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if err != nil {
			return out
		}
	}
}

// transferEncoding is the field's value in lower case, without what does not
// belong there.
func transferEncoding(value []byte) string {
	s := strings.ToLower(string(value))
	if i := strings.IndexAny(s, " \t\r\n;("); i >= 0 {
		s = s[:i]
	}
	s = strings.Trim(s, "\"'<>")
	switch s {
	case "base-64", "base_64", "b64":
		return "base64"
	case "quoted_printable", "quotedprintable", "quoted-print", "qp":
		return "quoted-printable"
	}
	return s
}

// base64Value maps a character to its six bits; 64 is padding, 65 is passed over.
var base64Value = func() (t [256]byte) {
	for i := range t {
		t[i] = 65
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	t['='] = 64
	return t
}()

// base64Decoder reads base64 (RFC 2045 §6.8). It passes over what is not of
// the alphabet and goes on after padding only where another line of whole
// base64 follows, so that a list's footer below the text does not become noise.
type base64Decoder struct {
	src  []byte
	bits uint32
	have int    // characters in bits
	left []byte // decoded, for a reader that asked for less
}

func (d *base64Decoder) Read(p []byte) (int, error) {
	if len(d.left) > 0 || len(p) < 3 {
		return d.readFew(p)
	}
	n := 0
	for len(d.src) > 0 && n+3 <= len(p) {
		if d.have == 0 && len(d.src) >= 4 {
			a, b := base64Value[d.src[0]], base64Value[d.src[1]]
			c, e := base64Value[d.src[2]], base64Value[d.src[3]]
			if a|b|c|e < 64 {
				p[n], p[n+1], p[n+2] = a<<2|b>>4, b<<4|c>>2, c<<6|e
				n += 3
				d.src = d.src[4:]
				continue
			}
		}
		n += d.one(p[n:])
	}
	if len(d.src) == 0 && n+3 <= len(p) {
		n += d.finish(p[n:])
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// readFew serves a reader that asks for less than three bytes.
func (d *base64Decoder) readFew(p []byte) (int, error) {
	if len(d.left) == 0 {
		var group [3]byte
		n, err := d.Read(group[:])
		if err != nil {
			return 0, err
		}
		d.left = group[:n]
	}
	n := copy(p, d.left)
	d.left = d.left[n:]
	return n, nil
}

// one takes one character.
func (d *base64Decoder) one(p []byte) int {
	v := base64Value[d.src[0]]
	d.src = d.src[1:]
	switch {
	case v < 64:
		d.bits = d.bits<<6 | uint32(v)
		if d.have++; d.have == 4 {
			d.have = 0
			p[0], p[1], p[2] = byte(d.bits>>16), byte(d.bits>>8), byte(d.bits)
			return 3
		}
	case v == 64 && d.have >= 2:
		n := d.finish(p)
		d.src = nextBase64(d.src)
		return n
	}
	return 0
}

// finish writes what an unfinished group holds.
func (d *base64Decoder) finish(p []byte) int {
	have := d.have
	d.have = 0
	switch have {
	case 2:
		p[0] = byte(d.bits >> 4)
		return 1
	case 3:
		p[0], p[1] = byte(d.bits>>10), byte(d.bits>>2)
		return 2
	}
	return 0
}

// nextBase64 returns what is left after padding if it is base64 again, else
// nothing.
func nextBase64(rest []byte) []byte {
	rest = bytes.TrimLeft(rest, "= \t\r\n")
	line := rest
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		line = rest[:i]
	}
	line = bytes.TrimRight(line, " \t\r")
	if len(line) == 0 || len(line)%4 != 0 {
		return nil
	}
	for _, c := range line {
		if base64Value[c] > 64 {
			return nil
		}
	}
	return rest
}

// quotedDecoder reads quoted-printable (RFC 2045 §6.7). What is no code stays
// as it is.
type quotedDecoder struct{ src []byte }

func (d *quotedDecoder) Read(p []byte) (int, error) {
	n := 0
	for len(d.src) > 0 && n < len(p) {
		if d.src[0] != '=' {
			run := d.src[:min(len(d.src), len(p)-n)]
			if i := bytes.IndexByte(run, '='); i >= 0 {
				run = run[:i]
			}
			n += copy(p[n:], run)
			d.src = d.src[len(run):]
			continue
		}
		if len(d.src) >= 3 && hexValue(d.src[1]) < 16 && hexValue(d.src[2]) < 16 {
			p[n] = hexValue(d.src[1])<<4 | hexValue(d.src[2])
			n++
			d.src = d.src[3:]
			continue
		}
		if after := softBreak(d.src); after > 0 {
			d.src = d.src[after:]
			continue
		}
		p[n] = '='
		n++
		d.src = d.src[1:]
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// softBreak returns how many bytes a soft line break at the start of b has, or
// 0. White space may have been added before the line end.
func softBreak(b []byte) int {
	i := 1
	for i < len(b) && i < 80 && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	switch {
	case i == len(b):
		return i
	case b[i] == '\n':
		return i + 1
	case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
		return i + 2
	case b[i] == '\r' && i+1 == len(b):
		return i + 1
	}
	return 0
}

// uuDecoder reads the body of a uuencoded file, as mail of the nineties has it.
type uuDecoder struct {
	src     []byte
	line    []byte // decoded, not handed over yet
	started bool
}

func (d *uuDecoder) Read(p []byte) (int, error) {
	for len(d.line) == 0 {
		if len(d.src) == 0 {
			return 0, io.EOF
		}
		end := lineEnd(d.src, 0)
		line := bytes.TrimRight(d.src[:end], "\r\n")
		d.src = d.src[end:]
		switch {
		case !d.started:
			d.started = bytes.HasPrefix(line, []byte("begin "))
		case bytes.Equal(line, []byte("end")):
			d.src = nil
		default:
			d.line = decodeUULine(line)
		}
	}
	n := copy(p, d.line)
	d.line = d.line[n:]
	return n, nil
}

func decodeUULine(line []byte) []byte {
	if len(line) == 0 {
		return nil
	}
	size := int(line[0]-' ') & 63
	out := make([]byte, 0, size+3)
	value := func(i int) byte {
		if i < len(line) {
			return (line[i] - ' ') & 63
		}
		return 0
	}
	for i := 1; len(out) < size; i += 4 {
		a, b, c, e := value(i), value(i+1), value(i+2), value(i+3)
		out = append(out, a<<2|b>>4, b<<4|c>>2, c<<6|e)
	}
	return out[:size]
}
