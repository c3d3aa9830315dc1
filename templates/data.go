package templates

import (
	"slices"
	"strings"
)

// Data is what a mail can say: the names that actions in template files use, as
// {{.Number}}. A field that does not concern a mail is empty there. Links are
// whole URLs (https: or mailto:), and empty where the desk has no pages.
type Data struct {
	Desk    string // the desk's name
	Number  string // of the ticket, as people read it: #003181
	Subject string // of the ticket, without tags and prefixes
	Name    string // of the person that the mail goes to; may be empty

	Link         string // to see the ticket
	DecisionLink string // the page with Aprobar and Rechazar
	ApproveLink  string // mailto: that approves, or confirms
	RejectLink   string // mailto: that rejects, or denies
	UndoLink     string // mailto: that undoes the commands of a transcript
	UndoPage     string // the page that does
	StopLink     string // to get no more of a digest
	SurveyLink   string // the page of the survey

	// What begins with Old is what was before, and empty where it did not
	// change: of a ticket that nobody had, OldAssignee is "nadie".
	State       string // in words: en curso
	OldState    string
	Queue       string // its title
	OldQueue    string
	Assignee    string // name of the agent, "" if there is none
	OldAssignee string
	Priority    string // in words: mediana
	OldPriority string
	Type        string
	OldType     string

	Requester        string // name, or the address where the name is not known
	RequesterAddress string
	Author           string // who wrote Body, or acted: a name
	AuthorAddress    string
	Body             Body   // what Author wrote. In a template {{.Body}} is all of it, and cannot be taken apart
	Help             Body   // what the desk knows that may answer the request; all of it too
	Reason           string // of a rejection, of a refusal, why something waits; may have several lines
	Signature        string // of the queue, under what its agents write; may have several lines
	Privacy          string // the queue's notice about personal data; may have several lines

	Category   string   // its title; for agents
	Service    string   // its title; for agents
	Details    []string // what else is known of the ticket, «Dependencia: Archivo»; for agents
	Rows       []Row    // of a list or digest
	Reader     bool     // of a list or digest: who gets it only reads
	Numbers    []string // of acuse-varios: a line for each ticket
	Lines      []string // of a transcript or a notice: a sentence each; of a mail with files: what became of them
	Refused    []string // of a transcript: what was asked of single tickets and not done, a sentence each
	Suggestion string   // the nearest valid command; of a list: what asks for its next page
	Held       int      // the article that waits for #aceptar or #apartar, or the task; 0 if none does
	Days       int      // after which a resolved ticket closes by itself; 0 if it does not
	Score      int      // of a survey, 1 to 5
	Deputy     string   // who decided in the requester's place; may be empty
	Term       string   // of a notice about a term, in words: primera respuesta
	Deadline   string   // when that term ends or ended, by the desk's clock: 2026-11-24 15:30
	Task       string   // what is to be done, of a notice about a task
	TaskBy     string   // the name of who set it
	External   string   // the provider's number of the ticket
	Asset      string   // that the ticket is about
	Recipient  string   // the address that a mail of ours did not reach
	Status     string   // the enhanced status code of that, as 5.1.1
	Diagnostic string   // what the other server said
	Marker     string   // a signed reference, small at the foot of the mail: answers whose headers were lost still find their ticket
}

// Row is a ticket in a list for an agent.
type Row struct {
	Number    string
	Link      string // mailto: that answers to it
	Page      string // to see it; "" where the desk has no pages
	Held      []int  // its articles that wait for aceptar or apartar
	Light     string // how its terms stand, in words; "" if nothing is promised
	Colour    string // the same for the eye: green, amber, red or ""
	State     string // in words, or whom it waits for
	Requester string
	Subject   string
	Age       string // since it was opened: 3 d
	Date      string // when it was opened: 2026-11-24
	Owner     string // "" if nobody has it
}

// Body is a text that somebody wrote in a mail: as plain text, and as Markdown
// where it had more than words. Either may be empty.
type Body struct{ Text, Markdown string }

