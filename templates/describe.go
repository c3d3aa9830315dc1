package templates

// Description says of a mail, in Spanish, when it is sent and to whom.
type Description struct{ Name, When, To string }

// Described describes every mail, in the order of [Names].
func Described() []Description {
	return []Description{
		{"acuse", "Al llegar una solicitud de alguien cuya dirección se pudo comprobar.", "el solicitante"},
		{"acuse-fijo", "Lo mismo cuando nada comprueba la dirección: palabras fijas, sin nada de lo que escribió.", "el solicitante"},
		{"acuse-varios", "Uno por hora en lugar de muchos, cuando alguien abre más solicitudes que el tope.", "el solicitante"},
		{"datos", "En lugar del acuse, cuando a la categoría le faltan datos; dos veces como mucho.", "el solicitante"},
		{"archivos", "Cuando una respuesta trae archivos que la mesa no pasa.", "quien los envió"},
		{"ticket-nuevo", "Una solicitud nueva, o una que pasa a otra cola.", "los agentes de la cola, o el asignado"},
		{"respuesta", "Un agente respondió.", "el solicitante y los observadores"},
		{"respuesta-solicitante", "El solicitante u otro participante escribió.", "el asignado, o los agentes de la cola"},
		{"estado", "Cambió quién la atiende, la cola o el estado.", "el solicitante"},
		{"resuelto", "Se resolvió y espera el visto bueno.", "el solicitante"},
		{"cerrado", "Se cerró.", "el solicitante"},
		{"gracias", "Aprobó la solución.", "el solicitante"},
		{"gracias-rechazo", "Rechazó la solución.", "el solicitante"},
		{"reabierto", "Una solicitud resuelta o cerrada vuelve a estar en curso.", "el asignado, o los agentes de la cola"},
		{"aprobado", "El solicitante aprobó la solución.", "el asignado"},
		{"asignado", "Una solicitud quedó a su cargo.", "el asignado"},
		{"retenido", "Un mensaje espera #aceptar o #apartar.", "el asignado, o los agentes de la cola"},
		{"nota", "Otro agente escribió una nota interna.", "el asignado"},
		{"transcripcion", "Qué hicieron sus órdenes, o por qué no se hizo nada.", "el agente que las escribió"},
		{"ayuda", "Pidió ayuda con esa sola palabra.", "quien la pidió"},
		{"mis-solicitudes", "Pidió la lista de sus solicitudes.", "quien la pidió, en su dirección"},
		{"lista", "Pidió una lista: mis tickets, cola redes, buscar…", "el agente, en su dirección"},
		{"resumen", "Cada día a la hora de digest, si hay algo; con Queue, el de una cola.", "el agente que lo tenga en desk/agents.toml, o los que desk/queues.toml diga de la cola"},
		{"novedades", "Varios cambios seguidos de una solicitud, juntos en un solo aviso: véase gather_minutes.", "el agente al que se le habría avisado de cada uno"},
		{"conocimiento", "Preguntó por lo que la mesa sabe: buscar en conocimiento vpn.", "quien preguntó; los agentes ven también lo no publicado"},
		{"confirmar", "Enlaces para decidir, cuando su respuesta no bastaba o el enlace había vencido.", "quien decide"},
		{"identidad", "Alguien escribió desde otra dirección: ¿es usted?", "el solicitante, en su dirección registrada"},
		{"expediente", "Escribió #exportar y lo confirmó; el archivo va adjunto.", "el agente que lo pidió"},
		{"aviso-admin", "Algo necesita a quien administra la mesa.", "el administrador"},
		{"recordatorio", "Falta su visto bueno desde hace reminder_days días.", "el solicitante"},
		{"suplente", "El solicitante no dio su visto bueno en deputy_hours horas, o contestó que está ausente; también con cada recordatorio posterior.", "quien lo reemplaza"},
		{"decidio-suplente", "Su suplente aprobó o rechazó la solución.", "el solicitante"},
		{"encuesta", "Se cerró, en una cola con survey = true: en lugar de cerrado o gracias, y una sola vez por solicitud.", "el solicitante"},
		{"calificacion", "El solicitante calificó con 1 o 2, o dejó un comentario.", "el asignado, o los agentes de la cola"},
		{"espera-cumplida", "Llegó el día hasta el que el ticket esperaba.", "el asignado, o los agentes de la cola"},
		{"tarea", "Le pusieron una tarea con #tarea, o se la devolvieron.", "el agente que la tiene"},
		{"tarea-hecha", "Quien tiene la tarea dice que está hecha.", "el agente que la puso"},
		{"tarea-vence", "Llegó la fecha de una tarea; una sola vez.", "el agente que la tiene"},
		{"visto-bueno", "Un agente pide un visto bueno con #visto-bueno.", "la persona o el agente que decide"},
		{"visto-bueno-dado", "Quien debía decidir dio el visto bueno.", "el asignado, o los agentes de la cola, y quien lo pidió"},
		{"visto-bueno-negado", "No lo dio.", "los mismos"},
		{"consulta", "Un agente le escribe a un proveedor, con #escalar proveedor o #proveedor, o a otra persona que consultó.", "el proveedor"},
		{"respuesta-interna", "Un proveedor u otra persona consultada respondió. Lo que se conteste a este aviso le llega a ella.", "el asignado, o los agentes de la cola"},
		{"padre-cerrado", "Se cerró la solicitud de la que esta es hija, y su cola dice children = \"tell\".", "el asignado de la hija, o los agentes de su cola"},
		{"plazo-por-vencer", "Un plazo del ticket está por vencer.", "el asignado, o los agentes de la cola"},
		{"plazo-vencido", "Un plazo del ticket venció.", "el asignado, o los agentes de la cola"},
		{"entrega-fallida", "Un correo de la mesa no llegó.", "quien lo escribió; si lo hizo la mesa, el asignado o los agentes de la cola"},
		{"entrega-demorada", "Un correo de la mesa lleva dos horas sin llegar, y se sigue intentando.", "como entrega-fallida; de los acuses de recibo, nadie"},
	}
}

