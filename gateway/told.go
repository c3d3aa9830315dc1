package gateway

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/rules"
	"ventanilla/templates"
)

// teller puts into words what an agent's commands did.
type teller struct {
	*settling
	language string
	about    desk.TicketID // the ticket that the mail is about, 0 if it is about several
}

func (t teller) word(key string) string { return t.setup.Words.Word(t.language, key) }

// done writes a line for each line of an agent's commands, and what became of his own
// text.
func (t teller) done(done []rules.Done) (lines []string, err error) {
	for _, d := range done {
		var effects []string
		for _, c := range d.Commands {
			effect, err := t.effect(c)
			if err != nil {
				return nil, err
			}
			if effect != "" && !slices.Contains(effects, effect) {
				effects = append(effects, effect)
			}
		}
		if rules.VerbOf(d.Line) == "sin-aviso" {
			effects = []string{t.word("did-quiet")}
		}
		line := d.Line
		if len(effects) > 0 {
			line += ": " + strings.Join(effects, "; ")
		}
		lines = append(lines, line)
	}
	for _, e := range t.events {
		if e.Kind == desk.Opened && e.Ticket == t.about {
			p, err := t.tx.Person(e.Opened.Requester)
			if err != nil {
				return nil, err
			}
			lines = append(lines, t.word("did-opened")+" #"+e.Opened.Number+", "+p.Address)
		}
	}
	return append(lines, t.text()...), nil
}

// text says where the agent's own text went.
func (t teller) text() (lines []string) {
	var to []string
	for _, o := range t.mails {
		if spoken[o.Kind] && !slices.Contains(to, o.To) {
			to = append(to, o.To)
		}
	}
	answered := slices.ContainsFunc(t.events, func(e desk.Event) bool { return (e.Kind == desk.Answered || e.Kind == desk.Consulted) && e.Article > 0 })
	switch {
	case answered && len(to) > 0:
		lines = append(lines, t.word("did-sent")+" "+strings.Join(to, ", "))
	case slices.ContainsFunc(t.events, func(e desk.Event) bool { return e.Kind == desk.Noted && e.Article > 0 }):
		lines = append(lines, t.word("did-noted"))
	}
	return lines
}

// spoken are the mails that carry an agent's words outside.
var spoken = map[string]bool{"respuesta": true, "consulta": true, "resuelto": true, "cerrado": true}

// effect says what one command did, "" where another of the same line says it.
func (t teller) effect(c desk.Command) (string, error) {
	if c.Kind == rules.CmdActivity {
		return t.activity(c)
	}
	said := t.said(c)
	if said != "" && !t.changed(c) {
		said += " (" + t.word("did-already") + ")"
	}
	if k, ok := t.tickets[c.Ticket]; ok && said != "" && t.about == 0 {
		said = "#" + k.Number + " " + said
	}
	return said, nil
}

