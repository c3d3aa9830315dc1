package rules

import (
	"testing"
	"time"

	"ventanilla/desk"
)

// TestOwnerWays: by turns, by load, by who is there; who is away gets nothing.
func TestOwnerWays(t *testing.T) {
	now := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	w := testWorld()
	w.Agents = append(w.Agents, desk.Agent{Name: "leo", Address: "leo@mesa.example"})
	w.Queues[0].Agents = []string{"luis", "eva", "leo"}
	away := *w
	away.Agents = append([]desk.Agent(nil), w.Agents...)
	away.Agents[0].Away = []desk.Absence{{From: now.Add(-time.Hour), Until: now.Add(time.Hour)}}
	for _, c := range []struct {
		way   string
		world *desk.World
		turn  int
		want  string
	}{
		{"eva", w, 0, "eva"}, {"", w, 0, ""},
		{RoundRobin, w, 0, "luis"}, {RoundRobin, w, 1, "eva"}, {RoundRobin, w, 2, "leo"}, {RoundRobin, w, 3, "luis"},
		{RoundRobin, &away, 0, "eva"}, {RoundRobin, &away, 1, "leo"}, {RoundRobin, &away, 2, "eva"},
		{LeastLoaded, w, 0, "leo"}, {OnDuty, w, 7, "luis"}, {OnDuty, &away, 0, "eva"},
	} {
		d := &decider{Case: Case{Now: now, World: c.world, Turns: map[string]int{"soporte": c.turn}, Load: map[string]int{"luis": 2, "eva": 3, "leo": 1}}, set: &Set{}}
		if got := d.owner(c.way, c.world.Queues[0]); got != c.want {
			t.Errorf("%s, turn %d: %q, not %q", c.way, c.turn, got, c.want)
		}
		if took := d.Turn != ""; took != (c.way == RoundRobin) {
			t.Errorf("%s: a turn is taken: %v", c.way, took)
		}
	}
	none := *w
	none.Queues = []desk.Queue{{Name: "vacia"}}
	d := &decider{Case: Case{Now: now, World: &none}, set: &Set{}}
	if got := d.owner(RoundRobin, none.Queues[0]); got != "" {
		t.Errorf("of nobody, %q was chosen", got)
	}
}
