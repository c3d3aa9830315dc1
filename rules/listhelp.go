package rules

import "strings"

// listHelp tells agents what they can ask for besides commands, by language. {filtros}
// stands for the filters of a list.
var listHelp = map[string][]string{
	"es": {"mis tickets: en un correo a la mesa, con esas solas palabras o ese asunto: lo que tiene a su cargo",
		"cola redes vencidos: lo de una cola; con filtros, solo lo que cumpla",
		"buscar impresora cliente:acme: lo que tenga esas palabras en el asunto y cumpla los filtros: {filtros} y vencidos",
		"más: en respuesta a una lista, la página siguiente",
		"cerrar 12 15, o 20: asignar luis: en respuesta a una lista o a un resumen, lo hace con cada uno",
		"avisos: qué se le avisa, y cómo cambiarlo"},
	"en": {"my tickets: in a mail to the desk, these words alone or as the subject: what is yours",
		"queue redes overdue: what is in a queue; with filters, only what fits them",
		"search printer client:acme: what has these words in its subject and fits the filters: {filtros} and overdue",
		"more: in an answer to a list, its next page",
		"close 12 15, or 20: assign luis: in an answer to a list or digest, done to each of them",
		"alerts: what you are told of, and how to change it"},
	"pt": {"meus chamados: num e-mail à mesa, só estas palavras ou este assunto: o que está com você",
		"fila redes atrasados: o que está numa fila; com filtros, só o que os cumpra",
		"procurar impressora cliente:acme: o que tenha estas palavras no assunto e cumpra os filtros: {filtros} e atrasados",
		"mais: em resposta a uma lista, a página seguinte",
		"fechar 12 15, ou 20: atribuir luis: em resposta a uma lista ou a um resumo, feito com cada um",
		"meus avisos: de que se avisa você, e como mudá-lo"},
}

// ListHelp returns those lines in a language.
func ListHelp(language string) (lines []string) {
	place := map[string]int{"en": 1, "pt": 2}[language]
	var names []string
	for _, f := range filters {
		if f.names[0] != "antes" { // which «más» uses
			names = append(names, f.names[min(place, len(f.names)-1)]+":")
		}
	}
	shown := listHelp[language]
	if shown == nil {
		shown = listHelp["es"]
	}
	for _, line := range shown {
		lines = append(lines, strings.ReplaceAll(line, "{filtros}", strings.Join(names, ", ")))
	}
	return lines
}