// lines returns the fields that hold one line.
func (d *Data) lines() []*string {
	return []*string{
		&d.Desk, &d.Number, &d.Subject, &d.Name, &d.Link, &d.DecisionLink, &d.ApproveLink, &d.RejectLink, &d.UndoLink, &d.UndoPage, &d.StopLink, &d.SurveyLink,
		&d.State, &d.OldState, &d.Queue, &d.OldQueue, &d.Assignee, &d.OldAssignee, &d.Priority, &d.OldPriority,
		&d.Type, &d.OldType, &d.Category, &d.Service, &d.Requester, &d.RequesterAddress, &d.Author, &d.AuthorAddress, &d.Suggestion,
		&d.Deputy, &d.Term, &d.Deadline, &d.Task, &d.TaskBy, &d.External, &d.Asset, &d.Recipient, &d.Status, &d.Diagnostic, &d.Marker,
	}
}

// Sample returns data such as a mail of that name would have, for previews. With
// an empty name every field is filled.
func Sample(name string) Data {
	d := sample()
	if name == "" {
		return d
	}
	d.Reader = false // most people who get lists work on them
	fromRequester := slices.Contains([]string{"ticket-nuevo", "respuesta-solicitante", "reabierto", "aprobado", "retenido", "asignado", "calificacion"}, name)
	if fromRequester {
		d.Author, d.AuthorAddress = d.Requester, d.RequesterAddress
		d.Body = Body{Text: "Buenos días:\n\nDesde ayer la impresora no responde. Adjunto una foto.\n\nGracias,\nAna"}
	}
	if name == "entrega-demorada" {
		d.Status, d.Diagnostic = "4.2.2", "452 4.2.2 Mailbox full"
	}
	if strings.HasPrefix(name, "plazo-") {
		d.Author, d.AuthorAddress, d.Body = "", "", Body{}
	}
	if name == "respuesta" { // of an agent: others do not learn his address
		d.AuthorAddress = ""
	}
	if name == "asignado" {
		d.Author = "María Ríos"
	}
	if name == "identidad" || name == "retenido" {
		d.AuthorAddress = "ana.gomez@correo.example"
	}
	if strings.HasPrefix(name, "tarea") {
		d.Body = Body{}
	}
	switch name {
	case "transcripcion":
	case "mis-solicitudes":
		d.Lines, d.Rows = nil, []Row{
			{Number: "#003182", Page: "https://mesa.example/t/s4m2k7r", State: "en espera", Subject: "Clave olvidada", Date: "2026-11-24"},
			{Number: "#003181", Page: "https://mesa.example/t/s4m2k7q", State: "cerrado", Subject: "No imprime la impresora", Date: "2026-11-20"},
		}
	case "novedades":
		d.Lines = []string{"14:05 María Ríos: cambió de cola: Mesa de ayuda → Soporte técnico", "14:06 María Ríos: cambió la persona encargada: nadie → Luis Pérez"}
	case "datos":
		d.Lines = []string{"Dependencia (Contabilidad):", "Número de contacto (300 123 4567):"}
	case "plazo-por-vencer", "plazo-vencido":
		d.Lines = []string{"Reglas aplicadas: lo vencido sube de nivel"}
	case "archivos":
		d.Lines = []string{"programa.exe: no se pasó por su tipo (se aceptan: pdf, docx, png); se conserva en la mesa de ayuda"}
	default:
		d.Lines = nil
	}
	switch name {
	case "reabierto", "gracias-rechazo":
		d.Body = Body{}
	case "conocimiento":
		d.Subject, d.Number, d.Marker, d.Body = "impresora", "", "", Body{Markdown: strings.Replace(d.Help.Markdown, "###", "##", 1)}
	case "encuesta":
		d.Deputy, d.Reason = "", ""
	case "calificacion":
		d.Body, d.Reason = Body{}, "Tardaron tres días en venir."
	case "suplente", "decidio-suplente":
		d.Body = Body{}
		d.Reason, d.State, d.Author = "", "cerrado", "Rosa Díaz"
	case "retenido":
		d.Reason = "La dirección no participa en esta solicitud."
	case "aviso-admin":
		d.Subject, d.Number, d.Marker, d.Body, d.Reason = "Un correo quedó en cuarentena", "", "", Body{}, "Tiene más de 500 partes."
	default:
		d.Reason = ""
	}
	return d
}

