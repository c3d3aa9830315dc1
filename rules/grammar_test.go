package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
	"ventanilla/mail"
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
		},
		Types:      []string{"incidente", "requerimiento"},
		Categories: []desk.Category{{Name: "impresoras", Title: "Impresoras y escáneres"}},
		Services:   []desk.Service{{Name: "vpn", Title: "Acceso remoto"}},
		Clients:    []desk.Client{{Name: "acme", Title: "Acme S. A."}},
		Fields: []desk.FieldKind{{Name: "dependencia", Title: "Dependencia", Labels: []string{"oficina"}},
			{Name: "sede", Title: "Sede", Values: []string{"norte", "sur"}}, {Name: "cedula", Title: "Cédula", Pattern: "[0-9]{6,10}"}},
	}
}

func TestCommandBlock(t *testing.T) {
	for _, c := range []struct{ name, text, block, rest string }{
		{"top", "#tomar\n#prioridad alta\n\nYa lo veo.", "#tomar|#prioridad alta", "Ya lo veo."},
		{"below a greeting", "Buenos días,\n\n#resolver\nListo.", "#resolver", "Buenos días,\n\nListo."},
		{"empty lines between", "#tomar\n\n#prioridad alta\n\u00a0\n\n#etiqueta vpn\n\nYa lo veo.", "#tomar|#prioridad alta|#etiqueta vpn", "Ya lo veo."},
		{"a misspelt verb behind an empty line", "#tomar\n\n#asginar eva\nYa.", "#tomar|#asginar eva", "Ya."},
		{"a number behind an empty line", "#tomar\n\n#hashtag es una etiqueta", "#tomar", "#hashtag es una etiqueta"},
		{"a run at the end", "Listo, ya quedó.\n\n#tiempo 5m\n\n#resolver\n", "#tiempo 5m|#resolver", "Listo, ya quedó."},
		{"a run at the end, behind what is none", "Use el canal\n#general\n#resolver", "#resolver", "Use el canal\n#general"},
		{"a numbered list", "1. #tomar\n2) #prioridad alta\nHola", "1. #tomar|2) #prioridad alta", "Hola"},
		{"numbers that are none", "1. Reinicie\n2. Entre", "", "1. Reinicie\n2. Entre"},
		{"tabs", "\u2022\t#tomar\tya", "#tomar ya", ""},
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
		{text: "#tipo incidnte", problems: "unknown-type incidente"},
		{text: "#responsable Eva Ríos, por vacaciones", want: "set responsible=eva"},
		{text: "#asignar luis porque conoce el equipo", want: "assign luis"},
		{text: "#responsable evva", problems: "unknown-agent eva"},
		{text: "#urgencia alta", want: "set urgency=2; priority 3"},
		{text: "#impacto 1", want: "set impact=1; priority 1"},
		{text: "#urgencia 8", problems: "unknown-priority "},
		{text: "#categoría Impresoras y escaneres", want: "set category=impresoras"},
		{text: "#categoria impresora", problems: "unknown-category impresoras"},
		{text: "#servicio", problems: "argument-missing "},
		{text: "#servicio VPN", want: "set service=vpn"},
		{text: "#cliente acme s. a.", want: "set client=acme"},
		{text: "#cliente amce", problems: "unknown-client acme"},
		{text: "#nivel 2", want: "set level=2"},
		{text: "#nivel proveedor", want: "set level=provider"},
		{text: "#nivel 7", problems: "unknown-level "},
		{text: "#escalar", want: "set level=2"},
		{text: "#escalar proveedor: requiere repuesto", want: "set level=provider"},
		{text: "#escalar requiere un especialista", want: "set level=2"},
		{text: "#escalar 1", problems: "level-not-higher "},
		{text: "#externo INC-4711", want: "set external=INC-4711"},
		{text: "#activo PC-0042", want: "set asset=PC-0042"},
		{text: "#canal teléfono", want: "set channel=phone"},
		{text: "#canal paloma", problems: "unknown-channel "},
		{text: "#asunto Sin red en el piso 3", want: "set subject=Sin red en el piso 3"},
		{text: "#asunto", problems: "argument-missing "},
		{text: "#etiqueta +vpn -wifi, norte", want: "tag vpn; untag wifi; tag norte"},
		{text: "#etiqueta +", problems: "tag-missing "},
		{text: "#etiqueta", problems: "tag-missing "},
		{text: "#campo dependencia=Archivo central", want: "set field/dependencia=Archivo central"},
		{text: "#campo Oficina: Archivo", want: "set field/dependencia=Archivo"},
		{text: "#campo sede=NORTE", want: "set field/sede=norte"},
		{text: "#campo sede=nrte", problems: "field-value norte"},
		{text: "#campo cédula=12a", problems: "field-value "},
		{text: "#campo cedula=", want: "set field/cedula="},
		{text: "#campo dependncia=x", problems: "unknown-field dependencia"},
		{text: "#campo dependencia", problems: "argument-missing "},
		{text: "#espera cliente", want: "wait requester"},
		{text: "#espera proveedor 3 días", want: "wait provider 2026-05-12T15:30"},
		{text: "#espera usuario, hasta el viernes 17:00", want: "wait requester 2026-05-08T17:00"},
		{text: "#espera soporte ayer", problems: "unknown-moment "},
		{text: "#espera cliente 7/5/2026", problems: "moment-past "},
		{text: "#espera provedor", problems: "unknown-waiting proveedor"},
		{text: "#espera cliente 2d\n#etiqueta vpn", want: "tag vpn; wait requester 2026-05-11T15:30"},
		{text: "#anular es un duplicado", want: "cancel "},
		{text: "#anular", problems: "reason-missing "},
		{text: "#porqué", want: ""},
		{text: "#tomar\n#porqué", want: "assign luis"},
	} {
		t.Run(c.text, func(t *testing.T) {
			block, _ := commandBlock(c.text)
			p, problems := plan(block, Case{World: testWorld(), Message: &mail.Message{}, Now: time.Date(2026, 5, 7, 15, 30, 0, 0, time.UTC)}, desk.Ticket{ID: 1, Details: desk.Details{Impact: 4, Level: "1"}}, by)
			var got, wrong []string
			for _, k := range p.cmds {
				v := k.Value
				if k.Number > 0 {
					v = string(rune('0' + k.Number))
				}
				if k.Field != "" {
					v = string(k.Field) + "=" + v
				}
				if !k.Until.IsZero() {
					v += k.Until.Format(" 2006-01-02T15:04")
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
		"Aprobado. Gracias.":                 {approvePhrase, ""},
		"Conforme, muchas gracias":           {approvePhrase, ""},
		"Rechazado, gracias":                 {rejectPhrase, ""},
		"Apruebogracias":                     {noPhrase, ""},
		"No está aprobado, gracias":          {noPhrase, ""},
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