func (t teller) said(c desk.Command) string {
	with := func(key, value string) string { return t.word(key) + " " + value }
	switch c.Kind {
	case desk.CmdAssign:
		if c.Value == "" {
			return t.word("did-release")
		}
		return with("did-assign", t.agent(c.Value))
	case desk.CmdQueue:
		return with("did-queue", t.queue(c.Value))
	case desk.CmdPriority:
		return with("did-priority", fmt.Sprintf("%s (%d)", t.word("priority-"+strconv.Itoa(c.Number)), c.Number))
	case desk.CmdType:
		return with("did-type", c.Value)
	case desk.CmdSet:
		return t.field(c)
	case desk.CmdTag:
		return with("did-tag", c.Value)
	case desk.CmdUntag:
		return with("did-untag", c.Value)
	case desk.CmdJoin, desk.CmdLeave, desk.CmdRequester:
		if c.Address == "" {
			return "" // who comes along with a merged ticket
		}
		return with("did-"+string(c.Kind), c.Address)
	case desk.CmdLink:
		if c.Ticket == c.Other || !t.own(c) {
			return ""
		}
		return with("did-link", "#"+c.Value+" ("+t.word("how-"+c.Text)+")")
	case desk.CmdUnlink:
		if !t.own(c) {
			return ""
		}
		return with("did-unlink", "#"+c.Value)
	case desk.CmdOpen:
		return t.split()
	case desk.CmdLock, desk.CmdUnlock, desk.CmdNote, desk.CmdReopen, desk.CmdClose, desk.CmdCancel:
		return t.word("did-" + string(c.Kind))
	case desk.CmdAnswer:
		return t.word("did-answered")
	case desk.CmdAccept, desk.CmdSetAside:
		return with("did-"+string(c.Kind), t.article(c))
	case desk.CmdTime:
		return fmt.Sprintf("%s: %d; %s: %d", t.word("did-time"), c.Number, t.word("did-time-all"), t.tickets[c.Ticket].Spent)
	case desk.CmdResolve:
		if q, ok := t.setup.World.Queue(t.tickets[c.Ticket].Queue); ok && !q.Approval {
			return t.word("did-close")
		}
		return t.word("did-resolve")
	case desk.CmdMerge:
		return with("did-merge", "#"+c.Value)
	}
	return t.laterSaid(c)
}

// laterSaid is said for what has to do with days and tasks.
func (t teller) laterSaid(c desk.Command) string {
	switch c.Kind {
	case desk.CmdWait:
		said := t.word("waits-" + c.Value)
		if !c.Until.IsZero() {
			said += " " + t.word("did-until") + " " + t.moment(c.Until)
		}
		return said
	case desk.CmdDue:
		if c.Until.IsZero() {
			return t.word("did-due-none")
		}
		return t.word("did-due") + " " + t.moment(c.Until)
	case desk.CmdLearn:
		return t.word("did-learn") + " knowledge/" + c.Value + ".md"
	case desk.CmdExport:
		return t.word("did-export")
	case desk.CmdUndo:
		return t.word("did-undo") + ": " + t.word("state-"+string(c.Before.State))
	case desk.CmdConsult:
		to := c.Address
		if p, ok := t.setup.World.Provider(c.Value); ok {
			to = p.Title + " <" + p.Address + ">"
		}
		return t.word("did-consult") + " " + to
	case desk.CmdAskApproval:
		return t.word("did-ask-approval") + " " + orWord(c.Address, t.agent(c.Value))
	case desk.CmdGiveApproval, desk.CmdRefuseApproval:
		return t.word("did-" + string(c.Kind))
	case desk.CmdTask:
		for _, k := range t.tickets[c.Ticket].Tasks {
			if k.Text == c.Text && k.Owner == c.Value {
				return t.task(k)
			}
		}
	case desk.CmdTaskDone, desk.CmdTaskAgree, desk.CmdTaskReturn:
		k, _ := t.tickets[c.Ticket].Task(c.Number)
		said := fmt.Sprintf("%s %d, %s: ", t.word("did-task"), k.Number, k.Text)
		switch k.State {
		case desk.TaskDone:
			return said + t.word("did-task-done") + " " + t.agent(k.By)
		case desk.TaskAgreed:
			return said + t.word("did-task-over")
		}
		return said + t.word("did-task-returned") + " " + t.agent(k.Owner)
	}
	return ""
}

// task writes a task on one line.
func (t teller) task(k desk.Task) string {
	said := fmt.Sprintf("%s %d, %s: %s", t.word("did-task"), k.Number, t.agent(k.Owner), k.Text)
	if !k.Due.IsZero() {
		said += ", " + t.word("did-until") + " " + t.moment(k.Due)
	}
	return said
}

