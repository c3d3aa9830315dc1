package desk

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestTasks: whose word counts for a task at each point of its life.
func TestTasks(t *testing.T) {
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	start, _, err := Apply(nil, now, Command{Ticket: 1, Kind: CmdOpen, Actor: ByPerson(5), Opening: &Opening{Number: "000001", Queue: "soporte", Priority: 3, Requester: 5}},
		Command{Ticket: 1, Kind: CmdTask, Actor: ByAgent("luis"), Value: "eva", Text: "cable", Until: now.Add(time.Hour)},
		Command{Ticket: 1, Kind: CmdTask, Actor: ByAgent("luis"), Value: "luis", Text: "switch"})
	if err != nil {
		t.Fatal(err)
	}
	if next := start[1].NextWake(); !next.Equal(now.Add(time.Hour)) {
		t.Errorf("looks again at %v", next)
	}
	for _, c := range []struct {
		name  string
		kinds []CommandKind
		by    []string
		n     int
		want  string // the state, or the refusal
	}{
		{"owner", []CommandKind{CmdTaskDone}, []string{"eva"}, 1, "done"},
		{"setter", []CommandKind{CmdTaskDone}, []string{"luis"}, 1, "agreed"},
		{"his own", []CommandKind{CmdTaskDone}, []string{"luis"}, 2, "agreed"},
		{"another", []CommandKind{CmdTaskDone}, []string{"rita"}, 1, "not-your-task"},
		{"none", []CommandKind{CmdTaskDone}, []string{"eva"}, 3, "unknown-task"},
		{"consent", []CommandKind{CmdTaskDone, CmdTaskAgree}, []string{"eva", "luis"}, 1, "agreed"},
		{"own consent", []CommandKind{CmdTaskDone, CmdTaskAgree}, []string{"eva", "eva"}, 1, "not-your-consent"},
		{"too early", []CommandKind{CmdTaskAgree}, []string{"luis"}, 1, "task-not-done"},
		{"returned", []CommandKind{CmdTaskDone, CmdTaskReturn}, []string{"eva", "luis"}, 1, ""},
		{"twice", []CommandKind{CmdTaskDone, CmdTaskDone}, []string{"eva", "eva"}, 1, "task-not-open"},
	} {
		ts := start
		got := ""
		for i, kind := range c.kinds {
			after, _, err := Apply(ts, now, Command{Ticket: 1, Kind: kind, Number: c.n, Actor: ByAgent(c.by[i])})
			var refused *Refusal
			if errors.As(err, &refused) {
				got = refused.Reason
				break
			}
			ts = after
			k, _ := ts[1].Task(c.n)
			got = string(k.State)
		}
		if got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

// TestTasksBounded: a ticket keeps what is not over, and never gives a number twice.
func TestTasksBounded(t *testing.T) {
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	luis := ByAgent("luis")
	ts, _, err := Apply(nil, now, Command{Ticket: 1, Kind: CmdOpen, Actor: luis, Opening: &Opening{Number: "000001", Queue: "soporte", Priority: 3, Requester: 5}})
	for i := range 3 * MaxTasks {
		if err == nil {
			ts, _, err = Apply(ts, now, Command{Ticket: 1, Kind: CmdTask, Actor: luis, Value: "luis", Text: fmt.Sprint(i)}, Command{Ticket: 1, Kind: CmdTaskDone, Actor: luis, Number: i + 1})
		}
	}
	if err != nil || len(ts[1].Tasks) != MaxTasks || ts[1].LastTask != 3*MaxTasks {
		t.Fatal(err, len(ts[1].Tasks), ts[1].LastTask)
	}
	for range MaxTasks {
		if ts, _, err = Apply(ts, now, Command{Ticket: 1, Kind: CmdTask, Actor: luis, Value: "luis", Text: "open"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err = Apply(ts, now, Command{Ticket: 1, Kind: CmdTask, Actor: luis, Value: "luis", Text: "one more"}); !errors.Is(err, ErrRefused) || len(ts[1].OpenTasks()) != MaxTasks {
		t.Error(err, len(ts[1].OpenTasks()))
	}
}
