package books

import "time"

// start has a clock run on from now, with what it has used up.
func (b *Books) start(c *clock) {
	c.since, c.runs, c.stopped = b.at, true, false
	began := b.Hours.back(b.at, c.used)
	c.warn, c.due = b.Hours.Add(began, c.length*75/100), b.Hours.Add(began, c.length)
}

func (b *Books) halt(c *clock) {
	if c.runs {
		c.late = !b.at.Before(c.due)
		c.used += b.Hours.Between(c.since, b.at)
		c.runs = false
	}
}

func (b *Books) stop(c *clock) {
	b.halt(c)
	c.stopped = true
}

// Tick says what must come out because the desk looks at its clock at a time.
func (b *Books) Tick(at time.Time) (out []Expect) {
	b.at = at
	b.newDay()
	for _, t := range b.Tickets {
		if t.State == "cerrado" {
			continue
		}
		out = append(out, b.clocks(t)...)
		switch {
		case t.State == "en espera" && !at.Before(t.waits):
			b.goOn(t)
			out = append(out, t.to("espera-cumplida", t.Assignee))
		case t.State == "resuelto":
			out = append(out, b.silence(t)...)
		}
	}
	return out
}

// clocks tells of what is about to expire and of what has expired, each once.
func (b *Books) clocks(t *Ticket) (out []Expect) {
	for _, c := range []*clock{&t.first, &t.resolution} {
		if !c.runs || c.Breached {
			continue
		}
		e := t.to("", t.Assignee)
		e.Deadline = b.Hours.Written(c.due)
		switch {
		case !b.at.Before(c.due):
			c.Warned, c.Breached, e.Kind = true, true, "plazo-vencido"
		case !c.Warned && !b.at.Before(c.warn):
			c.Warned, e.Kind = true, "plazo-por-vencer"
		default:
			continue
		}
		out = append(out, e)
	}
	return out
}

// silence says what comes of a resolution on which nobody decides.
func (b *Books) silence(t *Ticket) (out []Expect) {
	passed := b.at.Sub(t.Resolved)
	if days := t.Queue.Close; days > 0 && passed >= time.Duration(days)*24*time.Hour {
		return []Expect{b.close(t, "cerrado")}
	}
	sent := 0
	for i, days := range t.Queue.Remind {
		if passed >= time.Duration(days)*24*time.Hour {
			sent = i + 1
		}
	}
	asked := t.Deputy != ""
	if sent > t.Reminders {
		t.Reminders = sent
		out = append(out, t.to("recordatorio", t.Requester))
		if asked {
			out = append(out, t.to("suplente", t.Deputy))
		}
	}
	deputy := b.Deputies[t.Requester]
	if hours := t.Queue.Deputy; hours > 0 && !asked && deputy != "" && passed >= time.Duration(hours)*time.Hour {
		t.Deputy = deputy
		out = append(out, t.to("suplente", deputy))
	}
	return out
}

// Late says whether the first answer and the resolution were promised for a time that
// passed.
func (t *Ticket) Late() (first, resolution bool) { return t.first.Breached, t.resolution.Breached }
