package mailout

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
)

// connection is an SMTP session with the smarthost, ready for a mail. One worker
// at a time has it.
type connection struct {
	client   *client
	keys     []DKIMKey
	from     string   // the envelope sender of every mail; "" leaves it its own
	socket   net.Conn // beneath any TLS
	body     bodyWriter
	waits    *waits
	largest  int64     // bytes of a mail that the server takes (RFC 1870), 0 if it does not say
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
		return nil, connectFault("conexión", err)
	}
	c := &connection{socket: socket, waits: &r.sender.waits, keys: r.sender.keys, from: r.host.Sender}
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
	c.largest, _ = strconv.ParseInt(c.client.offers["SIZE"], 10, 64) // without a number there is no bound
	return c, nil
}

// begin does what comes before the first mail: greeting, EHLO, TLS, AUTH. It
// returns the step that failed.
func (r *route) begin(ctx context.Context, c *connection) (step string, err error) {
	plain := newClient(c.socket, c.socket, c.waits.command)
	switch r.host.TLS {
	case TLSNone:
		if !r.host.PlainText && !loopback(c.socket) {
			return "conexión", words("sin cifrar solo se envía a esta misma máquina")
		}
		c.client = plain
		if err := plain.greet(r.host.hello()); err != nil {
			return "EHLO", err
		}
	case TLSImplicit:
		if step, err := c.encrypt(ctx, r.host); err != nil {
			return step, err
		}
		if err := c.client.greet(r.host.hello()); err != nil {
			return "EHLO", err
		}
	default:
		if err := plain.startTLS(r.host.hello()); err != nil {
			return "STARTTLS", err
		}
		if step, err := c.encrypt(ctx, r.host); err != nil {
			return step, err
		}
		if err := c.client.hello(r.host.hello()); err != nil {
			return "EHLO", err
		}
	}
	if r.host.User == "" {
		return "", nil
	}
	if c.client == plain && !loopback(c.socket) {
		return "AUTH", words("la contraseña no se envía sin cifrar")
	}
	return "AUTH", r.host.authenticate(ctx, c.client)
}

// encrypt puts TLS upon the socket.
func (c *connection) encrypt(ctx context.Context, h Smarthost) (step string, err error) {
	stream := tls.Client(c.socket, h.tls())
	if err := stream.HandshakeContext(ctx); err != nil {
		return "TLS", err
	}
	c.client = newClient(stream, c.socket, c.waits.command)
	return "", nil
}

// startTLS speaks up to the server's consent to begin TLS. What stands behind the
// consent in plain text was put there by a man in the middle, to be taken for part
// of the encrypted dialogue (RFC 3207 §5; CVE-2011-0411).
func (c *client) startTLS(hello string) error {
	if err := c.greet(hello); err != nil {
		return err
	}
	if !c.offered("STARTTLS") {
		return words("el servidor no lo ofrece")
	}
	if _, err := c.ask("STARTTLS", 2); err != nil {
		if _, refused := errors.AsType[refusal](err); refused {
			return words("el servidor no lo empieza")
		}
		return err
	}
	if c.in.Buffered() > 0 {
		return words("llegó algo sin cifrar después de STARTTLS: alguien está en medio")
	}
	return nil
}

// authenticate shows a token, or does AUTH PLAIN, or LOGIN where there is no
// PLAIN. Nothing that the server says comes into the error: it may repeat what was
// sent to it.
func (h *Smarthost) authenticate(ctx context.Context, client *client) error {
	if h.Auth != nil {
		return h.showToken(ctx, client)
	}
	password, err := h.Password()
	if err != nil {
		return fmt.Errorf("%w: %w", words("no se puede leer la contraseña"), err)
	}
	var mechanism sasl.Client
	switch {
	case client.mechanism(sasl.Plain):
		mechanism = sasl.NewPlainClient("", h.User, password)
	case client.mechanism(sasl.Login):
		mechanism = sasl.NewLoginClient(h.User, password)
	default:
		return words("el servidor no ofrece PLAIN ni LOGIN")
	}
	return authFault(client.auth(mechanism))
}

// authFault keeps the code of a refusal, and none of its words.
func authFault(err error) error {
	if refused, ok := errors.AsType[refusal](err); ok {
		return refusal{reply{refused.code, refused.enhanced, "no aceptó al usuario"}}
	}
	if err != nil && !isTimeout(err) {
		return words("se interrumpió la autenticación")
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
		f.text = "el certificado del servidor no vale"
	case step == "TLS" && !isTimeout(err):
		f.text = "no se pudo acordar un cifrado"
	case step == "conexión" && !isTimeout(err):
		f.text = "no se puede llegar al servidor"
	}
	f.step, f.lost, f.cause = step, true, fmt.Errorf("%s: %w", step, err)
	return f
}

// close breaks the connection off: the server drops a mail without its end.
func (c *connection) close() {
	c.unlisten()
	c.socket.Close()
}

// quit ends an idle connection politely.
func (c *connection) quit(wait time.Duration) {
	c.client.limit = wait
	_, _ = c.client.ask("QUIT", 2) // whatever it says, it ends
	c.close()
}
