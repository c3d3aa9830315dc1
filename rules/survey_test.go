package rules

import "testing"

// TestReadScore: what counts as an answer to a survey, and above all what does not.
func TestReadScore(t *testing.T) {
	for text, want := range map[string]struct {
		score   int
		comment string
	}{
		"4":                                {4, ""},
		" 5.\n":                            {5, ""},
		"*3*":                              {3, ""},
		"4/5":                              {4, ""},
		"4 / 5":                            {4, ""},
		"4 de 5":                           {4, ""},
		"5 estrellas":                      {5, ""},
		"5 puntos":                         {5, ""},
		"cinco":                            {5, ""},
		"Un cuatro.":                       {4, ""},
		"Buenos días:\n\n4\n\nMuy amables": {4, "Muy amables"},
		"4 muy bien":                       {4, "muy bien"},
		"4, muy bien, gracias":             {4, "muy bien, gracias"},
		"5 - Excelente atención":           {5, "Excelente atención"},
		"1: nunca vinieron":                {1, "nunca vinieron"},
		"4/5 Gracias":                      {4, "Gracias"},
		"2 (tardaron mucho)":               {2, "(tardaron mucho)"},
		"5 ¡Gracias!":                      {0, ""}, // folding keeps the sign: not plainly a score
		"le pongo un 5":                    {5, ""},
		"Les doy un 4 de 5":                {4, ""},
		"Calificación: 3":                  {3, ""},
		"Mi nota es 2\nFalta cortesía":     {2, "Falta cortesía"},
		"5 excelente":                      {5, "excelente"},
		"5\nsigue sin funcionar a ratos":   {5, "sigue sin funcionar a ratos"},

		"":                          {},
		"0":                         {},
		"6":                         {},
		"10":                        {},
		"45":                        {},
		"4 equipos siguen fallando": {},
		"3 personas sin red":        {},
		"3.5":                       {},
		"2-3":                       {},
		"4:30 pm me sirve":          {},
		"2 veces más falló":         {},
		"1 mes sin servicio":        {},
		"gracias":                   {},
		"5 bienes por reparar":      {},
		"Sigue igual\n5":            {},
		"No me sirve un 4":          {},
		"#4":                        {},
		"4 4":                       {},
		"1234":                      {},
		"4, 5 y 6 siguen dañados":   {},
		"le pongo un 7":             {},
		"el 3 sigue caído":          {},
		"dos equipos más fallan":    {},
	} {
		score, comment, ok := readScore(text)
		if score != want.score || comment != want.comment || ok != (want.score != 0) {
			t.Errorf("%q: %d %q %v, want %d %q", text, score, comment, ok, want.score, want.comment)
		}
	}
}
