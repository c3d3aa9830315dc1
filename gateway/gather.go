package gateway

import (
	"errors"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/rules"
	"ventanilla/store"
)

const (
	duplicateFor = 30 * 24 * time.Hour // the same content within this time is the same mail
	chainMost    = 20                  // Message-IDs of References that are looked up, the last ones
	tagsMost     = 3                   // tags of a subject or a quote that are looked up
	heldMost     = 500                 // articles looked through for held ones
	bulkMost     = 100                 // tickets that a mail to the control address can name
)

// gather reads everything that a decision on a mail may depend on. It is the
// only place that reads for a decision.
func (s *settling) gather() (rules.Case, error) {
	m := s.item.message
	c := rules.Case{Now: s.now, World: s.setup.World, Policy: s.setup.Policy, Caps: s.setup.Caps, Explain: s.explain, Reports: s.setup.Reports, ThisOne: s.confirmed,
		Envelope: s.item.record.Envelope, Message: m, Tickets: desk.Tickets{}, People: map[desk.PersonID]desk.Person{},
		Held: map[desk.TicketID]map[int]desk.PersonID{}, Numbers: map[string]desk.TicketID{}, Events: map[desk.TicketID][]desk.Event{}}
	if err := s.gatherDuplicate(&c); err != nil {
		return c, err
	}
	s.gatherProbe(&c)
	s.gatherAuth(&c)
	c.Addressed = s.addressed()
	if err := s.gatherSender(&c); err != nil {
		return c, err
	}
	if err := s.gatherThread(&c); err != nil {
		return c, err
	}
	if err := s.gatherAbout(&c); err != nil {
		return c, err
	}
	if err := s.gatherInterlocutor(&c); err != nil {
		return c, err
	}
	if err := s.gatherNamed(&c); err != nil {
		return c, err
	}
	s.gatherKnowledge(&c)
	if s.setup.Rules.Chooses() {
		var err error
		if c.Turns, c.Load, err = owners(s.tx, s.setup.World); err != nil {
			return c, err
		}
	}
	return c, s.gatherCounts(&c)
}

// loadMost is how many tickets of an agent and state are counted.
const loadMost = 200

// owners reads what owners of tickets are chosen by.
func owners(tx store.Tx, w *desk.World) (turns, load map[string]int, err error) {
	turns, load = map[string]int{}, map[string]int{}
	for _, q := range w.Queues {
		if turns[q.Name], err = tx.Turns(q.Name); err != nil {
			return nil, nil, err
		}
		for _, name := range q.Agents {
			if _, known := load[name]; known {
				continue
			}
			if load[name], err = tx.Load(name, loadMost); err != nil {
				return nil, nil, err
			}
		}
	}
	return turns, load, nil
}

// from returns the address in From, "" if it names none or several.
func (s *settling) from() string {
	if f := s.item.message.From; len(f) == 1 {
		return f[0].Address
	}
	return ""
}

func (s *settling) gatherDuplicate(c *rules.Case) error {
	r, known, err := s.tx.Received(c.Message.MessageID)
	if err != nil {
		return err
	}
	c.Repeated = known && r.Mail != c.Message.ID
	s.repeated = c.Repeated
	content, ok, err := s.tx.Content(c.Message.ID)
	if err != nil || !ok {
		return err
	}
	old := c.Envelope.Quiet // found when a folder was read again: known however long ago
	c.Duplicate = !s.released && !s.anew && content.Position != s.position() && (old || s.now.Sub(content.At) < duplicateFor)
	return nil
}

// gatherAuth weighs what the way in and trusted servers say of the sender. What
// the mail itself says counts only where a server of ours has taken away what
// others wrote in its name.
func (s *settling) gatherAuth(c *rules.Case) {
	evidence := c.Envelope.Auth
	var pass, fail bool
	switch {
	case evidence.Provider == mail.Microsoft365:
		pass, fail = mail.Microsoft365Results(c.Message, s.setup.World.Own)
	case evidence.Front:
		pass, fail, _ = mail.AuthResults(c.Message, s.setup.Authserv)
	}
	p := store.Proof{Auth: evidence}
	switch {
	case fail:
		p.Results = "fail"
	case pass:
		p.Results = "pass"
	}
	if k := evidence.Checked; k != nil {
		pass, fail = pass || k.Pass && s.from() != "", fail || k.Fail
	}
	if p.Results != "" || p.Checked != nil || p.Relay {
		s.proof = &p
	}
	c.Fails = fail && !s.released
	c.Auth = !fail && (pass || evidence.Relay)
}

// deliveredTo are the fields in which servers write to whom they delivered a mail:
// what stood in RCPT TO, where a mailbox has no envelope to tell it.
var deliveredTo = []string{"Delivered-To", "X-Original-To", "X-Delivered-To", "Envelope-To"}

