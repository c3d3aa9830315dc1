package recipes

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"ventanilla/peers"
)

const mailbox = "soporte@universidad.example" // of the page

// provider is somebody else's mail system: a mailbox in a Dovecot, and a Postfix that
// takes mail of those who are known to it. The names that the page has for them mean
// the loopback on its machine.
type provider struct {
	*peers.Postfix
	box *peers.Mailboxes
	out *outside
}

// newProvider starts one that lets people in by the tokens of a server, or by
// passwords if there is none.
func newProvider(t *testing.T, tokens *peers.Tokens) *provider {
	t.Helper()
	p := &provider{Postfix: peers.NewPostfix(t), out: newOutside(t)}
	if tokens != nil {
		p.box = peers.DovecotWithTokens(t, tokens)
	} else {
		p.box = peers.DovecotOf(t, mailbox)
	}
	p.Hosts([]string{domain}, p.box.CA, p.CA)
	p.Start("relayhost = " + bracketed(p.out.address) + "\n" + p.People(p.box))
	return p
}

// receives puts a mail into the mailbox.
func (p *provider) receives(t *testing.T, name, results, subject string) {
	t.Helper()
	p.box.Deliver(t, name+".m.x", results+"From: Ana <ana@uni.example>\nTo: "+mailbox+"\nSubject: "+subject+"\nMessage-ID: <"+name+"@uni.example>\nDate: "+
		time.Now().Format(time.RFC1123Z)+"\n\nNo imprime.\n")
}

// attends wants what comes into the mailbox to become a ticket, whose sender is
// believed by the results that the provider has written, and answers to go out by the
// provider, encrypted and as its user.
func (p *provider) attends(t *testing.T, d *desk, results, mechanism string) {
	t.Helper()
	d.running = peers.Start(t, "ventanilla.log", p.Command("ventanilla", "/usr/bin/ventanilla", "-c", config, "serve"))
	d.until(`"connected":true,"looked"`, "status", "--json")
	p.receives(t, "2", results, "Solicitud de acceso")
	number := d.awaitTicket("Solicitud de acceso")
	if number != "000001" {
		t.Errorf("the mail that lay in the mailbox was taken: %s", number)
	}
	if got := d.ticket(number).Proofs[1].Results; got != "pass" {
		t.Errorf("the provider's results: %q", got)
	}
	p.out.await(t, "ana@uni.example", `\[#000001\]`)
	d.settled(1)
	p.AwaitLog(`client=.*sasl_method=` + mechanism + `, sasl_username=` + mailbox)
	p.AwaitLog(`TLS connection established from`)
	for _, m := range d.ticket(number).Mails {
		if id := regexp.MustCompile(`queued as (\w+)`).FindStringSubmatch(m.Answer); id != nil {
			p.AwaitLog(id[1] + `: to=<` + m.To + `>, .*status=sent`)
		} else {
			t.Errorf("%s to %s: %s, %q", m.Kind, m.To, m.Outcome, m.Answer)
		}
	}
	if !p.box.Logged(t, "Login", mailbox, "TLS") {
		t.Error("the mailbox was not entered over TLS")
	}
	quiet(t, p.Postfix, p.Log())
}

// as types one of the recipe's commands that are the service's user's.
func (d *desk) as(r recipe, command string) *exec.Cmd {
	words := r.command("runuser -u ventanilla -- ventanilla -c " + config + " " + command)
	return d.m.Command("ventanilla", "/usr/bin/ventanilla", words[5:]...)
}

// reads wants the recipe's "imap check" to be content.
func (d *desk) reads(r recipe) {
	d.Helper()
	if out, err := d.as(r, "imap check").CombinedOutput(); err != nil {
		d.Errorf("imap check: %v\n%s", err, out)
	}
}

