package mailout

import (
	"bytes"
	"strings"
	"testing"

	"ventanilla/desk"
)

// TestEnvelopeSenders: only an acknowledgement goes out without an envelope sender,
// and only where a key of ours signs for the domain that it is from. Every other
// mail has one that names it.
func TestEnvelopeSenders(t *testing.T) {
	r := Renderer{Desk: &desk.World{}, Keys: desk.NewKeys(bytes.Repeat([]byte{1}, desk.KeySize))}
	token := desk.Token{Ticket: 7, Revision: 3}
	for _, c := range []struct {
		template, dkim, queue string
		null                  bool
	}{
		{"acuse", "", "soporte@mesa.example", false},
		{"acuse", "mesa.example", "soporte@mesa.example", true},
		{"acuse-fijo", "mesa.example", "soporte@mesa.example", true},
		{"acuse-varios", "mesa.example", "soporte@mesa.example", true},
		{"acuse", "MESA.example", "soporte@correo.mesa.example", true},
		{"acuse", "correo.mesa.example", "soporte@mesa.example", true},
		{"acuse", "otra.example", "soporte@mesa.example", false},
		{"acuse", "example", "soporte@mesa.example", false},
		{"acuse", "uni.edu.co", "soporte@otra.edu.co", false}, // edu.co is nobody's organisation
		{"respuesta", "mesa.example", "soporte@mesa.example", false},
		{"resuelto", "mesa.example", "soporte@mesa.example", false},
		{"ticket-nuevo", "mesa.example", "soporte@mesa.example", false},
		{"datos", "mesa.example", "soporte@mesa.example", false}, // he is asked for something
	} {
		r.DKIM = c.dkim
		got := r.envelopeSender(message{template: c.template, queue: desk.Queue{Address: c.queue}, token: token})
		if c.null && got != "" {
			t.Errorf("%+v: %s", c, got)
		}
		if c.null {
			continue
		}
		local, domain, _ := strings.Cut(got, "@")
		name, tag, _ := strings.Cut(local, "+")
		if made, ok := r.Keys.Check(tag); !ok || made.Purpose != desk.ForBounce || made.Ticket != 7 || name+"@"+domain != c.queue {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
