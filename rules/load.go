package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"

	"ventanilla/desk"
	"ventanilla/mail"
)

// Set is a compiled set of rules. It is immutable; the zero Set has no rules.
type Set struct {
	rules    []rule
	wordings map[string][]wording // by their first word
	hash     string
}

// Hash names the files that the set was made of: SHA-256 over their names and
// contents, 64 hexadecimal digits.
func (s *Set) Hash() string { return s.hash }

// Len returns how many rules there are.
func (s *Set) Len() int { return len(s.rules) }

// ruleFile is a file of rules/.
type ruleFile struct {
	Rules []ruleText `toml:"rule" help:"Una regla. Se miran en el orden de los archivos y, dentro de cada uno, de arriba abajo; decide la primera que se cumple. Una regla se cumple si se cumplen todas las condiciones que pone (subject, to, from, from_domain, class); de la lista de una condición basta un elemento."`
}

// ruleText is one [[rule]] as the admin writes it.
type ruleText struct {
	Name       string   `toml:"name" help:"Nombre, único entre todas las reglas; sale en explain y en el registro. Obligatorio."`
	Subject    []string `toml:"subject" help:"Condición: palabras o frases del asunto. Se comparan palabras enteras, sin distinguir mayúsculas ni tildes y después de quitar «Re:», «RV:» y semejantes."`
	To         []string `toml:"to" help:"Condición: dirección nuestra a la que llegó el correo. soporte@… vale también para soporte+lo-que-sea@…; soporte+redes@…, solo para esa."`
	From       []string `toml:"from" help:"Condición: dirección del remitente. Cualquiera puede falsificarla: úsela para ordenar, no para dar permisos."`
	FromDomain []string `toml:"from_domain" help:"Condición: dominio del remitente, exacto: los subdominios se nombran aparte."`
	Class      []string `toml:"class" values:"human list machine auto-reply calendar bounce receipt complaint own" help:"Condición: clase del correo. Sin esta clave la regla solo mira correos de personas (human y list)."`
	Queue      string   `toml:"queue" help:"Efecto: cola en que se abre el ticket, como se llama en desk/queues.toml."`
	Type       string   `toml:"type" help:"Efecto: tipo del ticket, por ejemplo incidente o requerimiento."`
	Priority   any      `toml:"priority" help:"Efecto: prioridad, de 1 a 5 o en palabras: muy urgente, alta, mediana, baja, muy baja."`
	Owner      string   `toml:"owner" help:"Efecto: agente al que se asigna, como se llama en desk/agents.toml."`
	Language   string   `toml:"language" values:"es en pt" help:"Efecto: idioma en que se le escribe al solicitante."`
	Ignore     bool     `toml:"ignore" help:"Efecto: el correo se guarda y no abre ticket ni recibe respuesta."`
	Quarantine bool     `toml:"quarantine" help:"Efecto: el correo queda apartado hasta que el administrador lo vea."`
	Continue   bool     `toml:"continue" help:"true: se siguen mirando las reglas de después, que pueden añadir lo que esta no dice, pero no cambiar lo que ya dijo."`
}

// Load reads the folder rules of an installation: its files *.toml in the order
// of their names, against the queues and agents of world. All mistakes are
// returned at once, each a *[FileError].
func Load(installation fs.FS, world *desk.World) (*Set, error) {
	names, err := ruleFiles(installation)
	if err != nil {
		return nil, err
	}
	l := loader{world: world, set: &Set{wordings: map[string][]wording{}}, firsts: map[string]string{}}
	sum := sha256.New()
	for _, name := range names {
		data, err := fs.ReadFile(installation, name)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		_, _ = fmt.Fprintf(sum, "%q %d\n%s", name, len(data), data)
		l.file(name, data)
	}
	l.set.hash = hex.EncodeToString(sum.Sum(nil))
	if err := errors.Join(append(l.others, Join(l.faults...))...); err != nil {
		return nil, err
	}
	return l.set, nil
}

