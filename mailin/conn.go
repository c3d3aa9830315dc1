package mailin

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// conn is what go-smtp takes for its socket. It reads the real one, or the TLS
// over it, and gives the library one command line at a time: the next one only
// when the answer to the one before has been written. So it knows where
// commands end and a mail's text begins, and bytes meant as the one are never
// read as the other. Answers are sent when there is nothing more to read, so
// that those to pipelined commands travel together (RFC 2920 §3.2).
//
// Three commands never reach the library as they are: STARTTLS is done here,
// BDAT becomes a DATA whose text is the chunks, and "RCPT TO:<postmaster>" gets
// a domain.
//
// All but the fields under mu belong to the session's goroutine.
type conn struct {
	net.Conn // the socket; closing and deadlines work below TLS
	server   *Server
	peer     netip.Addr   // invalid on a Unix socket
	peerName string       // peer as text, or ""
	nameless bool         // a proxy has yet to say whose connection it is; nothing is sent until then
	stranger bool         // no trust goes with the address
	counted  netip.Prefix // see Server.countedAs

	stream net.Conn // the socket or the TLS over it
	in     *bufio.Reader
	out    []byte // answers not yet sent
	line   []byte // what the library reads next; part of in's buffer
	held   []byte // a command line read too early
	dead   bool   // nothing more comes in or goes out
	mute   bool   // answers to this command are dropped

	verb       string // of the command under way
	postmaster string // the recipient of this RCPT as given, if without a domain
	greeted    bool   // HELO, EHLO or LHLO since the connection or TLS began
	extended   bool   // it was not HELO
	secure     bool   // TLS
	chunk      chunk

	errors  int // 5xx answers
	chatter int // commands since the last mail or transaction

	mu         sync.Mutex
	stopping   bool
	busy       bool      // a mail's text is under way
	limit      time.Time // when the command or the text must be complete
	readUntil  time.Time // the socket's read deadline
	writeUntil time.Time // the socket's write deadline
}

// chunk is the BDAT under way (RFC 3030 §2).
type chunk struct {
	open bool  // the mail comes by BDAT
	left int64 // bytes of the chunk not yet read
	last bool
}

// answerTime is how long a peer may take to accept an answer of ours.
const answerTime = time.Minute

func newConn(s *Server, socket net.Conn) *conn {
	c := &conn{Conn: socket, server: s, stream: socket}
	if tcp, ok := socket.RemoteAddr().(*net.TCPAddr); ok {
		c.peer = addressOf(tcp)
		c.peerName = c.peer.String()
	}
	if c.nameless = s.proxied(c.peer); !c.nameless {
		c.counted = s.countedAs(c.peer)
	}
	c.in = bufio.NewReaderSize(source{c}, 8<<10)
	return c
}

// Read gives the library the next command line, or the rest of it.
func (c *conn) Read(p []byte) (n int, err error) {
	defer func() {
		if cause := recover(); cause != nil { // outside of what the library recovers from
			c.server.Log.Error("panic while reading a command", "peer", c.peerName, "panic", cause)
			c.dead = true
			n, err = 0, io.EOF
		}
	}()
	if c.nameless && !c.dead {
		c.introduce()
	}
	for len(c.line) == 0 {
		if c.dead {
			return 0, io.EOF
		}
		c.next()
	}
	n = copy(p, c.line)
	c.line = c.line[n:]
	return n, nil
}

// next takes one command. It leaves in c.line what the library shall read of
// it, if anything.
func (c *conn) next() {
	c.mute, c.postmaster = false, ""
	if c.chunk.open { // the mail was refused, its first chunk comes all the same
		c.begin()
		c.skipChunk()
		c.end()
	}
	switch {
	case c.isStopping():
		c.hangUp("421 4.3.2 " + c.server.Hostname + " Shutting down")
	case c.errors >= c.server.guards.errors:
		c.hangUp("421 4.7.0 " + c.server.Hostname + " Too many errors")
	case c.chatter >= c.server.guards.chatter:
		c.hangUp("421 4.7.0 " + c.server.Hostname + " Too many commands without a mail")
	}
	if c.dead {
		return
	}
	c.restart()
	line, ok := c.readLine()
	if ok {
		c.dispatch(line)
	}
}

