package mailout

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"hash"
)

// bodyWriter sends the bytes of a mail, with the dots that begin lines doubled
// (RFC 5321 §4.5.2), and hashes them as they were. It serves one mail after the
// other.
type bodyWriter struct {
	hash  hash.Hash
	out   *bufio.Writer
	last  [2]byte // of what was written
	chunk []byte
	err   error // of the connection
}

var lineEnd = [2]byte{'\r', '\n'}

// begin makes it ready for a mail.
func (w *bodyWriter) begin(out *bufio.Writer) {
	if w.hash == nil {
		w.hash, w.chunk = sha256.New(), make([]byte, 8<<10)
	}
	w.hash.Reset()
	w.out, w.last, w.err = out, lineEnd, nil
}

// before sends what stands before the mail and is no part of its hash.
func (w *bodyWriter) before(text string) { w.put([]byte(text)) }

// finish ends the last line and puts the final dot. Until then the server takes
// nothing of the mail.
func (w *bodyWriter) finish() {
	if w.last != lineEnd {
		w.put(lineEnd[:])
	}
	if w.err == nil {
		_, w.err = w.out.WriteString(".\r\n")
	}
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
	w.put(p)
	return len(p), w.err
}

// put writes bytes with their dots doubled.
func (w *bodyWriter) put(p []byte) {
	for len(p) > 0 && w.err == nil {
		if w.last[1] == '\n' && p[0] == '.' {
			_ = w.out.WriteByte('.') // its error comes again with the next
		}
		n := bytes.Index(p, []byte("\n.")) + 1
		if n == 0 {
			n = len(p)
		}
		_, w.err = w.out.Write(p[:n])
		if w.last[0] = w.last[1]; n > 1 {
			w.last[0] = p[n-2]
		}
		w.last[1] = p[n-1]
		p = p[n:]
	}
}
