package rules

import (
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/reports"
)

// Case is everything that a decision on a mail may depend on.
type Case struct {
	Now       time.Time
	World     *desk.World
	Policy    Policy
	Caps      Caps
	Envelope  mail.Envelope
	Message   *mail.Message
	Duplicate bool          // the same mail was settled before
	Repeated  bool          // its Message-ID was, with other content
	Auth      bool          // the From domain is authenticated
	Fails     bool          // its policy refuses this mail
	Addressed []Addressed   // our addresses that it was sent to: as in To, then Cc, then the envelope
	Thread    []Thread      // what points to tickets, the strongest first
	Tickets   desk.Tickets  // those that Thread names, merged ones followed
	Sender    desk.PersonID // the person who writes from the address in From, 0 if new
	People    map[desk.PersonID]desk.Person
	Confirmed bool                                    // the agent in From has confirmed lately that mail with his tokens is his
	ThisOne   bool                                    // he has confirmed this very mail
	Held      map[desk.TicketID]map[int]desk.PersonID // held articles of those tickets, and who wrote them
	Counts    Counts
	Turns     map[string]int                 // how many tickets of a queue were given by turns, where rules do that
	Load      map[string]int                 // how many tickets an agent has that are not ended, where rules ask for it
	Numbers   map[string]desk.TicketID       // the tickets whose numbers an agent's commands name
	Events    map[desk.TicketID][]desk.Event // all of a ticket, where an agent asks to undo
	Listing   map[desk.TicketID]int          // the tickets of the list that the mail answers to, each at the revision that was listed

	Preferences desk.Preferences // of the agent in From

	ListingMore string // what asks for the next page of that list
	ListingGone bool   // it answers to a list that is no more known

	About        []OurMail            // mails of ours that it proves to speak of: bounces and automatic answers do
	Interlocutor desk.PersonID        // who wrote what the mail of ours tells that an agent answers to, where agents alone see it
	AsksConsent  bool                 // the mail of ours that an agent answers to asks for his consent
	Reports      []reports.Definition // that the desk has
	Probe        int                  // the number of the mail of ours to ourselves that it is; 0: none
	Suits        []string             // names of what the desk knows that is likely to answer it
	Explain      bool                 // trace also the rules that do not match
}

// Addressed is one of our addresses that a mail was sent to.
type Addressed struct {
	Address string
	Queue   string      // "" for postmaster and for VERP addresses of no queue
	Visible bool        // it stands in To or Cc
	Control bool        // it takes agents' orders on any tickets
	Token   *desk.Token // that came in the address and is valid
	Bound   bool        // it was issued to the address in From
	Agent   string      // to whom it was issued, where it takes back what an agent did
}

// OurMail is a mail that we sent.
type OurMail struct {
	Ticket desk.TicketID
	Event  int
	ID     string
	To     string
	Author string // the agent who wrote it, "" where the desk did
	Told   string // what was told of it last, an outcome of package store; "" if nothing but that it was sent
}

// Thread is one thing that points to a ticket.
type Thread struct {
	By       ThreadBy
	Ticket   desk.TicketID
	Bound    bool          // the token was issued to the address in From
	Revision int           // of the ticket, when the mail that carried the token was written; 0: not known
	Inside   desk.PersonID // whom agents asked and the token was issued to; 0: nobody such
	Copied   bool          // From stood in To or Cc of the mail that was received
	Detail   string        // the address, Message-ID or tag, for the trace
}

// ThreadBy says what pointed to a ticket, the strongest first.
type ThreadBy int

// What can point to a ticket. The first two prove that the sender has seen a
// mail of ours; the others prove nothing.
const (
	ByToken     ThreadBy = iota // a reply token in a recipient's address
	BySigned                    // our signed Message-ID in In-Reply-To or References
	ByReceived                  // a Message-ID that we once received
	ByTag                       // a tag in the subject
	ByQuotedTag                 // a tag in the quoted text
)

var threadNames = [...]string{"token", "Message-ID nuestro", "Message-ID recibido", "etiqueta del asunto", "etiqueta en la cita"}

func (b ThreadBy) String() string { return threadNames[b] }

// Proves says whether the sender has seen a mail of ours.
func (b ThreadBy) Proves() bool { return b <= BySigned }

// Counts are how many automatic mails went out lately.
type Counts struct {
	AddressHour, AddressDay int // to the sender's address
	DomainHour              int // to unverified senders of its domain
	AllHour                 int
	CapTold                 bool // the admin, this hour: that the cap of all was reached
	OwnTold                 bool // the admin, this day: that our own mail comes back
}

