package rules

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// catalogue is a list of names that a rule can refer to.
type catalogue struct {
	file, missing, many string
	names               []string
}

// catalogues are all of them.
type catalogues struct{ queues, agents, categories, services, clients, fields catalogue }

func (k *compiler) names() catalogues {
	w := k.world
	return catalogues{
		queues:     catalogue{"queues", "ninguna cola", "colas", queueNames(w)},
		agents:     catalogue{"agents", "ningún agente", "agentes", agentNames(w)},
		categories: catalogue{"categories", "ninguna categoría", "categorías", namesIn(w.Categories, func(c desk.Category) string { return c.Name })},
		services:   catalogue{"services", "ningún servicio", "servicios", namesIn(w.Services, func(s desk.Service) string { return s.Name })},
		clients:    catalogue{"clients", "ningún cliente", "clientes", namesIn(w.Clients, func(c desk.Client) string { return c.Name })},
		fields:     catalogue{"fields", "ningún campo", "campos", namesIn(w.Fields, func(f desk.FieldKind) string { return f.Name })},
	}
}

func namesIn[T any](all []T, name func(T) string) (names []string) {
	for _, one := range all {
		names = append(names, name(one))
	}
	return names
}

// reference returns the name in a catalogue that a text means, case not counted,
// or reports that there is none.
func (k *compiler) reference(key, name string, in catalogue) string {
	for _, n := range in.names {
		if strings.EqualFold(n, name) {
			return n
		}
	}
	cure := ""
	if len(in.names) > 0 {
		cure = meant(name, in.names, in.many)
	}
	k.fault(key, "no hay %s %q en desk/%s.toml%s", in.missing, name, in.file, cure)
	return name
}

// effects checks what a rule does.
func (k *compiler) effects(t ruleText) Route {
	route := Route{Type: strings.TrimSpace(t.Type), Level: t.Level, Language: t.Language, Ignore: t.Ignore, Quarantine: t.Quarantine, Hold: t.Hold}
	in := k.names()
	for _, e := range [...]struct {
		key, name string
		in        catalogue
		to        *string
	}{
		{"queue", t.Queue, in.queues, &route.Queue}, {"owner", t.Owner, in.agents, &route.Owner}, {"responsible", t.Responsible, in.agents, &route.Responsible},
		{"category", t.Category, in.categories, &route.Category}, {"service", t.Service, in.services, &route.Service},
	} {
		switch {
		case e.key == "owner" && slices.Contains(ownerWays, e.name):
			*e.to = e.name
		case k.has(e.key):
			*e.to = k.reference(e.key, e.name, e.in)
		}
	}
	if k.has("type") && route.Type == "" {
		k.fault("type", "el tipo está vacío: quite la clave o escriba uno")
	}
	k.typeKnown(route.Type)
	for _, e := range [...]struct {
		key, what string
		value     any
		to        *int
	}{{"priority", "una prioridad", t.Priority, &route.Priority}, {"urgency", "una urgencia", t.Urgency, &route.Urgency}, {"impact", "un impacto", t.Impact, &route.Impact}} {
		if e.value == nil {
			continue
		}
		if *e.to = Priority(fmt.Sprint(e.value)); *e.to == 0 {
			k.fault(e.key, "no es %s: de 1 a 5, o %s", e.what, strings.Join(priorityWords[:], ", "))
		}
	}
	route.Observers, route.Reply = k.observers(t.Observers), k.readyAnswer(t.Reply)
	route.Template = k.ownTemplate(t.Template)
	route.Tags, route.Fields = k.tags(t.Tags), k.fields(t.Fields)
	k.together(t, route)
	return route
}

// typeKnown reports a type that the desk does not have, where it says which it has.
func (k *compiler) typeKnown(name string) {
	if name == "" || len(k.world.Types) == 0 {
		return
	}
	if !slices.ContainsFunc(k.world.Types, func(t string) bool { return mail.Fold(t) == mail.Fold(name) }) {
		k.fault("type", "no hay ningún tipo %q en desk/types.toml%s", name, meant(name, k.world.Types, "tipos"))
	}
}

