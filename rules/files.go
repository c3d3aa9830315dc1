package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"ventanilla/desk"
)

// categoryFile is desk/categories.toml.
type categoryFile struct {
	Categories []categoryText `toml:"category" help:"Una categoría: un tema del que escribe la gente. Una regla la pone con category; un agente, con #categoria."`
}

type categoryText struct {
	Name     string   `toml:"name" help:"Nombre corto para reglas y comandos: minúsculas sin tilde, cifras, punto, - y _. Obligatorio."`
	Title    string   `toml:"title" help:"Nombre que lee la gente. Sin esta clave, name."`
	Queue    string   `toml:"queue" help:"Cola que atiende la categoría."`
	Service  string   `toml:"service" help:"Servicio al que pertenece, como se llama en desk/services.toml."`
	Type     string   `toml:"type" help:"Tipo de sus tickets."`
	Owner    string   `toml:"owner" help:"Agente al que se asignan."`
	Urgency  int      `toml:"urgency" help:"Urgencia de sus tickets, de 1 (la mayor) a 5."`
	Impact   int      `toml:"impact" help:"Impacto de sus tickets, de 1 (el mayor) a 5."`
	Required []string `toml:"required" help:"Campos que la mesa necesita saber, como se llaman en desk/fields.toml."`
}

// serviceFile is desk/services.toml.
type serviceFile struct {
	Services []serviceText `toml:"service" help:"Un servicio de los que presta la mesa."`
}

type serviceText struct {
	Name   string `toml:"name" help:"Nombre corto para reglas y comandos. Obligatorio."`
	Title  string `toml:"title" help:"Nombre que lee la gente. Sin esta clave, name."`
	Parent string `toml:"parent" help:"Servicio del que forma parte, que debe estar antes en el archivo."`
}

// clientFile is desk/clients.toml.
type clientFile struct {
	Clients []clientText `toml:"client" help:"Un cliente: una institución o empresa para la que trabaja la mesa."`
}

type clientText struct {
	Name     string   `toml:"name" help:"Nombre corto para reglas y comandos. Obligatorio."`
	Title    string   `toml:"title" help:"Nombre que lee la gente. Sin esta clave, name."`
	Domains  []string `toml:"domains" help:"Dominios de las direcciones de su gente. Quien está en desk/people.csv es del cliente que diga allí."`
	Services []string `toml:"services" help:"Servicios que tiene contratados. Sin esta clave, todos."`
	Products []string `toml:"products" help:"Productos que usa; salen en las listas y sirven para elegir reglas."`
	Deputy   string   `toml:"deputy" help:"Dirección de quien da el visto bueno en lugar de su gente, cuando quien pidió no contesta (deputy_hours en desk/queues.toml) o está ausente."`
}

// providerFile is desk/providers.toml.
type providerFile struct {
	Providers []providerText `toml:"provider" help:"Un proveedor al que se escala. «#escalar proveedor» y «#proveedor» le envían lo que escribe el agente; sus respuestas las ven solo los agentes."`
}

type providerText struct {
	Name     string   `toml:"name" help:"Nombre corto para comandos (#proveedor conectar). Obligatorio."`
	Title    string   `toml:"title" help:"Nombre que lee la gente. Sin esta clave, name."`
	Address  string   `toml:"address" help:"Dirección a la que se le escribe. Obligatoria."`
	Language string   `toml:"language" values:"es en pt" help:"Idioma en que se le escribe. Sin esta clave, el de la mesa."`
	Services []string `toml:"services" help:"Servicios que atiende, como se llaman en desk/services.toml. Con ellos se sabe a quién escalar sin decirlo."`
	Clients  []string `toml:"clients" help:"Clientes para los que trabaja, como se llaman en desk/clients.toml."`
}

// fieldFile is desk/fields.toml.
type fieldFile struct {
	Fields []fieldText `toml:"field" help:"Un dato propio de la mesa que pueden llevar los tickets: dependencia, cédula, extensión…"`
}