// delivered returns the addresses in such fields. Only behind a server of ours do
// they count: anybody may write one. More than a mail may name are not looked at.
func (s *settling) delivered() (addresses []string) {
	if !s.item.record.Envelope.Auth.Front {
		return nil
	}
	for _, f := range s.item.message.Header {
		named := func(name string) bool { return strings.EqualFold(name, f.Name) }
		if slices.ContainsFunc(deliveredTo, named) && len(addresses) < mail.DefaultLimits.Recipients {
			addresses = append(addresses, strings.Trim(f.Value, "<> \t"))
		}
	}
	return addresses
}

// addressed returns our addresses that the mail went to: as they stand in To,
// then Cc, then the rest of the envelope, then where it was delivered.
func (s *settling) addressed() (as []rules.Addressed) {
	m := s.item.message
	seen := map[string]int{}
	add := func(address string, visible bool) {
		key := strings.ToLower(address)
		if at, ok := seen[key]; ok {
			as[at].Visible = as[at].Visible || visible
			return
		}
		if a, ok := s.ours(address); ok {
			a.Visible = visible
			seen[key] = len(as)
			as = append(as, a)
		}
	}
	for _, list := range [][]mail.Address{m.To, m.Cc} {
		for _, a := range list {
			add(a.Address, true)
		}
	}
	for _, r := range slices.Concat(s.item.record.Envelope.Rcpts, s.delivered()) {
		add(r, false)
	}
	return as
}

// ours reads an address as one of ours.
func (s *settling) ours(address string) (rules.Addressed, bool) {
	base, extra := splitPlus(address)
	a := rules.Addressed{Address: address}
	q, ok := s.setup.World.QueueAt(base)
	if a.Control = isControl(base, s.setup.World); !ok && !a.Control && !isPostmaster(base, s.setup.World) {
		return a, false
	}
	if a.Queue = q.Name; a.Control { // what others write there goes where all else does
		a.Queue = s.setup.World.Queues[0].Name
	}
	if t, ok := s.g.keys.Check(extra); ok {
		a.Token, a.Bound = &t, s.bound(t)
		if t.Purpose == desk.ForUndo {
			a.Agent = s.g.issuedTo(s.setup, t)
		}
	}
	return a, true
}

// bound says whether a token was issued to the sender: to the address in From,
// or to another address of the same agent.
func (s *settling) bound(t desk.Token) bool {
	from := s.from()
	if from == "" {
		return false
	}
	if s.g.keys.IssuedTo(t, from) {
		return true
	}
	a, ok := s.setup.World.AgentAt(from)
	if !ok {
		return false
	}
	for _, address := range append([]string{a.Address}, a.Further...) {
		if s.g.keys.IssuedTo(t, address) {
			return true
		}
	}
	return false
}

func (s *settling) gatherSender(c *rules.Case) error {
	if s.from() == "" {
		return nil
	}
	p, ok, err := s.tx.PersonAt(s.from())
	if ok {
		c.Sender, c.People[p.ID] = p.ID, p
	}
	agent, is := s.setup.World.AgentAt(s.from())
	if !is || err != nil {
		return err
	}
	until, err := s.tx.Confirmed(agent.Name)
	if err != nil {
		return err
	}
	c.Confirmed = s.now.Before(until)
	preferences, err := s.tx.Preferences()
	c.Preferences = preferences[agent.Name]
	return err
}

// gatherThread finds what points to tickets, the strongest first, and reads
// those tickets.
func (s *settling) gatherThread(c *rules.Case) error {
	add := func(t rules.Thread, token *desk.Token) (err error) {
		named := t.Ticket
		if t.Ticket, err = s.follow(named); err != nil {
			return err
		}
		if t.Ticket != named {
			t.Revision = 0
		}
		for _, have := range c.Thread {
			if have.Ticket == t.Ticket && have.By <= t.By && have.Bound == t.Bound {
				return nil
			}
		}
		err = s.gatherTicket(c, t.Ticket)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil && token != nil {
			t.Inside, err = s.inside(c, *token, t.Ticket)
		}
		c.Thread = append(c.Thread, t)
		return err
	}
	for _, a := range c.Addressed {
		if a.Token == nil {
			continue
		}
		if err := add(rules.Thread{By: rules.ByToken, Ticket: a.Token.Ticket, Bound: a.Bound, Revision: a.Token.Revision, Detail: a.Address}, a.Token); err != nil {
			return err
		}
	}
	foreign, err := s.gatherSigned(c, add)
	if err != nil {
		return err
	}
	for _, id := range foreign {
		r, ok, err := s.tx.Received(id)
		if err != nil {
			return err
		}
		if ok && r.Ticket != 0 {
			if err := add(rules.Thread{By: rules.ByReceived, Ticket: r.Ticket, Copied: r.Has(s.from()), Detail: id}, nil); err != nil {
				return err
			}
		}
	}
	if err := s.gatherTags(c, add); err != nil || s.about == 0 || len(c.Thread) > 0 {
		return err
	}
	return add(rules.Thread{By: rules.ByTag, Ticket: s.about, Detail: "confirmado"}, nil)
}

