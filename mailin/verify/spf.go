package verify

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"blitiri.com.ar/go/spf"

	"ventanilla/mail"
)

// spf asks whether the domain in MAIL FROM lets the peer send for it; where the
// mail has no sender, the name in HELO (RFC 7208 §2.4).
func (v *Verifier) spf(ctx context.Context, env mail.Envelope) mail.Check {
	domain := spfDomain(env)
	if domain == "" {
		return mail.Check{Result: string(spf.None), Why: "no hay un dominio por el que preguntar"}
	}
	peer, err := netip.ParseAddr(env.Peer)
	if err != nil {
		return mail.Check{Result: string(spf.None), Domain: domain, Why: "no se sabe de qué dirección vino"}
	}
	ask := v.resolver.ask(ctx, questionsSPF)
	ask.only4 = peer.Unmap().Is4()
	sender := strings.TrimSuffix(spfSender(env), afterAt(spfSender(env))) + domain
	result, err := spf.CheckHostWithSender(net.IP(peer.Unmap().AsSlice()), env.Helo, sender, spf.WithContext(ctx), spf.WithResolver(ask))
	return mail.Check{Result: string(result), Domain: domain, Why: spfReason(result, err)}
}

// spfSender is whose domain is asked: the sender in MAIL FROM, or without one
// postmaster at the name in HELO.
func spfSender(env mail.Envelope) string {
	if env.From == mail.NullPath || env.From == "" {
		return "postmaster@" + env.Helo
	}
	return env.From
}

func spfDomain(env mail.Envelope) string { return domainName(afterAt(spfSender(env))) }

// spfReasons say in Spanish why there is a result.
var spfReasons = [...]struct {
	err   error
	words string
}{
	{spf.ErrNoResult, "el dominio no tiene registro SPF"},
	{spf.ErrLookupLimitReached, "su registro pide más de 10 consultas"},
	{spf.ErrVoidLookupLimitReached, "su registro hace preguntas sin respuesta"},
	{spf.ErrTooManyMXRecords, "su registro nombra demasiados servidores"},
	{spf.ErrMultipleRecords, "el dominio tiene varios registros SPF"},
}

func spfReason(result spf.Result, err error) string {
	for _, r := range spfReasons {
		if errors.Is(err, r.err) {
			return r.words
		}
	}
	switch result {
	case spf.TempError:
		return "el DNS no respondió"
	case spf.PermError:
		return "su registro SPF tiene un error"
	}
	return ""
}
