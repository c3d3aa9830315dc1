package mailout

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// connection is an SMTP session with the smarthost, ready for a mail. One worker
// at a time has it.
type connection struct {
	client   *smtp.Client
	keys     []DKIMKey
	from     string   // the envelope sender of every mail; "" leaves it its own
	socket   net.Conn // beneath any TLS
	stream   net.Conn // beneath the client: the socket or TLS over it
	body     bodyWriter
	command  time.Duration
	largest  int64     // bytes of a mail that the server takes (RFC 1870), 0 if it does not say
	utf8     bool      // the server offers SMTPUTF8 (RFC 6531)
	used     time.Time // when it became idle
	unlisten func() bool
}

// check says what makes no sense in the settings.
func (h *Smarthost) check() error {
	host, _, err := net.SplitHostPort(h.Address)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	switch h.TLS {
	case "", TLSStart, TLSImplicit:
	case TLSNone:
		if ip := net.ParseIP(host); !h.PlainText && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("tls %q is for this machine only, and %s is another", h.TLS, host)
		}
	default:
		return fmt.Errorf("tls %q is none of starttls, tls, none", h.TLS)
	}
	if strings.ContainsAny(h.Hello, "\r\n ") {
		return errors.New("hello is no host name")
	}
	if h.User != "" && h.Password == nil && h.Auth == nil {
		return errors.New("a user without a password")
	}
	return nil
}

// connect opens a connection up to and including AUTH.
func (r *route) connect(ctx context.Context) (*connection, *fault) {
	limited, done := context.WithTimeout(ctx, r.sender.waits.connect)
	defer done()
	socket, err := r.sender.dial(limited, "tcp", r.host.Address)
	if err != nil {
		return nil, connectFault("connection", err)
	}
	c := &connection{socket: socket, command: r.sender.waits.command, keys: r.sender.keys, from: r.host.Sender}
	inTime := context.AfterFunc(limited, func() { socket.Close() })
	step, err := r.begin(limited, c)
	if !inTime() {
		err = limited.Err()
	}
	c.unlisten = context.AfterFunc(ctx, func() { socket.Close() })
	if err != nil {
		c.close()
		return nil, connectFault(step, err)
	}
	c.client.CommandTimeout, c.client.SubmissionTimeout = r.sender.waits.command, r.sender.waits.submit
	if n, ok := c.client.MaxMessageSize(); ok {
		c.largest = int64(n)
	}
	c.utf8, _ = c.client.Extension("SMTPUTF8")
	return c, nil
}

// begin does what comes before the first mail: greeting, EHLO, TLS, AUTH. It
// returns the step that failed.
func (r *route) begin(ctx context.Context, c *connection) (step string, err error) {
	stream, greeted := c.socket, false
	switch r.host.TLS {
	case TLSNone:
		if !r.host.PlainText && !loopback(c.socket) {
			return "connection", words("plain text to another machine")
		}
	case TLSImplicit:
		stream = tls.Client(c.socket, r.host.tls())
	default:
		if err := r.host.startTLS(c.socket); err != nil {
			return "STARTTLS", err
		}
		stream, greeted = tls.Client(c.socket, r.host.tls()), true
	}
	if t, ok := stream.(*tls.Conn); ok {
		if err := t.HandshakeContext(ctx); err != nil {
			return "TLS", err
		}
	}
	c.stream, c.client = stream, client(stream, greeted)
	if err := c.client.Hello(r.host.hello()); err != nil {
		return "EHLO", err
	}
	if r.host.User == "" {
		return "", nil
	}
	if _, encrypted := stream.(*tls.Conn); !encrypted && !loopback(c.socket) {
		return "AUTH", words("no password is sent in plain text")
	}
	return "AUTH", r.host.authenticate(ctx, c.client)
}

// startTLS speaks up to the server's consent to begin TLS. go-smtp would do it,
// but would call itself localhost in the EHLO before.
func (h *Smarthost) startTLS(socket net.Conn) error {
	plain := client(socket, false)
	if err := plain.Hello(h.hello()); err != nil {
		return err
	}
	if ok, _ := plain.Extension("STARTTLS"); !ok {
		return words("the server does not offer it")
	}
	if _, err := io.WriteString(socket, "STARTTLS\r\n"); err != nil {
		return err
	}
	line, err := readLine(socket)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "220") {
		return words("the server does not begin it")
	}
	return nil
}

