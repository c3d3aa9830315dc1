package desk

import (
	"slices"
	"strconv"
	"time"
)

// Approval is somebody's consent, other than the requester's, that an agent has asked
// for on a ticket. Its life is in the ticket's events; the ticket keeps the last
// MaxApprovals.
type Approval struct {
	Number   int       `json:"number"`           // within the ticket, from the same count as tasks
	Person   PersonID  `json:"person,omitempty"` // who is asked: somebody from outside,
	Agent    string    `json:"agent,omitempty"`  // or an agent
	By       string    `json:"by"`               // the agent who asks
	Text     string    `json:"text,omitempty"`   // what for, at most MaxTaskText bytes
	At       time.Time `json:"at"`
	Decision string    `json:"decision,omitempty"` // "approved" or "rejected", "" while it waits

	Reminders int       `json:"reminders,omitempty"`
	Deputy    Actor     `json:"deputy,omitempty"` // decides too, in the place of who is asked
	Next      time.Time `json:"next,omitzero"`    // when the desk comes back to it while it waits
}

// What happens with those whom agents ask.
const (
	Consulted       EventKind = "consulted"      // an agent wrote to Person, of the provider New: nobody else sees it
	Informed        EventKind = "informed"       // somebody whom agents asked wrote to them
	ApprovalAsked   EventKind = "approval-asked" // of Person or the agent New: Task is its number
	ApprovalGiven   EventKind = "approval-given"
	ApprovalRefused EventKind = "approval-refused"

	ApprovalReminded EventKind = "approval-reminded" // New: how often; Until: when the desk comes back to it
	ApprovalDeputy   EventKind = "approval-deputy"   // Person or the agent New decides too; Until as before
)

// What can be asked of a ticket about them.
const (
	CmdConsult        CommandKind = "consult"         // Person, of the provider Value; Text is said where the mail says nothing itself
	CmdInform         CommandKind = "inform"          // the agents alone
	CmdAskApproval    CommandKind = "ask-approval"    // of Person or the agent Value; Text: what for
	CmdGiveApproval   CommandKind = "give-approval"   // Number
	CmdRefuseApproval CommandKind = "refuse-approval" // Number

	CmdRemindApproval CommandKind = "remind-approval" // Number; Value: how often then
	CmdApprovalDeputy CommandKind = "approval-deputy" // Number: Person or the agent Value decides too
)

const (
	MaxApprovals = 10 // of a ticket
	MaxInside    = 20 // of those who write to the agents of a ticket alone
)

// Actor is who is asked.
func (a Approval) Actor() Actor {
	if a.Agent != "" {
		return ByAgent(a.Agent)
	}
	return ByPerson(a.Person)
}

// mayDecide says whether somebody is asked, or is the deputy of who is.
func (a Approval) mayDecide(who Actor) bool {
	return who != "" && (who == a.Actor() || who == a.Deputy)
}

// Approval returns a consent that was asked for, by its number.
func (t Ticket) Approval(number int) (Approval, bool) {
	for _, a := range t.Approvals {
		if a.Number == number {
			return a, true
		}
	}
	return Approval{}, false
}

// Awaited returns the consent that is waited for of somebody, the one asked for first.
func (t Ticket) Awaited(of Actor) (Approval, bool) {
	for _, a := range t.Approvals {
		if a.Decision == "" && a.mayDecide(of) {
			return a, true
		}
	}
	return Approval{}, false
}

