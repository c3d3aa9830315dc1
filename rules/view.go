package rules

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"ventanilla/desk"
	"ventanilla/mail"
)

// bodyMost is how many bytes of a body rules look at.
const bodyMost = 64 << 10

// Routing is what rules look at in a mail.
type Routing struct {
	Subject string     // as sent
	Body    string     // what the writer wrote
	To      []string   // addresses of ours that it went to, with or without a plus part
	Cc      []string   // all addresses of its Cc
	From    string     // address
	Class   mail.Class // "" counts as human
	Header  []mail.Field
	Parts   []mail.Part
	Trust   Trust
	At      time.Time    // when it came, in the desk's zone
	Ticket  *desk.Ticket // that it answers to, or whose clock it is; nil for a mail that opens a ticket
	Clock   desk.ClockName
	On      occasion    // "" is a mail
	Person  desk.Person // who writes; the zero Person if nobody knows him

	Known    desk.Known  // what the files tell of the requester; zero if nothing
	Contract desk.Client // that the requester belongs to; zero if nobody knows
}

// occasion is what rules are asked about.
type occasion string

// The occasions. An admin who names none means mails that open tickets.
const (
	onOpen    occasion = "open"
	onReply   occasion = "reply"
	onWarning occasion = "warning" // a clock is about to expire
	onBreach  occasion = "breach"  // it has expired
)

// ofClock says that no mail is looked at, but a ticket's clock.
func (o occasion) ofClock() bool { return o == onWarning || o == onBreach }

func (in Routing) occasion() occasion {
	switch {
	case in.On != "":
		return in.On
	case in.Ticket != nil:
		return onReply
	}
	return onOpen
}

// view is a mail as rules see it: what is derived from it is made when it is
// first asked for.
type view struct {
	Routing
	set   *Set
	holds []uint64       // the numbers of the conditions that hold, as bits
	known []uint64       // of those that were asked: the others' do not count
	asked [kinds]bool    // whose bits in holds are set
	words [2][]string    // of subject and body, folded
	texts [2]lazyText    // of subject and body
	took  captures       // of the rule being matched
	speak string         // language of the text
	env   *expressionEnv // of "when"

	fields map[string][2][][]string // words of header fields by name in lower case: folded, and as they are
	names  []string                 // of the attachments, folded
}

// lazyText is a text that patterns look at, and whether it was made.
type lazyText struct {
	text, folded string
	made, fold   bool
	literals     [2][]bool // that stand in it: folded, and as it is
}

// captures are what the named groups of a rule's patterns caught.
type captures map[string]string

// The texts that words and patterns look at.
const (
	subjectText = iota
	bodyText
)

var textNames = [...]string{"el asunto", "el texto"}

// raw returns a text without the marks of answers, composed (NFC), cut at
// bodyMost.
func (v *view) raw(which int) string {
	t := &v.texts[which]
	if !t.made {
		t.made = true
		t.text = v.Body
		if which == subjectText {
			t.text = mail.StripPrefixes(v.Subject)
		}
		if t.text = head(t.text, bodyMost); !composed(t.text) {
			t.text = norm.NFC.String(t.text)
		}
	}
	return t.text
}

// composed says that a text has no character from U+0300 on, where those begin that
// are put together with others: it is in NFC.
func composed(text string) bool {
	for i := range len(text) {
		if text[i] >= 0xcc {
			return false
		}
	}
	return true
}

// folded returns the words of a text.
func (v *view) folded(which int) []string {
	if v.words[which] == nil {
		v.words[which] = split(v.fold(which))
	}
	return v.words[which]
}

// contains says whether a literal, by its number, stands in a text: in the folded
// text unless exact.
func (v *view) contains(which int, exact bool, literal int) bool {
	t, x := &v.texts[which], 0
	if exact {
		x = 1
	}
	if t.literals[x] == nil {
		text := v.fold(which)
		if exact {
			text = v.raw(which)
		}
		t.literals[x] = v.set.literals[which][x].find(text)
	}
	return t.literals[x][literal]
}

