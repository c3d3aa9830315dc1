package rules

import "ventanilla/desk"

// verb is one word that an agent can write after "#". A new verb is a new entry of the
// table below, and where it takes what no other takes, a reader in arguments.go. What
// #ayuda and the guide say of it stands beside it, so that it cannot say anything else.
type verb struct {
	name       string   // Spanish, without accents
	synonyms   []string // folded
	order      int      // identity 1, routing and fields 2, the answer 3, state 4
	read       func(*reading) ([]desk.Command, Problem)
	es, en, pt usage
}

// usage is an example of a verb in a language, and what it does.
type usage struct{ write, does string }

// in returns the usage in a language: "es", "en" or "pt".
func (v verb) in(language string) usage {
	switch language {
	case "en":
		return v.en
	case "pt":
		return v.pt
	}
	return v.es
}

// Help tells what agents can write, a line for each verb, in a language.
func Help(language string) (lines []string) {
	for _, v := range verbs {
		u := v.in(language)
		lines = append(lines, u.write+": "+u.does)
	}
	return lines
}

// Verbs returns the words that agents can write, for suggestions.
func Verbs() []string {
	var names []string
	for _, v := range verbs {
		names = append(names, v.name)
	}
	return names
}

// VerbOf returns the verb that a line asks for, "" if it asks for none.
func VerbOf(text string) string {
	l, _ := commandLine(text)
	v, _ := findVerb(l.word)
	return v.name
}

