package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/mail"
)

// played is a demo that a test writes to with swaks.
type played struct {
	*testing.T
	smtp, web string        // host:port, URL
	config    string        // by which commands find the demo's state
	sent      int           // mails given to the desk
	waits     time.Duration // for an answer; 0 means not to look
	took      time.Duration
}

// playDemo starts the program.
func playDemo(t *testing.T, arguments ...string) *played {
	if _, err := exec.LookPath("swaks"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("swaks is missing: apt-get install swaks")
		}
		t.Skip("swaks is missing: apt-get install swaks")
	}
	c := exec.Command("ventanilla", append([]string{"demo", "--json", "--smtp", "127.0.0.1:0", "--web", "127.0.0.1:0"}, arguments...)...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	var at struct{ SMTP, Web, State string }
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &at) != nil || at.SMTP == "" {
		t.Fatalf("the demo says %q, %v", line, err)
	}
	p := &played{T: t, smtp: at.SMTP, web: at.Web, config: filepath.Join(t.TempDir(), "ventanilla.toml")}
	if err := writeInstallation(filepath.Dir(p.config), answers{domain: "mesa.example", name: "Mesa", queueAddress: "soporte@mesa.example"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`"estado"`), fmt.Appendf(nil, "%q", at.State), 1)
	if err := os.WriteFile(p.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// swaks sends a mail and waits until the desk has settled it and sent what it
// answers. How long the first answer took is in p.took, if p.waits for one.
func (p *played) swaks(from, subject, text string, headers ...string) {
	p.Helper()
	p.sent++
	before := 0
	if p.waits > 0 {
		before = len(p.mails(0))
	}
	arguments := []string{"--server", p.smtp, "--from", from, "--to", "soporte@mesa.example", "--hide-all",
		"--header", "Subject: " + subject, "--header", fmt.Sprintf("Message-ID: <m%d@swaks.example>", p.sent), "--body", text}
	for _, h := range headers {
		arguments = append(arguments, "--header", h) // replaces the header of that name, else adds it
	}
	if out, err := exec.Command("swaks", arguments...).CombinedOutput(); err != nil {
		p.Fatalf("swaks: %v: %s", err, out)
	}
	began := time.Now()
	for p.waits > 0 && len(to(from, p.mails(before))) == 0 && time.Since(began) < p.waits {
		<-time.After(5 * time.Millisecond)
	}
	p.took = time.Since(began)
	for a := p.audit(); a.Settled < p.sent || a.Outbox > 0; a = p.audit() {
		if time.Since(began) > patience {
			p.Fatalf("not settled: %+v", a)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// ask types a command and reads its records.
func (p *played) ask(into any, arguments ...string) {
	p.Helper()
	out, err := exec.Command("ventanilla", append(arguments, "-c", p.config, "--json")...).Output()
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		p.Fatalf("%q: %v: %s", arguments, err, out)
	}
}

func (p *played) audit() (a gateway.Audit) {
	p.ask(&a, "doctor")
	if len(a.Faults) > 0 {
		p.Fatalf("doctor: %q", a.Faults)
	}
	return a
}

func (p *played) ticket(number string) (s shown) {
	p.ask(&s, "ticket", "show", number)
	return s
}

// mails reads the demo's inbox behind a number, over its pages.
func (p *played) mails(after int) (all []*mail.Message) {
	for n := after + 1; ; n++ {
		r, err := http.Get(fmt.Sprintf("%smail/%d/raw", p.web, n))
		if err != nil {
			p.Fatal(err)
		}
		raw, err := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode == http.StatusNotFound {
			return all
		}
		if err != nil || r.StatusCode != http.StatusOK {
			p.Fatalf("mail %d: %s, %v", n, r.Status, err)
		}
		all = append(all, mail.Parse(raw))
	}
}

func to(address string, mails []*mail.Message) (of []*mail.Message) {
	for _, m := range mails {
		if m.To[0].Address == address {
			of = append(of, m)
		}
	}
	return of
}

const carla = "carla@universidad.example"

// TestSwaks writes to the demo with a program that is not ours.
func TestSwaks(t *testing.T) { // alone: it takes the time
	p := playDemo(t)
	p.waits = 2 * time.Second
	p.swaks(carla, "Solicitud de acceso", "Necesito acceso.")
	p.waits = 0
	acks := to(carla, p.mails(0))
	if len(acks) != 1 || !strings.HasPrefix(acks[0].Subject, "[#000001] ") {
		t.Fatalf("%d acknowledgements of %d mails", len(acks), len(p.mails(0)))
	}
	if p.took > time.Second {
		t.Errorf("acknowledged after %s", p.took)
	}

	// a reply is known by its headers, whatever its subject
	p.swaks(carla, "otra cosa", "Lo olvidaba: es urgente.", "In-Reply-To: <"+acks[0].MessageID+">")
	p.swaks(carla, "y otra", "Y algo más.", "References: <m1@swaks.example> <"+acks[0].MessageID+">")
	s := p.ticket("000001")
	if a := p.audit(); a.Tickets != 1 || s.Ticket.Articles != 3 || s.Texts[2] != "Lo olvidaba: es urgente." {
		t.Errorf("%d tickets; articles %v", a.Tickets, s.Texts)
	}

	// an answer of a machine gets none, in its ticket or by itself
	before := len(p.mails(0))
	p.swaks(carla, "Fuera de la oficina: "+acks[0].Subject, "Vuelvo el lunes.", "In-Reply-To: <"+acks[0].MessageID+">", "Auto-Submitted: auto-replied")
	p.swaks("pedro@universidad.example", "Respuesta automática: estoy de vacaciones", "Vuelvo el lunes.", "Auto-Submitted: auto-replied")
	if got := p.mails(before); len(got) > 0 {
		t.Errorf("an out-of-office was answered: to %v, %q", got[0].To, got[0].Subject)
	}
	if s, a := p.ticket("000001"), p.audit(); a.Tickets != 1 || s.Ticket.State != desk.New {
		t.Errorf("an out-of-office opened or changed a ticket: %d, %s", a.Tickets, s.Ticket.State)
	}
	// the same without the header is a person's: the control
	p.swaks("pedro@universidad.example", "Vacaciones", "Vuelvo el lunes.")
	if got := to("pedro@universidad.example", p.mails(before)); len(got) != 1 {
		t.Errorf("a person got %d answers", len(got))
	}
}

// TestSwaksForged sends, with the loopback not trusted, what must change nothing
// on somebody's ticket; and, as the control, the same with the loopback trusted.
func TestSwaksForged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, subject, text string
		// of the ticket afterwards, where the sender is proved
		articles int
		state    desk.State
		assignee string
	}{
		"a stranger's number":         {"eva@example.org", "[#000001] Re: Solicitud", "Soy de confianza.", 1, desk.New, ""},
		"a forged participant":        {carla, "[#000001] Re: Solicitud", "Cambien mi correo.", 2, desk.New, ""},
		"a forged agent closes":       {"luis@mesa.example", "[#000001] Re: Solicitud", "#cerrar", 1, desk.Closed, ""},
		"a forged agent takes":        {"luis@mesa.example", "Re: Solicitud [#000001]", "#tomar", 1, desk.Open, "luis"},
		"a forged agent, in the name": {`"luis@mesa.example" <eva@example.org>`, "[#000001]", "#cerrar", 1, desk.New, ""},
	} {
		for _, trusted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, trusted %t", name, trusted), func(t *testing.T) {
				t.Parallel()
				p := playDemo(t, map[bool]string{false: "--no-trust-loopback", true: "--trust-loopback"}[trusted])
				p.swaks(carla, "Solicitud de acceso", "Necesito acceso.")
				before := len(p.mails(0))
				sender := c.from
				if at := strings.LastIndexByte(sender, '<'); at >= 0 {
					sender = strings.Trim(sender[at:], "<>")
				}
				p.swaks(sender, c.subject, c.text, "From: "+c.from)
				s, after := p.ticket("000001"), p.mails(before)
				if trusted {
					if s.Ticket.Articles != c.articles || s.Ticket.State != c.state || s.Ticket.Assignee != c.assignee {
						t.Errorf("control: %+v; want %d articles, %s, agent %q", s.Ticket, c.articles, c.state, c.assignee)
					}
					return
				}
				if s.Ticket.State != desk.New || s.Ticket.Assignee != "" {
					t.Errorf("the ticket was changed: %+v", s.Ticket)
				}
				for _, a := range s.Articles[1:] {
					if a.Kind != desk.KindHeld { // held until an agent has confirmed it
						t.Errorf("the ticket has a %s article", a.Kind)
					}
				}
				for _, m := range to(carla, after) {
					if strings.Contains(m.Text, c.text) || strings.Contains(m.Subject, "000001") {
						t.Errorf("the requester was told: %q\n%s", m.Subject, m.Text)
					}
				}
			})
		}
	}
}
