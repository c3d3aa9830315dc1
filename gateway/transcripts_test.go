package gateway_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/rules"
	"ventanilla/store/mem"
)

// verbsDesk has what the lines of testdata/verbs.txt speak of.
func verbsDesk() fstest.MapFS {
	files := fstest.MapFS{"rules/10.toml": &fstest.MapFile{Data: []byte("# none\n")}}
	for name, text := range map[string]string{
		"desk/queues.toml": `[[queue]]
name = "soporte"
title = "Soporte técnico"
address = "soporte@mesa.example"
agents = ["luis", "eva"]
[[queue]]
name = "redes"
title = "Redes"
address = "redes@mesa.example"
agents = ["eva"]`,
		"desk/agents.toml": `[[agent]]
name = "luis"
title = "Luis Pérez"
address = "luis@mesa.example"
export = true
[[agent]]
name = "eva"
title = "Eva Ríos"
address = "eva@mesa.example"`,
		"desk/categories.toml": "[[category]]\nname = \"impresoras\"\ntitle = \"Impresoras y escáneres\"\n",
		"desk/services.toml":   "[[service]]\nname = \"vpn\"\ntitle = \"Acceso remoto\"\n",
		"desk/clients.toml":    "[[client]]\nname = \"acme\"\ntitle = \"Acme S. A.\"\n",
		"desk/providers.toml":  "[[provider]]\nname = \"conectar\"\ntitle = \"Conectar\"\naddress = \"soporte@conectar.example\"\n",
		"desk/fields.toml":     "[[field]]\nname = \"dependencia\"\ntitle = \"Dependencia\"\n",
		"desk/types.toml":      "[[type]]\nname = \"incidente\"\n",
		"desk/answers/vpn.md":  "Reinicie la **VPN**, {nombre}.",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	return files
}

// before is what luis does before a verb, so that there is something to do with it.
var before = map[string]string{
	"hecha": "#tarea uno @eva\n#tarea dos @luis", "aprobar": "#tarea uno @eva", "rechazar": "#tarea uno @eva", "reabrir": "#cerrar",
	"desbloquear": "#bloquear", "deshacer": "#prioridad 1", "plazo normal": "#plazo 3 días", "ver": "#tarea uno @eva viernes\n#plazo 3 días, lo pide rectoría\n#tiempo 5m",
}

// besides is what stands below a verb that needs a text.
var besides = map[string]string{"proveedor": "No hay enlace.", "escalar proveedor": "No hay enlace.", "nivel proveedor": "No hay enlace.", "nivel provider": "No hay enlace.", "nota": "Es la misma falla.",
	"plantilla": "Avísenos.", "resolver": "Era el cable."}

// TestVerbTranscripts plays every line of testdata/verbs.txt, each verb by each of its
// words, on a ticket of its own, and keeps what its transcript says: what was done, or
// what is wrong.
func TestVerbTranscripts(t *testing.T) {
	data, err := os.ReadFile("../testdata/verbs.txt")
	if err != nil {
		t.Fatal(err)
	}
	var p *played
	var out strings.Builder
	told := map[string]bool{}
	other, cases := "", 0
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		if line == "" || line[0] == '\t' || strings.HasPrefix(line, "# ") && strings.HasSuffix(line, ".") || i+1 < len(lines) && lines[i+1] == "\tno command" {
			continue
		}
		if cases%40 == 0 { // what a desk keeps in its outbox is looked through again and again
			p = newPlayedDesk(t, mem.New(), verbsDesk(), desk.World{Name: "Mesa de ayuda", NumberStyle: desk.NumberSequence, NumberDigits: 6})
			other = p.openFor(1)
		}
		cases++
		verb := rules.VerbOf(line)
		said := p.transcriptOf(i+10, verb, strings.ReplaceAll(line, "003181", other))
		fmt.Fprintf(&out, "%s\n%s\n", line, said)
		told[verb] = told[verb] || strings.Contains(said, "\tdone")
	}
	for _, v := range rules.Verbs() {
		if !told[v] {
			t.Errorf("no transcript tells what #%s did", v)
		}
	}
	const file = "../testdata/transcripts.txt"
	want, _ := os.ReadFile(file)
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Error(diff)
	}
}

