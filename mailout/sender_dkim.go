package mailout

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	netmail "net/mail"
	"strings"
)

// DKIMKey signs mails for a domain (RFC 6376). Its public key stands in the DNS
// under Selector._domainkey.Domain.
type DKIMKey struct {
	Domain, Selector string
	Key              crypto.Signer // *rsa.PrivateKey or ed25519.PrivateKey
}

// algorithm returns what "a=" says of the key, or an error for one that nobody
// would believe.
func (k DKIMKey) algorithm() (string, error) {
	switch key := k.Key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 {
			return "", fmt.Errorf("an RSA key of %d bits: 2048 at least", key.N.BitLen())
		}
		return "rsa-sha256", nil
	case ed25519.PrivateKey:
		return "ed25519-sha256", nil // RFC 8463
	}
	return "", errors.New("neither an RSA nor an Ed25519 key")
}

// signedFields are those that a signature covers, if they are there. The first
// ones are named once more than they stand there, so that nobody can add another
// (RFC 6376 §5.4).
var signedFields = []string{"from", "to", "subject", "date", "message-id", "reply-to", "cc", "in-reply-to", "references", "mime-version",
	"content-type", "content-transfer-encoding", "auto-submitted", "list-unsubscribe", "list-unsubscribe-post"}

const oversigned = 6 // of signedFields

// signing reads a mail and signs it, in the canonical form relaxed/relaxed (RFC
// 6376 §3.4). The bytes of a signature depend on nothing but mail and key: its
// time is that of Date.
type signing struct {
	header []byte
	inBody bool
	line   []byte // of the body, not yet whole
	empty  int    // lines of the body that are empty, so far
	body   hash.Hash
}

func newSigning() *signing { return &signing{body: sha256.New()} }

// Write takes a piece of the mail, whose lines end in CRLF.
func (s *signing) Write(p []byte) (int, error) {
	n := len(p)
	if !s.inBody {
		s.header = append(s.header, p...)
		end := bytes.Index(s.header, []byte("\r\n\r\n"))
		if end < 0 {
			return n, nil
		}
		s.inBody = true
		p = s.header[end+4:]
		s.header = s.header[:end+2]
	}
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			s.line = append(s.line, p...)
			return n, nil
		}
		s.line = append(s.line, p[:end]...)
		s.bodyLine()
		p = p[end+1:]
	}
}

// bodyLine takes a whole line of the body: white space within becomes one space,
// at its end nothing; empty lines at the end of the body do not count.
func (s *signing) bodyLine() {
	line := relaxed(bytes.TrimSuffix(s.line, []byte("\r")))
	s.line = s.line[:0]
	if len(line) == 0 {
		s.empty++
		return
	}
	for ; s.empty > 0; s.empty-- {
		s.body.Write([]byte("\r\n"))
	}
	s.body.Write(line)
	s.body.Write([]byte("\r\n"))
}

// relaxed makes one space of each stretch of white space, and none of that at the
// end.
func relaxed(line []byte) []byte {
	if !bytes.ContainsAny(line, " \t") {
		return line
	}
	out := make([]byte, 0, len(line))
	for _, c := range line {
		if c == '\t' {
			c = ' '
		}
		if c != ' ' || len(out) == 0 || out[len(out)-1] != ' ' {
			out = append(out, c)
		}
	}
	return bytes.TrimRight(out, " ")
}

// field is a header field in canonical form.
type field struct{ name, value string }

func (f field) String() string { return f.name + ":" + f.value }

// fields reads the header that was written.
func (s *signing) fields() (all []field) {
	text := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(string(s.header))
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		all = append(all, field{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(string(relaxed([]byte(value))))})
	}
	return all
}

// sign returns a DKIM-Signature field for each key, to be put before the mail.
func (s *signing) sign(keys []DKIMKey) (string, error) {
	if len(s.line) > 0 {
		s.bodyLine()
	}
	fields := s.fields()
	names, signed := covered(fields)
	bodyHash := base64.StdEncoding.EncodeToString(s.body.Sum(nil))
	time := ""
	for _, f := range fields {
		if at, err := netmail.ParseDate(f.value); f.name == "date" && err == nil {
			time = fmt.Sprintf(" t=%d;", at.Unix())
		}
	}
	var out strings.Builder
	for _, k := range keys {
		algorithm, err := k.algorithm()
		if err != nil {
			return "", err
		}
		head := fmt.Sprintf("v=1; a=%s; c=relaxed/relaxed; d=%s; s=%s;%s\r\n\th=%s;\r\n\tbh=%s;\r\n\tb=", algorithm, k.Domain, k.Selector, time, folded(names), bodyHash)
		own := strings.NewReplacer("\r\n\t", " ").Replace(head)
		signature, err := k.over(signed + "dkim-signature:" + strings.TrimSpace(string(relaxed([]byte(own)))))
		if err != nil {
			return "", fmt.Errorf("sign for %s: %w", k.Domain, err)
		}
		out.WriteString("DKIM-Signature: " + head)
		for i := 0; i < len(signature); i += 72 {
			if i > 0 {
				out.WriteString("\r\n\t ")
			}
			out.WriteString(signature[i:min(i+72, len(signature))])
		}
		out.WriteString("\r\n")
	}
	return out.String(), nil
}

// over signs a text.
func (k DKIMKey) over(text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	hash := crypto.Hash(0) // Ed25519 signs the sum as a message
	if _, ok := k.Key.(*rsa.PrivateKey); ok {
		hash = crypto.SHA256
	}
	signature, err := k.Key.Sign(nil, sum[:], hash)
	return base64.StdEncoding.EncodeToString(signature), err
}

// covered returns the names that a signature covers and their fields in canonical
// form; of several with a name the last comes first.
func covered(fields []field) (names []string, signed string) {
	var b strings.Builder
	for i, want := range signedFields {
		found := 0
		for at := len(fields) - 1; at >= 0; at-- {
			if fields[at].name == want {
				names = append(names, want)
				b.WriteString(fields[at].String() + "\r\n")
				found++
			}
		}
		if i < oversigned {
			names = append(names, want)
		}
	}
	return names, b.String()
}

// folded joins names by colons, in lines of some length.
func folded(names []string) string {
	var b strings.Builder
	length := 0
	for i, n := range names {
		if i > 0 {
			b.WriteByte(':')
			length++
		}
		if length+len(n) > 70 {
			b.WriteString("\r\n\t ")
			length = 0
		}
		b.WriteString(n)
		length += len(n)
	}
	return b.String()
}
