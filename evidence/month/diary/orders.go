package diary

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (n *turn) assign(t *Ticket, name string) string {
	if t.Owner == name {
		return ""
	}
	t.Owner = name
	if name != "" && t.State == untouched {
		move(t, open)
	}
	n.happens(fact{kind: "assigned", number: t.Number, new: name})
	return ""
}

func assign(n *turn, t *Ticket, name string) string {
	if name != "siguiente" {
		return n.assign(t, name)
	}
	q, _ := n.d.queue(t.Queue)
	i := slices.Index(q.Agents, t.Owner) // -1: the first
	return n.assign(t, q.Agents[(i+1)%len(q.Agents)])
}

func queue(n *turn, t *Ticket, name string) string {
	if _, ok := n.d.queue(name); !ok {
		return didNot
	}
	if t.Queue != name {
		t.Queue, t.Owner = name, ""
		n.happens(fact{kind: "queue", number: t.Number})
	}
	return ""
}

// set changes a value, where it is another.
func set[T comparable](n *turn, t *Ticket, value *T, to T) string {
	if *value != to {
		*value = to
		n.happens(fact{kind: "set", number: t.Number})
	}
	return ""
}

func priority(n *turn, t *Ticket, said string) string {
	names := []string{"muy urgente", "alta", "mediana", "baja", "muy baja"}
	p := slices.Index(names, said) + 1
	if p == 0 {
		p, _ = strconv.Atoi(said)
	}
	if p < 1 || p > 5 {
		return didNot
	}
	return set(n, t, &t.Priority, p)
}

func kind(n *turn, t *Ticket, said string) string    { return set(n, t, &t.Type, said) }
func subject(n *turn, t *Ticket, said string) string { return set(n, t, &t.Subject, said) }

func field(n *turn, t *Ticket, said string) string {
	name, value, _ := strings.Cut(said, "=")
	if t.Fields[name] != value {
		t.Fields[name] = value
		n.happens(fact{kind: "set", number: t.Number})
	}
	return ""
}

func tags(n *turn, t *Ticket, said string) string {
	for _, w := range strings.Fields(said) {
		tag := strings.TrimLeft(w, "+-")
		has := slices.Index(t.Tags, tag)
		switch {
		case w[0] == '-' && has >= 0:
			t.Tags = slices.Delete(t.Tags, has, has+1)
		case w[0] != '-' && has < 0:
			t.Tags = append(t.Tags, tag)
		default:
			continue
		}
		n.happens(fact{kind: "set", number: t.Number})
	}
	return ""
}

func minutes(n *turn, t *Ticket, said string) string {
	m := regexp.MustCompile(`^(?:(\d+)h)?(?:(\d+)m?)?$`).FindStringSubmatch(strings.Fields(said)[0])
	if m == nil {
		return didNot
	}
	hours, _ := strconv.Atoi(m[1])
	rest, _ := strconv.Atoi(m[2])
	t.Minutes += hours*60 + rest
	n.happens(fact{kind: "set", number: t.Number})
	return ""
}

func lock(n *turn, t *Ticket, _ string) string   { return set(n, t, &t.LockedBy, n.agent) }
func unlock(n *turn, t *Ticket, _ string) string { return set(n, t, &t.LockedBy, "") }

func observer(n *turn, t *Ticket, said string) string {
	whom := strings.TrimLeft(said, "+-")
	has := slices.Index(t.Observers, whom)
	switch {
	case n.d.agent(whom) != "":
		return didNot
	case said[0] == '-' && has >= 0:
		t.Observers = slices.Delete(t.Observers, has, has+1)
	case said[0] != '-' && has < 0 && whom != t.Requester:
		t.Observers = append(t.Observers, whom)
	default:
		return ""
	}
	n.happens(fact{kind: "set", number: t.Number})
	return ""
}

var converse = map[string]string{"parent": "child", "child": "parent", "related": "related"}

func link(n *turn, t *Ticket, said string) string {
	word, number, two := strings.Cut(said, " ")
	how := map[string]string{"padre": "parent", "hija": "child"}[word]
	if !two {
		how, number = "related", word
	}
	off := strings.HasPrefix(number, "-")
	number = strings.TrimLeft(number, "-#")
	other := n.d.Ticket(number)
	if other == nil || number == t.Number {
		return didNot
	}
	if other.State == merged || off && (n.locked(t) || n.locked(other)) {
		return didNot
	}
	n.tie(t, number, how, off)
	n.tie(n.on(number), t.Number, converse[how], off)
	return ""
}

// tie makes a ticket's link to another what it is to be.
func (n *turn) tie(t *Ticket, other, how string, off bool) {
	if off && t.Links[other] == "" || !off && t.Links[other] == how {
		return
	}
	if t.Links[other] = how; off {
		delete(t.Links, other)
	}
	n.linked[t.Number] = append(n.linked[t.Number], other)
	n.happens(fact{kind: "linked", number: t.Number})
}

