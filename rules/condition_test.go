package rules

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

func loadRules(t testing.TB, rules string) (*Set, error) {
	t.Helper()
	return loadAll(withDesk(rules))
}

// withDesk returns the standing desk with more files and a rule file.
func withDesk(rules string) fstest.MapFS {
	tree := with(rules)
	for name, text := range map[string]string{
		"desk/calendars.toml":              "[[calendar]]\nname = \"oficina\"\nzone = \"UTC\"\nhours = [\"lunes a viernes 8:00-12:00\"]\n[[calendar]]\nname = \"noche\"\nzone = \"UTC\"\nhours = [\"todos 20:00-24:00\"]\n",
		"desk/categories.toml":             "[[category]]\nname = \"impresoras\"\nqueue = \"redes\"\ntype = \"incidente\"\nowner = \"ana\"\nservice = \"correo\"\nurgency = 1\nimpact = 2\n",
		"desk/services.toml":               "[[service]]\nname = \"correo\"\n\n[[service]]\nname = \"vpn\"\n",
		"desk/clients.toml":                "[[client]]\nname = \"uni\"\ndomains = [\"fisica.uni.example\"]\nproducts = [\"nómina\", \"inventarios\"]\n",
		"desk/answers/vpn.md":              "Así se instala la VPN.",
		"templates/es/acuse/biblioteca.md": "Subject: {{.Subject}}\n\nLa biblioteca atiende de 8 a 12.\n",
		"desk/fields.toml":                 "[[field]]\nname = \"equipo\"\n\n[[field]]\nname = \"nota\"\n",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// long is a mail with everything that rules look at.
func long() Routing {
	return Routing{Subject: "RE: Cámara del Bloque B no enciende, equipo PC-0417", Body: "Buenos días, desde ayer la cámara del salón no funciona y el proyector tampoco.",
		To: []string{"Soporte+redes@mesa.example"}, Cc: []string{"Jefa@uni.example"}, From: "Ana@fisica.uni.example", Class: mail.ClassHuman,
		Header:   []mail.Field{{Name: "X-Spam-Flag", Value: "YES, maybe"}, {Name: "List-Id", Value: "Avisos <avisos.listas.uni.example>"}, {Name: "X-Score", Value: "7.5"}},
		Parts:    []mail.Part{{Name: "Foto-Número 1.JPG", Type: "image/jpeg", Size: 3 << 20, Kind: "jpg"}, {Name: "a.pdf", Type: "application/pdf", Size: 10, Kind: "exe"}},
		Known:    desk.Known{Name: "Ing. Ana Vega", Address: "ana@uni.example", Phone: "+57 (1) 234-5678", Department: "Física Teórica"},
		Contract: desk.Client{Name: "uni", Products: []string{"Nómina"}, Services: []string{"correo"}},
		Trust:    TrustAuth, At: time.Date(2026, 5, 4, 10, 30, 0, 0, time.UTC)} // a Monday
}

// conditions are cases against the mail above: whether each holds, and what the
// trace says of it.
var conditions = []struct {
	when string
	want bool
	why  string
}{
	{`subject = ["proyector", "no enciende"]`, true, "el asunto contiene «no enciende»"},
	{`body_pattern = ["pantalla|radio"]`, false, "el texto no encaja con «pantalla|radio»"},
	{`header_pattern = {X-Spam-Flag = "^no"}`, false, "el campo X-Spam-Flag no encaja con «^no»"},
	{`to = ["redes@mesa.example"]`, false, "no va dirigido a «redes@mesa.example»"},
	{`from = ["eva@fisica.uni.example"]`, false, "el remitente no es «eva@fisica.uni.example»"},
	{`attachment = {name = ["*.exe"]}`, false, "ningún adjunto es como se pide"},
	{`attachment = {content = ["exe", "elf"]}`, true, "trae el adjunto «a.pdf»"},
	{`attachment = {name = ["*.jpg"], content = ["exe"]}`, false, "ningún adjunto es como se pide"},
	{`attachment = {disguised = true}`, true, "trae el adjunto «a.pdf»"},
	{`attachment = {disguised = false}`, true, "trae el adjunto «Foto-Número 1.JPG»"},
	{`attachment = {disguised = true, type = ["image/*"]}`, false, "ningún adjunto es como se pide"},
	{`requester = {listed = true}`, true, "en desk/people.csv: true"},
	{`requester = {listed = false}`, false, "en desk/people.csv: true, no false"},
	{`requester = {name = ["ana vega"]}`, true, "quien pide se llama Ing. Ana Vega"},
	{`requester = {name = ["Vegas"]}`, false, "quien pide se llama Ing. Ana Vega, no «Vegas»"},
	{`requester = {address = ["ANA@uni.example"]}`, true, "la dirección principal es ana@uni.example"},
	{`requester = {address = ["eva@uni.example"]}`, false, "la dirección principal es ana@uni.example, no eva@uni.example"},
	{`requester = {phone = ["+57 1 *"]}`, true, "su teléfono es +57 (1) 234-5678"},
	{`requester = {phone = ["234 56 78"]}`, false, "su teléfono es +57 (1) 234-5678, no 2345678"},
	{`requester = {product = ["nomina"]}`, true, "su cliente usa nomina"},
	{`requester = {product = ["Inventarios"]}`, false, "su cliente no usa «inventarios»"},
	{`requester = {service = ["Correo"]}`, true, "su cliente tiene el servicio correo"},
	{`requester = {service = ["vpn"]}`, false, "su cliente no tiene el servicio «vpn»"},
	{`requester = {client = ["uni"], department = ["química"]}`, false, "la dependencia es fisica teorica, no quimica"},
	{`when = 'requester.department == "Física Teórica" and "Nómina" in requester.products and requester.client == "uni"'`, true, ""},
	{`when = 'any(attachments, .content == "exe" and .name endsWith ".pdf")'`, true, ""},
	{`body = ["salón", "otro"]`, true, "el texto contiene «salón»"},
	{`body = ["SALON no FUNCIONA"]`, true, "el texto contiene «SALON no FUNCIONA»"},
	{`body = ["funcionan"]`, false, "el texto no contiene «funcionan»"},
	{`body = ["salon"]` + "\nexact = true", false, "el texto no contiene «salon»"},
	{`body = ["salón"]` + "\nexact = true", true, "el texto contiene «salón»"},
	{`subject = ["camara"]` + "\nexact = true", false, "el asunto no contiene «camara»"},
	{`has_subject = true`, true, "hay asunto"},
	{`has_subject = false`, false, "hay asunto"},
	{`subject_pattern = ['pc-\d{4}']`, true, `el asunto encaja con «pc-\d{4}»`},
	{`subject_pattern = ['CAMÁRA del bloque [a-c]\b']`, true, ""},
	{`subject_pattern = ['camara']` + "\nexact = true", false, "el asunto no encaja con «camara»"},
	{`subject_pattern = ['^re:']`, false, "el asunto no encaja con «^re:»"},
	{`subject_pattern = ['[^a-z]mara']`, false, ""},
	{`subject_pattern = ['^[a-z]+ del']`, true, ""},
	{`body_pattern = ["proyec(tor|cion)"]`, true, ""},
	{`from = ["ana@fisica.uni.example"]`, true, "el remitente es ana@fisica.uni.example"},
	{`from_domain = ["uni.example"]`, false, "el dominio del remitente no es «uni.example»"},
	{`from_domain = ["*.uni.example"]`, true, "el dominio del remitente es *.uni.example"},
	{`from_domain = ["*.fisica.uni.example"]`, false, ""},
	{`to = ["soporte@mesa.example"]`, true, "va dirigido a soporte@mesa.example"},
	{`cc = ["jefa@uni.example"]`, true, "en copia está jefa@uni.example"},
	{`cc = ["jefe@uni.example"]`, false, "en copia no está «jefe@uni.example»"},
	{`plus = ["Redes"]`, true, "la dirección lleva + redes"},
	{`plus = ["otra"]`, false, "ninguna dirección nuestra lleva + «otra»"},
	{`list = ["avisos.listas.uni.example"]`, true, "viene de la lista avisos.listas.uni.example"},
	{`list = ["*.uni.example"]`, true, "viene de la lista *.uni.example"},
	{`list = ["avisos"]`, false, "no viene de la lista «avisos»"},
	{`class = ["list", "human"]`, true, "la clase del correo es human"},
	{`class = ["machine"]`, false, "la clase del correo es human, no machine"},
	{`attachment = {}`, true, "trae el adjunto «Foto-Número 1.JPG»"},
	{`attachment = {name = ["*numero*.jpg"]}`, true, ""},
	{`attachment = {type = ["image/*"], larger_than = "2MB"}`, true, ""},
	{`attachment = {type = ["application/*"], larger_than = "2MB"}`, false, "ningún adjunto es como se pide"},
	{`attachment = {smaller_than = "1KB"}`, true, "trae el adjunto «a.pdf»"},
	{`header = {X-Spam-Flag = "yes"}`, true, "el campo X-Spam-Flag dice «YES, maybe»"},
	{`header = {X-Spam-Flag = ["no", "nunca"]}`, false, "el campo X-Spam-Flag no dice ninguna de: «no», «nunca»"},
	{`header = {X-Otro = "yes"}`, false, "no hay campo X-Otro"},
	{`header_pattern = {X-Score = '^[5-9]\.'}`, true, "el campo X-Score encaja con «^[5-9]\\.»"},
	{`header_pattern = {X-Score = '^9'}`, false, ""},
	{`text_language = ["es"]`, true, "el idioma del texto es es"},
	{`text_language = ["en", "unknown"]`, false, "el idioma del texto es es, no en o unknown"},
	{`trust = ["auth", "auth+bound"]`, true, "la confianza es auth"},
	{`trust = ["bound"]`, false, "la confianza es auth, no bound"},
	{`known = false`, true, "conocido el remitente: false"},
	{`known = true`, false, "conocido el remitente: false, no true"},
	{`requester = {client = ["Uni"]}`, true, "el cliente es uni"},
	{`requester = {department = ["fisica teorica"]}`, true, "la dependencia es fisica teorica"},
	{`requester = {department = ["química"]}`, false, "la dependencia es fisica teorica, no quimica"},
	{`during = "oficina"`, true, "llegó en horario de oficina (lunes 10:30)"},
	{`during = "noche"`, false, "llegó fuera del horario de noche (lunes 10:30)"},
	{`outside = "noche"`, true, "llegó fuera del horario de noche (lunes 10:30)"},
	{`attachment = {larger_than = "3MB"}`, false, "ningún adjunto es como se pide"},
	{`attachment = {smaller_than = "10KB", larger_than = "9KB"}`, false, "ningún adjunto es como se pide"},
	{`outside = "oficina"`, false, "llegó en horario de oficina (lunes 10:30)"},
	{`weekdays = ["lunes", "Sabado"]`, true, "llegó un lunes"},
	{`weekdays = ["miércoles"]`, false, "llegó un lunes, que la regla no nombra"},
	{`hours = ["10:30-12:00"]`, true, "llegó a las 10:30"},
	{`hours = ["08:00-10:30"]`, false, "llegó a las 10:30, no entre 08:00-10:30"},
	{`hours = ["22:00-11:00"]`, true, "llegó a las 10:30"},
	{`any = [{subject = ["impresora"]}, {plus = ["redes"]}]`, true, "la dirección lleva + redes"},
	{`any = [{subject = ["impresora"]}, {plus = ["otra"]}]`, false, "ninguna alternativa se cumple (el asunto no contiene «impresora»; ninguna dirección nuestra lleva + «otra»)"},
	{`all = [{subject = ["camara"]}, {body = ["proyector"]}]`, true, "el asunto contiene «camara»; el texto contiene «proyector»"},
	{`all = [{subject = ["camara"]}, {body = ["pantalla"]}]`, false, "el texto no contiene «pantalla»"},
	{`not = {from_domain = ["proveedor.example"]}`, true, "no debe cumplirse y no se cumple: el dominio del remitente no es «proveedor.example»"},
	{`not = {subject = ["camara"], body = ["proyector"]}`, false, "no debe cumplirse y se cumple: el asunto contiene «camara»; el texto contiene «proyector»"},
	{`not = {any = [{subject = ["x"]}, {not = {plus = ["redes"]}}]}`, true, ""},
	{`when = 'has(subject, "CAMARA") and len(attachments) == 2'`, true, `when es true: has(subject, "CAMARA") and len(attachments) == 2`},
	{`when = 'any(attachments, .size > 5000000)'`, false, `when es false: any(attachments, .size > 5000000)`},
	{`when = 'headers["x-score"] matches "^7" and weekday == 1 and hour == 10 and language == "es"'`, true, ""},
	{`when = 'fold(subject) contains "camara del bloque"'`, true, ""},
	{`when = 'ticket.number == ""'`, true, ""},
	{`when = 'any(map(attachments, map(attachments, map(attachments, map(attachments, map(attachments, #)))))  , true)'`, true, ""},
}

// Each condition by itself, and as any, all and not.
func TestConditions(t *testing.T) {
	for _, c := range conditions {
		set, err := loadRules(t, "[[rule]]\nname = \"una\"\ntype = \"x\"\n"+c.when)
		if err != nil {
			t.Errorf("%s: %v", c.when, err)
			continue
		}
		route, steps := set.routeSteps(long())
		if got := len(route.Matched) == 1; got != c.want || steps[0].Matched != c.want {
			t.Errorf("%s: %v, want %v (%s)", c.when, got, c.want, steps[0].Why)
		}
		if c.why != "" && steps[0].Why != c.why {
			t.Errorf("%s:\n got %s\nwant %s", c.when, steps[0].Why, c.why)
		}
		if quick := set.route(long()); len(quick.Matched) != len(route.Matched) {
			t.Errorf("%s: with a trace it matches otherwise", c.when)
		}
		table := "{" + strings.ReplaceAll(c.when, "\n", ", ") + "}"
		for form, want := range map[string]bool{
			"any = [{subject = [\"nunca\"]}, " + table + "]": c.want,
			"all = [{has_subject = true}, " + table + "]":    c.want,
			"not = " + table:              !c.want,
			"not = {not = " + table + "}": c.want,
			"not = {any = [" + table + ", {subject = [\"nunca\"]}]}":                                   !c.want,
			"any = [{all = [" + table + ", {not = {subject = [\"nunca\"]}}]}]\nnot = {plus = [\"x\"]}": c.want,
		} {
			set, err := loadRules(t, "[[rule]]\nname = \"una\"\ntype = \"x\"\n"+form)
			if err != nil {
				t.Errorf("%s: %v", form, err)
			} else if route, steps := set.routeSteps(long()); (len(route.Matched) == 1) != want {
				t.Errorf("%s: %v, want %v (%s)", form, !want, want, steps[0].Why)
			}
		}
	}
}

// Every condition that there is has a case that holds and one that does not.
func TestEveryConditionHasCases(t *testing.T) {
	holds := map[bool]string{}
	for _, c := range conditions {
		holds[c.want] += "\n" + c.when
	}
	keys := func(of any, within string) {
		for f := range reflect.TypeOf(of).Fields() {
			key := keyName(f)
			if within == "" && (key == "ticket" || key == "clock" || key == "exact") {
				continue // TestTicketConditions, TestExpired; what exact changes, the cases of words and patterns show
			}
			for _, want := range []bool{true, false} {
				found := regexp.MustCompile(`(?m)^` + key + ` = `)
				if within != "" {
					found = regexp.MustCompile(`(?m)^` + within + ` = \{(.*, )?` + key + ` = `)
				}
				if !found.MatchString(holds[want]) {
					t.Errorf("%s %s: no case that is %v", within, key, want)
				}
			}
		}
	}
	keys(conditionText{}, "")
	keys(attachmentText{}, "attachment")
	keys(requesterText{}, "requester")
}

// What a rule can want of the ticket that a mail answers to, alone and as any, all
// and not.
func TestTicketConditions(t *testing.T) {
	ticket := desk.Ticket{State: desk.Pending, Queue: "redes", Type: "incidente", Priority: 4, Assignee: "luis", Details: desk.Details{Category: "impresoras", Service: "vpn", Tags: []string{"vip"}}}
	cases := []struct{ key, yes, no string }{
		{"state", "pending", "new"}, {"queue", "Redes", "soporte"}, {"type", "Incidénte", "otro"}, {"priority", "baja", "1"}, {"owner", "LUIS", "ana"},
		{"category", "impresoras", ""}, {"tag", "VIP", "otra"}, {"level", "0", "2"}, {"service", "VPN", "correo"},
	}
	for _, c := range cases {
		for value, want := range map[string]bool{c.yes: true, c.no: false} {
			if value == "" {
				continue
			}
			table := fmt.Sprintf("{ticket = {%s = [%q]}}", c.key, value)
			for form, want := range map[string]bool{
				strings.Trim(strings.Replace(table, "}}", "}", 1), "{"): want, "any = [" + table + "]": want, "all = [" + table + "]": want, "not = " + table: !want,
			} {
				set, err := loadRules(t, "[[rule]]\nname = \"una\"\non = \"reply\"\npriority = 1\n"+form)
				if err != nil {
					t.Errorf("%s: %v", form, err)
					continue
				}
				in := long()
				in.Ticket = &ticket
				if got := len(set.route(in).Matched) == 1; got != want {
					t.Errorf("%s: %v", form, got)
				}
			}
		}
	}
	for f := range reflect.TypeFor[ticketText]().Fields() {
		if !slices.ContainsFunc(cases, func(c struct{ key, yes, no string }) bool { return c.key == keyName(f) }) {
			t.Errorf("%s has no case", keyName(f))
		}
	}
}

// An expression that would make too much is false, and the trace says so.
func TestExpressionBudget(t *testing.T) {
	set, err := loadRules(t, "[[rule]]\nname = \"una\"\ntype = \"x\"\nwhen = 'any(map(attachments, map(attachments, map(attachments, map(attachments, #)))), true)'")
	if err != nil {
		t.Fatal(err)
	}
	in := long()
	for range 100 {
		in.Parts = append(in.Parts, in.Parts[0])
	}
	began := time.Now()
	_, steps := set.routeSteps(in)
	if steps[0].Matched || !strings.HasPrefix(steps[0].Why, "when no se pudo calcular") {
		t.Errorf("got %+v", steps[0])
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Rules for answers look at answers alone, and rules for new tickets at new ones.
func TestOnReply(t *testing.T) {
	set, err := loadRules(t, `
[[rule]]
name = "nueva"
type = "x"

[[rule]]
name = "sube"
on = "reply"
ticket = {state = ["resolved"], queue = ["Redes"], priority = ["baja", "5"], type = ["Incidénte"], owner = ["LUIS"]}
priority = 2
continue = true

[[rule]]
name = "retiene"
on = "reply"
subject = ["camara"]
hold = true
`)
	if err != nil {
		t.Fatal(err)
	}
	in := long()
	if got := set.route(in).Matched; !slices.Equal(got, []string{"nueva"}) {
		t.Errorf("new: %v", got)
	}
	in.Ticket = &desk.Ticket{State: desk.Resolved, Queue: "redes", Priority: 4, Type: "incidente", Assignee: "luis"}
	if got := set.route(in); !slices.Equal(got.Matched, []string{"sube", "retiene"}) || !got.Hold || got.Priority != 2 {
		t.Errorf("answer: %+v", got)
	}
	in.Ticket.State = desk.Open
	if got := set.route(in).Matched; !slices.Equal(got, []string{"retiene"}) {
		t.Errorf("answer on an open ticket: %v", got)
	}
}

// What an answer's rules say becomes commands of the system, behind the answer;
// a held one changes nothing.
func TestReplyDecision(t *testing.T) {
	s := testSet(t, "[[rule]]\nname = \"retiene\"\non = \"reply\"\nbody = [\"confidencial\"]\nhold = true\n\n"+
		"[[rule]]\nname = \"sube\"\non = \"reply\"\nbody = [\"urgente\"]\npriority = 1\nqueue = \"redes\"\nowner = \"luis\"\ntype = \"requerimiento\"\n")
	for text, want := range map[string]string{
		"nada":             "append, reply",
		"es urgente":       "append, reply, queue, type, assign, priority",
		"es confidencial":  "pending, hold",
		"gracias, urgente": "append, reply, queue, type, assign, priority",
	} {
		c := testCase(ana, text)
		column(&c, TrustAuthBound, ByReceived)
		d := s.Decide(c)
		if got := outcome(d); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if _, _, err := desk.Apply(c.Tickets, now, d.Commands...); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLanguageOf(t *testing.T) {
	for text, want := range map[string]string{
		"Buenos días, no puedo entrar al sistema desde ayer y necesito que me ayuden": "es",
		"Hello, I can not log in to the system since yesterday, please help":          "en",
		"Bom dia, não consigo entrar no sistema desde ontem e a senha foi trocada":    "pt",
		"PC-0417":   "unknown",
		"":          "unknown",
		"solicitud": "unknown",
		"Guten Tag, ich kann mich nicht anmelden":                                         "unknown",
		"the system of the users: el sistema de los usuarios y las claves, is this to be": "unknown",
	} {
		if got := languageOf(wordsOf(text)); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// A body is looked at up to its limit and no further.
func TestBodyLimit(t *testing.T) {
	set := mustLoad(t, "[[rule]]\nname = \"una\"\ntype = \"x\"\nbody = [\"aguja\"]\n")
	filler := strings.Repeat("paja ", bodyMost/5-2)
	if got := set.route(Routing{Body: filler + "aguja"}).Matched; len(got) != 1 {
		t.Errorf("within the limit: %v", got)
	}
	if got := set.route(Routing{Body: filler + "paja paja paja paja aguja"}).Matched; len(got) != 0 {
		t.Errorf("beyond the limit: %v", got)
	}
}
