package recipes

import (
	"regexp"
	"strings"
	"testing"

	"ventanilla/peers"
)

// TestOpenSMTPD: OpenSMTPD gives mails to a command, and keeps them while they
// cannot be taken.
func TestOpenSMTPD(t *testing.T) {
	t.Parallel()
	r := read(t, "Exim, OpenSMTPD o un alias")
	o, out := peers.NewOpenSMTPD(t), newOutside(t)
	d := newDesk(t, o.Machine, r)
	lmtp := peers.Free(t)
	d.edit("127.0.0.1:24", lmtp, "127.0.0.1:25", o.SMTP)
	o.Start(r.block("/etc/smtpd.conf") + "action \"outside\" relay host smtp://" + out.address + "\nmatch from local for any action \"outside\"\n")
	d.serve(lmtp)

	d.takes(o.SMTP, "ana@uni.example", queue, "Solicitud de acceso", "--li", "127.0.0.1")
	ack := out.await(t, "ana@uni.example", `\[#000001\]`)
	d.takes(o.SMTP, "ana@uni.example", ack.Message.ReplyTo[0].Address, "Re: "+ack.Message.Subject, "--header", "In-Reply-To: <"+ack.Message.MessageID+">", "--body", "Es urgente.")
	d.until("Es urgente", "ticket", "show", "000001")
	if said, err := swaks(t, o.SMTP, "ana@uni.example", "nadie@"+domain, "Nadie"); err == nil || !strings.Contains(said, "<** 5") {
		t.Errorf("an unknown address at OpenSMTPD's door: %v\n%s", err, said)
	}

	up := o.Log()
	whole := o.Read(config)
	o.Write(config, "esto no es TOML\n")
	o.Give("/etc/ventanilla", "ventanilla")
	d.takes(o.SMTP, "ana@uni.example", queue, "Con la configuración rota")
	o.AwaitLog(`to=<` + queue + `>.* result=TempFail`)
	o.Write(config, whole)
	o.Give("/etc/ventanilla", "ventanilla")
	broken := strings.TrimPrefix(o.Log(), up)
	o.Schedule()
	d.awaitTicket("Con la configuración rota")

	d.settled(2)
	emptied(t, o.Queued)
	for line := range strings.Lines(strings.Replace(o.Log(), broken, "", 1)) {
		// how its own clients hang up, the test's, is nothing of ours
		if !strings.Contains(line, "debug: ") && !strings.Contains(line, " smtp disconnected ") && regexp.MustCompile(`(?i)TempFail|PermFail|warn|error|fatal|bounce|failed-command`).MatchString(line) && !strings.Contains(line, "nadie@") {
			t.Errorf("OpenSMTPD complains: %s", line)
		}
	}
}
