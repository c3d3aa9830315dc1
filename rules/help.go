package rules

// Help tells what agents can write, a line for each verb.
func Help() (lines []string) {
	for _, row := range help {
		lines = append(lines, row[0]+": "+row[1])
	}
	return lines
}

// help is the guide to the verbs: an example of each and what it does.
var help = [][2]string{
	{"#tomar", "el ticket queda a su cargo"},
	{"#asignar luis", "queda a cargo de otra persona"},
	{"#soltar", "queda sin nadie a cargo"},
	{"#cola redes", "lo pasa a otra cola"},
	{"#prioridad alta", "de 1 a 5, o muy urgente, alta, mediana, baja, muy baja"},
	{"#urgencia alta", "con el impacto da la prioridad"},
	{"#impacto 2", "de 1 (el mayor) a 5"},
	{"#tipo incidente", "cambia el tipo"},
	{"#categoria impresoras", "cambia la categoría"},
	{"#servicio vpn", "cambia el servicio"},
	{"#cliente acme", "de qué cliente es"},
	{"#responsable eva, por vacaciones", "quién responde por el ticket, si no es quien lo atiende; lo que sigue es el motivo"},
	{"#nivel 2", "nivel de soporte: 0 (mesa), 1, 2 o proveedor"},
	{"#escalar requiere repuesto", "al nivel siguiente; lo que sigue es el motivo"},
	{"#externo INC-4711", "el número que le dio el proveedor"},
	{"#activo PC-0042", "el equipo del que se trata"},
	{"#canal teléfono", "por dónde llegó: teléfono, presencial, chat, correo, web, sistema"},
	{"#asunto Sin red en el piso 3", "cambia el asunto"},
	{"#etiqueta +vpn -wifi", "pone y quita etiquetas"},
	{"#campo dependencia=Archivo", "un dato propio de la mesa; sin valor, lo borra"},
	{"#de ana@uni.example", "quién es el solicitante; en un correo nuevo a la mesa, abre el ticket en su nombre. Sin dirección, la del mensaje reenviado"},
	{"#escribir ana@uni.example", "en un correo nuevo a la mesa: abre un ticket y le envía lo que usted escriba"},
	{"#observador +rita@uni.example -ana@uni.example", "quién más recibe las respuestas"},
	{"#vincular padre 003181", "la relaciona con otra, que es su padre, su hija o, sin decirlo, una parecida; -003181 quita el vínculo"},
	{"#separar 2 3", "pasa esos mensajes a una solicitud nueva"},
	{"#bloquear", "mientras tanto, ningún otro agente la cambia ni responde"},
	{"#desbloquear", "la libera"},
	{"#contestado por teléfono", "cuenta como respondida sin escribirle a nadie"},
	{"#tiempo 30m revisé el cableado", "anota tiempo de trabajo: 45m, 1h30, 2 horas"},
	{"#plantilla vpn", "pone delante de su texto una respuesta preparada; puede usar varias"},
	{"#sin-aviso", "lo demás que ordene en el mensaje no se le avisa a nadie"},
	{"#ayuda", "le responde con esta lista"},
	{"#nota", "lo que escriba lo ven solo los agentes"},
	{"#espera cliente 3 días", "queda en espera del cliente, del proveedor o de soporte, y hasta cuándo (3 días, viernes 17:00, 12/05)"},
	{"#resolver", "su respuesta es la solución; se le pide al solicitante que apruebe"},
	{"#cerrar", "lo cierra sin preguntar"},
	{"#reabrir", "lo abre otra vez"},
	{"#estado en curso", "en curso, en espera, resuelto o cerrado"},
	{"#unir 003181", "la une a otra, que sigue por las dos; quien escriba a esta llega a aquella"},
	{"#anular es un duplicado", "lo anula, con su motivo; antes se le pide que confirme, porque no se puede deshacer"},
	{"#deshacer", "deshace lo último que usted ordenó en esta solicitud, durante 30 minutos; lo que ya se envió no vuelve"},
	{"#porqué", "le responde qué se decidió con cada mensaje del ticket, con qué confianza y por qué reglas"},
	{"#aceptar 4", "deja entrar un mensaje retenido"},
	{"#apartar 4", "lo aparta"},
}
