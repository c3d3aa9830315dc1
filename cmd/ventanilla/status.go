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
	"ventanilla/store"
	"ventanilla/web"
)

// status is how a desk does.
type status struct {
	Serving    bool                  `json:"serving"`
	Since      time.Time             `json:"since,omitzero"`
	Rules      string                `json:"rules"`   // hash of those in force
	Backlog    bool                  `json:"backlog"` // mails are taken and not settled yet
	Unsettled  time.Time             `json:"unsettled_since,omitzero"`
	Tickets    map[desk.State]int    `json:"tickets"`
	Outbox     int                   `json:"outbox"` // mails to be sent
	Failed     int                   `json:"failed"` // mails given up
	Oldest     time.Time             `json:"oldest,omitzero"`
	Held       bool                  `json:"held"` // since a restore
	Quarantine int                   `json:"quarantine"`
	Smarthost  *mailout.SenderStatus `json:"smarthost,omitempty"`
	Mailboxes  []imap.FolderStatus   `json:"mailboxes,omitempty"`
	Warnings   []string              `json:"warnings,omitempty"` // of permissions, in Spanish
	LogBytes   int64                 `json:"log_bytes"`
	Free       int64                 `json:"disk_free"`    // bytes
	Reserve    int64                 `json:"disk_reserve"` // bytes below which no mail is taken
	Probe      *store.Probe          `json:"probe,omitempty"`
	Metrics    string                `json:"metrics,omitempty"`  // where they are served
	Ready      bool                  `json:"ready"`              // as /readyz says
	Problems   []web.Problem         `json:"problems,omitempty"` // for which it is not
	Troubles   []string              `json:"troubles"`           // in Spanish

	queues []store.TicketTally
}

// readStatus reads what the store knows. What is counted was counted when it
// happened, so that it costs the same however much there is.
func readStatus(ctx context.Context, h *house) (s status, err error) {
	s = status{Rules: h.Setup().Rules.Hash()[:12], Tickets: map[desk.State]int{}, LogBytes: h.log.Stats().Bytes, Troubles: []string{}}
	f, err := h.Figures(ctx)
	if err != nil {
		return s, err
	}
	for _, state := range []desk.State{desk.New, desk.Open, desk.Pending, desk.Resolved} {
		s.Tickets[state] = 0
	}
	for _, t := range f.Tickets {
		s.Tickets[t.State] += t.Count
	}
	s.queues = f.Tickets
	s.Outbox, s.Failed, s.Oldest, s.Quarantine, s.Held = f.Waiting, f.GivenUp, f.OldestWaiting, f.Quarantine, f.Held
	s.Unsettled, s.Backlog = f.Unsettled, !f.Unsettled.IsZero()
	if s.Free, s.Reserve, err = h.log.Free(); err != nil {
		return s, err
	}
	if p, ok, err := h.Probe(ctx); err != nil {
		return s, err
	} else if ok {
		s.Probe = &p
	}
	s.Warnings = h.config.permissions(time.Now())
	if add := h.report.Load(); add != nil {
		(*add)(&s)
	}
	s.judge()
	return s, nil
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
	for _, p := range s.Problems {
		trouble(true, "%s", p.Text)
	}
	for _, m := range s.Mailboxes {
		if m.Copies {
			trouble(m.Trouble != "", "no se guardan copias de lo enviado en el buzón %s, carpeta %s, desde %s: %s", m.Account, m.Folder, date(m.Since), m.Trouble)
			continue
		}
		trouble(m.Trouble != "", "el buzón %s, carpeta %s, no se puede leer desde %s: %s", m.Account, m.Folder, date(m.Since), m.Trouble)
	}
}

// tell adds to a status what only the process that serves knows.
func (s *service) tell(st *status) {
	st.Serving, st.Since, st.Metrics = true, s.began, s.metricsAt
	if s.send != nil {
		sent := s.send.Status()
		st.Smarthost = &sent
	}
	if s.poll != nil {
		st.Mailboxes = s.poll.Status()
	}
	st.Problems = s.problems(*st)
	st.Ready = len(st.Problems) == 0
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
		fmt.Fprintf(w, "En marcha desde %s; reglas %s; %s\n", date(s.Since), s.Rules, map[bool]string{true: "listo para recibir", false: "NO ESTÁ LISTO"}[s.Ready])
	}
	backlog := "todo lo recibido está atendido"
	if s.Backlog {
		backlog = "hay correo recibido que se está atendiendo"
	}
	fmt.Fprintf(w, "Correo     %s; %d en cuarentena; %d MB en el registro; quedan %d MB en el disco\n", backlog, s.Quarantine, s.LogBytes>>20, s.Free>>20)
	fmt.Fprintf(w, "Tickets    %d nuevos, %d en curso, %d pendientes, %d resueltos\n",
		s.Tickets[desk.New], s.Tickets[desk.Open], s.Tickets[desk.Pending], s.Tickets[desk.Resolved])
	fmt.Fprintf(w, "Salida     %d por enviar", s.Outbox)
	if !s.Oldest.IsZero() {
		fmt.Fprintf(w, ", el más antiguo de hace %s", now.Sub(s.Oldest).Round(time.Second))
	}
	if s.Smarthost != nil {
		fmt.Fprintf(w, "; desde el arranque: %d enviados, %d aplazados, %d rechazados", s.Smarthost.Sent, s.Smarthost.Again, s.Smarthost.Failed)
	}
	fmt.Fprintln(w)
	if s.Probe != nil {
		fmt.Fprintf(w, "Sonda      %s\n", probeWords(*s.Probe, now))
	}
	if s.Metrics != "" {
		fmt.Fprintf(w, "Métricas   http://%s/metrics\n", s.Metrics)
	}
	for _, m := range s.Mailboxes {
		fmt.Fprintf(w, "Buzón      %s, %s: %s\n", m.Account, m.Folder, mailboxWords(m, now))
	}
	for _, t := range s.Troubles {
		fmt.Fprintf(w, "  ! %s\n", t)
	}
}

// probeWords says how the mails of the desk to itself do.
func probeWords(p store.Probe, now time.Time) string {
	switch {
	case p.Number == 0:
		return "todavía no se ha enviado ninguna"
	case p.ReturnedAt.IsZero():
		return fmt.Sprintf("%d enviadas; todavía no ha vuelto ninguna", p.Number)
	}
	return fmt.Sprintf("la última volvió hace %s, a los %s de enviarla", rounded(now.Sub(p.ReturnedAt)), p.Trip.Round(100*time.Millisecond))
}
