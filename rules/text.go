package rules

import (
	"errors"
	"strconv"
	"strings"
)

// ruleFile is a file of rules/.
type ruleFile struct {
	Rules []ruleText `toml:"rule" help:"Una regla. Se miran en el orden de los archivos y, dentro de cada uno, de arriba abajo; decide la primera que se cumple. Una regla se cumple si se cumplen todas las condiciones que pone; de la lista de una condición basta un elemento. Con ejemplos, en docs/reglas.md."`
}

// ruleText is one [[rule]] as the admin writes it.
type ruleText struct {
	Name string `toml:"name" help:"Nombre, único entre todas las reglas; sale en explain y en el registro. Obligatorio."`
	On   string `toml:"on" values:"open reply warning breach" help:"open (así es sin esta clave): la regla mira los correos que abren un ticket. reply: los que responden a uno que ya existe. warning y breach: ningún correo, sino los plazos de desk/terms.toml que están por vencer o vencieron."`

	conditionText

	Queue       string            `toml:"queue" help:"Efecto: cola en que se abre el ticket, como se llama en desk/queues.toml."`
	Type        string            `toml:"type" help:"Efecto: tipo del ticket, por ejemplo incidente o requerimiento."`
	Priority    any               `toml:"priority" help:"Efecto: prioridad, de 1 a 5 o en palabras: muy urgente, alta, mediana, baja, muy baja."`
	Category    string            `toml:"category" help:"Efecto: categoría, como se llama en desk/categories.toml. De ella salen la cola, el tipo, el servicio, el agente, la urgencia y el impacto que ninguna regla diga."`
	Service     string            `toml:"service" help:"Efecto: servicio, como se llama en desk/services.toml."`
	Urgency     any               `toml:"urgency" help:"Efecto: urgencia, de 1 a 5 o en palabras, como priority. Con el impacto da la prioridad que ninguna regla diga (desk/priorities.toml)."`
	Impact      any               `toml:"impact" help:"Efecto: impacto, de 1 a 5 o en palabras."`
	Level       string            `toml:"level" values:"0 1 2 provider" help:"Efecto: nivel que lo atiende; 0 es la mesa misma."`
	Responsible string            `toml:"responsible" help:"Efecto: agente que responde por el ticket aunque otro lo atienda."`
	Tags        []string          `toml:"tags" help:"Efecto: etiquetas, que se suman a las de las demás reglas que se cumplan."`
	Fields      map[string]string `toml:"fields" help:"Efecto: campos de desk/fields.toml. $equipo pone lo que atrapó el grupo (?P<equipo>…) de un patrón; si no atrapó nada, el campo queda vacío. $$ es un $."`
	Observers   []string          `toml:"observers" help:"Efecto: direcciones que desde entonces reciben las respuestas, además de las que añadan otras reglas que se cumplan."`
	Reply       string            `toml:"reply" help:"Efecto: respuesta preparada de desk/answers que va en el acuse de recibo, como se llama su archivo: \"vpn\" para desk/answers/vpn.md."`
	Owner       string            `toml:"owner" help:"Efecto: agente al que se asigna, como se llama en desk/agents.toml; o, entre los agentes de la cola que están, round-robin (por turnos), least-loaded (el que menos tickets tiene) u on-duty (el primero)."`
	Template    string            `toml:"template" help:"Efecto: plantilla propia que responde en lugar del acuse de recibo: \"biblioteca\" para templates/es/acuse/biblioteca.md. En los idiomas en que falte, y a quien no prueba quién es, se responde con la de siempre."`
	Language    string            `toml:"language" values:"es en pt" help:"Efecto: idioma en que se le escribe al solicitante."`
	Ignore      bool              `toml:"ignore" help:"Efecto: el correo se guarda y no abre ticket ni recibe respuesta."`
	Quarantine  bool              `toml:"quarantine" help:"Efecto: el correo queda apartado hasta que el administrador lo vea."`
	Hold        bool              `toml:"hold" help:"Efecto: el correo queda retenido en el ticket hasta que un agente lo acepte (#aceptar) o lo aparte (#apartar). Si abre el ticket, al solicitante no se le escribe nada antes; al apartarlo, el ticket queda anulado sin avisarle."`
	Stop        bool              `toml:"stop" help:"Efecto: no se mira ninguna regla más. Así es siempre que falte continue; sirve para una excepción que no hace otra cosa."`
	Continue    bool              `toml:"continue" help:"true: se siguen mirando las reglas de después, que pueden añadir lo que esta no dice, pero no cambiar lo que ya dijo."`

	Tests []trialText `toml:"test" help:"Una prueba de la regla que está encima: un correo y lo que debe ser de él. Las corre «ventanilla check --tests»; los archivos cuyas pruebas fallan no se cargan en un servicio en marcha."`
}