// gatherSigned adds our own Message-IDs of the chain and returns the others.
func (s *settling) gatherSigned(c *rules.Case, add func(rules.Thread, *desk.Token) error) (foreign []string, err error) {
	m := c.Message
	chain := append([]string(nil), m.InReplyTo...)
	for i := len(m.References) - 1; i >= 0; i-- {
		chain = append(chain, m.References[i])
	}
	if m.Original != "" {
		chain = append(chain, m.Original)
	}
	for _, id := range chain[:min(len(chain), chainMost)] {
		local, _, _ := strings.Cut(id, "@")
		token, _, _ := strings.Cut(local, ".")
		t, ok := s.g.keys.Check(token)
		if !ok || t.Ticket == 0 || t.Purpose != desk.ForMessage && t.Purpose != desk.ForTicket {
			foreign = append(foreign, id)
			continue
		}
		if err := add(rules.Thread{By: rules.BySigned, Ticket: t.Ticket, Bound: s.bound(t), Revision: t.Revision, Detail: id}, &t); err != nil {
			return nil, err
		}
	}
	return foreign, nil
}

// gatherTags adds the tickets that tags in the subject and in the quote name.
func (s *settling) gatherTags(c *rules.Case, add func(rules.Thread, *desk.Token) error) error {
	for _, in := range []struct {
		by   rules.ThreadBy
		text string
	}{{rules.ByTag, c.Message.Subject}, {rules.ByQuotedTag, c.Message.Quoted}} {
		if !strings.Contains(in.text, "#") {
			continue
		}
		tags := mail.Tags(in.text)
		for _, number := range tags[:min(len(tags), tagsMost)] {
			t, err := s.tx.TicketByNumber(number)
			if errors.Is(err, store.ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
			if err := add(rules.Thread{By: in.by, Ticket: t.ID, Detail: number}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// inside returns the person whom the agents of a ticket asked and a token was issued to,
// 0 if it was to nobody such.
func (s *settling) inside(c *rules.Case, token desk.Token, id desk.TicketID) (desk.PersonID, error) {
	for _, person := range c.Tickets[id].Inside {
		p, err := s.tx.Person(person)
		if err != nil {
			return 0, err
		}
		if c.People[person] = p; s.g.keys.IssuedTo(token, p.Address) {
			return person, nil
		}
	}
	return 0, nil
}

// gatherInterlocutor finds who wrote what the mail of ours tells to which an agent
// answers, where only agents see it; and whether that mail asks for his consent.
func (s *settling) gatherInterlocutor(c *rules.Case) error {
	if _, agent := s.setup.World.AgentAt(s.from()); !agent || len(c.Message.InReplyTo) == 0 || len(c.Thread) == 0 {
		return nil
	}
	local, _, _ := strings.Cut(c.Message.InReplyTo[0], "@")
	token, template, _ := strings.Cut(local, ".")
	t, ok := s.g.keys.Check(token)
	c.AsksConsent = ok && t.Purpose == desk.ForMessage && template == "visto-bueno"
	if !ok || t.Purpose != desk.ForMessage || template != "respuesta-interna" {
		return nil
	}
	e, err := s.tx.Event(t.Ticket, t.Revision)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || e.Kind != desk.Informed {
		return err
	}
	c.Interlocutor = e.Actor.Person()
	return nil
}

// gatherTicket reads a ticket, its requester, and, for an agent, what is held.
func (s *settling) gatherTicket(c *rules.Case, id desk.TicketID) error {
	if _, ok := c.Tickets[id]; ok {
		return nil
	}
	t, err := s.tx.Ticket(id)
	if err != nil {
		return err
	}
	c.Tickets[id] = t
	for _, id := range []desk.PersonID{t.Requester, t.Deputy} {
		if _, ok := c.People[id]; !ok && id != 0 {
			if c.People[id], err = s.tx.Person(id); err != nil {
				return err
			}
		}
	}
	_, agent := s.setup.World.AgentAt(s.from())
	if t.Held == 0 || !agent && !s.confirms(c) {
		return nil
	}
	articles, err := s.tx.Articles(id, 0, heldMost)
	c.Held[id] = map[int]desk.PersonID{}
	for _, a := range articles {
		if a.Kind == desk.KindHeld {
			c.Held[id][a.Number] = a.Author.Person()
		}
	}
	return err
}

// confirms says whether the mail went to an address that confirms.
func (s *settling) confirms(c *rules.Case) bool {
	return slices.ContainsFunc(c.Addressed, func(a rules.Addressed) bool { return a.Token != nil && a.Token.Purpose == desk.ForConfirm })
}

// gatherCounts reads how many automatic mails went out lately.
func (s *settling) gatherCounts(c *rules.Case) (err error) {
	from := s.from()
	count := func(kind store.CountKind, name string, hours int) (n int) {
		if err == nil {
			n, err = s.tx.Count(s.now, kind, name, hours)
		}
		return n
	}
	c.Counts.AddressHour = count(store.CountAddress, from, 1)
	if k := c.Caps; !c.Auth && k.UnverifiedPerDay > 0 {
		c.Counts.AddressDay = count(store.CountAddress, from, 24)
	}
	c.Counts.DomainHour = count(store.CountDomain, domainOf(from), 1)
	c.Counts.AllHour = count(store.CountAll, "", 1)
	c.Counts.CapTold = count(store.CountTold, rules.CapReached, 1) > 0
	if c.Message.Class == mail.ClassOwn {
		c.Counts.OwnTold = count(store.CountTold, rules.OwnMailCameBack, 24) > 0
	}
	return err
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// followMost is how often a ticket that was merged into another is followed.
const followMost = 20

// follow returns the ticket in which one lives on. One that is not there stays.
func (s *settling) follow(id desk.TicketID) (desk.TicketID, error) { return follow(s.tx, id) }

func follow(tx store.Tx, id desk.TicketID) (desk.TicketID, error) {
	for range followMost {
		t, err := tx.Ticket(id)
		if errors.Is(err, store.ErrNotFound) {
			return id, nil
		}
		if err != nil || t.State != desk.Merged {
			return id, err
		}
		id = t.MergedInto
	}
	return id, nil
}

// gatherNamed reads what an agent's commands speak of besides the ticket: other
// tickets by number, and what was done before where it is to be undone.
func (s *settling) gatherNamed(c *rules.Case) error {
	if _, ok := s.setup.World.AgentAt(s.from()); !ok {
		return nil
	}
	for _, a := range c.Addressed {
		if t := a.Token; t != nil && t.Purpose == desk.ForReply && t.Ticket == 0 && t.Revision > 0 && a.Bound {
			if err := s.gatherListing(c, t.Revision); err != nil {
				return err
			}
		}
	}
	numbers, undo := rules.Mentions(c.Message.Reply)
	if slices.ContainsFunc(c.Addressed, func(a rules.Addressed) bool { return a.Control }) {
		numbers = append(numbers, rules.BulkNumbers(c.Message.Reply, bulkMost)...)
	}
	for _, number := range numbers {
		t, ok, err := numbered(s.tx, s.setup, number)
		if err == nil && !ok {
			continue
		}
		if err != nil {
			return err
		}
		id, err := s.follow(t.ID)
		if err == nil {
			err = s.gatherTicket(c, id)
		}
		if err != nil {
			return err
		}
		c.Numbers[number] = id
	}
	for _, a := range c.Addressed {
		if a.Token != nil && a.Token.Purpose == desk.ForUndo {
			if err := s.gatherTicket(c, a.Token.Ticket); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return s.gatherDeeds(c, a.Token.Ticket)
		}
	}
	if !undo || len(c.Thread) == 0 {
		return nil
	}
	return s.gatherDeeds(c, c.Thread[0].Ticket)
}

// gatherDeeds reads what was done to a ticket and to those that it was tied to lately.
func (s *settling) gatherDeeds(c *rules.Case, id desk.TicketID) error {
	if err := s.gatherPast(c, id); err != nil {
		return err
	}
	for _, e := range c.Events[id] {
		if e.Other == 0 || s.now.Sub(e.At) > desk.UndoWithin {
			continue
		}
		if err := errors.Join(s.gatherTicket(c, e.Other), s.gatherPast(c, e.Other)); err != nil {
			return err
		}
	}
	return nil
}

func (s *settling) gatherPast(c *rules.Case, id desk.TicketID) (err error) {
	c.Events[id], err = s.tx.Events(id)
	return err
}

// gatherListing reads the tickets of a list that an agent was sent.
func (s *settling) gatherListing(c *rules.Case, n int) error {
	listing, err := s.tx.Listing(n)
	if errors.Is(err, store.ErrNotFound) {
		c.ListingGone = true // too long ago
		return nil
	}
	if err != nil {
		return err
	}
	c.Listing, c.ListingMore = listing.Tickets, listing.More
	if c.Listing == nil {
		c.Listing = map[desk.TicketID]int{}
	}
	for id := range listing.Tickets {
		if err := s.gatherTicket(c, id); err != nil {
			return err
		}
	}
	return nil
}
