package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/mailin"
)

// The commands that need the store are HTTP requests: to the process that
// serves, over its socket, or, where none does, to the same handler in this one.

// shown is a ticket's history with the texts of its articles.
type shown struct {
	gateway.History
	Texts map[int]string `json:"texts"`
}

// adminHandler carries out the commands of the command line.
func adminHandler(h *house) http.Handler {
	m := http.NewServeMux()
	handle := func(pattern string, fn func(r *http.Request) (any, error)) {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := fn(r)
			answer(w, v, err)
		})
	}
	handle("GET /tickets", func(r *http.Request) (any, error) { return listTickets(r, h) })
	handle("GET /tickets/{number}", func(r *http.Request) (any, error) {
		text := h.ArticleText
		if r.FormValue("full") != "" {
			text = h.ArticleWhole
		}
		return showTicket(r.Context(), h, r.PathValue("number"), text)
	})
	m.HandleFunc("GET /tickets/{number}/dossier", func(w http.ResponseWriter, r *http.Request) { sendDossier(w, r, h) })
	handle("GET /find", func(r *http.Request) (any, error) { return findTickets(r, h) })
	m.HandleFunc("POST /reindex", func(w http.ResponseWriter, r *http.Request) { reindex(w, r, h) })
	handle("GET /outbox", func(r *http.Request) (any, error) { return listOutbox(r, h) })
	handle("GET /outbox/{id}", func(r *http.Request) (any, error) { return showOutgoing(r, h) })
	handle("POST /outbox/retry", func(r *http.Request) (any, error) { return nil, h.RetryOutgoing(r.Context(), r.FormValue("id")) })
	handle("POST /outbox/drop", func(r *http.Request) (any, error) { return nil, h.DropOutgoing(r.Context(), r.FormValue("id")) })
	handle("GET /quarantine", func(r *http.Request) (any, error) {
		return h.Quarantine(r.Context(), r.FormValue("after"), number(r, "limit", 100))
	})
	handle("POST /quarantine/release", func(r *http.Request) (any, error) { return h.Release(r.Context(), r.FormValue("id")) })
	handle("POST /quarantine/drop", func(r *http.Request) (any, error) { return nil, h.DropQuarantined(r.Context(), r.FormValue("id")) })
	handle("POST /imap/check", func(r *http.Request) (any, error) { return checkMailboxes(r, h) })
	handle("POST /oauth/changed", func(*http.Request) (any, error) { h.permissionChanged(); return nil, nil })
	handle("POST /explain", func(r *http.Request) (any, error) { return explain(r, h) })
	handle("POST /replay", func(r *http.Request) (any, error) { return replay(r, h) })
	handle("GET /report", handleReport(h))
	handle("GET /status", handleStatus(h))
	handle("GET /doctor", func(r *http.Request) (any, error) { return h.Doctor(r.Context()) })
	m.HandleFunc("GET /raw", func(w http.ResponseWriter, r *http.Request) {
		err := h.RawMail(r.Context(), r.FormValue("id"), func(_ mail.Envelope, raw []byte) error {
			_, err := w.Write(raw)
			return err
		})
		if err != nil {
			answer(w, nil, err)
		}
	})
	handle("POST /outbox/release", func(r *http.Request) (any, error) { return nil, h.LetGo(r.Context()) })
	m.HandleFunc("GET /backup", handleBackup(h))
	m.HandleFunc("GET /export", func(w http.ResponseWriter, r *http.Request) { export(w, r, h) })
	m.Handle("POST /deliver", deliverHandler(h))
	return m
}

// deliverHandler takes mails for "ventanilla deliver", and nothing else.
func deliverHandler(h *house) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST /deliver", func(w http.ResponseWriter, r *http.Request) {
		env := envelope(r)
		env.Source = "pipe"
		id, err := deliver(r.Context(), h, env, r.Body)
		if err != nil { // whoever is still sending hears the answer only at the end
			_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, sizeMost))
		}
		answer(w, delivered{id}, err)
	})
	return m
}

// delivered is what "deliver" answers.
type delivered struct {
	ID mail.ID `json:"id"`
}

// deliver takes charge of a mail for several recipients, or of none.
func deliver(ctx context.Context, h *house, env mail.Envelope, body io.Reader) (mail.ID, error) {
	for _, rcpt := range env.Rcpts {
		if err := h.Accepts(env, rcpt); err != nil {
			return "", fmt.Errorf("%s: %w", rcpt, err)
		}
	}
	b := bufio.NewReaderSize(body, headerMost)
	if header, _ := b.Peek(headerMost); mail.TooManyReceived(header) {
		return "", mail.ErrLoop
	}
	return h.Receive(ctx, env, b)
}

const headerMost = 256 << 10 // bytes in which Received fields are counted

func envelope(r *http.Request) mail.Envelope {
	q := r.URL.Query()
	return mail.Envelope{Source: "pipe", From: q.Get("from"), Rcpts: q["rcpt"], Auth: mail.Auth{Relay: q.Get("relay") != "", Front: true}}
}