// openFor has somebody open a ticket and returns its number.
func (p *played) openFor(n int) string {
	from := who(n)
	p.send(from, "soporte@mesa.example", fmt.Sprintf("Caso %d", n), fmt.Sprintf("a%d@uni.example", n), "", "No hay red.")
	return mail.Tags(p.last[from].Subject)[0]
}

func who(n int) string { return fmt.Sprintf("p%d@uni.example", n) }

func (p *played) send(from, to, subject, id, answers, text string) {
	env := mail.Envelope{Source: "smtp", From: from, Rcpts: []string{"soporte@mesa.example"}}
	env.Auth.Relay = true
	raw := "From: " + from + "\nTo: " + to + "\nSubject: " + subject + "\nMessage-ID: <" + id + ">\n"
	if answers != "" {
		raw += "In-Reply-To: " + answers + "\n"
	}
	p.receive(env, raw+"\n"+text+"\n")
	p.tellMails()
}

// transcriptOf has luis write a line about a new ticket, and returns what he is answered.
func (p *played) transcriptOf(n int, verb, line string) string {
	key := verb
	for _, longer := range slices.Sorted(maps.Keys(besides)) {
		if strings.HasPrefix(strings.TrimLeft(line, "#"), longer) {
			key = longer
		}
	}
	if strings.Contains(line, "normal") {
		key = "plazo normal"
	}
	said := func(by, text string) {
		p.send(by, p.fill("$reply("+by+")"), "Re: x", fmt.Sprintf("%d.%d.%s", n, len(p.seen), by), p.fill("$id("+by+")"), text)
	}
	if verb == "escribir" {
		p.send("luis@mesa.example", "soporte@mesa.example", "Aviso", fmt.Sprintf("w%d@mesa.example", n), "", line+"\nMañana no hay red.")
		return p.confirmed(n)
	}
	number, ana := p.openFor(n), who(n)
	switch verb {
	case "separar":
		said(ana, "Además, la impresora.")
		said(ana, "Y el teléfono.")
	case "aceptar", "apartar":
		said(ana, "Dos.")
		said(ana, "Tres.")
		p.receive(mail.Envelope{Source: "smtp", From: "luis@mesa.example", Rcpts: []string{"soporte@mesa.example"}},
			"From: luis@mesa.example\nTo: soporte@mesa.example\nSubject: Re: [#"+number+"]\nMessage-ID: <h"+fmt.Sprint(n)+"@malo.example>\n\n#cerrar\n")
		p.tellMails()
	}
	if text := before[key]; text != "" {
		said("luis@mesa.example", text)
	}
	if verb == "aprobar" || verb == "rechazar" {
		said("eva@mesa.example", "#hecha 1")
	}
	said("luis@mesa.example", line+"\n"+besides[key])
	return p.confirmed(n)
}

// confirmed says that a mail was luis's, where he is asked, and returns his transcript.
func (p *played) confirmed(n int) string {
	o := p.last["luis@mesa.example"]
	if address := links["confirm"].FindStringSubmatch(mail.Parse(p.raw(o)).Text); address != nil {
		p.send("luis@mesa.example", address[1], "Confirmo", fmt.Sprintf("c%d@mesa.example", n), "", "")
	}
	return p.transcript()
}

// changing are what differs from one run to another, or is long.
var changing = regexp.MustCompile(`https://\S+|mailto:[^\s)]+`)

// transcript returns the lines of the last transcript to luis.
func (p *played) transcript() string {
	o := p.last["luis@mesa.example"]
	text := changing.ReplaceAllString(mail.Parse(p.raw(o)).Text, "…")
	if o.Kind != "transcripcion" {
		return "\tno transcript: " + o.Kind + "\n"
	}
	result, reading := "\tdone\n", false
	if strings.Contains(text, "No se hizo ningún cambio") {
		result = "\tnot done\n"
	}
	for _, l := range strings.Split(text, "\n") {
		item, begins := strings.CutPrefix(l, "- ")
		switch {
		case begins:
			result, reading = result+"\t  "+item+"\n", true
		case reading && strings.HasPrefix(l, "  "):
			result = strings.TrimSuffix(result, "\n") + " " + strings.TrimSpace(l) + "\n"
		default:
			reading = false
		}
	}
	if all := strings.SplitAfter(result, "\n"); len(all) > 14 {
		result = strings.Join(all[:8], "") + fmt.Sprintf("\t  … and %d more\n", len(all)-9)
	}
	return result
}