// FieldDescriptions say what each field of [Data] is, in Spanish and in its order.
func FieldDescriptions() []Description {
	return []Description{
		{"Desk", "El nombre de la mesa.", ""}, {"Number", "El número, como se lee: #003181.", ""}, {"Subject", "El asunto, sin etiquetas ni «Re:».", ""},
		{"Name", "El nombre de quien recibe el correo; puede faltar.", ""}, {"Link", "La página de la solicitud.", ""},
		{"DecisionLink", "La página con Aprobar y Rechazar.", ""}, {"ApproveLink", "El mailto: que aprueba, o confirma.", ""}, {"RejectLink", "El mailto: que rechaza.", ""}, {"UndoLink", "El mailto: que deshace lo ordenado.", ""}, {"UndoPage", "La página que lo deshace.", ""}, {"SurveyLink", "La página de la encuesta.", ""},
		{"StopLink", "En un resumen, lo que hace que no llegue más.", ""},
		{"State", "El estado en palabras.", ""}, {"OldState", "El de antes; vacío si no cambió. Así todos los que empiezan por Old.", ""},
		{"Queue", "El título de la cola.", ""}, {"OldQueue", "La cola de antes.", ""}, {"Assignee", "Quién la atiende.", ""}, {"OldAssignee", "Quién la atendía.", ""},
		{"Priority", "La prioridad en palabras.", ""}, {"OldPriority", "La de antes.", ""}, {"Type", "El tipo.", ""}, {"OldType", "El de antes.", ""},
		{"Requester", "El nombre del solicitante, o su dirección.", ""}, {"RequesterAddress", "Su dirección.", ""}, {"Author", "Quién escribió Body o hizo lo que se cuenta.", ""}, {"AuthorAddress", "Su dirección.", ""},
		{"Body", "Lo que escribió, con su formato. Solo entero: {{.Body}}.", ""}, {"Help", "Artículos de knowledge/ que pueden responder a la solicitud. Solo entero, como Body.", ""}, {"Reason", "El motivo; puede tener varias líneas.", ""},
		{"Signature", "La firma de la cola, al pie de lo que escriben sus agentes.", ""}, {"Privacy", "El aviso de la cola sobre datos personales.", ""},
		{"Category", "El título de la categoría; para agentes.", ""}, {"Service", "El título del servicio; para agentes.", ""}, {"Details", "Los datos propios de la mesa, uno por línea; para agentes.", ""},
		{"Rows", "En lista, resumen y mis-solicitudes, los tickets; se muestran con {{tabla .Rows}}.", ""}, {"Reader", "En lista y resumen, si quien lo recibe solo lee.", ""}, {"Numbers", "En acuse-varios, una línea por solicitud.", ""}, {"Lines", "En una transcripción o un aviso, una frase por línea; en los plazos, las reglas que se aplicaron; en los demás, qué fue de los archivos.", ""},
		{"Refused", "En una transcripción, lo que no se hizo con algún ticket, y por qué.", ""}, {"Suggestion", "La orden que más se parece a la que no se entendió; en una lista, lo que pide la página siguiente.", ""}, {"Held", "El número del mensaje retenido, o de la tarea.", ""}, {"Days", "Los días tras los que se cierra sola; 0 si no lo hace.", ""},
		{"Score", "La calificación del solicitante, de 1 a 5.", ""},
		{"Deputy", "En encuesta, el suplente que aprobó en lugar del solicitante.", ""},
		{"Term", "De qué plazo se trata: la respuesta o la solución.", ""}, {"Deadline", "Cuándo vence o venció.", ""},
		{"Task", "Qué hay que hacer, en los avisos de una tarea.", ""}, {"TaskBy", "Quién la puso.", ""}, {"External", "El número que le dio el proveedor.", ""}, {"Asset", "El activo del que se trata.", ""},
		{"Recipient", "La dirección a la que un correo no llegó.", ""}, {"Status", "El código de ese fallo, como 5.1.1.", ""}, {"Diagnostic", "Lo que dijo el otro servidor.", ""},
		{"Marker", "Una referencia firmada al pie, por la que una respuesta sin cabeceras encuentra su solicitud. La pone la mesa.", ""},
	}
}
