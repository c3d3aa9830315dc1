package desk

import (
	"slices"
	"strings"
	"time"
)

// World is the desk's own people and places, as the admin's files say. It is
// immutable once made.
type World struct {
	Name         string // of the desk, for mails and pages
	Domain       string // of Message-IDs and VERP addresses
	PublicURL    string // https://… without a slash at the end; "" means that there are no pages
	Language     string // of who has not chosen: "es", "en", "pt"
	NumberStyle  NumberStyle
	NumberDigits int    // of NumberSequence
	Control      string // the address that takes agents' orders on any tickets; may be empty
	AdminAddress string // is told what needs an admin; may be empty
	Zone         *time.Location
	ReopenWithin time.Duration // a real reply to a closed ticket reopens it within this time
	Gather       time.Duration // as Agent.Gather, of requesters, and of agents where the files say nothing
	Queues       []Queue       // in the order of the file; the first is the default
	Agents       []Agent
	OwnDomains   []string // lower case
	Categories   []Category
	Services     []Service
	Clients      []Client
	Providers    []Provider
	Roles        []RoleRights
	Fields       []FieldKind
	Assets       []Asset
	StateTitles  map[State]string // how states are called, where the files say so
	Types        []string         // that a ticket can have, as the admin writes them; none: any
	Matrix       Matrix
	Files        FilePolicy
	Notify       map[string][]Role // who gets a mail, by its name, where the files say so
	Terms        Terms
	Calendar     *Calendar        // the desk's: the first of its files
	Known        map[string]Known // people of whom the files tell, by address in lower case
	Answers      []Canned         // that agents have ready
	Knowledge    []Knowledge      // in the order of their names
}

// Category is a topic that people write about.
type Category struct {
	Name     string
	Title    string
	Queue    string // where its tickets go; "" leaves that open
	Service  string
	Type     string
	Owner    string   // agent
	Urgency  int      // 1 to 5; 0 leaves it open
	Impact   int      // 1 to 5; 0 leaves it open
	Required []string // names of fields that the desk has to know
}

// Service is something that the desk looks after. Services form a tree.
type Service struct{ Name, Title, Parent string }

// Client is an institution that the desk works for.
type Client struct {
	Name     string
	Title    string
	Domains  []string // of its people's addresses, lower case
	Services []string // that it has; none: all
	Products []string
	Deputy   string // address of who decides in the place of its people; may be empty
}

// RoleRights are what agents of a role may do by their commands.
type RoleRights struct {
	Name, Title string
	Tickets     string   // which tickets they may change: TicketsAll, TicketsQueues or TicketsOwn
	OwnLevel    bool     // none above their own level of support
	Deny        []string // verbs that they may not use
	Allow       []string // the only verbs that they may use; none: all that are not denied
}

// Which tickets an agent may change.
const (
	TicketsAll    = "all"
	TicketsQueues = "queues" // of the queues that he works on, and those that are his
	TicketsOwn    = "own"    // his own, and of his queues what nobody has
)

// RightsOf returns what an agent's role lets him do, and whether there is such a role.
func (w *World) RightsOf(a Agent) (RoleRights, bool) {
	return named(w.Roles, a.Role, func(r RoleRights) string { return r.Name })
}

// Provider is somebody outside to whom tickets are escalated.
type Provider struct {
	Name     string
	Title    string
	Address  string
	Language string   // "" means the desk's
	Services []string // of desk/services.toml, that it looks after; none: any
	Clients  []string // of desk/clients.toml, that it works for; none: any
}

// ProviderFor returns the provider of a ticket: the one that was written to before,
// else the only one that looks after its service and client.
func (w *World) ProviderFor(t Ticket) (Provider, bool) {
	if p, ok := w.Provider(t.Provider); ok {
		return p, true
	}
	var fit []Provider
	for _, p := range w.Providers {
		serves := len(p.Services) == 0 || slices.Contains(p.Services, t.Service)
		if serves && (len(p.Clients) == 0 || slices.Contains(p.Clients, t.Client)) {
			fit = append(fit, p)
		}
	}
	if len(fit) != 1 {
		return Provider{}, false
	}
	return fit[0], true
}

// Provider returns the provider of that name.
func (w *World) Provider(name string) (Provider, bool) {
	return named(w.Providers, name, func(p Provider) string { return p.Name })
}

