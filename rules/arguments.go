package rules

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// reading is a command line whose argument is being read.
type reading struct {
	Case
	argument string
	world    *desk.World
	ticket   desk.Ticket // as it was before the mail
	by       desk.Agent
	now      time.Time
}

// one is a single command without a problem.
func one(c desk.Command) ([]desk.Command, Problem) { return []desk.Command{c}, Problem{} }

func wrong(reason, near string) ([]desk.Command, Problem) {
	return nil, Problem{Reason: reason, Near: near}
}

func set(f desk.Field, value string) desk.Command {
	return desk.Command{Kind: desk.CmdSet, Field: f, Value: value}
}

// bare makes a command whose argument is a reason, if there is any.
func bare(kind desk.CommandKind) func(*reading) ([]desk.Command, Problem) {
	return func(r *reading) ([]desk.Command, Problem) { return one(desk.Command{Kind: kind, Text: r.argument}) }
}

func readTake(r *reading) ([]desk.Command, Problem) {
	return one(desk.Command{Kind: desk.CmdAssign, Value: r.by.Name, Text: r.argument})
}

// readAssign reads an agent, and behind a name, an address or a comma the reason; or
// "siguiente"; or a queue, whose agents then all have it.
func readAssign(r *reading) ([]desk.Command, Problem) {
	if slices.Contains([]string{"siguiente", "next", "seguinte", "proximo", "turno"}, mail.Fold(r.argument)) {
		return r.nextOnDuty()
	}
	a, reason, ok := r.agent()
	if q, is := findQueue(r.world, r.argument); is && !ok {
		return one(desk.Command{Kind: desk.CmdQueue, Value: q.Name})
	}
	if !ok {
		return wrong("unknown-agent", nearest(mail.Fold(r.argument), agentNames(r.world)))
	}
	if a.Reader {
		return wrong("agent-reads", "")
	}
	return one(desk.Command{Kind: desk.CmdAssign, Value: a.Name, Text: reason})
}

// nextOnDuty assigns the ticket to whoever of its queue is there and comes after the
// one who has it.
func (r *reading) nextOnDuty() ([]desk.Command, Problem) {
	q, _ := r.world.Queue(r.ticket.Queue)
	there := present(r.world, q, r.now)
	if len(there) == 0 {
		return wrong("nobody-there", "")
	}
	next := there[0]
	for i, name := range q.Agents {
		if name != r.ticket.Assignee {
			continue
		}
		for _, after := range append(slices.Clone(q.Agents[i+1:]), q.Agents[:i+1]...) {
			if slices.Contains(there, after) {
				next = after
				break
			}
		}
	}
	return one(desk.Command{Kind: desk.CmdAssign, Value: next})
}

func readResponsible(r *reading) ([]desk.Command, Problem) {
	a, reason, ok := r.agent()
	if !ok {
		return wrong("unknown-agent", nearest(mail.Fold(r.argument), agentNames(r.world)))
	}
	c := set(desk.FieldResponsible, a.Name)
	c.Text = reason
	return one(c)
}

// agent reads an agent at the beginning of the argument and what stands behind.
func (r *reading) agent() (a desk.Agent, rest string, ok bool) {
	for end := len(r.argument); end > 0; end = strings.LastIndexAny(r.argument[:end], " ,:;") {
		if a, ok = findAgent(r.world, strings.Trim(r.argument[:end], " ,:;")); ok {
			return a, strings.Trim(r.argument[end:], " ,:;"), true
		}
	}
	return a, "", false
}

func readQueue(r *reading) ([]desk.Command, Problem) {
	q, ok := findQueue(r.world, r.argument)
	if !ok {
		return wrong("unknown-queue", nearest(mail.Fold(r.argument), queueNames(r.world)))
	}
	return one(desk.Command{Kind: desk.CmdQueue, Value: q.Name})
}

func readPriority(r *reading) ([]desk.Command, Problem) {
	n := Priority(r.argument)
	if n == 0 {
		return wrong("unknown-priority", nearest(mail.Fold(r.argument), priorityWords[:]))
	}
	return one(desk.Command{Kind: desk.CmdPriority, Number: n})
}

