package main

import (
	"crypto/ed25519"
	"strings"
	"testing"
)

// TestPublishedKey: what stands in the DNS in place of the record of a key.
func TestPublishedKey(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	record, err := dkimRecord("mesa.example", "corta", key)
	if err != nil {
		t.Fatal(err)
	}
	right := record.Value
	_, public, _ := strings.Cut(right, "p=")
	for _, c := range []struct {
		name  string
		found []string
		wrong string // in what is wrong; "" if it is good
		note  string
	}{
		{"as it should be", []string{right}, "", ""},
		{"white space", []string{strings.ReplaceAll(right, "; ", " ;\t") + " ;"}, "", ""},
		{"folded key", []string{"v=DKIM1; k=ed25519; p=" + public[:10] + " " + public[10:]}, "", ""},
		{"no version", []string{"k=ed25519; p=" + public}, "", ""},
		{"in a test", []string{right + "; t=s:y"}, "", "t=y"},
		{"strict", []string{right + "; t=s"}, "", ""},
		{"hash", []string{right + "; h=sha1:sha256"}, "", ""},
		{"service", []string{right + "; s=email"}, "", ""},
		{"none", nil, "no está en el DNS", ""},
		{"two", []string{right, right}, "hay 2 registros", ""},
		{"another key", []string{strings.Replace(right, public, strings.ToLower(public), 1)}, "publica otra clave", ""},
		{"another kind", []string{"v=DKIM1; p=" + public}, "dice k=rsa y la clave es ed25519", ""},
		{"revoked", []string{"v=DKIM1; k=ed25519; p="}, "está revocada", ""},
		{"another version", []string{"v=DKIM2; k=ed25519; p=" + public}, "v=DKIM2", ""},
		{"old hash", []string{right + "; h=sha1"}, "no admite sha256", ""},
		{"another service", []string{right + "; s=tlsrpt"}, "no admite correo", ""},
		{"no record of DKIM", []string{"v=spf1 -all"}, "no es un registro DKIM", ""},
		{"a tag twice", []string{right + "; k=rsa"}, "no es un registro DKIM", ""},
		{"empty", []string{""}, "no es un registro DKIM", ""},
	} {
		p := published{dnsRecord: record, Found: c.found}
		p.compare(key)
		wrong, notes := strings.Join(p.Wrong, "\n"), strings.Join(p.Notes, "\n")
		if (c.wrong == "") != (wrong == "") || !strings.Contains(wrong, c.wrong) || (c.note == "") != (notes == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s: wrong %q, notes %q", c.name, wrong, notes)
		}
	}
}
