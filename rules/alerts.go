package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// GatherMost is the longest time for which alerts are gathered.
const GatherMost = time.Hour

// alert is a kind of mail that an agent can do without.
type alert struct {
	word     string // as agents write it
	synonyms []string
	mails    []string // by the names of their templates
}

var alerts = []alert{
	{"nuevos", []string{"nuevo", "new", "novos"}, []string{"ticket-nuevo"}},
	{"asignados", []string{"asignado", "assigned", "atribuidos"}, []string{"asignado"}},
	{"respuestas", []string{"respuesta", "replies", "reply"}, []string{"respuesta-solicitante"}},
	{"notas", []string{"nota", "notes", "note"}, []string{"nota"}},
	{"reabiertos", []string{"reabierto", "reopened", "reabertos"}, []string{"reabierto"}},
	{"aprobados", []string{"aprobado", "approved", "aprovados"}, []string{"aprobado"}},
	{"retenidos", []string{"retenido", "held", "retidos"}, []string{"retenido"}},
	{"plazos", []string{"plazo", "terms", "prazos"}, []string{"plazo-por-vencer", "plazo-vencido"}},
	{"esperas", []string{"espera", "waits", "esperas"}, []string{"espera-cumplida"}},
	{"entregas", []string{"entrega", "deliveries"}, []string{"entrega-fallida"}},
	{"transcripciones", []string{"transcripcion", "transcripts", "transcript", "transcricoes"}, []string{"transcripcion"}},
}

func alertNames() (names []string) {
	for _, a := range alerts {
		names = append(names, a.word)
	}
	return names
}

// MutedAlerts are the words for the alerts whose mails an agent does not want.
func MutedAlerts(mute []string) (words []string) {
	for _, a := range alerts {
		if !slices.ContainsFunc(a.mails, func(name string) bool { return !slices.Contains(mute, name) }) {
			words = append(words, a.word)
		}
	}
	return words
}

// findAlert returns the mails that a word means: a kind of alert, or a mail's own name.
func findAlert(word string) []string {
	for _, a := range alerts {
		if word == a.word || slices.Contains(a.synonyms, word) {
			return a.mails
		}
		if slices.Contains(a.mails, word) {
			return []string{word}
		}
	}
	return nil
}

func mutedAlerts(c *checker, words []string) (mails []string) {
	for i, w := range words {
		found := findAlert(mail.Fold(w))
		if found == nil {
			c.fault("mute["+strconv.Itoa(i)+"]", "no hay avisos %q%s", w, meant(w, alertNames(), "avisos"))
		}
		mails = append(mails, found...)
	}
	return mails
}

// alertsVerb are the words by which an agent asks for his alerts.
var alertsVerb = []string{"avisos", "mis avisos", "alerts", "my alerts", "meus avisos"}

// alerted hears an agent ask for his alerts, or change them: «avisos», «#avisos
// resumen 07:30 -nuevos juntar 10m» in the only line, or in the subject of a mail
// without text.
func (d *decider) alerted(a desk.Agent) bool {
	if d.Message.Class != mail.ClassHuman || len(d.Message.Parts) > 0 {
		return false
	}
	text := withoutGreeting(unseen.Replace(d.Message.Reply))
	if text == "" && len(d.Thread) == 0 {
		text = mail.StripPrefixes(mail.StripTags(d.Message.Subject))
	}
	bare := strings.TrimLeft(text, "#!•*·–—- ")
	rest := ""
	if strings.Contains(text, "\n") || !begins(mail.Fold(bare), alertsVerb, &rest) || bare == text && rest != "" && !said(rest) ||
		d.Policy.Verdict(ActAgentList, d.Decision.Trust) != Yes {
		return false
	}
	p, problem := readPreferences(d.Preferences, rest)
	if problem.Reason != "" {
		problem.Line = text
		d.settle(ToCommand, "los avisos que se piden no se entienden")
		d.wrong(a, desk.Ticket{}, []Problem{problem})
		return true
	}
	if rest != "" {
		d.Prefers = &p
	}
	d.Letters = append(d.Letters, Letter{Template: "transcripcion", To: a.Address, Name: a.Title, Alerts: true})
	d.settle(ToCommand, "avisos del agente "+a.Name)
	return true
}

