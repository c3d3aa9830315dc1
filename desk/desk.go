// Package desk is the domain of a help desk: tickets, the people around them,
// what can be asked of a ticket ([Command]) and what then has happened
// ([Event]). It is a set of pure functions over plain data: no I/O, no clock,
// no goroutines.
package desk

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// TicketID is the internal name of a ticket, 1 and up. People see its Number.
type TicketID uint64

// PersonID names a person, 1 and up. A person's address stands in one record.
type PersonID uint64

// State is where a ticket stands.
type State string

// The states of a ticket.
const (
	New       State = "new"       // nobody works on it yet
	Open      State = "open"      // somebody does
	Pending   State = "pending"   // waits for somebody else
	Resolved  State = "resolved"  // waits for the requester's approval
	Closed    State = "closed"    // done
	Merged    State = "merged"    // lives on in another ticket
	Cancelled State = "cancelled" // annulled
)

// Ended says that nobody is expected to do anything more on the ticket.
func (s State) Ended() bool { return s == Closed || s == Merged || s == Cancelled }

// Actor says who did something. Its forms are made by the functions below.
type Actor string

// The actors that are no person.
const (
	System   Actor = "system"   // Ventanilla itself
	Operator Actor = "operator" // somebody at the command line
)

// ByPerson is the actor for a requester or another person from outside.
func ByPerson(id PersonID) Actor { return Actor(fmt.Sprintf("person/%d", id)) }

// ByAgent is the actor for an agent, by name.
func ByAgent(name string) Actor { return Actor("agent/" + name) }

// Agent returns the agent's name, or "" if the actor is none.
func (a Actor) Agent() string {
	name, ok := strings.CutPrefix(string(a), "agent/")
	if !ok {
		return ""
	}
	return name
}

// Person returns the person's id, or 0 if the actor is none.
func (a Actor) Person() PersonID {
	var id PersonID
	if s, ok := strings.CutPrefix(string(a), "person/"); ok {
		_, _ = fmt.Sscan(s, &id)
	}
	return id
}

