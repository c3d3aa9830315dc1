package rules

import (
	"strings"
	"testing"

	"ventanilla/desk"
)

// A rule's fields come from its own patterns alone: not from those of a rule
// before it, nor from what must not be there; what they catch is cut.
func TestCaptures(t *testing.T) {
	set, err := loadRules(t, `
[[rule]]
name = "atrapa y no se cumple"
subject_pattern = ['(?P<equipo>pc-\d+)']
when = "hour == 25"
type = "x"

[[rule]]
name = "de otro texto"
any = [{subject = ["hola"]}, {body_pattern = ['(?P<equipo>zz-\d+)']}]
not = {all = [{subject_pattern = ['(?P<equipo>pc-\d+)']}, {subject = ["nunca"]}]}
fields = {equipo = "$equipo"}
tags = ["a"]
continue = true

[[rule]]
name = "largo"
body_pattern = ['(?P<nota>a+)']
fields = {nota = "$nota"}
`)
	if err != nil {
		t.Fatal(err)
	}
	r := set.route(Routing{Subject: "hola pc-12", Body: strings.Repeat("a", 1000)})
	if len(r.Matched) != 2 || r.Fields["equipo"] != "" || len(r.Fields["nota"]) != captureMost {
		t.Errorf("route %+v", r)
	}
}

// Two rules with the same pattern each catch with it, in any table.
func TestCapturesOfTwoRules(t *testing.T) {
	for _, condition := range []string{
		`subject_pattern = ['(?P<equipo>pc-\d+)']`,
		`any = [{all = [{subject_pattern = ['(?P<equipo>pc-\d+)']}, {subject = ["hola"]}]}]`,
	} {
		set, err := loadRules(t, strings.ReplaceAll(`
[[rule]]
name = "una"
CONDITION
fields = {equipo = "$equipo"}
continue = true

[[rule]]
name = "otra"
CONDITION
fields = {nota = "$equipo"}
`, "CONDITION", condition))
		if err != nil {
			t.Fatal(err)
		}
		if f := set.route(Routing{Subject: "hola pc-12"}).Fields; f["equipo"] != "pc-12" || f["nota"] != "pc-12" {
			t.Errorf("%s: fields %v", condition, f)
		}
	}
}

// Limits of what a rule may say.
func TestRuleLimits(t *testing.T) {
	nested := func(n int) string {
		return "type = \"x\"\nnot = " + strings.Repeat("{not = ", n) + `{subject = ["a"]}` + strings.Repeat("}", n)
	}
	for rule, want := range map[string]string{
		"type = \"x\"\nsubject_pattern = [\"" + strings.Repeat("a", patternMost) + "\"]":   "",
		"type = \"x\"\nsubject_pattern = [\"" + strings.Repeat("a", patternMost+1) + "\"]": "demasiado larga",
		nested(nestedMost - 1): "",
		nested(nestedMost):     "demasiadas tablas una dentro de otra",
		"not = {subject_pattern = ['(?P<equipo>x+)']}\nfields = {equipo = \"$equipo\"}": "ningún patrón de la regla atrapa $equipo",
	} {
		_, err := loadRules(t, "[[rule]]\nname = \"una\"\n"+rule)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60s: got %v, want %q", rule, err, want)
		}
	}
}

// What a ticket does not allow is left out; the answer is taken all the same.
func TestRefusedChanges(t *testing.T) {
	s := testSet(t, "[[rule]]\nname = \"marca\"\non = \"reply\"\ntags = [\"una-más\"]\n")
	c := testCase(ana, "hola")
	k := c.Tickets[1]
	for i := range desk.MaxTags {
		k.Tags = append(k.Tags, strings.Repeat("x", i+1))
	}
	c.Tickets[1] = k
	column(&c, TrustAuthBound, ByReceived)
	if got := outcome(s.Decide(c)); got != "append, reply" {
		t.Errorf("got %s", got)
	}
}
