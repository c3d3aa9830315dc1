package recipes

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"ventanilla/demo"
	"ventanilla/mail"
	"ventanilla/mailin"
	"ventanilla/peers"
)

// closed is an outside in which some addresses do not exist.
type closed struct {
	*outside
	gone string
}

func (c closed) Accepts(env mail.Envelope, rcpt string) error {
	if rcpt == c.gone {
		return mail.ErrNoRecipient
	}
	return c.outside.Accepts(env, rcpt)
}

// newClosed serves until the test ends.
func newClosed(t *testing.T, gone string) closed {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := closed{&outside{&demo.Inbox{}, l.Addr().String()}, gone}
	server, err := mailin.NewServer(c, mailin.Options{Hostname: "outside.example"})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	return c
}

// TestPostfixBounce: Postfix takes a mail of the desk's, learns that its addressee does
// not exist, and says so to the address that names the mail. It was asked for the
// header alone and given the mail's id, and keeps to both. The ledger knows.
func TestPostfixBounce(t *testing.T) {
	t.Parallel()
	r := read(t, "Un Postfix propio, por LMTP")
	p, out, lmtp := peers.NewPostfix(t), newClosed(t, "ana@uni.example"), peers.Free(t)
	d := newDesk(t, p.Machine, r)
	d.edit("127.0.0.1:24", lmtp, "127.0.0.1:25", p.SMTP)
	p.Start("relayhost = " + bracketed(out.address) + "\n" + r.block("/etc/postfix/main.cf", "127.0.0.1:24", lmtp))
	d.serve(lmtp)

	d.takes(p.SMTP, "ana@uni.example", queue, "Solicitud de acceso")
	d.until("rebotó", "ticket", "show", "000001")
	ack := ""
	for _, m := range d.ticket("000001").Mails {
		switch {
		case m.To == "ana@uni.example" && m.Outcome == "bounced":
			ack = m.ID
		case m.Outcome != "sent":
			t.Errorf("%+v", m)
		}
	}
	if ack == "" {
		t.Fatalf("no mail to ana came back: %+v", d.ticket("000001").Mails)
	}
	raw, err := d.ask("export", "--raw")
	if err != nil {
		t.Fatal(err)
	}
	_, bounce, _ := strings.Cut(raw, "multipart/report")
	if !strings.Contains(bounce, "Original-Envelope-Id: "+ack) {
		t.Errorf("the notice does not say which mail it speaks of:\n%s", bounce)
	}
	if !strings.Contains(bounce, "Content-Type: text/rfc822-headers") || strings.Contains(bounce, "multipart/alternative;\r\n boundary=\"=_a") && strings.Contains(bounce, "--=_a") {
		t.Errorf("more than the header came back:\n%s", bounce)
	}
	p.AwaitLog(`to=<ana@uni.example>, .*status=bounced`)
}
