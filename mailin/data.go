package mailin

import (
	"bufio"
	"bytes"
	"io"
	"strconv"

	"ventanilla/mail"
)

// text reads one mail's text from a connection, by DATA or BDAT, behind a
// prefix of ours. Lines may be of any length, NUL and bare CR and LF are taken
// as they come, with one exception: see shape. Its errors other than io.EOF
// mean that the mail is not to be kept: [mail.ErrTooLarge], [mail.ErrLoop],
// errNewlines, errAborted, and io.ErrUnexpectedEOF when the connection ended.
type text struct {
	conn    *conn
	prefix  []byte
	pending []byte // text in the connection's buffer, not yet handed out
	size    int64  // bytes of the text so far, without dot-stuffing
	shape   shape
	err     error
}

// start begins a new mail.
func (t *text) start(prefix []byte) {
	*t = text{conn: t.conn, prefix: prefix, shape: shape{state: afterCRLF, header: true, lineStart: true}}
}

func (t *text) Read(p []byte) (n int, err error) {
	if len(t.prefix) > 0 {
		n = copy(p, t.prefix)
		t.prefix = t.prefix[n:]
	}
	for n < len(p) {
		if len(t.pending) == 0 {
			if t.err != nil || n > 0 && t.conn.in.Buffered() == 0 {
				break
			}
			t.next()
			continue
		}
		m := copy(p[n:], t.pending)
		t.pending = t.pending[m:]
		n += m
	}
	if n == 0 && len(p) > 0 {
		return 0, t.err
	}
	return n, nil
}

// next puts the next piece into pending, or ends the text by setting err.
func (t *text) next() {
	piece, err := t.piece()
	if err != nil {
		t.err = err
		return
	}
	t.size += int64(len(piece))
	guards := &t.conn.server.guards
	switch {
	case t.size > t.conn.server.MaxSize:
		t.err = mail.ErrTooLarge
	case t.shape.lookalike && guards.lookalikes:
		t.err = errNewlines
	case t.shape.received > guards.received:
		t.err = mail.ErrLoop
	default:
		t.pending = piece
	}
}

// finish reads what the receiver has left, so that the next command is found,
// and says why the mail cannot count as taken even if the receiver says so.
func (t *text) finish() error {
	unread := len(t.pending) > 0 || len(t.prefix) > 0
	t.pending, t.prefix = nil, nil
	verdict := t.err
	for end := verdict; end != io.EOF; {
		if end == errAborted || end == io.ErrUnexpectedEOF {
			return end
		}
		piece, err := t.piece()
		unread = unread || len(piece) > 0
		end = err
	}
	switch {
	case verdict != nil && verdict != io.EOF:
		return verdict
	case unread && t.conn.server.guards.complete:
		return errUnread
	}
	return nil
}

// piece reads on. What it returns lies in the connection's buffer until the
// next call.
func (t *text) piece() ([]byte, error) {
	if t.conn.chunk.open {
		return t.chunkPiece()
	}
	return t.linePiece()
}

// linePiece reads a line of a DATA, or a part of a long one. The text ends at
// CRLF.CRLF and nowhere else (RFC 5321 §4.1.1.4).
func (t *text) linePiece() ([]byte, error) {
	atStart := t.shape.state == afterCRLF
	line, err := t.conn.in.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		return nil, io.ErrUnexpectedEOF
	}
	if atStart && string(line) == ".\r\n" {
		return nil, io.EOF
	}
	t.shape.look(line)
	if atStart && line[0] == '.' {
		line = line[1:]
	}
	return line, nil
}

// chunkPiece reads on in the chunks of a BDAT up to the end of the last one.
func (t *text) chunkPiece() ([]byte, error) {
	c := t.conn
	for c.chunk.left == 0 {
		if c.chunk.last {
			return nil, io.EOF
		}
		if err := c.nextChunk(); err != nil {
			return nil, err
		}
	}
	if _, err := c.in.Peek(1); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	n := min(int64(c.in.Buffered()), c.chunk.left)
	piece, _ := c.in.Peek(int(n))
	c.in.Discard(int(n))
	c.chunk.left -= n
	for rest := piece; len(rest) > 0; {
		n := bytes.IndexByte(rest, '\n') + 1
		if n == 0 {
			n = len(rest)
		}
		t.shape.look(rest[:n])
		rest = rest[n:]
	}
	return piece, nil
}

// startChunks turns the first BDAT of a mail into a DATA for the library. A
// BDAT that cannot be read ends the session: nobody knows how many bytes of
// text follow it.
func (c *conn) startChunks(command []byte) {
	if !c.readChunkSize(command) {
		return
	}
	c.chunk.open = true
	c.line = []byte("DATA\r\n")
}

