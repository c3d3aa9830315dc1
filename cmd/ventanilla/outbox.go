package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mailout"
)

// outboxCmd is "ventanilla outbox".
type outboxCmd struct {
	List  outboxListCmd  `cmd:"" help:"Lista los correos por enviar y los abandonados."`
	Show  outboxShowCmd  `cmd:"" help:"Dice en qué está un correo: qué respondió el servidor, qué significa y qué sigue."`
	Retry outboxRetryCmd `cmd:"" help:"Reintenta ya un correo, también uno abandonado."`
	Drop  outboxDropCmd  `cmd:"" help:"Descarta un correo: no se enviará."`

	Release outboxReleaseCmd `cmd:"" help:"Suelta lo que quedó retenido al recuperar una copia."`
}

type outboxListCmd struct {
	Limit int    `help:"Cuántos, como mucho." default:"100" placeholder:"100"`
	After string `help:"Solo los que siguen a este identificador: para la página siguiente." placeholder:"ID"`
}

// waiting is a mail of the outbox without its text, which may hold the links by
// which people decide.
type waiting struct {
	ID        string        `json:"id"`
	Ticket    desk.TicketID `json:"ticket,omitempty"`
	Number    string        `json:"number,omitempty"` // of the ticket; only where one mail is shown
	Kind      string        `json:"kind"`
	From      string        `json:"from"` // envelope sender, "" is none
	To        string        `json:"to"`
	Subject   string        `json:"subject"`
	Size      int64         `json:"size"` // bytes
	Created   time.Time     `json:"created"`
	Due       time.Time     `json:"due"`
	Attempts  int           `json:"attempts"`
	Failed    bool          `json:"failed"`
	Held      bool          `json:"held,omitempty"` // since a restore
	Told      bool          `json:"told,omitempty"` // its author knows that it is delayed
	LastError string        `json:"last_error"`
	Meaning   string        `json:"meaning,omitempty"` // what LastError means, in Spanish
	Stopped   string        `json:"stopped,omitempty"` // what keeps all mail back; only where one mail is shown
}

func waitingMail(o mailout.Outgoing, held bool) waiting {
	return waiting{ID: o.ID, Ticket: o.Ticket, Kind: o.Kind, From: o.From, To: o.To, Subject: o.Subject, Size: o.Size, Created: o.Created, Due: o.Due,
		Attempts: o.Attempts, Failed: o.Failed, Held: held && !o.Failed, Told: o.Late, LastError: o.LastError, Meaning: meaning(o.LastError)}
}

func listOutbox(r *http.Request, h *house) ([]waiting, error) {
	held, err := h.Held(r.Context())
	if err != nil {
		return nil, err
	}
	mails, err := h.Outbox(r.Context(), r.FormValue("after"), number(r, "limit", 100))
	all := make([]waiting, len(mails))
	for i, o := range mails {
		all[i] = waitingMail(o, held)
	}
	return all, err
}

func showOutgoing(r *http.Request, h *house) (waiting, error) {
	held, err := h.Held(r.Context())
	if err != nil {
		return waiting{}, err
	}
	o, number, err := h.OutgoingMail(r.Context(), r.PathValue("id"))
	shown := waitingMail(o, held)
	shown.Number, shown.Stopped = number, h.stopped()
	return shown, err
}

// stopped says what keeps all mail back, "" if nothing does.
func (h *house) stopped() string {
	add := h.report.Load()
	if add == nil {
		return "el servicio no está en marcha"
	}
	var s status
	if (*add)(&s); s.Smarthost == nil {
		return "no hay smarthost"
	}
	return s.Smarthost.Trouble
}

// state says in a word where a mail stands.
func (o waiting) state() string {
	switch {
	case o.Failed:
		return "abandonado"
	case o.Held:
		return "retenido"
	case o.Attempts > 0:
		return "se reintenta"
	}
	return "espera"
}

