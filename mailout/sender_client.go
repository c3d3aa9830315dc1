package mailout

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
)

// client speaks SMTP (RFC 5321) over one stream. Commands are written when
// [client.flush] or a reply is asked for, so several may go together.
//
// go-smtp's client waits for the reply to each command before the next one, and
// hands out no connection on which to write several.
type client struct {
	socket net.Conn // beneath any TLS; it keeps the deadlines
	in     *bufio.Reader
	out    *bufio.Writer
	limit  time.Duration     // for a reply, and for a piece of data to be taken
	offers map[string]string // the extensions of the last EHLO, in upper case, with their parameters
	broken bool              // the stream is of no more use
	unsent error             // why something could not be written
}

// The bounds of a reply. RFC 5321 §4.5.3.1.5 lets a line have 512 bytes; servers
// write longer ones.
const (
	replyLine  = 4 << 10
	replyLines = 200
)

// lastWords is how long a server that takes nothing more is listened to: it may
// have said why.
const lastWords = 2 * time.Second

func newClient(stream, socket net.Conn, limit time.Duration) *client {
	c := &client{socket: socket, limit: limit, in: bufio.NewReaderSize(stream, replyLine)}
	c.out = bufio.NewWriterSize(limitedWriter{stream, socket, limit}, 16<<10)
	return c
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

// refusal is a reply that is not the one hoped for.
type refusal struct{ reply }

func (r refusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", r.code, r.enhanced, r.text))
}

// say puts a command behind those that are to be sent.
func (c *client) say(command string) {
	_, _ = c.out.WriteString(command) // an error comes again with flush
	_, _ = c.out.WriteString("\r\n")
}

// flush sends what is to be sent. That it fails is told by the reply that then
// does not come: the server may have said why before it closed.
func (c *client) flush() {
	if err := c.out.Flush(); err != nil && c.unsent == nil {
		c.unsent, c.broken = err, true
	}
}

// ask sends a command and returns the reply, with an error unless its first digit
// is want.
func (c *client) ask(command string, want int) (reply, error) {
	c.say(command)
	c.flush()
	return c.hear(want)
}

// hear reads the reply to the first command that has none yet.
func (c *client) hear(want int) (reply, error) {
	lines, code, err := c.lines(c.limit)
	if err != nil {
		return reply{}, err
	}
	r := replyOf(code, lines)
	if r.code/100 == want {
		return r, nil
	}
	return r, c.refused(r)
}

// refused makes an error of a reply that is not the one hoped for. After 421, or a
// reply that has no sense here, nobody knows where the dialogue stands.
func (c *client) refused(r reply) error {
	c.broken = c.broken || r.code == 421 || r.code < 400 || r.code > 599
	return refusal{r}
}

// lines reads the lines of a reply without their codes (RFC 5321 §4.2.1). code is
// set as soon as one was read, even if then the connection broke.
func (c *client) lines(limit time.Duration) (lines []string, code int, err error) {
	if c.unsent != nil {
		limit = min(limit, lastWords)
	}
	_ = c.socket.SetDeadline(time.Now().Add(limit))
	for len(lines) < replyLines {
		read, err := c.in.ReadSlice('\n') // a longer one is bufio.ErrBufferFull
		line := string(read)
		if n := codeOf(line); n > 0 && (code == 0 || code == n) {
			code = n
		} else if err == nil {
			err = errors.New("the server speaks no SMTP")
		}
		if err != nil {
			c.broken = true
			if c.unsent != nil {
				err = c.unsent
			}
			return lines, code, err
		}
		line = strings.TrimRight(line, "\r\n")
		if len(line) < 4 {
			return append(lines, ""), code, nil
		}
		lines = append(lines, line[4:])
		if line[3] != '-' {
			return lines, code, nil
		}
	}
	c.broken = true
	return lines, code, errors.New("reply too long")
}

// codeOf returns the code that a reply line begins with, or 0.
func codeOf(line string) int {
	if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" || line[0] == '0' {
		return 0
	}
	if len(line) > 3 && !strings.ContainsRune(" -\r\n", rune(line[3])) {
		return 0
	}
	return int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
}

