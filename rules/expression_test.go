package rules

import (
	"strings"
	"testing"
)

// Mistakes in an expression come with their place and the nearest name.
func TestExpressionMistakes(t *testing.T) {
	for source, c := range map[string]struct {
		at   int
		want string
	}{
		`has(subject, "red") and let x = hour; x > 3`: {24, "aquí sobra o falta algo"},
		`let x = hour; x > 3`:                         {0, ""},
		`has(subjet, "red") and true`:                 {4, `no se conoce subjet; ¿quiso decir "subject"?`},
		`has(subject, 3)`:                             {13, "ese dato no es de la clase que hace falta"},
		`subjet == "a"`:                               {0, `no se conoce subjet; ¿quiso decir "subject"?`},
		`ticket.stat == "x"`:                          {7, "no se conoce ese campo"},
		`hour == "x"`:                                 {5, "se comparan cosas de distinta clase"},
		`fold(subject, 3) == ""`:                      {0, "a la función le sobran datos"},
		`repeat("a", 1000000) == ""`:                  {0, "no se conoce repeat"},
		`now() == 3`:                                  {0, "no se conoce now"},
		`"a" matches "("`:                             {4, "el patrón está mal escrito"},
		`"a" matches subject`:                         {4, "después de matches va un patrón"},
		`"a`:                                          {2, "falta la comilla"},
		`hour`:                                        {0, "debe ser verdadera o falsa"},
		strings.Repeat("hour > 1 and ", 100) + "true": {659, "demasiado larga"},
	} {
		program, at, got := compileExpression(source)
		if (program != nil) != (c.want == "") || !strings.Contains(got, c.want) || c.want != "" && at != c.at {
			t.Errorf("%s: %d %s, want %d %s", source, at, got, c.at, c.want)
		}
	}
}
