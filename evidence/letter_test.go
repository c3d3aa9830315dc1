package evidence

import (
	"bytes"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// letter is what a mail's header says, as far as anything here depends on it.
type letter struct {
	id         string
	chain      []string // Message-IDs that it answers: In-Reply-To, then References from the right
	from       []string
	copies     []string // To and Cc but for the desk
	returnPath string
	nullPath   bool
	subject    string
	kind       kind
	mute       string // why its sender may not be acknowledged, "" if nothing is against it
}

type kind string

const (
	human     kind = "human"
	list      kind = "list"
	machine   kind = "machine"
	autoReply kind = "auto-reply"
	calendar  kind = "calendar"
	report    kind = "report" // bounces, receipts, complaints
)

type fields map[string][]string

// first returns the first value of a field.
func (f fields) first(name string) string {
	if v := f[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// word returns the first value up to a semicolon or a space, in lower case.
func (f fields) word(name string) string {
	word, _, _ := strings.Cut(f.first(name), ";")
	word, _, _ = strings.Cut(strings.TrimSpace(word), " ")
	return strings.ToLower(word)
}

// readFields reads a header section with LF line ends. A line that is no field
// is passed over, as is one that goes on from it.
func readFields(data []byte) fields {
	f := fields{}
	last := ""
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\n")
		if text == "" {
			break
		}
		if text[0] == ' ' || text[0] == '\t' {
			if v := f[last]; last != "" {
				v[len(v)-1] += " " + strings.TrimSpace(text)
			}
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		name = strings.ToLower(strings.TrimRight(name, " \t"))
		if last = ""; ok && name != "" && !strings.ContainsAny(name, " \t") {
			last = name
			f[name] = append(f[name], strings.TrimSpace(value))
		}
	}
	return f
}

var (
	msgID   = regexp.MustCompile(`<([^<>\s]+)>`)
	spec    = regexp.MustCompile(`[^\s<>()",;:]+@[^\s<>()",;:]+`)
	foreign = regexp.MustCompile(`\[[^\[\]#]*#\s*[0-9]+\s*\]`)
)

func readLetter(data []byte) letter {
	f := readFields(data)
	l := letter{subject: f.first("subject"), from: mailboxes(f["from"])}
	l.nullPath = strings.HasPrefix(f.first("return-path"), "<>")
	if found := mailboxes(f["return-path"]); len(found) > 0 {
		l.returnPath = found[0]
	}
	if ids := msgIDs(f["message-id"]); len(ids) > 0 {
		l.id = ids[0]
	}
	l.chain = msgIDs(f["in-reply-to"])
	references := msgIDs(f["references"])
	slices.Reverse(references)
	l.chain = append(l.chain, references...)
	l.copies = mailboxes(f["cc"])
	l.kind = kindOf(f)
	l.mute = l.muteOf(f)
	return l
}

func msgIDs(values []string) (ids []string) {
	for _, m := range msgID.FindAllStringSubmatch(strings.Join(values, " "), -1) {
		ids = append(ids, m[1])
	}
	return ids
}

// mailboxes returns the addresses that a field names, in lower case.
func mailboxes(values []string) (addresses []string) {
	for _, v := range values {
		list, err := mail.ParseAddressList(v)
		for _, a := range list {
			addresses = append(addresses, strings.ToLower(a.Address))
		}
		if err != nil { // what the standard does not allow and people write
			addresses = append(addresses, loose(v)...)
		}
	}
	return addresses
}

// loose takes one address between each two commas: the one in angle brackets,
// or whatever has an at sign. Bytes that are no UTF-8 are taken for Latin-1.
func loose(v string) (addresses []string) {
	v = regexp.MustCompile(`"[^"]*"`).ReplaceAllString(v, "")
	if !utf8.ValidString(v) {
		latin := make([]rune, len(v))
		for i := range len(v) {
			latin[i] = rune(v[i])
		}
		v = string(latin)
	}
	for piece := range strings.SplitSeq(v, ",") {
		if open := strings.IndexByte(piece, '<'); open >= 0 {
			piece = piece[open:]
		}
		if a := spec.FindString(piece); a != "" {
			addresses = append(addresses, strings.ToLower(a))
		}
	}
	return addresses
}

// kindOf tells the class from the header: marks of reports, of automatic
// answers, of machines, of lists, in this order.
func kindOf(f fields) kind {
	content := strings.ToLower(f.first("content-type"))
	precedence, auto := f.word("precedence"), f.word("auto-submitted")
	from := strings.ToLower(f.first("from"))
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { w := f.word(n); return w != "" && w != "no" && w != "false" })
	}
	switch {
	case strings.HasPrefix(content, "multipart/report") && regexp.MustCompile(`report-type="?(delivery-status|disposition-notification|feedback-report)`).MatchString(content),
		strings.Contains(from, "mailer-daemon") && auto != "auto-replied", has("x-failed-recipients"),
		strings.Contains(from, "postmaster@") && undelivered.MatchString(f.first("subject")):
		return report
	case auto == "auto-replied", precedence == "auto_reply", has("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply"):
		return autoReply
	case has("auto-submitted"), precedence == "bulk", precedence == "junk":
		return machine
	case strings.HasPrefix(content, "text/calendar") && strings.Contains(content, "method=reply"):
		return calendar
	case has("list-id", "list-post", "mailing-list", "x-mailing-list", "x-mailman-version"), precedence == "list":
		return list
	}
	return human
}

var undelivered = regexp.MustCompile(`(?i)^(undeliver|returned mail|delivery (status|failure)|mail delivery)`)

// muteOf says why nobody may be answered automatically.
func (l letter) muteOf(f fields) string {
	for name := range f {
		if strings.HasPrefix(name, "list-") {
			return "a mailing list"
		}
	}
	switch suppress := strings.ToLower(f.first("x-auto-response-suppress")); {
	case l.kind != human:
		return "class " + string(l.kind)
	case l.nullPath:
		return "null reverse-path"
	case len(l.from) != 1:
		return "not exactly one author"
	case strings.Contains(suppress, "all"), strings.Contains(suppress, "autoreply"), strings.Contains(suppress, "oof"):
		return "X-Auto-Response-Suppress"
	case len(foreign.FindAllString(l.subject, -1)) > 1:
		return "tags of other desks"
	}
	for _, a := range slices.Concat(l.from, mailboxes(f["sender"]), mailboxes(f["reply-to"]), []string{l.returnPath}) {
		if isRobot(a) {
			return "a robot: " + a
		}
	}
	return ""
}

var robots = regexp.MustCompile(`^(mailer-?daemon|postmaster|abuse|root|nobody|anonymous|hostmaster|webmaster|majordomo|listserv|bounces?([-+.].*)?|owner-.*|.*-(owner|request|bounces?)|.*(no|do-?not)[-_.]?(reply|responder?).*)$`)

// isRobot tells by the local part that no person reads an address.
func isRobot(address string) bool {
	local, _, _ := strings.Cut(address, "@")
	return robots.MatchString(local)
}