// changed says whether a command that can ask for what is already so has changed
// something.
func (t teller) changed(c desk.Command) bool {
	kinds := map[desk.CommandKind]desk.EventKind{desk.CmdAssign: desk.Assigned, desk.CmdQueue: desk.QueueChanged, desk.CmdPriority: desk.PriorityChanged,
		desk.CmdType: desk.TypeChanged, desk.CmdSet: desk.FieldChanged, desk.CmdTag: desk.Tagged, desk.CmdUntag: desk.Untagged,
		desk.CmdJoin: desk.Joined, desk.CmdLeave: desk.Left, desk.CmdLink: desk.LinkedEvent, desk.CmdUnlink: desk.Unlinked, desk.CmdLock: desk.LockedEvent,
		desk.CmdUnlock: desk.Unlocked, desk.CmdWait: desk.WaitingSet, desk.CmdDue: desk.DueSet}
	kind, can := kinds[c.Kind]
	return !can || slices.ContainsFunc(t.events, func(e desk.Event) bool {
		return e.Kind == kind && (e.Ticket == c.Ticket || c.Ticket == 0) && e.Field == c.Field
	})
}

// own says that a command is on the ticket that the mail is about, not on the other
// side of a link.
func (t teller) own(c desk.Command) bool {
	return c.Ticket == t.about || c.Ticket == 0 || t.about == 0
}

func (t teller) field(c desk.Command) string {
	if name, own := c.Field.Own(); own {
		f, _ := t.setup.World.Field(name)
		return f.Title + ": " + c.Value
	}
	value := c.Value
	switch c.Field {
	case desk.FieldUrgency, desk.FieldImpact:
		value = t.word("priority-"+value) + " (" + value + ")"
	case desk.FieldResponsible:
		value = t.agent(value)
	default:
		value = t.value(c.Field, value)
	}
	return t.word("field-"+string(c.Field)) + ": " + value
}

// value writes what a field is set to, as people call it.
func (t teller) value(f desk.Field, value string) string {
	if value == "" || f != desk.FieldLevel && f != desk.FieldChannel {
		return value
	}
	return t.word(string(f) + "-" + value)
}

func (t teller) split() string {
	for _, e := range t.events {
		if e.Kind == desk.Opened {
			return t.word("did-split") + " #" + e.Opened.Number
		}
	}
	return ""
}

// article names the held message that was meant.
func (t teller) article(c desk.Command) string {
	n := c.Number
	for _, e := range t.events {
		if n == 0 && (e.Kind == desk.Accepted || e.Kind == desk.SetAside) {
			n = e.Article
		}
	}
	return strconv.Itoa(n)
}

// activity says what was noted, and what the agent's day has come to.
func (t teller) activity(c desk.Command) (string, error) {
	today := 0
	err := t.tx.ActivitiesOf(t.now.In(t.zone()), c.Actor.Agent(), func(a desk.Activity) error { today += a.Minutes; return nil })
	return fmt.Sprintf("%s: %d; %s: %d", t.word("did-time"), c.Number, t.word("did-time-today"), today), err
}

func (t teller) agent(name string) string {
	if a, ok := t.setup.World.Agent(name); ok {
		return a.Title
	}
	return name
}

func (t teller) queue(name string) string {
	if q, ok := t.setup.World.Queue(name); ok {
		return q.Title
	}
	return name
}

func (t teller) moment(at time.Time) string { return at.In(t.zone()).Format("2006-01-02 15:04") }

// transcript puts what a letter to an agent asks for into its lines.
func (t teller) transcript(l rules.Letter, k desk.Ticket, d *templates.Data) error {
	lines, err := t.done(l.Done)
	if err != nil {
		return err
	}
	d.Lines = append(d.Lines, lines...)
	if l.Help {
		d.Lines = append(append(d.Lines, rules.Help(t.language)...), rules.ListHelp(t.language)...)
	}
	if k.ID == 0 {
		return nil
	}
	if l.Show {
		if lines, err = t.shown(k); err != nil {
			return err
		}
		d.Lines = append(d.Lines, lines...)
	}
	if l.Why {
		if lines, err = t.why(k.ID); err != nil {
			return err
		}
		d.Lines = append(d.Lines, lines...)
	}
	return nil
}