// conditionText is what a rule, or a table in any, all or not, wants of a mail.
type conditionText struct {
	Subject        []string          `toml:"subject" help:"Condición: palabras o frases del asunto. Se comparan palabras enteras, sin distinguir mayúsculas ni tildes y después de quitar «Re:», «RV:» y semejantes."`
	HasSubject     *bool             `toml:"has_subject" help:"Condición: true, el correo trae asunto; false, viene sin él."`
	SubjectPattern []string          `toml:"subject_pattern" help:"Condición: expresiones regulares (RE2) sobre el asunto, sin distinguir mayúsculas ni tildes. Lo que atrapa un grupo con nombre, (?P<equipo>…), sirve en los efectos como $equipo."`
	Body           []string          `toml:"body" help:"Condición: palabras o frases de lo que la persona escribió, sin lo citado; de un reenvío sin texto propio, lo reenviado. Como subject; se miran los primeros 64 KiB."`
	BodyPattern    []string          `toml:"body_pattern" help:"Condición: expresiones regulares sobre ese mismo texto, como subject_pattern."`
	From           []string          `toml:"from" help:"Condición: dirección del remitente. Cualquiera puede falsificarla: úsela para ordenar, no para dar permisos; con trust dice qué debe estar comprobado."`
	FromDomain     []string          `toml:"from_domain" help:"Condición: dominio del remitente. «uni.example» es solo ese; «*.uni.example», los que están debajo de él."`
	To             []string          `toml:"to" help:"Condición: dirección nuestra a la que llegó el correo. soporte@… vale también para soporte+lo-que-sea@…; soporte+redes@…, solo para esa."`
	Cc             []string          `toml:"cc" help:"Condición: dirección que está en la copia (Cc), nuestra o ajena."`
	Plus           []string          `toml:"plus" help:"Condición: lo que va tras el «+» en nuestra dirección: redes para soporte+redes@…."`
	List           []string          `toml:"list" help:"Condición: lista de correo de la que viene (su List-Id, sin ángulos). «*.listas.uni.example» vale para todas las de ahí."`
	Class          []string          `toml:"class" values:"human list machine auto-reply calendar bounce receipt complaint own" help:"Condición: clase del correo. Sin esta clave la regla solo mira correos de personas (human y list)."`
	Attachment     *attachmentText   `toml:"attachment" inline:"true" help:"Condición: trae un adjunto que cumple todo lo que diga la tabla: name y type (listas, con * y ?), content (lo que muestran sus primeros bytes: pdf, exe…, diga lo que diga su nombre), disguised (true: su contenido no es lo que dice su nombre), larger_than y smaller_than (tamaños, como \"5MB\"). Vacía, {}, vale para cualquier adjunto."`
	Header         map[string]any    `toml:"header" help:"Condición: campos de la cabecera, cada uno con una palabra o frase o una lista de ellas: header = {X-Spam-Flag = \"yes\"}. De varios campos deben cumplirse todos."`
	HeaderPattern  map[string]string `toml:"header_pattern" help:"Condición: campos de la cabecera, cada uno con una expresión regular."`
	TextLanguage   []string          `toml:"text_language" values:"es en pt unknown" help:"Condición: idioma en que está escrito el correo, por sus palabras más comunes. unknown: no se puede decir, como en los textos cortos."`
	Trust          []string          `toml:"trust" values:"nothing auth token auth+token bound auth+bound" help:"Condición: qué se comprobó del remitente. nothing, nada; auth, su dominio lo dejó salir; token, trae una seña nuestra; bound, la seña era para él."`
	Known          *bool             `toml:"known" help:"Condición: true, alguien ya escribió antes desde esa dirección; false, es la primera vez."`
	Ticket         *ticketText       `toml:"ticket" inline:"true" help:"Condición, con on = \"reply\", \"warning\" o \"breach\": cómo está el ticket: state, queue, type, priority, owner, category, level, service y tag (listas)."`
	Clock          []string          `toml:"clock" values:"first next resolution" help:"Condición, con on = \"warning\" o \"breach\": qué plazo: first (la primera respuesta), next (las siguientes) o resolution (la solución)."`
	Requester      *requesterText    `toml:"requester" inline:"true" help:"Condición: quién escribe, según desk/people.csv y desk/clients.toml, o por quién lo hace un agente: listed (true: está en desk/people.csv), name (palabras de su nombre), address (su dirección principal, escriba desde la que escriba), phone (con * y ?), department, client, y product y service (que su cliente tiene contratados; listas)."`
	During         string            `toml:"during" help:"Condición: el correo llegó mientras está abierto ese calendario de desk/calendars.toml."`
	Outside        string            `toml:"outside" help:"Condición: llegó mientras ese calendario está cerrado."`
	Weekdays       []string          `toml:"weekdays" help:"Condición: días de la semana en que llegó, como lunes o sábado."`
	Hours          []string          `toml:"hours" help:"Condición: horas en que llegó, en la zona de la mesa: \"08:00-12:00\". \"22:00-06:00\" pasa la medianoche."`
	When           string            `toml:"when" help:"Condición: una expresión, para lo que las demás no alcanzan a decir; vea docs/reglas.md."`
	Exact          bool              `toml:"exact" help:"true: en subject, body, header y los patrones de esta tabla cuentan mayúsculas y tildes."`
	Any            []conditionText   `toml:"any" inline:"true" help:"Condición: basta que se cumpla una de estas tablas: any = [{subject = [\"red\"]}, {plus = [\"redes\"]}]."`
	All            []conditionText   `toml:"all" inline:"true" help:"Condición: deben cumplirse todas estas tablas."`
	Not            *conditionText    `toml:"not" inline:"true" help:"Condición: lo de esta tabla no debe cumplirse: not = {from_domain = [\"proveedor.example\"]}."`
}