// readLine reads a command line with its end. A line that is too long is read
// past and answered here, and ok is false; so it is when the connection ended.
func (c *conn) readLine() (line []byte, ok bool) {
	if c.held != nil {
		line, c.held = c.held, nil
		return line, true
	}
	line, err := c.in.ReadSlice('\n')
	if err == nil && len(line) <= c.server.guards.command {
		return line, true
	}
	for read := len(line); err == bufio.ErrBufferFull; read += len(line) {
		if read > 1<<20 {
			c.hangUp("421 4.7.0 " + c.server.Hostname + " Line too long")
			return nil, false
		}
		line, err = c.in.ReadSlice('\n')
	}
	if err == nil {
		c.reply("500 5.5.2 Line too long")
	}
	return nil, false
}

// dispatch answers a command or leaves it to the library.
func (c *conn) dispatch(line []byte) {
	text := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if c.server.guards.controls && hasControl(text) {
		c.verb = ""
		c.reply("500 5.5.2 Control character in a command")
		return
	}
	c.verb = verbOf(text)
	switch c.verb {
	case "DATA":
		c.line = line
	case "MAIL":
		c.chatter = 0
		c.line = line
	case "RCPT":
		c.line = c.completePostmaster(line)
	case "HELO", "EHLO", "LHLO", "NOOP", "RSET", "VRFY", "QUIT":
		c.chatter++
		c.line = line
	case "HELP":
		c.chatter++
		c.reply("214 2.0.0 RFC 5321 tells it all")
	case "BDAT":
		c.startChunks(text)
	case "STARTTLS":
		c.startTLS(text)
	case "AUTH", "EXPN", "SEND", "SOML", "SAML", "TURN", "ETRN":
		c.reply("502 5.5.1 Command not implemented")
	default:
		c.reply("500 5.5.1 Command not recognised")
	}
}

// verbOf finds the command's name in upper case; text is changed likewise. Of
// an unknown command it is "".
func verbOf(text []byte) string {
	name, _, _ := bytes.Cut(text, []byte(" "))
	if len(name) > len("STARTTLS") {
		return ""
	}
	for i, b := range name {
		if 'a' <= b && b <= 'z' {
			name[i] = b - 'a' + 'A'
		}
	}
	for _, verb := range [...]string{"MAIL", "RCPT", "DATA", "BDAT", "EHLO", "HELO", "LHLO", "RSET", "QUIT", "NOOP", "STARTTLS",
		"VRFY", "HELP", "AUTH", "EXPN", "SEND", "SOML", "SAML", "TURN", "ETRN"} {
		if string(name) == verb {
			return verb
		}
	}
	return ""
}

func hasControl(text []byte) bool {
	for _, b := range text {
		if b < ' ' || b == 0x7f {
			return true
		}
	}
	return false
}

// completePostmaster gives "RCPT TO:<postmaster>" our domain: the library wants
// one, RFC 5321 §4.5.1 does not. The session hands on what was given.
func (c *conn) completePostmaster(line []byte) []byte {
	const bare = "<postmaster>"
	open := bytes.IndexByte(line, '<')
	if open < 0 || len(line) < open+len(bare) || !strings.EqualFold(string(line[open:open+len(bare)]), bare) {
		return line
	}
	before, after := string(line[:open]), string(line[open+len(bare):])
	if !strings.EqualFold(strings.ReplaceAll(before, " ", ""), "RCPTTO:") {
		return line
	}
	c.postmaster = string(line[open+1 : open+len(bare)-1])
	return []byte(before + "<" + c.postmaster + "@" + c.server.Hostname + ">" + after)
}

// Write takes an answer from the library, which writes it line by line.
func (c *conn) Write(p []byte) (int, error) {
	switch {
	case c.mute:
	case c.chunk.open && bytes.HasPrefix(p, []byte("354")): // to a DATA that was a BDAT
	default:
		c.note(p)
		c.put(p)
		if c.server.tls != nil && !c.secure && string(p) == "250-CHUNKING\r\n" {
			c.put([]byte("250-STARTTLS\r\n"))
		}
	}
	return len(p), nil
}

// note learns from an answer how the session stands.
func (c *conn) note(answer []byte) {
	if len(answer) < 4 || answer[3] != ' ' {
		return // not the last line of the answer
	}
	switch {
	case answer[0] == '5':
		c.errors++
	case c.verb == "EHLO" || c.verb == "LHLO" || c.verb == "HELO":
		c.greeted, c.extended = string(answer[:3]) == "250", c.verb != "HELO"
	}
}

// reply answers a command that the library does not see.
func (c *conn) reply(text string) {
	answer := []byte(text + "\r\n")
	c.note(answer)
	c.put(answer)
}

// hangUp sends a last answer.
func (c *conn) hangUp(text string) {
	c.put([]byte(text + "\r\n"))
	c.flush()
	c.dead = true
}

