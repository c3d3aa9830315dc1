package mailout

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// send hands over one mail. Unless the client is broken afterwards it is ready
// for the next.
func (c *connection) send(ctx context.Context, m Outgoing, raw rawOpener) (reply, *fault) {
	if c.from != "" {
		m.From = c.from
	}
	e, f := c.envelope(m)
	if f == nil {
		f = c.transact(e)
	}
	if f == nil {
		f = c.write(ctx, m, raw)
	}
	if f != nil {
		return reply{}, f
	}
	return c.end()
}

// envelope is sender and recipient of a mail as the commands that name them.
type envelope struct{ mail, rcpt string }

// envelope writes the commands for a mail, or says why this server cannot be
// given it at all.
func (c *connection) envelope(m Outgoing) (envelope, *fault) {
	from, badFrom := transport(m.From)
	to, badTo := transport(m.To)
	utf8 := !isASCII(from) || !isASCII(to)
	refuse := func(code int, enhanced, text string) (envelope, *fault) {
		return envelope{}, &fault{stage: stageSender, own: true, reply: reply{code, enhanced, text}, cause: errors.New(text)}
	}
	switch {
	case m.To == "" || !writable(m.To):
		return refuse(553, "5.1.3", "la dirección del destinatario no se puede escribir en SMTP")
	case !writable(m.From):
		return refuse(553, "5.1.7", "la dirección del remitente no se puede escribir en SMTP")
	case badTo != nil:
		return refuse(553, "5.1.2", "el dominio del destinatario no puede existir")
	case badFrom != nil:
		return refuse(553, "5.1.8", "el dominio del remitente no puede existir")
	case utf8 && !c.client.offered("SMTPUTF8"):
		return refuse(553, "5.6.7", "la dirección tiene letras que no son ASCII antes de la arroba, y el smarthost no ofrece SMTPUTF8")
	case c.largest > 0 && m.Size > c.largest:
		return refuse(552, "5.3.4", fmt.Sprintf("el correo tiene %d bytes, y el smarthost no acepta más de %d", m.Size, c.largest))
	}
	e := envelope{"MAIL FROM:<" + from + ">", "RCPT TO:<" + to + ">"}
	if c.client.offered("SIZE") {
		e.mail += fmt.Sprintf(" SIZE=%d", m.Size)
	}
	if utf8 {
		e.mail += " SMTPUTF8" // RFC 6531 §3.4
	}
	if c.client.offered("DSN") && m.From != "" {
		c.notify(&e, m, to)
	}
	return e, nil
}

// notify asks for notices of delay and failure, and for no more of the mail in
// them than its header (RFC 3461 §4). By its id the notice names the mail.
func (c *connection) notify(e *envelope, m Outgoing, to string) {
	e.mail += " RET=HDRS"
	if id := xtext(m.ID); len(id) <= 100 { // §4.4
		e.mail += " ENVID=" + id
	}
	e.rcpt += " NOTIFY=FAILURE,DELAY"
	if original := xtext(to); isASCII(to) && len(original) <= 480 { // §4.2
		e.rcpt += " ORCPT=rfc822;" + original
	}
}

// xtext writes what a parameter may not hold as it is (RFC 3461 §4).
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < '!' || c > '~' || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// writable says whether an address can stand between the angle brackets of a
// command without ending them.
func writable(address string) bool {
	return !strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f || r == '<' || r == '>' })
}

// step is a command of a transaction.
type step struct {
	stage   stage
	command string
	want    int // the first digit of the reply hoped for
}

// transact names sender and recipient and asks to send the mail. Where the server
// allows it the three commands go together (RFC 2920 §3.1). A refusal leaves the
// connection ready for another mail.
func (c *connection) transact(e envelope) *fault {
	steps := []step{{stageSender, e.mail, 2}, {stageRecipient, e.rcpt, 2}, {stageData, "DATA", 3}}
	together := c.client.offered("PIPELINING")
	if together {
		for _, s := range steps {
			c.client.say(s.command)
		}
		c.client.flush()
	}
	for i, s := range steps {
		if !together {
			c.client.say(s.command)
			c.client.flush()
		}
		if _, err := c.client.hear(s.want); err != nil {
			if together {
				c.skip(steps[i+1:])
			}
			c.reset()
			return faultOf(s.stage, err)
		}
	}
	return nil
}

// skip reads the replies to the commands that went together with one that was
// refused. A server that asks for the data of a mail without recipients gets an
// empty one, which it must refuse (RFC 2920 §3.1); were it to have a recipient,
// only a broken connection keeps that from him.
func (c *connection) skip(rest []step) {
	named := false // a recipient was taken, whatever was said of the sender
	for _, s := range rest {
		if c.client.broken {
			return
		}
		_, err := c.client.hear(s.want)
		switch {
		case err != nil:
		case s.stage == stageRecipient:
			named = true
		case named:
			c.client.broken = true
		default:
			_, _ = c.client.ask(".", 5)
		}
	}
}

// reset ends a transaction in which a command was refused. RSET is never refused
// (RFC 5321 §4.1.1.5); where it is, another connection is better.
func (c *connection) reset() {
	if c.client.broken {
		return
	}
	if _, err := c.client.ask("RSET", 2); err != nil {
		c.client.broken = true
	}
}

// rawOpener is [Outbox].Raw.
type rawOpener func(ctx context.Context, ref string) (raw []byte, release func(), err error)

// write sends the bytes of a mail, without the final dot: it is put only if the
// bytes are those that were composed.
func (c *connection) write(ctx context.Context, m Outgoing, raw rawOpener) *fault {
	open := func(ref string) ([]byte, func(), error) { return raw(ctx, ref) }
	signatures, err := c.sign(m, open)
	body := &c.body
	body.begin(c.client.out)
	if err == nil {
		body.before(signatures)
		err = Assemble(body, m.Pieces, open)
	}
	switch {
	case body.err != nil:
		return c.stopped()
	case err != nil:
		c.client.broken = true
		return &fault{stage: stageBody, own: true, lost: true, cause: err, reply: reply{text: "ahora no se puede leer un archivo del correo"}}
	case hex.EncodeToString(body.hash.Sum(nil)) != m.SHA256:
		c.client.broken = true
		return &fault{stage: stageBody, own: true, lost: true, cause: errors.New("hash differs"),
			reply: reply{code: 554, enhanced: "5.6.0", text: "los bytes cambiaron: ya no es el correo que se escribió"}}
	}
	return nil
}

// stopped is the fault when the server takes no more of a mail. It may have said
// why before it closed.
func (c *connection) stopped() *fault {
	c.client.flush()
	_, err := c.client.hear(3) // no reply is hoped for
	return faultOf(stageBody, err)
}

// end puts the final dot and returns what the server says to it. Of a reply that
// is cut off the code is enough to know that the mail was taken.
func (c *connection) end() (reply, *fault) {
	c.body.finish()
	if c.client.flush(); c.client.unsent != nil {
		return reply{}, c.stopped() // the dot comes last, so it has not left
	}
	lines, code, err := c.client.lines(c.waits.submit)
	r := replyOf(code, lines)
	switch {
	case code/100 == 2:
		return r, nil
	case err == nil:
		err = c.client.refused(r)
	}
	return reply{}, faultOf(stageEnd, err)
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