// said says whether what stands behind «avisos» changes them, so that a mail about
// alerts can still be a ticket.
func said(rest string) bool {
	_, p := readPreferences(desk.Preferences{}, rest)
	return p.Reason == ""
}

// readPreferences reads what changes an agent's alerts.
func readPreferences(p desk.Preferences, text string) (desk.Preferences, Problem) {
	words := strings.Fields(strings.NewReplacer(",", " ", ";", " ", "–", "-", "—", "-", "−", "-").Replace(text))
	for len(words) > 0 {
		word, next := words[0], ""
		if words = words[1:]; len(words) > 0 {
			next = words[0]
		}
		takes := true
		switch {
		case slices.Contains([]string{"resumen", "digest", "resumo"}, word):
			since, ok := readHour(next)
			if !ok {
				return p, Problem{Reason: "alerts-hour"}
			}
			p.Digest = &since
		case slices.Contains([]string{"colas", "cola", "queues", "filas"}, word):
			yes := slices.Contains([]string{"si", "yes", "sim"}, next)
			if !yes && !no(next) {
				return p, Problem{Reason: "alerts-yes-or-no"}
			}
			p.Queues = &yes
		case slices.Contains([]string{"juntar", "gather", "agrupar"}, word):
			span, err := time.ParseDuration(strings.NewReplacer("min", "m", "minutos", "m").Replace(next))
			if err != nil && !no(next) || span < 0 || span > GatherMost {
				return p, Problem{Reason: "alerts-gather"}
			}
			p.Gather = &span
		case slices.Contains([]string{"normal", "normales", "default"}, word):
			p, takes = desk.Preferences{}, false
		default:
			takes = false
			mails := findAlert(strings.TrimLeft(word, "+-"))
			if mails == nil || word[0] != '+' && word[0] != '-' {
				return p, Problem{Reason: "unknown-alert", Near: nearest(strings.TrimLeft(word, "+-"), alertNames())}
			}
			without := func(from []string) []string {
				return slices.DeleteFunc(slices.Clone(from), func(m string) bool { return slices.Contains(mails, m) })
			}
			if p.Mute, p.Unmuted = without(p.Mute), without(p.Unmuted); word[0] == '-' {
				p.Mute = append(p.Mute, mails...)
			} else {
				p.Unmuted = append(p.Unmuted, mails...)
			}
		}
		if takes {
			words = words[min(1, len(words)):]
		}
	}
	return p, Problem{}
}

func no(word string) bool { return slices.Contains([]string{"no", "nunca", "never", "nao"}, word) }

// readHour reads the hour of a digest, since midnight; 0 for none.
func readHour(word string) (time.Duration, bool) {
	if no(word) {
		return 0, true
	}
	for _, form := range []string{"15:04", "15"} {
		if at, err := time.Parse(form, strings.TrimSuffix(word, "h")); err == nil {
			since := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
			return since, since > 0
		}
	}
	return 0, false
}

// stopped hears somebody use the address that stops a digest. Whoever it was written to
// may; mail programs do it by themselves (RFC 2369 §3.2).
func (d *decider) stopped(at Addressed) {
	a, ok := d.agent()
	if !ok || !at.Bound {
		d.settle(ToFiled, "nadie a quien se le escriba un resumen")
		return
	}
	p := Stopped(d.Preferences, at.Token.Revision)
	d.Prefers = &p
	d.Letters = append(d.Letters, Letter{Template: "transcripcion", To: a.Address, Name: a.Title, Alerts: true})
	d.settle(ToCommand, "el agente "+a.Name+" no quiere más resúmenes")
}

// Stopped returns preferences without the digests that a token of [desk.ForStop] stops.
func Stopped(p desk.Preferences, which int) desk.Preferences {
	never, no := time.Duration(0), false
	if which == desk.StopQueueDigests {
		p.Queues = &no
	} else {
		p.Digest = &never
	}
	return p
}