// headerWords returns the words of each header field of a name in lower case.
func (v *view) headerWords(name string, exact bool) [][]string {
	both, ok := v.fields[name]
	if !ok {
		for _, f := range v.Header {
			if strings.EqualFold(f.Name, name) {
				value := head(f.Value, bodyMost)
				both[0], both[1] = append(both[0], wordsOf(value)), append(both[1], split(value))
			}
		}
		if v.fields == nil {
			v.fields = map[string][2][][]string{}
		}
		v.fields[name] = both
	}
	if exact {
		return both[1]
	}
	return both[0]
}

// partName returns an attachment's name, folded.
func (v *view) partName(i int) string {
	if v.names == nil {
		for _, p := range v.Parts {
			v.names = append(v.names, mail.Fold(p.Name))
		}
	}
	return v.names[i]
}

// splitBy splits a text into its words, folded unless exact.
func splitBy(exact bool, text string) []string {
	if exact {
		return split(text)
	}
	return wordsOf(text)
}

// fold returns a text without case and accents.
func (v *view) fold(which int) string {
	t := &v.texts[which]
	if !t.fold {
		t.fold, t.folded = true, mail.Fold(v.raw(which))
	}
	return t.folded
}

// language returns the language of the text, "unknown" if it cannot be told.
func (v *view) language() string {
	if v.speak == "" {
		v.speak = languageOf(v.folded(subjectText), v.folded(bodyText))
	}
	return v.speak
}

// wordsOf splits a text into its words, without case, accents and punctuation.
func wordsOf(text string) []string { return split(mail.Fold(text)) }

// split splits a text into its words as they stand there.
func split(text string) []string {
	words := make([]string, 0, len(text)/6+1)
	for i := 0; i < len(text); {
		end := wordEnd(text, i)
		if end > i {
			words = append(words, text[i:end])
			i = end
			continue
		}
		for i++; i < len(text) && !utf8.RuneStart(text[i]); i++ {
		}
	}
	return words
}

// wordEnd returns where the word ends that begins at a place: there, if none does.
func wordEnd(text string, i int) int {
	for {
		for i < len(text) && wordByte[text[i]] {
			i++
		}
		if i == len(text) || text[i] < utf8.RuneSelf {
			return i
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			return i
		}
		i += size
	}
}

// wordByte holds the ASCII letters and digits.
var wordByte = func() (t [0x100]bool) {
	for r := range utf8.RuneSelf {
		t[r] = unicode.IsLetter(rune(r)) || unicode.IsDigit(rune(r))
	}
	return t
}()

// head returns the first bytes of a text, at most n, in whole characters.
func head(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// domainsOf returns a domain and "*." before each that it is below.
func domainsOf(domain string) []string {
	all := []string{domain}
	for rest, ok := cutLabel(domain); ok; rest, ok = cutLabel(rest) {
		all = append(all, "*."+rest)
	}
	return all
}

func cutLabel(domain string) (rest string, ok bool) {
	_, rest, ok = strings.Cut(domain, ".")
	return rest, ok
}

// withoutPlus returns soporte@x of soporte+k3@x.
func withoutPlus(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	base, _, ok := strings.Cut(local, "+")
	if !ok {
		return address
	}
	return base + "@" + domain
}

// plusOf returns k3 of soporte+k3@x, "" if there is none.
func plusOf(address string) string {
	local, _, _ := strings.Cut(address, "@")
	_, plus, _ := strings.Cut(local, "+")
	return plus
}

// listID returns what stands between the angle brackets of a List-Id (RFC 2919
// §2), or the whole value.
func listID(value string) string {
	if _, after, ok := strings.Cut(value, "<"); ok {
		value, _, _ = strings.Cut(after, ">")
	}
	return strings.ToLower(strings.TrimSpace(value))
}

func get(header []mail.Field, name string) (value string, ok bool) {
	for _, f := range header {
		if strings.EqualFold(f.Name, name) {
			return f.Value, true
		}
	}
	return "", false
}
