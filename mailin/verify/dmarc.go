package verify

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"ventanilla/mail"
)

// walkMost is how many names a tree walk asks for (RFC 9989 §4.10).
const walkMost = 8

// record is a DMARC policy record (RFC 9989 §4.7), as far as a receiver acts on
// it. What asks for reports is left out.
type record struct {
	policy, subdomain, missing string // p=, sp= and np=; "" if not given
	strictDKIM, strictSPF      bool   // adkim=s, aspf=s
	psd                        string // "y", "n", or "" where it does not say
	testing                    bool   // t=y, or pct=0 of the older RFC 7489
}

// parseRecord reads a record. ok is false for what is none, and for one that
// says nothing of a policy and asks for no reports either: it is as if it were
// not there.
func parseRecord(text string) (r record, ok bool) {
	tags, ok := recordTags(text)
	if !ok {
		return r, false
	}
	valid := true
	for name, to := range map[string]*string{"p": &r.policy, "sp": &r.subdomain, "np": &r.missing} {
		value, given := tags[name]
		value = strings.ToLower(value)
		switch {
		case value == "none" || value == "quarantine" || value == "reject":
			*to = value
		case given || name == "p":
			valid = false
		}
	}
	if !valid {
		if !strings.Contains(strings.ToLower(tags["rua"]), "mailto:") {
			return record{}, false
		}
		r.policy, r.subdomain, r.missing = "none", "", ""
	}
	r.strictDKIM, r.strictSPF = strings.EqualFold(tags["adkim"], "s"), strings.EqualFold(tags["aspf"], "s")
	r.testing = strings.EqualFold(tags["t"], "y") || tags["pct"] == "0"
	if psd := strings.ToLower(tags["psd"]); psd == "y" || psd == "n" {
		r.psd = psd
	}
	return r, true
}

// recordTags splits a record. Its first tag is v=DMARC1, in this very writing;
// none may stand twice (RFC 6376 §3.2).
func recordTags(text string) (tags map[string]string, ok bool) {
	tags = map[string]string{}
	first := true
	for tag := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(tag, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if first && (name != "v" || value != "DMARC1") {
			return nil, false
		}
		first = false
		name = strings.ToLower(name)
		if _, twice := tags[name]; twice && name != "" {
			return nil, false
		}
		tags[name] = value
	}
	return tags, true
}

// asked is one record that a tree walk has found, at the name it belongs to.
type asked struct {
	domain string
	record record
}

// walk goes up from a domain and returns the records on the way, the longest
// name first. A name with several records has none.
func walk(ask *questions, domain string) (found []asked, err error) {
	for name := domain; name != ""; name = above(name) {
		r, ok, err := recordAt(ask, name)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if r.psd == "" && name != domain && isSuffix(name) {
			r.psd = "y" // or whatever is registered below it would be one organisation
		}
		found = append(found, asked{name, r})
		if r.psd != "" {
			break
		}
	}
	return found, nil
}

// above returns the next name of a walk: the one above, or for a long name the
// one of seven labels. Above the top there is "".
func above(name string) string {
	labels := strings.Split(name, ".")
	return strings.Join(labels[max(1, len(labels)-(walkMost-1)):], ".")
}

// recordAt asks for the record of one name.
func recordAt(ask *questions, name string) (r record, ok bool, err error) {
	a, err := ask.lookup("_dmarc."+name, typeTXT)
	if err != nil {
		return r, false, err
	}
	for _, text := range a.texts {
		if _, is := recordTags(text); !is && !strings.HasPrefix(text, "v=DMARC1") {
			continue
		}
		if ok {
			return record{}, false, nil
		}
		if r, ok = parseRecord(text); !ok {
			return record{}, false, nil
		}
	}
	return r, ok, nil
}

// isSuffix says whether a name is one below which others register theirs, by
// the list of public suffixes.
func isSuffix(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	return suffix == name && (icann || !strings.Contains(name, "."))
}

