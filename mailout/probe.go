package mailout

import (
	"fmt"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// ProbeKind is the Kind of a probe.
const ProbeKind = "sonda"

// Probe makes a mail of the desk to itself, by which it sees that mail goes out
// and comes in. Its Message-ID is a token over its number.
func (r Renderer) Probe(number int, address string, at time.Time) (Outgoing, error) {
	token := r.made(desk.ForProbe, desk.Token{Revision: number, Addressee: r.Keys.Fingerprint(address)})
	word := func(key string) string { return r.Words.Word(r.Desk.Language, key) }
	queue := r.Desk.Queues[0]
	bounce := desk.Token{Revision: number, Addressee: r.Keys.Fingerprint(address)}
	o := Outgoing{ID: token, MessageID: token + "@" + r.Desk.Domain, Event: number, Kind: ProbeKind, To: address, Created: at, Due: at,
		From: plus(queue.Address, r.made(desk.ForBounce, bounce)), Subject: fmt.Sprintf("%s %d", word("probe-subject"), number)}
	draft := Draft{Text: word("probe-text"), Boundary: token, Header: []mail.Field{
		{Name: "From", Value: Mailbox(r.Desk.Name, queue.Address)},
		{Name: "To", Value: Mailbox("", address)},
		{Name: "Subject", Value: o.Subject},
		{Name: "Date", Value: at.In(r.zone()).Format(time.RFC1123Z)},
		{Name: "Message-ID", Value: "<" + o.MessageID + ">"},
		{Name: "Auto-Submitted", Value: "auto-generated"},
		{Name: "X-Auto-Response-Suppress", Value: "All"},
		{Name: mail.ProbeHeader, Value: token},
		{Name: mail.LoopHeader, Value: r.Desk.Domain},
	}}
	var err error
	if o.Pieces, o.Size, o.SHA256, err = Compose(draft); err != nil {
		return Outgoing{}, fmt.Errorf("compose a probe: %w", err)
	}
	return o, nil
}
