// Package month plays a month of a help desk: forty agents, thousands of tickets, people
// with Spanish names, a holiday, the night in which an hour comes twice, restarts, a
// machine that is off, and a clock that jumps. Everything goes in by SMTP and comes out by SMTP. After
// every five minutes the mails that came out are held against the books, which package
// books keeps from the mails alone: each must be there once, none more, and at the end
// every ticket must stand as the books say.
//
// "go test" plays a tenth of the tickets. Asked for by its name, as in
// "go test -run TestSimulatedMonth ./...", and with VENTANILLA_EVIDENCE=1, it plays all.
package month

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"ventanilla/evidence/month/books"
)

const (
	requesters = 500
	slot       = 5 * time.Minute
)

// whole says whether the whole month is wanted.
func whole() bool {
	run := flag.Lookup("test.run")
	return os.Getenv("VENTANILLA_EVIDENCE") == "1" || run != nil && strings.Contains(run.Value.String(), "SimulatedMonth")
}

// play is a month being played.
type play struct {
	t      *testing.T
	house  *house
	sink   *sink
	books  *books.Books
	submit submit
	began  time.Time
	plan   map[int][]mail // by the slot in which they are sent
	at     int            // the present slot
	plots  map[string]*story
}

// story is what the people of a ticket remember.
type story struct {
	plot
	opened      books.Letter // what its agent was told of it
	resolutions int
	failed      bool
	solved      bool
	reminded    bool
}

