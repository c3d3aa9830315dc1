package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"ventanilla/dossier"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/store/mem"
)

// TestExportByMail: the file that an agent is sent is the ticket's dossier, sealed by
// the desk, with the mails as they came.
func TestExportByMail(t *testing.T) {
	script, err := os.ReadFile("../testdata/gateway/92-export.txt")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlayed(t, mem.New())
	p.play(string(script))
	os, err := p.Outbox(context.Background(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, o := range os {
		if o.Kind != "expediente" {
			continue
		}
		found = true
		raw := p.raw(o)
		m := mail.Parse(raw)
		if len(m.Parts) != 1 || m.Parts[0].Name != "solicitud-000001.mbox" {
			t.Fatalf("parts %+v", m.Parts)
		}
		file, err := io.ReadAll(m.Parts[0].Open(raw))
		if err != nil {
			t.Fatal(err)
		}
		r, err := dossier.Verify(bytes.NewReader(file), p.Sealed)
		if err != nil || !r.Sealed || r.Mails != 2 || r.Number != "000001" {
			t.Errorf("%v %+v", err, r)
		}
		if !bytes.Contains(file, []byte("Adjunto lo que se acord\xc3\xb3.\r\n")) {
			t.Error("the mail is not in it as it came")
		}
	}
	if !found {
		t.Error("nothing was sent")
	}
}

// TestExportTooLarge: what does not fit into a mail is not sent, and the agent learns
// how to get it.
func TestExportTooLarge(t *testing.T) {
	script, err := os.ReadFile("../testdata/gateway/92-export.txt")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlayed(t, mem.New())
	long := strings.Repeat("Adjunto lo que se acordó en la reunión de ayer con el proveedor.\n", gateway.ExportMost/60)
	p.play(strings.Replace(string(script), "Adjunto lo que se acordó.\n", long, 1))
	o := p.last["luis@mesa.example"]
	if o.Kind == "transcripcion" {
		o = p.last["before luis@mesa.example"]
	}
	if m := mail.Parse(p.raw(o)); o.Kind != "expediente" || len(m.Parts) != 0 || !strings.Contains(m.Text, "ventanilla ticket export") {
		t.Errorf("%s with %d files: %s", o.Kind, len(m.Parts), m.Text)
	}
	var b bytes.Buffer
	if err := p.Dossier(context.Background(), "000001", &b); err != nil || b.Len() < gateway.ExportMost {
		t.Errorf("the command line gets %d bytes: %v", b.Len(), err)
	}
	if err := p.Dossier(context.Background(), "999999", &b); !errors.Is(err, gateway.ErrNotFound) {
		t.Errorf("a ticket that is not there: %v", err)
	}
}
