package mailout

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"net"
	"time"
)

// bodyWriter sends the bytes of a mail and hashes them. It writes beneath
// go-smtp, whose own writer looks at each byte and waits for the server without
// a limit, and doubles the dots that begin lines (RFC 5321 §4.5.2). The last two
// bytes, a line end, are left to go-smtp, which puts the final dot behind them.
// It serves one mail after the other.
type bodyWriter struct {
	hash      hash.Hash
	out       *bufio.Writer
	lineStart bool
	tail      []byte // the last bytes, at most two, not yet written
	chunk     []byte
	err       error // of the connection
}

// begin makes it ready for a mail over c.
func (w *bodyWriter) begin(c *connection) {
	if w.hash == nil {
		w.hash, w.chunk, w.tail = sha256.New(), make([]byte, 8<<10), make([]byte, 0, 4)
		w.out = bufio.NewWriterSize(limitedWriter{c.stream, c.socket, c.command}, 16<<10)
	}
	w.hash.Reset()
	w.lineStart, w.tail, w.err = true, w.tail[:0], nil
}

// before sends what stands before the mail and is no part of its hash.
func (w *bodyWriter) before(text string) {
	if text != "" {
		w.put([]byte(text))
	}
}

// finish sends what is left; the line end goes through data.
func (w *bodyWriter) finish(data io.Writer) error {
	left := w.tail
	if string(left) != "\r\n" { // go-smtp ends the line
		w.put(left)
		left = nil
	}
	if err := w.out.Flush(); w.err == nil {
		w.err = err
	}
	if w.err == nil {
		_, w.err = data.Write(left)
	}
	return w.err
}

// WriteString is Write, without a copy of s.
func (w *bodyWriter) WriteString(s string) (n int, err error) {
	for n < len(s) && w.err == nil {
		piece := w.chunk[:copy(w.chunk, s[n:])]
		_, _ = w.Write(piece)
		n += len(piece)
	}
	return n, w.err
}

func (w *bodyWriter) Write(p []byte) (int, error) {
	w.hash.Write(p)
	if len(p) >= 2 {
		w.put(w.tail)
		w.put(p[:len(p)-2])
		w.tail = append(w.tail[:0], p[len(p)-2:]...)
		return len(p), w.err
	}
	w.tail = append(w.tail, p...)
	if over := len(w.tail) - 2; over > 0 {
		w.put(w.tail[:over])
		w.tail = append(w.tail[:0], w.tail[over:]...)
	}
	return len(p), w.err
}

// put writes bytes with their dots doubled.
func (w *bodyWriter) put(p []byte) {
	for len(p) > 0 && w.err == nil {
		if w.lineStart && p[0] == '.' {
			_ = w.out.WriteByte('.') // its error comes again with the next
		}
		n := bytes.Index(p, []byte("\n.")) + 1
		if n == 0 {
			n = len(p)
		}
		_, w.err = w.out.Write(p[:n])
		w.lineStart = p[n-1] == '\n'
		p = p[n:]
	}
}

// limitedWriter gives the other side limited time to take each piece.
type limitedWriter struct {
	stream io.Writer
	socket net.Conn
	limit  time.Duration
}

func (w limitedWriter) Write(p []byte) (int, error) {
	_ = w.socket.SetDeadline(time.Now().Add(w.limit))
	return w.stream.Write(p)
}
