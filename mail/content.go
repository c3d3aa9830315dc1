package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
)

// ContentID is the SHA-256 of a mail without what its way here has added: the
// trace fields of its header, an mbox separator line, the kind of its line
// ends and empty lines at its end. The same mail by two ways in has one ID.
func ContentID(raw []byte) ID {
	h := NewHasher()
	_, _ = h.Write(raw)
	return h.Sum()
}

// Hasher computes a [ContentID] of a mail that comes piece by piece. Its zero
// value is not usable: see [NewHasher].
type Hasher struct {
	sum    hash.Hash
	buffer [4096]byte
	hasherState
}

// hasherState is where a Hasher stands.
type hasherState struct {
	buffered int      // bytes in buffer
	name     [32]byte // the start of the present header line
	named    int      // bytes in name, -1 once the line is decided upon
	inBody   bool
	skip     bool // the present field is a trace field
	any      bool // the present header line has bytes besides its end
	began    bool // a header line has been read that is not left out
	carriage bool // a CR that may belong to a line end
	ends     int  // line ends not written yet: they are dropped at the end
}

// NewHasher returns a Hasher that has read nothing.
func NewHasher() *Hasher { return &Hasher{sum: sha256.New()} }

// Reset makes a Hasher one that has read nothing.
func (h *Hasher) Reset() {
	h.sum.Reset()
	h.hasherState = hasherState{}
}

// Write reads the next piece of the mail. It never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	size := len(p)
	for len(p) > 0 {
		switch {
		case h.inBody:
			p = h.body(h.lines(p))
		case h.named < 0:
			p = h.headerRun(p)
		default:
			h.headerByte(p[0])
			p = p[1:]
		}
	}
	return size, nil
}

// lines takes the lines at the beginning that end with CR and LF, as those of most
// mails do, and stops at anything else.
func (h *Hasher) lines(p []byte) []byte {
	for !h.carriage {
		end := bytes.IndexByte(p, '\r')
		if end < 0 || end+1 == len(p) || p[end+1] != '\n' {
			break
		}
		if end == 0 {
			h.ends, p = h.ends+1, p[2:]
			continue
		}
		if p[end-1] == '\n' || h.buffered+h.ends+end > len(h.buffer) {
			break
		}
		for ; h.ends > 0; h.ends-- {
			h.buffer[h.buffered] = '\n'
			h.buffered++
		}
		h.buffered += copy(h.buffer[h.buffered:], p[:end])
		h.ends, p = 1, p[end+2:]
	}
	return p
}

// body takes bytes of the body up to and including a CR.
func (h *Hasher) body(p []byte) []byte {
	if len(p) == 0 {
		return nil
	}
	if h.carriage {
		h.carriage = false
		if p[0] == '\n' {
			h.ends++
			return p[1:]
		}
		h.put('\r')
	}
	run, rest := p, []byte(nil)
	if i := bytes.IndexByte(p, '\r'); i >= 0 {
		run, rest, h.carriage = p[:i], p[i+1:], true
	}
	words := bytes.TrimRight(run, "\n")
	if len(words) > 0 {
		h.flushEnds()
		h.copy(words)
	}
	h.ends += len(run) - len(words)
	return rest
}

// headerRun takes the rest of a header line that has been decided upon.
func (h *Hasher) headerRun(p []byte) []byte {
	if h.carriage && p[0] != '\n' && !h.skip {
		h.put('\r')
	}
	h.carriage = false
	end := bytes.IndexByte(p, '\n')
	line := p
	if end >= 0 {
		line = p[:end]
	}
	if last := len(line) - 1; last >= 0 && line[last] == '\r' {
		line, h.carriage = line[:last], end < 0
	}
	if len(line) > 0 && !h.skip {
		h.flushEnds()
		h.copy(line)
	}
	if end < 0 {
		return nil
	}
	h.endHeaderLine()
	return p[end+1:]
}

// headerByte takes one byte of the header section.
func (h *Hasher) headerByte(c byte) {
	if h.carriage && c != '\n' {
		h.carriage = false
		h.fieldByte('\r')
	}
	switch c {
	case '\r':
		h.carriage = true
	case '\n':
		h.carriage = false
		h.endHeaderLine()
	default:
		h.fieldByte(c)
	}
}

func (h *Hasher) fieldByte(c byte) {
	if !h.any && (c == ' ' || c == '\t') {
		h.named = -1 // a folded line goes with its field
	}
	h.any = true
	if h.named < 0 {
		if !h.skip {
			h.put(c)
		}
		return
	}
	h.name[h.named] = c
	h.named++
	if c == ':' || c == ' ' || h.named == len(h.name) {
		h.decide()
	}
}

// decide says whether the line whose start is known is left out.
func (h *Hasher) decide() {
	name := string(bytes.TrimRight(h.name[:h.named], ": \t"))
	h.skip = isTrace(name) || !h.began && h.named > 0 && strings.TrimPrefix(string(h.name[:h.named]), ">") == "From "
	if !h.skip {
		h.flushEnds()
		h.copy(h.name[:h.named])
	}
	h.named = -1
}

func (h *Hasher) endHeaderLine() {
	if h.named > 0 {
		h.decide()
	}
	if !h.any {
		h.inBody = true
		h.skip = false
	}
	if !h.skip {
		h.ends++
	}
	h.named, h.any, h.began = 0, false, h.began || !h.skip
}

func (h *Hasher) flushEnds() {
	for ; h.ends > 0; h.ends-- {
		h.store('\n')
	}
}

func (h *Hasher) put(c byte) {
	h.flushEnds()
	h.store(c)
}

func (h *Hasher) store(c byte) {
	if h.buffered == len(h.buffer) {
		h.spill()
	}
	h.buffer[h.buffered] = c
	h.buffered++
}

func (h *Hasher) copy(p []byte) {
	if len(p) >= len(h.buffer) {
		h.spill()
		h.sum.Write(p)
		return
	}
	for len(p) > 0 {
		if h.buffered == len(h.buffer) {
			h.spill()
		}
		n := copy(h.buffer[h.buffered:], p)
		h.buffered += n
		p = p[n:]
	}
}

func (h *Hasher) spill() {
	h.sum.Write(h.buffer[:h.buffered])
	h.buffered = 0
}

// Sum returns the ID of what was written. Nothing may be written after it.
func (h *Hasher) Sum() ID {
	if h.named > 0 {
		h.decide()
	}
	if h.carriage && !h.skip {
		h.put('\r')
	}
	h.spill()
	var sum [sha256.Size]byte
	var digits [2 * sha256.Size]byte
	hex.Encode(digits[:], h.sum.Sum(sum[:0]))
	return ID(digits[:])
}

// isTrace says that a header field is written by the systems on a mail's way
// and is no part of what its sender sent.
func isTrace(name string) bool {
	if len(name) < len("received") {
		return false
	}
	switch strings.ToLower(name) {
	case "received", "return-path", "delivered-to", "x-original-to",
		"authentication-results", "dkim-signature", "received-spf",
		"arc-seal", "arc-message-signature", "arc-authentication-results",
		"x-received", "x-delivered-to", "envelope-to", "delivery-date",
		"x-envelope-to", "x-envelope-from":
		return true
	}
	return false
}