type attachmentText struct {
	Name        []string `toml:"name"`
	Type        []string `toml:"type"`
	Content     []string `toml:"content" values:"pdf zip ole rar 7z gz png jpg gif bmp tif webp exe elf class sh rtf"`
	Disguised   *bool    `toml:"disguised"`
	LargerThan  byteSize `toml:"larger_than"`
	SmallerThan byteSize `toml:"smaller_than"`
}

type requesterText struct {
	Listed     *bool    `toml:"listed"`
	Name       []string `toml:"name"`
	Address    []string `toml:"address"`
	Phone      []string `toml:"phone"`
	Department []string `toml:"department"`
	Client     []string `toml:"client"`
	Product    []string `toml:"product"`
	Service    []string `toml:"service"`
}

type ticketText struct {
	State    []string `toml:"state" values:"new open pending resolved closed"`
	Queue    []string `toml:"queue"`
	Type     []string `toml:"type"`
	Priority []string `toml:"priority"`
	Owner    []string `toml:"owner"`
	Category []string `toml:"category"`
	Level    []string `toml:"level" values:"0 1 2 provider"`
	Service  []string `toml:"service"`
	Tag      []string `toml:"tag"`
}

// byteSize is a size as "5MB", with powers of 1024.
type byteSize int64

var errSize = errors.New(`no es un tamaño: escriba algo como "500KB" o "5MB"`)

// UnmarshalText reads a size.
func (b *byteSize) UnmarshalText(text []byte) error {
	s := strings.ToUpper(strings.ReplaceAll(string(text), " ", ""))
	unit := int64(1)
	for suffix, n := range map[string]int64{"KB": 1 << 10, "KIB": 1 << 10, "MB": 1 << 20, "MIB": 1 << 20, "GB": 1 << 30, "GIB": 1 << 30} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = rest, n
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return errSize
	}
	*b = byteSize(n * unit)
	return nil
}
