package evidence

import (
	"slices"
	"strings"
)

// expected is what must become of the mails of a log, played in its order: the
// desk settles mails in the order in which it took them.
type expected struct {
	caps    caps
	trusted bool // the peer's senders are authenticated

	contents map[sum]bool
	received map[string]*ticket // by Message-ID
	tickets  []*ticket
	byTo     map[string]int // acknowledgements to an address
	byDomain map[string]int
	all      int
}

// caps are the most acknowledgements in an hour; 0 caps nothing.
type caps struct{ unverified, domain, verified, all int }

// shipped are the caps of an installation that nobody has changed.
var shipped = caps{unverified: 1, domain: 50, verified: 20, all: 500}

type ticket struct {
	people []string            // the requester first
	copies map[string][]string // To and Cc by Message-ID of the mail they stood in
}

// outcome is what became of a mail.
type outcome struct {
	disposition string
	acknowledge string // why it is, or is not, acknowledged
	passedOn    string // the requester who is told of what somebody else has written, or ""
}

const acknowledged = "acknowledged"

func newExpected(trusted bool, c caps) *expected {
	return &expected{caps: c, trusted: trusted, contents: map[sum]bool{}, received: map[string]*ticket{}, byTo: map[string]int{}, byDomain: map[string]int{}}
}

// next says what must become of the next mail of the log.
func (x *expected) next(s sample) outcome {
	if x.contents[s.same] {
		return outcome{disposition: "duplicate", acknowledge: "seen before"}
	}
	x.contents[s.same] = true
	switch {
	case s.kind == report:
		return outcome{disposition: "ledger", acknowledge: "a report"}
	case len(s.letter.from) != 1:
		return outcome{disposition: "quarantine", acknowledge: "not exactly one author"}
	}
	thread := x.thread(s)
	if thread == nil {
		if s.kind == human || s.kind == list {
			return x.open(s)
		}
		return outcome{disposition: "filed", acknowledge: s.mute}
	}
	copied := slices.Contains(thread.copies[x.answered(s)], s.letter.from[0])
	switch takesPart := slices.Contains(thread.people, s.letter.from[0]); {
	case s.kind == autoReply || s.kind == calendar:
		x.note(s, thread)
		return outcome{disposition: "append", acknowledge: "an automatic answer"}
	case !x.trusted:
		x.note(s, thread)
		return outcome{disposition: "pending", acknowledge: "held"}
	case takesPart:
		return x.reply(s, thread)
	case copied:
		thread.people = append(thread.people, s.letter.from[0])
		return x.reply(s, thread)
	case s.kind == machine:
		return outcome{disposition: "filed", acknowledge: s.mute}
	}
	return x.open(s)
}

// reply adds to a ticket. Its requester is told of what a guest writes.
func (x *expected) reply(s sample, t *ticket) outcome {
	x.note(s, t)
	o := outcome{disposition: "append", acknowledge: "a reply"}
	if t.people[0] != s.letter.from[0] {
		o.passedOn = t.people[0]
	}
	return o
}

// answered returns the Message-ID by which a mail finds its ticket.
func (x *expected) answered(s sample) string {
	for _, id := range s.chain {
		if x.received[id] != nil {
			return id
		}
	}
	return ""
}

func (x *expected) thread(s sample) *ticket { return x.received[x.answered(s)] }

// note makes a mail known, so that answers to it find the ticket.
func (x *expected) note(s sample, t *ticket) {
	if s.id != "" && x.received[s.id] == nil {
		x.received[s.id] = t
		t.copies[s.id] = s.copies
	}
}

func (x *expected) open(s sample) outcome {
	t := &ticket{people: s.letter.from, copies: map[string][]string{}}
	x.tickets = append(x.tickets, t)
	x.note(s, t)
	why := s.mute
	if why == "" {
		why = x.capped(s.letter.from[0])
	}
	return outcome{disposition: "ticket", acknowledge: why}
}

// capped counts an acknowledgement, or says which cap forbids it.
func (x *expected) capped(to string) string {
	_, domain, _ := strings.Cut(to, "@")
	over := func(n, most int) bool { return most > 0 && n >= most }
	switch {
	case over(x.all, x.caps.all):
		return "cap of all"
	case !x.trusted && over(x.byTo[to], x.caps.unverified), x.trusted && over(x.byTo[to], x.caps.verified):
		return "cap of an address"
	case !x.trusted && over(x.byDomain[domain], x.caps.domain):
		return "cap of a domain"
	}
	x.all++
	x.byTo[to]++
	x.byDomain[domain]++
	return acknowledged
}