// readLine reads a reply line byte by byte, so that nothing a man in the middle
// puts behind it in plain text is taken for part of the encrypted dialogue
// (RFC 3207 §5; CVE-2011-0411).
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < 512; {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		if line = append(line, b[0]); b[0] == '\n' {
			return string(line), nil
		}
	}
	return "", errors.New("reply line too long")
}

// client puts go-smtp upon a stream. greeted says that the server's greeting,
// which go-smtp waits for, has been read already.
func client(stream net.Conn, greeted bool) *smtp.Client {
	if greeted {
		stream = &greetedConn{Conn: stream, greeting: strings.NewReader("220 \r\n")}
	}
	return smtp.NewClient(stream)
}

// greetedConn is a connection that begins with a greeting of our own.
type greetedConn struct {
	net.Conn
	greeting *strings.Reader
}

func (c *greetedConn) Read(p []byte) (int, error) {
	if c.greeting.Len() > 0 {
		return c.greeting.Read(p)
	}
	return c.Conn.Read(p)
}

// authenticate shows a token, or does AUTH PLAIN, or LOGIN where there is no
// PLAIN. Nothing that the server says comes into the error: it may repeat what was
// sent to it.
func (h *Smarthost) authenticate(ctx context.Context, client *smtp.Client) error {
	if h.Auth != nil {
		return h.showToken(ctx, client)
	}
	password, err := h.Password()
	if err != nil {
		return fmt.Errorf("%w: %w", words("the password cannot be read"), err)
	}
	var mechanism sasl.Client
	switch {
	case client.SupportsAuth(sasl.Plain):
		mechanism = sasl.NewPlainClient("", h.User, password)
	case client.SupportsAuth(sasl.Login):
		mechanism = sasl.NewLoginClient(h.User, password)
	default:
		return words("the server offers neither PLAIN nor LOGIN")
	}
	return authFault(client.Auth(mechanism))
}

// authFault keeps the code of a refusal, and none of its words.
func authFault(err error) error {
	var refused *smtp.SMTPError
	if errors.As(err, &refused) {
		return &smtp.SMTPError{Code: refused.Code, EnhancedCode: refused.EnhancedCode, Message: "authentication refused"}
	}
	if err != nil && !isTimeout(err) {
		return words("authentication was broken off")
	}
	return err
}

func (h *Smarthost) hello() string {
	if h.Hello == "" {
		return "localhost"
	}
	return h.Hello
}

func (h *Smarthost) tls() *tls.Config {
	name := h.ServerName
	if name == "" {
		name, _, _ = net.SplitHostPort(h.Address)
	}
	return &tls.Config{ServerName: name, RootCAs: h.RootCAs, MinVersion: tls.VersionTLS12}
}

func loopback(c net.Conn) bool {
	a, ok := c.RemoteAddr().(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

// words is an error that may be shown.
type words string

func (w words) Error() string { return string(w) }

func connectFault(step string, err error) *fault {
	f := faultOf(stageConnect, err)
	var ours words
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &ours):
		f.text = string(ours)
	case errors.As(err, &certificate):
		f.text = "the server's certificate is not good"
	case step == "TLS" && !isTimeout(err):
		f.text = "no encryption could be agreed upon"
	case step == "connection" && !isTimeout(err):
		f.text = "the server cannot be reached"
	}
	f.step, f.lost, f.cause = step, true, fmt.Errorf("%s: %w", step, err)
	return f
}