// ruleFiles lists the rule files in the order in which they count. Hidden files,
// such as editors leave behind, do not.
func ruleFiles(installation fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(installation, "rules")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FileError{File: "rules", Message: "falta esta carpeta: créela, aunque quede vacía"}
	}
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && path.Ext(e.Name()) == ".toml" && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, path.Join("rules", e.Name()))
		}
	}
	return names, nil
}

// loader makes a set and gathers the mistakes in its files.
type loader struct {
	world  *desk.World
	set    *Set
	firsts map[string]string // where a rule's name was first used
	faults []*FileError
	others []error // of whole files
}

func (l *loader) file(name string, data []byte) {
	var f ruleFile
	d, err := Read(name, data, &f)
	if err != nil {
		l.others = append(l.others, err)
		return
	}
	for i, text := range f.Rules {
		c := checker{document: d, path: fmt.Sprintf("rule[%d]", i)}
		r := l.compile(&c, text)
		if len(c.faults) > 0 {
			l.faults = append(l.faults, c.faults...)
			continue
		}
		for _, s := range r.subject {
			words := wordsOf(s)
			l.set.wordings[words[0]] = append(l.set.wordings[words[0]], wording{len(l.set.rules), words[1:]})
		}
		l.set.rules = append(l.set.rules, r)
	}
}

// compile turns a rule's text into a rule.
func (l *loader) compile(c *checker, t ruleText) rule {
	r := rule{name: t.Name, file: c.document.name, line: c.document.line(c.path), subject: t.Subject, continues: t.Continue}
	l.name(c, t.Name)
	c.subject(t.Subject)
	r.to = c.addresses("to", t.To)
	r.from = c.addresses("from", t.From)
	r.domains = c.domains("from_domain", t.FromDomain)
	c.notEmpty("class", len(t.Class))
	for _, class := range t.Class {
		r.classes = append(r.classes, mail.Class(class))
	}
	r.unconditional = len(r.subject)+len(r.to)+len(r.from)+len(r.domains)+len(r.classes) == 0
	r.route = l.effects(c, t)
	return r
}

// name checks that a rule has a name and that it is the only one of that name.
func (l *loader) name(c *checker, name string) {
	if strings.TrimSpace(name) == "" {
		c.fault("name", `la regla no tiene nombre: escriba name = "…"`)
		return
	}
	if first, ok := l.firsts[name]; ok {
		c.fault("name", "ya hay una regla %q en %s", name, first)
		return
	}
	l.firsts[name] = fmt.Sprintf("%s:%d", c.document.name, c.document.line(c.path+".name"))
}

// effects checks what a rule does.
func (l *loader) effects(c *checker, t ruleText) Route {
	route := Route{Queue: t.Queue, Type: strings.TrimSpace(t.Type), Owner: t.Owner, Language: t.Language, Ignore: t.Ignore, Quarantine: t.Quarantine}
	if q, ok := l.world.Queue(t.Queue); ok {
		route.Queue = q.Name
	} else if c.has("queue") {
		c.fault("queue", "no hay ninguna cola %q en desk/queues.toml%s", t.Queue, meant(t.Queue, queueNames(l.world), "colas"))
	}
	if a, ok := l.world.Agent(t.Owner); ok {
		route.Owner = a.Name
	} else if c.has("owner") {
		c.fault("owner", "no hay ningún agente %q en desk/agents.toml%s", t.Owner, meant(t.Owner, agentNames(l.world), "agentes"))
	}
	if c.has("type") && route.Type == "" {
		c.fault("type", "el tipo está vacío: quite la clave o escriba uno")
	} else if wrong := WrongType(l.world, route.Type); wrong != "" {
		c.fault("type", "%s", wrong)
	}
	if t.Priority != nil {
		if route.Priority = Priority(fmt.Sprint(t.Priority)); route.Priority == 0 {
			c.fault("priority", "no es una prioridad: de 1 a 5, o %s", strings.Join(priorityWords[:], ", "))
		}
	}
	sets := route.Queue+route.Type+route.Owner+route.Language != "" || route.Priority > 0
	switch {
	case t.Ignore && t.Quarantine:
		c.fault("quarantine", "ignore y quarantine se excluyen: deje una de las dos")
	case (t.Ignore || t.Quarantine) && (sets || t.Continue):
		c.fault("name", "con ignore o quarantine no se abre ticket: quite los demás efectos y continue")
	case !sets && !t.Ignore && !t.Quarantine && len(c.faults) == 0:
		c.fault("name", "la regla no hace nada: falta queue, type, priority, owner, language, ignore o quarantine")
	}
	return route
}

