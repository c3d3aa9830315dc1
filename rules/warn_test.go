package rules

import (
	"strings"
	"testing"
)

// Each oddity, and beside it what is near it and fine.
func TestWarnings(t *testing.T) {
	rule := func(name, text string) string {
		return "[[rule]]\nname = \"" + name + "\"\ntype = \"x\"\n" + text + "\n"
	}
	first := func(text string) string { return rule("primera", text) }
	second := func(text string) string { return rule("segunda", text) }
	const none, shadow, clash = "", `a la regla "segunda" no llega ningún correo`, "no se cumple nunca"
	for name, c := range map[string]struct{ rules, want string }{
		"after an unconditional one":  {first("") + second(`subject = ["a"]`), shadow},
		"after one that continues":    {first("continue = true") + second(`subject = ["a"]`), none},
		"before an unconditional one": {first(`subject = ["a"]`) + second(""), none},
		"of another class":            {first("") + second(`class = ["machine"]`), none},
		"of a class it names":         {first(`class = ["machine", "human"]`) + second(`class = ["machine"]`), shadow},
		"for answers":                 {first("") + second(`on = "reply"`), none},
		"fewer words":                 {first(`subject = ["a", "b"]`) + second(`subject = ["B"]`), shadow},
		"more words":                  {first(`subject = ["a"]`) + second(`subject = ["a", "b"]`), none},
		"a longer phrase":             {first(`subject = ["no funciona"]`) + second(`subject = ["ya no funciona"]`), shadow},
		"a shorter phrase":            {first(`subject = ["no funciona"]`) + second(`subject = ["funciona"]`), none},
		"an exact one first":          {first("subject = [\"a\"]\nexact = true") + second(`subject = ["a"]`), none},
		"two words and their phrase":  {first(`not = {subject = ["a", "b"]}`) + second(`not = {subject = ["a b"]}`), none},
		"values with spaces":          {first(`requester = {department = ["a", "b"]}`) + second(`requester = {department = ["a b"]}`), none},
		"a text in an expression":     {first(`when = "subject == 'a  b'"`) + second(`when = "subject == 'a b'"`), none},
		"another text":                {first(`subject = ["a"]`) + second(`body = ["a"]`), none},
		"one condition more":          {first(`subject = ["a"]`) + second("subject = [\"a\"]\nfrom = [\"a@b.example\"]"), shadow},
		"one condition less":          {first("subject = [\"a\"]\nfrom = [\"a@b.example\"]") + second(`subject = ["a"]`), none},
		"a subdomain":                 {first(`from_domain = ["*.b.example"]`) + second(`from_domain = ["a.b.example"]`), shadow},
		"subdomains":                  {first(`from_domain = ["*.b.example"]`) + second(`from_domain = ["*.a.b.example"]`), shadow},
		"subdomains of a domain":      {first(`from_domain = ["b.example"]`) + second(`from_domain = ["*.b.example"]`), none},
		"a plus address":              {first(`to = ["soporte@mesa.example"]`) + second(`to = ["soporte+x@mesa.example"]`), shadow},
		"an address without plus":     {first(`to = ["soporte+x@mesa.example"]`) + second(`to = ["soporte@mesa.example"]`), none},
		"fewer days":                  {first(`weekdays = ["lunes", "martes"]`) + second(`weekdays = ["martes"]`), shadow},
		"more days":                   {first(`weekdays = ["martes"]`) + second(`weekdays = ["lunes", "martes"]`), none},
		"the same expression":         {first(`when = "hour > 5"`) + second(`when = "hour  >  5"`), shadow},
		"an alternative of the first": {first(`any = [{subject = ["a"]}, {plus = ["b"]}]`) + second(`plus = ["b"]`), shadow},
		"all alternatives":            {first(`subject = ["a", "b"]`) + second(`any = [{subject = ["a"]}, {subject = ["b"]}]`), shadow},
		"not all alternatives":        {first(`subject = ["a"]`) + second(`any = [{subject = ["a"]}, {subject = ["b"]}]`), none},

		"from and its domain":      {first("from = [\"a@b.example\"]\nfrom_domain = [\"c.example\"]"), clash},
		"from within its domain":   {first("from = [\"a@b.c.example\"]\nfrom_domain = [\"*.c.example\"]"), none},
		"during and outside":       {first("during = \"oficina\"\noutside = \"oficina\""), clash},
		"the contrary":             {first("subject = [\"a\"]\nnot = {subject = [\"A\", \"b\"]}"), clash},
		"the contrary of more":     {first("subject = [\"a\"]\nnot = {subject = [\"a\"], body = [\"b\"]}"), none},
		"two classes":              {first("class = [\"human\"]\nall = [{class = [\"list\"]}]"), clash},
		"no subject and words":     {first("has_subject = false\nsubject = [\"a\"]"), clash},
		"pattern that always fits": {first(`subject_pattern = ["(PC)*"]`), "se cumple siempre"},
		"pattern that does not":    {first(`subject_pattern = ["(PC)+"]`), none},
		"the same word twice":      {first(`subject = ["Daño", "otro", "dano"]`), "«dano» es lo mismo que «Daño»"},
		"the same tag twice":       {first(`tags = ["a", "A"]`), "«A» ya está"},
	} {
		set, err := loadRules(t, c.rules)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, w := range set.Warnings() {
			got = append(got, w.Error())
		}
		text := strings.Join(got, "\n")
		if c.want == none && text != "" || !strings.Contains(text, c.want) || len(got) > 1 {
			t.Errorf("%s: warnings %q, want %q", name, text, c.want)
		}
	}
}