var verbs = []verb{
	{"tomar", []string{"take", "mio"}, 2, readTake,
		usage{"#tomar", "el ticket queda a su cargo"},
		usage{"#take", "the ticket becomes yours"},
		usage{"#take", "o chamado fica com você"}},
	{"asignar", []string{"assign", "propietario", "atribuir"}, 2, readAssign,
		usage{"#asignar luis", "queda a cargo de otra persona; #asignar siguiente, de quien sigue en la cola y está; con el nombre de una cola, pasa a ella"},
		usage{"#assign luis", "somebody else takes it on; #assign next, whoever of the queue is next and there; with the name of a queue it moves there"},
		usage{"#atribuir luis", "fica a cargo de outra pessoa; #atribuir seguinte, de quem segue na fila e está; com o nome de uma fila, passa para ela"}},
	{"soltar", []string{"liberar", "release"}, 2, bare(desk.CmdAssign),
		usage{"#soltar", "queda sin nadie a cargo"},
		usage{"#release", "nobody has it any more"},
		usage{"#soltar", "fica sem ninguém a cargo"}},
	{"responsable", []string{"responsible", "accountable", "responsavel"}, 2, readResponsible,
		usage{"#responsable eva, por vacaciones", "quién responde por el ticket, si no es quien lo atiende; lo que sigue es el motivo"},
		usage{"#accountable eva, on holiday", "who answers for the ticket, if not its assignee; what follows is the reason"},
		usage{"#responsavel eva, por férias", "quem responde pelo chamado, se não é quem o atende; o que segue é o motivo"}},
	{"cola", []string{"queue", "fila", "mover", "transferir", "derivar"}, 2, readQueue,
		usage{"#cola redes", "lo pasa a otra cola"},
		usage{"#queue redes", "moves it to another queue"},
		usage{"#fila redes", "passa para outra fila"}},
	{"prioridad", []string{"priority", "prioridade"}, 2, readPriority,
		usage{"#prioridad alta", "de 1 a 5, o muy urgente, alta, mediana, baja, muy baja"},
		usage{"#priority high", "1 to 5, or urgent, high, medium, low, lowest"},
		usage{"#prioridade alta", "de 1 a 5, ou muito urgente, alta, media, baixa, muito baixa"}},
	{"urgencia", []string{"urgency"}, 2, readLevelOf(desk.FieldUrgency),
		usage{"#urgencia alta", "con el impacto da la prioridad"},
		usage{"#urgency high", "together with the impact it makes the priority"},
		usage{"#urgencia alta", "com o impacto dá a prioridade"}},
	{"impacto", []string{"impact"}, 2, readLevelOf(desk.FieldImpact),
		usage{"#impacto 2", "de 1 (el mayor) a 5"},
		usage{"#impact 2", "1 (the greatest) to 5"},
		usage{"#impacto 2", "de 1 (o maior) a 5"}},
	{"tipo", []string{"type"}, 2, readType,
		usage{"#tipo incidente", "cambia el tipo"},
		usage{"#type incidente", "changes the type"},
		usage{"#tipo incidente", "muda o tipo"}},
	{"categoria", []string{"category", "tema"}, 2, readCategory,
		usage{"#categoria impresoras", "cambia la categoría"},
		usage{"#category impresoras", "changes the category"},
		usage{"#categoria impresoras", "muda a categoria"}},
	{"servicio", []string{"service", "servico"}, 2, readService,
		usage{"#servicio vpn", "cambia el servicio"},
		usage{"#service vpn", "changes the service"},
		usage{"#servico vpn", "muda o serviço"}},
	{"cliente", []string{"client", "empresa"}, 2, readClient,
		usage{"#cliente acme", "de qué cliente es"},
		usage{"#client acme", "whose client it is"},
		usage{"#cliente acme", "de que cliente é"}},
	{"nivel", []string{"level"}, 2, readLevel,
		usage{"#nivel 2", "nivel de soporte: 0 (mesa), 1, 2 o proveedor"},
		usage{"#level 2", "level of support: 0 (the desk), 1, 2 or provider"},
		usage{"#nivel 2", "nível de suporte: 0 (mesa), 1, 2 ou fornecedor"}},
	{"escalar", []string{"escalate", "escalonar"}, 2, readEscalate,
		usage{"#escalar requiere repuesto", "al nivel siguiente; lo que sigue es el motivo. «#escalar proveedor conectar» le envía su texto a ese proveedor, y la solicitud lo espera"},
		usage{"#escalate needs a spare part", "to the next level; what follows is the reason. “#escalate provider conectar” sends your text to that provider, and the ticket waits for it"},
		usage{"#escalonar precisa de peça", "para o nível seguinte; o que segue é o motivo. «#escalonar fornecedor conectar» envia seu texto a esse fornecedor, e o chamado o espera"}},
	{"externo", []string{"external"}, 2, readText(desk.FieldExternal),
		usage{"#externo INC-4711", "el número que le dio el proveedor"},
		usage{"#external INC-4711", "the provider's number of it"},
		usage{"#externo INC-4711", "o número que o fornecedor deu"}},
	{"activo", []string{"asset", "ativo"}, 2, readAsset,
		usage{"#activo PC-0042", "el equipo del que se trata"},
		usage{"#asset PC-0042", "the equipment that it is about"},
		usage{"#ativo PC-0042", "o equipamento de que se trata"}},
	{"canal", []string{"channel"}, 2, readChannel,
		usage{"#canal teléfono", "por dónde llegó: teléfono, presencial, chat, correo, web, sistema"},
		usage{"#channel phone", "how it came: phone, person, chat, mail, web, system"},
		usage{"#canal telefone", "por onde chegou: telefone, presencial, chat, e-mail, web, sistema"}},
	{"asunto", []string{"subject", "assunto"}, 2, readText(desk.FieldSubject),
		usage{"#asunto Sin red en el piso 3", "cambia el asunto"},
		usage{"#subject No network on floor 3", "changes the subject"},
		usage{"#assunto Sem rede no andar 3", "muda o assunto"}},
	{"etiqueta", []string{"tag", "etiquetas", "tags"}, 2, readTags,
		usage{"#etiqueta +vpn -wifi", "pone y quita etiquetas"},
		usage{"#tag +vpn -wifi", "puts tags on and takes them off"},
		usage{"#etiqueta +vpn -wifi", "põe e tira etiquetas"}},
	{"campo", []string{"field"}, 2, readField,
		usage{"#campo dependencia=Archivo", "un dato propio de la mesa; sin valor, lo borra"},
		usage{"#field dependencia=Archivo", "a field of the desk's own; without a value it is emptied"},
		usage{"#campo dependencia=Archivo", "um dado próprio da mesa; sem valor, apaga"}},
	{"plazo", []string{"due", "prazo", "vence"}, 2, readDue,
		usage{"#plazo viernes 17:00, lo pide rectoría", "para cuándo debe estar resuelto (3 días, viernes 17:00, 12/05), y por qué; #plazo normal vuelve a lo de siempre"},
		usage{"#due friday 17:00, the dean asks", "by when it must be resolved (3 days, friday 17:00, 12/05), and why; #due normal goes back to the usual"},
		usage{"#prazo sexta 17:00, pede a reitoria", "para quando deve estar resolvido (3 dias, sexta 17:00, 12/05), e por quê; #prazo normal volta ao de sempre"}},
	{"tarea", []string{"task", "tarefa"}, 2, readTask,
		usage{"#tarea cambiar el cable @eva viernes", "le da una tarea a alguien, con su fecha; sin @nombre es suya"},
		usage{"#task replace the cable @eva friday", "gives somebody a task, with its day; without @name it is yours"},
		usage{"#tarefa trocar o cabo @eva sexta", "dá uma tarefa a alguém, com sua data; sem @nome é sua"}},
	{"hecha", []string{"hecho", "done", "feita"}, 2, readTaskDone,
		usage{"#hecha 2", "terminó esa tarea; quien la puso da el visto bueno"},
		usage{"#done 2", "that task is done; who set it gives consent"},
		usage{"#feita 2", "terminou essa tarefa; quem a pôs dá o visto"}},
	{"aprobar", []string{"approve", "aprobado", "aprovar"}, 2, readConsent(true),
		usage{"#aprobar 1", "da el visto bueno a una tarea hecha que usted puso, o a lo que otro agente le pidió"},
		usage{"#approve 1", "consents to a task of yours being done, or to what another agent asked you"},
		usage{"#aprovar 1", "dá o visto a uma tarefa feita que você pôs, ou ao que outro agente lhe pediu"}},
	{"rechazar", []string{"reject", "rechazado", "rejeitar"}, 2, readConsent(false),
		usage{"#rechazar 1 falta probarlo", "no lo da, y por qué; una tarea sigue abierta"},
		usage{"#reject 1 not tested yet", "does not, and why; a task stays open"},
		usage{"#rejeitar 1 falta testar", "não o dá, e por quê; uma tarefa continua aberta"}},
	{"visto-bueno", []string{"vobo", "approval", "visto", "aprovacao"}, 2, readApproval,
		usage{"#visto-bueno jefe@uni.example ¿compramos el repuesto?", "le pide el visto bueno a otra persona o a otro agente: decide con un enlace, o respondiendo «aprobar» o «rechazar»"},
		usage{"#approval jefe@uni.example shall we buy the part?", "asks another person or agent for consent: they decide by a link, or reply “approve” or “reject”"},
		usage{"#aprovacao jefe@uni.example compramos a peça?", "pede o visto a outra pessoa ou a outro agente: decide com um link, ou respondendo «aprovar» ou «rejeitar»"}},
	{"proveedor", []string{"provider", "fornecedor"}, 2, readProvider,
		usage{"#proveedor conectar", "lo que escriba le llega al proveedor y no al solicitante; lo que responda lo ven solo los agentes"},
		usage{"#provider conectar", "what you write goes to the provider and not to the requester; only agents see the answers"},
		usage{"#fornecedor conectar", "o que escrever chega ao fornecedor e não ao solicitante; só os agentes veem o que responda"}},
	{"de", []string{"from", "solicitante", "requester", "requerente"}, 1, readRequester,
		usage{"#de ana@uni.example", "quién es el solicitante; en un correo nuevo a la mesa, abre el ticket en su nombre. Sin dirección, la del mensaje reenviado"},
		usage{"#from ana@uni.example", "who the requester is; in a new mail to the desk it opens the ticket on their behalf. Without an address, the forwarded message's"},
		usage{"#requerente ana@uni.example", "quem é o requerente; num e-mail novo à mesa, abre o chamado em seu nome. Sem endereço, o da mensagem encaminhada"}},
	{"escribir", []string{"write", "para", "escrever"}, 1, readWrite,
		usage{"#escribir ana@uni.example", "en un correo nuevo a la mesa: abre un ticket y le envía lo que usted escriba"},
		usage{"#write ana@uni.example", "in a new mail to the desk: opens a ticket and sends them what you write"},
		usage{"#escrever ana@uni.example", "num e-mail novo à mesa: abre um chamado e envia o que você escrever"}},
	{"observador", []string{"observadores", "observer", "copia"}, 2, readObservers,
		usage{"#observador +rita@uni.example -ana@uni.example", "quién más recibe las respuestas"},
		usage{"#observer +rita@uni.example -ana@uni.example", "who else gets the answers"},
		usage{"#observador +rita@uni.example -ana@uni.example", "quem mais recebe as respostas"}},
	{"vincular", []string{"enlazar", "asociar", "link"}, 2, readLink,
		usage{"#vincular padre 003181", "la relaciona con otra, que es su padre, su hija o, sin decirlo, una parecida; -003181 quita el vínculo"},
		usage{"#link parent 003181", "ties it to another, which is its parent, its child or, if you do not say, a similar one; -003181 unties it"},
		usage{"#vincular pai 003181", "relaciona com outra, que é seu pai, sua filha ou, sem dizer, uma parecida; -003181 tira o vínculo"}},
	{"separar", []string{"dividir", "split"}, 2, readSplit,
		usage{"#separar 2 3", "pasa esos mensajes a una solicitud nueva"},
		usage{"#split 2 3", "moves those messages to a new ticket"},
		usage{"#separar 2 3", "passa essas mensagens para um chamado novo"}},
	{"bloquear", []string{"lock"}, 2, bare(desk.CmdLock),
		usage{"#bloquear", "mientras tanto, ningún otro agente la cambia ni responde"},
		usage{"#lock", "meanwhile no other agent changes or answers it"},
		usage{"#bloquear", "enquanto isso, nenhum outro agente muda nem responde"}},
	{"desbloquear", []string{"unlock"}, 2, bare(desk.CmdUnlock),
		usage{"#desbloquear", "la libera"},
		usage{"#unlock", "frees it again"},
		usage{"#desbloquear", "libera"}},
	{"contestado", []string{"answered", "respondido"}, 2, readAnswered,
		usage{"#contestado por teléfono", "cuenta como respondida sin escribirle a nadie"},
		usage{"#answered by phone", "counts as answered, and nobody is written to"},
		usage{"#respondido por telefone", "conta como respondida sem escrever a ninguém"}},
	{"tiempo", []string{"time", "tempo"}, 2, readTime,
		usage{"#tiempo 30m revisé el cableado", "anota tiempo de trabajo: 45m, 1h30, 2 horas"},
		usage{"#time 30m checked the cables", "notes time spent: 45m, 1h30, 2 hours"},
		usage{"#tempo 30m revisei os cabos", "anota tempo de trabalho: 45m, 1h30, 2 horas"}},
	{"actividad", []string{"activity", "atividade"}, 2, readActivity,
		usage{"#actividad 2h capacitación en redes", "anota trabajo que no es de ninguna solicitud; vale en un correo nuevo a la mesa"},
		usage{"#activity 2h network training", "notes work that belongs to no ticket; also in a new mail to the desk"},
		usage{"#atividade 2h capacitação em redes", "anota trabalho que não é de nenhum chamado; vale num e-mail novo à mesa"}},
	{"conocimiento", []string{"knowledge", "conhecimento"}, 5, readLearn,
		usage{"#conocimiento Configurar la VPN", "hace del ticket un artículo de knowledge/: lo que se preguntó y lo que usted respondió; quien administra lo revisa y lo publica"},
		usage{"#knowledge Set the VPN up", "makes an article of knowledge/ of the ticket: what was asked and what you answered; the admin reads and publishes it"},
		usage{"#conhecimento Configurar a VPN", "faz do chamado um artigo de knowledge/: o que foi perguntado e o que você respondeu; quem administra revê e publica"}},
	{"plantilla", []string{"respuesta", "canned", "modelo"}, 2, readCanned,
		usage{"#plantilla vpn", "pone delante de su texto una respuesta preparada; puede usar varias"},
		usage{"#canned vpn", "puts a ready answer before your text; you can use several"},
		usage{"#modelo vpn", "põe uma resposta pronta antes do seu texto; pode usar várias"}},
	{"sin-aviso", []string{"sin", "silencio", "quiet"}, 2, readNothing,
		usage{"#sin-aviso", "lo demás que ordene en el mensaje no se le avisa a nadie"},
		usage{"#quiet", "nobody is told of what else you ask in the message"},
		usage{"#silencio", "ninguém é avisado do mais que ordene na mensagem"}},
	{"nota", []string{"note"}, 3, bare(desk.CmdNote),
		usage{"#nota", "lo que escriba lo ven solo los agentes"},
		usage{"#note", "only agents see what you write"},
		usage{"#nota", "só os agentes veem o que escrever"}},
	{"espera", []string{"esperar", "wait", "pendiente", "aguardar"}, 4, readWait,
		usage{"#espera cliente 3 días", "queda en espera del cliente, del proveedor o de soporte, y hasta cuándo (3 días, viernes 17:00, 12/05)"},
		usage{"#wait client 3 days", "waits for the client, the provider or support, and until when (3 days, friday 17:00, 12/05)"},
		usage{"#aguardar cliente 3 dias", "fica à espera do cliente, do fornecedor ou do suporte, e até quando (3 dias, sexta 17:00, 12/05)"}},
	{"resolver", []string{"resolve", "resuelto"}, 4, bare(desk.CmdResolve),
		usage{"#resolver", "su respuesta es la solución; se le pide al solicitante que apruebe"},
		usage{"#resolve", "your answer is the solution; the requester is asked to approve"},
		usage{"#resolver", "sua resposta é a solução; pede-se ao requerente que aprove"}},
	{"cerrar", []string{"close", "fechar"}, 4, bare(desk.CmdClose),
		usage{"#cerrar", "lo cierra sin preguntar"},
		usage{"#close", "closes it without asking"},
		usage{"#fechar", "fecha sem perguntar"}},
	{"reabrir", []string{"reopen"}, 4, bare(desk.CmdReopen),
		usage{"#reabrir", "lo abre otra vez"},
		usage{"#reopen", "opens it again"},
		usage{"#reabrir", "abre outra vez"}},
	{"estado", []string{"state", "status"}, 4, readState,
		usage{"#estado en curso", "en curso, en espera, resuelto o cerrado"},
		usage{"#state open", "open, pending, resolved or closed"},
		usage{"#status em curso", "em curso, em espera, resolvido ou fechado"}},
	{"unir", []string{"fusionar", "merge", "mesclar"}, 4, readMerge,
		usage{"#unir 003181", "la une a otra, que sigue por las dos; quien escriba a esta llega a aquella"},
		usage{"#merge 003181", "merges it into another, which goes on for both; who writes to this one reaches that one"},
		usage{"#mesclar 003181", "une a outra, que segue pelas duas; quem escreve a esta chega àquela"}},
	{"anular", []string{"cancel", "cancelar", "annul"}, 4, readCancel,
		usage{"#anular es un duplicado", "lo anula, con su motivo; antes se le pide que confirme, porque no se puede deshacer"},
		usage{"#cancel a duplicate", "annuls it, with the reason; you are asked to confirm, since it cannot be undone"},
		usage{"#cancelar é duplicado", "anula, com o motivo; antes pede-se que confirme, porque não se pode desfazer"}},
	{"exportar", []string{"export"}, 4, readExport,
		usage{"#exportar", "le envía un archivo con todos los correos y la historia de la solicitud, sellado; antes se le pide que confirme. Solo quien tiene export = true"},
		usage{"#export", "sends you a file with all mails and the history of the request, sealed; you are asked to confirm. Only who has export = true"},
		usage{"#exportar", "envia um arquivo com todos os e-mails e o histórico da solicitação, selado; antes pede-se que confirme. Só quem tem export = true"}},
	{"deshacer", []string{"undo", "desfazer"}, 4, readUndo,
		usage{"#deshacer", "deshace lo último que usted ordenó en esta solicitud, durante 30 minutos; lo que ya se envió no vuelve"},
		usage{"#undo", "undoes what you asked last on this ticket, for 30 minutes; what was sent stays sent"},
		usage{"#desfazer", "desfaz o último que você ordenou neste chamado, durante 30 minutos; o que já foi enviado não volta"}},
	{"aceptar", []string{"accept", "aceitar"}, 2, readHeld(desk.CmdAccept),
		usage{"#aceptar 4", "deja entrar un mensaje retenido"},
		usage{"#accept 4", "lets a held message in"},
		usage{"#aceitar 4", "deixa entrar uma mensagem retida"}},
	{"apartar", []string{"aside", "afastar"}, 2, readHeld(desk.CmdSetAside),
		usage{"#apartar 4", "lo aparta"},
		usage{"#aside 4", "puts it aside"},
		usage{"#afastar 4", "afasta"}},
	{"ver", []string{"show", "mostrar"}, 2, readShow,
		usage{"#ver", "le responde con cómo está: datos, plazos, tareas, vínculos y los últimos mensajes"},
		usage{"#show", "answers with how it stands: data, terms, tasks, links and the last messages"},
		usage{"#mostrar", "responde com a situação: dados, prazos, tarefas, vínculos e as últimas mensagens"}},
	{"porque", []string{"why", "explicar"}, 2, readNothing,
		usage{"#porqué", "le responde qué se decidió con cada mensaje del ticket, con qué confianza y por qué reglas"},
		usage{"#why", "answers with what was decided on each message of the ticket, how far it was trusted and by which rules"},
		usage{"#porque", "responde o que se decidiu com cada mensagem do chamado, com que confiança e por quais regras"}},
	{"ayuda", []string{"help", "ajuda", "ordenes"}, 2, readNothing,
		usage{"#ayuda", "le responde con esta lista"},
		usage{"#help", "answers with this list"},
		usage{"#ajuda", "responde com esta lista"}},
}
