package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/intake"
)

// Replayed is a mail of the past that other files would have decided otherwise.
type Replayed struct {
	Mail    string    `json:"mail"` // its position
	At      time.Time `json:"at"`
	From    string    `json:"from"`
	Subject string    `json:"subject"`
	Changes []Change  `json:"changes"`
}

// Change is one thing that would have been otherwise.
type Change struct {
	What string `json:"what"` // disposition, rule, queue, type, priority, owner, …
	Now  string `json:"now"`  // by the files in force
	Then string `json:"then"` // by the others
}

// Replay decides the mails since a time once more, by the files in force and by
// those of another setup, on the desk as it is now, and calls fn for each on which
// the two differ. Nothing is changed. It returns how many mails it looked at.
func (g *Gateway) Replay(ctx context.Context, since time.Time, other *Setup, fn func(Replayed) error) (looked int, err error) {
	after := ""
	for {
		var batch []store.Receipt
		err := g.store.View(ctx, func(tx store.Tx) error {
			batch = batch[:0]
			return tx.Receipts(after, 500, func(r store.Receipt) error { batch = append(batch, r); return nil })
		})
		if err != nil || len(batch) == 0 {
			return looked, err
		}
		for _, r := range batch {
			if after = r.Position; r.At.Before(since) || r.Disposition == string(rules.ToDuplicate) {
				continue
			}
			looked++
			differs, err := g.replayOne(ctx, r, other)
			if err != nil {
				return looked, err
			}
			if len(differs.Changes) > 0 {
				if err := fn(differs); err != nil {
					return looked, err
				}
			}
		}
	}
}

func (g *Gateway) replayOne(ctx context.Context, r store.Receipt, other *Setup) (Replayed, error) {
	out := Replayed{Mail: r.Position, At: r.At}
	p, err := intake.ParsePosition(r.Position)
	if err != nil {
		return out, err
	}
	record, release, err := g.log.Read(p)
	if err != nil {
		return out, fmt.Errorf("read %s: %w", r.Position, err)
	}
	defer release()
	it := item{record: record}
	g.parse(&it)
	if it.message == nil {
		return out, nil
	}
	now, err := g.decideAgain(ctx, g.Setup(), r.At, &it)
	if err != nil {
		return out, err
	}
	then, err := g.decideAgain(ctx, other, r.At, &it)
	if err != nil {
		return out, err
	}
	out.Subject = it.message.Subject
	if len(it.message.From) == 1 {
		out.From = it.message.From[0].Address
	}
	for _, what := range slices.Sorted(maps.Keys(now)) {
		if now[what] != then[what] {
			out.Changes = append(out.Changes, Change{what, now[what], then[what]})
		}
	}
	return out, nil
}

// decideAgain is what a setup decides on a mail as if it had not come before.
func (g *Gateway) decideAgain(ctx context.Context, setup *Setup, at time.Time, it *item) (map[string]string, error) {
	s := g.settling(setup, at, it)
	s.explain, s.anew = true, true
	var d rules.Decision
	err := g.store.Glimpse(ctx, func(tx store.Tx) error {
		s.tx = tx
		c, err := s.gather()
		if err == nil {
			d = setup.Rules.Decide(c)
		}
		return err
	})
	return outcome(d), err
}

// outcome is what can differ between two decisions.
func outcome(d rules.Decision) map[string]string {
	out := map[string]string{"disposition": string(d.Disposition), "rule": strings.Join(d.Matched, ", ")}
	for _, key := range []string{"queue", "type", "priority", "owner", "category", "service", "language", "tags", "acknowledgement"} {
		out[key] = ""
	}
	for _, c := range d.Commands {
		o := c.Opening
		if o == nil {
			continue
		}
		out["queue"], out["type"], out["priority"], out["owner"] = o.Queue, o.Type, strconv.Itoa(o.Priority), o.Assignee
		out["category"], out["service"], out["language"], out["tags"] = o.Category, o.Service, o.Language, strings.Join(o.Tags, " ")
		out["acknowledgement"] = string(c.Ack)
	}
	return out
}
