package rules

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
)

// termFile is desk/terms.toml.
type termFile struct {
	Terms []termText `toml:"term" help:"Un plazo: para cuándo se promete contestar y resolver. A cada ticket le toca el plazo que más condiciones suyas cumple (queue, category, client, type, priority); a igualdad, el primero del archivo. Sin este archivo no hay plazos."`
}

type termText struct {
	Name       string   `toml:"name" help:"Nombre corto, único. Obligatorio. No lo cambie mientras haya tickets abiertos: con otro nombre se olvida lo que corrió del plazo desde la última pausa."`
	Queue      string   `toml:"queue" help:"Condición: cola, como se llama en desk/queues.toml."`
	Category   string   `toml:"category" help:"Condición: categoría, como se llama en desk/categories.toml."`
	Client     string   `toml:"client" help:"Condición: cliente, como se llama en desk/clients.toml."`
	Type       string   `toml:"type" help:"Condición: tipo del ticket."`
	Priority   any      `toml:"priority" help:"Condición: prioridad, de 1 a 5 o en palabras: muy urgente, alta, mediana, baja, muy baja."`
	Calendar   string   `toml:"calendar" help:"Horario en que se cuenta, como se llama en desk/calendars.toml. Sin esta clave, el primero."`
	First      string   `toml:"first" help:"Plazo de la primera respuesta: horas y minutos hábiles («4h», «1h30m») o días hábiles («2 días»). En días, el del ticket no cuenta y vence al cierre del último."`
	Next       string   `toml:"next" help:"Plazo de cada respuesta siguiente, desde que escribe el solicitante."`
	Resolution string   `toml:"resolution" help:"Plazo para resolver, desde que se abre el ticket. Si se reabre, sigue donde iba."`
	Warn       *int     `toml:"warn" help:"Porcentaje del plazo, de 1 a 99, con que se avisa de que está por vencer y el ticket pasa a amarillo. Sin esta clave, 75."`
	Pause      []string `toml:"pause" values:"requester provider" help:"A quién ha de esperar el ticket para que el plazo se detenga: requester (el solicitante), provider (un proveedor). Sin esta clave, los dos; con una lista vacía, no se detiene."`
}

// usualWarn is at what percentage of a term it is told that it is about to expire.
const usualWarn = 75

// loadTerms reads desk/calendars.toml and desk/terms.toml against the queues of a world.
func loadTerms(installation fs.FS, world *desk.World) (desk.Terms, error) {
	calendars, err := loadCalendars(installation, world.Zone)
	if err != nil {
		return nil, err
	}
	world.Calendar = calendars[0]
	var file termFile
	document, err := readOptional(installation, "desk/terms.toml", &file)
	if err != nil {
		return nil, err
	}
	var all desk.Terms
	var faults []*FileError
	names := builder{names: map[string]string{}}
	for i, text := range file.Terms {
		c := &checker{document: document, path: fmt.Sprintf("term[%d]", i)}
		names.name(c, "term", text.Name)
		t := c.term(text, world, calendars)
		for j, before := range all {
			if before.For.Same(t.For) {
				c.fault("name", "tiene las mismas condiciones que %s, que va antes: nunca se usaría", file.Terms[j].Name)
			}
		}
		all = append(all, t)
		faults = append(faults, c.faults...)
	}
	return all, Join(faults...)
}

// term reads one [[term]].
func (c *checker) term(text termText, world *desk.World, calendars []*desk.Calendar) desk.Term {
	t := desk.Term{Name: text.Name, Calendar: calendars[0], Warn: usualWarn, Pause: []desk.Waiting{desk.ForRequester, desk.ForProvider}}
	t.For = c.selector(text, world)
	if c.has("calendar") {
		t.Calendar = c.calendar(text.Calendar, calendars)
	}
	t.First, t.Next, t.Resolution = c.length("first", text.First), c.length("next", text.Next), c.length("resolution", text.Resolution)
	if !c.has("first") && !c.has("next") && !c.has("resolution") {
		c.fault("name", "el plazo no promete nada: falta first, next o resolution")
	}
	if text.Warn != nil {
		if t.Warn = *text.Warn; t.Warn < 1 || t.Warn > 99 {
			c.fault("warn", "%d no es un porcentaje de 1 a 99", t.Warn)
		}
	}
	if c.has("pause") {
		t.Pause = nil
		for _, w := range text.Pause {
			t.Pause = append(t.Pause, desk.Waiting(w))
		}
	}
	return t
}