// greet reads the greeting and says hello.
func (c *client) greet(name string) error {
	if _, err := c.hear(2); err != nil {
		return err
	}
	return c.hello(name)
}

// hello says EHLO and notes what the server offers; to one that does not know the
// command it says HELO (RFC 5321 §3.2).
func (c *client) hello(name string) error {
	c.say("EHLO " + name)
	c.flush()
	lines, code, err := c.lines(c.limit)
	if err != nil {
		return err
	}
	c.offers = map[string]string{}
	switch r := replyOf(code, lines); {
	case code == 500 || code == 502:
		_, err = c.ask("HELO "+name, 2)
		return err
	case code/100 != 2:
		c.broken = true
		return refusal{r}
	}
	for _, line := range lines[1:] {
		keyword, parameters, _ := strings.Cut(strings.TrimSpace(line), " ")
		c.offers[strings.ToUpper(keyword)] = parameters
	}
	return nil
}

// offered says whether the server offers an extension.
func (c *client) offered(extension string) bool {
	_, ok := c.offers[extension]
	return ok
}

// mechanism says whether the server offers a way to authenticate.
func (c *client) mechanism(name string) bool {
	for offered := range strings.FieldsSeq(c.offers["AUTH"]) {
		if strings.EqualFold(offered, name) {
			return true
		}
	}
	return false
}

// auth authenticates (RFC 4954). An initial response that makes the line too long
// waits for the server to ask for it (§4).
func (c *client) auth(m sasl.Client) error {
	name, initial, err := m.Start()
	if err != nil {
		return err
	}
	command, encoded := "AUTH "+name, base64.StdEncoding.EncodeToString(initial)
	if initial != nil && encoded == "" {
		encoded = "="
	}
	withheld := len(command)+1+len(encoded)+2 > 512
	if initial != nil && !withheld {
		command += " " + encoded
	}
	for c.say(command); ; c.say(command) {
		c.flush()
		lines, code, err := c.lines(c.limit)
		switch {
		case err != nil:
			return err
		case code/100 == 2:
			return nil
		case code != 334:
			r := replyOf(code, lines)
			c.broken = c.broken || code == 421
			return refusal{r}
		case withheld:
			command, withheld = encoded, false
			continue
		}
		if command, err = nextResponse(m, lines[0]); err != nil {
			_, _ = c.ask("*", 5) // RFC 4954 §4: it is broken off
			return err
		}
	}
}

// nextResponse answers a challenge.
func nextResponse(m sasl.Client, challenge string) (string, error) {
	asked, err := base64.StdEncoding.DecodeString(strings.TrimSpace(challenge))
	if err != nil {
		return "", fmt.Errorf("read the server's challenge: %w", err)
	}
	response, err := m.Next(asked)
	return base64.StdEncoding.EncodeToString(response), err
}

// replyOf joins the lines of a reply. Each of them may begin with the same
// enhanced status code (RFC 2034 §4).
func replyOf(code int, lines []string) reply {
	r := reply{code: code}
	texts := make([]string, len(lines))
	for i, line := range lines {
		enhanced, text := enhancedOf(line)
		if r.enhanced == "" && i == 0 {
			r.enhanced = enhanced
		}
		if enhanced == "" || enhanced != r.enhanced {
			text = line
		}
		texts[i] = text
	}
	r.text = oneLineOf(strings.Join(texts, " "))
	return r
}

// enhancedOf parts an enhanced status code (RFC 3463 §2) from the words behind it.
func enhancedOf(line string) (code, text string) {
	word, rest, _ := strings.Cut(line, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || !strings.Contains("245", parts[0]) || len(parts[0]) != 1 {
		return "", line
	}
	for _, p := range parts[1:] {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return "", line
		}
	}
	return word, rest
}
