package desk

import (
	"fmt"
	"strings"
	"testing"
)

// TestDetailsLimits: neither tags nor fields nor a value grow without end.
func TestDetailsLimits(t *testing.T) {
	ts := opened(t)
	for i := range MaxTags + 1 {
		after, _, err := Apply(ts, t0, Command{Ticket: 1, Kind: CmdTag, Actor: System, Value: fmt.Sprintf("t%d", i)})
		if want := i == MaxTags; (err != nil) != want {
			t.Fatalf("tag %d: %v", i, err)
		} else if !want {
			ts = after
		}
	}
	for i := range MaxFields + 1 {
		after, _, err := Apply(ts, t0, Command{Ticket: 1, Kind: CmdSet, Actor: System, Field: OwnField(fmt.Sprintf("f%d", i)), Value: strings.Repeat("ñ", MaxValue)})
		if want := i == MaxFields; (err != nil) != want {
			t.Fatalf("field %d: %v", i, err)
		} else if !want {
			ts = after
		}
	}
	if n := len(ts[1].Fields["f1"]); n != MaxValue {
		t.Errorf("a value has %d bytes", n)
	}
}

// TestDetailsShareNothing: a ticket's fields and tags are its own, whatever is
// done to a ticket that was made from it.
func TestDetailsShareNothing(t *testing.T) {
	do := func(ts Tickets, cmds ...Command) Tickets {
		t.Helper()
		after, _, err := Apply(ts, t0, cmds...)
		if err != nil {
			t.Fatal(err)
		}
		return after
	}
	one := do(opened(t), Command{Ticket: 1, Kind: CmdSet, Actor: System, Field: OwnField("a"), Value: "1"},
		Command{Ticket: 1, Kind: CmdTag, Actor: System, Value: "x"}, Command{Ticket: 1, Kind: CmdTag, Actor: System, Value: "y"})
	do(one, Command{Ticket: 1, Kind: CmdSet, Actor: System, Field: OwnField("a"), Value: "2"},
		Command{Ticket: 1, Kind: CmdUntag, Actor: System, Value: "x"}, Command{Ticket: 1, Kind: CmdTag, Actor: System, Value: "z"})
	if got := one[1]; got.Fields["a"] != "1" || strings.Join(got.Tags, " ") != "x y" {
		t.Errorf("%v %v", got.Fields, got.Tags)
	}
}

// TestMatrix: urgency and impact make a priority, by the admin's table or by their mean.
func TestMatrix(t *testing.T) {
	own := Matrix{}
	own[0][4] = 2
	for _, c := range []struct {
		m                       Matrix
		urgency, impact, wanted int
	}{{Matrix{}, 0, 0, 0}, {Matrix{}, 2, 0, 2}, {Matrix{}, 0, 4, 4}, {Matrix{}, 1, 1, 1}, {Matrix{}, 1, 2, 1}, {Matrix{}, 5, 5, 5}, {Matrix{}, 2, 5, 3}, {own, 1, 5, 2}, {own, 1, 4, 2}} {
		if got := c.m.Priority(c.urgency, c.impact); got != c.wanted {
			t.Errorf("urgency %d, impact %d: %d, not %d", c.urgency, c.impact, got, c.wanted)
		}
	}
}

// TestClientOf: people.csv says whose somebody is, or else the domain does.
func TestClientOf(t *testing.T) {
	w := World{Clients: []Client{{Name: "acme", Domains: []string{"acme.example"}}, {Name: "otra"}},
		Known: map[string]Known{"eva@acme.example": {Client: "otra"}, "leo@acme.example": {Name: "Leo"}}}
	for address, want := range map[string]string{"ANA@Acme.example": "acme", "eva@acme.example": "otra", "leo@acme.example": "acme", "x@nada.example": "", "": ""} {
		if c, _ := w.ClientOf(address); c.Name != want {
			t.Errorf("%s: %q, not %q", address, c.Name, want)
		}
	}
}
