package recipes

import (
	"regexp"
	"strings"
	"testing"

	"ventanilla/peers"
)

// TestExim: Exim gives mails to a pipe. While they cannot be taken they wait in its
// queue, whatever is broken, and none goes back to its sender.
func TestExim(t *testing.T) {
	t.Parallel()
	r := read(t, "Exim, OpenSMTPD o un alias")
	e, out := peers.NewExim(t), newOutside(t)
	d := newDesk(t, e.Machine, r)
	lmtp := peers.Free(t)
	d.edit("127.0.0.1:24", lmtp, "127.0.0.1:25", e.SMTP)
	const router, transport = "/etc/exim4/conf.d/router/350_ventanilla", "/etc/exim4/conf.d/transport/30_ventanilla"
	e.Start(r.block("/etc/exim4/update-exim4.conf.conf"), map[string]string{router: r.block(router), transport: r.block(transport), "/etc/exim4/conf.d/router/190_test": outwards(out.address)})
	d.serve(lmtp)

	d.takes(e.SMTP, "ana@uni.example", queue, "Solicitud de acceso")
	ack := out.await(t, "ana@uni.example", `\[#000001\]`)
	d.takes(e.SMTP, "ana@uni.example", ack.Message.ReplyTo[0].Address, "Re: "+ack.Message.Subject, "--header", "In-Reply-To: <"+ack.Message.MessageID+">", "--body", "Es urgente.")
	d.until("Es urgente", "ticket", "show", "000001")
	if said, err := swaks(t, e.SMTP, "ana@uni.example", "nadie@"+domain, "Nadie"); err == nil || !strings.Contains(said, "<** 550 ") {
		t.Errorf("an unknown address at Exim's door: %v\n%s", err, said)
	}

	d.settled(1)
	up := e.Log()
	whole := e.Read(config)
	e.Write(config, "esto no es TOML\n")
	e.Give("/etc/ventanilla", "ventanilla")
	d.takes(e.SMTP, "ana@uni.example", queue, "Con la configuración rota")
	e.AwaitLog(`== ` + queue + ` R=ventanilla T=ventanilla defer.*: Child process of ventanilla transport returned 75`)
	e.Write(config, whole)
	e.Give("/etc/ventanilla", "ventanilla")
	d.awaitTicket("Con la configuración rota")
	d.running.End() // stopped, it writes the mail by itself
	d.takes(e.SMTP, "ana@uni.example", queue, "Con el servicio parado")
	e.AwaitLog(`(?s)returned 75.*=> soporte.*=> soporte`)
	broken := strings.TrimPrefix(e.Log(), up)
	d.serve(lmtp)
	d.awaitTicket("Con el servicio parado")
	d.settled(3)
	emptied(t, e.Queued)
	for line := range strings.Lines(strings.Replace(e.Log(), broken, "", 1) + e.Read("/var/log/exim4/paniclog")) {
		if regexp.MustCompile(`(?i)\*\*|==|warning|error|panic|frozen|defer|fail`).MatchString(line) && !strings.Contains(line, "No server certificate") {
			t.Errorf("Exim complains: %s", line)
		}
	}
	if regexp.MustCompile(`<= <> R=`).MatchString(e.Log()) {
		t.Errorf("a mail went back:\n%s", e.Log())
	}
}

// outwards is a router for what leaves: the world of the tests is on the loopback,
// where Exim sends nothing unless it is told to.
func outwards(address string) string {
	return "outwards:\n  driver = manualroute\n  domains = ! +local_domains\n  transport = remote_smtp_smarthost\n  route_list = * 127.0.0.1::" + peers.Port(address) + "\n  self = send\n  no_more\n"
}
