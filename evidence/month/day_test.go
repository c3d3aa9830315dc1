package month

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime"
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

// agentKind is an agent of the day and what he likes to do.
type agentKind struct {
	name   string
	habits []string // orders, the more often named the more often given
}

var agentKinds = []agentKind{
	{"luis", strings.Fields("tomar tomar answer answer resolver resolver time note field undo bulk list observer")},
	{"eva", strings.Fields("answer answer answer canned resolver tags assign wait lock unlock merge link list bulk bulk")},
	{"rosa", strings.Fields("next release queue priority type subject behalf behalf split link merge list bulk bulk undo")},
	{"juan", strings.Fields("tomar answer wait wait close reopen typo time undo unlock see behalf list bulk bulk")},
	{"ines", strings.Fields("tomar resolver close priority tags tags note observer split undo typo unlock forward bulk")},
	{"pablo", strings.Fields("answer answer assign queue field type resolver lock undo reopen canned unlink list bulk bulk")},
}

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

// somebody writes something, if he finds what to write about.
func (d *day) somebody() {
	d.t.Helper()
	if len(d.late) > 0 && !d.now.Before(d.late[0].at) {
		l := d.late[0].letter
		d.late = d.late[1:]
		d.answer(l, "#deshacer", false)
		return
	}
	switch n := d.random.IntN(100); {
	case n < 18 || len(d.diary.Tickets) < 8:
		d.asks()
	case n < 42:
		d.requester()
	default:
		a := agentKinds[d.random.IntN(len(agentKinds))]
		d.agent(a.name, d.pick(a.habits))
	}
}

func (d *day) asks() {
	thing, ill := things[d.random.IntN(len(things))], ills[d.random.IntN(len(ills))]
	q := dayQueues[d.random.IntN(len(dayQueues))].Name
	d.write(written(requester(d.random.IntN(60)), q+"@mesa.example", "La "+thing+" "+ill, "", "Buenos días:\n\nLa "+thing+" de la oficina "+ill+".", d.now, false))
}

// letter finds a mail about a ticket in a box: mostly the last about one of late.
func (d *day) letter(box string, kinds ...string) (books.Letter, bool) {
	var about []books.Letter
	for _, l := range d.boxes[box] {
		if l.Number != "" && (len(kinds) == 0 || slices.Contains(kinds, l.Kind)) {
			about = append(about, l)
		}
	}
	if len(about) == 0 {
		return books.Letter{}, false
	}
	return about[max(0, len(about)-1-d.random.IntN(12))], true
}

// requester has one of those who have asked write.
func (d *day) requester() {
	d.t.Helper()
	t := d.diary.Tickets[d.random.IntN(len(d.diary.Tickets))]
	for range 8 { // who is asked to decide writes more often
		if t.State != "resuelto" {
			t = d.diary.Tickets[d.random.IntN(len(d.diary.Tickets))]
		}
	}
	whom := t.Requester
	if len(t.Observers) > 0 && d.random.IntN(2) == 0 {
		whom = t.Observers[0]
	}
	l, ok := d.letter(whom)
	if t.State == "resuelto" && whom == t.Requester {
		l, ok = d.letter(whom, "resuelto")
	}
	if !ok {
		return
	}
	switch d.random.IntN(20) {
	case 0:
		d.answer(l, "Estoy de vacaciones hasta el lunes.", true)
	case 1:
		if l, ok := d.letter(whom, "acuse"); ok && !d.back[l.Number] {
			d.back[l.Number] = true
			d.bounce(l)
		}
	case 2:
		d.write(written(whom, "soporte@mesa.example", "Consulta", "", "mis solicitudes", d.now, false))
	default:
		d.answer(l, d.phrase(d.diary.Live(d.diary.Ticket(l.Number))), false)
	}
}

// phrase is what a requester says of a ticket as it is.
func (d *day) phrase(t *diary.Ticket) string {
	said := []string{"estado", "gracias", "cerrar", "no me avisen", "Adjunto un dato más: pasa desde ayer.", "¿Saben algo ya?", "Sigue igual, por favor llámenme."}
	if t.State == "resuelto" {
		said = []string{"aprobar", "aprobar", "rechazar sigue igual", "sigue fallando", "sigue fallando", "Volvió a pasar hoy.", "estado"}
	} else if t.State == "cerrado" {
		said = []string{"gracias", "estado", "Volvió a fallar.", "sigue fallando", "aprobar", "cerrar"}
	}
	return d.pick(said)
}

