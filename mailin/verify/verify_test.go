package verify

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"ventanilla/mail"
)

var update = flag.Bool("update", false, "write what the tests get into the cases")

// keys are three to sign with: rsa2048, ed25519, and rsa512, which is too short.
func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	return madeKeys()
}

var madeKeys = sync.OnceValue(func() map[string]crypto.Signer {
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	short, err2 := rsa.GenerateKey(rand.Reader, 512)
	_, edwards, err3 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err, err2, err3); err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"rsa2048": long, "rsa512": short, "ed25519": edwards}
})

// published is a key as the DNS has it.
func published(t testing.TB, key crypto.Signer) string {
	t.Helper()
	switch public := key.Public().(type) {
	case ed25519.PublicKey:
		return "k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return "k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	}
	t.Fatal("no such key")
	return ""
}

// verifyCase is a file: what the peer says, how the mail is signed and changed on
// its way, the DNS, the mail and what must be found.
type verifyCase struct {
	env     mail.Envelope
	zone    *zone
	mail    []byte
	archive *txtar.Archive
	options Options
}

// readCase reads lines such as
//
//	peer 192.0.2.1
//	from ana@uni.example
//	helo mx.uni.example
//	sign rsa2048 uni.example sel from:subject
//	change "old" "new"
//	timeout 300ms
func readCase(t *testing.T, path string, keys map[string]crypto.Signer) *verifyCase {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil || len(archive.Files) < 2 {
		t.Fatal(path, err)
	}
	text := string(archive.Files[0].Data)
	for name, key := range keys {
		text = strings.ReplaceAll(text, "$"+name, published(t, key))
	}
	c := &verifyCase{zone: readZone(t, text), archive: archive, mail: bytes.ReplaceAll(archive.Files[1].Data, []byte("\n"), []byte("\r\n"))}
	for line := range strings.Lines(string(archive.Comment)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		switch f[0] {
		case "peer":
			c.env.Peer = f[1]
		case "from":
			c.env.From = f[1]
		case "helo":
			c.env.Helo = f[1]
		case "timeout":
			c.options.Timeout, err = time.ParseDuration(f[1])
		case "sign":
			c.sign(t, keys, f[1:])
		case "change":
			c.change(t, strings.TrimSpace(strings.TrimPrefix(line, "change")))
		default:
			err = fmt.Errorf("what is %q?", f[0])
		}
		if err != nil {
			t.Fatal(path, err)
		}
	}
	return c
}

func (c *verifyCase) sign(t *testing.T, keys map[string]crypto.Signer, f []string) {
	t.Helper()
	o := &dkim.SignOptions{Signer: keys[f[0]], Hash: crypto.SHA256, Domain: f[1], Selector: f[2], HeaderKeys: strings.Split(f[3], ":"),
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed}
	for _, more := range f[4:] {
		name, value, _ := strings.Cut(more, "=")
		switch name {
		case "x":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			o.Expiration = time.Unix(seconds, 0)
		case "i":
			o.Identifier = value
		}
	}
	var b bytes.Buffer
	if err := dkim.Sign(&b, bytes.NewReader(c.mail), o); err != nil {
		t.Fatal(err)
	}
	c.mail = b.Bytes()
}

func (c *verifyCase) change(t *testing.T, line string) {
	t.Helper()
	from, err := strconv.QuotedPrefix(line)
	if err != nil {
		t.Fatal(line, err)
	}
	before, _ := strconv.Unquote(from)
	after, err := strconv.Unquote(strings.TrimSpace(line[len(from):]))
	if err != nil || !bytes.Contains(c.mail, []byte(before)) {
		t.Fatalf("change %s: %v; in\n%s", line, err, c.mail)
	}
	c.mail = bytes.Replace(c.mail, []byte(before), []byte(after), 1)
}

// TestCases: a case is a file with the DNS, the mail and what is found.
func TestCases(t *testing.T) {
	keys := keys(t)
	names, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(names) < 40 {
		t.Fatalf("only %d cases: %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			c := readCase(t, name, keys)
			c.options.Servers = []string{c.zone.serve(t)}
			found := New(c.options).Check(context.Background(), c.env, bytes.NewReader(c.mail))
			got, err := json.MarshalIndent(found, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			if *update {
				c.archive.Files = append(c.archive.Files[:2], txtar.File{Name: "want.json", Data: got})
				if err := os.WriteFile(name, txtar.Format(c.archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(c.archive.Files[2].Data), string(got)); diff != "" {
				t.Errorf("found something else (-want +got):\n%s\n%s", diff, c.mail)
			}
		})
	}
}