type fieldText struct {
	Name    string   `toml:"name" help:"Nombre corto para reglas y comandos (#campo cedula=123). Obligatorio."`
	Title   string   `toml:"title" help:"Nombre que lee la gente. Sin esta clave, name."`
	Labels  []string `toml:"labels" help:"Otras palabras con que la gente lo nombra en un correo («Oficina: …»)."`
	Example string   `toml:"example" help:"Un ejemplo, que se muestra al pedirlo. Debe cumplir values y pattern."`
	Values  []string `toml:"values" help:"Valores que puede tener. Sin esta clave, cualquiera."`
	Pattern string   `toml:"pattern" help:"Expresión regular que debe cumplir el valor entero."`
	Known   string   `toml:"known" values:"name phone department" help:"De dónde se toma sin preguntar, si se sabe: el nombre (name), el teléfono (phone) o la dependencia (department) de desk/people.csv."`
}

// priorityFile is desk/priorities.toml.
type priorityFile struct {
	Rows []priorityText `toml:"urgency" help:"Qué prioridad da cada urgencia según el impacto. Lo que no se dice es el promedio de los dos, hacia lo más urgente."`
}

type priorityText struct {
	Level  int   `toml:"level" help:"La urgencia de esta fila, de 1 (la mayor) a 5. Obligatoria."`
	Impact []int `toml:"impact" help:"La prioridad, de 1 a 5, para los impactos 1, 2, 3, 4 y 5: cinco números."`
}

// typeFile is desk/types.toml.
type typeFile struct {
	Types []typeText `toml:"type" help:"Un tipo de ticket. Con este archivo, reglas, colas y comandos solo pueden usar estos."`
}

type typeText struct {
	Name string `toml:"name" help:"Como lo leen todos: incidente, requerimiento. Obligatorio."`
}

// stateFile is desk/states.toml.
type stateFile struct {
	States []stateText `toml:"state" help:"Cómo se llama un estado en los correos y las listas, en lugar de su nombre de siempre. Vale en todos los idiomas; para uno solo, templates/es/words.txt."`
}

type stateText struct {
	State string `toml:"state" values:"new open pending resolved closed merged cancelled" help:"El estado, como en las reglas. Obligatorio."`
	Title string `toml:"title" help:"Como lo leen todos: En atención. Obligatorio."`
}

// notificationFile is desk/notifications.toml.
type notificationFile struct {
	Notifications []notificationText `toml:"notification" help:"Quién recibe un correo de la mesa, en lugar de quienes lo reciben sin este archivo."`
}

type notificationText struct {
	Mail string   `toml:"mail" help:"El correo, con el nombre de su plantilla: ticket-nuevo, estado, resuelto… Los de docs/plantillas.md. Obligatorio."`
	To   []string `toml:"to" values:"requester observers assignee queue responsible admin" help:"Quiénes: requester (el solicitante), observers (los observadores), assignee (quien lo atiende), queue (los agentes de la cola), responsible (quien responde por él), admin. Una lista vacía: nadie."`
}

// notified are the mails that events call for, which notifications may name. A
// transcript, or what was asked for, goes to whoever asked.
var notified = []string{"ticket-nuevo", "respuesta", "respuesta-solicitante", "estado", "resuelto", "cerrado", "reabierto", "aprobado", "asignado",
	"retenido", "nota", "entrega-fallida", "entrega-demorada", "plazo-por-vencer", "plazo-vencido", "espera-cumplida", "acuse", "datos", "archivos", "recordatorio", "gracias", "gracias-rechazo", "calificacion"}

// outward are those of them that whoever is outside may get; alone that the requester
// may get, and nobody else.
var (
	outward = []string{"respuesta", "estado", "resuelto", "cerrado"}
	alone   = []string{"acuse", "datos", "archivos", "recordatorio", "gracias", "gracias-rechazo"}
)

// attachmentFile is desk/attachments.toml.
type attachmentFile struct {
	Types   []string `toml:"types" help:"Tipos de archivo que se pasan, por su extensión: pdf, docx, png… El contenido debe corresponder al nombre. Sin esta clave, todos."`
	MaxSize byteSize `toml:"max_size" help:"Tamaño máximo de un archivo, como \"3MB\". Los mayores quedan guardados, pero no se pasan. Sin esta clave, sin máximo."`
}

// moreFiles are the files of the folder desk that need not be there.
type moreFiles struct {
	categories categoryFile
	services   serviceFile
	clients    clientFile
	providers  providerFile
	fields     fieldFile
	roles      roleFile
	priorities priorityFile
	types      typeFile
	states     stateFile
	files      attachmentFile
	notify     notificationFile
	people     sheet
	assets     sheet
	answers    []desk.Canned
	knowledge  []desk.Knowledge
	documents  map[string]*Document
}