// decideConsult handles what agents ask of others than the requester, and what these
// answer.
func decideConsult(t Ticket, c Command) ([]Event, string) {
	inside := slices.Contains(t.Inside, c.Person)
	switch c.Kind {
	case CmdConsult:
		switch {
		case c.Person == 0:
			return nil, "unknown-person"
		case c.Person == t.Requester:
			return nil, "is-requester"
		case !inside && len(t.Inside) >= MaxInside:
			return nil, "too-many-others"
		}
		return []Event{{Kind: Consulted, Person: c.Person, New: c.Value, Text: c.Text}}, ""
	case CmdInform:
		e := Event{Kind: Informed, Person: c.Actor.Person()}
		asked := slices.ContainsFunc(t.Approvals, func(a Approval) bool { return a.Person == e.Person })
		if t.State == Pending && t.Waiting == ForProvider && !asked {
			e.Old, e.New = string(t.State), string(Open)
		}
		return []Event{e}, ""
	case CmdAskApproval:
		waits := slices.ContainsFunc(t.Approvals, func(a Approval) bool {
			return a.Decision == "" && a.Person == c.Person && a.Agent == c.Value
		})
		switch {
		case c.Person == 0 && c.Value == "":
			return nil, "unknown-person"
		case c.Person != 0 && c.Person == t.Requester:
			return nil, "is-requester"
		case c.Value != "" && c.Value == c.Actor.Agent():
			return nil, "own-approval"
		case waits:
			return nil, "asked-already"
		case len(t.Approvals) >= MaxApprovals && !slices.ContainsFunc(t.Approvals, func(a Approval) bool { return a.Decision != "" }):
			return nil, "too-many-approvals"
		}
		return []Event{{Kind: ApprovalAsked, Task: t.LastTask + 1, Person: c.Person, New: c.Value, Text: cut(c.Text, MaxTaskText), Until: c.Until}}, ""
	case CmdRemindApproval, CmdApprovalDeputy:
		return decideAwaited(t, c), ""
	}
	// CmdGiveApproval, CmdRefuseApproval
	a, ok := t.Approval(c.Number)
	switch {
	case !ok:
		return nil, "nothing-to-approve"
	case a.Decision != "":
		return nil, "already-decided"
	case !a.mayDecide(c.Actor):
		return nil, "not-your-approval"
	case c.Kind == CmdGiveApproval:
		return []Event{{Kind: ApprovalGiven, Task: a.Number, Text: c.Text}}, ""
	}
	return []Event{{Kind: ApprovalRefused, Task: a.Number, Text: c.Text}}, ""
}

// decideAwaited handles what the desk does while a consent is waited for.
func decideAwaited(t Ticket, c Command) []Event {
	a, ok := t.Approval(c.Number)
	switch {
	case !ok || a.Decision != "":
		return nil
	case c.Kind == CmdRemindApproval:
		return []Event{{Kind: ApprovalReminded, Task: a.Number, Person: a.Person, New: c.Value, Until: c.Until}}
	case a.Deputy != "" || c.Person == 0 && c.Value == "" || c.Person != 0 && c.Person == a.Person || c.Value != "" && c.Value == a.Agent:
		return nil
	}
	return []Event{{Kind: ApprovalDeputy, Task: a.Number, Person: c.Person, New: c.Value, Until: c.Until}}
}

// evolveConsult returns t after such an event.
func evolveConsult(t Ticket, e Event) Ticket {
	takesPart := e.Person == 0 || e.Person == t.Requester || slices.Contains(t.Others, e.Person) || slices.Contains(t.Inside, e.Person)
	if !takesPart {
		t.Inside = append(slices.Clone(t.Inside), e.Person)
	}
	switch e.Kind {
	case Consulted:
		if e.New != "" {
			t.Provider = e.New
		}
	case Informed:
		if e.New != "" {
			t = t.moved(State(e.New), e.At)
		}
	case ApprovalAsked:
		t.LastTask = e.Task
		a := Approval{Number: e.Task, Person: e.Person, Agent: e.New, By: e.Actor.Agent(), Text: e.Text, At: e.At, Next: e.Until}
		t.Approvals = append(slices.Clone(t.Approvals), a)
		for len(t.Approvals) > MaxApprovals {
			over := max(slices.IndexFunc(t.Approvals, func(a Approval) bool { return a.Decision != "" }), 0)
			t.Approvals = slices.Delete(t.Approvals, over, over+1)
		}
	case ApprovalGiven, ApprovalRefused, ApprovalReminded, ApprovalDeputy:
		t.Approvals = slices.Clone(t.Approvals)
		for i := range t.Approvals {
			if t.Approvals[i].Number == e.Task {
				t.Approvals[i] = t.Approvals[i].evolve(e)
			}
		}
	}
	return t
}

func (a Approval) evolve(e Event) Approval {
	switch e.Kind {
	case ApprovalGiven:
		a.Decision = "approved"
	case ApprovalRefused:
		a.Decision = "rejected"
	case ApprovalReminded:
		a.Next = e.Until
		a.Reminders, _ = strconv.Atoi(e.New)
	case ApprovalDeputy:
		a.Next, a.Deputy = e.Until, ByPerson(e.Person)
		if e.New != "" {
			a.Deputy = ByAgent(e.New)
		}
	}
	return a
}
