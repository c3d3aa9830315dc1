package mail

import "testing"

// TestAway: an automatic answer of somebody who is away is told from other automatic
// answers.
func TestAway(t *testing.T) {
	for _, c := range []struct {
		subject, body string
		away          bool
	}{
		{"Respuesta automática: [#000001] Sin red", "Estoy de vacaciones hasta el lunes.", true},
		{"Respuesta automática: [#000001] Sin red", "Volveré el 7 de enero. Escriba a Rosa.", true},
		{"Respuesta automática: Fuera de la oficina", "Gracias por su mensaje.", true},
		{"Automatic reply: x", "I'll be back on Monday.", true},
		{"Resposta automática: x", "Voltarei no dia 5.", true},
		{"Respuesta automática: [#000001] Sin red", "Recibimos su mensaje y le responderemos pronto.", false},
		{"Automatic reply: x", "Your message was received. Our hours are 8 to 5.", false},
		{"Respuesta automática: x", "Esta cuenta ya no se usa.", false},
		{"Sin red", "Estoy de vacaciones hasta el lunes, pero la impresora no imprime.", false}, // a person
	} {
		if m := Parse(plain(c.subject, c.body)); m.Away() != c.away {
			t.Errorf("%q %q (%s): away %v", c.subject, c.body, m.Class, m.Away())
		}
	}
}
