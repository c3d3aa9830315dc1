package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"ventanilla/desk"
	"ventanilla/mailin/imap"
	"ventanilla/mailout"
)

// status is how a desk does. What is counted is counted up to countMost, so that
// it costs the same however much there is.
type status struct {
	Serving    bool                  `json:"serving"`
	Since      time.Time             `json:"since,omitzero"`
	Rules      string                `json:"rules"`   // hash of those in force
	Backlog    bool                  `json:"backlog"` // mails are taken and not settled yet
	Tickets    map[desk.State]int    `json:"tickets"`
	Outbox     int                   `json:"outbox"` // mails to be sent
	Failed     int                   `json:"failed"` // mails given up, among the first ones
	Oldest     time.Time             `json:"oldest,omitzero"`
	Held       bool                  `json:"held"` // since a restore
	Quarantine int                   `json:"quarantine"`
	Smarthost  *mailout.SenderStatus `json:"smarthost,omitempty"`
	Mailboxes  []imap.FolderStatus   `json:"mailboxes,omitempty"`
	Warnings   []string              `json:"warnings,omitempty"` // of permissions, in Spanish
	LogBytes   int64                 `json:"log_bytes"`
	Troubles   []string              `json:"troubles"` // in Spanish
}

const countMost = 1000

// readStatus reads what the store knows.
func readStatus(ctx context.Context, h *house) (s status, err error) {
	s = status{Rules: h.Setup().Rules.Hash()[:12], Tickets: map[desk.State]int{}, LogBytes: h.log.Stats().Bytes, Troubles: []string{}}
	for _, state := range []desk.State{desk.New, desk.Open, desk.Pending, desk.Resolved} {
		ts, err := h.Tickets(ctx, "state/"+string(state), 0, countMost)
		if err != nil {
			return s, err
		}
		s.Tickets[state] = len(ts)
	}
	mails, err := h.Outbox(ctx, "", countMost)
	if err != nil {
		return s, err
	}
	for _, m := range mails {
		if m.Failed {
			s.Failed++
			continue
		}
		s.Outbox++
		if s.Oldest.IsZero() || m.Created.Before(s.Oldest) {
			s.Oldest = m.Created
		}
	}
	apart, err := h.Quarantine(ctx, "", countMost)
	if err != nil {
		return s, err
	}
	s.Quarantine = len(apart)
	if s.Held, err = h.Held(ctx); err != nil {
		return s, err
	}
	s.Backlog, err = h.Backlog(ctx)
	s.Warnings = h.config.permissions(time.Now())
	if add := h.report.Load(); add != nil {
		(*add)(&s)
	}
	s.judge()
	return s, err
}

// judge says what needs somebody.
func (s *status) judge() {
	trouble := func(when bool, format string, args ...any) {
		if when {
			s.Troubles = append(s.Troubles, fmt.Sprintf(format, args...))
		}
	}
	trouble(!s.Serving, "el servicio no está en marcha: esto es lo que hay en el disco")
	trouble(s.Held, "lo que hay que enviar está retenido desde que se recuperó una copia: «ventanilla outbox release»")
	trouble(s.Failed > 0, "%d correos abandonados: «ventanilla outbox list»", s.Failed)
	if s.Smarthost != nil {
		trouble(s.Smarthost.Trouble != "", "el smarthost no acepta correo desde %s: %s", date(s.Smarthost.Since), s.Smarthost.Trouble)
		for _, h := range s.Smarthost.Hosts {
			trouble(s.Smarthost.Trouble == "" && h.Trouble != "", "el smarthost %s no acepta correo desde %s: %s; lo lleva otro", h.Address, date(h.Since), h.Trouble)
		}
	}
	trouble(s.Serving && s.Smarthost == nil && s.Outbox > 0, "no hay smarthost: lo que hay que enviar espera")
	s.Troubles = append(s.Troubles, s.Warnings...)
	for _, m := range s.Mailboxes {
		trouble(m.Trouble != "", "el buzón %s, carpeta %s, no se puede leer desde %s: %s", m.Account, m.Folder, date(m.Since), m.Trouble)
	}
}

// tell adds to a status what only the process that serves knows.
func (s *service) tell(st *status) {
	st.Serving, st.Since = true, s.began
	if s.send != nil {
		sent := s.send.Status()
		st.Smarthost = &sent
	}
	if s.poll != nil {
		st.Mailboxes = s.poll.Status()
	}
}

func handleStatus(h *house) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) { return readStatus(r.Context(), h) }
}

// statusCmd is "ventanilla status".
type statusCmd struct{}

// Run shows how the desk does. It ends with 1 if something needs somebody.
func (statusCmd) Run(ctx context.Context, t *terminal) error {
	var s status
	if err := t.ask(ctx, "GET", "/status", nil, nil, &s); err != nil {
		return err
	}
	var err error
	if t.json {
		err = t.record(s)
	} else {
		err = t.print(func(w io.Writer) { s.write(w, time.Now()) })
	}
	if err == nil && len(s.Troubles) > 0 {
		return errSaid
	}
	return err
}

// write shows a status on one screen.
func (s status) write(w io.Writer, now time.Time) {
	if s.Serving {
		fmt.Fprintf(w, "En marcha desde %s; reglas %s\n", date(s.Since), s.Rules)
	}
	backlog := "todo lo recibido está atendido"
	if s.Backlog {
		backlog = "hay correo recibido que se está atendiendo"
	}
	fmt.Fprintf(w, "Correo     %s; %d en cuarentena; %d MB en el registro\n", backlog, s.Quarantine, s.LogBytes>>20)
	fmt.Fprintf(w, "Tickets    %s nuevos, %s en curso, %s pendientes, %s resueltos\n",
		upTo(s.Tickets[desk.New]), upTo(s.Tickets[desk.Open]), upTo(s.Tickets[desk.Pending]), upTo(s.Tickets[desk.Resolved]))
	fmt.Fprintf(w, "Salida     %s por enviar", upTo(s.Outbox))
	if !s.Oldest.IsZero() {
		fmt.Fprintf(w, ", el más antiguo de hace %s", now.Sub(s.Oldest).Round(time.Second))
	}
	if s.Smarthost != nil {
		fmt.Fprintf(w, "; desde el arranque: %d enviados, %d aplazados, %d rechazados", s.Smarthost.Sent, s.Smarthost.Again, s.Smarthost.Failed)
	}
	fmt.Fprintln(w)
	for _, m := range s.Mailboxes {
		fmt.Fprintf(w, "Buzón      %s, %s: %s\n", m.Account, m.Folder, mailboxWords(m, now))
	}
	for _, t := range s.Troubles {
		fmt.Fprintf(w, "  ! %s\n", t)
	}
}

// mailboxWords says how a folder does; of a first synchronisation how far it is.
func mailboxWords(m imap.FolderStatus, now time.Time) string {
	switch {
	case m.Remaining > 0 && m.Taken > 0:
		spent := now.Sub(m.Begun)
		left := time.Duration(float64(spent) / float64(m.Taken) * float64(m.Remaining))
		return fmt.Sprintf("%d traídos, faltan %d (%.0f por segundo, unos %s)", m.Taken, m.Remaining, float64(m.Taken)/spent.Seconds(), left.Round(time.Second))
	case m.Connected:
		return fmt.Sprintf("al día, %d traídos desde el arranque", m.Taken)
	}
	return "sin conexión"
}

func upTo(n int) string {
	if n >= countMost {
		return fmt.Sprintf("%d o más", countMost)
	}
	return fmt.Sprint(n)
}
