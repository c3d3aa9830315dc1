package mailout

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"ventanilla/mail"
)

// testKeys are an RSA and an Ed25519 key, and what the DNS says of them.
var testKeys = sync.OnceValues(func() (keys []DKIMKey, dns map[string]string) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(r.Public())
	if err != nil {
		panic(err)
	}
	return []DKIMKey{{"mesa.example", "uno", r}, {"mesa.example", "dos", e}}, map[string]string{
		"uno._domainkey.mesa.example": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der),
		"dos._domainkey.mesa.example": "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(e.Public().(ed25519.PublicKey)),
	}
})

// signedMail signs a mail in pieces of some size.
func signedMail(t *testing.T, raw string, size int, keys ...DKIMKey) string {
	t.Helper()
	s := newSigning()
	for rest := raw; rest != ""; rest = rest[min(size, len(rest)):] {
		if _, err := s.Write([]byte(rest[:min(size, len(rest))])); err != nil {
			t.Fatal(err)
		}
	}
	signatures, err := s.sign(keys)
	if err != nil {
		t.Fatal(err)
	}
	return signatures + raw
}

// verified returns how many signatures of a mail hold, by another's reading.
func verified(t *testing.T, raw string) (good, bad int) {
	t.Helper()
	_, dns := testKeys()
	found, err := dkim.VerifyWithOptions(strings.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) { return []string{dns[name]}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		if v.Err == nil {
			good++
		} else {
			bad++
		}
	}
	return good, bad
}

// composed are mails such as we send.
func composed(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"blank end": "From: a@mesa.example\r\nDate: Mon, 9 Dec 2024 14:02:03 -0500\r\nSubject: x\r\n\r\nuno \t dos  \r\n\r\n\r\n",
		"no body": "From: a@mesa.example\r\nSubject:  two  spaces \r\n\r\n", "no line end": "From: a@mesa.example\r\n\r\nuno"}
	for name, d := range map[string]Draft{
		"words":  {Text: "Señores:\n\n.\nPunto.\n"},
		"html":   {Text: "Hola.\n", HTML: "<p>Hola.</p>"},
		"file":   {Text: "Va.\n", Files: []File{{Name: "año.txt", Type: "text/plain", Mail: "1", Part: mail.Part{Length: 3}, Raw: []byte("uno")}}},
		"spaces": {Text: "a  b\t c   \n\n\n"},
	} {
		d.Header = []mail.Field{{Name: "From", Value: Mailbox("Mesa de ayuda señorial de la universidad de los llanos orientales", "soporte@mesa.example")},
			{Name: "To", Value: "ana@x.example"}, {Name: "Subject", Value: "[#000001] Canción " + strings.Repeat("muy larga ", 20)}, {Name: "Date", Value: "Mon, 9 Dec 2024 14:02:03 -0500"},
			{Name: "Message-ID", Value: "<1@mesa.example>"}, {Name: "References", Value: strings.Repeat("<abcdefghijklmnop@mesa.example> ", 9)}}
		pieces, _, _, err := Compose(d)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := Assemble(&b, pieces, func(string) ([]byte, func(), error) { return []byte("uno"), nil, nil }); err != nil {
			t.Fatal(err)
		}
		all[name] = b.String()
	}
	return all
}

// TestSignatures: what we sign holds for another's reading, however the mail came
// in pieces, and its bytes are the same each time.
func TestSignatures(t *testing.T) {
	keys, _ := testKeys()
	for name, raw := range composed(t) {
		signed := signedMail(t, raw, len(raw)+1, keys...)
		if good, bad := verified(t, signed); good != 2 || bad != 0 {
			t.Errorf("%s: %d hold, %d do not\n%s", name, good, bad, signed[:min(len(signed), 3000)])
		}
		for _, size := range []int{1, 2, 7} {
			if again := signedMail(t, raw, size, keys...); again != signed {
				t.Errorf("%s: in pieces of %d it is signed differently", name, size)
			}
		}
		for line := range strings.SplitSeq(signed, "\r\n") {
			if len(line) > 998 {
				t.Errorf("%s: a line of %d", name, len(line))
			}
		}
		for what, forged := range map[string]string{
			"text": strings.Replace(signed, "\r\n\r\n", "\r\n\r\nPague aquí. ", 1), "From added": "From: x@y.example\r\n" + signed,
			"Subject changed": strings.Replace(signed, "\r\nSubject: ", "\r\nSubject: No ", 1),
		} {
			if good, _ := verified(t, forged); good != 0 && forged != signed {
				t.Errorf("%s, %s: %d still hold", name, what, good)
			}
		}
	}
}