func (k *compiler) observers(addresses []string) []string {
	k.notEmpty("observers", len(addresses))
	for i, a := range addresses {
		if _, ok := address(a); !ok {
			k.fault(fmt.Sprintf("observers[%d]", i), "«%s» no es una dirección de correo", a)
		} else if agent, is := k.world.AgentAt(a); is {
			k.fault(fmt.Sprintf("observers[%d]", i), "%s es del agente %s, que ya recibe avisos: quítela", a, agent.Name)
		}
	}
	return lowered(addresses)
}

func (k *compiler) readyAnswer(name string) string {
	if !k.has("reply") {
		return ""
	}
	names := namesIn(k.world.Answers, func(c desk.Canned) string { return c.Name })
	if !slices.Contains(names, name) {
		k.fault("reply", "no hay ninguna respuesta %q en desk/answers%s", name, meant(name, names, "respuestas"))
	}
	return name
}

// ownTemplate checks that the admin has a template of that name in some language.
func (k *compiler) ownTemplate(name string) string {
	if !k.has("template") {
		return ""
	}
	files, _ := fs.Glob(k.loader.files, "templates/*/acuse/*.md") // the pattern is sound
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(path.Base(f), ".md"))
	}
	if names = sorted(names); !slices.Contains(names, name) {
		k.fault("template", "no hay ninguna plantilla %q: escríbala en templates/es/acuse/%s.md%s", name, name, meant(name, names, "plantillas"))
	}
	return name
}

func (k *compiler) tags(tags []string) (all []string) {
	k.notEmpty("tags", len(tags))
	if len(tags) > desk.MaxTags {
		k.fault("tags", "son demasiadas etiquetas: %d como mucho", desk.MaxTags)
	}
	for i, tag := range k.listed("tags", tags) {
		if folded := strings.ToLower(strings.TrimSpace(tag)); slices.Contains(all, folded) {
			k.warn(fmt.Sprintf("tags[%d]", i), "«%s» ya está: quite una", tag)
		} else {
			all = append(all, folded)
		}
	}
	return all
}

// fields checks the fields that a rule fills in, and that the groups which they
// refer to exist.
func (k *compiler) fields(fields map[string]string) map[string]string {
	all := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		key, text := "fields."+name, fields[name]
		all[k.reference(key, name, k.names().fields)] = text
		for _, ref := range references.FindAllString(text, -1) {
			if ref != "$$" && !k.groups[ref[1:]] {
				k.fault(key, "ningún patrón de la regla atrapa %s: escriba un grupo (?P<%s>…) en subject_pattern, body_pattern o header_pattern", ref, ref[1:])
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// together checks that what a rule does goes together.
func (k *compiler) together(t ruleText, route Route) {
	sets := route.Queue+route.Type+route.Owner+route.Language+route.Category+route.Service+route.Level+route.Responsible != "" ||
		route.Priority+route.Urgency+route.Impact+len(route.Tags)+len(route.Fields)+len(route.Observers)+len(route.Reply+route.Template) > 0
	switch {
	case k.on.ofClock() && (route.Language+route.Reply+route.Template != "" || t.Ignore || t.Quarantine || t.Hold):
		k.fault("on", "un plazo no trae ningún correo: no valen language, reply, template, ignore, quarantine ni hold")
	case t.On == "reply" && (route.Language+route.Reply+route.Template != "" || t.Ignore || t.Quarantine):
		k.fault("on", "al responder a un ticket no valen language, reply, template, ignore ni quarantine: quítelos, o use hold")
	case t.Stop && t.Continue:
		k.fault("stop", "stop y continue se excluyen: deje una de las dos")
	case t.Ignore && t.Quarantine:
		k.fault("quarantine", "ignore y quarantine se excluyen: deje una de las dos")
	case (t.Ignore || t.Quarantine) && (sets || t.Continue || t.Hold):
		k.fault("name", "con ignore o quarantine no se abre ticket: quite los demás efectos y continue")
	case !sets && !t.Ignore && !t.Quarantine && !t.Hold && !t.Stop && len(k.checker.faults) == 0:
		k.fault("name", "la regla no hace nada: falta queue, type, priority, owner, tags u otro efecto")
	}
}
