package desk

import (
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
	AdminAddress string // is told what needs an admin; may be empty
	Zone         *time.Location
	ReopenWithin time.Duration // a real reply to a closed ticket reopens it within this time
	Queues       []Queue       // in the order of the file; the first is the default
	Agents       []Agent
	OwnDomains   []string // lower case
}

// Queue is a department that tickets wait in.
type Queue struct {
	Name     string // as in files and commands: soporte
	Title    string // as people read it: Mesa de ayuda
	Address  string
	Further  []string // more addresses of it
	Agents   []string // names
	Approval bool     // resolving asks the requester; else it closes at once
	Language string   // "" means the desk's
	Type     string   // of tickets that no rule gives a type
	Privacy  string   // notice at the foot of the acknowledgement; may be empty
}

// Agent is somebody who works on tickets.
type Agent struct {
	Name     string // as in files and commands: luis
	Title    string // as people read it: Luis Pérez
	Address  string
	Further  []string // more addresses that he writes from
	Language string
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
