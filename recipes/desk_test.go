package recipes

import (
	"context"
	"encoding/json"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"ventanilla/demo"
	"ventanilla/mailin"
	"ventanilla/peers"
)

const (
	config   = "/etc/ventanilla/ventanilla.toml"
	domain   = "mesa.universidad.example" // of the page
	queue    = "soporte@" + domain
	stranger = "127.0.0.9" // address of who is not of the institution
	patience = time.Minute // on a busy machine
)

// outside is the rest of the world: it takes every mail.
type outside struct {
	*demo.Inbox
	address string
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{&demo.Inbox{}, l.Addr().String()}
	server, err := mailin.NewServer(o, mailin.Options{Hostname: "outside.example"})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	return o
}

// await waits for a mail to an address, whose subject or text has such words.
func (o *outside) await(t *testing.T, address, words string) demo.Captured {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	want := regexp.MustCompile(words)
	c, err := o.Wait(ctx, func(c demo.Captured) bool {
		return c.To(address) && want.MatchString(c.Message.Subject+"\n"+c.Message.Text)
	})
	if err != nil {
		for _, c := range o.Mails() {
			t.Logf("to %v: %s", c.Envelope.Rcpts, c.Message.Subject)
		}
		t.Fatalf("no mail to %s with %s", address, words)
	}
	return c
}

// desk is Ventanilla on a machine.
type desk struct {
	*testing.T
	m       *peers.Machine
	running *peers.Running
}

// newDesk types a recipe's init on a machine, as root does, and gives what it wrote
// to the service's user.
func newDesk(t *testing.T, m *peers.Machine, r recipe, instead ...string) *desk {
	t.Helper()
	d := &desk{T: t, m: m}
	m.Install(program, "/usr/bin/ventanilla")
	m.Folder("/var/lib/ventanilla", "ventanilla", 0o700)
	m.Folder("/run/ventanilla", "ventanilla", 0o755)
	words := r.command("ventanilla init", instead...)
	m.Run("/usr/bin/ventanilla", words[1:]...)
	m.Give("/etc/ventanilla", "ventanilla")
	m.Write("/etc/ventanilla/desk/agents.toml", strings.ReplaceAll(m.Read("/etc/ventanilla/desk/agents.toml"), "@"+domain, "@universidad.example"))
	d.edit(`state = "estado"`, `state = "/var/lib/ventanilla/estado"`, `reserve = "256MB"`, `reserve = "1MB"`)
	m.Keep(config, "ventanilla.toml")
	return d
}

// edit replaces texts of the configuration, each of which must be there.
func (d *desk) edit(pairs ...string) {
	d.Helper()
	text := d.m.Read(config)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			d.Fatalf("the configuration has no %q:\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	d.m.Write(config, text)
	d.m.Give("/etc/ventanilla", "ventanilla")
}

// wrote wants the configuration to have all that a block of the recipe says.
func (d *desk) wrote(block string) {
	d.Helper()
	lines := "\n" + d.m.Read(config)
	for line := range strings.Lines(block) {
		if !strings.Contains(lines, "\n"+line) {
			d.Errorf("init did not write %q", line)
		}
	}
}

// takes sends a mail, which the server must accept.
func (d *desk) takes(server, from, to, subject string, more ...string) {
	d.Helper()
	if said, err := swaks(d.T, server, from, to, subject, more...); err != nil {
		d.Fatalf("%v\n%s", err, said)
	}
}

// serve starts it, as systemd does: as its own user.
// It waits until the doors named are open.
func (d *desk) serve(doors ...string) {
	d.Helper()
	d.running = peers.Start(d.T, "ventanilla.log", d.m.Command("ventanilla", "/usr/bin/ventanilla", "-c", config, "serve"))
	for _, door := range doors {
		peers.Await(d.T, "tcp", door)
	}
}

// ask types a command and returns what it says.
func (d *desk) ask(words ...string) (string, error) {
	out, err := d.m.Command("ventanilla", "/usr/bin/ventanilla", append([]string{"-c", config}, words...)...).Output()
	return string(out), err
}

// until types a command until its output matches.
func (d *desk) until(want string, words ...string) string {
	d.Helper()
	find := regexp.MustCompile(want)
	for by := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		out, err := d.ask(words...)
		if find.MatchString(out) {
			return out
		}
		if time.Now().After(by) {
			d.Fatalf("%q never said %s: %v\n%s", words, want, err, out)
		}
	}
}

// ticket is what "ticket show" tells of one.
type ticket struct {
	Ticket struct{ Subject string }
	Mails  []struct{ ID, Kind, To, Outcome, Answer string }
	Proofs map[int]struct{ Results string }
	Texts  map[int]string
}

// ticket returns a ticket.
func (d *desk) ticket(number string) (s ticket) {
	d.Helper()
	out, err := d.ask("ticket", "show", "--json", number)
	if err == nil {
		err = json.Unmarshal([]byte(out), &s)
	}
	if err != nil {
		d.Fatalf("ticket %s: %v\n%s", number, err, out)
	}
	return s
}

// awaitTicket waits for the ticket with a subject and returns its number.
func (d *desk) awaitTicket(subject string) string {
	d.Helper()
	line := regexp.MustCompile(`#([0-9]+) .*` + regexp.QuoteMeta(subject))
	return line.FindStringSubmatch(d.until(line.String(), "ticket", "list"))[1]
}

// settled waits until nothing waits, in the log or to be sent, and wants every mail
// that was accepted to have its place.
func (d *desk) settled(tickets int) {
	d.Helper()
	d.until(`"waiting":0.*"outbox":0`, "doctor", "--json")
	out, err := d.ask("doctor", "--json")
	var a struct {
		Tickets int
		Faults  []string
	}
	if err == nil {
		err = json.Unmarshal([]byte(out), &a)
	}
	if err != nil || a.Tickets != tickets || len(a.Faults) > 0 {
		d.Errorf("want %d tickets and no faults: %v, %s", tickets, err, out)
	}
}

// swaks sends a mail as a stranger does, and returns how the server answered.
func swaks(t *testing.T, server, from, to, subject string, more ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("swaks"); err != nil {
		t.Fatal("swaks is missing: scripts/needs swaks installs it")
	}
	arguments := []string{"--server", server, "--local-interface", stranger, "--from", from, "--to", to}
	if subject != "" {
		arguments = append(arguments, "--header", "Subject: "+subject, "--body", "No imprime.")
	}
	arguments = append(arguments, more...)
	out, err := exec.Command("swaks", arguments...).CombinedOutput()
	return string(out), err
}

// emptied waits until nothing is in a server's queue.
func emptied(t *testing.T, queued func() []string) {
	t.Helper()
	for by := time.Now().Add(patience); len(queued()) > 0; <-time.After(20 * time.Millisecond) {
		if time.Now().After(by) {
			t.Errorf("in the queue: %v", queued())
			return
		}
	}
}