// readLevelOf reads urgency or impact. With the other of the two it makes the
// priority.
func readLevelOf(f desk.Field) func(*reading) ([]desk.Command, Problem) {
	return func(r *reading) ([]desk.Command, Problem) {
		n := Priority(r.argument)
		if n == 0 {
			return wrong("unknown-priority", nearest(mail.Fold(r.argument), priorityWords[:]))
		}
		urgency, impact := n, r.ticket.Impact
		if f == desk.FieldImpact {
			urgency, impact = r.ticket.Urgency, n
		}
		return []desk.Command{set(f, strconv.Itoa(n)), {Kind: desk.CmdPriority, Number: r.world.Matrix.Priority(urgency, impact)}}, Problem{}
	}
}

func readType(r *reading) ([]desk.Command, Problem) {
	if r.argument == "" {
		return wrong("argument-missing", "")
	}
	if len(r.world.Types) > 0 {
		i := slices.IndexFunc(r.world.Types, func(t string) bool { return mail.Fold(t) == mail.Fold(r.argument) })
		if i < 0 {
			return wrong("unknown-type", nearest(mail.Fold(r.argument), r.world.Types))
		}
		r.argument = r.world.Types[i]
	}
	return one(desk.Command{Kind: desk.CmdType, Value: r.argument})
}

// listed is something that the desk's files list.
type listed struct{ name, title string }

// pick returns the name of what a word means, or the problem with it.
func pick(word, reason string, all []listed) (string, Problem) {
	folded := mail.Fold(strings.TrimSpace(word))
	var names []string
	for _, one := range all {
		if folded != "" && (folded == mail.Fold(one.name) || folded == mail.Fold(one.title)) {
			return one.name, Problem{}
		}
		names = append(names, one.name)
	}
	if folded == "" {
		reason = "argument-missing"
	}
	if len(folded) < 2 { // a single letter is near to all others
		names = nil
	}
	return "", Problem{Reason: reason, Near: nearest(folded, names)}
}

// readPicked reads one of a list into a field.
func readPicked(r *reading, f desk.Field, reason string, all []listed) ([]desk.Command, Problem) {
	name, p := pick(r.argument, reason, all)
	if p.Reason != "" {
		return nil, p
	}
	return one(set(f, name))
}

func listOf[T any](all []T, of func(T) listed) (out []listed) {
	for _, one := range all {
		out = append(out, of(one))
	}
	return out
}

// readCategory reads a category. The ticket goes to its queue and its agent.
func readCategory(r *reading) ([]desk.Command, Problem) {
	cmds, p := readPicked(r, desk.FieldCategory, "unknown-category", listOf(r.world.Categories, func(c desk.Category) listed { return listed{c.Name, c.Title} }))
	if p.Reason != "" {
		return nil, p
	}
	c, _ := r.world.Category(cmds[0].Value)
	if c.Queue != "" {
		cmds = append(cmds, desk.Command{Kind: desk.CmdQueue, Value: c.Queue})
	}
	if c.Owner != "" {
		cmds = append(cmds, desk.Command{Kind: desk.CmdAssign, Value: c.Owner})
	}
	return cmds, Problem{}
}

func readService(r *reading) ([]desk.Command, Problem) {
	return readPicked(r, desk.FieldService, "unknown-service", listOf(r.world.Services, func(s desk.Service) listed { return listed{s.Name, s.Title} }))
}

func readClient(r *reading) ([]desk.Command, Problem) {
	return readPicked(r, desk.FieldClient, "unknown-client", listOf(r.world.Clients, func(c desk.Client) listed { return listed{c.Name, c.Title} }))
}

// readAsset reads an asset: one of desk/assets.csv, or where that lists none, any.
func readAsset(r *reading) ([]desk.Command, Problem) {
	if len(r.world.Assets) == 0 {
		return readText(desk.FieldAsset)(r)
	}
	return readPicked(r, desk.FieldAsset, "unknown-asset", listOf(r.world.Assets, func(a desk.Asset) listed { return listed{a.Name, a.Title} }))
}

// readText reads a field that can be any text.
func readText(f desk.Field) func(*reading) ([]desk.Command, Problem) {
	return func(r *reading) ([]desk.Command, Problem) {
		if r.argument == "" {
			return wrong("argument-missing", "")
		}
		return one(set(f, unquoted(r.argument)))
	}
}