// FieldKind is a piece of data of the admin's own that tickets can have.
type FieldKind struct {
	Name    string
	Title   string
	Labels  []string // words by which people name it in a mail, besides Title
	Example string
	Values  []string // that it can have; none: any
	Pattern string   // regular expression that a value must match; "": any
	Known   string   // what the desk's files tell of a person: "name", "phone", "department"; "": nothing
}

// Asset is a thing that tickets can be about.
type Asset struct{ Name, Title, Client, Address string }

// Known is what the files tell of a person.
type Known struct {
	Name       string
	Address    string // the one to write to
	Further    []string
	Phone      string
	Department string
	Client     string
	Deputy     string // address of who decides in his place; may be empty
}

// Matrix makes a priority of urgency and impact: [urgency-1][impact-1], each 1
// (most) to 5. The zero Matrix takes their mean, the more urgent half of it.
type Matrix [5][5]int

// Priority returns the priority for an urgency and an impact. Where one of them
// is not known (0) the other is the priority, 0 if neither is.
func (m Matrix) Priority(urgency, impact int) int {
	if urgency < 1 || urgency > 5 || impact < 1 || impact > 5 {
		return max(urgency, impact, 0)
	}
	if p := m[urgency-1][impact-1]; p != 0 {
		return p
	}
	return (urgency + impact) / 2
}

// Category returns the category of that name.
func (w *World) Category(name string) (Category, bool) {
	return named(w.Categories, name, func(c Category) string { return c.Name })
}

// Service returns the service of that name.
func (w *World) Service(name string) (Service, bool) {
	return named(w.Services, name, func(s Service) string { return s.Name })
}

// Client returns the client of that name.
func (w *World) Client(name string) (Client, bool) {
	return named(w.Clients, name, func(c Client) string { return c.Name })
}

// Field returns the admin's field of that name.
func (w *World) Field(name string) (FieldKind, bool) {
	return named(w.Fields, name, func(f FieldKind) string { return f.Name })
}

// FormLines are the lines of the block that asks for fields, each to be filled in
// behind its mark: «Dependencia (Contabilidad):». What stands in brackets is not
// read back.
func (w *World) FormLines(names []string) (lines []string) {
	for _, name := range names {
		f, ok := w.Field(name)
		if !ok {
			continue
		}
		line := strings.NewReplacer("(", "[", ")", "]").Replace(f.Title)
		switch {
		case len(f.Values) > 0:
			line += " (" + strings.Join(f.Values, ", ") + ")"
		case f.Example != "":
			line += " (" + f.Example + ")"
		}
		lines = append(lines, line+":")
	}
	return lines
}

// Asset returns the asset of that name.
func (w *World) Asset(name string) (Asset, bool) {
	return named(w.Assets, name, func(a Asset) string { return a.Name })
}

// ClientOf returns the client that the person of an address belongs to: as
// people.csv says, or by the address's domain.
func (w *World) ClientOf(address string) (Client, bool) {
	address = strings.ToLower(address)
	if k, ok := w.Known[address]; ok && k.Client != "" {
		return w.Client(k.Client)
	}
	at := strings.LastIndexByte(address, '@')
	for _, c := range w.Clients {
		for _, d := range c.Domains {
			if d == address[at+1:] {
				return c, true
			}
		}
	}
	return Client{}, false
}

func named[T any](all []T, name string, nameOf func(T) string) (found T, ok bool) {
	for _, one := range all {
		if strings.EqualFold(nameOf(one), name) {
			return one, true
		}
	}
	return found, false
}

// Role is what somebody is to a ticket.
type Role string

// The roles.
const (
	RoleRequester   Role = "requester"
	RoleObservers   Role = "observers" // and guests
	RoleAssignee    Role = "assignee"
	RoleQueue       Role = "queue" // its agents
	RoleResponsible Role = "responsible"
	RoleAdmin       Role = "admin"
)

// Canned is an answer that agents have ready.
type Canned struct{ Name, Text string }

// Queue is a department that tickets wait in.
type Queue struct {
	Name        string // as in files and commands: soporte
	Title       string // as people read it: Mesa de ayuda
	Address     string
	Further     []string      // more addresses of it
	Agents      []string      // names
	Approval    bool          // resolving asks the requester; else it closes at once
	RemindDays  []int         // after which the requester is reminded of a decision, ascending; none: never
	DeputyHours int           // after which somebody else is asked to decide in his place; 0: never
	Children    string        // what becomes of the children of a ticket that closes: ChildrenTell where nothing is said
	CloseDays   int           // after which a resolved ticket closes without a decision; 0: never
	Survey      bool          // when a ticket closes, its requester is asked how it was
	ReopenDays  *int          // after which a reply to a closed ticket opens another; nil: as the desk says
	Language    string        // "" means the desk's
	Type        string        // of tickets that no rule gives a type
	Privacy     string        // notice at the foot of the acknowledgement; may be empty
	Signature   string        // at the foot of what its agents write to requesters; may be empty
	Digest      time.Duration // since midnight: when its daily list is due; 0: never
	DigestTo    []string      // the agents who get it; nil: Agents
	Offers      bool          // the acknowledgement offers published knowledge that may answer the request
}

