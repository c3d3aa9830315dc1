package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ventanilla/mail"
	"ventanilla/mailin"
	"ventanilla/peers"
)

// relay is a smarthost that does with mails as the test says.
type relay struct {
	t    testing.TB
	at   string
	door *mailin.Server

	mu      sync.Mutex
	carry   func(env mail.Envelope, raw []byte) // of mails to the desk itself; nil swallows them
	refuses string                              // address whose mails are refused
	mails   []string                            // others: recipient and text
}

func newRelay(t testing.TB) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, at: l.Addr().String()}
	if r.door, err = mailin.NewServer(r, mailin.Options{Hostname: "smarthost.example"}); err != nil {
		t.Fatal(err)
	}
	go func() { _ = r.door.Serve(l) }()
	t.Cleanup(r.close)
	return r
}

func (r *relay) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.door.Shutdown(ctx)
}

func (r *relay) Accepts(_ mail.Envelope, rcpt string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rcpt == r.refuses {
		return mail.ErrNoRecipient
	}
	return nil
}

func (r *relay) Receive(_ context.Context, env mail.Envelope, in io.Reader) (mail.ID, error) {
	raw, err := io.ReadAll(in)
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.HasSuffix(env.Rcpts[0], "@mesa.example") {
		if r.carry != nil {
			go r.carry(env, raw)
		}
	} else {
		r.mails = append(r.mails, env.Rcpts[0]+"\n"+string(raw))
	}
	return mail.ContentID(raw), err
}

func (r *relay) set(carry func(mail.Envelope, []byte)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.carry = carry
}

// told counts the mails to an address that hold some words in their subject.
func (r *relay) told(to, words string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.mails {
		if rcpt, text, _ := strings.Cut(m, "\n"); rcpt == to && strings.Contains(mail.Parse([]byte(text)).Subject, words) {
			n++
		}
	}
	return n
}

