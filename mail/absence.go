package mail

import "strings"

// absence looks for the evidence of an out-of-office answer that no header
// declares, in twelve languages: a subject that says it is automatic; or one
// that says no more than that its writer is away, with a text that says the
// same; or a text that says both that it is automatic and that its writer is
// away. Who merely speaks of holidays is a person.
func absence(subject, text string) string {
	folded := Fold(strings.TrimSpace(subject))
	for {
		rest, found := cutPrefix(folded)
		if !found || !strings.HasPrefix(folded, "[") {
			break
		}
		folded = strings.TrimSpace(rest)
	}
	if beginsWithAny(folded, automaticSubjects[:]) {
		return "Subject: " + subject
	}
	head := Fold(shorten(text, 1500))
	reason := ""
	if beginsWithAny(folded, awaySubjects[:]) {
		reason = "Subject: " + subject
	} else if automatic := containsAny(head, automaticWords[:]); automatic != "" {
		reason = "text: " + automatic
	}
	if reason == "" || containsAny(head, awayWords[:]) == "" || asks(head) {
		return ""
	}
	return reason
}

// Away says whether an automatic answer says that its writer is away: not that a mail
// was received, or that its mailbox is no more. A vacation program's own header says
// it too (X-Vacation).
func (m *Message) Away() bool {
	if m.Class != ClassAutoReply {
		return false
	}
	if m.Get("X-Vacation") != "" {
		return true
	}
	subject := Fold(m.Subject)
	for _, automatic := range automaticSubjects {
		if rest, ok := strings.CutPrefix(subject, automatic); ok {
			subject = strings.TrimLeft(rest, " :-–：")
			break
		}
	}
	return beginsWithAny(subject, awaySubjects[:]) || containsAny(Fold(shorten(m.Text, 1500)), awayWords[:]) != "" || containsAny(Fold(shorten(m.Text, 1500)), backWords[:]) != ""
}

// backWords say when somebody is there again, folded. Of people who write by
// themselves they would say nothing.
var backWords = [...]string{
	"volvere el", "vuelvo el", "regresare el", "regreso el", "regresare a partir", "estare de regreso", "estare de vuelta", "retomo labores", "retomo mis labores", "retorno el",
	"i will be back", "i'll be back", "i will return", "back in the office", "back on ",
	"volto no dia", "voltarei", "retorno no dia", "retornarei",
}

// asks says that a folded text wants something of its reader, as an automatic
// answer does not: it says what to do, not what is needed.
func asks(folded string) bool {
	return strings.ContainsAny(folded, "?？¿") || containsAny(folded, requests[:]) != ""
}

// requests are words with which people ask for something, folded. What automatic
// answers say ("si necesita ayuda, escriba a…") is not among them.
var requests = [...]string{
	"necesito", "necesitamos", "solicito", "solicitamos", "quisiera", "quisieramos", "requiero", "requerimos", "les pido", "le pido", "les agradezco revis", "por favor revis", "favor revis", "por favor me ", "por favor mi", "podrian", "pueden ayudarme", "me ayudan", "ayudenme",
	"i need ", "we need ", "could you", "can you", "would you", "please check", "please fix", "please move", "please reset", "i would like", "i'd like",
	"preciso ", "precisamos", "gostaria", "poderiam", "podem ", "por favor verifi",
	"j'ai besoin", "pouvez-vous", "pourriez-vous", "je voudrais", "ich brauche", "wir brauchen", "konnen sie", "konnten sie", "ho bisogno", "potete", "potreste", "vorrei ", "ik heb nodig", "kunt u mij", "potrzebuje", "prosze o ", "necessito", "podeu", "podrieu",
	"мне нужно", "прошу вас", "お願いできますか", "いただけますか", "请尽快",
}

// beginsWithAny says that s is one of the phrases, or goes on after one with
// other than a letter.
func beginsWithAny(s string, phrases []string) bool {
	for _, p := range phrases {
		rest, ok := strings.CutPrefix(s, p)
		if ok && (rest == "" || strings.IndexByte(":：-–([!.,", rest[0]) >= 0 || strings.HasPrefix(rest, " -") || strings.HasPrefix(rest, " –") || strings.HasPrefix(rest, " :") || strings.HasPrefix(rest, " re:") || rest[0] >= 0x80) {
			return true
		}
	}
	return false
}

func containsAny(s string, phrases []string) string {
	for _, p := range phrases {
		if strings.Contains(s, p) {
			return p
		}
	}
	return ""
}

