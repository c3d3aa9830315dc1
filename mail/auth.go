package mail

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// AuthResults reads what a trusted system has found out about the sender: the
// topmost Authentication-Results (RFC 8601) of one of the trusted authserv-ids.
// The id "" stands for fields that carry none, as Microsoft 365 writes them.
//
// pass says that domain, the From domain, let the mail out: DMARC passed, or
// SPF or DKIM did for a domain aligned with it (relaxed: the same
// organisational domain), or one of its users had to say who he is. fail says that DMARC failed and that the result
// itself states a policy of quarantine or reject. Neither is the usual case
// where nothing is known.
func AuthResults(m *Message, trusted []string) (pass, fail bool, domain string) {
	if len(m.From) != 1 {
		return false, false, ""
	}
	domain = domainOf(m.From[0].Address)
	if domain == "" {
		return false, false, ""
	}
	for _, f := range m.Header {
		if !strings.EqualFold(f.Name, "Authentication-Results") {
			continue
		}
		id, results := splitResults(f.Value)
		if !isTrusted(id, trusted) {
			continue
		}
		for _, r := range results {
			switch {
			case r.passes(domain):
				pass = true
			case r.fails(domain):
				fail = true
			}
		}
		return pass && !fail, fail, domain
	}
	return false, false, domain
}

// Microsoft365 is the provider whose mailboxes bear results without authserv-id.
const Microsoft365 = "microsoft365"

// Microsoft365Results reads what Exchange Online stamps on a mail in one of its
// mailboxes: the results without authserv-id, if they stand on top of all such
// fields, and for mail within the tenant, which it does not sign,
// X-MS-Exchange-Organization-AuthAs: Internal, if own says that the From domain
// is the desk's own. The field of another tenant (CrossTenant) says nothing.
func Microsoft365Results(m *Message, own func(domain string) bool) (pass, fail bool) {
	var top *Message
	for _, f := range m.Header {
		if strings.EqualFold(f.Name, "Authentication-Results") {
			top = &Message{From: m.From, Header: []Field{f}}
			break
		}
	}
	if top != nil {
		pass, fail, _ = AuthResults(top, []string{""})
	}
	if len(m.From) == 1 && !fail && strings.EqualFold(strings.TrimSpace(m.Get("X-MS-Exchange-Organization-AuthAs")), "Internal") && own(domainOf(m.From[0].Address)) {
		pass = true
	}
	return pass, fail
}

func isTrusted(id string, trusted []string) bool {
	for _, t := range trusted {
		if strings.EqualFold(id, t) {
			return true
		}
	}
	return false
}

// authResult is one method's result with its properties.
type authResult struct {
	method, result string
	properties     []authProperty
	comment        string
}

type authProperty struct{ name, value string }

func (r authResult) get(name string) string {
	for _, p := range r.properties {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// passes says that the result lets the From domain's mail pass.
func (r authResult) passes(domain string) bool {
	if r.result != "pass" {
		return false
	}
	switch r.method {
	case "dmarc":
		from := r.get("header.from")
		return from == "" || domainOf("x@"+from) == domain || domainOf(from) == domain
	case "dkim":
		signer := r.get("header.d")
		if signer == "" {
			signer = domainOf(r.get("header.i"))
		}
		return Aligned(signer, domain)
	case "spf":
		sender := r.get("smtp.mailfrom")
		if strings.ContainsRune(sender, '@') {
			sender = domainOf(sender)
		}
		return Aligned(sender, domain)
	case "auth": // who authenticated himself, not what he wrote as his address (RFC 8601 §2.7.4)
		return Aligned(domainOf(r.get("smtp.auth")), domain)
	}
	return false
}

// fails says that DMARC failed under a policy that asks not to accept such mail.
func (r authResult) fails(domain string) bool {
	if r.method != "dmarc" || r.result != "fail" {
		return false
	}
	if from := r.get("header.from"); from != "" && !Aligned(from, domain) {
		return false
	}
	for _, name := range []string{"policy.dmarc", "policy.p", "policy.published-domain-policy", "p", "action"} {
		if isStrict(r.get(name)) {
			return true
		}
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(r.comment), func(c rune) bool { return strings.ContainsRune(" ,;()", c) }) {
		if policy, ok := strings.CutPrefix(word, "p="); ok && isStrict(policy) {
			return true
		}
	}
	return false
}

// isStrict knows the policies, also as Microsoft's action ("oreject").
func isStrict(policy string) bool {
	switch strings.ToLower(policy) {
	case "reject", "quarantine", "oreject", "pct.reject", "pct.quarantine":
		return true
	}
	return false
}

// splitResults splits a field's value into the authserv-id and the results.
func splitResults(value string) (id string, results []authResult) {
	for i, segment := range splitSegments(value) {
		words := authWords(segment.text)
		if len(words) == 0 {
			continue
		}
		if i == 0 && !strings.ContainsRune(words[0], '=') {
			id = strings.Trim(words[0], `"`)
			continue
		}
		method, result, ok := strings.Cut(words[0], "=")
		if !ok {
			continue
		}
		method, _, _ = strings.Cut(strings.ToLower(method), "/") // a version of the method
		r := authResult{method: method, result: strings.ToLower(result), comment: segment.comment}
		for _, w := range words[1:] {
			if name, text, ok := strings.Cut(w, "="); ok {
				r.properties = append(r.properties, authProperty{strings.ToLower(name), strings.ToLower(strings.Trim(text, `"`))})
			}
		}
		results = append(results, r)
	}
	return id, results
}

// authWords splits at white space, none of it around an equals sign.
func authWords(s string) []string {
	fields := strings.Fields(s)
	words := fields[:0]
	for _, f := range fields {
		last := len(words) - 1
		if last >= 0 && (strings.HasPrefix(f, "=") || strings.HasSuffix(words[last], "=")) {
			words[last] += f
			continue
		}
		words = append(words, f)
	}
	return words
}

// authSegment is what stands between two semicolons, comments apart.
type authSegment struct{ text, comment string }

// splitSegments splits at semicolons outside comments and quotation marks.
func splitSegments(value string) []authSegment {
	var segments []authSegment
	var text, comment strings.Builder
	depth, quoted := 0, false
	end := func() {
		segments = append(segments, authSegment{text.String(), comment.String()})
		text.Reset()
		comment.Reset()
	}
	for _, c := range value {
		switch {
		case c == '"' && depth == 0:
			quoted = !quoted
			text.WriteRune(c)
		case c == '(' && !quoted:
			depth++
		case c == ')' && !quoted && depth > 0:
			if depth--; depth == 0 {
				text.WriteByte(' ')
				comment.WriteByte(' ')
			}
		case depth > 0:
			comment.WriteRune(c)
		case c == ';' && !quoted:
			end()
		default:
			text.WriteRune(c)
		}
	}
	end()
	return segments
}

// Aligned says that two domains belong to one organisation, by the public suffix
// list: what RFC 9989 calls relaxed alignment, where no record says otherwise.
func Aligned(a, b string) bool {
	a, b = strings.TrimSuffix(strings.ToLower(a), "."), strings.TrimSuffix(strings.ToLower(b), ".")
	if a == "" || b == "" {
		return false
	}
	return a == b || organisation(a) != "" && organisation(a) == organisation(b)
}

// organisation returns the organisational domain by the public suffix list, or
// "" for what is none.
func organisation(domain string) string {
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return ""
	}
	return org
}

// domainOf returns what stands behind the last "@", in lower case.
func domainOf(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return ""
	}
	return strings.ToLower(address[at+1:])
}
