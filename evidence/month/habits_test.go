package month

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"time"

	"ventanilla/evidence/month/books"
	"ventanilla/evidence/month/diary"
)

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
