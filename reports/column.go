package reports

// Unit says how a figure is written.
type Unit string

// The units.
const (
	Count   Unit = "count"   // a whole number
	Percent Unit = "percent" // Sum of Count, in hundred
	Hours   Unit = "hours"   // the mean of seconds, in hours
	Mean    Unit = "mean"
)

// Column is a figure that tables can show.
type Column struct {
	Name    string // in reports/*.toml
	Title   string // the head of its column, in Spanish
	Unit    Unit
	Meaning string // in Spanish, for the foot of the report and the guide
}

// Columns are all of them. A ticket is *alive* while it is neither closed, merged
// nor cancelled.
var Columns = []Column{
	{"backlog_start", "Pendientes al comienzo", Count, "Tickets que ya estaban abiertos cuando empezó el periodo: ni cerrados, ni fusionados, ni anulados."},
	{"opened", "Abiertos", Count, "Tickets que se abrieron en el periodo."},
	{"revived", "Vueltos a abrir", Count, "Tickets que al empezar el periodo estaban cerrados, fusionados o anulados, y en él volvieron a abrirse."},
	{"closed", "Cerrados", Count, "Tickets que estuvieron abiertos en algún momento del periodo y al final de él estaban cerrados."},
	{"dropped", "Anulados o fusionados", Count, "Tickets que estuvieron abiertos en algún momento del periodo y al final de él estaban anulados o fusionados con otro."},
	{"backlog_end", "Pendientes al final", Count, "Tickets que seguían abiertos cuando terminó el periodo. Los pendientes al comienzo, más los abiertos y los vueltos a abrir, son los cerrados, más los anulados o fusionados y estos."},
	{"resolved", "Resueltos", Count, "Tickets que en el periodo pasaron a resuelto, o a cerrado sin pasar por resuelto, y así seguían al final."},
	{"first_answers", "Primeras respuestas", Count, "Tickets cuya primera respuesta se dio en el periodo. Primera respuesta: lo primero que un agente escribe al solicitante, o que lo resuelve."},
	{"first_hours", "Primera respuesta", Hours, "Promedio, en horas corridas, desde que se abre el ticket hasta su primera respuesta; de las que se dieron en el periodo."},
	{"first_on_time", "Primera respuesta a tiempo", Percent, "De los tickets con plazo de primera respuesta que la recibieron en el periodo, cuántos de cada cien la recibieron dentro del plazo (en horas hábiles, sin contar las esperas que lo detienen)."},
	{"resolution_hours", "Tiempo de solución", Hours, "Promedio, en horas corridas, desde que se abre el ticket hasta que se resolvió por última vez; de los resueltos."},
	{"resolution_on_time", "Solución a tiempo", Percent, "De los resueltos que tienen plazo de solución, cuántos de cada cien se resolvieron dentro del plazo."},
	{"breached", "Plazos vencidos", Count, "Plazos (de primera respuesta, de respuesta siguiente o de solución) que vencieron en el periodo. Un ticket puede tener varios."},
	{"reopened", "Reabiertos", Count, "Tickets que en el periodo estaban resueltos o cerrados y volvieron a estar en curso sin que nadie rechazara la solución."},
	{"rejected", "Rechazados", Count, "Tickets cuya solución rechazó el solicitante en el periodo."},
	{"asked", "Encuestas enviadas", Count, "Encuestas que se enviaron en el periodo."},
	{"surveys", "Encuestas respondidas", Count, "Encuestas que se respondieron en el periodo."},
	{"score", "Satisfacción (1 a 5)", Mean, "Promedio de las encuestas respondidas en el periodo, de 1 a 5."},
	{"minutes", "Minutos de trabajo", Count, "Minutos que los agentes anotaron en los tickets durante el periodo. Por agente, los que anotó cada uno, sea de quien sea el ticket."},
	{"other_minutes", "Minutos sin ticket", Count, "Minutos que los agentes anotaron como actividad sin ticket durante el periodo. Solo en tablas por agente o por día y en las que no se dividen."},
}

// ColumnNamed returns the column of a name.
func ColumnNamed(name string) (Column, bool) {
	for _, c := range Columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}
