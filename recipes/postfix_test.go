package recipes

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"ventanilla/peers"
)

// TestPostfix: Postfix in front, and as the way out. Strangers and unknown
// addresses are met at its door, what comes while the desk is down waits in its
// queue, and each mail of the desk's is found in its log by what it answered.
func TestPostfix(t *testing.T) {
	t.Parallel()
	r := read(t, "Un Postfix propio, por LMTP")
	p, out, lmtp := peers.NewPostfix(t), newOutside(t), peers.Free(t)
	d := newDesk(t, p.Machine, r)
	d.wrote(r.block("/etc/ventanilla/ventanilla.toml"))
	d.edit("127.0.0.1:24", lmtp, "127.0.0.1:25", p.SMTP)
	p.Start("relayhost = " + bracketed(out.address) + "\n" + r.block("/etc/postfix/main.cf", "127.0.0.1:24", lmtp))
	d.serve(lmtp)

	d.takes(p.SMTP, "ana@uni.example", queue, "Solicitud de acceso")
	ack := out.await(t, "ana@uni.example", `\[#000001\]`)
	d.takes(p.SMTP, "ana@uni.example", ack.Message.ReplyTo[0].Address, "Re: "+ack.Message.Subject, "--header", "In-Reply-To: <"+ack.Message.MessageID+">", "--body", "Es urgente.")
	d.until("Es urgente", "ticket", "show", "000001")

	said, err := swaks(t, p.SMTP, "ana@uni.example", "nadie@"+domain, "Nadie")
	if err == nil || !strings.Contains(said, "<** 550 ") {
		t.Errorf("an unknown address at Postfix's door: %v\n%s", err, said)
	}

	up := p.Log()
	d.running.End()
	d.takes(p.SMTP, "ana@uni.example", queue, "Mientras no estaba")                                 // known to be there
	d.takes(p.SMTP, "luis@universidad.example", "redes@"+domain, "De la casa", "--li", "127.0.0.1") // not asked for
	p.AwaitLog(`to=<redes@.*status=deferred`)
	down := strings.TrimPrefix(p.Log(), up)
	d.serve(lmtp)
	d.awaitTicket("Mientras no estaba")
	d.awaitTicket("De la casa")
	d.settled(3)

	if m := d.ticket("000001").Mails; len(m) < 4 {
		t.Errorf("mails of the ticket: %+v", m)
	}
	for _, n := range []string{"000001", "000002", "000003"} {
		for _, m := range d.ticket(n).Mails {
			id := regexp.MustCompile(`queued as (\w+)`).FindStringSubmatch(m.Answer)
			if id == nil {
				t.Errorf("%s to %s: %s, %q", m.Kind, m.To, m.Outcome, m.Answer)
				continue
			}
			p.AwaitLog(id[1] + `: to=<` + m.To + `>, .*status=sent`)
		}
	}
	quiet(t, p, strings.Replace(p.Log(), down, "", 1))
}

// TestAlias: an alias of Postfix gives mails to a pipe. While they cannot be taken
// they wait in its queue.
func TestAlias(t *testing.T) {
	t.Parallel()
	r := read(t, "Exim, OpenSMTPD o un alias").under("Un alias de Postfix")
	p, out, lmtp := peers.NewPostfix(t), newOutside(t), peers.Free(t)
	d := newDesk(t, p.Machine, r)
	d.edit("127.0.0.1:24", lmtp, "127.0.0.1:25", p.SMTP)
	const aliases, queue = "/etc/postfix/ventanilla", "soporte@universidad.example"
	p.Write(aliases, r.block(aliases))
	p.Write("/etc/aliases", "postmaster: root\nluis: luis@tecnicos.example\nana: ana@tecnicos.example\n")
	p.Write("/etc/postfix/main.cf", "compatibility_level = 3.6\n") // for postalias
	p.Run("/bin/sh", "-ec", strings.Join([]string{strings.Join(r.command("postalias"), " "), strings.Join(r.command("chown"), " "), "postalias /etc/aliases"}, "\n"))
	p.Start("relayhost = " + bracketed(out.address) + "\nmydestination = universidad.example\n" + r.block("/etc/postfix/main.cf"))
	d.serve(lmtp)

	d.takes(p.SMTP, "ana@uni.example", queue, "Solicitud de acceso")
	ack := out.await(t, "ana@uni.example", `\[#000001\]`)
	d.takes(p.SMTP, "ana@uni.example", ack.Message.ReplyTo[0].Address, "Re: "+ack.Message.Subject, "--header", "In-Reply-To: <"+ack.Message.MessageID+">", "--body", "Es urgente.")
	d.until("Es urgente", "ticket", "show", "000001")
	if said, err := swaks(t, p.SMTP, "ana@uni.example", "nadie@universidad.example", "Nadie"); err == nil || !strings.Contains(said, "<** 550 ") {
		t.Errorf("an unknown address at Postfix's door: %v\n%s", err, said)
	}

	up, whole := p.Log(), p.Read(config)
	p.Write(config, "esto no es TOML\n")
	p.Give("/etc/ventanilla", "ventanilla")
	d.takes(p.SMTP, "ana@uni.example", queue, "Con la configuración rota")
	p.AwaitLog(`to=<` + queue + `>.*status=deferred \(temporary failure`)
	broken := strings.TrimPrefix(p.Log(), up)
	p.Write(config, whole)
	p.Give("/etc/ventanilla", "ventanilla")
	d.awaitTicket("Con la configuración rota")
	d.settled(2)
	quiet(t, p, strings.Replace(p.Log(), broken, "", 1))
}

