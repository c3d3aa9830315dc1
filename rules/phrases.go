package rules

import (
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// asked hears what somebody who takes part in a ticket can say in so many words, and
// reports whether that was all.
func (d *decider) asked(t desk.Ticket, p phrase, text string) bool {
	if len(d.Message.Parts) > 0 {
		return false
	}
	switch p {
	case statusPhrase, minePhrase, helpPhrase:
		return d.tell(p, t, text)
	case mutePhrase:
		c := desk.Command{Ticket: t.ID, Kind: desk.CmdMute, Actor: d.actor()}
		if d.Sender != t.Requester {
			c.Kind, c.Person = desk.CmdLeave, d.Sender
		}
		d.command(c)
		d.settle(ToCommand, "pide menos avisos")
		return true
	case closePhrase:
		if d.Sender != t.Requester || t.State.Ended() {
			return false
		}
		d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdReply, Actor: d.actor(), Article: true, Value: desk.KeepState})
		d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdClose, Actor: d.actor(), Text: text})
		d.settle(ToAppend, "lo cierra el solicitante")
		return true
	}
	return false
}

// answered hears a mail that is nothing but a question to the desk itself: by its
// first line, or by its subject where there is no text.
func (d *decider) answered() bool {
	m := d.Message
	if m.Class != mail.ClassHuman || len(m.Parts) > 0 {
		return false
	}
	text := strings.TrimSpace(m.Reply)
	if text == "" {
		text = mail.StripPrefixes(mail.StripTags(m.Subject))
	}
	switch p, said := readPhrase(text); p {
	case statusPhrase, minePhrase:
		return d.tell(minePhrase, desk.Ticket{}, said)
	case helpPhrase:
		return d.tell(p, desk.Ticket{}, said)
	}
	return false
}

// phraseLetters are the mails that answer phrases.
var phraseLetters = map[phrase]string{statusPhrase: "estado", minePhrase: "mis-solicitudes", helpPhrase: "ayuda"}

// tell answers a phrase, at the address that asked. Who proves nothing is told
// nothing, and no more than the caps allow.
func (d *decider) tell(p phrase, t desk.Ticket, said string) bool {
	if d.acknowledge() != desk.AckFull {
		return false
	}
	l := Letter{Template: phraseLetters[p], To: d.from().Address, Name: d.from().Name, Ticket: t.ID, Counted: true}
	if p == minePhrase {
		mine := readMine(said)
		if mine.Asked == "" { // by another word: «estado»
			mine = readMine(mineWords[0])
		}
		mine.Requester, l.List = d.from().Address, &mine
	}
	d.Letters = append(d.Letters, l)
	d.settle(ToCommand, "pregunta: "+phraseLetters[p])
	return true
}

// isMine says whether somebody asks for his requests, all of them or those in a state:
// «mis solicitudes», «mis solicitudes cerradas antes:000012».
func isMine(said string) bool { return readMine(said).Asked != "" }

// readMine reads it. Its list has no Asked where it is something else.
func readMine(said string) (l List) {
	rest := ""
	if !begins(said, mineWords, &rest) {
		return List{}
	}
	l.Asked = strings.TrimSpace(strings.TrimSuffix(said, rest))
	for _, word := range strings.Fields(rest) {
		if before, ok := strings.CutPrefix(word, "antes:"); ok && before != "" {
			l.Before = strings.TrimPrefix(before, "#")
			continue
		}
		if p := readListState(&l, nil, word); p.Reason != "" {
			return List{}
		}
		l.Asked += " " + word
	}
	if l.States == nil {
		l.States = theirs
	}
	return l
}

// theirs are the states of the requests that their requester is told of. What was merged
// lives on in another.
var theirs = slices.Concat(unended, []desk.State{desk.Closed, desk.Cancelled})