// readChunkSize reads "BDAT size [LAST]".
func (c *conn) readChunkSize(command []byte) bool {
	fields := bytes.Fields(command)
	last := len(fields) == 3 && bytes.EqualFold(fields[2], []byte("LAST"))
	if len(fields) == 2 || last {
		size, err := strconv.ParseUint(string(fields[1]), 10, 63)
		if err == nil {
			c.chunk.left, c.chunk.last = int64(size), last
			return true
		}
	}
	c.hangUp("501 5.5.4 BDAT wants a size, and LAST or nothing")
	return false
}

// nextChunk acknowledges a chunk and reads the next BDAT. Any other command
// gives the mail up and is dealt with afterwards.
func (c *conn) nextChunk() error {
	c.reply("250 2.0.0 Go on")
	line, ok := c.readLine()
	if !ok {
		return c.giveUp()
	}
	command := bytes.TrimRight(line, "\r\n")
	if verbOf(command) == "BDAT" {
		if !c.readChunkSize(command) {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	c.held = bytes.Clone(line)
	return c.giveUp()
}

// giveUp ends a mail between two chunks. No answer is due for it.
func (c *conn) giveUp() error {
	if c.dead {
		return io.ErrUnexpectedEOF
	}
	c.mute = true
	return errAborted
}

// skipChunk reads past the rest of a chunk.
func (c *conn) skipChunk() {
	for c.chunk.left > 0 && !c.dead {
		n := min(c.chunk.left, 1<<20)
		c.in.Discard(int(n)) // an error shows in c.dead
		c.chunk.left -= n
	}
	c.chunk = chunk{}
}

// shape watches a mail's text go by, piece by piece; a piece holds one LF at
// most, at its end. It counts Received fields, and it finds what another
// server could take for the end of the data: a lone dot between line ends one
// of which is a bare CR or a bare LF (CVE-2023-51764 and its kin). Such a mail
// is refused. Other bare CR and LF are the way of old programs and are taken
// as they are.
type shape struct {
	state     state
	lookalike bool // was found

	header    bool // the header section is not over
	lineStart bool // nothing of the line was seen yet
	blank     bool // nothing but line ends was seen of it
	matched   int  // bytes of "received" that the line began with, -1 if it did not
	received  int  // Received fields
}

// state is where in the text the next byte stands.
type state uint8

const (
	inLine state = iota
	afterCR
	afterCRLF
	afterLF      // a bare one
	afterDot     // the first of a line after CRLF
	afterBareDot // the first after a bare CR or LF
	afterDotCR   // CRLF.CR
)

func (s *shape) look(piece []byte) {
	if s.header {
		s.countReceived(piece)
	}
	n := len(piece)
	plain := n >= 2 && piece[0] != '.' && (s.state == afterCRLF || s.state == inLine || s.state == afterLF) &&
		piece[n-1] == '\n' && bytes.IndexByte(piece, '\r') == n-2
	if plain {
		s.state = afterCRLF
		return
	}
	for _, b := range piece {
		s.step(b)
	}
}

func (s *shape) step(b byte) {
	lineEnd := b == '\r' || b == '\n'
	switch s.state {
	case afterCRLF:
		if b == '.' {
			s.state = afterDot
			return
		}
	case afterLF, afterCR:
		if s.state == afterCR && b == '\n' {
			s.state = afterCRLF
			return
		}
		if b == '.' {
			s.state = afterBareDot
			return
		}
	case afterDot:
		if b == '\r' {
			s.state = afterDotCR
			return
		}
		s.lookalike = s.lookalike || b == '\n'
	case afterBareDot:
		s.lookalike = s.lookalike || lineEnd
	case afterDotCR:
		if b == '\n' {
			s.state = afterCRLF
			return
		}
		s.lookalike = true
	}
	switch b {
	case '\r':
		s.state = afterCR
	case '\n':
		s.state = afterLF
	default:
		s.state = inLine
	}
}

// countReceived goes on counting in the header section.
func (s *shape) countReceived(piece []byte) {
	const name = "received"
	if s.lineStart {
		s.lineStart, s.blank, s.matched = false, true, 0
	}
	for i := 0; s.blank && i < len(piece); i++ {
		s.blank = piece[i] == '\r' || piece[i] == '\n'
	}
	for _, b := range piece {
		if s.matched < 0 {
			break
		}
		switch {
		case s.matched < len(name) && b|0x20 == name[s.matched]:
			s.matched++
		case s.matched == len(name) && b == ':':
			s.received++
			s.matched = -1
		case s.matched == len(name) && (b == ' ' || b == '\t'):
		default:
			s.matched = -1
		}
	}
	if piece[len(piece)-1] == '\n' {
		s.lineStart, s.header = true, !s.blank
	}
}
