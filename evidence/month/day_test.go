package month

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ventanilla/desk"
	"ventanilla/evidence/month/books"
	"ventanilla/evidence/month/diary"
)

// mailsOfDay is how many mails people write on the day, one every two minutes.
const mailsOfDay = 300

var dayQueues = []diary.Queue{
	{Name: "soporte", Agents: []string{"luis", "eva", "rosa"}, Approval: true},
	{Name: "redes", Agents: []string{"juan", "ines"}},
	{Name: "sistemas", Agents: []string{"pablo", "luis"}, Approval: true},
}

// dayUses are what must be used at least once: an order, a phrase, or what happens.
const dayUses = "#tomar, #asignar, #soltar, #cola, #prioridad, #tipo, #asunto, #campo, #etiqueta, #tiempo, #nota, #plantilla, #espera, #resolver, #cerrar, #reabrir, #unir, #separar, " +
	"#vincular, #observador, #bloquear, #desbloquear, #ver, #deshacer, deshacer done, deshacer refused, deshacer late, #de, #canal, forwarded, #tomra, #asginar, meanwhile, stale, mis list, cola list, bulk cerrar, bulk tomar, " +
	"bulk asignar, bulk espera, bulk prioridad, bulk etiqueta, new, reply, estado, mis solicitudes, cerrar, aprobar, rechazar, sigue, gracias, no me avisen, out of office, bounce"

// day is the day being played.
type day struct {
	t      *testing.T
	house  *house
	sink   *sink
	diary  *diary.Diary
	submit submit
	random *rand.Rand
	now    time.Time
	boxes  map[string][]books.Letter // of everybody, by address
	back   map[string]bool           // what has been sent back
	late   []lateUndo
	mails  int
}

// TestSimulatedDay plays a working day of six technicians who do all by mail, and holds
// each mail that comes of it, and at the end every ticket, against the diary.
func TestSimulatedDay(t *testing.T) {
	days := uint64(3)
	if os.Getenv("VENTANILLA_EVIDENCE") == "1" {
		days = 40
	}
	used := map[string]int{}
	for seed := range days {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playDay(t, seed, used) })
	}
	for _, what := range strings.Split(dayUses, ", ") {
		if used[what] == 0 {
			t.Errorf("nobody used %q", what)
		}
	}
	t.Log(used)
}

func playDay(t *testing.T, seed uint64, used map[string]int) {
	d := newDay(t, seed)
	for d.mails < mailsOfDay {
		d.setClock(d.now.Add(2 * time.Minute))
		want := d.diary.Tick(d.now)
		if err := d.house.DoDue(context.Background()); err != nil {
			t.Fatal(err)
		}
		d.hold(want)
		for before := d.mails; d.mails == before; {
			d.somebody()
		}
	}
	d.close()
	d.house.stopIt()
	for what, n := range d.diary.Counts {
		used[what] += n
	}
	t.Logf("%d tickets, %d mails in, %d mails out", len(d.diary.Tickets), d.mails, d.sink.count)
}

func newDay(t *testing.T, seed uint64) *day {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	s := newSink(t)
	d := &day{t: t, sink: s, diary: diary.New("mesa.example", dayQueues), random: rand.New(rand.NewPCG(2026, seed)), now: time.Date(2026, 10, 5, 8, 0, 0, 0, madrid), boxes: map[string][]books.Letter{}, back: map[string]bool{}}
	d.house = newHouse(t, stateFolder(t), dayFiles(), madrid, s.address)
	d.setClock(d.now)
	d.house.start()
	return d
}

func (d *day) setClock(now time.Time) {
	d.now = now
	d.house.now.Store(&now)
}

// dayFiles are the files of a desk with three queues of six agents.
func dayFiles() fstest.MapFS {
	agents, queues := "", ""
	for i, a := range agentKinds {
		agents += fmt.Sprintf("[[agent]]\nname = %q\ntitle = %q\naddress = %q\n\n", a.name, spanish(i), a.name+"@mesa.example")
	}
	for _, q := range dayQueues {
		queues += fmt.Sprintf("[[queue]]\nname = %q\naddress = %q\napproval = %v\nagents = [\"%s\"]\n\n", q.Name, q.Name+"@mesa.example", q.Approval, strings.Join(q.Agents, `", "`))
	}
	return fstest.MapFS{
		"rules":               {Mode: fs.ModeDir},
		"desk/queues.toml":    {Data: []byte(queues)},
		"desk/agents.toml":    {Data: []byte(agents)},
		"desk/fields.toml":    {Data: []byte("[[field]]\nname = \"sede\"\ntitle = \"Sede\"\n")},
		"desk/answers/vpn.md": {Data: []byte("Hola, {nombre}: reinicie la **VPN**.\n")},
	}
}

// hold files the mails that came out in the boxes of those who got them, once the diary
// agrees.
func (d *day) hold(want []diary.Expect) []books.Letter {
	d.t.Helper()
	got, err := d.house.sent(d.sink)
	if err == nil {
		err = d.diary.Match(want, got)
	}
	if err != nil {
		d.house.history(err)
		d.t.Fatal(err)
	}
	for _, l := range got {
		d.boxes[l.To] = append(d.boxes[l.To], l)
	}
	return got
}