func sample() Data {
	return Data{
		Desk: "Mesa de ayuda", Number: "#003181", Subject: "No imprime la impresora de Contabilidad", Name: "Ana Gómez",
		Link:         "https://mesa.example/t/s4m2k7q",
		DecisionLink: "https://mesa.example/d/d4m2k7q",
		ApproveLink:  "mailto:soporte+a4m2k7q@mesa.example?subject=aprobar",
		RejectLink:   "mailto:soporte+r4m2k7q@mesa.example?subject=rechazar",
		UndoLink:     "mailto:soporte+u4m2k7q@mesa.example?subject=deshacer",
		UndoPage:     "https://mesa.example/u/u4m2k7q",
		StopLink:     "https://mesa.example/l/l4m2k7q",
		SurveyLink:   "https://mesa.example/e/e4m2k7q",
		State:        "en curso", OldState: "nuevo", Queue: "Soporte técnico", OldQueue: "Mesa de ayuda",
		Assignee: "Luis Pérez", OldAssignee: "María Ríos", Priority: "alta", OldPriority: "mediana",
		Type: "incidente", OldType: "requerimiento",
		Requester: "Ana Gómez", RequesterAddress: "ana@entidad.example",
		Author: "Luis Pérez", AuthorAddress: "luis@mesa.example",
		Body: Body{
			Text:     "Buenos días:\n\nReinicié el servicio de impresión y ya salieron los trabajos que estaban en espera.\n\n- La impresora queda en el puerto 9100.\n- El controlador es el de siempre.\n\nSaludos.",
			Markdown: "Buenos días:\n\nReinicié el servicio de impresión y **ya salieron** los trabajos que estaban en espera.\n\n- La impresora queda en el puerto `9100`.\n- El controlador es [el de siempre](https://mesa.example/controlador).\n\nSaludos.",
		},
		Help:      Body{Markdown: "### La impresora no responde\n\nApáguela, espere diez segundos y enciéndala.\n\nSi el panel muestra **E4**, cierre la bandeja."},
		Reason:    "Todavía no imprime a doble cara.",
		Signature: "Mesa de ayuda de la Universidad\nEdificio Central, oficina 204",
		Privacy:   "Sus datos personales se tratan según la Ley 1581 de 2012 y solo para atender esta solicitud.",
		Category:  "Impresoras y escáneres", Service: "Impresión", Details: []string{"Dependencia: Contabilidad", "Número de contacto: 300 123 4567"},
		Numbers: []string{"#003181 No imprime la impresora", "#003182 Clave olvidada", "#003183 Acceso a la red"},
		Rows: []Row{
			{"#003181", "mailto:soporte+k4m2k7q@mesa.example", "https://mesa.example/t/s4m2k7q", []int{4}, "vencido", "red", "en curso", "Ana Gómez", "No imprime la impresora", "3 d", "", "Luis Pérez"},
			{"#003182", "mailto:soporte+k4m2k7r@mesa.example", "", nil, "", "", "espera al proveedor", "Rita Díaz", "Clave olvidada", "5 h", "", ""},
		},
		Reader: true,
		Lines: []string{
			"#asignar luis: asignado a Luis Pérez",
			"#prioridad alta: de mediana a alta",
		},
		Refused:    []string{"cerrar 15: Cambió después de la lista. Ahora: #000015, en curso, a cargo de Eva Ríos."},
		Suggestion: "#asignar", Held: 4, Days: 5, Score: 2, Deputy: "Rosa Díaz",
		Term: "primera respuesta", Deadline: "2026-11-24 15:30", Task: "Cambiar el cable del piso 3", TaskBy: "María Ríos", External: "INC-4711", Asset: "PC-0042",
		Recipient: "ana@entidad.example", Status: "5.1.1", Diagnostic: "550 5.1.1 User unknown",
		Marker: "m4m2k7q5xw",
	}
}
