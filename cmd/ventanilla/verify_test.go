package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/smtp"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"golang.org/x/net/dns/dnsmessage"

	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/store"
)

// texts answers questions for TXT on a port of this machine: what stands under a
// name, else that there is no such name.
func texts(zone map[string]string) (address string, end func(), err error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 4096)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var p dnsmessage.Parser
			h, err := p.Start(b[:n])
			q, err2 := p.Question()
			if err != nil || err2 != nil {
				continue
			}
			m := dnsmessage.Message{Header: dnsmessage.Header{ID: h.ID, Response: true, RCode: dnsmessage.RCodeNameError}, Questions: []dnsmessage.Question{q}}
			if text, ok := zone[strings.TrimSuffix(q.Name.String(), ".")]; ok && q.Type == dnsmessage.TypeTXT {
				m.RCode = dnsmessage.RCodeSuccess
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 60}, Body: &dnsmessage.TXTResource{TXT: inStrings(text)}}}
			}
			packed, err := m.Pack()
			if err == nil {
				_, err = c.WriteTo(packed, from)
			}
			if err != nil {
				return
			}
		}
	}()
	return c.LocalAddr().String(), func() { c.Close(); <-done }, nil
}

// inStrings parts a text as a TXT record holds it (RFC 1035 §3.3).
func inStrings(text string) (all []string) {
	for ; len(text) > 255; text = text[255:] {
		all = append(all, text[:255])
	}
	return append(all, text)
}

func serveTexts(t *testing.T, zone map[string]string) (address string) {
	t.Helper()
	address, end, err := texts(zone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return address
}

// frontDoor is a listener whose peers come from wherever the test says.
type frontDoor struct {
	net.Listener
	from atomic.Pointer[net.TCPAddr]
}

func (d *frontDoor) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return visitor{c, d.from.Load()}, nil
}

type visitor struct {
	net.Conn
	from *net.TCPAddr
}

func (v visitor) RemoteAddr() net.Addr { return v.from }

// verifyingDesk is a desk whose SMTP door is open to strangers.
type verifyingDesk struct {
	*house
	t    *testing.T
	door *frontDoor
	seen map[string]bool // receipts
}

func newVerifyingDesk(t *testing.T, trust string) *verifyingDesk {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "mesa")
	if err := writeInstallation(folder, answers{domain: "mesa.example", name: "Mesa", queueAddress: "soporte@mesa.example"}); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(write(t, "[desk]\nname = \"Mesa\"\ndomain = \"mesa.example\"\n[trust]\n"+trust))
	if err != nil {
		t.Fatal(err)
	}
	c.folder = folder
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHouse(t.Context(), c, osFiles(c), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d := &verifyingDesk{house: h, t: t, door: &frontDoor{Listener: l}, seen: map[string]bool{}}
	s := &service{house: h, smtp: d.door}
	ready, ended := make(chan struct{}), make(chan error, 1)
	s.ready = func(addresses) { close(ready) }
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- s.run(ctx) }()
	<-ready
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return d
}

// bring has a peer bring a mail by SMTP, and returns what became of it and the
// mails that answer it.
func (d *verifyingDesk) bring(peer, from string, raw []byte) (r store.Receipt, answers []string) {
	d.t.Helper()
	d.door.from.Store(&net.TCPAddr{IP: net.ParseIP(peer), Port: 1025})
	before := d.outbox()
	began := time.Now()
	if err := smtp.SendMail(d.door.Addr().String(), nil, from, []string{"soporte@mesa.example"}, raw); err != nil {
		d.t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		d.t.Errorf("250 after %v", took)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := d.Export(d.t.Context(), func(e gateway.Exported) error {
			if e.Receipt.Position != "" && !d.seen[e.Receipt.Position] {
				r = e.Receipt
			}
			return nil
		})
		if err != nil || time.Now().After(end) {
			d.t.Fatal("not settled: ", err)
		}
		if r.Position != "" {
			break
		}
	}
	d.seen[r.Position] = true
	for id, subject := range d.outbox() {
		if _, old := before[id]; !old {
			answers = append(answers, subject)
		}
	}
	return r, answers
}

func (d *verifyingDesk) outbox() map[string]string {
	d.t.Helper()
	os, err := d.Outbox(d.t.Context(), "", 0)
	if err != nil {
		d.t.Fatal(err)
	}
	all := map[string]string{}
	for _, o := range os {
		if strings.HasPrefix(o.Kind, "acuse") {
			all[o.ID] = o.Subject
		}
	}
	return all
}