// bounce sends a mail of the desk back.
func (d *day) bounce(l books.Letter) {
	d.t.Helper()
	d.sent()
	at := written("mailer-daemon@uni.example", d.sink.returns[l.ID], "Undelivered Mail Returned to Sender", "", "", d.now, true)
	head, _, _ := strings.Cut(string(at.raw), "MIME-Version")
	raw := head + "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nMailbox full.\r\n--x\r\n" +
		"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.uni.example\r\n\r\nFinal-Recipient: rfc822; " + l.To + "\r\nAction: failed\r\nStatus: 5.2.2\r\n" +
		"Diagnostic-Code: smtp; 552 5.2.2 Mailbox full\r\n--x--\r\n"
	d.put(mail{"", at.to, []byte(raw)}, d.diary.Bounce(d.now, l.ID))
}

// sent waits until the desk has noted that its mails went out.
func (d *day) sent() {
	d.t.Helper()
	for late := time.Now().Add(time.Minute); time.Now().Before(late); runtime.Gosched() {
		due, _, err := d.house.Due(context.Background(), d.now, 1, func(string) bool { return false })
		if err != nil {
			d.t.Fatal(err)
		}
		if len(due) == 0 {
			return
		}
	}
	d.t.Fatal("mails stay in the outbox")
}

// agent has an agent follow a habit.
func (d *day) agent(name, habit string) {
	d.t.Helper()
	address := name + "@mesa.example"
	switch habit {
	case "list":
		asked := "mis tickets"
		if d.random.IntN(3) == 0 {
			asked = "cola " + dayQueues[d.random.IntN(len(dayQueues))].Name
		}
		d.write(written(address, "soporte@mesa.example", "Lista", "", asked, d.now, false))
		return
	case "bulk":
		d.bulk(address)
		return
	case "undo":
		d.undo(name)
		return
	case "behalf":
		text := "#de " + requester(60+d.random.IntN(6)) + "\n#canal teléfono\n"
		if d.random.IntN(2) == 0 {
			text += "#tomar\n"
		}
		d.write(written(address, d.pick([]string{"soporte", "redes"})+"@mesa.example", "Llamada de una usuaria", "", text+"Llamó: no le llega el correo.", d.now, false))
		return
	case "forward":
		text := "#de\n\nDe: Carla Ríos <" + requester(66+d.random.IntN(4)) + ">\nEnviado: lunes\nPara: Mesa\nAsunto: Monitor roto\n\nMi monitor no enciende."
		d.write(written(address, "soporte@mesa.example", "RV: Monitor roto", "", text, d.now, false))
		return
	}
	l, ok := d.letter(address)
	if !ok {
		return
	}
	if text := d.order(name, habit, d.diary.Live(d.diary.Ticket(l.Number))); text != "" {
		d.answer(l, text, false)
	}
}

// undo has an agent take back what he did: at once, or half an hour later.
func (d *day) undo(name string) {
	d.t.Helper()
	before := d.mails
	d.agent(name, d.pick(strings.Fields("tomar tags priority wait close merge link release queue resolver")))
	box := d.boxes[name+"@mesa.example"]
	if d.mails == before || box[len(box)-1].Number == "" {
		return
	}
	if l := box[len(box)-1]; d.random.IntN(3) > 0 {
		d.answer(l, "#deshacer", false)
	} else {
		d.late = append(d.late, lateUndo{d.now.Add(32 * time.Minute), l})
	}
}

// lateUndo is one that comes too late.
type lateUndo struct {
	at     time.Time
	letter books.Letter
}