func split(n *turn, t *Ticket, said string) string {
	which, err := strconv.Atoi(said)
	if err != nil || which < 1 || which > t.Articles || t.Articles < 2 {
		return didNot
	}
	k := n.d.fresh(n, Ticket{Requester: t.Requester, Subject: t.Subject, Type: t.Type, Queue: t.Queue, Priority: t.Priority, Articles: 1})
	n.happens(fact{kind: "opened", number: k.Number})
	n.happens(fact{kind: "gave", number: t.Number})
	return ""
}

func wait(n *turn, t *Ticket, said string) string {
	whom, when, _ := strings.Cut(said, " ")
	until, ok := n.moment(when)
	if !ok || t.State == closed {
		return didNot
	}
	if t.State == waiting && t.Waiting == whom && t.Until.Equal(until) {
		return ""
	}
	move(t, waiting)
	t.Waiting, t.Until = whom, until
	n.happens(fact{kind: "waiting", number: t.Number})
	return ""
}

// moment reads until when something waits: so many hours or days from now, a day of this
// week at an hour, or a date, which is meant from eight o'clock.
func (n *turn) moment(said string) (time.Time, bool) {
	var a, b int
	now := n.d.at
	at := func(days, hour, minute int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, hour, minute, 0, 0, now.Location())
	}
	if said == "" {
		return time.Time{}, true
	}
	if _, err := fmt.Sscanf(said, "%dh", &a); err == nil && strings.HasSuffix(said, "h") {
		return now.Add(time.Duration(a) * time.Hour), true
	}
	if _, err := fmt.Sscanf(said, "%d días", &a); err == nil {
		return now.AddDate(0, 0, a), true
	}
	if _, err := fmt.Sscanf(said, "viernes %d:%d", &a, &b); err == nil {
		return at(int(time.Friday-now.Weekday()), a, b), true
	}
	if _, err := fmt.Sscanf(said, "%d/%d", &a, &b); err == nil {
		return time.Date(now.Year(), time.Month(b), a, 8, 0, 0, 0, now.Location()), true
	}
	return time.Time{}, false
}

func resolve(n *turn, t *Ticket, _ string) string {
	if q, _ := n.d.queue(t.Queue); !q.Approval {
		return shut(n, t, "")
	}
	if t.State == closed {
		return didNot
	}
	move(t, resolved)
	t.Resolutions, t.Decision = t.Resolutions+1, ""
	n.happens(fact{kind: "resolved", number: t.Number})
	return ""
}

func shut(n *turn, t *Ticket, _ string) string {
	if t.State != closed {
		move(t, closed)
		n.happens(fact{kind: "closed", number: t.Number})
	}
	return ""
}

func reopen(n *turn, t *Ticket, _ string) string {
	if t.State != closed && t.State != resolved && t.State != waiting {
		return didNot
	}
	move(t, open)
	t.answeredBy = ""
	n.happens(fact{kind: "reopened", number: t.Number})
	return ""
}

func merge(n *turn, t *Ticket, number string) string {
	if n.d.Ticket(number) == nil || number == t.Number || n.d.Ticket(number).State == merged {
		return didNot
	}
	into := n.on(number)
	for _, who := range append([]string{t.Requester}, t.Observers...) {
		if who != into.Requester && !slices.Contains(into.Observers, who) {
			into.Observers = append(into.Observers, who)
		}
	}
	move(t, merged)
	t.Into = number
	n.merged[number] = t.Number
	n.happens(fact{kind: "absorbed", number: number})
	n.happens(fact{kind: "merged", number: t.Number})
	return ""
}

// last returns what an agent did to a ticket last, where it can be taken back.
func (n *turn) last(t *Ticket) (deed, bool) {
	deeds := n.d.Ticket(t.Number).deeds
	for i := len(deeds) - 1; i >= 0; i-- {
		if did := deeds[i]; !did.bystander {
			return did, did.by == n.agent && did.undoable && n.d.at.Sub(did.at) <= undoFor
		}
	}
	return deed{}, false
}

// back makes of a ticket what it was. What was said stays said.
func (n *turn) back(t *Ticket, before *Ticket) {
	old := t.State
	was := *t
	*t = *before.clone()
	t.revision, t.touched, t.Articles, t.Held, t.Resolutions = was.revision, was.touched, was.Articles, was.Held, was.Resolutions
	t.answeredBy, t.answeredAt, t.deeds = was.answeredBy, was.answeredAt, was.deeds
	n.happens(fact{kind: "undone", number: t.Number, old: old, new: t.State})
}

func undo(n *turn, t *Ticket, _ string) string {
	did, ok := n.last(t)
	if !ok {
		n.d.Counts["deshacer refused"]++
		if did.by == n.agent && did.undoable {
			n.d.Counts["deshacer late"]++
		}
		return didNot
	}
	n.d.Counts["deshacer done"]++
	if did.merged != "" {
		source := n.on(did.merged)
		merging, ok := n.last(source)
		if !ok {
			return didNot
		}
		n.back(source, merging.before)
	}
	n.back(t, did.before)
	for _, other := range did.linked {
		how := converse[t.Links[other]]
		n.tie(n.on(other), t.Number, how, how == "")
	}
	return ""
}