// mailFrom is a mail with a subject of its own. With a key it is signed.
func mailFrom(t *testing.T, from, subject, header string, key ed25519.PrivateKey) []byte {
	t.Helper()
	raw := []byte(strings.ReplaceAll(fmt.Sprintf("%sFrom: %s\nTo: soporte@mesa.example\nSubject: %s\nMessage-ID: <%d@x.example>\nDate: Mon, 9 Dec 2024 14:02:03 -0500\n\nNecesito el certificado de %s.\n",
		header, from, subject, time.Now().UnixNano(), subject), "\n", "\r\n"))
	if key == nil {
		return raw
	}
	var b bytes.Buffer
	err := dkim.Sign(&b, bytes.NewReader(raw), &dkim.SignOptions{Domain: from[strings.IndexByte(from, '@')+1:], Selector: "sel", Signer: key, Hash: crypto.SHA256, HeaderKeys: []string{"From", "Subject", "Message-ID"}})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestForged: at our own door a mail counts for what its sender's domain says of
// it. One in the name of a domain that refuses it is put aside and never
// answered.
func TestForged(t *testing.T) {
	t.Parallel()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dns := serveTexts(t, map[string]string{
		"_dmarc.banco.example": "v=DMARC1; p=reject", "sel._domainkey.banco.example": "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public),
		"uni.example": "v=spf1 ip4:192.0.2.0/24 -all",
	})
	d := newVerifyingDesk(t, fmt.Sprintf("resolver = %q\nauthserv = [\"mx.mesa.example\"]\nservers = [\"203.0.113.7\"]\nrelays = [\"203.0.113.8\"]\n", dns))
	const results = "Authentication-Results: mx.mesa.example; dmarc=pass header.from=banco.example\n"
	for _, c := range []struct {
		name, peer, from, header string
		key                      ed25519.PrivateKey
		sender                   string // in the envelope
		trust, disposition       string
		answers                  int
		subject                  bool // the answer repeats it
	}{
		{"forged", "198.51.100.9", "jefe@banco.example", "", nil, "x@otra.example", "fails", "quarantine", 0, false},
		{"signed", "198.51.100.9", "ana@banco.example", "", key, "x@otra.example", "auth", "ticket", 1, true},
		{"of a domain without a policy", "198.51.100.9", "ana@nada.example", "", nil, "ana@nada.example", "nothing", "ticket", 1, false},
		{"SPF", "192.0.2.9", "ana@uni.example", "", nil, "ana@uni.example", "auth", "ticket", 1, true},
		{"SPF of another peer", "198.51.100.9", "beto@uni.example", "", nil, "beto@uni.example", "nothing", "ticket", 1, false},
		{"a stranger who says that he was checked", "198.51.100.9", "jefa@banco.example", results, nil, "x@otra.example", "fails", "quarantine", 0, false},
		{"the same of a domain without a policy", "198.51.100.9", "carla@nada.example", strings.ReplaceAll(results, "banco", "nada"), nil, "x@otra.example", "nothing", "ticket", 1, false},
		{"the same behind our own server", "203.0.113.7", "dora@nada.example", strings.ReplaceAll(results, "banco", "nada"), nil, "x@otra.example", "auth", "ticket", 1, true},
		{"behind our own server without results", "203.0.113.7", "eva@banco.example", "", nil, "x@otra.example", "nothing", "ticket", 1, false},
		{"a relay", "203.0.113.8", "fina@banco.example", "", nil, "x@otra.example", "auth", "ticket", 1, true},
		{"this machine", "127.0.0.1", "gema@banco.example", "", nil, "x@otra.example", "nothing", "ticket", 1, false},
	} {
		subject := "Solicitud " + strings.ReplaceAll(c.name, " ", "-")
		raw := mailFrom(t, c.from, subject, c.header, c.key)
		report := d.explained(c.peer, c.sender, raw)
		r, answers := d.bring(c.peer, c.sender, raw)
		if r.Trust != c.trust || r.Disposition != c.disposition || len(answers) != c.answers {
			t.Errorf("%s: %s, %s (%s), %d answers; %+v", c.name, r.Trust, r.Disposition, r.Reason, len(answers), r.Proof)
		}
		if report.Trust != c.trust || report.Disposition != c.disposition {
			t.Errorf("%s, explained: %s, %s", c.name, report.Trust, report.Disposition)
		}
		if len(answers) == 1 && strings.Contains(answers[0], subject) != c.subject {
			t.Errorf("%s: answered with %q", c.name, answers[0])
		}
		if c.trust == "fails" && (!strings.Contains(r.Reason, "DMARC") || !strings.Contains(proofWords(*r.Proof), "el dominio pide rechazarlo → el dominio pide no aceptar el correo")) {
			t.Errorf("%s: %q, %s", c.name, r.Reason, proofWords(*r.Proof))
		}
	}
}

// explained asks what the desk would do, as "explain --peer" does.
func (d *verifyingDesk) explained(peer, from string, raw []byte) (r gateway.Report) {
	d.t.Helper()
	c := &client{http: &http.Client{Transport: here{adminHandler(d.house)}}}
	v := url.Values{"peer": {peer}, "from": {from}, "rcpt": {"soporte@mesa.example"}, "helo": {"x.example"}}
	if err := c.call(d.t.Context(), "POST", "/explain", v, bytes.NewReader(raw), &r); err != nil {
		d.t.Fatal(err)
	}
	return r
}

// TestNotVerified: with verify = false strangers' mail is neither refused nor
// believed, and check says so.
func TestNotVerified(t *testing.T) {
	t.Parallel()
	dns := serveTexts(t, map[string]string{"_dmarc.banco.example": "v=DMARC1; p=reject"})
	d := newVerifyingDesk(t, fmt.Sprintf("verify = false\nresolver = %q\n", dns))
	if r, _ := d.bring("198.51.100.9", "x@otra.example", mailFrom(t, "jefe@banco.example", "Hola", "", nil)); r.Trust != "nothing" || r.Proof != nil {
		t.Errorf("%s, %+v", r.Trust, r.Proof)
	}
	for listen, want := range map[string]bool{":25": true, "127.0.0.1:2525": false} {
		c, err := LoadConfig(write(t, least+"[smtp]\nlisten = \""+listen+"\"\n[trust]\nverify = false\n"))
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(strings.Join(c.warnings(), "\n"), "verify = false"); warned != want {
			t.Errorf("%s: warned %v", listen, warned)
		}
	}
}

// TestProofWords: what an admin reads of a sender.
func TestProofWords(t *testing.T) {
	check := func(result, domain, why string) mail.Check {
		return mail.Check{Result: result, Domain: domain, Why: why}
	}
	for _, c := range []struct {
		proof store.Proof
		want  string
	}{
		{store.Proof{Auth: mail.Auth{Relay: true}}, "lo trajo un servidor de relays → el dominio respondió por el correo"},
		{store.Proof{Results: "pass"}, "Authentication-Results de un servidor propio: pasa → el dominio respondió por el correo"},
		{store.Proof{Results: "fail", Auth: mail.Auth{Relay: true}}, "lo trajo un servidor de relays; Authentication-Results de un servidor propio: no pasa → el dominio pide no aceptar el correo"},
		{store.Proof{Auth: mail.Auth{Checked: &mail.Checked{Domain: "uni.example", Pass: true, SPF: check("softfail", "otra.example", ""),
			DKIM: []mail.Check{check("permerror", "lista.example", "la clave es demasiado corta"), check("pass", "uni.example", "")}, DMARC: check("pass", "uni.example", ""), Policy: "reject"}}},
			"SPF: no pasa (débil) para otra.example; DKIM: no vale para lista.example (la clave es demasiado corta); DKIM: pasa para uni.example; DMARC: pasa para uni.example → el dominio respondió por el correo"},
		{store.Proof{Auth: mail.Auth{Checked: &mail.Checked{Domain: "uni.example", Fail: true, SPF: check("fail", "uni.example", ""), DMARC: check("fail", "uni.example", "ni SPF ni DKIM pasan para ese dominio"), Policy: "reject"}}},
			"SPF: no pasa para uni.example; DKIM: sin firma; DMARC: no pasa para uni.example (ni SPF ni DKIM pasan para ese dominio), y el dominio pide rechazarlo → el dominio pide no aceptar el correo"},
		{store.Proof{Auth: mail.Auth{Checked: &mail.Checked{SPF: check("temperror", "uni.example", "el DNS no respondió")}}},
			"SPF: no se sabe para uni.example (el DNS no respondió); DKIM: sin firma; DMARC: From no nombra un dominio y solo uno → nada prueba que el dominio respondiera por el correo"},
	} {
		if got := proofWords(c.proof); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
