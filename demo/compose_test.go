package demo

import (
	"bytes"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"ventanilla/mail"
)

func TestLetter(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.FixedZone("-05", -5*3600))
	ana, desk := &netmail.Address{Name: "Ana Núñez, Ing.", Address: "ana@example.org"}, &netmail.Address{Address: "soporte@desk.example"}
	tests := []struct {
		name string
		l    letter
	}{
		{"plain", letter{Subject: "No imprime", Text: "Buenos días,\n\nla impresora no imprime."}},
		{"Spanish", letter{Subject: "¿Cuándo estará lista la señal del satélite? Ñandú y más palabras que no caben en una línea de encabezado", Text: "¡Qué pena! Ñ\n.\n..\nFrom aquí\n" + strings.Repeat("línea larguísima ", 200)}},
		{"injection", letter{Subject: "x\r\nBcc: todos@example.org\r\n\r\nhola", Text: "x", InReplyTo: "a@b\r\nBcc: y", References: []string{"c@d\r\nBcc: z", "a@b"}}},
		{"file", letter{Subject: "Foto", Text: "Adjunto", File: bytes.Repeat([]byte{0, 255, 13, 10, '.'}, 5000), FileName: "pantalla «rota».png", FileType: "image/png"}},
		{"empty file", letter{Subject: "Vacío", Text: "Adjunto", File: []byte{}, FileName: "nada.txt", FileType: "text/plain"}},
		{"nothing", letter{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := tt.l
			l.From, l.To, l.Date, l.MessageID = ana, desk, at, newMessageID(ana.Address)
			raw, err := l.bytes()
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(strings.TrimSuffix(string(raw), "\r\n"), "\r\n") {
				if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") || strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
					t.Errorf("line is not safe: %.100q", line)
				}
			}
			m := mail.Parse(raw)
			if len(m.From) != 1 || m.From[0].Name != ana.Name || m.From[0].Address != ana.Address || len(m.To) != 1 || m.To[0].Address != desk.Address {
				t.Errorf("from %v to %v", m.From, m.To)
			}
			if m.Get("Bcc") != "" {
				t.Errorf("a field was let in: %q", m.Get("Bcc"))
			}
			if want := oneLine(l.Subject); m.Subject != want {
				t.Errorf("subject %q, want %q", m.Subject, want)
			}
			if got := strings.TrimRight(m.Text, "\n"); got != l.Text {
				t.Errorf("text %q, want %q", got, l.Text)
			}
			if !m.Date.Equal(at) || m.MessageID != l.MessageID {
				t.Errorf("date %v, id %q", m.Date, m.MessageID)
			}
			if l.File == nil {
				if len(m.Parts) != 0 {
					t.Errorf("parts %v", m.Parts)
				}
				return
			}
			if len(m.Parts) != 1 || m.Parts[0].Type != l.FileType || m.Parts[0].Size != int64(len(l.File)) || m.Parts[0].Disposition != "attachment" {
				t.Fatalf("parts %+v", m.Parts)
			}
		})
	}
}

func TestMessageIDs(t *testing.T) {
	a, b := newMessageID("ana@example.org"), newMessageID("ana@example.org")
	if a == b || !strings.HasSuffix(a, "@example.org") || len(a) != 24+len("@example.org") {
		t.Errorf("%q and %q", a, b)
	}
}
