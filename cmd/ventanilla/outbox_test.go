package main

import "testing"

func TestMeaning(t *testing.T) {
	for answer, want := range map[string]string{
		"550 5.1.1 no such user":           "no existe ese buzón; es definitivo",
		"550 no such user":                 "no existe ese buzón, o no lo permiten sus reglas; es definitivo",
		"452 4.2.2 mailbox full":           "el buzón está lleno; puede pasar",
		"451 4.7.1 greylisted, come again": "pide que se intente más tarde (lista gris, o demasiado correo); puede pasar",
		"450 4.2.0 <a@b>: Greylisted":      "pide que se intente más tarde (lista gris, o demasiado correo); puede pasar",
		"550 5.2.0 greylisted for ever":    "algo pasa con el buzón; es definitivo",
		"451 try again":                    "el servidor tuvo un problema, o pide que se intente más tarde (lista gris); puede pasar",
		"553 5.6.7 letras":                 "la dirección lleva letras que el servidor no sabe llevar (SMTPUTF8); es definitivo",
		"550 5.7.26 unauthenticated":       "no pasan ni SPF ni DKIM; es definitivo",
		"550 5.7.999 what":                 "no lo permiten sus reglas; es definitivo",
		"550 5.9.9 what":                   "no existe ese buzón, o no lo permiten sus reglas; es definitivo", // the code knows more
		"599 5.9.9 what":                   "el servidor no dice por qué; es definitivo",
		"499":                              "el servidor no dice por qué; puede pasar",
		"250 2.0.0 ok":                     "",
		"354 what":                         "",
		"600 what":                         "",
		"no se puede llegar al servidor":   "",
		"":                                 "",
		"4xx 4.2.2":                        "",
		"450 4.2.2.1 odd":                  "algo pasa con el buzón; puede pasar",
		"450 5. odd":                       "el buzón no está disponible; puede pasar",
		"450 4.2":                          "algo pasa con el buzón; puede pasar",
	} {
		if got := meaning(answer); got != want {
			t.Errorf("%q: %q, want %q", answer, got, want)
		}
	}
}