// Ticket is a ticket's present state: the sum of its events. It carries no
// bodies and nothing that grows for ever.
type Ticket struct {
	ID         TicketID   `json:"id"`
	Number     string     `json:"number"`   // what people see, without "#": 003181
	Revision   int        `json:"revision"` // number of events applied
	State      State      `json:"state"`
	Subject    string     `json:"subject"` // without prefixes and tags
	Type       string     `json:"type,omitempty"`
	Queue      string     `json:"queue"`
	Priority   int        `json:"priority"` // 1 (most urgent) to 5
	Language   string     `json:"language"`
	Requester  PersonID   `json:"requester"`
	Others     []PersonID `json:"others,omitempty"` // observers and guests, at most MaxOthers
	Assignee   string     `json:"assignee,omitempty"`
	Resolution int        `json:"resolution,omitempty"` // how often it was resolved; decisions are bound to it
	Articles   int        `json:"articles"`
	Held       int        `json:"held,omitempty"` // articles that wait for #aceptar or #apartar
	Unverified bool       `json:"unverified,omitempty"`
	Linked     TicketID   `json:"linked,omitempty"` // the ticket that this one was split off from, by an agent or by lack of proof
	MergedInto TicketID   `json:"merged_into,omitempty"`
	Links      []Link     `json:"links,omitempty"`     // at most MaxLinks
	LockedBy   string     `json:"locked_by,omitempty"` // the only agent who may act on it
	Muted      bool       `json:"muted,omitempty"`     // the requester wants to hear of answers and the end only
	Details
	Waiting    Waiting    `json:"waiting,omitempty"`   // whom a pending ticket waits for
	WaitUntil  time.Time  `json:"wait_until,omitzero"` // until when; zero: until somebody writes
	WakeAt     time.Time  `json:"wake_at,omitzero"`    // when the desk itself has to do something: the wait is over, a reminder is due
	Reminders  int        `json:"reminders,omitempty"` // of the decision on the last resolution
	OpenedAt   time.Time  `json:"opened_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	Touched    int        `json:"touched,omitempty"` // Revision after the last event that was more than the desk telling of something
	ResolvedAt time.Time  `json:"resolved_at,omitzero"`
	ClosedAt   time.Time  `json:"closed_at,omitzero"`
	AnsweredBy string     `json:"answered_by,omitempty"` // the agent who answered what the requester wrote last
	AnsweredIn int        `json:"answered_in,omitempty"` // the revision from which on others could know
	Spent      int        `json:"spent,omitempty"`       // minutes of work, as agents noted them
	Tasks      []Task     `json:"tasks,omitempty"`       // at most MaxTasks
	Approvals  []Approval `json:"approvals,omitempty"`   // at most MaxApprovals
	Inside     []PersonID `json:"inside,omitempty"`      // people outside whom agents asked: what they write is for agents alone; at most MaxInside
	Provider   string     `json:"provider,omitempty"`    // that was written to last: name in desk/providers.toml
	LastTask   int        `json:"last_task,omitempty"`   // the number that was given to a task last
	Clocks     Clocks     `json:"clocks,omitzero"`
	HeldAck    *HeldAck   `json:"held_ack,omitempty"` // while the very mail that opened it is held
	Survey     Survey     `json:"survey,omitzero"`
	Deputy     PersonID   `json:"deputy,omitempty"`   // asked to decide on the resolution in the requester's place
	Decision   string     `json:"decision,omitempty"` // "approved" or "rejected": of the last resolution, "" while it waits
}

// MaxOthers is how many observers and guests a ticket can have.
const MaxOthers = 50

// Tickets are the tickets that a set of commands may touch.
type Tickets map[TicketID]Ticket

// Article is one contribution to a ticket. Its text lies in the raw mail.
type Article struct {
	Ticket    TicketID  `json:"ticket"`
	Number    int       `json:"number"` // within the ticket, 1 and up
	At        time.Time `json:"at"`
	Author    Actor     `json:"author"`
	Kind      string    `json:"kind"`                 // KindPublic, KindNote, KindHeld, KindAside, KindAutomatic
	Mail      string    `json:"mail,omitempty"`       // where the raw mail lies, as the intake log names it
	MessageID string    `json:"message_id,omitempty"` // of the mail
	Excerpt   string    `json:"excerpt,omitempty"`    // first line, for lists
	Files     int       `json:"files,omitempty"`
	Trust     string    `json:"trust,omitempty"`
	Inside    bool      `json:"inside,omitempty"`   // from somebody whom agents asked: it is for agents alone, also when it is let in
	Repeated  bool      `json:"repeated,omitempty"` // another mail came under the same Message-ID before
}

// The kinds of an article.
const (
	KindPublic    = "public"    // requester and agents see it
	KindNote      = "note"      // agents see it
	KindHeld      = "held"      // waits until an agent accepts it or puts it aside
	KindAside     = "aside"     // put aside by an agent
	KindAutomatic = "automatic" // an automatic answer, folded
	KindMoved     = "moved"     // it lives on in the ticket that was split off
)

// Event is something that has happened to a ticket. Events are only ever added.
type Event struct {
	Ticket  TicketID  `json:"ticket"`
	Seq     int       `json:"seq"` // 1 and up; the ticket's Revision after it
	At      time.Time `json:"at"`
	Kind    EventKind `json:"kind"`
	Actor   Actor     `json:"actor"`
	Article int       `json:"article,omitempty"` // the article that belongs to it
	Old     string    `json:"old,omitempty"`     // of what was changed
	New     string    `json:"new,omitempty"`
	Text    string    `json:"text,omitempty"` // a comment or reason, at most MaxReason bytes
	Opened  *Opening  `json:"opened,omitempty"`
	Person  PersonID  `json:"person,omitempty"` // who was added
	Ack     Ack       `json:"ack,omitempty"`
	Words   string    `json:"words,omitempty"` // the admin's own template in place of the acknowledgement
	HeldAck *HeldAck  `json:"held_ack,omitempty"`
	Quiet   bool      `json:"quiet,omitempty"`  // nobody is told
	Field   Field     `json:"field,omitempty"`  // what FieldChanged has changed
	Until   time.Time `json:"until,omitzero"`   // of WaitingSet, DueSet and TaskSet; of ResolvedEvent, Reminded and DeputyAsked: when the desk looks at it again
	Clocks  *Clocks   `json:"clocks,omitempty"` // of the ticket after it, where it changed them
	Deed    int       `json:"deed,omitempty"`   // Seq of the first event that came of the same mail or call; 0: this one
	Other   TicketID  `json:"other,omitempty"`  // the other ticket of a merge, link or split
	Task    int       `json:"task,omitempty"`   // the task or approval that it is about
	Before  *Ticket   `json:"before,omitempty"` // of Undone: the ticket as it was
}

// Told says that an event of this kind notes only what the desk has told somebody, or
// what became of a mail of its own: it changes nothing that a list shows.
func (k EventKind) Told() bool {
	return k == TermWarned || k == TermBreached || k == Reminded || k == Delivery
}

// MaxReason is how many bytes of a comment or reason an event keeps.
const MaxReason = 4096

// Opening is what a new ticket starts with.
type Opening struct {
	Number     string   `json:"number"`
	Subject    string   `json:"subject"`
	Type       string   `json:"type,omitempty"`
	Queue      string   `json:"queue"`
	Priority   int      `json:"priority"`
	Language   string   `json:"language"`
	Requester  PersonID `json:"requester"`
	Assignee   string   `json:"assignee,omitempty"`
	Unverified bool     `json:"unverified,omitempty"`
	Linked     TicketID `json:"linked,omitempty"`
	Offered    []string `json:"offered,omitempty"` // names of what the desk knows that may answer it
	Told       []string `json:"told,omitempty"`    // other queues whose addresses the mail went to
	Details
}

// Ack says how the requester of a new ticket is acknowledged.
type Ack string

// The acknowledgements.
const (
	AckNone  Ack = ""      // not at all
	AckFixed Ack = "fixed" // number and fixed words only: the sender is not verified
	AckFull  Ack = "full"  // number, link and subject
	AckForm  Ack = "form"  // the same, and a form for what is missing
)

// HeldAck is the acknowledgement of a ticket that opens held: it goes out when an
// agent lets the ticket in.
type HeldAck struct {
	Ack   Ack    `json:"ack,omitempty"`
	Words string `json:"words,omitempty"`
	Text  string `json:"text,omitempty"`
}

// EventKind says what has happened.
type EventKind string

// The events.
const (
	Opened          EventKind = "opened"
	Answered        EventKind = "answered"  // an agent wrote to the requester
	Replied         EventKind = "replied"   // the requester or a participant wrote
	Noted           EventKind = "noted"     // an agent wrote an internal note
	Held            EventKind = "held"      // an article waits for an agent
	Accepted        EventKind = "accepted"  // a held article was let in
	SetAside        EventKind = "set-aside" // a held article was put aside
	AutoReplied     EventKind = "auto-replied"
	Assigned        EventKind = "assigned"
	QueueChanged    EventKind = "queue-changed"
	PriorityChanged EventKind = "priority-changed"
	TypeChanged     EventKind = "type-changed"
	ResolvedEvent   EventKind = "resolved"
	ApprovedEvent   EventKind = "approved"
	RejectedEvent   EventKind = "rejected"
	ClosedEvent     EventKind = "closed"
	Reopened        EventKind = "reopened"
	FieldChanged    EventKind = "field-changed" // Field says which
	Tagged          EventKind = "tagged"
	Untagged        EventKind = "untagged"
	WaitingSet      EventKind = "waiting"       // New: whom it waits for
	CancelledEvent  EventKind = "cancelled"     // annulled, with the reason in Text
	Asked           EventKind = "asked"         // the requester, for the missing fields in New
	Joined          EventKind = "joined"        // a person became observer or guest
	TermWarned      EventKind = "term-warned"   // a clock, New, is about to expire
	TermBreached    EventKind = "term-breached" // a clock, New, has expired
	Left            EventKind = "left"          // an observer or guest takes part no more
	RequesterSet    EventKind = "requester-set" // Person is the requester now
	MergedEvent     EventKind = "merged"        // into Other, whose number is New
	Absorbed        EventKind = "absorbed"      // Other, whose number is New, was merged into this one
	LinkedEvent     EventKind = "linked"        // with Other, whose number is New; Text: how
	Unlinked        EventKind = "unlinked"      // from Other, whose number is Old
	LockedEvent     EventKind = "locked"        // New: who alone may act on it
	Unlocked        EventKind = "unlocked"
	GivenAway       EventKind = "given-away"      // Article, to Other, whose number is New
	TakenOver       EventKind = "taken-over"      // article Old of Other, as Article
	TimeSpent       EventKind = "time-spent"      // New: minutes
	WaitOver        EventKind = "wait-over"       // what it waited for did not come by the day named
	Reminded        EventKind = "reminded"        // the requester, of the decision
	MutedEvent      EventKind = "muted"           // the requester wants to hear less
	Undone          EventKind = "undone"          // what an agent did last is taken back
	Learned         EventKind = "learned"         // New: the article that it becomes, in the desk's knowledge; Text: its title
	Exported        EventKind = "exported"        // an agent took all of it with him
	DueSet          EventKind = "due-set"         // the resolution is due at Until, whatever the terms say; zero: as they say
	TaskSet         EventKind = "task-set"        // Task, for the agent New, due at Until
	TaskReported    EventKind = "task-reported"   // its owner says that Task is done
	TaskEnded       EventKind = "task-ended"      // Task is over, with the consent of who set it
	TaskReturned    EventKind = "task-returned"   // who set Task does not agree
	TaskDue         EventKind = "task-due"        // the day of Task has come
	Delivery        EventKind = "delivery"        // the ledger: what became, New, of a mail of ours that the agent Old wrote; "": the desk
	DeputyAsked     EventKind = "deputy-asked"    // Person decides too, in the place of the requester
	SurveyAsked     EventKind = "survey-asked"    // the requester, how it was
	SurveyAnswered  EventKind = "survey-answered" // New: the score; Text: the comment
)

// Command is something asked of a ticket. The zero fields of a command are
// those that its Kind does not use.
type Command struct {
	Ticket   TicketID
	Kind     CommandKind
	Actor    Actor
	Value    string    // agent, queue, type, tag or a field's value; whom Wait waits for; KeepState of Reply; action of Delivery
	Field    Field     // of Set
	Until    time.Time // of Wait; zero: until somebody writes. Of Due and Task. Of Resolve, Remind and Deputy: when to look at it again; zero: never
	Number   int       // priority, task, article for Accept and SetAside, score of Survey, how many reminders for Remind
	Text     string    // reason or comment
	Opening  *Opening  // of Open
	Ack      Ack       // of Open
	Words    string    // of Open: the admin's own template in place of the acknowledgement
	HeldAck  *HeldAck  // of Hold, where it is the mail that opened the ticket
	Person   PersonID  // of Join, Leave, Requester and Deputy
	Address  string    // of the same, and of Open on behalf of somebody, where the person is not known by id
	Other    TicketID  // of Merge, Absorb, Link, Unlink and TakeOver; Value is its number
	Before   *Ticket   // of Undo
	Author   string    // of Delivery: the agent who wrote the mail, "" where the desk did
	Article  bool      // the mail being processed becomes an article of it
	Quiet    bool
	Survey   bool // of Close and Approve: the requester is asked how it was, unless he was
	Revision int  // of a decision: the Resolution it was made for; 0 means the present one
}

// CommandKind says what is asked.
type CommandKind string

// The commands.
const (
	CmdOpen       CommandKind = "open"
	CmdAnswer     CommandKind = "answer"
	CmdReply      CommandKind = "reply"
	CmdNote       CommandKind = "note"
	CmdHold       CommandKind = "hold"
	CmdAccept     CommandKind = "accept"
	CmdSetAside   CommandKind = "set-aside"
	CmdAutoReply  CommandKind = "auto-reply"
	CmdAssign     CommandKind = "assign"
	CmdQueue      CommandKind = "queue"
	CmdPriority   CommandKind = "priority"
	CmdType       CommandKind = "type"
	CmdResolve    CommandKind = "resolve"
	CmdClose      CommandKind = "close"
	CmdReopen     CommandKind = "reopen"
	CmdApprove    CommandKind = "approve"
	CmdReject     CommandKind = "reject"
	CmdSet        CommandKind = "set" // Field to Value
	CmdTag        CommandKind = "tag"
	CmdUntag      CommandKind = "untag"
	CmdWait       CommandKind = "wait"
	CmdCancel     CommandKind = "cancel"
	CmdAsk        CommandKind = "ask" // the requester, for what is missing
	CmdJoin       CommandKind = "join"
	CmdLeave      CommandKind = "leave"
	CmdRequester  CommandKind = "requester"
	CmdMerge      CommandKind = "merge"  // into Other
	CmdAbsorb     CommandKind = "absorb" // Other, which is merged into this one
	CmdLink       CommandKind = "link"   // with Other; Text: Related, Parent or Child
	CmdUnlink     CommandKind = "unlink" // from Other
	CmdLock       CommandKind = "lock"   // nobody but the actor may act on it
	CmdUnlock     CommandKind = "unlock"
	CmdGiveAway   CommandKind = "give-away" // article Number, to the ticket being opened
	CmdTakeOver   CommandKind = "take-over" // article Number of Other
	CmdTime       CommandKind = "time"      // Number: minutes
	CmdMute       CommandKind = "mute"
	CmdWake       CommandKind = "wake"        // what it waited for has not come in time
	CmdRemind     CommandKind = "remind"      // the requester, that a decision is asked of him
	CmdUndo       CommandKind = "undo"        // back to Before
	CmdDue        CommandKind = "due"         // the resolution at Until, with the reason in Text; zero: by the terms again
	CmdTask       CommandKind = "task"        // for the agent Value, due at Until
	CmdTaskDone   CommandKind = "task-done"   // Number
	CmdTaskAgree  CommandKind = "task-agree"  // to Number being done
	CmdTaskReturn CommandKind = "task-return" // Number: it is not done
	CmdTaskRemind CommandKind = "task-remind" // the owner of Number, that it is due
	CmdLearn      CommandKind = "learn"       // Value: name of the article that it becomes; Text: its title
	CmdExport     CommandKind = "export"
	CmdDelivery   CommandKind = "delivery"
	CmdWarn       CommandKind = "warn"   // Value: the clock that is about to expire
	CmdBreach     CommandKind = "breach" // Value: the clock that has expired
	CmdDeputy     CommandKind = "deputy" // Person decides too
	CmdSurvey     CommandKind = "survey" // the requester says how it was: Number, and Text
)

// KeepState as the Value of a Reply says that it changes no state: thanks, or a
// machine's mail.
const KeepState = "keep"

// ErrRefused says that the ticket's state or the actor does not allow a
// command. A *Refusal says why in words for the actor.
var ErrRefused = errors.New("refused")

// Refusal is an ErrRefused with its reason: a key of the words in templates,
// such as "already-closed".
type Refusal struct {
	Command Command
	Reason  string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s of ticket %d by %s: %s", r.Command.Kind, r.Command.Ticket, r.Command.Actor, r.Reason)
}

// Unwrap makes errors.Is(r, ErrRefused) true.
func (r *Refusal) Unwrap() error { return ErrRefused }