// TestPostfixResults: with opendkim at Postfix's side a signed mail's sender is
// believed, and one who had to say who he is, and nobody is who only writes that.
func TestPostfixResults(t *testing.T) {
	t.Parallel()
	r := read(t, "Un Postfix propio, por LMTP")
	p, out, lmtp, milter := peers.NewPostfix(t), newOutside(t), peers.Free(t), peers.Free(t)
	box := peers.DovecotOf(t, "luis")
	d := newDesk(t, p.Machine, r)
	d.edit("127.0.0.1:24", lmtp, "127.0.0.1:25", p.SMTP, `#authserv = ["mx.`+domain+`"]`, r.block("[trust]"))
	sign := opendkim(t, r.block("/etc/opendkim.conf", "8891@127.0.0.1", peers.Port(milter)+"@127.0.0.1"))
	peers.Await(t, "tcp", milter)
	p.Options = r.block("/etc/postfix/master.cf")
	p.Start("relayhost = " + bracketed(out.address) + "\n" + r.block("/etc/postfix/main.cf", "127.0.0.1:24", lmtp) + r.block("smtpd_milters", "127.0.0.1:8891", milter) +
		r.block("mua_sender_restrictions") + p.People(box))
	d.serve(lmtp)

	mail := func(subject string) string {
		return "From: Ana <ana@uni.example>\r\nTo: " + queue + "\r\nSubject: " + subject + "\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", "") + "@uni.example>\r\nDate: " +
			time.Now().Format(time.RFC1123Z) + "\r\n\r\nNo imprime.\r\n"
	}
	forged := "Authentication-Results: correo.universidad.example; dkim=pass header.d=uni.example; spf=pass smtp.mailfrom=ana@uni.example\r\n"
	for subject, c := range map[string]struct{ mail, want string }{
		"Firmada": {sign(mail("Firmada")), "pass"},
		"Forjada": {forged + mail("Forjada"), ""},
	} {
		file := filepath.Join(t.TempDir(), "mail")
		if err := os.WriteFile(file, []byte(c.mail), 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := swaks(t, p.SMTP, "ana@uni.example", queue, "", "--data", "@"+file); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		if got := d.ticket(d.awaitTicket(subject)).Proofs[1].Results; got != c.want {
			t.Errorf("%s: results %q, want %q", subject, got, c.want)
		}
	}
	luis := strings.ReplaceAll(mail("De la casa"), "ana@uni.example", "luis@universidad.example")
	if err := encrypted(p.Submission, trusting(p.CA), smtp.PlainAuth("", "luis", box.Password, "localhost"), "luis@universidad.example", luis); err != nil {
		t.Fatal(err)
	}
	if got := d.ticket(d.awaitTicket("De la casa")).Proofs[1].Results; got != "pass" {
		t.Errorf("one who authenticated himself: results %q", got)
	}
	d.settled(3)
	quiet(t, p, p.Log())
}

// trusting believes what comes from an authority.
func trusting(ca string) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ca))
	return roots
}

// quiet wants a Postfix to have nothing in its queue, and no complaint in its log
// but that an address is unknown and that somebody only looked whether it is there.
func quiet(t *testing.T, p *peers.Postfix, log string) {
	t.Helper()
	emptied(t, p.Queued)
	complaint := regexp.MustCompile(`(?i)warning|error|fatal|panic|reject|deferred|bounced|undeliverable|lost connection|timed out|timeout|refused`)
	known := regexp.MustCompile(`to=<nadie@.*status=undeliverable|NOQUEUE: reject: RCPT .*to=<nadie@|lost connection after CONNECT from unknown\[127\.0\.0\.1\]`)
	for line := range strings.Lines(log) {
		if complaint.MatchString(line) && !known.MatchString(line) {
			t.Errorf("Postfix complains: %s", line)
		}
	}
}

// opendkim runs Debian's with a recipe's configuration, and returns what signs mails
// of uni.example with a key that it finds.
func opendkim(t *testing.T, conf string) (sign func(string) string) {
	t.Helper()
	program, err := exec.LookPath("opendkim")
	if err != nil {
		t.Fatal("opendkim is missing: scripts/needs opendkim installs it")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	record := "uno._domainkey.uni.example v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public) + "\n"
	conf += "TestDNSData " + filepath.Join(dir, "dns") + "\nSyslog no\n"
	for name, text := range map[string]string{"dns": record, "conf": conf} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	peers.Start(t, "opendkim.out", exec.Command(program, "-f", "-x", filepath.Join(dir, "conf")))
	return func(mail string) string {
		var b bytes.Buffer
		o := &dkim.SignOptions{Domain: "uni.example", Selector: "uno", Signer: key, HeaderKeys: []string{"From", "To", "Subject", "Message-ID", "Date"}}
		if err := dkim.Sign(&b, strings.NewReader(mail), o); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
}

// bracketed is an address as Postfix wants it where no MX is to be asked for.
func bracketed(address string) string {
	return regexp.MustCompile(`^(.*):`).ReplaceAllString(address, "[$1]:")
}
