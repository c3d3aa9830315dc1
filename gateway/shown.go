package gateway

import (
	"fmt"
	"strconv"
	"strings"

	"ventanilla/desk"
)

// shown tells how a ticket stands: what is known of it, its terms, tasks and links,
// and its last messages.
func (t teller) shown(k desk.Ticket) (lines []string, err error) {
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	add("#"+k.Number, k.Subject)
	state := t.word("state-" + string(k.State))
	if k.Waiting != "" {
		state += ", " + t.word("waits-"+string(k.Waiting))
		if !k.WaitUntil.IsZero() {
			state += " " + t.word("did-until") + " " + t.moment(k.WaitUntil)
		}
	}
	add(t.word("column-state"), state)
	add(t.word("list-queue"), t.queue(k.Queue))
	add(t.word("column-owner"), t.agent(k.Assignee))
	requester, err := t.tx.Person(k.Requester)
	if err != nil {
		return nil, err
	}
	add(t.word("column-requester"), strings.TrimSpace(requester.Name+" <"+requester.Address+">"))
	add(t.word("did-priority"), t.word("priority-"+strconv.Itoa(k.Priority)))
	add(t.word("did-type"), k.Type)
	for _, f := range []desk.Field{desk.FieldCategory, desk.FieldService, desk.FieldClient, desk.FieldLevel, desk.FieldResponsible, desk.FieldExternal, desk.FieldAsset, desk.FieldChannel} {
		add(t.word("field-"+string(f)), t.value(f, k.Value(f)))
	}
	for _, f := range t.setup.World.Fields {
		add(f.Title, k.Fields[f.Name])
	}
	add(t.word("did-tag"), strings.Join(k.Tags, " "))
	for _, name := range []desk.ClockName{desk.FirstClock, desk.NextClock, desk.ResolutionClock} {
		if c := k.Clocks.Clock(name); c.Running() {
			value := t.moment(c.Due) + " (" + t.word("light-"+string(c.Light(t.now))) + ")"
			if c.Why != "" {
				value += ": " + c.Why
			}
			add(t.word("clock-"+string(name)), value)
		}
	}
	for _, task := range k.Tasks {
		lines = append(lines, t.task(task)+" ("+t.word("task-"+orWord(string(task.State), "open"))+")")
	}
	for _, a := range k.Approvals {
		who := t.agent(a.Agent)
		if a.Person != 0 {
			p, err := t.tx.Person(a.Person)
			if err != nil {
				return nil, err
			}
			who = orWord(p.Name, p.Address)
		}
		lines = append(lines, fmt.Sprintf("%d, %s: %s (%s)", a.Number, who, a.Text, t.word("approval-"+orWord(a.Decision, "waits"))))
	}
	for _, l := range k.Links {
		lines = append(lines, "#"+l.Number+" ("+t.word("how-"+l.How)+")")
	}
	if k.Spent > 0 {
		add(t.word("did-time"), strconv.Itoa(k.Spent))
	}
	return t.lastArticles(k, lines)
}

func orWord(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// shownArticles is how many messages an agent is shown, the last ones.
const shownArticles = 10

func (t teller) lastArticles(k desk.Ticket, lines []string) ([]string, error) {
	as, err := t.tx.Articles(k.ID, max(0, k.Articles-shownArticles), shownArticles)
	for _, a := range as {
		author := t.agent(a.Author.Agent())
		if id := a.Author.Person(); id != 0 {
			p, err := t.tx.Person(id)
			if err != nil {
				return nil, err
			}
			if author = p.Name; author == "" {
				author = p.Address
			}
		}
		lines = append(lines, fmt.Sprintf("%d. %s, %s (%s): %s", a.Number, t.moment(a.At), author, t.word("kind-"+a.Kind), a.Excerpt))
	}
	return lines, err
}
