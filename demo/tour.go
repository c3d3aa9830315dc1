package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// TourOptions are what a tour is played with.
type TourOptions struct {
	SMTP      string // host:port at which the desk takes mail
	Inbox     *Inbox // where the desk's mails arrive
	Desk      string // address of the queue that is written to
	Requester Person
	Agent     Person // who works on tickets of that queue
	Out       io.Writer
	Patience  time.Duration // with each stop; 0 means 10 s
	Trouble   func() string // says why mails may not arrive; may be nil
}

// StopError names the stop of the tour that failed.
type StopError struct {
	Stop string
	Err  error
}

func (e *StopError) Error() string { return fmt.Sprintf("parada «%s»: %s", e.Stop, e.Err) }
func (e *StopError) Unwrap() error { return e.Err }

// Tour plays the life of one request, by mail and over the page of its link as
// people would, and tells it. It ends at the first stop that fails.
func Tour(ctx context.Context, o TourOptions) error {
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	t := &tour{TourOptions: o, seen: o.Inbox.Last()}
	for _, stop := range []struct {
		name string
		play func(context.Context) error
	}{
		{"la solicitud entra", t.request},
		{"acuse de recibo", t.acknowledged},
		{"aviso al agente", t.agentTold},
		{"el agente responde", t.agentAnswers},
		{"la respuesta vuelve a su ticket", t.requesterReplies},
		{"resolución", t.resolves},
		{"la página solo muestra", t.pageShows},
		{"aprobar en la página", t.approves},
		{"ticket cerrado", t.closed},
	} {
		ctx, cancel := context.WithTimeout(ctx, o.Patience)
		err := stop.play(ctx)
		cancel()
		if err != nil {
			return &StopError{stop.name, err}
		}
	}
	return nil
}

type tour struct {
	TourOptions
	seen       int // number of the last mail that was there before the stop
	ack        Captured
	notice     Captured
	answer     Captured
	resolution Captured
	page       string // URL of the decision
}

func (t *tour) say(format string, args ...any) { fmt.Fprintf(t.Out, format+"\n", args...) }

// send sends a mail to the desk as a person's mail program would.
func (t *tour) send(ctx context.Context, from Person, subject, text string, answers *Captured) error {
	l := letter{From: &netmail.Address{Name: from.Name, Address: from.Address}, To: &netmail.Address{Address: t.Desk},
		Subject: subject, Text: text, Date: time.Now(), MessageID: newMessageID(from.Address)}
	if answers != nil {
		m := answers.Message
		l.Subject = "Re: " + m.Subject
		l.InReplyTo, l.References = m.MessageID, append(append([]string(nil), m.References...), m.MessageID)
		if len(m.ReplyTo) > 0 {
			l.To = &netmail.Address{Address: m.ReplyTo[0].Address}
		}
	}
	t.seen = t.Inbox.Last()
	return send(ctx, t.SMTP, l)
}

