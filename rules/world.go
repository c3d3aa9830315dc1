package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"ventanilla/desk"
)

// queueFile is desk/queues.toml.
type queueFile struct {
	Queues []queueText `toml:"queue" help:"Una cola: una dependencia con su buzón, donde esperan los tickets."`
}

type queueText struct {
	Name      string   `toml:"name" help:"Nombre corto para archivos y comandos (#cola soporte): minúsculas sin tilde, cifras, punto, - y _. Obligatorio."`
	Title     string   `toml:"title" help:"Nombre que lee la gente. Sin esta clave, name."`
	Address   string   `toml:"address" help:"Dirección de la cola. Obligatoria. Sin «+», que Ventanilla usa para reconocer las respuestas, y con 23 letras como mucho antes de la @, para que esa seña quepa."`
	Further   []string `toml:"further" help:"Otras direcciones que llegan a la misma cola."`
	Agents    []string `toml:"agents" help:"Agentes que la atienden, como se llaman en desk/agents.toml. Reciben aviso de cada ticket nuevo."`
	Remind    any      `toml:"reminder_days" kind:"número o lista de números" help:"Días tras los que se le recuerda al solicitante que falta su visto bueno: 2, o varios, como [2, 4]. Sin esta clave, no se le recuerda."`
	Deputy    int      `toml:"deputy_hours" help:"Horas sin visto bueno tras las que se le pide también a quien reemplaza al solicitante (suplente en desk/people.csv, deputy de desk/agents.toml o de su cliente en desk/clients.toml); antes, si el solicitante contesta con un aviso automático de ausencia. Sin esta clave, solo en ese caso."`
	Close     int      `toml:"close_days" help:"Días de silencio tras los que un ticket resuelto se cierra solo, con aviso. Sin esta clave, no se cierra."`
	Children  string   `toml:"children" values:"tell close leave" help:"Qué pasa con las hijas (#vincular hija) de un ticket que se cierra. tell (así es sin esta clave): se avisa a quien las atiende. close: se cierran con él, con aviso a sus solicitantes. leave: nada."`
	Survey    bool     `toml:"survey" help:"true: al cerrarse un ticket se le pregunta al solicitante, una vez, cómo lo atendieron: de 1 a 5, por un enlace o respondiendo con el número."`
	Reopen    *int     `toml:"reopen_days" help:"Días en que responder a un ticket cerrado lo reabre; después se abre uno nuevo, enlazado. 0: nunca se reabre. Sin esta clave, lo que diga config.toml."`
	Approval  *bool    `toml:"approval" help:"true (así es sin esta clave): al resolver se pide el visto bueno del solicitante. false: resolver cierra el ticket."`
	Language  string   `toml:"language" values:"es en pt" help:"Idioma de los correos de la cola. Sin esta clave, el de la mesa."`
	Type      string   `toml:"type" help:"Tipo de los tickets a los que ninguna regla da uno."`
	Privacy   string   `toml:"privacy" help:"Aviso de tratamiento de datos personales al pie del acuse de recibo (en Colombia, Ley 1581 de 2012)."`
	Offers    bool     `toml:"offer_knowledge" help:"Ofrece en el acuse de recibo los artículos publicados de knowledge/ que parezcan responder a la solicitud; quien responda «resuelto» la cierra."`
	Signature string   `toml:"signature" help:"Firma al pie de lo que escriben sus agentes a los solicitantes. Puede tener varias líneas."`
	Digest    string   `toml:"digest" help:"Hora de su resumen diario, como \"08:00\": lo que la cola tiene sin resolver. Sin esta clave, no hay."`
	DigestTo  []string `toml:"digest_to" help:"Agentes que reciben el resumen de la cola, también los que solo leen. Sin esta clave, los de agents."`
	Default   bool     `toml:"default" help:"true: aquí va lo que no es de ninguna otra. Sin ella, la primera cola del archivo."`
}

// agentFile is desk/agents.toml.
type agentFile struct {
	Agents []agentText `toml:"agent" help:"Un agente: quien atiende tickets. Se le reconoce por la dirección exacta desde la que escribe."`
}

