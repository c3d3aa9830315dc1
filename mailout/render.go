package mailout

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/templates"
)

// DecisionTerm is how long the links of a decision are good for, from the mail
// that carries them.
const DecisionTerm = 7 * 24 * time.Hour

// ConfirmTerm is how long an agent can confirm that a held mail is his, and for
// how long after that his mails with his own tokens need no confirmation.
const ConfirmTerm = 8 * time.Hour

// Renderer makes mails out of notices and letters. It is immutable.
type Renderer struct {
	Desk  *desk.World
	Keys  desk.Keys
	Words *templates.Set
	DKIM  string // the domain that signs every mail, "" where none does
}

// Letter is a mail that no event of a ticket calls for: an answer to a mail that
// came in, or a list.
type Letter struct {
	Template string
	To       Addressee
	Ticket   *desk.Ticket // what it is about, or nil
	Seed     string       // what it answers: the same seed, template and address make the same mail
	At       time.Time
	Answers  *mail.Message // the mail that it answers, or nil
	Confirm  int           // the held article that the addressee is asked to confirm; 0: none
	Approval int           // the consent that the addressee is asked for; 0: none
	Undo     int           // the revision of UndoOf whose last deed can be taken back; 0: none
	UndoOf   desk.TicketID
	Data     templates.Data
	Files    []File // that the desk made
	Listing  int    // the list that it carries, by which an answer names tickets; 0: none
	Queue    string // that sends it, where it is about no ticket; "": the first
	Stop     int    // what its addressee can stop with one click, as desk.StopOwnDigest; 0: nothing
}

// Notices makes the mails for notices, in their order. Where agents are told the
// same, the words are made once.
func (r Renderer) Notices(w World, ns []Notice) ([]Outgoing, error) {
	out := make([]Outgoing, len(ns))
	var words *templates.Words // of the notice before
	var same string            // what it has in common with the next
	for i, n := range ns {
		if i > 0 && !r.sameWords(ns[i-1], n) {
			words, same = nil, ""
		}
		m := r.notice(w, n)
		var err error
		if words, err = r.words(m, words); err != nil {
			return nil, err
		}
		if out[i], err = r.write(m, *words, same); err != nil {
			return nil, err
		}
		same = rest(out[i].Pieces)
	}
	return out, nil
}

// sameWords says that two notices differ in their addressees alone, and that
// these do not come into the words.
func (r Renderer) sameWords(a, b Notice) bool {
	return a.To.Agent && b.To.Agent && a.To.Language == b.To.Language && a.Template == b.Template &&
		a.Event.Ticket == b.Event.Ticket && a.Event.Seq == b.Event.Seq && slices.Equal(a.Lines, b.Lines) &&
		!r.Words.Greets(a.Template, a.To.Language)
}

// words renders a mail, unless its words are at hand.
func (r Renderer) words(m message, have *templates.Words) (*templates.Words, error) {
	if have != nil {
		return have, nil
	}
	name := m.template
	if m.own != "" {
		name = templates.Own(m.template, m.own)
	}
	words, err := r.Words.Render(name, m.to.Language, m.data())
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", m.template, err)
	}
	return &words, nil
}

// notice makes all of the mail for a notice but its words.
func (r Renderer) notice(w World, n Notice) message {
	t := n.Ticket
	queue := r.queue(t.Queue)
	token := desk.Token{Ticket: t.ID, Revision: n.Event.Seq, Addressee: r.Keys.Fingerprint(n.To.Address)}
	m := message{queue: queue, to: n.To, template: n.Template, own: n.Words, ticket: &t, token: token, at: n.Event.At, event: n.Event.Seq}
	m.data = func() templates.Data {
		d := r.about(t, queue, n.To, n.Event.At)
		if !decides(w, n) {
			d.DecisionLink, d.ApproveLink, d.RejectLink = "", "", ""
		}
		r.event(&d, w, n)
		return d
	}
	if c := n.Content; c != nil {
		m.files = r.passedOn(n.Template, c)
		if answersSender(n) {
			m.answers = c.Message
		}
		if (n.Template == "respuesta" || n.Template == "consulta") && n.Event.Actor.Agent() != "" {
			m.author, _ = r.Author(w, n.Event.Actor)
		}
	}
	return m
}

// Letter makes the mail for a letter.
func (r Renderer) Letter(l Letter) (Outgoing, error) {
	queue := r.Desk.Queues[0]
	d := l.Data
	m := message{to: l.To, template: l.Template, ticket: l.Ticket, at: l.At, answers: l.Answers, seed: l.Seed, files: l.Files}
	m.token = desk.Token{Addressee: r.Keys.Fingerprint(l.To.Address), Revision: l.Listing}
	if l.Queue != "" {
		queue = r.queue(l.Queue)
	}
	if l.Ticket != nil {
		queue = r.queue(l.Ticket.Queue)
		d = r.about(*l.Ticket, queue, l.To, l.At)
		d.Lines, d.Reason, d.Suggestion, d.Numbers = l.Data.Lines, l.Data.Reason, l.Data.Suggestion, l.Data.Numbers
		d.Refused = l.Data.Refused
		d.Body, d.AuthorAddress, d.Held = l.Data.Body, l.Data.AuthorAddress, l.Data.Held
		m.token.Ticket, m.token.Revision = l.Ticket.ID, l.Ticket.Revision
	}
	if l.Ticket != nil && l.Approval > 0 {
		a, _ := l.Ticket.Approval(l.Approval)
		r.consent(&d, *l.Ticket, a, l.To, l.At)
	}
	if l.Ticket != nil && l.Undo > 0 {
		token := desk.Token{Ticket: l.UndoOf, Revision: l.Undo, Addressee: m.token.Addressee, Expires: l.At.Add(desk.UndoWithin)}
		d.UndoLink = "mailto:" + plus(queue.Address, r.made(desk.ForUndo, token)) + "?subject=" + url.PathEscape("Deshacer [#"+l.Ticket.Number+"]")
		if r.Desk.PublicURL != "" {
			d.UndoPage = r.Desk.PublicURL + "/u/" + r.made(desk.ForUndo, token)
		}
	}
	if l.Confirm > 0 && l.Ticket != nil {
		token := m.token
		token.Revision, token.Expires = l.Confirm, l.At.Add(ConfirmTerm)
		d.ApproveLink = "mailto:" + plus(queue.Address, r.made(desk.ForConfirm, token)) + "?subject=" + url.PathEscape("Confirmo [#"+l.Ticket.Number+"]")
	}
	if l.Stop > 0 {
		m.stop = r.stops(queue, l.Stop, m.token.Addressee)
		d.StopLink = m.stop[0]
	}
	d.Desk, d.Name = r.Desk.Name, l.To.Name
	m.queue, m.data = queue, func() templates.Data { return d }
	words, err := r.words(m, nil)
	if err != nil {
		return Outgoing{}, err
	}
	return r.write(m, *words, "")
}

// stops returns the ways to stop a digest, the best first.
func (r Renderer) stops(q desk.Queue, what int, addressee desk.Fingerprint) (ways []string) {
	token := r.made(desk.ForStop, desk.Token{Revision: what, Addressee: addressee})
	if r.Desk.PublicURL != "" {
		ways = append(ways, r.Desk.PublicURL+"/l/"+token)
	}
	return append(ways, "mailto:"+plus(q.Address, token)+"?subject="+url.PathEscape("No más resúmenes"))
}