// read reads those that are there. The mistakes of all of them are returned.
func (m *moreFiles) read(installation fs.FS) error {
	m.documents = map[string]*Document{}
	var faults []error
	for name, into := range map[string]any{"desk/categories.toml": &m.categories, "desk/services.toml": &m.services, "desk/clients.toml": &m.clients, "desk/providers.toml": &m.providers, "desk/roles.toml": &m.roles,
		"desk/fields.toml": &m.fields, "desk/priorities.toml": &m.priorities, "desk/types.toml": &m.types, "desk/states.toml": &m.states, "desk/attachments.toml": &m.files, "desk/notifications.toml": &m.notify} {
		if _, err := fs.Stat(installation, name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		d, err := readFile(installation, name, into)
		m.documents[name] = d
		faults = append(faults, err)
	}
	people, err := readSheet(installation, "desk/people.csv", "address", "name", "further", "phone", "department", "client", "deputy")
	assets, err2 := readSheet(installation, "desk/assets.csv", "name", "title", "client", "address")
	m.people, m.assets = people, assets
	answers, err3 := readAnswers(installation)
	knowledge, err4 := readKnowledge(installation)
	m.answers, m.knowledge = answers, knowledge
	return errors.Join(append(faults, err, err2, err3, err4)...)
}

// section is a checker for the i-th section of a file that was read.
func (m *moreFiles) section(file, section string, i int) *checker {
	return &checker{document: m.documents[file], path: fmt.Sprintf("%s[%d]", section, i)}
}

// types builds the types, which queues name.
func (b *builder) types(m *moreFiles) {
	for i, t := range m.types.Types {
		c := m.section("desk/types.toml", "type", i)
		b.typeKind(c, t)
		b.faults = append(b.faults, c.faults...)
	}
}

// more builds what those files say but the types. What names something is built
// after it.
func (b *builder) more(m *moreFiles) {
	keep := func(c *checker) { b.faults = append(b.faults, c.faults...) }
	for i, t := range m.services.Services {
		c := m.section("desk/services.toml", "service", i)
		b.service(c, t)
		keep(c)
	}
	for i, t := range m.clients.Clients {
		c := m.section("desk/clients.toml", "client", i)
		b.client(c, t)
		keep(c)
	}
	for i, t := range m.providers.Providers {
		c := m.section("desk/providers.toml", "provider", i)
		b.provider(c, t)
		keep(c)
	}
	for i, t := range m.fields.Fields {
		c := m.section("desk/fields.toml", "field", i)
		b.field(c, t)
		keep(c)
	}
	for i, t := range m.categories.Categories {
		c := m.section("desk/categories.toml", "category", i)
		b.category(c, t)
		keep(c)
	}
	for i, t := range m.priorities.Rows {
		c := m.section("desk/priorities.toml", "urgency", i)
		b.priorities(c, t)
		keep(c)
	}
	for i, t := range m.states.States {
		c := m.section("desk/states.toml", "state", i)
		b.stateTitle(c, t)
		keep(c)
	}
	for i, t := range m.notify.Notifications {
		c := m.section("desk/notifications.toml", "notification", i)
		b.notification(c, t)
		keep(c)
	}
	if d := m.documents["desk/attachments.toml"]; d != nil {
		c := &checker{document: d}
		b.attachments(c, m.files)
		keep(c)
	}
	b.people(m.people)
	b.assets(m.assets)
	b.world.Answers, b.world.Knowledge = m.answers, m.knowledge
}

func (b *builder) typeKind(c *checker, t typeText) {
	name := strings.TrimSpace(t.Name)
	switch {
	case name == "":
		c.fault("name", `falta el nombre: escriba name = "…"`)
	case slices.ContainsFunc(b.world.Types, func(have string) bool { return strings.EqualFold(have, name) }):
		c.fault("name", "el tipo %s está dos veces", name)
	default:
		b.world.Types = append(b.world.Types, name)
	}
}

func (b *builder) stateTitle(c *checker, t stateText) {
	title := strings.TrimSpace(t.Title)
	_, twice := b.world.StateTitles[desk.State(t.State)]
	switch {
	case !c.has("state"):
		c.fault("state", `falta el estado: escriba state = "open"`)
	case title == "" || strings.ContainsAny(title, "\r\n"):
		c.fault("title", `falta cómo se llama, en una línea: escriba title = "…"`)
	case twice:
		c.fault("state", "el estado %s está dos veces", t.State)
	}
	if b.world.StateTitles == nil {
		b.world.StateTitles = map[desk.State]string{}
	}
	b.world.StateTitles[desk.State(t.State)] = title
}

func (b *builder) service(c *checker, t serviceText) {
	b.name(c, "service", t.Name)
	if _, ok := b.world.Service(t.Parent); !ok && t.Parent != "" {
		c.fault("parent", "no hay antes ningún servicio %q%s", t.Parent, meant(t.Parent, serviceNames(b.world), "servicios"))
	}
	b.world.Services = append(b.world.Services, desk.Service{Name: t.Name, Title: titleOr(t.Title, t.Name), Parent: t.Parent})
}

func (b *builder) client(c *checker, t clientText) {
	b.name(c, "client", t.Name)
	domains := c.domains("domains", t.Domains)
	for i, d := range domains {
		if other := b.names["domain "+d]; other != "" {
			c.fault(fmt.Sprintf("domains[%d]", i), "el dominio %s ya es del cliente %s", d, other)
		}
		b.names["domain "+d] = t.Name
	}
	for i, s := range t.Services {
		if _, ok := b.world.Service(s); !ok {
			c.fault(fmt.Sprintf("services[%d]", i), "no hay ningún servicio %q en desk/services.toml%s", s, meant(s, serviceNames(b.world), "servicios"))
		}
	}
	if t.Deputy != "" && WrongAddress(t.Deputy) != "" {
		c.fault("deputy", "%s", WrongAddress(t.Deputy))
	}
	b.world.Clients = append(b.world.Clients, desk.Client{Name: t.Name, Title: titleOr(t.Title, t.Name), Domains: domains, Services: t.Services, Products: t.Products, Deputy: strings.ToLower(t.Deputy)})
}

func (b *builder) provider(c *checker, t providerText) {
	b.name(c, "provider", t.Name)
	b.address(c, "address", t.Address, "del proveedor "+t.Name)
	for i, s := range t.Services {
		if _, ok := b.world.Service(s); !ok {
			c.fault(fmt.Sprintf("services[%d]", i), "no hay ningún servicio %q en desk/services.toml%s", s, meant(s, serviceNames(b.world), "servicios"))
		}
	}
	for i, name := range t.Clients {
		if _, ok := b.world.Client(name); !ok {
			c.fault(fmt.Sprintf("clients[%d]", i), "no hay ningún cliente %q en desk/clients.toml%s", name, meant(name, clientNames(b.world), "clientes"))
		}
	}
	b.world.Providers = append(b.world.Providers, desk.Provider{Name: t.Name, Title: titleOr(t.Title, t.Name), Address: t.Address, Language: t.Language, Services: t.Services, Clients: t.Clients})
}

func (b *builder) field(c *checker, t fieldText) {
	b.name(c, "field", t.Name)
	c.notEmpty("values", len(t.Values))
	_, err := regexp.Compile(t.Pattern)
	switch {
	case err != nil:
		c.fault("pattern", "la expresión regular no vale: %s", patternError(err))
	case t.Example != "" && t.Pattern != "" && !regexp.MustCompile("^(?:"+t.Pattern+")$").MatchString(t.Example):
		c.fault("example", "el ejemplo no cumple pattern")
	case t.Example != "" && len(t.Values) > 0 && !slices.Contains(t.Values, t.Example):
		c.fault("example", "el ejemplo no está en values%s", meant(t.Example, t.Values, "valores"))
	}
	b.world.Fields = append(b.world.Fields, desk.FieldKind{Name: t.Name, Title: titleOr(t.Title, t.Name), Labels: t.Labels, Example: t.Example, Values: t.Values, Pattern: t.Pattern, Known: t.Known})
}

// patternError says what is wrong with a regular expression, without the library's
// own name in front.
func patternError(err error) string { return strings.TrimPrefix(err.Error(), "error parsing regexp: ") }

func (b *builder) category(c *checker, t categoryText) {
	b.name(c, "category", t.Name)
	if _, ok := b.world.Queue(t.Queue); !ok && t.Queue != "" {
		c.fault("queue", "no hay ninguna cola %q en desk/queues.toml%s", t.Queue, meant(t.Queue, queueNames(b.world), "colas"))
	}
	if _, ok := b.world.Agent(t.Owner); !ok && t.Owner != "" {
		c.fault("owner", "no hay ningún agente %q en desk/agents.toml%s", t.Owner, meant(t.Owner, agentNames(b.world), "agentes"))
	}
	if _, ok := b.world.Service(t.Service); !ok && t.Service != "" {
		c.fault("service", "no hay ningún servicio %q en desk/services.toml%s", t.Service, meant(t.Service, serviceNames(b.world), "servicios"))
	}
	if wrong := WrongType(b.world, t.Type); wrong != "" {
		c.fault("type", "%s", wrong)
	}
	c.oneToFive("urgency", t.Urgency)
	c.oneToFive("impact", t.Impact)
	for i, f := range t.Required {
		if _, ok := b.world.Field(f); !ok {
			c.fault(fmt.Sprintf("required[%d]", i), "no hay ningún campo %q en desk/fields.toml%s", f, meant(f, fieldNames(b.world), "campos"))
		}
	}
	b.world.Categories = append(b.world.Categories, desk.Category{Name: t.Name, Title: titleOr(t.Title, t.Name), Queue: t.Queue, Service: t.Service,
		Type: strings.TrimSpace(t.Type), Owner: t.Owner, Urgency: t.Urgency, Impact: t.Impact, Required: t.Required})
}

// WrongType says in Spanish what is wrong with a type of tickets, "" if nothing is.
// Where desk/types.toml names none, a type can be any word.
func WrongType(w *desk.World, name string) string {
	name = strings.TrimSpace(name)
	if name == "" || len(w.Types) == 0 || slices.ContainsFunc(w.Types, func(t string) bool { return strings.EqualFold(t, name) }) {
		return ""
	}
	return fmt.Sprintf("no hay ningún tipo %q en desk/types.toml%s", name, meant(name, w.Types, "tipos"))
}

// oneToFive reports a number that is given and is not from 1 to 5.
func (c *checker) oneToFive(key string, n int) {
	if c.has(key) && (n < 1 || n > 5) {
		c.fault(key, "%s va de 1 a 5", key)
	}
}

func (b *builder) priorities(c *checker, t priorityText) {
	c.oneToFive("level", t.Level)
	switch {
	case !c.has("level"):
		c.fault("level", "falta la urgencia: escriba level = 1")
	case len(t.Impact) != 5:
		c.fault("impact", "hacen falta cinco números, uno por cada impacto, y hay %d", len(t.Impact))
	case len(c.faults) == 0 && b.world.Matrix[t.Level-1] != [5]int{}:
		c.fault("level", "la urgencia %d está dos veces", t.Level)
	}
	for i, p := range t.Impact {
		if p < 1 || p > 5 {
			c.fault(fmt.Sprintf("impact[%d]", i), "una prioridad va de 1 a 5")
		}
	}
	if len(c.faults) == 0 {
		b.world.Matrix[t.Level-1] = [5]int(t.Impact)
	}
}

func (b *builder) notification(c *checker, t notificationText) {
	_, twice := b.world.Notify[t.Mail]
	switch {
	case t.Mail == "":
		c.fault("mail", `falta el correo: escriba mail = "ticket-nuevo"`)
	case !slices.Contains(notified, t.Mail):
		c.fault("mail", "ningún aviso se llama %q%s", t.Mail, meant(t.Mail, notified, "avisos"))
	case !c.has("to"):
		c.fault("to", "falta a quién: escriba to = […], vacía para nadie")
	case twice:
		c.fault("mail", "el aviso %s está dos veces", t.Mail)
	}
	roles := []desk.Role{}
	for i, r := range t.To {
		role := desk.Role(r)
		switch {
		case slices.Contains(alone, t.Mail) && role != desk.RoleRequester:
			c.fault(fmt.Sprintf("to[%d]", i), "%s es solo para el solicitante: escriba to = [\"requester\"], o [] para nadie", t.Mail)
		case !slices.Contains(alone, t.Mail) && !slices.Contains(outward, t.Mail) && (role == desk.RoleRequester || role == desk.RoleObservers):
			c.fault(fmt.Sprintf("to[%d]", i), "%s es un aviso interno: no puede ir al solicitante ni a los observadores", t.Mail)
		}
		roles = append(roles, role)
	}
	if b.world.Notify == nil {
		b.world.Notify = map[string][]desk.Role{}
	}
	b.world.Notify[t.Mail] = roles
}

func (b *builder) attachments(c *checker, t attachmentFile) {
	c.notEmpty("types", len(t.Types))
	for i, e := range t.Types {
		e = strings.ToLower(e)
		if e == "" || strings.ContainsFunc(e, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
			c.fault(fmt.Sprintf("types[%d]", i), "un tipo es una extensión, sin punto ni asterisco: pdf")
		}
		b.world.Files.Types = append(b.world.Files.Types, e)
	}
	if c.has("max_size") && t.MaxSize == 0 {
		c.fault("max_size", "con un máximo de 0 no se pasaría nada: quite la clave o escriba uno mayor")
	}
	b.world.Files.MaxSize = int64(t.MaxSize)
}

func (b *builder) people(t sheet) {
	if len(t.rows) == 0 {
		return
	}
	b.world.Known = map[string]desk.Known{}
	for _, r := range t.rows {
		k := desk.Known{Address: strings.ToLower(r.at("address")), Name: r.at("name"), Phone: r.at("phone"), Department: r.at("department"), Client: r.at("client"), Deputy: strings.ToLower(r.at("deputy"))}
		if further := r.at("further"); further != "" {
			k.Further = strings.Fields(strings.ToLower(further))
		}
		switch wrong := WrongAddress(k.Deputy); {
		case k.Deputy == "":
		case wrong != "":
			b.faults = append(b.faults, r.fault("deputy", "%s", wrong))
		case k.Deputy == k.Address:
			b.faults = append(b.faults, r.fault("deputy", "nadie se reemplaza a sí mismo"))
		}
		if c, ok := b.world.Client(k.Client); ok {
			k.Client = c.Name
		} else if k.Client != "" {
			b.faults = append(b.faults, r.fault("client", "no hay ningún cliente %q en desk/clients.toml%s", k.Client, meant(k.Client, clientNames(b.world), "clientes")))
		}
		for _, a := range append([]string{k.Address}, k.Further...) {
			switch other, taken := b.world.Known[a]; {
			case WrongAddress(a) != "":
				b.faults = append(b.faults, r.fault("address", "%s", WrongAddress(a)))
			case taken:
				b.faults = append(b.faults, r.fault("address", "la dirección %s ya es de %s", a, titleOr(other.Name, other.Address)))
			case b.addresses[a] != "":
				b.faults = append(b.faults, r.fault("address", "la dirección %s ya es %s", a, b.addresses[a]))
			default:
				b.world.Known[a] = k
			}
		}
	}
}

func (b *builder) assets(t sheet) {
	for _, r := range t.rows {
		a := desk.Asset{Name: r.at("name"), Title: titleOr(r.at("title"), r.at("name")), Client: r.at("client"), Address: strings.ToLower(r.at("address"))}
		if _, ok := b.world.Asset(a.Name); ok || a.Name == "" {
			b.faults = append(b.faults, r.fault("name", "el activo %q falta o está dos veces", a.Name))
			continue
		}
		if _, ok := b.world.Client(a.Client); !ok && a.Client != "" {
			b.faults = append(b.faults, r.fault("client", "no hay ningún cliente %q en desk/clients.toml%s", a.Client, meant(a.Client, clientNames(b.world), "clientes")))
		}
		b.world.Assets = append(b.world.Assets, a)
	}
}

func serviceNames(w *desk.World) []string {
	return namesOf(w.Services, func(s desk.Service) string { return s.Name })
}

func clientNames(w *desk.World) []string {
	return namesOf(w.Clients, func(c desk.Client) string { return c.Name })
}

func fieldNames(w *desk.World) []string {
	return namesOf(w.Fields, func(f desk.FieldKind) string { return f.Name })
}

func namesOf[T any](all []T, nameOf func(T) string) (names []string) {
	for _, one := range all {
		names = append(names, nameOf(one))
	}
	return names
}