type agentText struct {
	Name     string   `toml:"name" help:"Nombre corto para archivos y comandos (#asignar luis): minúsculas sin tilde, cifras, punto, - y _. Obligatorio."`
	Title    string   `toml:"title" help:"Nombre que lee la gente. Sin esta clave, name."`
	Address  string   `toml:"address" help:"Dirección del agente, a la que se le escribe. Obligatoria."`
	Further  []string `toml:"further" help:"Otras direcciones desde las que escribe."`
	Language string   `toml:"language" values:"es en pt" help:"Idioma en que se le escribe. Sin esta clave, el de la mesa."`
	Role     string   `toml:"role" help:"agent (así es sin esta clave): trabaja los tickets. reader: un jefe o auditor, que recibe listas e informes y no cambia nada. O un rol de desk/roles.toml, que dice qué puede hacer."`
	Export   bool     `toml:"export" help:"Puede pedir con #exportar todos los correos y la historia de una solicitud en un archivo; se le pide que lo confirme."`
	Level    string   `toml:"level" values:"0 1 2" help:"Nivel de soporte que da; 0 es la mesa misma."`
	Away     []string `toml:"away" help:"Cuándo no está: un día, como \"2026-12-24\", o varios, como \"2026-12-24/2027-01-08\". Mientras tanto los avisos van a deputy."`
	Digest   string   `toml:"digest" help:"Hora de su resumen diario, como \"08:00\": lo que tiene a su cargo y lo que nadie ha tomado en sus colas. Sin esta clave, no recibe resumen."`
	Mute     []string `toml:"mute" help:"Avisos que no quiere: nuevos, asignados, respuestas, notas, reabiertos, aprobados, retenidos, plazos, esperas, entregas o transcripciones. Él mismo los cambia con #avisos."`
	Gather   *int     `toml:"gather_minutes" help:"Minutos durante los que los cambios seguidos de un mismo ticket se juntan en un solo aviso; 0: cada uno por separado. Sin esta clave, gather_minutes de la mesa."`
	Deputy   string   `toml:"deputy" help:"Agente que recibe sus avisos mientras no está."`
}

// LoadWorld reads the folder desk of an installation and returns base with what its
// files say, the default queue first. Only queues.toml and agents.toml must be there. All
// mistakes are returned at once, each a *[FileError].
func LoadWorld(installation fs.FS, base desk.World) (*desk.World, error) {
	var queues queueFile
	var agents agentFile
	queueDocument, queueErr := readFile(installation, "desk/queues.toml", &queues)
	agentDocument, agentErr := readFile(installation, "desk/agents.toml", &agents)
	var more moreFiles
	if err := errors.Join(queueErr, agentErr, more.read(installation)); err != nil {
		return nil, err
	}
	world := base
	world.Queues, world.Agents = nil, nil
	b := builder{world: &world, names: map[string]string{}, addresses: map[string]string{}}
	if base.Control != "" {
		b.addresses[strings.ToLower(base.Control)] = "la de control (control en [desk])"
	}
	b.types(&more)
	b.roles(&more)
	for i, t := range agents.Agents {
		b.agent(&checker{document: agentDocument, path: fmt.Sprintf("agent[%d]", i)}, t)
	}
	for i, t := range agents.Agents {
		c := &checker{document: agentDocument, path: fmt.Sprintf("agent[%d]", i)}
		b.deputy(c, t)
		b.faults = append(b.faults, c.faults...)
	}
	for i, t := range queues.Queues {
		b.queue(&checker{document: queueDocument, path: fmt.Sprintf("queue[%d]", i)}, t)
	}
	if len(queues.Queues) == 0 {
		b.faults = append(b.faults, &FileError{File: "desk/queues.toml", Message: "no hay ninguna cola: hace falta al menos una sección [[queue]]"})
	}
	b.more(&more)
	var err error
	world.Terms, err = loadTerms(installation, &world)
	if err := errors.Join(Join(b.faults...), err); err != nil {
		return nil, err
	}
	return &world, nil
}

