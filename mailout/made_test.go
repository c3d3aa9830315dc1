package mailout

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"ventanilla/mail"
)

// TestFilesOfTheDesk: a file that came in no mail is attached as it is, of any length.
func TestFilesOfTheDesk(t *testing.T) {
	for _, n := range []int{0, 1, 56, 57, 58, 114, 5000} {
		data := append([]byte{}, bytes.Repeat([]byte("a;ñ\r\n\x00"), n/7+1)[:n]...)
		raw := assembled(t, Draft{Header: []mail.Field{{Name: "Subject", Value: "x"}}, Text: "Va adjunto.", Boundary: "b",
			Files: []File{{Name: "informe mayo.csv", Type: "text/csv", Data: data}}})
		m := mail.Parse(raw)
		if len(m.Parts) != 1 || m.Parts[0].Name != "informe mayo.csv" {
			t.Fatalf("%d bytes: parts %+v", n, m.Parts)
		}
		if got, err := io.ReadAll(m.Parts[0].Open(raw)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back as %d, %v", n, len(got), err)
		}
		if !strings.Contains(string(raw), "base64") {
			t.Errorf("%d bytes are not in base64", n)
		}
	}
}