// order is what an agent writes about a ticket, "" if this is not the moment for it.
func (d *day) order(name, habit string, t *diary.Ticket) string {
	other := d.diary.Live(d.diary.Tickets[max(0, len(d.diary.Tickets)-1-d.random.IntN(10))])
	pair := other.Number != t.Number && other.State != "cerrado" && t.State != "cerrado"
	switch habit {
	case "tomar":
		return d.pick([]string{"#tomar", "#tomar\nYa lo estamos mirando.", "#tomar\n#prioridad alta\n#etiqueta +vpn"})
	case "answer":
		return d.pick([]string{"¿En qué piso está el equipo?", "Ya lo estamos mirando.", "Reinicie el equipo y cuéntenos."})
	case "canned":
		return d.pick([]string{"#plantilla vpn", "#plantilla vpn\nY avísenos."})
	case "resolver":
		return d.pick([]string{"#resolver\nQuedó listo.", "#tiempo 20m\n#resolver\nEra la configuración."})
	case "close":
		return d.pick([]string{"#cerrar", "#cerrar\nNo hay más que hacer."})
	case "reopen":
		return "#reabrir"
	case "time":
		return d.pick([]string{"#tiempo 30m revisé el cableado", "#tiempo 1h30", "#tiempo 45m"})
	case "note":
		return "#nota\nHay que pedir un repuesto."
	case "field":
		return d.pick([]string{"#campo sede=Norte", "#campo sede=Sur"})
	case "subject":
		return d.pick([]string{"#asunto Sin red en el piso 3", "#asunto Equipo sin garantía"})
	case "see":
		return "#ver"
	case "assign":
		return "#asignar " + agentKinds[d.random.IntN(len(agentKinds))].name
	case "next":
		return "#asignar siguiente"
	case "release":
		return "#soltar"
	case "queue":
		return "#cola " + dayQueues[d.random.IntN(len(dayQueues))].Name
	case "priority":
		return "#prioridad " + d.pick([]string{"alta", "muy urgente", "baja", "2", "5", "mediana", "9"})
	case "type":
		return "#tipo " + d.pick([]string{"incidente", "requerimiento"})
	case "tags":
		return "#etiqueta " + d.pick([]string{"+vpn", "-vpn", "+red +urgente", "wifi -red"})
	case "wait":
		return d.pick([]string{"#espera cliente 3h", "#espera proveedor 1h", "#espera cliente 3 días", "#espera proveedor viernes 17:00", "#espera soporte 12/10", "#espera cliente\n¿Qué modelo es?"})
	case "lock":
		return "#bloquear"
	case "unlock":
		return "#desbloquear"
	case "observer":
		return "#observador " + d.pick([]string{"+", "+", "-"}) + d.pick([]string{t.Requester, other.Requester, "eva@mesa.example"})
	case "typo":
		return d.pick([]string{"#tomra", "#prioridad 1\n#cerar", "#asginar luis", "#prioirdad alta\nYa vamos."})
	}
	return d.pairs(habit, t, other, pair)
}

// pairs are the orders that are about two tickets.
func (d *day) pairs(habit string, t, other *diary.Ticket, pair bool) string {
	switch {
	case habit == "split" && t.LockedBy != "": // it would be refused, and leave a number out
		return ""
	case habit == "split" && t.Articles > 1:
		return "#separar 2"
	case habit == "split":
		return "#separar 1"
	case !pair:
		return ""
	case habit == "merge":
		return "#unir " + other.Number
	case habit == "link":
		return "#vincular " + d.pick([]string{"", "padre ", "hija "}) + other.Number
	}
	return "#vincular -" + other.Number
}

// bulk answers the last list that an agent has.
func (d *day) bulk(address string) {
	d.t.Helper()
	for _, l := range slices.Backward(d.boxes[address]) {
		if l.Kind != "lista" {
			continue
		}
		var numbers []string
		for _, m := range listed.FindAllStringSubmatch(l.Text, -1) {
			numbers = append(numbers, strings.TrimLeft(m[1], "0"))
		}
		if len(numbers) < 2 {
			return
		}
		a, b := d.pick(numbers), numbers[0]
		text := d.pick([]string{"cerrar " + a, "tomar " + a + " " + b, a + ": asignar luis", b + ": espera proveedor 3h", a + ": prioridad alta\n" + b + ": etiqueta +lote", "9999: cerrar"})
		d.answer(l, text, false)
		return
	}
}

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
