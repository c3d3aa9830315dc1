package month

import (
	"strings"

	"ventanilla/evidence/month/books"
)

// read has the one to whom a mail goes read it, and plan what he does then.
func (p *play) read(l books.Letter) {
	if p.plots == nil || l.Number == "" {
		return
	}
	s := p.plots[l.Number]
	if s == nil {
		s = &story{plot: plotOf(l.Number)}
		p.plots[l.Number] = s
	}
	switch l.Kind {
	case "ticket-nuevo":
		s.opened = l
		p.works(s, l)
	case "espera-cumplida", "reabierto":
		s.solved = true
		p.reply(60+s.work/4, l, "#resolver\n#tiempo 20m\nQuedó listo.")
	case "respuesta-solicitante":
		if s.wait && !s.solved && !s.direct { // he who waited writes before the provider does
			s.solved = true
			p.reply(90, l, "#resolver\n#tiempo 10m\nCon eso bastó.")
		}
	case "respuesta":
		if s.follows && !strings.HasSuffix(l.To, "mesa.example") {
			s.follows = false
			p.reply(30+s.decide/9, l, "Adjunto un dato más: el equipo es el de la oficina 12.")
		}
	case "resuelto":
		p.decides(s, l)
	case "recordatorio":
		if s.decision == "late" && !s.reminded {
			s.reminded = true
			p.reply(s.decide/3, l, "aprobar")
		}
	case "suplente":
		if s.deputy {
			s.deputy = false
			p.approves(s, l, 20+s.decide/2)
		}
	case "encuesta", "gracias", "cerrado":
		p.ends(s, l)
	}
}

// works plans what an agent does with a new ticket.
func (p *play) works(s *story, l books.Letter) {
	switch {
	case s.direct:
		s.solved = true
		p.reply(s.answer, l, "#resolver\n#tiempo 15m\nQuedó listo: era la configuración.")
	case s.wait:
		p.reply(s.answer, l, "#tomar\n#espera proveedor 40h\nLo consultamos con el proveedor.")
	default:
		s.solved = true
		p.reply(s.answer, l, "#tomar\n#tiempo 30m\nEstamos en ello.")
		p.reply(s.answer+s.work, l, "#resolver\n#tiempo 45m\nQuedó listo.")
	}
}

// decides plans what a requester does with a solution.
func (p *play) decides(s *story, l books.Letter) {
	s.resolutions++
	switch {
	case s.decision == "approve", s.decision == "both", s.resolutions > 2:
		p.approves(s, l, s.decide)
	case s.decision == "reject" && s.resolutions == 1:
		if to := l.Decision("r"); s.byAddress && to != "" {
			p.after(s.decide, written(l.To, to, "Rechazar [#"+l.Number+"]", "", "Sigue igual.", p.house.clock(), false))
			return
		}
		p.reply(s.decide, l, "rechazar sigue igual")
	case s.decision == "reject":
		p.approves(s, l, s.decide)
	case s.decision == "away":
		p.after(5, written(l.To, l.ReplyTo, "Respuesta automática: "+l.Subject, l.ID, "Estoy de vacaciones hasta el lunes.", p.house.clock(), true))
	}
}

// approves plans an approval, by a word or by a mail to the address that approves.
func (p *play) approves(s *story, l books.Letter, minutes int) {
	if to := l.Decision("a"); s.byAddress && to != "" {
		p.after(minutes, written(l.To, to, "Aprobar [#"+l.Number+"]", "", "", p.house.clock(), false))
		return
	}
	p.reply(minutes, l, "aprobar")
}

// ends plans what a requester says after the end.
func (p *play) ends(s *story, l books.Letter) {
	if l.Kind == "encuesta" && s.score > 0 {
		text := string(rune('0' + s.score))
		if s.comment {
			text += "\nGracias por la atención, aunque tardaron."
		}
		p.reply(20+s.decide, l, text)
		if s.twice {
			p.reply(40+s.decide, l, "3")
		}
	}
	if s.again && !s.failed && l.Kind != "gracias" {
		s.failed = true
		p.reply(300+s.decide*2, l, "Volvió a fallar, por favor revísenla otra vez.")
	}
}