// watched is the real program, run in this process, with what it logs.
type watched struct {
	t      *testing.T
	folder string
	box    *peers.Mailboxes // nil without one
	ends   func() error

	*service
	at     addresses
	logged *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newWatched(t *testing.T, config string) *watched {
	t.Helper()
	w := &watched{t: t, folder: filepath.Join(t.TempDir(), "mesa"), logged: &lockedBuffer{}}
	if err := writeInstallation(w.folder, answers{domain: "mesa.example", name: "Mesa", queueAddress: "soporte@mesa.example"}); err != nil {
		t.Fatal(err)
	}
	config = "[desk]\nname = \"Mesa\"\ndomain = \"mesa.example\"\n[smtp]\nlisten = \"127.0.0.1:0\"\n[web]\nlisten = \"127.0.0.1:0\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n" + config
	if err := os.WriteFile(filepath.Join(w.folder, "ventanilla.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// begin starts the program; end ends it as SIGTERM does.
func (w *watched) begin() {
	w.t.Helper()
	c, err := LoadConfig(filepath.Join(w.folder, "ventanilla.toml"))
	if err != nil {
		w.t.Fatal(err)
	}
	if w.box != nil {
		c.rootCAs = w.box.Roots
	}
	h, err := openHouse(w.t.Context(), c, osFiles(c), newLog(w.logged, c.Log))
	if err != nil {
		w.t.Fatal(err)
	}
	w.service = &service{house: h}
	ready := make(chan addresses, 1)
	w.service.ready = func(at addresses) { ready <- at }
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.service.run(ctx) }()
	select {
	case w.at = <-ready:
	case err := <-ended:
		w.t.Fatal(err)
	}
	w.ends = func() error { cancel(); return <-ended }
}

func (w *watched) end() {
	w.t.Helper()
	if err := w.ends(); err != nil {
		w.t.Fatal(err)
	}
}

// until waits for something to come to pass.
func (w *watched) until(what string, cond func() bool) {
	w.t.Helper()
	for end := time.Now().Add(40 * time.Second); !cond(); {
		if time.Now().After(end) {
			_, page := w.get(w.at.metrics, "/readyz", "")
			w.t.Fatalf("never came to pass: %s\n%s\n%s", what, page, w.logged)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (w *watched) get(at, path, accept string) (status int, body string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "GET", "http://"+at+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// door carries a mail of the desk back to its own door.
func (w *watched) door(env mail.Envelope, raw []byte) {
	if err := smtp.SendMail(w.at.smtp, nil, "x@smarthost.example", env.Rcpts, raw); err != nil {
		w.t.Logf("back to the door: %v", err)
	}
}

const probeConfig = "[smarthost]\naddress = %q\ntls = \"none\"\n[[backup_smarthost]]\naddress = %q\ntls = \"none\"\n[probe]\nevery = \"1s\"\nlate = \"2s\"\nalarm = \"guardia@otra.example\"\n"

// TestProbeLoop runs the real program in a real loop, breaks that in the ways in
// which it breaks, and looks at what is told: by mail, by page, by metrics, by log.
func TestProbeLoop(t *testing.T) {
	t.Parallel()
	first, second := newRelay(t), newRelay(t)
	w := newWatched(t, fmt.Sprintf(probeConfig, first.at, second.at))
	w.begin()
	first.set(w.door)
	second.set(w.door)
	back := func() bool { s, _, _ := w.Probe(t.Context()); return !s.ReturnedAt.IsZero() && !s.Lost() }
	lost := func() bool { s, _, _ := w.Probe(t.Context()); return s.Lost() }
	w.until("a probe that is back", back)
	if status, page := w.get(w.at.metrics, "/readyz", ""); status != 200 || page != "listo\n" {
		t.Errorf("ready: %d %s", status, page)
	}
	first.set(nil) // the smarthost says 250 and that is all
	w.until("a probe that is missed", lost)
	w.until("the alarm", func() bool { return second.told("guardia@otra.example", "no da la vuelta") == 1 })
	for _, at := range []string{w.at.metrics, w.at.web} {
		if status, page := w.get(at, "/readyz", ""); status != 503 || !strings.Contains(page, "! la sonda que se envió hace ") {
			t.Errorf("not ready: %d %s", status, page)
		}
	}
	if status, page := w.get(w.at.metrics, "/readyz", "application/json"); status != 503 || !strings.HasPrefix(page, `{"ready":false,"problems":[{"code":"probe-lost","text":"`) {
		t.Errorf("not ready, JSON: %d %s", status, page)
	}
	_, shown := w.get(w.at.metrics, "/metrics", "")
	for _, line := range []string{"ventanilla_ready 0", "ventanilla_probe_lost 1", fmt.Sprintf("ventanilla_smarthost_up{smarthost=%q} 1", first.at)} {
		if !strings.Contains(shown, "\n"+line+"\n") {
			t.Errorf("metrics lack %s", line)
		}
	}
	w.end()
	w.begin() // missed still, and told already
	first.set(w.door)
	second.set(w.door)
	w.until("a loop that is mended", back)
	w.until("the all clear", func() bool { return second.told("guardia@otra.example", "vuelve a dar la vuelta") == 1 })
	if n := second.told("guardia@otra.example", "no da la vuelta") + first.told("guardia@otra.example", ""); n != 1 {
		t.Errorf("%d alarms", n)
	}
	first.close() // down; the other one carries probes too
	w.until("the smarthost is missed", func() bool {
		status, page := w.get(w.at.metrics, "/readyz", "")
		return status == 200 && strings.Contains(page, "- el smarthost número 1 no acepta correo desde hace ")
	})
	second.set(nil)
	w.until("a probe that is missed again", lost)
	w.end()
	w.accounted(0)
	if logged := w.logged.String(); strings.Count(logged, `"msg":"probe missed`) != 2 || strings.Count(logged, `"msg":"probe is back`) != 1 {
		t.Errorf("log:\n%s", logged)
	}
}

// accounted holds that every mail has its disposition and no probe made a ticket.
func (w *watched) accounted(tickets int) {
	w.t.Helper()
	c, err := LoadConfig(filepath.Join(w.folder, "ventanilla.toml"))
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := openHouse(context.Background(), c, osFiles(c), slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	defer h.close()
	a, err := h.Doctor(context.Background())
	if err != nil || len(a.Faults) > 0 || a.Accepted != a.Settled+a.Waiting || a.Dispositions["ledger"] == 0 || a.Tickets != tickets {
		w.t.Errorf("doctor: %+v, %v", a, err)
	}
}

// TestProbeMailbox: the loop by way of a real mailbox.
func TestProbeMailbox(t *testing.T) {
	t.Parallel()
	box := peers.Dovecot(t, "")
	out := newRelay(t)
	w := newWatched(t, fmt.Sprintf("[smarthost]\naddress = %q\ntls = \"none\"\n[probe]\nevery = \"1s\"\nlate = \"20s\"\n"+
		"[[imap]]\nname = \"soporte\"\naddress = %q\nuser = %q\npassword_file = \"imap.password\"\nrecipient = \"soporte@mesa.example\"\npoll_seconds = 5\n", out.at, box.TLS, box.User))
	if err := os.WriteFile(filepath.Join(w.folder, "imap.password"), []byte(box.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	out.set(func(_ mail.Envelope, raw []byte) {
		out.mu.Lock()
		defer out.mu.Unlock()
		n++
		box.Deliver(t, fmt.Sprintf("%d.m.x", 1000+n), string(raw))
	})
	w.box = box
	w.begin()
	w.until("a probe that is back", func() bool { s, _, _ := w.Probe(t.Context()); return !s.ReturnedAt.IsZero() && !s.Lost() })
	if _, err := w.Receive(t.Context(), mail.Envelope{Source: "pipe", From: "ana@universidad.example", Rcpts: []string{"soporte@mesa.example"}},
		strings.NewReader("From: ana@universidad.example\r\nTo: soporte@mesa.example\r\nSubject: Una solicitud\r\n\r\nHola.\r\n")); err != nil {
		t.Fatal(err)
	}
	w.until("a ticket", func() bool { ts, _ := w.Tickets(t.Context(), "", 0, 1); return len(ts) == 1 })
	var shown string
	w.until("its event among the metrics", func() bool { // it is counted once it is durable, a moment after it can be read
		_, shown = w.get(w.at.metrics, "/metrics", "")
		return strings.Contains(shown, "\nventanilla_events_total")
	})
	if !strings.Contains(shown, "\nventanilla_imap_up{account=\"soporte\",folder=\"INBOX\"} 1\n") || !strings.Contains(shown, `ventanilla_mails_settled_total{disposition="ledger",way="imap"}`) {
		t.Errorf("metrics:\n%s", shown)
	}
	documented(t, shown)
	w.end()
	w.accounted(1)
}

// documented holds that the guide names the metrics that are served, and no other.
func documented(t *testing.T, shown string) {
	t.Helper()
	guide, err := os.ReadFile("../../docs/administracion.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, name := range regexp.MustCompile("[`: ](ventanilla_[a-z_]+)[` ){]").FindAllStringSubmatch(string(guide), -1) {
		named[name[1]] = true
		if !strings.Contains(shown, "# TYPE "+name[1]+" ") {
			t.Errorf("the guide names %s, which is not served", name[1])
		}
	}
	for _, name := range regexp.MustCompile("(?m)^# TYPE (ventanilla_[a-z_]+) ").FindAllStringSubmatch(shown, -1) {
		if !named[name[1]] {
			t.Errorf("the guide does not name %s", name[1])
		}
	}
}

// general are the lines of the log that are about no mail.
var general = []string{"serving", "stopping", "recipient refused", "smarthost takes", "the search index"}

// TestLog plays a piece of a day and reads the log: every line that is about a
// mail names it, and none names a person, an address or a subject.
func TestLog(t *testing.T) {
	t.Parallel()
	out := newRelay(t)
	out.refuses = "zoila@universidad.example"
	w := newWatched(t, fmt.Sprintf("[smarthost]\naddress = %q\ntls = \"none\"\n[trust]\nverify = false\n", out.at))
	w.begin()
	send := func(from, to, subject, body string) {
		t.Helper()
		raw := fmt.Sprintf("From: Persona <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: <%x@universidad.example>\r\n\r\n%s\r\n", from, to, subject, subject+from, body)
		err := smtp.SendMail(w.at.smtp, nil, cmp.Or(strings.Split(from, ">")[0], "x@y.example"), []string{to}, []byte(raw))
		if refused := to == "nadie@mesa.example"; (err != nil) != refused {
			t.Fatalf("%s: %v", subject, err)
		}
	}
	send("zoila@universidad.example", "soporte@mesa.example", "Clave perdida", "Olvidé mi contraseña secretísima.") // its acknowledgement is refused
	send("berta@universidad.example", "soporte@mesa.example", "Impresora", "No imprime el expediente.")
	send("carlos@universidad.example", "nadie@mesa.example", "Perdido", "Hola.")
	send("uno@universidad.example>, Dos <dos@universidad.example", "soporte@mesa.example", "Dos autores", "Hola.") // to quarantine
	if _, err := w.Receive(t.Context(), mail.Envelope{Source: "pipe", From: "dario@universidad.example", Rcpts: []string{"soporte@mesa.example"}},
		strings.NewReader("From: Dario <dario@universidad.example>\r\nTo: soporte@mesa.example\r\nSubject: Tubo\r\nMessage-ID: <9@universidad.example>\r\n\r\nHola.\r\n")); err != nil {
		t.Fatal(err)
	}
	w.until("four mails settled and what they call for sent", func() bool {
		f, err := w.Figures(t.Context())
		return err == nil && strings.Count(w.logged.String(), `"msg":"mail settled"`) == 4 && f.Waiting == 0 && f.GivenUp == 1
	})
	w.end()
	named := 0
	for line := range strings.Lines(w.logged.String()) {
		var said map[string]any
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		msg, _ := said["msg"].(string)
		for _, word := range []string{"zoila", "berta", "carlos", "nadie", "dario", "uno@", "dos@", "Persona", "soporte", "universidad", "Clave", "Impresora", "Tubo", "autores", "secret"} {
			if strings.Contains(line, word) {
				t.Errorf("%q in the log: %s", word, line)
			}
		}
		if slices.ContainsFunc(general, func(g string) bool { return strings.HasPrefix(msg, g) }) {
			continue
		}
		if id, _ := said["mail"].(string); len(id) < 10 {
			t.Errorf("about which mail? %s", line)
		}
		named++
	}
	for _, want := range []string{`"msg":"mail settled"`, `"msg":"mail sent"`, `"msg":"mail given up`, `"disposition":"quarantine"`} {
		if !strings.Contains(w.logged.String(), want) {
			t.Errorf("no %s in\n%s", want, w.logged)
		}
	}
	if named < 8 {
		t.Errorf("only %d lines:\n%s", named, w.logged)
	}
}
