package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// readDue reads by when a ticket is to be resolved, and why: «3 días», «viernes 17:00,
// lo pide rectoría»; «normal» goes back to what the terms say.
func readDue(r *reading) ([]desk.Command, Problem) {
	if r.ticket.ID == 0 {
		return wrong("no-ticket", "")
	}
	if r.argument == "" {
		return wrong("argument-missing", "")
	}
	word, rest, _ := strings.Cut(r.argument, " ")
	if slices.Contains([]string{"normal", "ninguno", "quitar", "none", "nenhum"}, strings.Trim(mail.Fold(word), ",:;.")) {
		return one(desk.Command{Kind: desk.CmdDue, Text: strings.TrimSpace(rest)})
	}
	at, reason, why := r.moment(r.argument)
	if reason != "" {
		return wrong(reason, "")
	}
	return one(desk.Command{Kind: desk.CmdDue, Until: at, Text: why})
}

// moment reads a moment at the beginning of a text, the longest there is, and what
// stands behind it.
func (r *reading) moment(text string) (at time.Time, reason, rest string) {
	d := r.dates(true)
	reason = "unknown-moment"
	for end := len(text); end > 0; end = strings.LastIndexAny(text[:end], " ,:;") {
		at, why := d.read(text[:end])
		if why == "" {
			rest = strings.TrimLeft(text[end:], " ,:;-–—")
			return at, "", unquoted(strings.TrimPrefix(rest, "porque "))
		}
		if why == "moment-past" && strings.TrimSpace(text[:end]) != "" {
			reason = why
		}
	}
	return at, reason, ""
}

// readTask reads a task: what is to be done, then who does it, then by when. Without
// a name it is the agent's own; a day then stands behind «para el», «hasta» or a comma.
func readTask(r *reading) ([]desk.Command, Problem) {
	if r.ticket.ID == 0 {
		return wrong("no-ticket", "")
	}
	c := desk.Command{Kind: desk.CmdTask, Value: r.by.Name, Text: r.argument}
	if i := strings.LastIndex(" "+r.argument, " @"); i >= 0 {
		behind := &reading{Case: r.Case, argument: r.argument[i+1:], world: r.world}
		a, when, ok := behind.agent()
		if !ok {
			name, _, _ := strings.Cut(r.argument[i+1:], " ")
			return wrong("unknown-agent", nearest(mail.Fold(name), agentNames(r.world)))
		}
		if a.Reader {
			return wrong("agent-reads", "")
		}
		c.Value, c.Text = a.Name, r.argument[:i]
		if when != "" {
			at, reason := r.dates(true).read(untilWords.Replace(" " + when))
			if reason != "" {
				return wrong(reason, "")
			}
			c.Until = at
		}
	} else {
		c.Text, c.Until = r.dueBehind(r.argument)
	}
	if c.Text = strings.Trim(unquoted(strings.Trim(c.Text, " ,:;")), " "); c.Text == "" {
		return wrong("argument-missing", "")
	}
	return one(c)
}

// untilWords are words before a day that say no more than that it is one.
var untilWords = strings.NewReplacer(" antes del ", " ", " antes de ", " ", " para el ", " ", " para ", " ", " hasta el ", " ", " hasta ", " ", " vence ", " ")

// dueBehind finds a day at the end of a text, where something says that it is one.
func (r *reading) dueBehind(text string) (rest string, at time.Time) {
	for _, mark := range []string{" para el ", " para ", " hasta el ", " hasta ", " antes del ", " antes de ", " vence ", ", ", "; "} {
		i := strings.LastIndex(text, mark)
		if i <= 0 {
			continue
		}
		if at, reason := r.dates(true).read(text[i+len(mark):]); reason == "" {
			return text[:i], at
		}
	}
	return text, time.Time{}
}

