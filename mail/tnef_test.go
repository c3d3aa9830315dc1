package mail

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
)

// tnefWriter writes a winmail.dat as Outlook does.
type tnefWriter struct{ bytes.Buffer }

func newTNEF() *tnefWriter {
	w := &tnefWriter{}
	w.uint32(tnefSignature)
	w.Write([]byte{1, 0})
	return w
}

func (w *tnefWriter) uint32(n uint32) { w.Write(binary.LittleEndian.AppendUint32(nil, n)) }

func (w *tnefWriter) attribute(level byte, id uint32, data []byte) {
	w.WriteByte(level)
	w.uint32(id)
	w.uint32(uint32(len(data)))
	w.Write(data)
	var sum uint16
	for _, b := range data {
		sum += uint16(b)
	}
	w.Write(binary.LittleEndian.AppendUint16(nil, sum))
}

// file writes a file; long is its name in its properties, "" for none.
func (w *tnefWriter) file(title, long, data string) {
	w.attribute(2, tnefRendering, make([]byte, 14))
	w.attribute(2, tnefTitle, append([]byte(title), 0))
	w.attribute(2, tnefData, []byte(data))
	if long != "" {
		w.attribute(2, tnefAttachment, properties(
			property{0x0003, 0x0E20, []byte{3, 0, 0, 0}}, property{propTypeWide, propName, wide(long)}, property{propTypeText, propType, []byte("text/csv\x00")}))
	}
}

type property struct {
	kind, id uint16
	value    []byte
}

func properties(ps ...property) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(ps)))
	for _, p := range ps {
		b = binary.LittleEndian.AppendUint16(b, p.kind)
		b = binary.LittleEndian.AppendUint16(b, p.id)
		if p.kind == propTypeText || p.kind == propTypeWide {
			b = binary.LittleEndian.AppendUint32(b, 1)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(p.value)))
		}
		b = append(b, p.value...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	return b
}

func wide(s string) (b []byte) {
	for _, u := range append(utf16.Encode([]rune(s)), 0) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// mailWith returns a mail with a winmail.dat and a text.
func mailWith(text string, stream []byte) []byte {
	return fmt.Appendf(nil, "From: ana@x.example\nSubject: x\nMessage-ID: <1@x>\nDate: Mon, 9 Dec 2013 14:02:03 -0500\n"+
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n%s\n--b\n"+
		"Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n%s\n--b--\n", text, base64.StdEncoding.EncodeToString(stream))
}

func TestWinmail(t *testing.T) {
	w := newTNEF()
	w.attribute(1, tnefBody, []byte("Va el presupuesto.\r\n\x00"))
	w.file("INFORM~1.CSV", "informe año.csv", "a;b\n1;2\n")
	w.file("../foto.png", "", strings.Repeat("x", 5000))
	raw := mailWith("", w.Bytes())
	m := Parse(raw)
	if m.Text != "Va el presupuesto.\n" {
		t.Errorf("text %q", m.Text)
	}
	want := []struct {
		name, typ, content string
	}{{"informe año.csv", "text/csv", "a;b\n1;2\n"}, {"foto.png", "application/octet-stream", strings.Repeat("x", 5000)}}
	if len(m.Parts) != len(want) {
		t.Fatalf("parts %+v", m.Parts)
	}
	for i, p := range m.Parts {
		content, err := io.ReadAll(p.Open(raw))
		if p.Name != want[i].name || p.Type != want[i].typ || string(content) != want[i].content || err != nil || p.Size != int64(len(content)) {
			t.Errorf("part %d: %+v, %d bytes, %v", i, p, len(content), err)
		}
	}
	if m := Parse(mailWith("El texto.", w.Bytes())); m.Text != "El texto." {
		t.Errorf("the mail's own text %q gave way to Outlook's", m.Text)
	}
}

// TestWinmailBroken cuts a stream off everywhere: what is whole before counts,
// and what holds nothing stays a file.
func TestWinmailBroken(t *testing.T) {
	w := newTNEF()
	w.file("a.txt", "a.txt", "uno")
	first := w.Len()
	w.file("b.txt", "", "dos")
	for cut := range w.Len() {
		m := Parse(mailWith("x", w.Bytes()[:cut]))
		names := list(m.Parts, func(p Part) string { return p.Name })
		switch {
		case cut < 60 && names != "winmail.dat" && names != "a.txt", cut >= first && !strings.HasPrefix(names, "a.txt"):
			t.Errorf("cut at %d: %s", cut, names)
		}
	}
	if m := Parse(mailWith("x", []byte("no es nada"))); len(m.Parts) != 1 || m.Parts[0].Name != "winmail.dat" || len(m.Defects) == 0 {
		t.Errorf("%+v, %q", m.Parts, m.Defects)
	}
}

func FuzzTNEF(f *testing.F) {
	w := newTNEF()
	w.attribute(1, tnefProperties, properties(property{propTypeText, propBody, []byte("hola\x00")}, property{0x8001, 0x8002, make([]byte, 24)}))
	w.file("a.txt", "largo.txt", "uno")
	f.Add(w.Bytes())
	f.Fuzz(func(t *testing.T, stream []byte) {
		if _, err := readTNEF(bytes.NewReader(stream)); err == nil {
			raw := mailWith("x", stream)
			checkMessage(t, raw, Parse(raw))
		}
	})
}