// Caps are the most automatic mails that go out. Zero caps nothing.
type Caps struct {
	UnverifiedPerHour int // to one address
	UnverifiedPerDay  int // to one address
	DomainPerHour     int // to one domain's unverified senders
	VerifiedPerHour   int // to one address
	AllPerHour        int
}

// Disposition is what has become of a mail. Every mail taken has exactly one.
type Disposition string

// The dispositions.
const (
	ToTicket     Disposition = "ticket"     // it opened a ticket
	ToAppend     Disposition = "append"     // it became part of one
	ToPending    Disposition = "pending"    // it waits on a ticket for an agent
	ToCommand    Disposition = "command"    // it asked for something, and nothing more
	ToLedger     Disposition = "ledger"     // it reports on a mail of ours
	ToFiled      Disposition = "filed"      // kept, and nothing else
	ToQuarantine Disposition = "quarantine" // kept aside for the admin
	ToDuplicate  Disposition = "duplicate"  // seen before
)

// Dispositions lists them all.
var Dispositions = []Disposition{ToTicket, ToAppend, ToPending, ToCommand, ToLedger, ToFiled, ToQuarantine, ToDuplicate}

// Decision is what is to be done with a mail, and why.
type Decision struct {
	Disposition Disposition
	Reason      string         // in a few words, for lists of the admin
	Commands    []desk.Command // Ticket 0 means the ticket that the mail opens
	Letters     []Letter       // answers that belong to no event
	Trust       Trust
	Matched     []string        // names of the rules that matched
	Activities  []desk.Activity // work on no ticket that an agent notes
	Turn        string          // the queue whose next agent had his turn
	Listed      bool            // the new ticket's number goes into the mail that lists the hour's tickets
	Report      *ReportAsk      // that an agent asks for; it is made and sent later
	Probe       int             // our mail to ourselves that is back; 0: none
	Capped      string          // the cap that kept the acknowledgement back, "" if none: see the constants
	Trace       []Step
	Ledger      []Report          // what it says of mails of ours
	Prefers     *desk.Preferences // what the agent in From wants from now on
	Confirms    *desk.Token       // the held article that an agent says is his: it is to be settled anew
	Canned      string            // the ready answers at the beginning of Body, in Markdown
	Body        string            // the part of the text that others may see: without commands
}

// Report is what a mail says of one of ours.
type Report struct {
	Mail     OurMail
	Outcome  string // "bounced", "delayed", "delivered", "away", "complaint"
	Text     string // status and diagnostic
	Suppress bool   // no more mail is to go there until its owner writes
}

// What the admin is told, at most so often: the Reasons of letters.
const (
	CapReached      = "acknowledgement-cap" // once an hour
	OwnMailCameBack = "own-mail-came-back"  // once a day
)

// The caps that keep an acknowledgement back, as [Decision.Capped] names them.
const (
	CappedAll      = "all"      // AllPerHour
	CappedAddress  = "address"  // UnverifiedPerHour, UnverifiedPerDay
	CappedDomain   = "domain"   // DomainPerHour
	CappedVerified = "verified" // VerifiedPerHour
)

// ProbeBack is the Reason of a mail of ours to ourselves that is back.
const ProbeBack = "la sonda volvió"

// SameContent is the Reason of a duplicate.
const SameContent = "el mismo contenido ya había llegado"

// Done is a line of an agent's commands and what it asks for.
type Done struct {
	Line     string
	Commands []desk.Command
}

// Letter is an answer to a mail that no event of a ticket calls for.
type Letter struct {
	Template string
	To       string // address
	Name     string
	Ticket   desk.TicketID
	Lines    []string
	Problems []Problem
	Refused  []Problem // of single tickets, where the other orders were carried out
	Done     []Done    // what the lines of an agent's commands ask for
	Approval int       // the consent that the addressee is asked for; 0: none
	Opened   bool      // it is about the ticket that the mail opens
	Help     bool      // he asks what he can write
	Show     bool      // he asks how the ticket stands
	Why      bool      // he asks why: what was decided on the ticket's mails
	Reason   string    // key of the words
	List     *List     // what it is to list
	Export   bool      // all of the ticket goes with it
	Question string    // what of the desk's knowledge it is to tell

	Unpublished bool // of all of that knowledge
	Alerts      bool // it tells an agent what he is told of
	Spared      bool // he does without it if all goes well

	Confirm int  // the held article that the addressee is asked to confirm; 0: none
	Counted bool // an automatic answer to somebody from outside: it counts against the caps
}
