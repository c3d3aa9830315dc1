package mail

import (
	"strings"
	"testing"
)

// plain makes a mail without any header that tells its kind.
func plain(subject, body string) []byte {
	return []byte("From: Ana <ana@x.example>\nTo: soporte@mesa.example\nDate: Mon, 9 Dec 2013 14:02:03 -0500\nMessage-ID: <1@x.example>\nContent-Type: text/plain; charset=utf-8\nSubject: " + subject + "\n\n" + body + "\n")
}

func TestAbsenceInTwelveLanguages(t *testing.T) {
	for _, c := range []struct{ subject, body string }{
		{"Respuesta automática: [#12] impresora", "Estaré fuera de la oficina hasta el lunes."},
		{"RESPUESTA AUTOMATICA", "x"},
		{"[EXTERNO] Respuesta automática: x", "x"},
		{"Fuera de la oficina", "Me encuentro de vacaciones hasta el 5 de enero. Para urgencias escriba a eva@x.example."},
		{"Fuera de la oficina: Re: [#12] x", "Estaré fuera de la oficina del 1 al 5."},
		{"Re: [#12] x", "Este es un mensaje automático. Estoy de vacaciones hasta el lunes."},
		{"Automatic reply: ticket", "I am out of the office."},
		{"Out of Office", "I'm currently out of the office with limited access to email."},
		{"Out of Office AutoReply: x", ""},
		{"Resposta automática: x", "Estou de férias."},
		{"Ausência", "Estarei ausente até segunda-feira."},
		{"Réponse automatique : x", "Je suis absent."},
		{"Absence du bureau", "Je suis actuellement absent du bureau jusqu'au 5."},
		{"Automatische Antwort: x", "Ich bin im Urlaub."},
		{"Abwesenheitsnotiz", "Ich bin bis zum 5. nicht im Büro."},
		{"Risposta automatica: x", "Sono fuori sede."},
		{"Fuori ufficio", "Sono in ferie fino al 5."},
		{"Automatisch antwoord: x", "Ik ben afwezig."},
		{"Afwezig", "Ik ben niet op kantoor tot maandag."},
		{"Automatyczna odpowiedź: x", "Jestem na urlopie."},
		{"Nieobecność", "Przebywam na urlopie do poniedziałku."},
		{"Automatiskt svar: x", "Jag är på semester."},
		{"Autosvar: x", "Jeg er på ferie."},
		{"Frånvaro", "Jag är inte på kontoret."},
		{"Автоответ: x", "Я в отпуске."},
		{"В отпуске", "Я в отпуске до понедельника."},
		{"自動応答: x", "不在にしております。"},
		{"不在のお知らせ", "休暇中のため、返信が遅れます。"},
		{"自动回复: x", "我正在休假。"},
		{"休假", "我不在办公室。"},
	} {
		if m := Parse(plain(c.subject, c.body)); m.Class != ClassAutoReply {
			t.Errorf("%q is %s", c.subject, m.Class)
		} else if ok, _ := Answerable(Envelope{}, m); ok {
			t.Errorf("%q would be answered", c.subject)
		}
	}
}

func TestHolidaysAreNoAbsence(t *testing.T) {
	for _, c := range []struct{ subject, body string }{
		{"Vacaciones", "Solicito mis vacaciones del 1 al 15 de enero."},
		{"Solicitud de vacaciones", "Estaré de vacaciones hasta el 15, ¿quién aprueba?"},
		{"No imprime", "Estoy de vacaciones hasta el lunes, pero la impresora no imprime."},
		{"Correo de respuesta automática", "¿Cómo configuro la respuesta automática? Salgo el lunes."},
		{"Re: Respuesta automática: informe", "Gracias, espero su regreso."},
		{"RE: Fuera de la oficina", "¿Y quién atiende mientras tanto?"},
		{"La respuesta automática no funciona", "Configuré el mensaje y no sale."},
		{"Fuera de la oficina no abre el sistema", "Desde mi casa no puedo entrar."},
		{"Out of office setup", "How do I set my out of office message?"},
		{"Ausencia del técnico", "El técnico no vino hoy."},
		{"Licencia", "Necesito una licencia de Office."},
		{"Férias", "Preciso registrar minhas férias no sistema."},
		{"Away", "The printer is away for repair since Monday."},
		{"Automatización de respuestas", "Quiero un ticket."},
	} {
		if m := Parse(plain(c.subject, c.body)); m.Class != ClassHuman {
			t.Errorf("%q is %s (%s)", c.subject, m.Class, m.ClassReason)
		}
	}
}

func TestAnswerable(t *testing.T) {
	m := Parse(plain("x", "y"))
	if ok, reason := Answerable(Envelope{From: "ana@x.example"}, m); !ok || reason != "" {
		t.Errorf("a person is not answered: %s", reason)
	}
	if ok, _ := Answerable(Envelope{From: NullPath}, m); ok {
		t.Error("a null reverse-path is answered")
	}
	if ok, _ := Answerable(Envelope{}, m); !ok {
		t.Error("an unknown reverse-path is no reason")
	}
	list := Parse(append([]byte("List-Unsubscribe: <mailto:x@y.example>\n"), plain("x", "y")...))
	if ok, reason := Answerable(Envelope{}, list); ok || list.Class != ClassHuman || reason != "mailing list" {
		t.Errorf("any List field is reason enough: %v %s %s", ok, list.Class, reason)
	}
	if ok, _ := Answerable(Envelope{From: "bounces-12@lists.example"}, m); ok {
		t.Error("a list's envelope is answered")
	}
	// Lists of 2002 say no more than this.
	for _, field := range []string{"Precedence: list", "Mailing-List: contact x-help@lists.example; run by ezmlm"} {
		m := Parse([]byte("From: ana@x.example\r\nSubject: x\r\n" + field + "\r\n\r\ny\r\n"))
		if ok, _ := Answerable(Envelope{From: "ana@x.example"}, m); ok || m.Class != ClassList {
			t.Errorf("%s: class %s, answered %v", field, m.Class, ok)
		}
	}
}

