package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
)

func testWorld() *desk.World {
	return &desk.World{Name: "Mesa", Domain: "mesa.example", Language: "es", AdminAddress: "admin@mesa.example", OwnDomains: []string{"mesa.example"},
		ReopenWithin: 30 * 24 * time.Hour,
		Queues: []desk.Queue{
			{Name: "soporte", Title: "Soporte técnico", Address: "soporte@mesa.example", Agents: []string{"luis", "eva"}, Approval: true},
			{Name: "redes", Title: "Redes", Address: "redes@mesa.example", Agents: []string{"eva"}},
		},
		Agents: []desk.Agent{
			{Name: "luis", Title: "Luis Pérez", Address: "luis@mesa.example", Further: []string{"luis@casa.example"}},
			{Name: "eva", Title: "Eva Ríos", Address: "eva@mesa.example"},
		}}
}

func TestCommandBlock(t *testing.T) {
	for _, c := range []struct{ name, text, block, rest string }{
		{"top", "#tomar\n#prioridad alta\n\nYa lo veo.", "#tomar|#prioridad alta", "Ya lo veo."},
		{"below a greeting", "Buenos días,\n\n#resolver\nListo.", "#resolver", "Buenos días,\n\nListo."},
		{"exclamation", "!cerrar\nhola", "!cerrar", "hola"},
		{"last line", "Listo, ya quedó.\n\n#resolver\n", "#resolver", "Listo, ya quedó."},
		{"not in the middle", "Uno.\n#resolver\nDos.", "", "Uno.\n#resolver\nDos."},
		{"a number is no command", "#123 es el ticket", "", "#123 es el ticket"},
		{"a heading is no command", "# Título", "", "# Título"},
		{"only commands", "#tomar", "#tomar", ""},
		{"non-breaking space", "#asignar\u00a0luis", "#asignar luis", ""},
		{"empty", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			block, rest := commandBlock(c.text)
			var raw []string
			for _, l := range block {
				raw = append(raw, l.raw)
			}
			if got := strings.Join(raw, "|"); got != c.block || rest != c.rest {
				t.Errorf("block %q, rest %q", got, rest)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	by := desk.Agent{Name: "luis"}
	for _, c := range []struct {
		text     string
		want     string // kind and value of each command
		problems string // reason and suggestion of each
	}{
		{text: "#tomar", want: "assign luis"},
		{text: "#TOMAR", want: "assign luis"},
		{text: "#asignar eva", want: "assign eva"},
		{text: "#asignar Eva Rios", want: "assign eva"},
		{text: "#assign eva@mesa.example", want: "assign eva"},
		{text: "#asignar ebva", problems: "unknown-agent eva"},
		{text: "#soltar", want: "assign "},
		{text: "#cola redes", want: "queue redes"},
		{text: "#transferir Soporte Tecnico", want: "queue soporte"},
		{text: "#cola rede", problems: "unknown-queue redes"},
		{text: "#prioridad muy urgente", want: "priority 1"},
		{text: "#prioridad 5", want: "priority 5"},
		{text: "#prioridad 9", problems: "unknown-priority "},
		{text: "#prioridad atla", problems: "unknown-priority alta"},
		{text: "#tipo incidente", want: "type incidente"},
		{text: "#tipo", problems: "argument-missing "},
		{text: "#resolver\n#prioridad baja\n#tomar", want: "priority 4; assign luis; resolve "},
		{text: "#reslover", problems: "unknown-verb resolver"},
		{text: "#resolver\n#asignar nadie", problems: "unknown-agent "},
		{text: "#nota", want: "note "},
		{text: "#cerrar sin respuesta", want: "close "},
		{text: "#reabrir", want: "reopen "},
		{text: "#aceptar 3", want: "accept 3"},
		{text: "#apartar x", problems: "unknown-article "},
	} {
		t.Run(c.text, func(t *testing.T) {
			block, _ := commandBlock(c.text)
			cmds, _, problems := plan(block, testWorld(), desk.Ticket{ID: 1}, by)
			var got, wrong []string
			for _, k := range cmds {
				v := k.Value
				if k.Number > 0 {
					v = string(rune('0' + k.Number))
				}
				got = append(got, string(k.Kind)+" "+v)
				if k.Actor != desk.ByAgent("luis") || k.Ticket != 1 {
					t.Errorf("command %+v", k)
				}
			}
			for _, p := range problems {
				wrong = append(wrong, p.Reason+" "+p.Near)
			}
			if strings.Join(got, "; ") != c.want || strings.Join(wrong, "; ") != c.problems {
				t.Errorf("commands %q, problems %q; want %q, %q", got, wrong, c.want, c.problems)
			}
		})
	}
}

// TestVerbs: no word is two verbs, and each is written as it is compared.
func TestVerbs(t *testing.T) {
	seen := map[string]string{}
	for _, v := range verbs {
		for _, w := range append([]string{v.name}, v.synonyms...) {
			if other, ok := seen[w]; ok {
				t.Errorf("%q is %s and %s", w, other, v.name)
			}
			seen[w] = v.name
			if l, ok := commandLine("#" + w); !ok || l.word != w {
				t.Errorf("%q is read as %q", w, l.word)
			}
		}
	}
}

func TestReadPhrase(t *testing.T) {
	for text, want := range map[string]struct {
		p      phrase
		reason string
	}{
		"aprobar":                            {approvePhrase, ""},
		"Aprobado.":                          {approvePhrase, ""},
		"Buenos días,\n\nAPRUEBO\nTodo bien": {approvePhrase, "Todo bien"},
		"VoBo":                               {approvePhrase, ""},
		"rechazar no imprime todavía":        {rejectPhrase, "no imprime todavía"},
		"Rechazo: sigue igual\ny además…":    {rejectPhrase, "sigue igual\ny además…"},
		"rechazado":                          {rejectPhrase, ""},
		"persiste":                           {rejectPhrase, ""},
		"gracias":                            {thanksPhrase, ""},
		"Mil gracias, ya quedó":              {thanksPhrase, ""},
		"Gracias, pero falta la otra":        {noPhrase, ""},
		"aprobar la compra de sillas":        {noPhrase, ""},
		"No aprobar":                         {noPhrase, ""},
		"rechazaron mi solicitud":            {noPhrase, ""},
		"":                                   {noPhrase, ""},
	} {
		if p, reason := readPhrase(text); p != want.p || reason != want.reason {
			t.Errorf("%q: %v, %q; want %v, %q", text, p, reason, want.p, want.reason)
		}
	}
}

func TestWithoutCommands(t *testing.T) {
	if got := WithoutCommands("\\#resolver\n\n**Listo**, ya \\#1 quedó.", true); !strings.HasPrefix(got, "**Listo**") {
		t.Error(got)
	}
	const same = "\\#resolver es una orden"
	if got := WithoutCommands(same, false); got != same {
		t.Error(cmp.Diff(same, got))
	}
}

func FuzzCommandBlock(f *testing.F) {
	for _, s := range []string{"#tomar", "Hola\n\n#cerrar x", "!a\n#b\n\n#c", "#ñ\u00a0", "#\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		block, rest := commandBlock(text)
		if len(block) == 0 && rest != text {
			t.Errorf("no command, yet %q became %q", text, rest)
		}
		readPhrase(text)
		WithoutCommands(text, true)
	})
}
