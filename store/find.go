package store

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"ventanilla/desk"
	"ventanilla/mail"
)

// Field is what tickets are found by, besides their state, queue, assignee and
// requester.
type Field string

// The fields. A desk's own are made by [OwnField].
const (
	ByClient      Field = "client"
	ByService     Field = "service"
	ByResponsible Field = "responsible" // who answers for it: the assignee where nobody else is named
	ByExternal    Field = "external"
	ByWaiting     Field = "waiting"
	ByPriority    Field = "priority"
	ByTag         Field = "tag"
	ByWord        Field = "word"    // of the subject, as [Words] has it
	ByOverdue     Field = "overdue" // Overdue: a term was told to have expired
)

// Overdue is the one value of [ByOverdue].
const Overdue = "yes"

// Nobody stands for the assignee of a ticket that has none.
const Nobody = "~"

// OwnField is a field of desk/fields.toml.
func OwnField(name string) Field { return Field("field." + name) }

// InState, InQueue, OfAssignee, OfRequester and With name an index: a list of tickets
// for [Tx.Tickets] and [Tx.Find].
func InState(s desk.State) string { return "state/" + string(s) }

// InQueue is the index of a queue's tickets in a state.
func InQueue(queue string, s desk.State) string { return "queue/" + queue + "/" + string(s) }

// OfAssignee is the index of an agent's tickets in a state; [Nobody]'s, too.
func OfAssignee(agent string, s desk.State) string { return "assignee/" + agent + "/" + string(s) }

// OfRequester is the index of somebody's tickets.
func OfRequester(id desk.PersonID) string { return "requester/" + id10(id) }

// With is the index of the tickets in which a field has a value: of those that are
// ended, or of the others. Case and accents do not count.
func With(f Field, value string, ended bool) string {
	class := "/live"
	if ended {
		class = "/ended"
	}
	value = mail.Fold(strings.TrimSpace(value))
	if len(value) > 100 {
		value = hash(value)
	}
	return string(f) + "/" + url.PathEscape(value) + class
}

// indexKeys are the keys under which a ticket is found. They are a pure function
// of it.
func indexKeys(t desk.Ticket) []string {
	if t.Revision == 0 {
		return nil
	}
	id := id10(t.ID)
	keys := []string{"index/" + InState(t.State) + "/" + id, "index/" + InQueue(t.Queue, t.State) + "/" + id,
		"index/" + OfRequester(t.Requester) + "/" + id, "index/" + OfAssignee(cmp.Or(t.Assignee, Nobody), t.State) + "/" + id}
	with := func(f Field, value string) {
		if value != "" {
			keys = append(keys, "index/"+With(f, value, t.State.Ended())+"/"+id)
		}
	}
	with(ByClient, t.Client)
	with(ByService, t.Service)
	with(ByResponsible, cmp.Or(t.Responsible, t.Assignee))
	with(ByExternal, t.External)
	with(ByWaiting, string(t.Waiting))
	with(ByPriority, strconv.Itoa(t.Priority))
	for _, tag := range t.Tags {
		with(ByTag, tag)
	}
	for _, word := range Words(t.Subject) {
		with(ByWord, word)
	}
	for name, value := range t.Fields {
		with(OwnField(name), value)
	}
	if t.Clocks.Late() {
		with(ByOverdue, Overdue)
	}
	keys = append(keys, "month/"+t.UpdatedAt.UTC().Format("2006-01")+"/"+id)
	if at, ok := t.NextDue(); ok {
		keys = append(keys, "wake/"+momentKey(at)+"/"+id)
	}
	return keys
}

// wordsMost is how many words of a subject it is found by, the first ones.
const wordsMost = 12

// commonWords say nothing about a ticket.
var commonWords = strings.Fields("a al ante con de del desde el en es esta este esto hay la las le lo los me mi mis muy no o para pero por que se sin " +
	"si son su sus tiene un una unos unas y ya an and at for from has in is it my no not of on or the to with as ao com da das do dos e em na nas nos os ou um uma")

// Words are the words of a text that a ticket is found by: without case, accents and
// the endings of the plural, each once.
func Words(text string) (words []string) {
	apart := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for _, w := range strings.FieldsFunc(mail.Fold(text), apart) {
		if slices.Contains(commonWords, w) {
			continue
		}
		if w = singular(w); len(w) < 2 || slices.Contains(words, w) {
			continue
		}
		if words = append(words, w); len(words) == wordsMost {
			break
		}
	}
	return words
}

