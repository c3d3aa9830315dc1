package mailout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/templates"
)

// message is a mail about to be written.
type message struct {
	queue    desk.Queue
	to       Addressee
	template string
	own      string       // template of the admin's own in its place, "" for none
	author   string       // shown as the sender, "" for the desk
	ticket   *desk.Ticket // or nil
	token    desk.Token   // without its purpose
	event    int
	seed     string
	at       time.Time
	answers  *mail.Message         // or nil
	data     func() templates.Data // what the words are made of
	files    []File
	stop     []string // the ways to stop such mails; none where there is nothing to stop
}

// write composes a mail, once and for all. same is what it has in common with
// one that was written before, "" if nothing.
func (r Renderer) write(m message, words templates.Words, same string) (Outgoing, error) {
	o := Outgoing{Kind: m.template, To: m.to.Address, Subject: words.Subject, Created: m.at, Due: m.at, Event: m.event}
	o.ID = r.id(m)
	o.MessageID = o.ID + "@" + r.Desk.Domain
	o.From = r.envelopeSender(m)
	if m.ticket != nil {
		o.Ticket = m.ticket.ID
	}
	boundary := o.ID
	if m.seed == "" && m.ticket != nil { // the same for all who are told the same
		boundary = fmt.Sprintf("%d.%d.%s", m.ticket.ID, m.event, m.template)
	}
	draft := Draft{Header: r.header(m, o), Text: words.Text, HTML: words.HTML, Files: m.files, Boundary: boundary, rest: same}
	var err error
	if o.Pieces, o.Size, o.SHA256, err = Compose(draft); err != nil {
		return Outgoing{}, fmt.Errorf("compose %s: %w", m.template, err)
	}
	return o, nil
}

// envelopeSender returns the address that a bounce comes back to: one that names the
// mail (VERP). An acknowledgement has none, since whoever sends mail in another's
// name would make us write to that one, and him answer; but only where a signature
// vouches for our domain, for then nothing is left to SPF to do so.
func (r Renderer) envelopeSender(m message) string {
	if Acknowledges(m.template) && mail.Aligned(r.DKIM, domainOf(m.queue.Address)) {
		return ""
	}
	return plus(m.queue.Address, r.made(desk.ForBounce, m.token))
}

// Acknowledges says of a template that its mail does no more than tell that another
// has come.
func Acknowledges(template string) bool {
	return template == "acuse" || template == "acuse-fijo" || template == "acuse-varios"
}

// id returns the local part of the Message-ID: a token over ticket, event and
// addressee, then the template, so that the same event makes the same mail. A
// mail about no event is told apart by what it answers.
func (r Renderer) id(m message) string {
	id := r.made(desk.ForMessage, m.token) + "." + m.template
	if m.seed != "" {
		id += "." + shortHash(m.seed)
	}
	return id
}

func (r Renderer) made(p desk.Purpose, t desk.Token) string {
	t.Purpose = p
	return r.Keys.Make(t)
}

// header returns the header fields of a mail, by RFC 5322, RFC 3834 and what
// common clients know.
func (r Renderer) header(m message, o Outgoing) []mail.Field {
	name := r.Desk.Name
	if m.author != "" {
		name = m.author + " (" + r.Desk.Name + ")"
	}
	h := []mail.Field{
		{Name: "From", Value: Mailbox(name, m.queue.Address)},
		{Name: "To", Value: Mailbox(m.to.Name, m.to.Address)},
		{Name: "Subject", Value: o.Subject},
		{Name: "Date", Value: m.at.In(r.zone()).Format(time.RFC1123Z)},
		{Name: "Message-ID", Value: "<" + o.MessageID + ">"},
	}
	if m.ticket != nil || m.token.Revision > 0 { // a ticket or a list can be answered to
		h = append(h, mail.Field{Name: "Reply-To", Value: Mailbox(r.Desk.Name, plus(m.queue.Address, r.made(desk.ForReply, m.token)))})
	}
	h = append(h, r.threadFields(m)...)
	if a := automatic(m.template); a != "" {
		h = append(h, mail.Field{Name: "Auto-Submitted", Value: a},
			mail.Field{Name: "X-Auto-Response-Suppress", Value: "OOF, AutoReply, RN, NRN"})
	}
	if len(m.stop) > 0 {
		h = append(h, mail.Field{Name: "List-Unsubscribe", Value: "<" + strings.Join(m.stop, ">, <") + ">"})
		if strings.HasPrefix(m.stop[0], "https:") { // RFC 8058 §3.1
			h = append(h, mail.Field{Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"})
		}
	}
	return append(h, mail.Field{Name: mail.LoopHeader, Value: r.Desk.Domain})
}

func (r Renderer) zone() *time.Location {
	if r.Desk.Zone == nil {
		return time.UTC
	}
	return r.Desk.Zone
}

// threadFields make clients group a ticket's mails: a stable id of the ticket
// stands first in References, then what is being answered.
func (r Renderer) threadFields(m message) (h []mail.Field) {
	var refs []string
	if m.ticket != nil {
		refs = append(refs, "<"+r.made(desk.ForTicket, desk.Token{Ticket: m.ticket.ID})+"@"+r.Desk.Domain+">")
	}
	if m.answers != nil {
		for _, id := range trimmed(m.answers.References) {
			if !strings.HasPrefix(refs0(refs), "<"+id+">") {
				refs = append(refs, "<"+id+">")
			}
		}
		refs = append(refs, "<"+m.answers.MessageID+">")
		h = append(h, mail.Field{Name: "In-Reply-To", Value: "<" + m.answers.MessageID + ">"})
	}
	if len(refs) > 0 {
		h = append(h, mail.Field{Name: "References", Value: strings.Join(refs, " ")})
	}
	return h
}

func refs0(refs []string) string {
	if len(refs) == 0 {
		return ""
	}
	return refs[0]
}

// shortHash tells apart the mails that answer different mails.
func shortHash(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:6])
}

// trimmed keeps the first three and the last six of a long list, which with the
// ticket's own id before them makes four and six.
func trimmed(ids []string) []string {
	if len(ids) <= 9 {
		return ids
	}
	return append(ids[:3:3], ids[len(ids)-6:]...)
}

// automatic returns the value of Auto-Submitted (RFC 3834 §5): a person's
// answer has none.
func automatic(template string) string {
	switch template {
	case "respuesta", "respuesta-solicitante", "consulta", "respuesta-interna", "nota":
		return ""
	case "acuse", "acuse-fijo", "datos", "archivos", "gracias", "gracias-rechazo", "transcripcion", "confirmar", "identidad":
		return "auto-replied"
	}
	return "auto-generated"
}

// plus puts a token into an address: soporte+token@domain.
func plus(address, token string) string {
	at := strings.LastIndexByte(address, '@')
	return address[:at] + "+" + token + address[at:]
}

// Scrub takes our own tokens out of a text that is passed on to somebody else:
// whoever quotes a mail of ours would give away what was meant for them alone.
func (r Renderer) Scrub(s string) string {
	var b strings.Builder
	kept := 0
	for i := 0; i < len(s); {
		if !tokenByte(s[i]) {
			i++
			continue
		}
		end := i
		for end < len(s) && tokenByte(s[end]) {
			end++
		}
		if end-i >= 30 && end-i <= 64 {
			if _, ok := r.Keys.Check(s[i:end]); ok {
				b.WriteString(s[kept:i])
				b.WriteString("…")
				kept = end
			}
		}
		i = end
	}
	if kept == 0 {
		return s
	}
	b.WriteString(s[kept:])
	return b.String()
}

func tokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '2' <= c && c <= '7'
}