// send hands over one mail. After a fault that leaves the connection good it is
// ready for the next.
func (c *connection) send(ctx context.Context, m Outgoing, raw rawOpener) (reply, *fault) {
	if c.from != "" {
		m.From = c.from
	}
	if f := c.unfit(m); f != nil {
		return reply{}, f
	}
	options := &smtp.MailOptions{Size: m.Size, UTF8: !isASCII(m.From) || !isASCII(m.To)}
	if err := c.client.Mail(m.From, options); err != nil {
		return reply{}, c.reset(faultOf(stageSender, err))
	}
	if err := c.client.Rcpt(m.To, nil); err != nil {
		return reply{}, c.reset(faultOf(stageRecipient, err))
	}
	data, err := c.client.Data()
	if err != nil {
		return reply{}, c.reset(faultOf(stageData, err))
	}
	if f := c.write(ctx, data, m, raw); f != nil {
		return reply{}, f
	}
	response, err := data.CloseWithResponse()
	if err != nil {
		return reply{}, faultOf(stageEnd, err)
	}
	return accepted(response.StatusText), nil
}

// rawOpener is [Outbox].Raw.
type rawOpener func(ctx context.Context, ref string) (raw []byte, release func(), err error)

// write sends the bytes of a mail, without the final dot: it is up to the
// caller, who puts it only if the bytes are those that were composed.
func (c *connection) write(ctx context.Context, data io.Writer, m Outgoing, raw rawOpener) *fault {
	open := func(ref string) ([]byte, func(), error) { return raw(ctx, ref) }
	signatures, err := c.sign(m, open)
	body := &c.body
	body.begin(c)
	if err == nil {
		body.before(signatures)
		err = Assemble(body, m.Pieces, open)
	}
	if err == nil {
		err = body.finish(data)
	}
	switch {
	case body.err != nil:
		return faultOf(stageBody, body.err)
	case err != nil:
		return &fault{stage: stageBody, own: true, lost: true, cause: err, reply: reply{text: "a file of the mail cannot be read now"}}
	case hex.EncodeToString(body.hash.Sum(nil)) != m.SHA256:
		return &fault{stage: stageBody, own: true, lost: true, cause: errors.New("hash differs"),
			reply: reply{code: 554, enhanced: "5.6.0", text: "bytes changed: the mail is no longer the one that was composed"}}
	}
	return nil
}

// sign returns the fields that sign a mail, "" without keys. It reads the mail
// once more than sending it does, and holds no more than its header.
func (c *connection) sign(m Outgoing, open func(ref string) ([]byte, func(), error)) (string, error) {
	if len(c.keys) == 0 {
		return "", nil
	}
	s := newSigning()
	if err := Assemble(s, m.Pieces, open); err != nil {
		return "", err
	}
	return s.sign(c.keys)
}

// unfit says why a mail cannot be given to this server at all.
func (c *connection) unfit(m Outgoing) *fault {
	refuse := func(code int, enhanced, text string) *fault {
		return &fault{stage: stageSender, own: true, reply: reply{code, enhanced, text}, cause: errors.New(text)}
	}
	switch {
	case m.To == "" || !writable(m.To):
		return refuse(553, "5.1.3", "the recipient's address cannot be written in SMTP")
	case !writable(m.From):
		return refuse(553, "5.1.7", "the sender's address cannot be written in SMTP")
	case !c.utf8 && !(isASCII(m.From) && isASCII(m.To)):
		return refuse(553, "5.6.7", "the address has letters beyond ASCII, and the smarthost does not offer SMTPUTF8")
	case c.largest > 0 && m.Size > c.largest:
		return refuse(552, "5.3.4", fmt.Sprintf("the mail has %d bytes, and the smarthost takes no more than %d", m.Size, c.largest))
	}
	return nil
}

// writable says whether an address can stand between the angle brackets of a
// command without ending them.
func writable(address string) bool {
	return !strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f || r == '<' || r == '>' })
}

// reset makes the connection ready for another mail after a refused command.
// If that breaks it, the next mail finds out.
func (c *connection) reset(f *fault) *fault {
	if !f.lost {
		c.client.Reset()
	}
	return f
}

// close breaks the connection off: the server drops a mail without its end.
func (c *connection) close() {
	c.unlisten()
	c.socket.Close()
}

// quit ends an idle connection politely.
func (c *connection) quit(wait time.Duration) {
	c.client.CommandTimeout = wait
	c.client.Quit()
	c.close()
}