func readFile(installation fs.FS, name string, into any) (*Document, error) {
	data, err := fs.ReadFile(installation, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FileError{File: name, Message: "falta este archivo"}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return Read(name, data, into)
}

// builder makes a world and gathers the mistakes in its files.
type builder struct {
	world     *desk.World
	names     map[string]string // where "agent luis" or "queue soporte" is
	addresses map[string]string // whose an address is, in lower case
	preferred string            // the queue marked as default
	faults    []*FileError
}

func (b *builder) agent(c *checker, t agentText) {
	b.name(c, "agent", t.Name)
	b.address(c, "address", t.Address, "del agente "+t.Name)
	for i, a := range t.Further {
		b.address(c, fmt.Sprintf("further[%d]", i), a, "del agente "+t.Name)
	}
	b.world.Agents = append(b.world.Agents, desk.Agent{
		Name: t.Name, Title: titleOr(t.Title, t.Name), Address: t.Address, Further: t.Further, Language: t.Language,
		Exports: t.Export, Reader: t.Role == "reader", Role: b.role(c, t.Role), Level: t.Level, Away: b.away(c, t.Away), Deputy: t.Deputy,
		Digest: digestAt(c, t.Digest), Mute: mutedAlerts(c, t.Mute), Gather: b.gather(c, t.Gather),
	})
	b.faults = append(b.faults, c.faults...)
}

// gather reads for how long alerts are gathered for an agent.
func (b *builder) gather(c *checker, minutes *int) time.Duration {
	if minutes == nil {
		return b.world.Gather
	}
	if *minutes < 0 || time.Duration(*minutes)*time.Minute > GatherMost {
		c.fault("gather_minutes", "debe ser de 0 a %d minutos", int(GatherMost.Minutes()))
	}
	return time.Duration(*minutes) * time.Minute
}

// digestAt reads the hour of a digest, since midnight; 0 for none.
func digestAt(c *checker, text string) time.Duration {
	if text == "" {
		return 0
	}
	at, err := time.Parse("15:04", text)
	since := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	if err != nil || since == 0 {
		c.fault("digest", "la hora %q debe ser como \"08:00\", de 00:01 a 23:59", text)
	}
	return since
}

// away reads the days on which an agent is not there, in the desk's zone.
func (b *builder) away(c *checker, texts []string) (spans []desk.Absence) {
	zone := b.world.Zone
	if zone == nil {
		zone = time.UTC
	}
	for i, text := range texts {
		first, last, many := strings.Cut(text, "/")
		if !many {
			last = first
		}
		from, err := time.ParseInLocation("2006-01-02", strings.TrimSpace(first), zone)
		until, err2 := time.ParseInLocation("2006-01-02", strings.TrimSpace(last), zone)
		switch {
		case err != nil || err2 != nil:
			c.fault(fmt.Sprintf("away[%d]", i), `no es un día ni un rango de días: escriba "2026-12-24" o "2026-12-24/2027-01-08"`)
		case until.Before(from):
			c.fault(fmt.Sprintf("away[%d]", i), "el último día está antes del primero")
		default:
			spans = append(spans, desk.Absence{From: from, Until: until.AddDate(0, 0, 1)})
		}
	}
	return spans
}

// deputy checks who stands in for an agent.
func (b *builder) deputy(c *checker, t agentText) {
	other, ok := b.world.Agent(t.Deputy)
	switch {
	case t.Deputy == "":
	case !ok:
		c.fault("deputy", "no hay ningún agente %q en desk/agents.toml%s", t.Deputy, meant(t.Deputy, agentNames(b.world), "agentes"))
	case other.Name == t.Name:
		c.fault("deputy", "nadie se reemplaza a sí mismo")
	}
}

func (b *builder) queue(c *checker, t queueText) {
	remind := b.silence(c, t)
	b.name(c, "queue", t.Name)
	b.queueAddress(c, t)
	for i, a := range t.Further {
		b.address(c, fmt.Sprintf("further[%d]", i), a, "de la cola "+t.Name)
	}
	b.queueAgents(c, t.Agents)
	for i, name := range t.DigestTo {
		if _, ok := b.world.Agent(name); !ok {
			c.fault(fmt.Sprintf("digest_to[%d]", i), "no hay ningún agente %q en desk/agents.toml%s", name, meant(name, agentNames(b.world), "agentes"))
		}
	}
	if wrong := WrongType(b.world, t.Type); wrong != "" {
		c.fault("type", "%s", wrong)
	}
	q := desk.Queue{
		Name: t.Name, Title: titleOr(t.Title, t.Name), Address: t.Address, Further: t.Further, Agents: t.Agents,
		RemindDays: remind, Children: t.Children, DeputyHours: t.Deputy, CloseDays: t.Close, Survey: t.Survey, ReopenDays: t.Reopen,
		Digest: digestAt(c, t.Digest), DigestTo: t.DigestTo,
		Approval: t.Approval == nil || *t.Approval, Language: t.Language, Type: strings.TrimSpace(t.Type), Offers: t.Offers, Privacy: strings.TrimSpace(t.Privacy), Signature: strings.TrimSpace(t.Signature),
	}
	switch {
	case t.Default && b.preferred != "":
		c.fault("default", "ya es default la cola %s: solo puede serlo una", b.preferred)
	case t.Default:
		b.preferred = t.Name
		b.world.Queues = slices.Insert(b.world.Queues, 0, q)
	default:
		b.world.Queues = append(b.world.Queues, q)
	}
	b.faults = append(b.faults, c.faults...)
}

// silence checks what a queue says of resolutions on which nobody decides, and returns
// the days of its reminders.
func (b *builder) silence(c *checker, t queueText) (remind []int) {
	if t.Close < 0 || t.Close > longestDays {
		c.fault("close_days", "debe ser de 1 a %d días", longestDays)
	}
	if t.Deputy < 0 || t.Deputy > longestDays*24 {
		c.fault("deputy_hours", "debe ser de 1 a %d horas", longestDays*24)
	}
	if t.Close > 0 && t.Deputy >= t.Close*24 {
		c.fault("deputy_hours", "al suplente se le preguntaría cuando ya se cerró: ponga menos horas que en close_days")
	}
	if t.Reopen != nil && (*t.Reopen < 0 || *t.Reopen > longestDays) {
		c.fault("reopen_days", "debe ser de 0 a %d días", longestDays)
	}
	given, many := t.Remind.([]any)
	if !many && t.Remind != nil {
		given = []any{t.Remind}
	}
	for i, one := range given {
		key := "reminder_days"
		if many {
			key = fmt.Sprintf("reminder_days[%d]", i)
		}
		days, ok := one.(int64)
		switch {
		case !ok:
			c.fault(key, "debe ser un número de días, como 2, o varios, como [2, 4]")
		case days < 1 || days > longestDays:
			c.fault(key, "debe ser de 1 a %d días", longestDays)
		case len(remind) > 0 && int(days) <= remind[len(remind)-1]:
			c.fault(key, "los días van de menor a mayor: [2, 4]")
		case t.Close > 0 && int(days) >= t.Close:
			c.fault(key, "el recordatorio llegaría cuando ya se cerró: ponga menos días que en close_days")
		default:
			remind = append(remind, int(days))
		}
	}
	return remind
}

// longestLocal is how long the local part of a queue's address can be, so that
// "+" and a token of 40 letters fit into the 64 that RFC 5321 §4.5.3.1.1 allows.
const longestLocal = 64 - len("+") - 40

// WrongQueueAddress says in Spanish what is wrong with the address of a queue,
// "" if nothing is.
func WrongQueueAddress(address string) string {
	local, _, _ := strings.Cut(address, "@")
	switch {
	case strings.Contains(local, "+"):
		return "la dirección de una cola no lleva «+»: Ventanilla lo usa para reconocer las respuestas"
	case len(local) > longestLocal:
		return fmt.Sprintf("lo que va antes de la @ es demasiado largo: %d letras como mucho, para que quepa la seña de las respuestas", longestLocal)
	}
	return WrongAddress(address)
}

func (b *builder) queueAddress(c *checker, t queueText) {
	if wrong := WrongQueueAddress(t.Address); t.Address != "" && wrong != "" {
		c.fault("address", "%s", wrong)
		return
	}
	b.address(c, "address", t.Address, "de la cola "+t.Name)
}

func (b *builder) queueAgents(c *checker, names []string) {
	for i, name := range names {
		if a, ok := b.world.Agent(name); ok && a.Reader {
			c.fault(fmt.Sprintf("agents[%d]", i), "el agente %s solo lee (role = \"reader\"): no atiende colas", name)
		} else if !ok {
			c.fault(fmt.Sprintf("agents[%d]", i), "no hay ningún agente %q en desk/agents.toml%s", name, meant(name, agentNames(b.world), "agentes"))
		} else if slices.Contains(names[:i], name) {
			c.fault(fmt.Sprintf("agents[%d]", i), "el agente %s está dos veces", name)
		}
	}
}

// name checks a name that files and commands use.
func (b *builder) name(c *checker, kind, name string) {
	key := kind + " " + name
	wrong := strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
	switch {
	case name == "":
		c.fault("name", `falta el nombre: escriba name = "…"`)
	case wrong:
		const rule = "el nombre %q solo puede llevar minúsculas sin tilde, cifras, punto, - y _"
		if kind != "calendar" && kind != "term" { // those have no title
			c.fault("name", rule+"; lo que lee la gente va en title", name)
		} else {
			c.fault("name", rule, name)
		}
	case b.names[key] != "":
		c.fault("name", "el nombre %s ya está en %s", name, b.names[key])
	default:
		b.names[key] = fmt.Sprintf("%s:%d", c.document.name, c.document.line(joined(c.path, "name")))
	}
}

// address checks an address and that nobody else has it: an agent who wrote from
// a queue's address would be the desk itself.
func (b *builder) address(c *checker, key, address, whose string) {
	if address == "" {
		c.fault(key, `falta la dirección: escriba address = "…"`)
		return
	}
	if wrong := WrongAddress(address); wrong != "" {
		c.fault(key, "%s", wrong)
		return
	}
	lower := strings.ToLower(address)
	if other, ok := b.addresses[lower]; ok {
		c.fault(key, "la dirección %s ya es %s", address, other)
		return
	}
	b.addresses[lower] = whose
}

func titleOr(title, name string) string {
	if strings.TrimSpace(title) == "" {
		return name
	}
	return title
}