// explain says what would become of a mail. With a peer it is as if that one
// brought it to the door of [smtp] now: what is asked there is asked here.
func explain(r *http.Request, h *house) (gateway.Report, error) {
	env, body := envelope(r), io.Reader(r.Body)
	if peer, err := netip.ParseAddr(r.URL.Query().Get("peer")); err == nil {
		way := mailin.Options{TrustedRelays: h.config.relays, FrontServers: h.config.servers}
		env.Source, env.Peer, env.Helo, env.Auth = "smtp", peer.Unmap().String(), r.URL.Query().Get("helo"), way.Auth(peer.Unmap())
		if h.verifier != nil && !env.Auth.Front {
			raw, err := io.ReadAll(io.LimitReader(r.Body, sizeMost+1))
			if err != nil {
				return gateway.Report{}, err
			}
			body = bytes.NewReader(raw)
			env.Auth.Checked = h.verifier.Check(r.Context(), env, withCRLF(raw))
		}
	}
	zone := h.Setup().World.Zone
	if zone == nil {
		zone = time.UTC
	}
	if at, err := time.ParseInLocation(atLayout, r.URL.Query().Get("at"), zone); err == nil {
		env.ReceivedAt = at.UTC()
	}
	if r.URL.Query().Get("anew") != "" {
		return h.ExplainAnew(r.Context(), env, body)
	}
	return h.Explain(r.Context(), env, body)
}

func number(r *http.Request, key string, otherwise int) int {
	if n, err := strconv.Atoi(r.FormValue(key)); err == nil && n >= 0 {
		return n
	}
	return otherwise
}

// ticketStates are the states of a ticket, as its life goes.
var ticketStates = [...]desk.State{desk.New, desk.Open, desk.Pending, desk.Resolved, desk.Closed, desk.Merged, desk.Cancelled}

// listTickets returns tickets of a queue or an agent, in one state or in any,
// the newest first.
func listTickets(r *http.Request, h *house) (all []desk.Ticket, err error) {
	state, queue, agent := r.FormValue("state"), r.FormValue("queue"), r.FormValue("agent")
	within := "state/"
	if queue != "" {
		if _, ok := h.Setup().World.Queue(queue); !ok {
			return nil, fmt.Errorf("la cola %q: %w", queue, gateway.ErrNotFound)
		}
		within = "queue/" + queue + "/"
	} else if agent != "" {
		if _, ok := h.Setup().World.Agent(agent); !ok {
			return nil, fmt.Errorf("el agente %q: %w", agent, gateway.ErrNotFound)
		}
		within = "assignee/" + agent + "/"
	}
	where := []string{within + state}
	if state == "" && queue+agent == "" {
		where = []string{""}
	} else if state == "" {
		where = nil
		for _, s := range ticketStates {
			where = append(where, within+string(s))
		}
	}
	before, _ := strconv.ParseUint(r.FormValue("before"), 10, 64)
	limit := number(r, "limit", 50)
	for _, w := range where {
		ts, err := h.Tickets(r.Context(), w, desk.TicketID(before), limit)
		if err != nil {
			return nil, err
		}
		all = append(all, ts...)
	}
	slices.SortFunc(all, func(a, b desk.Ticket) int { return cmp.Compare(b.ID, a.ID) })
	return all[:min(len(all), limit)], nil
}

// showTicket returns a ticket with what text reads of each article.
func showTicket(ctx context.Context, h *house, number string, text func(desk.Article) (string, error)) (shown, error) {
	history, err := h.History(ctx, number)
	s := shown{History: history, Texts: map[int]string{}}
	for _, a := range history.Articles {
		words, err := text(a)
		if err != nil {
			return s, err
		}
		s.Texts[a.Number] = words
	}
	return s, err
}

// faults are the errors that keep their meaning over the socket.
var faults = map[string]error{
	"not-found": gateway.ErrNotFound, "not-quarantined": gateway.ErrNotQuarantined, "unreadable": gateway.ErrUnreadable, "no-recipient": mail.ErrNoRecipient,
	"too-large": mail.ErrTooLarge, "no-space": mail.ErrNoSpace, "loop": mail.ErrLoop,
}

func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		kind := ""
		for name, e := range faults {
			if errors.Is(err, e) {
				kind = name
			}
		}
		w.WriteHeader(http.StatusConflict)
		v = map[string]string{"error": err.Error(), "kind": kind}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}

// remoteError is an error that came over the socket.
type remoteError struct {
	text string
	kind error // one of faults, or nil
}

func (e remoteError) Error() string { return e.text }
func (e remoteError) Unwrap() error { return e.kind }

// exported is one line of "export --raw --format jsonl".
type exported struct {
	Position    string        `json:"position"`
	ID          mail.ID       `json:"id"`
	Envelope    mail.Envelope `json:"envelope"`
	Disposition string        `json:"disposition,omitempty"`
	Ticket      desk.TicketID `json:"ticket,omitempty"`
	Raw         string        `json:"raw"` // base64
}