// Run lists the outbox.
func (l outboxListCmd) Run(ctx context.Context, t *terminal) error {
	if l.Limit < 1 {
		return usageError("--limit: va de 1 en adelante")
	}
	var all []waiting
	if err := t.ask(ctx, "GET", "/outbox", url.Values{"limit": {strconv.Itoa(l.Limit)}, "after": {l.After}}, nil, &all); err != nil {
		return err
	}
	return list(t, all, []string{"ID", "PARA", "ESTADO", "INTENTOS", "PRÓXIMO", "ASUNTO", "QUÉ PASA", "ÚLTIMA RESPUESTA"}, func(o waiting) []string {
		next := date(o.Due)
		if o.Failed || o.Held {
			next = ""
		}
		return []string{o.ID, o.To, o.state(), strconv.Itoa(o.Attempts), next, o.Subject, o.Meaning, o.LastError}
	})
}

type outboxShowCmd struct {
	ID string `arg:"" name:"id" help:"Identificador, como lo da «outbox list»."`
}

// Run shows a mail of the outbox.
func (c outboxShowCmd) Run(ctx context.Context, t *terminal) error {
	var o waiting
	if err := t.ask(ctx, "GET", "/outbox/"+url.PathEscape(c.ID), nil, nil, &o); err != nil {
		return aboutMail(c.ID, err)
	}
	if t.json {
		return t.record(o)
	}
	return t.print(o.write)
}

func (o waiting) write(w io.Writer) {
	from := o.From
	if from == "" {
		from = "<> (un acuse de recibo: no vuelve a nadie)"
	}
	fmt.Fprintf(w, "%s\n  asunto:    %s\n  para:      %s\n  remitente: %s\n  plantilla: %s, %d bytes, escrito %s\n  estado:    %s\n",
		o.ID, o.Subject, o.To, from, o.Kind, o.Size, date(o.Created), o.progress())
	if o.LastError != "" {
		fmt.Fprintf(w, "  respuesta: %s\n", o.LastError)
	}
	if o.Meaning != "" {
		fmt.Fprintf(w, "  significa: %s\n", o.Meaning)
	}
	if o.Told {
		fmt.Fprintln(w, "  avisado:   quien lo escribió sabe que se demora")
	}
	if o.Number != "" {
		fmt.Fprintf(w, "  ticket:    #%s\n", o.Number)
	}
}

// progress says in a sentence where a mail stands and what comes next.
func (o waiting) progress() string {
	switch {
	case o.Failed:
		return fmt.Sprintf("abandonado tras %s; «outbox retry» lo intenta otra vez, «outbox drop» lo descarta", times(o.Attempts))
	case o.Held:
		return "retenido desde que se recuperó una copia; lo suelta «outbox release»"
	case o.Attempts > 0:
		return fmt.Sprintf("se reintenta: %s, el próximo el %s; si no llega, se abandona desde el %s", times(o.Attempts), date(o.Due), date(o.Created.Add(mailout.RetryFor)))
	case o.Stopped != "":
		return "espera: ahora no sale ningún correo (" + o.Stopped + ")"
	}
	return "espera su turno desde " + date(o.Due)
}

func times(n int) string {
	if n == 1 {
		return "1 intento"
	}
	return fmt.Sprintf("%d intentos", n)
}

type outboxRetryCmd struct {
	IDs []string `arg:"" name:"id" help:"Identificadores, como los da «outbox list»."`
}

// Run makes mails due now.
func (c outboxRetryCmd) Run(ctx context.Context, t *terminal) error {
	return t.forEach(ctx, c.IDs, "/outbox/retry", "se reintenta ya")
}

type outboxDropCmd struct {
	IDs []string `arg:"" name:"id" help:"Identificadores, como los da «outbox list»."`
}

// Run drops mails.
func (c outboxDropCmd) Run(ctx context.Context, t *terminal) error {
	return t.forEach(ctx, c.IDs, "/outbox/drop", "descartado")
}