// levels are the levels of support, and how they are written.
var levels = []listed{{"0", "mesa"}, {"1", "nivel 1"}, {"2", "nivel 2"}, {"provider", "proveedor"}, {"provider", "fornecedor"}}

func readLevel(r *reading) ([]desk.Command, Problem) {
	word, rest, _ := strings.Cut(r.argument, " ")
	cmds, p := readPicked(&reading{argument: strings.Trim(word, ",:;")}, desk.FieldLevel, "unknown-level", levels)
	if whole, wrong := readPicked(r, desk.FieldLevel, "unknown-level", levels); wrong.Reason == "" { // nivel 2, in words
		cmds, p, rest = whole, wrong, ""
	}
	if p.Reason != "" {
		return nil, p
	}
	cmds[0].Text = strings.Trim(rest, " ,:;")
	return r.toProvider(cmds)
}

// readEscalate escalates to the next level, or to the one named, with a reason
// behind.
func readEscalate(r *reading) ([]desk.Command, Problem) {
	order := []string{"0", "1", "2", "provider"}
	now := max(slices.Index(order, r.ticket.Level), 0)
	word, reason, _ := strings.Cut(r.argument, " ")
	to, p := pick(strings.Trim(word, ",:;"), "unknown-level", levels)
	switch {
	case p.Reason == "" && slices.Index(order, to) <= now:
		return wrong("level-not-higher", "")
	case p.Reason != "" && now == len(order)-1:
		return wrong("level-highest", "")
	case p.Reason != "":
		to, reason = order[now+1], r.argument
	}
	c := set(desk.FieldLevel, to)
	c.Text = strings.Trim(reason, " ,:;")
	return r.toProvider([]desk.Command{c})
}

// channels are the ways in which a ticket can have come.
var channels = []listed{{"phone", "teléfono"}, {"phone", "telefone"}, {"phone", "llamada"}, {"person", "presencial"}, {"chat", "chat"}, {"mail", "correo"},
	{"mail", "e-mail"}, {"web", "web"}, {"system", "sistema"}}

func readChannel(r *reading) ([]desk.Command, Problem) {
	cmds, p := readPicked(r, desk.FieldChannel, "unknown-channel", channels)
	if p.Reason != "" {
		p.Near = nearest(mail.Fold(r.argument), []string{"telefono", "presencial", "chat", "correo", "web", "sistema"})
	}
	return cmds, p
}

// readTags reads tags: +a and a put one on, -a takes one off.
func readTags(r *reading) (cmds []desk.Command, p Problem) {
	for _, w := range strings.FieldsFunc(r.argument, func(c rune) bool { return c == ' ' || c == ',' || c == ';' }) {
		c := desk.Command{Kind: desk.CmdTag, Value: strings.TrimLeft(w, "+")}
		if strings.ContainsRune("-–—", []rune(w)[0]) {
			c = desk.Command{Kind: desk.CmdUntag, Value: strings.TrimLeft(w, "-–—")}
		}
		if c.Value == "" {
			return wrong("tag-missing", "")
		}
		cmds = append(cmds, c)
	}
	if len(cmds) == 0 {
		return wrong("tag-missing", "")
	}
	return cmds, Problem{}
}

// unquoted takes quotation marks off a text that stands in them as a whole.
func unquoted(s string) string {
	s = strings.TrimSpace(s)
	for _, pair := range []string{`""`, "“”", "«»", "''", "‘’", "„“"} {
		marks := []rune(pair)
		if inner, ok := strings.CutPrefix(s, string(marks[0])); ok {
			if inner, ok = strings.CutSuffix(inner, string(marks[1])); ok && inner != "" {
				return strings.TrimSpace(inner)
			}
		}
	}
	return s
}

// readField reads name=value of the desk's own fields. Without a value the field
// is emptied.
func readField(r *reading) ([]desk.Command, Problem) {
	name, value, ok := strings.Cut(r.argument, "=")
	if !ok {
		name, value, ok = strings.Cut(r.argument, ":")
	}
	if !ok {
		return wrong("argument-missing", "")
	}
	f, near := findField(r.world, name)
	if near != "" || f.Name == "" {
		return wrong("unknown-field", near)
	}
	value, near, ok = FieldValue(f, unquoted(value))
	if !ok {
		return wrong("field-value", near)
	}
	return one(set(desk.OwnField(f.Name), value))
}

