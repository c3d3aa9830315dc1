package verify

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/emersion/go-msgauth/dkim"

	"ventanilla/mail"
)

// signaturesMost is how many signatures of a mail are looked at, the first ones.
const signaturesMost = 8

// signature is a DKIM-Signature and what the DNS has under the name of its key.
type signature struct {
	tags map[string]string
	key  []string
	err  error
}

// keyName is where the key of a signature is found (RFC 6376 §3.6.2.1).
func (s signature) keyName() string { return s.tags["s"] + "._domainkey." + s.tags["d"] }

// dkim checks the signatures of a mail. The library refuses rsa-sha1 and RSA
// keys below 1024 bits (RFC 8301 §3), a body length (l=), an expired signature
// and one that does not cover From; the rest is here. The keys are asked for
// within asking, and only then the text is read, within ctx: somebody whose DNS
// keeps us waiting does not take away the time for that.
func (v *Verifier) dkim(ctx, asking context.Context, h header, rest io.Reader) []mail.Check {
	if h.why != "" {
		return []mail.Check{{Result: "permerror", Why: h.why}}
	}
	signatures := make([]signature, min(len(h.signatures), signaturesMost))
	checks := make([]mail.Check, len(signatures))
	for i := range signatures {
		signatures[i].tags = signatureTags(h.signatures[i])
		checks[i] = mail.Check{Result: "permerror", Domain: domainName(signatures[i].tags["d"])}
	}
	if len(signatures) == 0 {
		return nil
	}
	v.fetchKeys(asking, signatures)
	text := &bounded{ctx: ctx, r: io.MultiReader(bytes.NewReader(h.raw), rest)}
	verified, err := dkim.VerifyWithOptions(text, &dkim.VerifyOptions{MaxVerifications: signaturesMost, LookupTXT: func(name string) ([]string, error) {
		for _, s := range signatures {
			if s.keyName() == name {
				return s.key, s.err
			}
		}
		return nil, &net.DNSError{Err: "not asked for", Name: name, IsNotFound: true}
	}})
	unread := text.cut || len(verified) != len(checks) || err != nil && !errors.Is(err, dkim.ErrTooManySignatures)
	for i, s := range signatures {
		switch {
		case checks[i].Domain == "":
			checks[i].Why = "la firma no nombra un dominio"
		case isTemporary(s.err):
			checks[i].Result, checks[i].Why = "temperror", "el DNS no dio la clave"
		case s.err != nil:
			checks[i].Why = "el dominio no tiene esa clave"
		case unread:
			checks[i].Result, checks[i].Why = "temperror", "no se pudo comprobar a tiempo"
		default:
			checks[i].Result, checks[i].Why = v.judge(verified[i], s, &h)
		}
	}
	return checks
}

// fetchKeys asks for all keys at once.
func (v *Verifier) fetchKeys(ctx context.Context, signatures []signature) {
	ask := v.resolver.ask(ctx, questionsDKIM)
	var all sync.WaitGroup
	for i := range signatures {
		s := &signatures[i]
		s.err = errUnanswered
		all.Go(v.safely(func() { s.key, s.err = ask.LookupTXT(ctx, s.keyName()) }))
	}
	all.Wait()
}

// judge says what the library's word on one signature comes to.
func (v *Verifier) judge(found *dkim.Verification, s signature, h *header) (result, why string) {
	switch {
	case dkim.IsPermFail(found.Err):
		return "permerror", dkimReason(found.Err)
	case found.Err != nil:
		return "fail", dkimReason(found.Err)
	case !found.Expiration.IsZero() && v.now().After(found.Expiration):
		return "permerror", "la firma ha caducado"
	}
	if name := h.unsigned(s.tags["h"]); name != "" {
		return "permerror", "el campo " + name + " está repetido y la firma no los cubre todos"
	}
	// the flags of the key: RFC 6376 §3.6.1
	for flag := range strings.SplitSeq(signatureTags(s.key[0])["t"], ":") {
		switch flag {
		case "y":
			return "neutral", "el dominio dice que su clave está en pruebas"
		case "s":
			if i := s.tags["i"]; i != "" && !strings.EqualFold(afterAt(i), s.tags["d"]) {
				return "permerror", "la firma es en nombre de un subdominio, y la clave no vale para subdominios"
			}
		}
	}
	return "pass", ""
}

// signatureTags reads the tags of a signature or a key (RFC 6376 §3.2), white
// space taken out of their values.
func signatureTags(value string) map[string]string {
	tags := map[string]string{}
	for tag := range strings.SplitSeq(value, ";") {
		name, text, _ := strings.Cut(tag, "=")
		tags[strings.TrimSpace(name)] = strings.Join(strings.Fields(text), "")
	}
	return tags
}

// dkimReasons say in Spanish what the library says.
var dkimReasons = [...]struct{ start, words string }{
	{"body hash did not verify", "el texto cambió después de la firma"},
	{"signature did not verify", "la cabecera cambió después de la firma, o la firma no es de esa clave"},
	{"message contains an insecure body length", "la firma cubre solo una parte del texto (l=)"},
	{"From field not signed", "la firma no cubre From"},
	{"signature has expired", "la firma ha caducado"},
	{"key is too short", "la clave es demasiado corta"},
	{"hash algorithm too weak", "la firma usa SHA-1"},
	{"key revoked", "el dominio ha retirado esa clave"},
	{"multiple TXT records", "el dominio tiene varias claves con ese nombre"},
	{"domain mismatch", "la firma es en nombre de otro dominio"},
}

func dkimReason(err error) string {
	text := strings.TrimPrefix(err.Error(), "dkim: ")
	for _, r := range dkimReasons {
		if strings.HasPrefix(text, r.start) {
			return r.words
		}
	}
	return "la firma o la clave tiene un error"
}

// bounded reads until ctx is done. It hides errors: the library's goroutines
// would wait for ever after one.
type bounded struct {
	ctx context.Context
	r   io.Reader
	cut bool // not all was read
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		b.cut = true
		return 0, io.EOF
	}
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		b.cut, err = true, io.EOF
	}
	return n, err
}