// singular takes away what the plural adds in Spanish and Portuguese, and in the same
// way from the singular: redes, red → red; claves, clave → clav.
func singular(w string) string {
	if len(w) > 3 {
		w = strings.TrimSuffix(w, "s")
	}
	if len(w) > 3 {
		w = strings.TrimSuffix(w, "e")
	}
	return w
}

// Find calls fn for the tickets that stand, for every group, in one of its indexes:
// the newest first, from the one before the given (0: from the newest), until fn
// says that it has enough. It reads at most look keys of indexes, about as many as
// the smallest group has, and returns the ticket before which it would go on; 0 if
// there are no more.
func (tx Tx) Find(groups [][]string, before desk.TicketID, look int, fn func(desk.Ticket) (more bool, err error)) (next desk.TicketID, err error) {
	f := finder{tx: tx, look: look}
	for _, indexes := range groups {
		var g []*cursor
		for _, index := range indexes {
			g = append(g, &cursor{prefix: "index/" + index + "/"})
		}
		f.groups = append(f.groups, g)
	}
	bound := before - 1
	if before == 0 {
		bound = 1<<63 - 1
	}
	for bound > 0 {
		id, ok, err := f.agree(bound)
		if err != nil || !ok {
			return 0, err
		}
		if f.look <= 0 {
			return id + 1, nil
		}
		t, err := tx.Ticket(id)
		if err != nil {
			return 0, err
		}
		if more, err := fn(t); err != nil || !more {
			return id, err
		}
		bound = id - 1
	}
	return 0, nil
}

// Matches says whether a ticket stands in one index of every group.
func Matches(groups [][]string, t desk.Ticket) bool {
	keys := indexKeys(t)
	return !slices.ContainsFunc(groups, func(indexes []string) bool {
		return !slices.ContainsFunc(indexes, func(index string) bool {
			return slices.Contains(keys, "index/"+index+"/"+id10(t.ID))
		})
	})
}

// finder walks several groups of indexes side by side.
type finder struct {
	tx     Tx
	groups [][]*cursor
	look   int // keys that may still be read
}

// agree returns the newest ticket not above bound that stands in every group. When it
// may look no further it returns where it stands.
func (f *finder) agree(bound desk.TicketID) (id desk.TicketID, ok bool, err error) {
	for agreed := 0; agreed < len(f.groups) && f.look > 0; {
		for _, g := range f.groups {
			var newest desk.TicketID
			for _, c := range g {
				at, err := c.at(f, bound)
				if err != nil {
					return 0, false, err
				}
				newest = max(newest, at)
			}
			switch {
			case newest == 0:
				return 0, false, nil
			case newest < bound:
				bound, agreed = newest, 1
			default:
				agreed++
			}
		}
	}
	return bound, len(f.groups) > 0, nil
}

// cursor walks one index. It reads some keys ahead, more of them while they are used.
type cursor struct {
	prefix string
	ids    []desk.TicketID // read and not used, the newest first
	batch  int
	end    bool // there are no more to be read
}

// at returns the newest ticket of the index not above bound, 0 if there is none.
func (c *cursor) at(f *finder, bound desk.TicketID) (desk.TicketID, error) {
	jumped := len(c.ids) > 1 && c.ids[len(c.ids)-1] > bound
	for len(c.ids) > 0 && c.ids[0] > bound {
		c.ids = c.ids[1:]
	}
	if len(c.ids) > 0 {
		return c.ids[0], nil
	}
	if c.end {
		return 0, nil
	}
	if c.batch = min(2*c.batch, 64); c.batch == 0 || jumped {
		c.batch = 2
	}
	to := c.prefix + padded(uint64(bound), 10) + "\x00"
	if bound > 9_999_999_999 {
		_, to = Prefix(c.prefix)
	}
	err := f.tx.kv.Scan(c.prefix, to, c.batch, true, func(key string, _ []byte) error {
		c.ids = append(c.ids, desk.TicketID(parseID(key[len(c.prefix):])))
		return nil
	})
	f.look -= 1 + len(c.ids)
	if c.end = len(c.ids) < c.batch; len(c.ids) == 0 {
		return 0, err
	}
	return c.ids[0], err
}
