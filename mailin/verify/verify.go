// Package verify finds out about the sender of a mail that a stranger brings to
// our own door: SPF (RFC 7208), DKIM (RFC 6376, RFC 8301, RFC 8463) and DMARC
// (RFC 9989), with one resolver and one cache for all three.
//
// What is asked of the DNS is chosen by strangers: the domains, the selectors,
// what SPF includes. So everything is bounded, in questions and in time, and
// each method has a bound of its own, so that what a forger lets run dry is not
// what would have found him out. A DNS that does not answer proves nothing: it
// makes no pass and no fail.
package verify

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"ventanilla/mail"
)

// Options say how a [Verifier] works. Zero values stand for the defaults.
type Options struct {
	Servers []string         // resolvers, as "127.0.0.1:53"; those of /etc/resolv.conf
	Timeout time.Duration    // for all there is to find out about one mail; 5 s
	Entries int              // answers of the DNS that are kept; 4096
	Now     func() time.Time // time.Now
	Log     *slog.Logger     // nil: no log
}

// How many questions one mail may make us ask, answered from the cache or not.
const (
	questionsSPF   = 50 // RFC 7208 §4.6.4 allows ten terms; each mx may stand for ten hosts
	questionsDKIM  = signaturesMost
	questionsDMARC = 9 + 9*walkMost // the record, whether the domain exists, and alignments
)

// Verifier checks mails. Its methods may be called from many goroutines.
type Verifier struct {
	resolver *resolver
	timeout  time.Duration
	now      func() time.Time
	log      *slog.Logger
}

// New returns a verifier. It asks nothing yet.
func New(o Options) *Verifier {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Entries <= 0 {
		o.Entries = 4096
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Verifier{resolver: newResolver(o), timeout: o.Timeout, now: o.Now, log: o.Log}
}

// Check finds out about a mail whose envelope says From, Peer and Helo, and
// whose text is r: the whole of it, as it was sent. It returns within the
// timeout and does not need r any more then. Of that time the last third is for
// work that needs answers: a DNS that keeps us waiting does not take it away. A mail whose From does not name
// exactly one mailbox gets no result but that of SPF.
func (v *Verifier) Check(ctx context.Context, env mail.Envelope, r io.Reader) *mail.Checked {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	asking, enough := context.WithTimeout(ctx, v.timeout*7/10)
	defer enough()
	head, rest := readHeader(r)
	c := &mail.Checked{Domain: authorDomain(head.raw), SPF: mail.Check{Result: "temperror", Domain: spfDomain(env)}}
	found := policy{err: errUnanswered}
	var all sync.WaitGroup
	all.Go(v.safely(func() { c.SPF = v.spf(asking, env) }))
	if c.Domain != "" {
		c.DKIM = []mail.Check{{Result: "temperror", Domain: c.Domain}}
		all.Go(v.safely(func() { c.DKIM = v.dkim(ctx, asking, head, rest) }))
		all.Go(v.safely(func() { found = discover(v.resolver.ask(asking, questionsDMARC), c.Domain) }))
	}
	all.Wait()
	if c.Domain != "" {
		conclude(v.resolver.ask(ctx, questionsDMARC), c, found)
	}
	return c
}

// safely keeps a panic from ending the process: what was to be found out stays
// unknown.
func (v *Verifier) safely(fn func()) func() {
	return func() {
		defer func() {
			if cause := recover(); cause != nil {
				v.log.Error("panic while checking a sender", "panic", cause)
			}
		}()
		fn()
	}
}

// authorDomain returns the domain of the one mailbox in From as the DNS knows
// it, or "".
func authorDomain(header []byte) string {
	m := mail.Parse(append(header[:len(header):len(header)], "\r\n"...))
	if len(m.From) != 1 {
		return ""
	}
	return domainName(afterAt(m.From[0].Address))
}

// afterAt returns what stands behind the last "@", "" without one.
func afterAt(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// domainName returns a domain in lower case, in ASCII and without the last dot,
// or "" for what can be no domain of mail.
func domainName(domain string) string {
	domain = strings.TrimSuffix(domain, ".")
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil { // underscores and the like, which exist
		ascii = strings.ToLower(domain)
	}
	if !isName(ascii) || !strings.Contains(ascii, ".") {
		return ""
	}
	if _, err := netip.ParseAddr(ascii); err == nil {
		return ""
	}
	return ascii
}

// isName says whether the DNS can hold a name (RFC 1035 §2.3.4), written in
// ASCII letters, digits, hyphens and underscores.
func isName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			b := label[i]
			if b != '-' && b != '_' && (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') {
				return false
			}
		}
	}
	return true
}