// arrives waits for a mail to somebody whose subject or text has some words.
func (t *tour) arrives(ctx context.Context, to Person, words string) (Captured, error) {
	c, err := t.Inbox.Wait(ctx, func(c Captured) bool {
		return c.Number > t.seen && c.To(to.Address) && strings.Contains(c.Message.Subject+"\n"+c.Message.Text, words)
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no llegó a %s el correo con «%s»", to.Address, words)
		if t.Trouble != nil && t.Trouble() != "" {
			err = fmt.Errorf("%w (%s)", err, t.Trouble())
		}
	}
	return c, err
}

func (t *tour) request(ctx context.Context) error {
	err := t.send(ctx, t.Requester, "Solicitud: acceso a la carpeta de Contabilidad",
		"Buenos días:\n\nNecesito acceso a la carpeta compartida de Contabilidad.\n\nGracias.", nil)
	if err == nil {
		t.say("1. %s escribe a %s: «Solicitud: acceso a la carpeta de Contabilidad».", t.Requester.Name, t.Desk)
	}
	return err
}

var numberTag = regexp.MustCompile(`\[#(\w+)\]`)

func (t *tour) acknowledged(ctx context.Context) (err error) {
	if t.ack, err = t.arrives(ctx, t.Requester, "[#"); err != nil {
		return err
	}
	t.say("2. Acuse de recibo: «%s».", t.ack.Message.Subject)
	return nil
}

func (t *tour) agentTold(ctx context.Context) (err error) {
	number := numberTag.FindString(t.ack.Message.Subject)
	if t.notice, err = t.arrives(ctx, t.Agent, number); err != nil {
		return err
	}
	t.say("3. %s recibe el aviso del ticket %s.", t.Agent.Name, number)
	return nil
}

func (t *tour) agentAnswers(ctx context.Context) (err error) {
	const text = "Con gusto. ¿Su acceso es de lectura o también de escritura?"
	if err := t.send(ctx, t.Agent, "", text, &t.notice); err != nil {
		return err
	}
	if t.answer, err = t.arrives(ctx, t.Requester, "lectura o también de escritura"); err != nil {
		return err
	}
	t.say("4. %s responde a su aviso y %s lo lee: «%s»", t.Agent.Name, t.Requester.Name, text)
	return nil
}

func (t *tour) requesterReplies(ctx context.Context) (err error) {
	const text = "De lectura y escritura, por favor."
	if err := t.send(ctx, t.Requester, "", text, &t.answer); err != nil {
		return err
	}
	reply, err := t.arrives(ctx, t.Agent, text)
	if err != nil {
		return err
	}
	was, is := numberTag.FindString(t.ack.Message.Subject), numberTag.FindString(reply.Message.Subject)
	if was != is {
		return fmt.Errorf("la respuesta fue a dar a %s en vez de %s", is, was)
	}
	t.notice = reply
	t.say("5. %s contesta y llega al mismo ticket %s: «%s»", t.Requester.Name, is, text)
	return nil
}

var decisionLink = regexp.MustCompile(`https?://[^\s"'<>]+/d/[a-z0-9]+`)

func (t *tour) resolves(ctx context.Context) (err error) {
	if err := t.send(ctx, t.Agent, "", "#resolver\nListo: ya tiene acceso de lectura y escritura.", &t.notice); err != nil {
		return err
	}
	if t.resolution, err = t.arrives(ctx, t.Requester, "ya tiene acceso de lectura y escritura"); err != nil {
		return err
	}
	if t.page = decisionLink.FindString(t.resolution.Message.Text); t.page == "" {
		return errors.New("el correo de la resolución no trae el enlace para decidir")
	}
	t.say("6. %s escribe «#resolver» y su respuesta; %s recibe el correo para aprobar o rechazar.", t.Agent.Name, t.Requester.Name)
	return nil
}

// pageShows opens the page twice, as a scanner and then a person would: the
// second time it must still ask.
func (t *tour) pageShows(ctx context.Context) error {
	for range 2 {
		body, err := fetch(ctx, http.MethodGet, t.page, nil)
		if err != nil {
			return err
		}
		if !strings.Contains(body, `name="decision"`) {
			return errors.New("la página no pregunta, o abrirla ya decidió")
		}
	}
	t.say("7. Abrir el enlace solo muestra la página, aunque lo abra un antivirus: %s", t.page)
	return nil
}

func (t *tour) approves(ctx context.Context) error {
	t.seen = t.Inbox.Last()
	form := url.Values{"decision": {"approve"}, "comment": {"Muchas gracias, ya entro."}}
	body, err := fetch(ctx, http.MethodPost, t.page, form)
	if err != nil {
		return err
	}
	if strings.Contains(body, `name="decision"`) {
		return errors.New("la página sigue preguntando después de aprobar")
	}
	t.say("8. %s pulsa «Aprobar».", t.Requester.Name)
	return nil
}

func (t *tour) closed(ctx context.Context) error {
	number := numberTag.FindString(t.ack.Message.Subject)
	thanks, err := t.arrives(ctx, t.Requester, number)
	if err != nil {
		return err
	}
	if _, err := t.arrives(ctx, t.Agent, number); err != nil {
		return err
	}
	t.say("9. El ticket %s queda cerrado: «%s». %s también lo sabe.", number, firstLine(thanks.Message.Text), t.Agent.Name)
	return nil
}

// firstLine returns the first line of a mail of ours that says something: not
// the marker above which people answer.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "##") {
			return line
		}
	}
	return ""
}

// fetch gets or posts a page and returns it.
func fetch(ctx context.Context, method, page string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, page, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("la página respondió %s", res.Status)
	}
	return string(body), err
}