func TestIsRobot(t *testing.T) {
	for _, a := range strings.Fields("mailer-daemon@x MAILER-DAEMON@x postmaster@x abuse@x root@x no-reply@x noreply@x no_reply@x no.reply@x no-responder@x noresponder@x donotreply@x do-not-reply@x bounce@x bounces+12@x noreply-compras@x compras-noreply@x owner-lista@x lista-request@x lista-bounces@x nao-responda@x") {
		if !IsRobot(a) {
			t.Errorf("%s is a robot", a)
		}
	}
	for _, a := range strings.Fields("ana@x soporte@x rooted@x reply@x norma@x abuser@x info@x bouncer@x rebound@x director@x") {
		if IsRobot(a) {
			t.Errorf("%s is a person", a)
		}
	}
}

func TestAuthResults(t *testing.T) {
	trusted := []string{"mx.mesa.example"}
	for name, c := range map[string]struct {
		header     string
		pass, fail bool
	}{
		"dmarc":                 {"mx.mesa.example; dmarc=pass header.from=x.example", true, false},
		"dmarc with policy":     {"mx.mesa.example; dmarc=pass (p=REJECT sp=NONE) header.from=x.example", true, false},
		"dmarc of another":      {"mx.mesa.example; dmarc=pass header.from=y.example", false, false},
		"dkim":                  {"mx.mesa.example; dkim=pass (2048-bit key; unprotected) header.d=x.example header.i=@x.example", true, false},
		"dkim subdomain":        {"mx.mesa.example; dkim=pass header.d=correo.x.example", true, false},
		"dkim by identity":      {"mx.mesa.example; dkim=pass header.i=@x.example", true, false},
		"dkim of another":       {"mx.mesa.example; dkim=pass header.d=y.example", false, false},
		"dkim of a suffix":      {"mx.mesa.example; dkim=pass header.d=example", false, false},
		"dkim fail":             {"mx.mesa.example; dkim=fail header.d=x.example", false, false},
		"spf":                   {"mx.mesa.example 1; spf=pass smtp.mailfrom=ana@x.example", true, false},
		"spf domain":            {"mx.mesa.example; spf=pass smtp.mailfrom = x.example", true, false},
		"spf of another":        {"mx.mesa.example; spf=pass smtp.mailfrom=y.example", false, false},
		"auth":                  {"mx.mesa.example; auth=pass smtp.auth=luis@x.example", true, false},
		"auth of another":       {"mx.mesa.example; auth=pass smtp.auth=luis@y.example smtp.mailfrom=luis@x.example", false, false},
		"auth without domain":   {"mx.mesa.example; auth=pass smtp.auth=luis", false, false},
		"auth fail":             {"mx.mesa.example; auth=fail smtp.auth=luis@x.example", false, false},
		"second result":         {"mx.mesa.example; spf=fail smtp.mailfrom=y.example; dkim=pass header.d=x.example", true, false},
		"untrusted":             {"mx.otro.example; dmarc=pass header.from=x.example", false, false},
		"id in a comment":       {"(mx.mesa.example) mx.otro.example; dmarc=pass header.from=x.example", false, false},
		"result in a comment":   {"mx.mesa.example; dkim=none (; dmarc=pass header.from=x.example)", false, false},
		"result in quotes":      {"mx.mesa.example; dkim=none reason=\"; dmarc=pass header.from=x.example\"", false, false},
		"topmost untrusted":     {"mx.otro.example; dmarc=fail\nAuthentication-Results: mx.mesa.example; dmarc=pass header.from=x.example", true, false},
		"topmost trusted":       {"mx.mesa.example; dmarc=none\nAuthentication-Results: mx.mesa.example; dmarc=pass header.from=x.example", false, false},
		"fails, reject":         {"mx.mesa.example; dmarc=fail policy.dmarc=reject header.from=x.example", false, true},
		"fails, Google's words": {"mx.mesa.example; dkim=pass header.d=y.example; dmarc=fail (p=QUARANTINE sp=NONE dis=NONE) header.from=x.example", false, true},
		"fails, Microsoft's":    {"mx.mesa.example; dmarc=fail action=oreject header.from=x.example", false, true},
		"fails, none":           {"mx.mesa.example; dmarc=fail (p=NONE) header.from=x.example", false, false},
		"fails, silent":         {"mx.mesa.example; dmarc=fail header.from=x.example", false, false},
		"nothing":               {"mx.mesa.example; none", false, false},
	} {
		m := Parse([]byte("Authentication-Results: " + c.header + "\nFrom: ana@x.example\n\n"))
		pass, fail, domain := AuthResults(m, trusted)
		if pass != c.pass || fail != c.fail || domain != "x.example" {
			t.Errorf("%s: pass %v, fail %v, %s", name, pass, fail, domain)
		}
	}
	m := Parse([]byte("Authentication-Results: spf=pass (x) smtp.mailfrom=x.example; dkim=none\nFrom: ana@x.example\n\n"))
	if pass, _, _ := AuthResults(m, trusted); pass {
		t.Error("a result without an id passes although none is trusted")
	}
	if pass, _, _ := AuthResults(m, []string{""}); !pass {
		t.Error("a result without an id does not pass although it is trusted")
	}
	m = Parse([]byte("Authentication-Results: mx.mesa.example; dmarc=pass\nFrom: ana@x.example, b@x.example\n\n"))
	if pass, _, domain := AuthResults(m, trusted); pass || domain != "" {
		t.Error("two authors pass")
	}
}