// selector reads the conditions of a term.
func (c *checker) selector(text termText, world *desk.World) desk.Selector {
	s := desk.Selector{Queue: text.Queue, Category: text.Category, Client: text.Client, Type: strings.TrimSpace(text.Type)}
	if _, ok := world.Queue(text.Queue); !ok && c.has("queue") {
		c.fault("queue", "no hay ninguna cola %q en desk/queues.toml%s", text.Queue, meant(text.Queue, queueNames(world), "colas"))
	}
	if _, ok := world.Category(text.Category); !ok && c.has("category") {
		var names []string
		for _, one := range world.Categories {
			names = append(names, one.Name)
		}
		c.fault("category", "no hay ninguna categoría %q en desk/categories.toml%s", text.Category, meant(text.Category, names, "categorías"))
	}
	if _, ok := world.Client(text.Client); !ok && c.has("client") {
		var names []string
		for _, one := range world.Clients {
			names = append(names, one.Name)
		}
		c.fault("client", "no hay ningún cliente %q en desk/clients.toml%s", text.Client, meant(text.Client, names, "clientes"))
	}
	if c.has("type") && s.Type == "" {
		c.fault("type", "el tipo está vacío: quite la clave o escriba uno")
	} else if wrong := WrongType(world, s.Type); wrong != "" {
		c.fault("type", "%s", wrong)
	}
	if text.Priority != nil {
		if s.Priority = Priority(fmt.Sprint(text.Priority)); s.Priority == 0 {
			c.fault("priority", "no es una prioridad: de 1 a 5, o %s", strings.Join(priorityWords[:], ", "))
		}
	}
	return s
}

func (c *checker) calendar(name string, calendars []*desk.Calendar) *desk.Calendar {
	var names []string
	for _, have := range calendars {
		if have.Name() == name {
			return have
		}
		names = append(names, have.Name())
	}
	c.fault("calendar", "no hay ningún horario %q en desk/calendars.toml%s", name, meant(name, names, "horarios"))
	return calendars[0]
}

// longest are the longest terms: 365 working days, and the hours of a year.
const longestDays, longestWork = 365, 8784 * time.Hour

func (c *checker) length(key, s string) desk.Length {
	if !c.has(key) {
		return desk.Length{}
	}
	l, ok := readLength(s)
	if !ok {
		c.fault(key, "%q no es un plazo: escriba horas y minutos («4h», «1h30m») o días hábiles («2 días»), de 1 minuto a 365 días", s)
	}
	return l
}

// readLength reads «4h», «1h30m», «90 minutos» or «2 días».
func readLength(s string) (desk.Length, bool) {
	folded := strings.ReplaceAll(mail.Fold(s), " ", "")
	for _, word := range []string{"dias", "dia", "d"} {
		if n, ok := strings.CutSuffix(folded, word); ok {
			days, err := strconv.Atoi(n)
			return desk.Length{Days: days}, err == nil && days >= 1 && days <= longestDays
		}
	}
	for _, w := range [...]struct{ word, unit string }{{"horas", "h"}, {"hora", "h"}, {"minutos", "m"}, {"minuto", "m"}, {"min", "m"}} {
		folded = strings.ReplaceAll(folded, w.word, w.unit)
	}
	work, err := time.ParseDuration(folded)
	return desk.Length{Work: work}, err == nil && work >= time.Minute && work <= longestWork && work%time.Minute == 0
}