// numbered reads a number at the beginning of the argument, 0 for none, and what
// stands behind it.
func (r *reading) numbered() (n int, rest string) {
	word, rest, _ := strings.Cut(r.argument, " ")
	n, err := strconv.Atoi(strings.Trim(word, "#.,:;"))
	if err != nil || n < 1 {
		return 0, r.argument
	}
	return n, strings.TrimLeft(rest, " ,:;-–—")
}

// theTask returns the task of a number, or without one the only task that is meant.
func (r *reading) theTask(n int, meant func(desk.Task) bool) (int, string) {
	if n > 0 {
		if _, ok := r.ticket.Task(n); !ok {
			return 0, "unknown-task"
		}
		return n, ""
	}
	for _, k := range r.ticket.Tasks {
		if !meant(k) {
			continue
		}
		if n > 0 {
			return 0, "which-task"
		}
		n = k.Number
	}
	if n == 0 {
		return 0, "unknown-task"
	}
	return n, ""
}

// readTaskDone reads which task an agent has done.
func readTaskDone(r *reading) ([]desk.Command, Problem) {
	n, said := r.numbered()
	n, reason := r.theTask(n, func(k desk.Task) bool { return k.State == desk.TaskOpen && k.Owner == r.by.Name })
	if reason != "" {
		return wrong(reason, "")
	}
	return one(desk.Command{Kind: desk.CmdTaskDone, Number: n, Text: said})
}

// readConsent reads an agent's consent to what waits for it, or his refusal with the
// reason: a task of his that is done, or what another agent asks him.
func readConsent(agree bool) func(*reading) ([]desk.Command, Problem) {
	return func(r *reading) ([]desk.Command, Problem) {
		n, said := r.numbered()
		kinds := map[int][2]desk.CommandKind{}
		for _, k := range r.ticket.Tasks {
			if k.Number == n || n == 0 && k.State == desk.TaskDone && k.By == r.by.Name {
				kinds[k.Number] = [2]desk.CommandKind{desk.CmdTaskReturn, desk.CmdTaskAgree}
			}
		}
		for _, a := range r.ticket.Approvals {
			if a.Number == n || n == 0 && a.Decision == "" && a.Agent == r.by.Name {
				kinds[a.Number] = [2]desk.CommandKind{desk.CmdRefuseApproval, desk.CmdGiveApproval}
			}
		}
		switch {
		case len(kinds) == 0:
			return wrong("nothing-to-approve", "")
		case len(kinds) > 1:
			return wrong("which-task", "")
		case !agree && said == "":
			return wrong("reason-missing", "")
		}
		for number, kind := range kinds {
			c := desk.Command{Kind: kind[0], Number: number, Text: said}
			if agree {
				c.Kind = kind[1]
			}
			return one(c)
		}
		return nil, Problem{}
	}
}

// readShow is an agent's question how the ticket stands.
func readShow(r *reading) ([]desk.Command, Problem) {
	if r.ticket.ID == 0 {
		return wrong("no-ticket", "")
	}
	return nil, Problem{}
}

// readActivity reads work that belongs to no ticket: how long, and what it was.
func readActivity(r *reading) ([]desk.Command, Problem) {
	cmds, p := readTime(r)
	switch {
	case p.Reason != "":
		return nil, p
	case cmds[0].Text == "":
		return wrong("text-missing", "")
	}
	cmds[0].Kind = CmdActivity
	return cmds, Problem{}
}

// CmdActivity notes work on no ticket. It never reaches one: [decider.activities]
// takes it out.
const CmdActivity desk.CommandKind = "activity"

// activities takes the work on no ticket out of commands.
func (d *decider) activities(cmds []desk.Command, a desk.Agent) []desk.Command {
	return slices.DeleteFunc(cmds, func(c desk.Command) bool {
		if c.Kind != CmdActivity {
			return false
		}
		d.Activities = append(d.Activities, desk.Activity{At: d.Now, Agent: a.Name, Minutes: c.Number, Text: c.Text})
		return true
	})
}