// automaticSubjects are what programs set before or for the subject of an
// automatic answer, folded. Spanish, English, Portuguese, French, German,
// Italian, Dutch, Polish, the Scandinavian languages, Russian, Japanese,
// Chinese; Catalan besides.
var automaticSubjects = [...]string{
	"respuesta automatica", "contestacion automatica", "autorespuesta", "auto-respuesta", "respuesta de fuera de la oficina", "mensaje automatico de ausencia", "respuesta automatica de fuera de la oficina", "notificacion de ausencia", "aviso de ausencia",
	"automatic reply", "auto reply", "auto-reply", "autoreply", "auto response", "auto-response", "autoresponse", "automatic response", "automated reply", "automated response", "out of office autoreply", "out of office auto-reply", "out-of-office autoreply", "out of office reply", "vacation reply", "vacation autoreply", "vacation auto-reply", "out of office automatic reply", "ooo autoreply", "vacation response",
	"resposta automatica", "resposta automatizada", "resposta de ausencia", "resposta de ferias", "resposta automatica de ausencia",
	"reponse automatique", "reponse automatisee", "message automatique d'absence", "reponse d'absence", "message d'absence",
	"automatische antwort", "abwesenheitsnotiz", "abwesenheitsmeldung", "automatische ruckantwort", "autoantwort", "abwesenheitsbenachrichtigung", "abwesenheitsassistent",
	"risposta automatica", "risposta automatica di assenza", "risposta fuori sede", "messaggio di assenza", "avviso di assenza",
	"automatisch antwoord", "afwezigheidsbericht", "automatische reactie", "automatisch bericht", "automatische afwezigheidsmelding",
	"automatyczna odpowiedz", "odpowiedz automatyczna", "autoodpowiedz", "automatyczna odpowiedz (poza biurem)",
	"autosvar", "automatiskt svar", "automatisk svar", "franvaromeddelande", "fravaersmelding", "fravaersbesked", "automaattinen vastaus",
	"автоответ", "автоматическии ответ", "автоматический ответ",
	"自動応答", "自動返信", "不在通知", "不在応答",
	"自动回复", "自動回覆", "自动答复", "自动答覆",
	"resposta automatica", "자동 회신", "자동 응답", "otomatik yanit", "automaticka odpoved",
}

// awaySubjects say no more than that somebody is away, folded.
var awaySubjects = [...]string{
	"fuera de la oficina", "fuera de oficina", "ausente de la oficina", "ausencia", "ausente", "de vacaciones", "en vacaciones", "vacaciones", "licencia", "estoy de vacaciones", "estoy fuera de la oficina",
	"out of office", "out of the office", "out-of-office", "ooo", "away from the office", "on vacation", "on holiday", "on leave", "away from my mail", "vacation", "i am out of the office", "away",
	"fora do escritorio", "fora da empresa", "ausencia temporaria", "em ferias", "ferias", "estou de ferias", "estou ausente",
	"absence du bureau", "absent du bureau", "en conges", "conges", "absence", "hors du bureau", "je suis absent", "absent",
	"nicht im buro", "abwesend", "abwesenheit", "im urlaub", "urlaub", "ausser haus", "außer haus",
	"fuori sede", "fuori ufficio", "assenza", "in ferie", "assente",
	"afwezig", "niet op kantoor", "met vakantie", "afwezigheid", "buiten kantoor",
	"poza biurem", "nieobecnosc", "nieobecnosc w biurze", "urlop", "na urlopie", "jestem na urlopie",
	"inte pa kontoret", "franvaro", "pa semester", "ikke pa kontoret", "ikke til stede", "fravær", "fravaer", "pa ferie", "semester", "ferie", "fravarande",
	"fora de l'oficina", "absent de l'oficina", "de vacances", "vacances", "absencia",
	"вне офиса", "отсутствую", "нет на месте", "в отпуске", "отпуск", "я в отпуске",
	"不在", "不在のお知らせ", "休暇", "休暇中", "外出",
	"休假", "不在办公室", "外出", "外出中", "休假中", "不在辦公室",
}