// checker checks the values of one section of a document.
type checker struct {
	document *Document
	path     string
	faults   []*FileError
}

func (c *checker) fault(key, format string, values ...any) {
	c.faults = append(c.faults, c.document.Fault(joined(c.path, key), format, values...))
}

func (c *checker) has(key string) bool { return c.document.Has(joined(c.path, key)) }

// notEmpty reports a list that is there and has nothing in it: it could be
// meant to fit everything or nothing.
func (c *checker) notEmpty(key string, n int) {
	if n == 0 && c.has(key) {
		c.fault(key, "la lista está vacía: quite la clave o escriba algo en ella")
	}
}

func (c *checker) subject(words []string) {
	c.notEmpty("subject", len(words))
	for i, w := range words {
		at := fmt.Sprintf("subject[%d]", i)
		if strings.ContainsAny(w, "*?") {
			c.fault(at, "no hay comodines: escriba cada palabra entera")
		} else if len(wordsOf(w)) == 0 {
			c.fault(at, "aquí no hay ninguna palabra")
		}
	}
}

// addresses checks addresses and returns them in lower case.
func (c *checker) addresses(key string, addresses []string) []string {
	c.notEmpty(key, len(addresses))
	var all []string
	for i, a := range addresses {
		if wrong := WrongAddress(a); wrong != "" {
			c.fault(fmt.Sprintf("%s[%d]", key, i), "%s", wrong)
		}
		all = append(all, strings.ToLower(a))
	}
	return all
}

// domains checks domains and returns them in lower case.
func (c *checker) domains(key string, domains []string) []string {
	c.notEmpty(key, len(domains))
	var all []string
	for i, d := range domains {
		if wrong := WrongDomain(d); wrong != "" {
			c.fault(fmt.Sprintf("%s[%d]", key, i), "%s", wrong)
		}
		all = append(all, strings.ToLower(d))
	}
	return all
}

// WrongAddress says in Spanish what is wrong with the address of a mailbox, ""
// if nothing is (RFC 5321 §4.1.2, without quoted local parts).
func WrongAddress(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	switch {
	case !ok:
		return fmt.Sprintf("%q no es una dirección: falta la @", address)
	case local == "" || len(local) > 64:
		return fmt.Sprintf("%q no es una dirección: antes de la @ van de 1 a 64 letras", address)
	case strings.ContainsFunc(local, notInLocal), strings.HasPrefix(local, "."), strings.HasSuffix(local, "."), strings.Contains(local, ".."):
		return fmt.Sprintf("%q no es una dirección: lo que va antes de la @ no puede escribirse así", address)
	}
	return WrongDomain(domain)
}

func notInLocal(r rune) bool {
	return !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r))
}

// WrongDomain says in Spanish what is wrong with a domain name, "" if nothing is.
func WrongDomain(domain string) string {
	labels := strings.Split(domain, ".")
	bad := slices.ContainsFunc(labels, func(label string) bool {
		return label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' })
	})
	if bad || len(domain) > 253 {
		return fmt.Sprintf("%q no es un dominio", domain)
	}
	return ""
}
