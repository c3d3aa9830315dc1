package rules

import (
	"testing"
)

// TestPhrases: every word that a requester can say, in the ways in which people write
// it, and what merely looks like one.
func TestPhrases(t *testing.T) {
	for want, words := range map[phrase][]string{approvePhrase: approveWords, rejectPhrase: append(rejectWords[:len(rejectWords):len(rejectWords)], persistWords...), statusPhrase: statusWords,
		minePhrase: mineWords, closePhrase: closeWords, mutePhrase: muteWords, helpPhrase: helpWords, thanksPhrase: thanksWords} {
		for _, w := range words {
			for _, text := range []string{w, w + ".", " " + w + " ", "Buenos días,\n" + w, "¡" + w + "!", "*" + w + "*"} {
				if p, _ := readPhrase(text); p != want {
					t.Errorf("%q is phrase %d, not %d", text, p, want)
				}
			}
		}
	}
	for text, want := range map[string]struct {
		p      phrase
		reason string
	}{
		"Aprobado, muchas gracias.":                  {approvePhrase, ""},
		"VoBo\nQue quede el barato.":                 {approvePhrase, "Que quede el barato."},
		"Visto bueno":                                {approvePhrase, ""},
		"APRUEBO":                                    {approvePhrase, ""},
		"Rechazar: sigue sin imprimir":               {rejectPhrase, "sigue sin imprimir"},
		"rechazo, no imprime a color\nni en negro":   {rejectPhrase, "no imprime a color\nni en negro"},
		"Rechazado\n\nNo imprime.":                   {rejectPhrase, "No imprime."},
		"Sigue fallando":                             {rejectPhrase, ""},
		"cerrar\nYa no hace falta.":                  {closePhrase, "Ya no hace falta."},
		"Mil gracias, ya quedó.":                     {thanksPhrase, ""},
		"Gracias":                                    {thanksPhrase, ""},
		"Ayuda\nNo imprime":                          {},
		"Ayuda con la impresora":                     {},
		"estado de la impresora":                     {},
		"Estado\nNo sé cómo va":                      {},
		"Aprobar no puedo, sigue igual":              {},
		"No apruebo":                                 {},
		"No rechazo la solución":                     {},
		"cerrar la ventana no funciona":              {},
		"Sigue fallando la impresora del piso 3":     {},
		"gracias, pero sigue sin imprimir":           {},
		"Gracias\n¿Y el otro equipo?":                {},
		"mis solicitudes no llegan":                  {},
		"no me avisen\nhasta el lunes, estoy afuera": {},
		"rechazaron mi solicitud de vacaciones":      {},
		"#cerrar":                                    {},
		"":                                           {},
	} {
		if p, reason := readPhrase(text); p != want.p || reason != want.reason && want.p != noPhrase {
			t.Errorf("%q is phrase %d with %q, not %d with %q", text, p, reason, want.p, want.reason)
		}
	}
}