// awayWords say that the writer is away, folded, in words of the kind that
// people set up for such answers.
var awayWords = [...]string{
	"estoy fuera de la oficina", "estare fuera de la oficina", "me encuentro fuera de la oficina", "me encontrare fuera de la oficina", "fuera de la oficina hasta", "fuera de la oficina del", "fuera de la oficina desde", "estoy fuera de oficina", "estare fuera de oficina", "fuera de oficina hasta", "estoy ausente", "estare ausente", "me encuentro ausente", "me encuentro de vacaciones", "me encuentro en vacaciones", "estoy de vacaciones", "estare de vacaciones", "estoy en vacaciones", "estare en vacaciones", "de vacaciones hasta", "en periodo de vacaciones", "en mi periodo de vacaciones", "me encuentro en licencia", "estoy de licencia", "estoy con licencia", "me encuentro de licencia", "no estare disponible", "sin acceso al correo", "sin acceso a mi correo", "acceso limitado al correo", "acceso limitado a mi correo", "disfrutando de mis vacaciones", "disfrutando de vacaciones", "gozando de vacaciones", "haciendo uso de mis vacaciones", "haciendo uso de licencia", "en uso de licencia", "en comision de servicios", "regreso a la oficina", "a mi regreso", "a mi retorno", "me reincorporo", "me reincorporare",
	"i am out of the office", "i'm out of the office", "i will be out of the office", "i'll be out of the office", "i am currently out of", "i'm currently out of", "i am away", "i'm away", "i will be away", "i am on vacation", "i'm on vacation", "i am on holiday", "i'm on holiday", "i am on leave", "i'm on leave", "i am on annual leave", "on annual leave", "currently on leave", "currently on vacation", "currently away", "on maternity leave", "on parental leave", "limited access to email", "limited access to my email", "limited access to e-mail", "no access to email", "no access to my email", "out of the office until", "out of office until", "out of the office from", "currently out of the office", "out of the office and", "upon my return", "when i return", "on my return", "returning to the office",
	"estou fora do escritorio", "estarei fora do escritorio", "fora do escritorio ate", "estou ausente", "estarei ausente", "estou de ferias", "estarei de ferias", "em periodo de ferias", "em gozo de ferias", "encontro-me ausente", "encontro-me de ferias", "encontro-me em ferias", "estou em ferias", "de ferias ate", "no meu retorno", "no meu regresso", "acesso limitado ao e-mail", "sem acesso ao e-mail", "sem acesso ao email",
	"je suis absent", "je suis actuellement absent", "je serai absent", "je suis en conge", "actuellement en conge", "en conges jusqu", "absent du bureau", "absente du bureau", "a mon retour", "absent jusqu", "absente jusqu", "suis en vacances", "acces limite a",
	"ich bin derzeit nicht im", "nicht im buro", "ich bin nicht im buro", "ich bin bis", "ich bin im urlaub", "befinde mich im urlaub", "bin ich im urlaub", "bin im urlaub", "ich bin abwesend", "bin ich abwesend", "ich bin zur zeit", "bin ich nicht im", "nicht erreichbar", "ich bin ab dem", "nach meiner ruckkehr", "bin ich wieder", "außer haus", "ausser haus",
	"sono fuori sede", "saro fuori sede", "sono fuori ufficio", "saro fuori ufficio", "fuori ufficio fino", "sono assente", "saro assente", "sono in ferie", "saro in ferie", "in ferie fino", "al mio rientro", "al mio ritorno", "fuori sede fino",
	"ik ben afwezig", "ben ik afwezig", "ik ben niet op kantoor", "niet aanwezig", "afwezig tot", "ben ik niet op kantoor", "ik ben met vakantie", "ik ben op vakantie", "ben ik op vakantie", "niet op kantoor", "bij terugkomst", "na mijn terugkeer",
	"jestem poza biurem", "przebywam na urlopie", "jestem na urlopie", "jestem nieobecn", "bede nieobecn", "poza biurem", "na urlopie", "po powrocie", "nieobecny do", "nieobecna do",
	"jag ar inte pa kontoret", "jag ar pa semester", "jag ar franvarande", "ar inte pa kontoret", "har semester", "tillbaka pa kontoret", "jeg er ikke pa kontoret", "jeg er pa ferie", "jeg er fravaerende", "jeg har ferie", "er pa ferie", "ikke pa kontoret", "tilbage pa kontoret", "tilbake pa kontoret", "ar tillbaka", "ar pa semester", "jag har semester", "kontoret til",
	"fora de l'oficina", "estic de vacances", "estare de vacances", "soc absent", "soc fora", "sere absent", "sere fora", "quan torni", "a la meva tornada",
	"я в отпуске", "нахожусь в отпуске", "буду в отпуске", "меня нет в офисе", "я отсутствую", "буду отсутствовать", "нахожусь вне офиса", "вне офиса", "отсутствую", "отсутствовать", "в отпуске до", "отпуске с", "после возвращения",
	"不在にして", "休暇を", "休暇中", "不在のため", "外出して", "出張中", "不在です", "不在と",
	"不在办公室", "不在辦公室", "正在休假", "休假中", "外出", "出差", "无法及时回复", "無法及時回覆", "休假", "不在公司",
	"nao estarei disponivel", "otpusk",
}

// automaticWords say that a text was sent by a program, folded.
var automaticWords = [...]string{
	"respuesta automatica", "mensaje automatico", "correo automatico", "respuesta generada automaticamente", "mensaje generado automaticamente",
	"automatic reply", "automated reply", "automatic response", "automated response", "autoreply", "auto-reply", "automated message", "automatic message", "automatically generated",
	"resposta automatica", "mensagem automatica", "e-mail automatico",
	"missatge automatic", "reponse automatique", "message automatique", "automatische antwort", "automatisch generierte", "automatische nachricht", "risposta automatica", "messaggio automatico",
	"automatisch antwoord", "automatisch bericht", "automatyczna odpowiedz", "wiadomosc automatyczna", "autosvar", "automatiskt svar", "automatisk svar", "автоматическ", "автоответ", "自動", "自动",
}