func TestSimulatedMonth(t *testing.T) {
	began := time.Now()
	tickets := 300
	if whole() {
		tickets = 3000
	}
	p := newPlay(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range tickets {
		p.opens(r)
	}
	slots := 31*24*12 + 12 // October has an hour more here
	for p.at = 0; p.at < slots; p.at++ {
		p.play()
	}
	p.balance()
	p.house.stopIt()
	t.Logf("%d tickets, %d mails in, %d mails out, in %v", len(p.books.Tickets), sent, p.sink.count, time.Since(began).Round(time.Millisecond))
}

func newPlay(t *testing.T) *play {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	people, deputies := peopleFile(requesters)
	b := books.Rules{First: 4 * 60, Resolution: 20 * 60, Deputies: deputies}
	began := time.Date(2026, 10, 1, 0, 0, 0, 0, madrid)
	b.Hours = books.NewHours(madrid, began.AddDate(0, 0, -30), 150, 8, 18, "2026-10-12", "2026-12-08", "2026-12-25", "2026-11-02")
	for _, q := range queueKinds {
		kept := q.books
		kept.Address = q.name + "@mesa.example"
		for i := range 8 {
			kept.Agents = append(kept.Agents, fmt.Sprintf("%s%d@mesa.example", q.name, i+1))
		}
		b.Queues = append(b.Queues, kept)
	}
	s := newSink(t)
	h := newHouse(t, stateFolder(t), deskFiles(people), madrid, s.address)
	p := &play{t: t, house: h, sink: s, books: books.New(b), began: began.UTC(), plan: map[int][]mail{}, plots: map[string]*story{}}
	p.setClock(0)
	h.start()
	return p
}

// stateFolder lies in memory where that can be: it is time that is tried here, not disks.
func stateFolder(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "month-"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// opens plans the mail that opens a ticket: mostly in the hours of an office, in the
// first four weeks.
func (p *play) opens(r *rand.Rand) {
	day, minute := r.IntN(28), 8*60+r.IntN(600)
	if r.IntN(10) == 0 {
		minute = r.IntN(1440)
	}
	at := day*288 + minute/5
	q := queueKinds[r.IntN(len(queueKinds))]
	thing, ill := things[r.IntN(len(things))], ills[r.IntN(len(ills))]
	p.plan[at] = append(p.plan[at], written(requester(r.IntN(requesters)), q.name+"@mesa.example", "La "+thing+" "+ill, "",
		"Buenos días:\n\nLa "+thing+" de mi oficina "+ill+" desde ayer.\n\nGracias,\n"+spanish(r.IntN(999)), p.began.Add(time.Duration(at)*slot), false))
}

func (p *play) setClock(wrong time.Duration) time.Time {
	now := p.began.Add(time.Duration(p.at)*slot + wrong)
	p.house.now.Store(&now)
	return now
}

// hour returns the slot of a day of October and an hour of its night.
func hour(day, hour int) int { return (day-1)*288 + hour*12 }

// play plays five minutes.
func (p *play) play() {
	now := p.setClock(0)
	switch p.at {
	case hour(17, 3): // a Saturday night: the clock jumps ahead for a moment
		now = p.setClock(150 * time.Minute)
	case hour(21, 3): // and back for another
		now = p.setClock(-2 * time.Hour)
	case hour(8, 3), hour(15, 12), hour(25, 2), hour(25, 2) + 18: // restarts, two of them in the night of the changed hour
		p.restart()
	}
	if p.at >= hour(8, 3) && p.at < hour(8, 9) { // off: what is sent meanwhile comes later
		p.plan[hour(8, 9)] = append(p.plan[hour(8, 9)], p.plan[p.at]...)
		return
	}
	want := p.books.Tick(now)
	if err := p.house.DoDue(context.Background()); err != nil {
		p.t.Fatal(err)
	}
	p.hold(want)
	if mails := p.plan[p.at]; len(mails) > 0 {
		delete(p.plan, p.at)
		p.hold(p.send(now, mails))
	}
}

func (p *play) restart() {
	p.submit.hangUp()
	p.house.stopIt()
	p.house.start()
}

// send gives mails to the desk and returns what must come of them.
func (p *play) send(now time.Time, mails []mail) (want []books.Expect) {
	for _, m := range mails {
		e, err := p.books.In(now, m.raw)
		if err != nil {
			p.t.Fatalf("%v\n%s", err, m.raw)
		}
		want = append(want, e...)
		if err := p.submit.send(p.house.door, m); err != nil {
			p.t.Fatal(err)
		}
	}
	if p.at == hour(15, 12) { // taken, and not settled when the desk ends
		p.restart()
	}
	p.house.settle()
	return want
}

// hold has people read the mails that came out, once the books agree.
func (p *play) hold(want []books.Expect) {
	for _, l := range p.come(want) {
		p.read(l)
	}
}

// come waits for the mails that came out, and returns them once the books agree.
func (p *play) come(want []books.Expect) []books.Letter {
	p.t.Helper()
	got, err := p.house.sent(p.sink)
	if err == nil {
		err = p.books.Match(want, got)
	}
	if err != nil {
		p.house.history(err)
		p.t.Fatal(err)
	}
	return got
}

// after plans a mail so many minutes from now.
func (p *play) after(minutes int, m mail) {
	at := p.at + max(1, (minutes+4)/5)
	p.plan[at] = append(p.plan[at], m)
}

func (p *play) reply(minutes int, l books.Letter, text string) {
	p.after(minutes, written(l.To, l.ReplyTo, "Re: "+l.Subject, l.ID, text, p.house.clock(), false))
}

var listed = regexp.MustCompile(`(?m)^#([0-9]{6}) · ([a-z ]+) · `)

// balance asks by mail how all requests stand, and holds that against the books.
func (p *play) balance() {
	p.t.Helper()
	now := p.setClock(0)
	asked := map[string]bool{}
	var mails []mail
	for _, t := range p.books.Tickets {
		if !asked[t.Requester] {
			asked[t.Requester] = true
			mails = append(mails, written(t.Requester, "soporte@mesa.example", "Consulta", "", "mis solicitudes", now, false))
		}
	}
	told := map[string]string{}
	for _, l := range p.come(p.send(now, mails)) {
		for _, m := range listed.FindAllStringSubmatch(l.Text, -1) {
			told[m[1]] = m[2]
		}
	}
	states := map[string]int{}
	for _, t := range p.books.Tickets {
		states[t.State]++
		if told[t.Number] != t.State {
			p.t.Errorf("#%s is told to be %q, and is %q", t.Number, told[t.Number], t.State)
		}
	}
	p.t.Logf("states: %v", states)
	p.report(now)
	p.inside()
}

// inside looks at what the desk keeps of its tickets.
func (p *play) inside() {
	p.t.Helper()
	kept, err := p.house.Tickets(context.Background(), "", 0, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(kept) != len(p.books.Tickets) {
		p.t.Errorf("%d tickets, the books have %d", len(kept), len(p.books.Tickets))
	}
	scores, spent, late := 0, 0, 0
	for _, k := range kept {
		t := p.books.Ticket(k.Number)
		if t == nil {
			p.t.Errorf("#%s is not in the books", k.Number)
			continue
		}
		first, resolution := t.Late()
		if k.Spent != t.Spent || k.Survey.Score != t.Score || k.Survey.AskedAt.IsZero() == t.Asked || k.Clocks.First.Breached != first || k.Clocks.Resolution.Breached != resolution || k.Resolution != t.Resolutions {
			p.t.Errorf("#%s: %d minutes, score %d, resolved %d times, late %v %v; the books say %d, %d, %d, %v %v", k.Number, k.Spent, k.Survey.Score, k.Resolution,
				k.Clocks.First.Breached, k.Clocks.Resolution.Breached, t.Spent, t.Score, t.Resolutions, first, resolution)
		}
		spent += k.Spent
		if k.Survey.Score > 0 {
			scores++
		}
		if first || resolution {
			late++
		}
	}
	a, err := p.house.Doctor(context.Background())
	if err != nil || len(a.Faults) > 0 {
		p.t.Errorf("doctor: %+v %v", a, err)
	}
	p.t.Logf("%d surveys answered, %d hours of work noted, %d tickets late", scores, spent/60, late)
}