// findField returns the field that a word names: by its name, title or a label. If
// none does, near is the name that was likely meant.
func findField(w *desk.World, word string) (f desk.FieldKind, near string) {
	folded := mail.Fold(strings.TrimSpace(word))
	for _, f := range w.Fields {
		for _, label := range append([]string{f.Name, f.Title}, f.Labels...) {
			if folded != "" && folded == mail.Fold(label) {
				return f, ""
			}
		}
	}
	return desk.FieldKind{}, nearest(folded, fieldNames(w))
}

// FieldValue returns a value as the field keeps it, and whether it can have it. If
// not, near is the value that was likely meant. The empty value fits every field.
func FieldValue(f desk.FieldKind, value string) (kept, near string, ok bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return "", "", true
	}
	if len(f.Values) > 0 {
		for _, v := range f.Values {
			if mail.Fold(v) == mail.Fold(value) {
				return v, "", true
			}
		}
		return "", nearest(value, f.Values), false
	}
	if f.Pattern != "" {
		if p, err := regexp.Compile("^(?:" + f.Pattern + ")$"); err == nil && !p.MatchString(value) {
			return "", "", false
		}
	}
	return value, "", true
}

// readHeld reads the number of a held article, which may be left out.
func readHeld(kind desk.CommandKind) func(*reading) ([]desk.Command, Problem) {
	return func(r *reading) ([]desk.Command, Problem) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.argument, "#"))
		if r.argument != "" && n < 1 {
			return wrong("unknown-article", "")
		}
		return one(desk.Command{Kind: kind, Number: n})
	}
}

// waiters are whom a ticket can wait for, and how they are written.
var waiters = []listed{{string(desk.ForRequester), "cliente"}, {string(desk.ForRequester), "client"}, {string(desk.ForProvider), "provider"}, {string(desk.ForDesk), "support"}, {string(desk.ForRequester), "solicitante"}, {string(desk.ForRequester), "usuario"},
	{string(desk.ForRequester), "requester"}, {string(desk.ForProvider), "proveedor"}, {string(desk.ForProvider), "fornecedor"},
	{string(desk.ForDesk), "soporte"}, {string(desk.ForDesk), "mesa"}, {string(desk.ForDesk), "suporte"}}

// readWait reads whom a ticket waits for, and until when if that is said.
func readWait(r *reading) ([]desk.Command, Problem) {
	word, when, _ := strings.Cut(r.argument, " ")
	whom, p := pick(strings.Trim(word, ",:;"), "unknown-waiting", waiters)
	if p.Reason != "" {
		p.Near = nearest(mail.Fold(word), []string{"cliente", "proveedor", "soporte"})
		return nil, p
	}
	c := desk.Command{Kind: desk.CmdWait, Value: whom}
	if when = strings.TrimSpace(when); when != "" {
		until, reason := r.dates(false).read(when)
		if reason != "" {
			return wrong(reason, "")
		}
		c.Until = until
	}
	return one(c)
}

// dates reads days in the calendar of the ticket; end: as those by which something
// is to be done.
func (r *reading) dates(end bool) dates {
	return dates{now: r.now, zone: r.world.Zone, calendar: r.world.CalendarOf(r.ticket), end: end}
}

// readCancel reads the reason for annulling a ticket, without which it is not done.
func readCancel(r *reading) ([]desk.Command, Problem) {
	if r.argument == "" {
		return wrong("reason-missing", "")
	}
	return one(desk.Command{Kind: desk.CmdCancel, Text: r.argument})
}

// readExport reads «#exportar», which not every agent may.
func readExport(r *reading) ([]desk.Command, Problem) {
	switch {
	case !r.by.Exports:
		return wrong("may-not-export", "")
	case r.argument != "":
		return wrong("argument-none", "")
	}
	return one(desk.Command{Kind: desk.CmdExport})
}

// readNothing reads a word that changes nothing by itself: its transcript answers,
// or the other lines are carried out otherwise.
func readNothing(*reading) ([]desk.Command, Problem) { return nil, Problem{} }

// has says whether one of the lines has that verb.
func has(block []line, name string) bool {
	return slices.ContainsFunc(block, func(l line) bool { v, ok := findVerb(l.word); return ok && v.name == name })
}