// organisation is the organisational domain of a domain that a walk has
// started at (RFC 9989 §4.10.2).
func organisation(domain string, found []asked) string {
	if len(found) == 0 {
		return domain
	}
	last := found[len(found)-1] // the walk has ended there: psd= is given, or there is nothing above
	if last.record.psd != "y" || last.domain == domain {
		return last.domain
	}
	labels := strings.Split(strings.TrimSuffix(domain, "."+last.domain), ".")
	return labels[len(labels)-1] + "." + last.domain
}

// policy is what the domain in From asks for.
type policy struct {
	found        bool   // there is a record
	asks         string // "none", "quarantine" or "reject"
	organisation string
	strictDKIM   bool
	strictSPF    bool
	err          error // the DNS did not tell
}

// discover finds the policy for a domain in From (RFC 9989 §4.10.1).
func discover(ask *questions, domain string) policy {
	found, err := walk(ask, domain)
	if err != nil {
		return policy{err: err}
	}
	if len(found) == 0 {
		return policy{organisation: listed(domain)}
	}
	p := policy{found: true, organisation: organisation(domain, found)}
	at := found[len(found)-1] // of the public suffix, if the organisation has none
	for _, f := range found {
		if f.domain == domain || f.domain == p.organisation {
			at = f
			break
		}
	}
	r := at.record
	p.asks, p.strictDKIM, p.strictSPF = r.policy, r.strictDKIM, r.strictSPF
	if at.domain != domain {
		if r.subdomain != "" {
			p.asks = r.subdomain
		}
		if r.missing != "" {
			a, err := ask.lookup(domain, typeA)
			if err != nil {
				return policy{err: err}
			}
			if a.missing {
				p.asks = r.missing
			}
		}
	}
	if r.testing {
		p.asks = "none"
	}
	return p
}

// listed is the organisational domain by the list of public suffixes, for
// domains of which no record tells.
func listed(domain string) string {
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return org
}

// aligned says whether a domain that SPF or DKIM speaks of stands for the one in
// From (RFC 9989 §4.4): "yes", "no", or "unknown" where the DNS did not tell.
func (p policy) aligned(ask *questions, domain, from string, strict bool) string {
	switch {
	case domain == "":
		return "no"
	case domain == from:
		return "yes"
	case p.err != nil:
		if listed(domain) != listed(from) { // no record could make them one
			return "no"
		}
		return "unknown"
	case strict:
		return "no"
	case !p.found:
		return yes(listed(domain) == p.organisation)
	case !within(domain, p.organisation):
		return "no" // without asking the DNS of a stranger
	}
	found, err := walk(ask, domain)
	if err != nil {
		return "unknown"
	}
	return yes(organisation(domain, found) == p.organisation)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// within says whether a name is another or lies below it.
func within(name, top string) bool { return name == top || strings.HasSuffix(name, "."+top) }

// conclude puts SPF, DKIM and the policy together. Only answers that could have
// let the mail pass are missed: trouble with a domain that is not aligned keeps
// nobody from failing.
func conclude(ask *questions, c *mail.Checked, p policy) {
	missed := false
	weigh := func(k mail.Check, strict bool) {
		if k.Result != "pass" && k.Result != "temperror" && k.Result != "" {
			return
		}
		switch aligned := p.aligned(ask, k.Domain, c.Domain, strict); {
		case aligned == "no":
		case aligned == "yes" && k.Result == "pass":
			c.Pass = true
		default:
			missed = true
		}
	}
	weigh(c.SPF, p.strictSPF)
	for _, k := range c.DKIM {
		weigh(k, p.strictDKIM)
	}
	c.Policy = p.asks
	c.DMARC = mail.Check{Result: "fail", Domain: c.Domain}
	switch {
	case p.err != nil:
		c.DMARC.Result, c.DMARC.Why = "temperror", "el DNS no dio la política"
	case !p.found:
		c.DMARC.Result, c.DMARC.Why = "none", "el dominio no tiene registro DMARC"
	case c.Pass:
		c.DMARC.Result = "pass"
	case missed:
		c.DMARC.Result, c.DMARC.Why = "temperror", "faltan respuestas del DNS"
	default:
		c.DMARC.Why = "ni SPF ni DKIM pasan para ese dominio"
		c.Fail = p.asks == "quarantine" || p.asks == "reject"
	}
}
