package mailout

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"io"
	"net"
	"net/textproto"
	"testing"

	"pgregory.net/rapid"
)

// TestBodyWriter: whatever the mail and however it comes in pieces, the server
// reads the bytes that the library's own writer would have sent, and the hash is
// that of the mail.
func TestBodyWriter(t *testing.T) {
	line := rapid.StringMatching(`(\.{0,3})([a-z.=]{0,30})(\r\n|\r\n\.\r\n)`)
	rapid.Check(t, func(r *rapid.T) {
		var text string
		for _, l := range rapid.SliceOfN(line, 1, 40).Draw(r, "lines") {
			text += l
		}
		text += rapid.SampledFrom([]string{"", "", ".", "x"}).Draw(r, "end")
		var want, got bytes.Buffer
		library := textproto.NewWriter(bufio.NewWriter(&want)).DotWriter()
		_, _ = io.WriteString(library, text)
		_ = library.Close()

		server, ours := net.Pipe()
		defer ours.Close()
		read := make(chan error, 1)
		go func() { _, err := io.Copy(&got, server); read <- err }()
		out := bufio.NewWriterSize(ours, 64)
		var body bodyWriter
		body.begin(out)
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(r, "piece")
			if n%2 == 0 {
				_, _ = body.WriteString(rest[:n])
			} else {
				_, _ = body.Write([]byte(rest[:n]))
			}
			rest = rest[n:]
		}
		body.finish()
		if err := out.Flush(); err != nil || body.err != nil {
			r.Fatal(err, body.err)
		}
		ours.Close()
		<-read
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			r.Fatalf("%q went out as\n%q, want\n%q", text, &got, &want)
		}
		if sum := sha256.Sum256([]byte(text)); !bytes.Equal(body.hash.Sum(nil), sum[:]) {
			r.Fatal("the hash is not that of the mail")
		}
	})
}
