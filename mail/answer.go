package mail

import "strings"

// Answerable says whether an automatic answer may go to who sent a mail, as far
// as the mail and its envelope tell, and if not, why. A reverse-path that is
// not known is no reason (it is often missing from IMAP and pipes).
func Answerable(env Envelope, m *Message) (ok bool, reason string) {
	switch {
	case env.From == NullPath || env.From == "" && m.nullReturnPath():
		return false, "null reverse-path"
	case m.Class != ClassHuman:
		return false, "class " + string(m.Class)
	case m.List:
		return false, "mailing list"
	case len(m.From) != 1 || m.From[0].Address == "":
		return false, "not exactly one From"
	case suppressesAnswers(m.Get("X-Auto-Response-Suppress")):
		return false, "X-Auto-Response-Suppress"
	case len(Tags(m.Subject)) >= 2:
		return false, "ticket tags of others in the subject"
	}
	addresses := []string{m.From[0].Address, m.Sender.Address, strings.Trim(env.From, "<>")}
	for _, a := range m.ReplyTo {
		addresses = append(addresses, a.Address)
	}
	for _, a := range addresses {
		if IsRobot(a) {
			return false, "address of a program: " + a
		}
	}
	return true, ""
}

// suppressesAnswers reads Microsoft's field by which a program asks for no
// automatic answers ([MS-OXCMAIL] §2.1.3.2.20).
func suppressesAnswers(value string) bool {
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		switch strings.ToLower(word) {
		case "all", "autoreply", "oof":
			return true
		}
	}
	return false
}

// IsRobot says that an address is, by its local part, one that no person reads.
func IsRobot(address string) bool {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	if local == "" {
		return false
	}
	base, _, _ := strings.Cut(local, "+")
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' {
			return -1
		}
		return r
	}, base)
	switch plain {
	case "mailerdaemon", "postmaster", "abuse", "root", "noreply", "noresponder", "donotreply", "nobody", "bounce", "bounces", "hostmaster", "webmaster",
		"noresponda", "noresponde", "norespondas", "naoresponda", "naoresponder", "nepasrepondre", "nonrispondere", "daemon", "majordomo", "listserv", "autoreply", "autoresponder", "maildaemon", "devnull", "cron", "www", "wwwdata", "anonymous", "nicht antworten", "keineantwort", "dontreply", "norepy", "unattended", "mailrobot", "robot", "listmaster":
		return true
	}
	for _, start := range []string{"noreply", "noresponder", "donotreply", "mailerdaemon", "naoresponda", "noresponda"} {
		if strings.HasPrefix(plain, start) {
			return true
		}
	}
	for _, start := range []string{"bounce-", "bounces-", "bounce.", "bounces.", "owner-", "prvs=", "msprvs1=", "srs0=", "srs1=", "msonlineservicesteam"} {
		if strings.HasPrefix(local, start) {
			return strings.HasPrefix(start, "bounce") || start == "owner-" || start == "msonlineservicesteam"
		}
	}
	for _, end := range []string{"noreply", "donotreply", "-bounces", "-bounce", "-owner", "-request"} {
		if strings.HasSuffix(base, end) || strings.HasSuffix(plain, end) {
			return true
		}
	}
	return false
}
