package dossier_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ventanilla/dossier"
	"ventanilla/mail"
)

var made = time.Date(2026, 11, 26, 15, 4, 5, 0, time.UTC)

func seal(sum string) string        { return "seal of " + sum }
func sealed(sum, given string) bool { return seal(sum) == given }
func never(string, string) bool     { return false }
func stands(raw string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(raw), nil }
}

func sample(raws ...string) dossier.Dossier {
	d := dossier.Dossier{Desk: "Mesa de ayuda: «Ñandú»", Domain: "mesa.example", Number: "000001", Subject: "No imprime\r\nBcc: x@y.example", Made: made,
		Ticket: json.RawMessage(`{"number": "000001", "subject": "No <imprime> & ya"}`), Text: "Qué pasó:\n\nFrom lejos.\n"}
	for i, raw := range raws {
		at := made.Add(time.Duration(i) * time.Minute)
		d.Facts = append(d.Facts, dossier.Fact{Kind: dossier.Received, At: at, Data: json.RawMessage(fmt.Sprintf(`{"article":%d}`, i+1)), From: "ana@uni.example", Open: stands(raw)},
			dossier.Fact{Kind: dossier.Event, At: at, Data: json.RawMessage(`{"kind":"replied","text":"a < b"}`)})
	}
	d.Facts = append(d.Facts, dossier.Fact{Kind: dossier.Sent, At: made, Data: json.RawMessage(`{"to":"ana@uni.example"}`)})
	return d
}

func written(t testing.TB, d dossier.Dossier) []byte {
	var b bytes.Buffer
	if err := dossier.Write(&b, d, seal); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verify(t testing.TB, data []byte, by func(string, string) bool) dossier.Report {
	r, err := dossier.Verify(bytes.NewReader(data), by)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const question = "From: ana@uni.example\r\nSubject: x\r\n\r\nHola.\r\nFrom aquí\r\n>From allá\r\n"

// TestVerify: a dossier is whole and sealed as it was written, any change of a byte is
// found, and what was changed is named.
func TestVerify(t *testing.T) {
	data := written(t, sample(question, "Subject: y\n\nsin fin de línea"))
	if r := verify(t, data, sealed); !r.Whole || !r.Sealed || r.Mails != 2 || r.Facts != 5 || r.Number != "000001" {
		t.Fatalf("as it was written: %+v", r)
	}
	if r := verify(t, data, never); !r.Whole || r.Sealed {
		t.Errorf("with other keys: %+v", r)
	}
	if r := verify(t, data, nil); !r.Whole || r.Sealed {
		t.Errorf("without keys: %+v", r)
	}
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if r, err := dossier.Verify(bytes.NewReader(changed), sealed); err == nil && r.Sealed {
			t.Fatalf("a change of byte %d (%q) is not seen: %+v", i, data[max(0, i-20):i+1], r)
		}
	}
	for _, n := range []int{1, 2, len(data) / 2, len(data) - 1} {
		if r, err := dossier.Verify(bytes.NewReader(data[:len(data)-n]), sealed); err == nil && r.Sealed {
			t.Errorf("%d bytes less: %+v", n, r)
		}
	}
	if r, err := dossier.Verify(bytes.NewReader(append(bytes.Clone(data), '\n')), sealed); err == nil && r.Sealed {
		t.Errorf("a byte more: %+v", r)
	}
	for _, c := range []struct{ old, new, want string }{
		{"Hola.", "Hole.", "el correo 1"}, {"sin fin", "con fin", "el correo 2"}, {">From aquí", "From aquí", "sobran 1 correos"},
	} {
		r := verify(t, bytes.Replace(data, []byte(c.old), []byte(c.new), 1), sealed)
		if r.Whole || !strings.Contains(strings.Join(r.Changed, "; "), c.want) {
			t.Errorf("%q for %q: %+v, want %s", c.new, c.old, r, c.want)
		}
	}
	if _, err := dossier.Verify(strings.NewReader("hola"), sealed); !errors.Is(err, dossier.ErrNoDossier) {
		t.Errorf("some text: %v", err)
	}
}

// TestForged: who has no key can write a file that is whole in itself, and not one that
// is sealed.
func TestForged(t *testing.T) {
	var b bytes.Buffer
	if err := dossier.Write(&b, sample("Subject: otro\r\n\r\nYo no dije eso.\r\n"), func(string) string { return "x" }); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, b.Bytes(), sealed); !r.Whole || r.Sealed {
		t.Errorf("%+v", r)
	}
}

// TestAnyMail: the bytes of every mail come back, whatever they are.
func TestAnyMail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"From x", ">From x", ">>From", "hola", "", "From MAILER-DAEMON", "X-Ventanilla-Sum: 0", "\x00", "ñ", "--=_historia"})
		end := rapid.SampledFrom([]string{"\r\n", "\n", "\r\n\r\n", ""})
		var raws []string
		for range rapid.IntRange(0, 3).Draw(t, "mails") {
			raw := ""
			for range rapid.IntRange(0, 6).Draw(t, "lines") {
				raw += line.Draw(t, "line") + end.Draw(t, "end")
			}
			raws = append(raws, raw)
		}
		var b bytes.Buffer
		if err := dossier.Write(&b, sample(raws...), seal); err != nil {
			t.Fatal(err)
		}
		if r, err := dossier.Verify(bytes.NewReader(b.Bytes()), sealed); err != nil || !r.Sealed || r.Mails != len(raws) {
			t.Fatalf("%v %+v", err, r)
		}
	})
}

// TestLastMessage: the message with the history is one that mail programs read.
func TestLastMessage(t *testing.T) {
	data := written(t, sample(question))
	last := data[bytes.LastIndex(data, []byte("\nFrom "))+1:]
	_, raw, _ := bytes.Cut(last, []byte("\n"))
	m := mail.Parse(raw)
	if m.Subject != "Historia de la solicitud #000001: No imprime Bcc: x@y.example" || len(m.From) != 1 || m.From[0].Name != "Mesa de ayuda: «Ñandú»" {
		t.Errorf("subject %q from %v", m.Subject, m.From)
	}
	if !strings.Contains(m.Text, "From lejos.") || len(m.Parts) != 1 || m.Parts[0].Name != "historia.json" || len(m.Defects) > 0 {
		t.Errorf("text %q, parts %+v, defects %v", m.Text, m.Parts, m.Defects)
	}
	failed := errors.New("failed")
	d := sample()
	d.Facts = []dossier.Fact{{Kind: dossier.Received, Open: func() ([]byte, error) { return nil, failed }}}
	if err := dossier.Write(&bytes.Buffer{}, d, seal); !errors.Is(err, failed) {
		t.Errorf("a mail that cannot be read: %v", err)
	}
}
