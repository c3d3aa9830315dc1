package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ventanilla/desk"
	"ventanilla/mail"
)

// Scores are read strictly: whoever writes «4 equipos siguen fallando» to a closed
// ticket has a problem and no opinion.
var (
	scoreAlone  = regexp.MustCompile(`^([1-5])\s*(?:(?:/|de|of)\s*5)?(?:\s*(?:puntos?|estrellas?|stars?|points?))?$`)
	scorePhrase = regexp.MustCompile(`^(?:(?:le|les|los|lo) (?:pongo|doy|califico con)|mi (?:calificacion|nota|puntaje) es|(?:calificacion|nota|puntaje|puntuacion|score|rating|nota final)|i give you|dou)\s*:?\s*(?:un |una |el |a |de )?([1-5])\s*(?:(?:/|de|of)\s*5)?$`)
	scoreOpens  = regexp.MustCompile(`^([1-5]\s*(?:(?:/|de|of)\s*5)?)\s*([.,;:()\-–—]|\s)\s*(.*)$`)
)

// scoreWords are numbers in words, folded.
var scoreWords = map[string]int{"uno": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "un uno": 1, "un dos": 2, "un tres": 3, "un cuatro": 4, "un cinco": 5}

// opinions begin what somebody says of the number before it, folded.
var opinions = []string{"muy bien", "muy bueno", "muy buena", "muy mal", "muy malo", "muy mala", "muy amable", "muy amables", "bien", "bueno", "buena", "mal", "malo", "mala", "regular", "excelente",
	"gracias", "muchas gracias", "mil gracias", "todo bien", "todo perfecto", "perfecto", "pesimo", "pesima", "aceptable", "very good", "good", "excellent", "thanks", "thank you", "bad", "very bad",
	"muito bom", "muito bem", "bom", "otimo", "obrigado", "obrigada", "ruim", "pessimo"}

// readScore reads an answer to a survey: the score in the first line that is no
// greeting, and what else was said. It is false for all that is not plainly one.
func readScore(text string) (score int, comment string, ok bool) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for len(lines) > 1 && (strings.TrimSpace(lines[0]) == "" || mail.Greeting(lines[0])) {
		lines = lines[1:]
	}
	first, rest := strings.TrimSpace(lines[0]), strings.TrimSpace(strings.Join(lines[1:], "\n"))
	said := strings.Trim(mail.Fold(first), " .!¡*_,;:")
	if n := wholeScore(said); n > 0 {
		return n, rest, true
	}
	m := scoreOpens.FindStringSubmatch(said)
	if m == nil {
		return 0, "", false
	}
	opinion := strings.TrimSpace(m[3])
	begins := func(o string) bool {
		after, ok := strings.CutPrefix(opinion, o)
		return ok && (after == "" || !letter(after[0]))
	}
	if strings.TrimSpace(m[2]) == "" && !slices.ContainsFunc(opinions, begins) || opinion != "" && !letter(opinion[0]) && opinion[0] < 0x80 && opinion[0] != '(' {
		return 0, "", false // «4 equipos», «3.5», «2-3», «4:30»
	}
	_, written, _ := strings.Cut(first, m[1][:1])
	written = strings.TrimLeft(strings.TrimPrefix(strings.TrimSpace(written), "/5"), " .,;:-–—")
	return int(m[1][0] - '0'), strings.TrimSpace(written + "\n" + rest), true
}

// wholeScore returns the score that a folded line says and nothing else; 0 if none.
func wholeScore(said string) int {
	for _, whole := range []*regexp.Regexp{scoreAlone, scorePhrase} {
		if m := whole.FindStringSubmatch(said); m != nil {
			return int(m[1][0] - '0')
		}
	}
	return scoreWords[said]
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' }

// scored hears the requester's answer to the survey, and reports whether the mail was
// one. Who answered before has answered: another number changes nothing, and reopens
// nothing either.
func (d *decider) scored(t desk.Ticket) (was, again bool) {
	if t.State != desk.Closed || t.Survey.AskedAt.IsZero() || d.Sender != t.Requester || len(d.Message.Parts) > 0 {
		return false, false
	}
	score, comment, ok := readScore(d.Message.Reply)
	if !ok {
		return false, false
	}
	v := d.Policy.Verdict(ActSurvey, d.Decision.Trust)
	d.say("%s con confianza %s: %s; calificación %d", ActSurvey, d.Decision.Trust, v, score)
	if v != Yes && v != IfApprover || !t.Survey.Waits(d.Now) {
		return false, true
	}
	d.command(desk.Command{Ticket: t.ID, Kind: desk.CmdSurvey, Actor: d.actor(), Number: score, Text: comment, Article: true})
	d.settle(ToCommand, fmt.Sprintf("responde la encuesta: %d de %d", score, desk.MaxScore))
	return true, false
}
