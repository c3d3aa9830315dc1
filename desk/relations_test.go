package desk

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLastDeed: whatever an agent did last to a ticket can be taken back, and the
// ticket is then as it was but for what cannot be unsaid.
func TestLastDeed(t *testing.T) {
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	luis, eva, ana := ByAgent("luis"), ByAgent("eva"), ByPerson(5)
	start, opened, err := Apply(nil, now, Command{Ticket: 1, Kind: CmdOpen, Actor: ana, Opening: &Opening{Number: "000001", Queue: "soporte", Priority: 3, Requester: 5}})
	if err != nil {
		t.Fatal(err)
	}
	deeds := map[string][]Command{
		"fields":  {{Kind: CmdSet, Field: FieldAsset, Value: "PC-1"}, {Kind: CmdTag, Value: "red"}, {Kind: CmdPriority, Number: 1}},
		"owner":   {{Kind: CmdAssign, Value: "luis"}, {Kind: CmdQueue, Value: "redes"}},
		"state":   {{Kind: CmdResolve}},
		"waiting": {{Kind: CmdWait, Value: string(ForProvider), Until: now.Add(time.Hour)}},
		"people":  {{Kind: CmdJoin, Person: 7}, {Kind: CmdRequester, Person: 8}},
		"ties":    {{Kind: CmdLink, Other: 2, Value: "000002", Text: Parent}, {Kind: CmdLock}, {Kind: CmdTime, Number: 30}},
		"work":    {{Kind: CmdTask, Value: "eva", Text: "x", Until: now.Add(time.Hour)}, {Kind: CmdDue, Until: now.Add(time.Hour), Text: "y"}},
		"merge":   {{Kind: CmdMerge, Other: 2, Value: "000002"}},
		"cancel":  {{Kind: CmdCancel, Text: "x"}},
	}
	for name, cmds := range deeds {
		t.Run(name, func(t *testing.T) {
			for i := range cmds {
				cmds[i].Ticket, cmds[i].Actor = 1, luis
			}
			did, events, err := Apply(start, now.Add(time.Minute), cmds...)
			if err != nil {
				t.Fatal(err)
			}
			all := append(opened[:1:1], events...)
			before, took, reason := LastDeed(all, luis, now.Add(2*time.Minute))
			if reason != "" || len(took) != len(events) {
				t.Fatalf("%q, %d of %d", reason, len(took), len(events))
			}
			back, _, err := Apply(did, now.Add(2*time.Minute), Command{Ticket: 1, Kind: CmdUndo, Actor: luis, Before: &before})
			if name == "cancel" { // for ever: an agent confirms it before
				if !errors.Is(err, ErrRefused) {
					t.Errorf("%v", err)
				}
				return
			}
			want, got := start[1], back[1]
			want.Revision, want.UpdatedAt, want.Touched, want.Resolution, want.LastTask = got.Revision, got.UpdatedAt, got.Touched, got.Resolution, got.LastTask
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
			for what, c := range map[string]struct {
				by     Actor
				at     time.Time
				more   []Event
				reason string
			}{
				"of another":        {eva, now, nil, "nothing-to-undo"},
				"too late":          {luis, now.Add(time.Minute + UndoWithin + 1), nil, "nothing-to-undo"},
				"somebody since":    {luis, now, []Event{{Kind: Replied, Actor: ana, At: now}}, "changed-since"},
				"a machine since":   {luis, now, []Event{{Kind: Delivery, Actor: System, At: now}}, ""},
				"undone already":    {luis, now, []Event{{Kind: Undone, Actor: luis, At: now, Before: &before}}, "nothing-to-undo"},
				"only words of his": {luis, now, []Event{{Kind: Answered, Actor: luis, At: now}}, "nothing-to-undo"},
			} {
				if _, _, reason := LastDeed(append(all[:len(all):len(all)], c.more...), c.by, c.at); reason != c.reason {
					t.Errorf("%s: %q, want %q", what, reason, c.reason)
				}
			}
		})
	}
}

// TestLock: nobody but the one who locked a ticket changes it, and everybody may
// unlock it.
func TestLock(t *testing.T) {
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	ts, _, _ := Apply(nil, now, Command{Ticket: 1, Kind: CmdOpen, Opening: &Opening{Number: "1"}}, Command{Ticket: 1, Kind: CmdLock, Actor: ByAgent("luis")})
	for _, c := range []struct {
		by   Actor
		kind CommandKind
		fine bool
	}{{ByAgent("eva"), CmdAnswer, false}, {ByAgent("eva"), CmdClose, false}, {ByAgent("eva"), CmdNote, true}, {ByAgent("eva"), CmdUnlock, true},
		{ByAgent("luis"), CmdAnswer, true}, {ByPerson(1), CmdReply, true}, {System, CmdClose, true}} {
		_, _, err := Apply(ts, now, Command{Ticket: 1, Kind: c.kind, Actor: c.by})
		if (err == nil) != c.fine {
			t.Errorf("%s by %s: %v", c.kind, c.by, err)
		}
	}
}