// write sends a mail to the desk, and holds what comes of it.
func (d *day) write(m mail) []books.Letter {
	d.t.Helper()
	want, err := d.diary.In(d.now, m.raw)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.put(m, want)
}

func (d *day) put(m mail, want []diary.Expect) []books.Letter {
	d.t.Helper()
	d.mails++
	if err := d.submit.send(d.house.door, m); err != nil {
		d.t.Fatal(err)
	}
	d.house.settle()
	defer func() {
		if d.t.Failed() {
			d.t.Logf("after %s", m.raw)
		}
	}()
	return d.hold(want)
}

func (d *day) answer(l books.Letter, text string, auto bool) {
	d.t.Helper()
	d.write(written(l.To, l.ReplyTo, "Re: "+l.Subject, l.ID, text, d.now, auto))
}

func (d *day) pick(of []string) string { return of[d.random.IntN(len(of))] }

// close asks at the end how everything stands, by mail, and looks at what the desk keeps.
func (d *day) close() {
	d.t.Helper()
	told, asked := map[string]string{}, map[string]bool{}
	for _, t := range d.diary.Tickets {
		if asked[t.Requester] {
			continue
		}
		asked[t.Requester] = true
		for _, l := range d.write(written(t.Requester, "soporte@mesa.example", "Consulta", "", "mis solicitudes", d.now, false)) {
			for _, m := range listed.FindAllStringSubmatch(l.Text, -1) {
				told[m[1]] = m[2]
			}
		}
	}
	for _, a := range agentKinds {
		d.write(written(a.name+"@mesa.example", "soporte@mesa.example", "Lista", "", "mis tickets", d.now, false))
	}
	for _, t := range d.diary.Tickets {
		if t.State != "fusionado" && told[t.Number] != t.State {
			d.t.Errorf("#%s is told to be %q, and is %q", t.Number, told[t.Number], t.State)
		}
	}
	d.inside()
	a, err := d.house.Doctor(context.Background())
	if err != nil || len(a.Faults) > 0 {
		d.t.Errorf("doctor: %+v %v", a, err)
	}
}

var dayStates = map[desk.State]string{desk.New: "nuevo", desk.Open: "en curso", desk.Pending: "en espera", desk.Resolved: "resuelto", desk.Closed: "cerrado", desk.Merged: "fusionado"}

// inside compares what the desk keeps of each ticket, field by field, with the diary.
func (d *day) inside() {
	kept, err := d.house.Tickets(context.Background(), "", 0, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(kept) != len(d.diary.Tickets) {
		d.t.Errorf("%d tickets, the diary has %d", len(kept), len(d.diary.Tickets))
	}
	people, numbers := map[desk.PersonID]string{}, map[desk.TicketID]string{}
	for _, k := range kept {
		h, err := d.house.History(context.Background(), k.Number)
		if err != nil {
			d.t.Fatal(err)
		}
		people[k.Requester], numbers[k.ID] = h.Requester.Address, k.Number
	}
	for _, k := range kept {
		if t := d.diary.Ticket(k.Number); t == nil {
			d.t.Errorf("#%s is not in the diary", k.Number)
		} else if got, want := keptAs(k, people, numbers), writtenAs(t); got != want {
			d.t.Errorf("#%s\n is  %s\n not %s", k.Number, got, want)
			d.house.history(fmt.Errorf("#%s", k.Number))
		}
	}
}

// keptAs and writtenAs say how a ticket stands, by the desk and by the diary.
func keptAs(k desk.Ticket, people map[desk.PersonID]string, numbers map[desk.TicketID]string) string {
	observers, links := []string{}, map[string]string{}
	for _, id := range k.Others {
		observers = append(observers, people[id])
	}
	for _, l := range k.Links {
		links[l.Number] = l.How
	}
	whom := map[desk.Waiting]string{desk.ForRequester: "cliente", desk.ForProvider: "proveedor", desk.ForDesk: "soporte"}[k.Waiting]
	return stands(dayStates[k.State], people[k.Requester], k.Subject, k.Queue, k.Assignee, k.Type, whom, k.LockedBy, numbers[k.MergedInto], k.Decision,
		k.Priority, k.Spent, k.Articles, k.Held, k.Resolution, k.Muted, k.Tags, observers, k.Fields, links, k.WaitUntil)
}

func writtenAs(t *diary.Ticket) string {
	return stands(t.State, t.Requester, t.Subject, t.Queue, t.Owner, t.Type, t.Waiting, t.LockedBy, t.Into, t.Decision,
		t.Priority, t.Minutes, t.Articles, t.Held, t.Resolutions, t.Muted, t.Tags, t.Observers, t.Fields, t.Links, t.Until)
}

func stands(of ...any) string {
	var b strings.Builder
	for _, v := range of {
		switch v := v.(type) {
		case time.Time:
			fmt.Fprint(&b, v.UTC().Format(time.DateTime))
		case []string:
			fmt.Fprint(&b, slices.Sorted(slices.Values(v)))
		default:
			fmt.Fprintf(&b, "%v", v)
		}
		b.WriteString(" | ")
	}
	return b.String()
}
