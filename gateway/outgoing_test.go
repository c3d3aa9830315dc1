package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"ventanilla/mail"
	"ventanilla/mailout"
)

// checkOutgoing holds of every mail that the desk makes.
func checkOutgoing(t testing.TB, o mailout.Outgoing, raw []byte) {
	t.Helper()
	sum := sha256.Sum256(raw)
	if hex.EncodeToString(sum[:]) != o.SHA256 || int64(len(raw)) != o.Size {
		t.Errorf("%s: bytes are not those of its hash", o.ID)
	}
	for _, line := range bytes.Split(raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n") {
			t.Errorf("%s: line of %d octets", o.ID, len(line))
		}
	}
	if bytes.ContainsFunc(raw, func(r rune) bool { return r >= 0x80 || r == 0 }) {
		t.Errorf("%s: not 7-bit", o.ID)
	}
	m := mail.Parse(raw)
	for _, f := range []string{"From", "To", "Subject", "Date", "Message-ID"} {
		n := 0
		for _, h := range m.Header {
			if strings.EqualFold(h.Name, f) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d fields %s", o.ID, n, f)
		}
	}
	if len(m.Defects) > 0 || len(m.From) != 1 || len(m.To) != 1 || m.Text == "" || m.HTML == "" {
		t.Errorf("%s: defects %v, from %v, to %v, text %d, html %d", o.ID, m.Defects, m.From, m.To, len(m.Text), len(m.HTML))
	}
	auto, person := m.Get("Auto-Submitted"), o.Kind == "respuesta" || o.Kind == "respuesta-solicitante" || o.Kind == "nota" || o.Kind == "consulta" || o.Kind == "respuesta-interna"
	if person != (auto == "") || person == (m.Get("X-Auto-Response-Suppress") != "") || m.Get("Precedence") != "" {
		t.Errorf("%s (%s): Auto-Submitted %q", o.ID, o.Kind, auto)
	}
	if m.Get(mail.LoopHeader) == "" && m.Loop == "" {
		t.Errorf("%s: no loop header", o.ID)
	}
	at := strings.LastIndexByte(o.From, '@')
	if o.From != "" && (at < 0 || at > 64) {
		t.Errorf("%s: envelope sender %q", o.ID, o.From)
	}
}