// export streams: the mails as they came, or the tickets.
func export(w http.ResponseWriter, r *http.Request, h *house) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	var err error
	if r.FormValue("what") == "raw" {
		err = h.Export(r.Context(), func(m gateway.Exported) error {
			if m.Again && r.FormValue("copies") == "" {
				return nil
			}
			return e.Encode(exported{Position: m.Record.Position.String(), ID: m.Record.ID, Envelope: m.Record.Envelope,
				Disposition: m.Receipt.Disposition, Ticket: m.Receipt.Ticket, Raw: base64.StdEncoding.EncodeToString(m.Record.Raw)})
		})
	} else {
		err = exportTickets(r.Context(), h, e)
	}
	if err != nil {
		_ = e.Encode(map[string]string{"error": err.Error()})
	}
}

func exportTickets(ctx context.Context, h *house, e *json.Encoder) error {
	var before desk.TicketID
	for {
		ts, err := h.Tickets(ctx, "", before, 100)
		if err != nil || len(ts) == 0 {
			return err
		}
		for _, t := range ts {
			s, err := showTicket(ctx, h, t.Number, h.ArticleText)
			if err != nil {
				return err
			}
			if err := e.Encode(s); err != nil {
				return err
			}
			before = t.ID
		}
	}
}

// client carries a command to whoever has the store.
type client struct {
	http  *http.Client
	close func() error
}

// connect finds the process that serves, or opens the store here.
func (t *terminal) connect(ctx context.Context, socket string) (*client, error) {
	c, err := LoadConfig(t.config)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(c.path(c.State), socket)
	conn, err := net.DialTimeout("unix", path, 2*time.Second)
	if err == nil {
		conn.Close()
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}
		return &client{http: &http.Client{Transport: &http.Transport{DialContext: dial}}, close: func() error { return nil }}, nil
	}
	if errors.Is(err, syscall.EACCES) {
		return nil, fmt.Errorf("abrir %s: %w", path, syscall.EACCES)
	}
	return t.openHere(ctx, c, socket == "deliver.sock")
}

// openHere opens the store in this process. Where there is none yet, only a mail
// makes one: other commands see an empty one that they take away again.
func (t *terminal) openHere(ctx context.Context, c *Config, makes bool) (*client, error) {
	log := newLog(t.err, LogConfig{Level: "error"})
	state, away := c.path(c.State), func() error { return nil }
	info, err := os.Stat(state)
	switch {
	case err == nil:
		if wrong := wrongOwner(state, info, os.Geteuid()); wrong != "" {
			return nil, errors.New(wrong)
		}
	case errors.Is(err, fs.ErrNotExist) && !makes:
		dir, err := os.MkdirTemp("", "ventanilla-")
		if err != nil {
			return nil, err
		}
		empty := *c
		empty.State = dir
		c, away = &empty, func() error { return os.RemoveAll(dir) }
	}
	h, err := openHouse(ctx, c, osFiles(c), log)
	if err != nil {
		return nil, errors.Join(err, away())
	}
	return &client{http: &http.Client{Transport: here{adminHandler(h)}}, close: func() error { return errors.Join(h.close(), away()) }}, nil
}

// wrongOwner says in Spanish that the state is another user's: what root wrote
// there, the service could not.
func wrongOwner(path string, info fs.FileInfo, user int) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(s.Uid) == user {
		return ""
	}
	return fmt.Sprintf("%s es de otro usuario (%d): ejecute la orden como él, con «sudo -u '#%d' ventanilla …»", path, s.Uid, s.Uid)
}

// call makes a request and decodes the answer into v, unless v is nil.
func (c *client) call(ctx context.Context, method, path string, values url.Values, body io.Reader, v any) error {
	r, err := c.open(ctx, method, path, values, body)
	if err != nil {
		return err
	}
	defer r.Close()
	if v == nil {
		return nil
	}
	return json.NewDecoder(r).Decode(v)
}

// open makes a request and returns the answer's body.
func (c *client) open(ctx context.Context, method, path string, values url.Values, body io.Reader) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://ventanilla"+path+"?"+values.Encode(), body)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("el servicio no respondió: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	var fault struct{ Error, Kind string }
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&fault); err != nil {
		return nil, fmt.Errorf("el servicio respondió %s", res.Status)
	}
	return nil, remoteError{strings.TrimSpace(fault.Error), faults[fault.Kind]}
}

// here carries requests to a handler in this process, streaming.
type here struct{ http.Handler }

// RoundTrip returns when the handler begins to answer.
func (t here) RoundTrip(r *http.Request) (*http.Response, error) {
	in, out := io.Pipe()
	w := &pipeWriter{header: http.Header{}, out: out, began: make(chan struct{})}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	go func() {
		t.ServeHTTP(w, r)
		w.begin(http.StatusOK)
		out.Close()
	}()
	<-w.began
	return &http.Response{StatusCode: w.code, Status: http.StatusText(w.code), Header: w.header, Body: in, Request: r}, nil
}

type pipeWriter struct {
	header http.Header
	out    *io.PipeWriter
	code   int
	began  chan struct{}
}

func (w *pipeWriter) Header() http.Header  { return w.header }
func (w *pipeWriter) WriteHeader(code int) { w.begin(code) }
func (w *pipeWriter) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.out.Write(b)
}

func (w *pipeWriter) begin(code int) {
	if w.code == 0 {
		w.code = code
		close(w.began)
	}
}