// TestSendSigned: a mail that is sent bears the signatures, and its own bytes are
// what was composed.
func TestSendSigned(t *testing.T) {
	keys, _ := testKeys()
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		m := letter(1, 300, time.Now())
		raw := "From: soporte@mesa.example\r\nDate: Mon, 9 Dec 2024 14:02:03 -0500\r\nSubject: x\r\n\r\n.hola\r\n"
		m.Pieces = []Piece{{Text: raw}}
		r := start(h, newRows(seal(m, raw)), func(s *Sender) { s.keys = keys })
		synctest.Wait()
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		mails := h.mails()
		if len(mails) != 1 || !strings.HasSuffix(mails[0].body, raw) {
			t.Fatalf("%+v", mails)
		}
		if good, bad := verified(t, mails[0].body); good != 2 || bad != 0 {
			t.Errorf("%d hold, %d do not", good, bad)
		}
	})
}

// TestWeakKeys: a key that nobody would believe stops the sender at once.
func TestWeakKeys(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []DKIMKey{{"mesa.example", "x", weak}, {"mesa.example", "x", nil}} {
		s := NewSender(newRows(), SenderOptions{Smarthost: Smarthost{Address: "127.0.0.1:25", TLS: TLSNone}, DKIM: []DKIMKey{k}})
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "DKIM key x") {
			t.Errorf("%v", err)
		}
	}
}

// TestOpenDKIM: the same for Debian's opendkim, which knows no Ed25519.
func TestOpenDKIM(t *testing.T) {
	program, err := exec.LookPath("opendkim")
	if err != nil {
		t.Fatal("opendkim is missing: scripts/needs opendkim installs it")
	}
	keys, dns := testKeys()
	dir := t.TempDir()
	var data strings.Builder
	for name, text := range dns {
		fmt.Fprintf(&data, "%s %s\n", name, text)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("conf", "Mode v\nTestDNSData "+write("dns", data.String())+"\n")
	for name, raw := range composed(t) {
		if name == "no line end" {
			continue // what is sent has one
		}
		check := func(text string) string {
			t.Helper()
			out, err := exec.Command(program, "-x", config, "-t", write("mail", text), "-v").CombinedOutput()
			if err != nil && len(out) == 0 {
				t.Fatalf("opendkim: %v", err)
			}
			return string(out)
		}
		signed := signedMail(t, raw, 4096, keys[0])
		if out := check(signed); !strings.Contains(out, "verification (s=uno, d=mesa.example, 2048-bit key) succeeded") {
			t.Errorf("%s: %s", name, out)
		}
		if out := check(strings.Replace(signed, "\r\n\r\n", "\r\n\r\nx", 1)); strings.Contains(out, "succeeded") {
			t.Errorf("%s, changed: %s", name, out)
		}
	}
}

// TestOpenDKIMRotation: while two RSA keys and one of Ed25519 sign together, opendkim
// believes the mail if the DNS has either of the RSA keys, and not if it has neither:
// a key is changed without a gap.
func TestOpenDKIMRotation(t *testing.T) {
	program, err := exec.LookPath("opendkim")
	if err != nil {
		t.Fatal("opendkim is missing: scripts/needs opendkim installs it")
	}
	keys, dns := testKeys()
	second, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(second.Public())
	if err != nil {
		t.Fatal(err)
	}
	const first, next = "uno._domainkey.mesa.example", "nueva._domainkey.mesa.example"
	records := map[string]string{first: dns[first], next: "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)}
	signed := signedMail(t, composed(t)["html"], 4096, append(slices.Clone(keys), DKIMKey{"mesa.example", "nueva", second})...)
	for _, c := range []struct {
		published []string
		selector  string // "" if none is believed
	}{{[]string{first}, "uno"}, {[]string{next}, "nueva"}, {[]string{first, next}, "(uno|nueva)"}, {nil, ""}} {
		dir, data := t.TempDir(), "otro.example nada\n"
		for _, name := range c.published {
			data += name + " " + records[name] + "\n"
		}
		for name, text := range map[string]string{"dns": data, "mail": signed, "conf": "Mode v\nTestDNSData " + filepath.Join(dir, "dns") + "\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command(program, "-x", filepath.Join(dir, "conf"), "-t", filepath.Join(dir, "mail"), "-v").CombinedOutput()
		believed := regexp.MustCompile(`verification \(s=` + c.selector + `, d=mesa\.example, 2048-bit key\) succeeded`)
		if c.selector == "" && strings.Contains(string(out), "succeeded") || c.selector != "" && !believed.Match(out) {
			t.Errorf("published %v: %v, %s", c.published, err, out)
		}
	}
}
