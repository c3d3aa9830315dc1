package mail

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestContentID(t *testing.T) {
	plain := "From: a@b.co\r\nSubject: x\r\n folded\r\n\r\nHola\r\nmundo\r\n"
	want := ContentID([]byte(plain))
	same := map[string]string{
		"LF line ends":     strings.ReplaceAll(plain, "\r\n", "\n"),
		"no end":           strings.TrimSuffix(plain, "\r\n"),
		"empty lines":      plain + "\r\n\r\n",
		"trace fields":     "Return-Path: <x@y>\r\nReceived: from a\r\n\tby b; now\r\nARC-Seal: i=1;\r\n a=b\r\ndelivered-to: z\r\n" + plain,
		"trace in midst":   strings.Replace(plain, "Subject", "Received: by\r\n here\r\nSubject", 1),
		"mbox separator":   "From x@y Mon Jan  1 00:00:00 2024\r\n" + plain,
		"separator within": "Return-Path: <x@y>\r\nReceived: from a\r\n\tby b; now\r\nFrom x@y Mon Jan  1 00:00:00 2024\r\nReceived: c\r\n" + plain,
		"trace upon fold":  strings.Replace(plain, "\r\n\r\n", "\r\nDKIM-Signature: v=1;\r\n b=ab\r\n\r\n", 1),
	}
	for name, mail := range same {
		if got := ContentID([]byte(mail)); got != want {
			t.Errorf("%s: another ID", name)
		}
	}
	for name, mail := range map[string]string{
		"subject":             strings.Replace(plain, "x", "y", 1),
		"body":                plain + "x",
		"trace in body":       strings.Replace(plain, "Hola", "Received: by\r\nHola", 1),
		"name beginning so":   "Received-Twice: x\r\n" + plain,
		"separator too late":  strings.Replace(plain, "Subject", "From x@y Mon Jan  1 00:00:00 2024\r\nSubject", 1),
		"one line end more":   strings.Replace(plain, "Hola", "Hola\r\n", 1),
		"line ends of a fold": strings.Replace(plain, "\r\n folded", " folded", 1),
	} {
		if got := ContentID([]byte(mail)); got == want {
			t.Errorf("%s: the same ID", name)
		}
	}
	if len(want) != 64 {
		t.Errorf("ID has %d digits", len(want))
	}
}

func TestHasherInPieces(t *testing.T) {
	mail := []byte("From x\r\nReceived: a\r\n b\r\nX: \r\r\n\r y\r\nFrom: a@b\r\n\r\nbo\rdy\r\n\r\nend\r\n\r\n\r")
	want := ContentID(mail)
	for size := 1; size < 9; size++ {
		h := NewHasher()
		for piece := range bytes.Lines(mail) {
			for len(piece) > 0 {
				n := min(size, len(piece))
				if _, err := h.Write(piece[:n]); err != nil {
					t.Fatal(err)
				}
				piece = piece[n:]
			}
		}
		if got := h.Sum(); got != want {
			t.Errorf("pieces of %d: another ID", size)
		}
	}
}

// TestHasherAnyPieces: a mail has one ID however it comes, and by a Hasher that is used
// again. Whole lines are taken in another way than single bytes.
func TestHasherAnyPieces(t *testing.T) {
	pieces := rapid.SliceOfN(rapid.SampledFrom([]string{"\r\n", "\n", "\r", "a", "Hola, mundo", strings.Repeat("b", 4090), "\r\n\r\n"}), 0, 30)
	used := NewHasher()
	_, _ = used.Write([]byte("Subject: x\r\n\r\notro\r"))
	rapid.Check(t, func(rt *rapid.T) {
		mail := []byte("From: a@b\r\n\r\n" + strings.Join(pieces.Draw(rt, "body"), ""))
		single := NewHasher()
		for i := range mail {
			_, _ = single.Write(mail[i : i+1])
		}
		used.Reset()
		_, _ = used.Write(mail)
		if whole, want := used.Sum(), single.Sum(); whole != want {
			rt.Fatalf("%.80q: %s, byte by byte %s", mail, whole, want)
		}
	})
}

const sample = "Received: from x by y; Mon, 9 Dec 2013 14:02:00 -0500\r\n" +
	"From: =?UTF-8?Q?Jos=C3=A9_P=C3=A9rez?= <Jose@Ejemplo.CO>\r\nTo: soporte@mesa.example, \"Otra, Persona\" <o@x.example>\r\n" +
	"Subject: =?utf-8?B?U29saWNpdHVkOiBubyBpbXByaW1l?=\r\nDate: Mon, 9 Dec 2013 14:02:03 -0500\r\nMessage-ID: <abc@ejemplo.co>\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\npreamble\r\n--b1\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHola, la impresora no imprime =E2=80=94 gracias.\r\n\r\n" +
	"El lun, 9 dic 2013 a las 14:00, Soporte <soporte@mesa.example>\r\nescribi=C3=B3:\r\n> Su caso\r\n--b1\r\n" +
	"Content-Type: image/png; name=\"../../foto.png\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\niVBORw0KGgo=\r\n--b1--\r\n"

func TestParse(t *testing.T) {
	m := Parse([]byte(sample))
	if m.From[0] != (Address{"José Pérez", "Jose@ejemplo.co"}) || len(m.To) != 2 || m.To[1].Name != "Otra, Persona" {
		t.Errorf("addresses: %v %v", m.From, m.To)
	}
	if m.Subject != "Solicitud: no imprime" || m.MessageID != "abc@ejemplo.co" || m.Date.Unix() != 1386615723 {
		t.Errorf("header: %q %q %v", m.Subject, m.MessageID, m.Date)
	}
	if m.Reply != "Hola, la impresora no imprime — gracias." || !strings.HasPrefix(m.Quoted, "El lun") {
		t.Errorf("reply %q, quoted %q", m.Reply, m.Quoted)
	}
	if len(m.Parts) != 1 || m.Parts[0].Name != "foto.png" || m.Parts[0].Size != 8 {
		t.Fatalf("parts: %+v", m.Parts)
	}
	if m.Class != ClassHuman || len(m.Defects) != 0 {
		t.Errorf("%s %v", m.Class, m.Defects)
	}
}
