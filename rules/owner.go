package rules

import (
	"slices"
	"time"

	"ventanilla/desk"
)

// Ways of choosing the agent of a new ticket among those of its queue.
const (
	RoundRobin  = "round-robin"  // one after the other
	LeastLoaded = "least-loaded" // who has the fewest tickets that are not ended; of equals the first
	OnDuty      = "on-duty"      // the first who is there
)

var ownerWays = []string{RoundRobin, LeastLoaded, OnDuty}

// Chooses says whether a rule chooses owners by turns or by load, so that a [Case]
// has to know of them.
func (s *Set) Chooses() bool {
	return slices.ContainsFunc(s.rules, func(r rule) bool { return r.route.Owner == RoundRobin || r.route.Owner == LeastLoaded })
}

// owner turns a way of choosing into an agent of the queue who is there, "" if none
// is. A name stays as it is.
func (d *decider) owner(way string, q desk.Queue) string {
	if !slices.Contains(ownerWays, way) {
		return way
	}
	there := present(d.World, q, d.Now)
	if len(there) == 0 {
		d.say("dueño por %s: nadie de la cola %s está", way, q.Name)
		return ""
	}
	chosen := there[0]
	switch way {
	case RoundRobin:
		chosen = there[d.Turns[q.Name]%len(there)]
		d.Turn = q.Name
	case LeastLoaded:
		chosen = slices.MinFunc(there, func(a, b string) int { return d.Load[a] - d.Load[b] })
	}
	d.say("dueño por %s entre los que están de la cola %s: %s", way, q.Name, chosen)
	return chosen
}

// present are the agents of a queue who are there.
func present(w *desk.World, q desk.Queue, now time.Time) (names []string) {
	for _, name := range q.Agents {
		if a, ok := w.Agent(name); ok && !a.IsAway(now) && !a.Reader {
			names = append(names, a.Name)
		}
	}
	return names
}
