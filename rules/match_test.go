package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ventanilla/mail"
)

const several = `
[[rule]]
name = "basura"
from_domain = ["ofertas.example"]
class = ["human", "machine"]
ignore = true

[[rule]]
name = "sospechoso"
from = ["Jefe@mesa.example"]
subject = ["transferencia urgente"]
quarantine = true

[[rule]]
name = "redes a su cola"
to = ["redes@mesa.example"]
queue = "redes"
continue = true

[[rule]]
name = "vip"
to = ["soporte+rectoria@mesa.example"]
priority = "alta"
owner = "ana"
continue = true

[[rule]]
name = "solicitudes"
subject = ["solicitud", "solicito", "no funciona", "e-mail"]
type = "requerimiento"
priority = 4
language = "es"

[[rule]]
name = "alarmas"
class = ["machine"]
type = "incidente"
queue = "soporte"

[[rule]]
name = "lo demás"
type = "otro"
`

func mustLoad(t testing.TB, rules string) *Set {
	t.Helper()
	set, err := loadAll(with(rules))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestRoute(t *testing.T) {
	set := mustLoad(t, several)
	request := Route{Type: "requerimiento", Priority: 4, Language: "es", Matched: []string{"solicitudes"}}
	rest := Route{Type: "otro", Matched: []string{"lo demás"}}
	for name, c := range map[string]struct {
		in   Routing
		want Route
	}{
		"word":                 {Routing{Subject: "solicitud de acceso"}, request},
		"case":                 {Routing{Subject: "SOLICITUD"}, request},
		"accent":               {Routing{Subject: "Solicitúd"}, request},
		"after a prefix":       {Routing{Subject: "RE: RV: Solicitud"}, request},
		"between marks":        {Routing{Subject: "Urgente:(solicitud)!"}, request},
		"phrase":               {Routing{Subject: "La impresora NO   funciona."}, request},
		"word with a hyphen":   {Routing{Subject: "mi e-mail"}, request},
		"not part of a word":   {Routing{Subject: "solicitudes, solicitude, prosolicitud"}, rest},
		"not a phrase in bits": {Routing{Subject: "no sé si funciona"}, rest},
		"phrase cut off":       {Routing{Subject: "funciona? no"}, rest},
		"empty subject":        {Routing{}, rest},
		"sender's domain":      {Routing{From: "x@Ofertas.Example"}, Route{Ignore: true, Matched: []string{"basura"}}},
		"no subdomain":         {Routing{From: "x@a.ofertas.example"}, rest},
		"no tail of a domain":  {Routing{From: "x@masofertas.example"}, rest},
		"all conditions":       {Routing{From: "jefe@MESA.example", Subject: "Transferencia urgente"}, Route{Quarantine: true, Matched: []string{"sospechoso"}}},
		"one condition is not": {Routing{From: "otro@mesa.example", Subject: "Transferencia urgente"}, rest},
		"goes on":              {Routing{To: []string{"Redes+k3abc@mesa.example"}, Subject: "Solicitud"}, Route{Queue: "redes", Type: "requerimiento", Priority: 4, Language: "es", Matched: []string{"redes a su cola", "solicitudes"}}},
		"the first one stays":  {Routing{To: []string{"soporte+rectoria@mesa.example"}, Subject: "Solicitud"}, Route{Owner: "ana", Type: "requerimiento", Priority: 2, Language: "es", Matched: []string{"vip", "solicitudes"}}},
		"plus part differs":    {Routing{To: []string{"soporte+otra@mesa.example", "soporte@mesa.example"}, Subject: "Solicitud"}, request},
		"machine":              {Routing{Class: mail.ClassMachine, Subject: "Solicitud"}, Route{Queue: "soporte", Type: "incidente", Matched: []string{"alarmas"}}},
		"list is people":       {Routing{Class: mail.ClassList, Subject: "Solicitud"}, request},
		"bounce is nobody":     {Routing{Class: mail.ClassBounce, Subject: "Solicitud"}, Route{}},
	} {
		got, steps := set.routeSteps(c.in)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if len(steps) == 0 || steps[len(steps)-1].Matched != (len(c.want.Matched) > 0) {
			t.Errorf("%s: steps end with %+v", name, steps)
		}
	}
	if got := new(Set).route(Routing{Subject: "solicitud"}); len(got.Matched) > 0 {
		t.Errorf("a set without rules matched %v", got.Matched)
	}
}

func TestSteps(t *testing.T) {
	set := mustLoad(t, several)
	_, steps := set.routeSteps(Routing{Subject: "Re: no funciona", From: "x@y.example", To: []string{"redes@mesa.example"}})
	var got []string
	for _, s := range steps {
		got = append(got, fmt.Sprintf("%s:%d %s %v: %s", s.File, s.Line, s.Rule, s.Matched, s.Why))
	}
	want := []string{
		"rules/10.toml:2 basura false: el dominio del remitente no es «ofertas.example»",
		"rules/10.toml:8 sospechoso false: el asunto no contiene «transferencia urgente»",
		"rules/10.toml:14 redes a su cola true: va dirigido a redes@mesa.example",
		"rules/10.toml:20 vip false: no va dirigido a «soporte+rectoria@mesa.example»",
		"rules/10.toml:27 solicitudes true: el asunto contiene «no funciona»",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, steps = set.routeSteps(Routing{Subject: "hola"})
	if got := steps[4].Why; got != "el asunto no contiene ninguna de: «solicitud», «solicito», «no funciona», «e-mail»" {
		t.Error(got)
	}
	if got := steps[5].Why; got != "la clase del correo es human, no machine" {
		t.Error(got)
	}
	if got := steps[6].Why; got != "la regla no pone condiciones" {
		t.Error(got)
	}
	_, steps = set.routeSteps(Routing{Class: mail.ClassMachine, From: "a@ofertas.example"})
	if got := steps[0].Why; got != "la clase del correo es machine; el dominio del remitente es ofertas.example" {
		t.Error(got)
	}
}

// The index by first words finds what a plain look at every rule finds, and
// more than 64 and 256 rules are kept apart.
func TestRouteAgainstPlain(t *testing.T) {
	words := []string{"solicitud", "acceso", "Red", "falló", "no"}
	rapid.Check(t, func(rt *rapid.T) {
		phrases := rapid.SliceOfN(rapid.Map(rapid.SliceOfN(rapid.SampledFrom(words), 1, 3),
			func(w []string) string { return strings.Join(w, " ") }), 1, 300).Draw(rt, "phrases")
		subject := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(words), 0, 8),
			func(w []string) string { return strings.Join(w, " ") }).Draw(rt, "subject")
		var text strings.Builder
		var want []string
		for i, p := range phrases {
			_, _ = fmt.Fprintf(&text, "[[rule]]\nname = \"r%d\"\nsubject = [%q]\ntype = \"x\"\ncontinue = true\n", i, p)
			if strings.Contains(" "+subject+" ", " "+p+" ") {
				want = append(want, fmt.Sprintf("r%d", i))
			}
		}
		set, err := loadAll(with(text.String()))
		if err != nil {
			rt.Fatal(err)
		}
		if got := set.route(Routing{Subject: subject}).Matched; !slices.Equal(got, want) {
			rt.Fatalf("matched %v, want %v", got, want)
		}
	})
}

func BenchmarkRoute50(b *testing.B) {
	var text strings.Builder
	for i := range 50 {
		_, _ = fmt.Fprintf(&text, "[[rule]]\nname = \"r%d\"\nsubject = [\"palabra%d\", \"no funciona %d\", \"otra%d\", \"solicitud %d\"]\ntype = \"x\"\n", i, i, i, i, i)
	}
	set := mustLoad(b, text.String())
	in := Routing{Subject: "Re: Solicitud de acceso al sistema académico: no funciona desde ayer, palabra49", To: []string{"soporte@mesa.example"}, From: "ana@uni.example", Class: mail.ClassHuman}
	if got := set.route(in).Matched; !slices.Equal(got, []string{"r49"}) {
		b.Fatal(got)
	}
	b.ReportAllocs()
	for b.Loop() {
		set.route(in)
	}
}
