package rules

import (
	"fmt"
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// roleFile is desk/roles.toml.
type roleFile struct {
	Roles []roleText `toml:"role" help:"Un rol: qué pueden hacer por correo los agentes que lo tienen (role en desk/agents.toml). Sin este archivo, todos pueden todo."`
}

type roleText struct {
	Name    string   `toml:"name" help:"Nombre corto, como se escribe en role de desk/agents.toml. Obligatorio."`
	Title   string   `toml:"title" help:"Nombre que lee la gente. Sin esta clave, name."`
	Tickets string   `toml:"tickets" values:"all queues own" help:"Qué tickets puede cambiar. all (así es sin esta clave): todos. queues: los de las colas que atiende y los que tiene a cargo. own: los que tiene a cargo y, de sus colas, los que nadie tiene."`
	Level   bool     `toml:"own_level" help:"true: no puede cambiar un ticket que está en un nivel de soporte más alto que el suyo (level en desk/agents.toml)."`
	Deny    []string `toml:"deny" help:"Órdenes que no puede dar, como [\"anular\", \"unir\"]. «responder» es escribirle al solicitante."`
	Allow   []string `toml:"allow" help:"Las únicas órdenes que puede dar. Sin esta clave, todas menos las de deny."`
}

// answering stands among the verbs of a role for writing to the requester.
const answering = "responder"

// roles builds the roles, which agents name.
func (b *builder) roles(m *moreFiles) {
	for i, t := range m.roles.Roles {
		c := m.section("desk/roles.toml", "role", i)
		b.name(c, "role", t.Name)
		if slices.Contains(wholeRoles, t.Name) {
			c.fault("name", "%s es un rol que siempre hay: elija otro nombre", t.Name)
		}
		if len(t.Deny) > 0 && len(t.Allow) > 0 {
			c.fault("allow", "escriba deny o allow, no las dos")
		}
		c.notEmpty("allow", len(t.Allow))
		r := desk.RoleRights{Name: t.Name, Title: titleOr(t.Title, t.Name), Tickets: or(t.Tickets, desk.TicketsAll), OwnLevel: t.Level,
			Deny: c.verbNames("deny", t.Deny), Allow: c.verbNames("allow", t.Allow)}
		b.world.Roles = append(b.world.Roles, r)
		b.faults = append(b.faults, c.faults...)
	}
}

// wholeRoles are there without a file.
var wholeRoles = []string{"agent", "reader"}

// role checks the role of an agent. The role "agent" may do everything.
func (b *builder) role(c *checker, name string) string {
	if name == "" || slices.Contains(wholeRoles, name) {
		return ""
	}
	names := append(slices.Clone(wholeRoles), namesOf(b.world.Roles, func(r desk.RoleRights) string { return r.Name })...)
	if !slices.Contains(names, name) {
		c.fault("role", "no hay ningún rol %q en desk/roles.toml%s", name, meant(name, names, "roles"))
	}
	return name
}

// verbNames reads verbs, by any of their words.
func (c *checker) verbNames(key string, words []string) (names []string) {
	for i, w := range words {
		folded := mail.Fold(strings.TrimLeft(strings.TrimSpace(w), "#!"))
		v, ok := findVerb(folded)
		switch {
		case folded == answering:
			names = append(names, answering)
		case !ok:
			c.fault(fmt.Sprintf("%s[%d]", key, i), "no hay ninguna orden %q%s", w, meant(folded, append(Verbs(), answering), "órdenes"))
		default:
			names = append(names, v.name)
		}
	}
	return names
}

// harmless are the verbs that every agent may use on every ticket: they ask, note down,
// or settle what is his own.
var harmless = []string{"ver", "porque", "ayuda", "nota", "tiempo", "actividad", "sin-aviso", "hecha", "aprobar", "rechazar", "deshacer"}

// forbidden says why an agent may not use a verb on a ticket, "" if he may. The zero
// ticket is one that his mail opens.
func forbidden(w *desk.World, a desk.Agent, t desk.Ticket, verb string) string {
	r, ok := w.RightsOf(a)
	if !ok || slices.Contains(harmless, verb) {
		return ""
	}
	mine := t.Assignee == a.Name || t.ID == 0
	q, _ := w.Queue(t.Queue)
	ofQueue := slices.Contains(q.Agents, a.Name)
	switch {
	case slices.Contains(r.Deny, verb), len(r.Allow) > 0 && !slices.Contains(r.Allow, verb):
		return "role-forbids"
	case r.OwnLevel && slices.Index(levelOrder, t.Level) > max(slices.Index(levelOrder, a.Level), 0):
		return "higher-level"
	case mine || r.Tickets == desk.TicketsAll:
		return ""
	case !ofQueue:
		return "other-queue"
	case r.Tickets == desk.TicketsOwn && t.Assignee != "":
		return "not-yours"
	}
	return ""
}

// levelOrder are the levels of support, the lowest first.
var levelOrder = []string{"0", "1", "2", "provider"}

// byAnotherName are the verbs for what commands do that another verb can ask for too: who
// may not close may not say «estado cerrado».
var byAnotherName = map[desk.CommandKind]string{desk.CmdClose: "cerrar", desk.CmdResolve: "resolver", desk.CmdReopen: "reabrir", desk.CmdWait: "espera", desk.CmdQueue: "cola"}

// forbiddenOf says why an agent may not do what a line of his asks for, also of the other
// tickets that it changes.
func forbiddenOf(c Case, a desk.Agent, t desk.Ticket, made []desk.Command) string {
	for _, m := range made {
		if name, ok := byAnotherName[m.Kind]; ok {
			if reason := forbidden(c.World, a, t, name); reason != "" {
				return reason
			}
		}
		if m.Kind != desk.CmdAbsorb {
			continue
		}
		if reason := forbidden(c.World, a, c.Tickets[m.Ticket], "unir"); reason != "" {
			return reason
		}
	}
	return ""
}