// TestMicrosoft365: the provider is played by a Dovecot and a Postfix that take no
// passwords, and by a server of tokens.
func TestMicrosoft365(t *testing.T) {
	t.Parallel()
	r := read(t, "Un buzón de Microsoft 365")
	tokens := peers.NewTokens(mailbox, time.Hour)
	t.Cleanup(tokens.Close)
	p := newProvider(t, tokens)
	d := newDesk(t, p.Machine, r)
	d.wrote(r.block("/etc/ventanilla/ventanilla.toml"))
	d.edit("outlook.office365.com:993", "outlook.office365.com:"+peers.Port(p.box.TLS), "smtp.office365.com:587", "smtp.office365.com:"+peers.Port(p.Submission),
		`client_id = "00000000-0000-0000-0000-000000000000"`+"\n\n", "client_id = \"mesa\"\ntoken_url = \""+tokens.URL+"/token\"\ndevice_url = \""+tokens.URL+"/device\"\n\n")
	p.receives(t, "1", "", "De antes")
	approved := make(chan error, 1)
	go func() { approved <- tokens.Approve(true) }()
	if out, err := d.as(r, "oauth login").CombinedOutput(); err != nil || !strings.Contains(string(out), "WDJB-") {
		t.Fatalf("oauth login: %v\n%s", err, out)
	}
	if err := <-approved; err != nil {
		t.Fatal(err)
	}
	d.reads(r)
	p.attends(t, d, "Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=uni.example; dkim=pass header.d=uni.example; dmarc=pass action=none header.from=uni.example;compauth=pass reason=100\n", "XOAUTH2")
}

// TestGoogle: as before; the permission comes by way of a browser.
func TestGoogle(t *testing.T) {
	t.Parallel()
	r := read(t, "Un buzón de Google")
	tokens := peers.NewTokens(mailbox, time.Hour)
	t.Cleanup(tokens.Close)
	p := newProvider(t, tokens)
	d := newDesk(t, p.Machine, r)
	d.wrote(r.block("/etc/ventanilla/ventanilla.toml"))
	d.edit("imap.gmail.com:993", "imap.gmail.com:"+peers.Port(p.box.TLS), "smtp.gmail.com:587", "smtp.gmail.com:"+peers.Port(p.Submission),
		`client_id = "000000000000-xxxxxxxx.apps.googleusercontent.com"`+"\nclient_secret_file", "client_id = \"mesa\"\ntoken_url = \""+tokens.URL+"/token\"\nauthorize_url = \""+tokens.URL+"/authorize\"\nclient_secret_file")
	d.keeps(r, "oauth.secret", "secreto")
	p.receives(t, "1", "", "De antes")
	login := d.as(r, "oauth login")
	said, err := login.StdoutPipe()
	if err == nil {
		err = login.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, tokens.URL) { // a browser
			answer, err := http.Get(address)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			break
		}
	}
	_, _ = io.Copy(io.Discard, said)
	if err := login.Wait(); err != nil {
		t.Fatalf("oauth login: %v", err)
	}
	d.reads(r)
	p.attends(t, d, "Authentication-Results: mx.google.com;\n       dkim=pass header.i=@uni.example header.s=uno;\n       spf=pass smtp.mailfrom=ana@uni.example;\n       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=uni.example\n", "XOAUTH2")
}

// TestIMAP: any mailbox, by passwords.
func TestIMAP(t *testing.T) {
	t.Parallel()
	r := read(t, "Cualquier buzón, por IMAP")
	p := newProvider(t, nil)
	d := newDesk(t, p.Machine, r)
	d.wrote(r.block("/etc/ventanilla/ventanilla.toml"))
	d.edit("imap.universidad.example:993", "imap.universidad.example:"+peers.Port(p.box.TLS), "correo.universidad.example:587", "correo.universidad.example:"+peers.Port(p.Submission),
		`#authserv = ["mx.universidad.example"]`, `authserv = ["correo.universidad.example"]`)
	d.keeps(r, "imap.password", p.box.Password)
	d.keeps(r, "smarthost.password", p.box.Password)
	p.receives(t, "1", "", "De antes")
	d.reads(r)
	p.attends(t, d, "Authentication-Results: correo.universidad.example; dkim=pass header.d=uni.example\n", "PLAIN")
}

// keeps writes a secret as the recipe's command does.
func (d *desk) keeps(r recipe, file, secret string) {
	d.Helper()
	words := r.command("install -o ventanilla -m 600 /dev/stdin /etc/ventanilla/" + file)
	d.m.Write("/dev/stdin", secret+"\n") // there is no /proc on the machine
	d.m.Run("/usr/bin/install", words[1:]...)
}
