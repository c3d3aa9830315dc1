package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIMAPCheck: imap check tells what a real mailbox holds and what would be taken,
// marks nothing and notes nothing; what is wrong comes with its remedy.
func TestIMAPCheck(t *testing.T) {
	m := newMailboxDesk(t, "", "start = \"all\"\n")
	m.deliver(0, 7)
	check := func(roots *x509.CertPool) examined {
		t.Helper()
		c, err := LoadConfig(filepath.Join(m.folder, "ventanilla.toml"))
		if err != nil {
			t.Fatal(err)
		}
		c.rootCAs = roots
		h, err := openHouse(t.Context(), c, osFiles(c), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer h.close()
		all, err := checkMailboxes(httptest.NewRequest("POST", "/imap/check?name=soporte", nil), h)
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		if _, err := checkMailboxes(httptest.NewRequest("POST", "/imap/check?name=otro", nil), h); err == nil || !strings.Contains(err.Error(), "soporte") {
			t.Errorf("an unknown mailbox: %v", err)
		}
		return all[0]
	}
	for range 2 { // it notes nothing
		e := check(m.box.Roots)
		if e.Error != "" || len(e.Folders) != 1 || e.Folders[0].Mails != 7 || e.Folders[0].Takes != 7 || e.Folders[0].Begun || e.Encrypted != "TLS 1.3" ||
			!strings.Contains(e.Certificate, "localhost") || !strings.Contains(strings.Join(e.There, " "), "INBOX") || len(e.Capabilities) == 0 {
			t.Errorf("%+v", e)
		}
	}
	for _, f := range m.box.Files(t, "") {
		if _, flags, _ := strings.Cut(f, ":2,"); strings.Contains(flags, "S") {
			t.Errorf("%s is marked", f)
		}
	}
	if e := check(x509.NewCertPool()); !strings.Contains(e.Remedy, "autoridad") {
		t.Errorf("%+v", e)
	}
	if err := os.WriteFile(filepath.Join(m.folder, "imap.password"), []byte("otra\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := check(m.box.Roots)
	if !strings.Contains(e.Remedy, "contraseña") || strings.Contains(e.Error, "otra") {
		t.Errorf("%+v", e)
	}
	var out bytes.Buffer
	writeExamined(&out, e)
	if !strings.Contains(out.String(), "Remedio") {
		t.Errorf("%s", out.String())
	}
	if b, err := json.Marshal(e); err != nil || !strings.Contains(string(b), `"account":"soporte"`) {
		t.Errorf("%s, %v", b, err)
	}
}
