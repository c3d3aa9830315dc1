package desk

import (
	"slices"
	"time"
)

// Task is a piece of work on a ticket that an agent was given. Its life is in the
// ticket's events; the ticket keeps the last MaxTasks.
type Task struct {
	Number   int       `json:"number"` // within the ticket, 1 and up, never given twice
	Text     string    `json:"text"`   // at most MaxTaskText bytes
	Owner    string    `json:"owner"`  // the agent who is to do it
	By       string    `json:"by"`     // the agent who set it and whose consent ends it
	Due      time.Time `json:"due,omitzero"`
	Reminded bool      `json:"reminded,omitempty"` // its owner was told that it is due
	State    TaskState `json:"state,omitempty"`
}

// TaskState says where a task stands.
type TaskState string

// The states of a task.
const (
	TaskOpen   TaskState = ""       // to be done
	TaskDone   TaskState = "done"   // its owner says so; it waits for the consent of who set it
	TaskAgreed TaskState = "agreed" // who set it agrees: it is over
)

const (
	MaxTasks    = 20  // of a ticket, those that are over not counted
	MaxTaskText = 300 // bytes
)

// Task returns a task by its number.
func (t Ticket) Task(number int) (Task, bool) {
	for _, k := range t.Tasks {
		if k.Number == number {
			return k, true
		}
	}
	return Task{}, false
}

// OpenTasks are those that are not over.
func (t Ticket) OpenTasks() (open []Task) {
	for _, k := range t.Tasks {
		if k.State != TaskAgreed {
			open = append(open, k)
		}
	}
	return open
}

// NextWake is when the desk itself has to look at the ticket: WakeAt, or where a task
// comes due before that. It is zero if nothing comes up by itself.
func (t Ticket) NextWake() time.Time {
	next := t.WakeAt
	if t.State.Ended() {
		return next
	}
	for _, k := range t.Tasks {
		if k.State == TaskOpen && !k.Reminded && !k.Due.IsZero() && (next.IsZero() || k.Due.Before(next)) {
			next = k.Due
		}
	}
	return next
}

// DueTasks are the tasks whose owners are to be reminded at a time.
func (t Ticket) DueTasks(now time.Time) (due []Task) {
	for _, k := range t.Tasks {
		if !t.State.Ended() && k.State == TaskOpen && !k.Reminded && !k.Due.IsZero() && !now.Before(k.Due) {
			due = append(due, k)
		}
	}
	return due
}

// decideTask handles tasks: an agent sets one, its owner says that it is done, and
// who set it agrees or gives it back. Who is owner and setter in one needs nobody's
// consent.
func decideTask(t Ticket, c Command) ([]Event, string) {
	agent := c.Actor.Agent()
	if c.Kind == CmdTask {
		text := cut(c.Text, MaxTaskText)
		switch {
		case text == "" || c.Value == "":
			return nil, "argument-missing"
		case len(t.OpenTasks()) >= MaxTasks:
			return nil, "too-many-tasks"
		}
		return []Event{{Kind: TaskSet, Task: t.LastTask + 1, New: c.Value, Text: text, Until: c.Until.UTC()}}, ""
	}
	k, ok := t.Task(c.Number)
	if !ok {
		return nil, "unknown-task"
	}
	switch c.Kind {
	case CmdTaskDone:
		switch {
		case k.State != TaskOpen:
			return nil, "task-not-open"
		case agent != k.Owner && agent != k.By:
			return nil, "not-your-task"
		case agent == k.By:
			return []Event{{Kind: TaskEnded, Task: k.Number, Text: c.Text}}, ""
		}
		return []Event{{Kind: TaskReported, Task: k.Number, Text: c.Text}}, ""
	case CmdTaskAgree, CmdTaskReturn:
		switch {
		case k.State != TaskDone:
			return nil, "task-not-done"
		case agent != k.By:
			return nil, "not-your-consent"
		case c.Kind == CmdTaskAgree:
			return []Event{{Kind: TaskEnded, Task: k.Number, Text: c.Text}}, ""
		}
		return []Event{{Kind: TaskReturned, Task: k.Number, Text: c.Text}}, ""
	}
	// CmdTaskRemind
	if k.State != TaskOpen || k.Reminded || k.Due.IsZero() {
		return nil, ""
	}
	return []Event{{Kind: TaskDue, Task: k.Number}}, ""
}

// evolveTask returns t after an event of one of its tasks.
func evolveTask(t Ticket, e Event) Ticket {
	if e.Kind == TaskSet {
		t.LastTask = e.Task
		t.Tasks = append(slices.Clone(t.Tasks), Task{Number: e.Task, Text: e.Text, Owner: e.New, By: e.Actor.Agent(), Due: e.Until})
		for len(t.Tasks) > MaxTasks {
			over := slices.IndexFunc(t.Tasks, func(k Task) bool { return k.State == TaskAgreed })
			t.Tasks = slices.Delete(t.Tasks, max(over, 0), max(over, 0)+1)
		}
		return t
	}
	i := slices.IndexFunc(t.Tasks, func(k Task) bool { return k.Number == e.Task })
	if i < 0 {
		return t
	}
	t.Tasks = slices.Clone(t.Tasks)
	k := &t.Tasks[i]
	switch e.Kind {
	case TaskReported:
		k.State = TaskDone
	case TaskEnded:
		k.State = TaskAgreed
	case TaskReturned:
		k.State, k.Reminded = TaskOpen, !k.Due.IsZero() && !k.Due.After(e.At) // of a day that is past he is told now
	case TaskDue:
		k.Reminded = true
	}
	return t
}

// Activity is work of an agent: on a ticket, or on none.
type Activity struct {
	At      time.Time `json:"at"`
	Agent   string    `json:"agent"`
	Minutes int       `json:"minutes"`
	Text    string    `json:"text,omitempty"`
	Ticket  TicketID  `json:"ticket,omitempty"` // 0: on none
}