// Agent is somebody who works on tickets.
type Agent struct {
	Name     string // as in files and commands: luis
	Title    string // as people read it: Luis Pérez
	Address  string
	Further  []string // more addresses that he writes from
	Language string
	Role     string // in desk/roles.toml; "" may do everything
	Exports  bool   // may have whole tickets sent to him
	Reader   bool   // reads and asks for lists and reports, and changes nothing
	Level    string // of support that he gives: "0", "1", "2"; "" where nothing is said
	Away     []Absence
	Deputy   string        // the agent who is told instead while he is away
	Digest   time.Duration // since midnight: when his daily list is due; 0: never
	Mute     []string      // mails that he does not want, by name
	Gather   time.Duration // alerts on one ticket that come within it of each other become one mail; 0: none do

	NoQueueDigests bool // he does not want the digests of queues
}

// Absence is some days on which somebody is not there: from the beginning of the
// first to the end of the last.
type Absence struct{ From, Until time.Time }

// IsAway says whether an agent is away at a moment.
func (a Agent) IsAway(at time.Time) bool {
	for _, s := range a.Away {
		if !at.Before(s.From) && at.Before(s.Until) {
			return true
		}
	}
	return false
}

// Deputy returns who stands in for an agent at a moment: the agent himself unless
// he is away, else his deputy, or that one's, where somebody is there.
func (w *World) Deputy(a Agent, at time.Time) Agent {
	seen := map[string]bool{}
	for stand := a; ; {
		if !stand.IsAway(at) {
			return stand
		}
		seen[stand.Name] = true
		next, ok := w.Agent(stand.Deputy)
		if !ok || seen[next.Name] {
			return a
		}
		stand = next
	}
}

// Person is somebody from outside: the one record that holds an address.
type Person struct {
	ID       PersonID  `json:"id"`
	Name     string    `json:"name,omitempty"`
	Address  string    `json:"address"`
	Further  []string  `json:"further,omitempty"`
	Language string    `json:"language,omitempty"`
	Since    time.Time `json:"since"`
}

// ReopensWithin is for how long a reply to a closed ticket of a queue reopens it.
func (w *World) ReopensWithin(queue string) time.Duration {
	if q, ok := w.Queue(queue); ok && q.ReopenDays != nil {
		return time.Duration(*q.ReopenDays) * day
	}
	return w.ReopenWithin
}

// Queue returns the queue of that name.
func (w *World) Queue(name string) (Queue, bool) {
	for _, q := range w.Queues {
		if strings.EqualFold(q.Name, name) {
			return q, true
		}
	}
	return Queue{}, false
}

// QueueAt returns the queue that an address belongs to. The address must be
// without a token.
func (w *World) QueueAt(address string) (Queue, bool) {
	for _, q := range w.Queues {
		if strings.EqualFold(q.Address, address) {
			return q, true
		}
		for _, a := range q.Further {
			if strings.EqualFold(a, address) {
				return q, true
			}
		}
	}
	return Queue{}, false
}

// Agent returns the agent of that name.
func (w *World) Agent(name string) (Agent, bool) {
	for _, a := range w.Agents {
		if strings.EqualFold(a.Name, name) {
			return a, true
		}
	}
	return Agent{}, false
}

// AgentAt returns the agent who writes from an address. Names shown beside the
// address count for nothing.
func (w *World) AgentAt(address string) (Agent, bool) {
	for _, a := range w.Agents {
		if strings.EqualFold(a.Address, address) {
			return a, true
		}
		for _, f := range a.Further {
			if strings.EqualFold(f, address) {
				return a, true
			}
		}
	}
	return Agent{}, false
}

// Own says whether a domain is the desk's own.
func (w *World) Own(domain string) bool {
	for _, d := range w.OwnDomains {
		if strings.EqualFold(d, domain) {
			return true
		}
	}
	return false
}
