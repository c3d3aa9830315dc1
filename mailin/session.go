package mailin

import (
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-smtp"

	"ventanilla/mail"
)

// session is what go-smtp calls for the commands of one connection. It lives
// as long as the connection; Reset ends a mail.
type session struct {
	conn   *conn
	client *smtp.Conn
	env    mail.Envelope
	utf8   bool // the mail came with SMTPUTF8
	text   text
	trace  []byte // buffer
}

func (s *Server) newSession(client *smtp.Conn) (smtp.Session, error) {
	c, ok := client.Conn().(*conn)
	if !ok {
		return nil, answer(421, 4, 3, 0, "Internal error")
	}
	return &session{conn: c, client: client, text: text{conn: c}}, nil
}

func (s *session) Reset() {
	s.env = mail.Envelope{}
	s.utf8 = false
}

func (s *session) Logout() error { return nil }

// Mail begins a mail.
func (s *session) Mail(from string, options *smtp.MailOptions) error {
	c := s.conn
	switch {
	case !c.greeted: // TLS began since
		return answer(503, 5, 5, 1, "Say hello first")
	case s.env.From != "":
		return answer(503, 5, 5, 1, "A mail has begun already")
	case from != "":
		if refused := checkAddress(from, options.UTF8, 7); refused != nil {
			return refused
		}
		from = quoteLocal(from)
	default:
		from = mail.NullPath
	}
	s.utf8 = options.UTF8
	s.env = mail.Envelope{
		Source:     "smtp",
		From:       from,
		Peer:       c.peerName,
		Helo:       helo(s.client.Hostname()),
		Auth:       c.auth(),
		ReceivedAt: c.server.Now().UTC(),
	}
	if c.server.LMTP {
		s.env.Source = "lmtp"
	}
	return nil
}

// Rcpt adds a recipient if the receiver accepts it.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	c := s.conn
	if len(s.env.Rcpts) >= c.server.MaxRecipients {
		return answer(452, 4, 5, 3, "Too many recipients, the rest in another mail")
	}
	if c.postmaster != "" {
		to = c.postmaster
	} else {
		if refused := checkAddress(to, s.utf8, 3); refused != nil {
			return refused
		}
		to = quoteLocal(to)
	}
	if err := c.server.receiver.Accepts(s.env, to); err != nil {
		refused := refusal(err)
		c.server.Log.Info("recipient refused", "peer", c.peerName, "code", refused.Code, "error", err)
		return refused
	}
	s.env.Rcpts = append(s.env.Rcpts, to)
	return nil
}

// Data takes the mail. It reads the text from the connection; the library's
// reader is left with an end of data to find.
func (s *session) Data(io.Reader) error {
	c := s.conn
	c.begin()
	defer c.end()
	s.env.ReceivedAt = c.server.Now().UTC()
	transport := transport{server: c.server.Hostname, lmtp: c.server.LMTP, extended: c.extended, secure: c.secure, utf8: s.utf8}
	s.trace = appendTrace(s.trace[:0], &s.env, transport)
	id, err := s.receive()
	if !c.dead {
		c.line = []byte(".\r\n")
	}
	if err != nil {
		refused := refusal(err)
		c.server.Log.Warn("mail not taken", "mail", id, "peer", c.peerName, "bytes", s.text.size, "code", refused.Code, "error", err)
		return refused
	}
	c.chatter = 0
	if log := c.server.Log; log.Enabled(c.server.ctx, slog.LevelDebug) {
		log.Debug("mail taken", "mail", id, "peer", c.peerName, "bytes", s.text.size)
	}
	return answer(250, 2, 0, 0, "Ok: "+string(id[:min(16, len(id))]))
}

// receive hands the mail to the receiver: as it comes in, or, from a stranger
// whose sender is to be verified first, when all of it is here.
func (s *session) receive() (mail.ID, error) {
	c := s.conn
	if c.server.Verify != nil && !c.server.LMTP && !s.env.Auth.Front {
		return s.receiveVerified()
	}
	s.text.start(s.trace)
	id, err := c.server.receiver.Receive(c.server.ctx, s.env, &s.text)
	if incomplete := s.text.finish(); incomplete != nil && (err == nil || incomplete != errUnread) {
		err = incomplete
	}
	return id, err
}

// checkAddress says what is wrong with an address that the library let pass.
// detail is 3 for a recipient, 7 for a sender (RFC 3463 §3.2).
func checkAddress(address string, utf8Allowed bool, detail int) *smtp.SMTPError {
	at := strings.LastIndexByte(address, '@')
	switch {
	case !isASCII(address) && !(utf8Allowed && utf8.ValidString(address)):
		return answer(553, 5, 6, 7, "An address beyond ASCII wants SMTPUTF8")
	case at < 1 || at != strings.IndexByte(address, '@'): // the library takes a@b@c
		return answer(501, 5, 1, detail, "Not an address")
	case len(address) > 512 || !validDomain(address[at+1:], utf8Allowed):
		return answer(501, 5, 1, detail, "Not an address")
	}
	return nil
}

// validDomain says whether a domain is made of letters, digits and hyphens
// between dots, or is an address literal. An underscore passes, as it does
// everywhere.
func validDomain(domain string, utf8Allowed bool) bool {
	if inner, ok := strings.CutPrefix(domain, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && inner != "" && strings.Trim(inner, "0123456789abcdefABCDEFIPv:.") == ""
	}
	length := 0 // of the label
	for i := range len(domain) {
		b := domain[i]
		switch {
		case b == '.':
			if length == 0 {
				return false
			}
			length = 0
			continue
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_':
		case b >= 0x80 && utf8Allowed:
		default:
			return false
		}
		length++
	}
	return len(domain) > 0 && len(domain) <= 255 && domain[0] != '.'
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// quoteLocal puts quotes around a local part that needs them: the library
// takes them away.
func quoteLocal(address string) string {
	at := strings.LastIndexByte(address, '@')
	local := address[:at]
	if !strings.ContainsAny(local, " \"\\@()<>[]:;,") {
		return address
	}
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(local) + `"` + address[at:]
}

// helo is what the client called itself, as far as it may be kept: valid UTF-8
// of at most 255 bytes.
func helo(name string) string {
	name = strings.ToValidUTF8(name, "?")
	if len(name) > 255 {
		name = strings.ToValidUTF8(name[:255], "")
	}
	return name
}