func (c *conn) put(p []byte) {
	if c.dead {
		return
	}
	if len(c.out)+len(p) > 4<<10 {
		c.flush()
	}
	c.out = append(c.out, p...)
}

// flush sends the answers that have gathered.
func (c *conn) flush() {
	if len(c.out) == 0 || c.dead || c.nameless {
		return
	}
	if now := time.Now(); c.writeUntil.Sub(now) < answerTime/2 {
		c.writeUntil = now.Add(answerTime)
		c.Conn.SetWriteDeadline(c.writeUntil)
	}
	if _, err := c.stream.Write(c.out); err != nil {
		c.dead = true
	}
	c.out = c.out[:0]
}

// Close sends what is left and closes the connection.
func (c *conn) Close() error {
	c.flush()
	c.dead = true
	c.server.leave(c)
	return c.stream.Close()
}

// source is the stream under a conn's buffer. It sends answers before it
// waits, and sees to the deadlines.
type source struct{ c *conn }

func (s source) Read(p []byte) (int, error) {
	c := s.c
	c.flush()
	if c.dead || !c.arm() {
		c.fail(os.ErrDeadlineExceeded)
		return 0, io.EOF
	}
	n, err := c.stream.Read(p)
	if err != nil {
		c.fail(err)
	}
	return n, err
}

// fail ends a connection that cannot be read any more. A peer that was too
// slow is told; whatever it may still send of a mail's text is never read, so
// never taken for commands.
func (c *conn) fail(err error) {
	switch {
	case c.dead:
	case !errors.Is(err, os.ErrDeadlineExceeded):
		c.dead = true
	case c.isStopping() && !c.busy:
		c.hangUp("421 4.3.2 " + c.server.Hostname + " Shutting down")
	default:
		c.hangUp("421 4.4.2 " + c.server.Hostname + " Too slow, closing")
	}
}

// arm sets the socket's read deadline if it is not about right already. It is
// false when an idle session shall end.
func (c *conn) arm() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping && !c.busy {
		return false
	}
	until := time.Now().Add(c.server.ReadTimeout)
	switch {
	case c.limit.IsZero(): // the wait for a command begins
		c.limit = until
	case c.limit.Before(until):
		until = c.limit
	}
	if !c.readUntil.After(until) && until.Sub(c.readUntil) < c.server.ReadTimeout/32 {
		return true
	}
	c.readUntil = until
	return c.Conn.SetReadDeadline(until) == nil
}

// restart gives the next command the whole ReadTimeout.
func (c *conn) restart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = time.Time{}
}

// begin says that a mail's text comes next: it has DataTimeout in all, and a
// Shutdown waits for it.
func (c *conn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy, c.limit = true, time.Now().Add(c.server.DataTimeout)
}

// end says that the text is through and answered.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy, c.limit = false, time.Time{}
}

func (c *conn) isStopping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopping
}

// stop lets the session end with 421 as soon as no mail is under way. It is
// called from other goroutines.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	if !c.busy {
		c.Conn.SetReadDeadline(time.Unix(1, 0)) // wakes the one who waits
	}
}

// startTLS does STARTTLS (RFC 3207). What the client said before is forgotten:
// the library gets a RSET, and the session wants a new EHLO.
func (c *conn) startTLS(text []byte) {
	switch {
	case len(text) > len("STARTTLS"):
		c.reply("501 5.5.4 STARTTLS takes no argument")
		return
	case c.server.tls == nil:
		c.reply("502 5.5.1 TLS not available")
		return
	case c.secure:
		c.reply("503 5.5.1 TLS already in use")
		return
	case c.server.guards.plaintext && c.in.Buffered() > 0:
		c.server.Log.Warn("plain text behind STARTTLS, session ended", "peer", c.peerName)
		c.hangUp("501 5.5.4 Nothing may follow STARTTLS before the handshake")
		return
	}
	c.reply("220 2.0.0 Ready to start TLS")
	c.flush()
	if c.dead || !c.arm() {
		c.fail(os.ErrDeadlineExceeded)
		return
	}
	upgraded := tls.Server(c.Conn, c.server.tls)
	if err := upgraded.HandshakeContext(c.server.ctx); err != nil {
		c.server.Log.Info("TLS handshake failed", "peer", c.peerName, "error", err)
		c.dead = true
		return
	}
	c.stream, c.secure, c.greeted = upgraded, true, false
	c.mute, c.line = true, []byte("RSET\r\n")
}
