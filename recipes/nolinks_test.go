package recipes

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime/v2"

	"ventanilla/demo"
	"ventanilla/peers"
)

// TestNoLinks: as a recipe leaves it, without public_url, no mail has a link, neither
// in its text nor in its HTML. It is decided by the mail that a mailto: writes.
// TestPages is the control: with public_url there are links.
func TestNoLinks(t *testing.T) {
	t.Parallel()
	out, door := newOutside(t), peers.Free(t)
	d := newDesk(t, peers.NewMachine(t, "nginx-light"), read(t, "MX propio"))
	d.edit(`listen = ":25"`, `listen = "`+door+`"`, "correo.universidad.example:587", out.address, "user = \"ventanilla\"\npassword_file = \"smarthost.password\"\n", "",
		`tls = "starttls"`, `tls = "none"`, `#relays = ["10.0.0.5", "10.1.0.0/24"]`, `relays = ["`+stranger+`"]`)
	d.serve(door)
	d.takes(door, "ana@uni.example", queue, "Solicitud de acceso")
	out.await(t, "ana@uni.example", `\[#000001\]`)
	told := out.await(t, "luis@universidad.example", "000001")
	d.takes(door, "luis@universidad.example", told.Message.ReplyTo[0].Address, "Re: "+told.Message.Subject, "--header", "In-Reply-To: <"+told.Message.MessageID+">",
		"--body", "#tomar\n#resolver\nListo: ya tiene acceso.")
	solved := words(t, out.await(t, "ana@uni.example", "Listo: ya tiene acceso"))
	twin := regexp.MustCompile(`mailto:(soporte\+a[0-9a-z]+@` + regexp.QuoteMeta(domain) + `)`).FindStringSubmatch(solved)
	if twin == nil || !strings.Contains(solved, "mailto:soporte+r") {
		t.Fatalf("no twins in\n%s", solved)
	}
	d.takes(door, "ana@uni.example", twin[1], "Aprobar")
	d.until(`#000001 +closed`, "ticket", "list")
	d.settled(1)
	for _, c := range out.Mails() {
		if link := regexp.MustCompile(`(?i)https?:\S*|\bwww\.\S*`).FindString(words(t, c)); link != "" {
			t.Errorf("to %v, %q: %s", c.Envelope.Rcpts, c.Message.Subject, link)
		}
	}
}

// words are all that a mail shows, in its text and in its HTML.
func words(t *testing.T, c demo.Captured) string {
	t.Helper()
	e, err := enmime.ReadEnvelope(bytes.NewReader(c.Raw))
	if err != nil || e.HTML == "" || e.Text == "" {
		t.Fatalf("%q: %v, %d bytes of text and %d of HTML", c.Message.Subject, err, len(e.Text), len(e.HTML))
	}
	return e.Text + "\n" + e.HTML
}