// meanings say what a server means by an enhanced status code (RFC 3463 §3, and the
// registry of RFC 5248), with its first digit left out: whether it is for good the
// reply says.
var meanings = map[string]string{
	"1.0": "algo no le gusta de la dirección", "1.1": "no existe ese buzón", "1.2": "no existe ese dominio", "1.3": "la dirección está mal escrita",
	"1.4": "la dirección es ambigua", "1.6": "el buzón se mudó", "1.7": "no le gusta el remitente", "1.8": "el dominio del remitente no existe para él", "1.10": "ese dominio dice que no recibe correo",
	"2.0": "algo pasa con el buzón", "2.1": "el buzón está cerrado", "2.2": "el buzón está lleno", "2.3": "es demasiado grande para ese buzón", "2.4": "una lista de correo no funciona",
	"3.0": "algo pasa en el servidor", "3.1": "el servidor no tiene espacio", "3.2": "el servidor no acepta correo por ahora", "3.4": "el correo es demasiado grande", "3.5": "el servidor está mal configurado",
	"4.0": "no se llega al otro servidor", "4.1": "el otro servidor no contesta", "4.2": "se corta la conexión con el otro servidor", "4.3": "falla la consulta al DNS", "4.4": "no se sabe cómo llegar al otro servidor",
	"4.5": "el servidor está congestionado", "4.6": "el correo da vueltas entre servidores", "4.7": "se venció el plazo del otro servidor",
	"5.0": "hubo un error de protocolo", "5.1": "el servidor no entendió una orden", "5.2": "el servidor no entendió una orden", "5.3": "son demasiados destinatarios", "5.4": "el servidor no entendió una orden",
	"6.0": "no le gusta el contenido", "6.7": "la dirección lleva letras que el servidor no sabe llevar (SMTPUTF8)",
	"7.0": "no lo permiten sus reglas", "7.1": "no lo permiten sus reglas", "7.8": "el usuario o la contraseña no valen", "7.9": "la autenticación es demasiado débil", "7.11": "pide que la conexión vaya cifrada",
	"7.20": "ninguna firma DKIM pasa", "7.23": "SPF no pasa", "7.25": "nuestra dirección IP no tiene nombre en el DNS", "7.26": "no pasan ni SPF ni DKIM", "7.28": "recibe demasiado correo nuestro",
}

// byCode are the meanings of replies without an enhanced code (RFC 5321 §4.2.3).
var byCode = map[string]string{
	"421": "el servidor cierra por ahora", "450": "el buzón no está disponible", "451": "el servidor tuvo un problema, o pide que se intente más tarde (lista gris)", "452": "el servidor no tiene espacio",
	"454": "el servidor no puede autenticar ahora", "521": "ese servidor no recibe correo", "530": "pide autenticación", "535": "el usuario o la contraseña no valen", "550": "no existe ese buzón, o no lo permiten sus reglas",
	"551": "el buzón se mudó", "552": "el correo es demasiado grande o el buzón está lleno", "553": "la dirección está mal escrita o no se permite", "554": "el servidor lo rechazó", "556": "ese dominio no recibe correo",
}

// greylisted is how a server says that it takes nothing at the first try, whatever the
// codes with it.
var greylisted = regexp.MustCompile(`(?i)\bgr[ae]y ?list`)

// meaning says in Spanish what the last answer to a mail means, and whether it is for
// good; of what we say ourselves nothing. The answer begins with a reply code and
// perhaps an enhanced one.
func meaning(answer string) string {
	code, rest, _ := strings.Cut(answer, " ")
	if n, err := strconv.Atoi(code); err != nil || n < 400 || n > 599 {
		return ""
	}
	what := byCode[code]
	if enhanced, _, _ := strings.Cut(rest, " "); len(enhanced) > 2 && (enhanced[:2] == "4." || enhanced[:2] == "5.") {
		class, _, _ := strings.Cut(enhanced[2:], ".")
		for _, key := range []string{enhanced[2:], class + ".0"} {
			if m, ok := meanings[key]; ok {
				what = m
				break
			}
		}
	}
	switch {
	case what == "":
		what = "el servidor no dice por qué"
	case code[0] == '4' && (what == meanings["7.1"] || greylisted.MatchString(rest)):
		what = "pide que se intente más tarde (lista gris, o demasiado correo)"
	}
	if code[0] == '4' {
		return what + "; puede pasar"
	}
	return what + "; es definitivo"
}
