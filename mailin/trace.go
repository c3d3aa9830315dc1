package mailin

import (
	"crypto/rand"
	"encoding/binary"
	"strings"

	"ventanilla/mail"
)

// transport is how a mail came, for its Received field.
type transport struct {
	server   string // our host name
	lmtp     bool
	extended bool // EHLO or LHLO
	secure   bool // TLS
	utf8     bool // SMTPUTF8
}

// protocol is the keyword of RFC 3848 and RFC 6531 §4.3.
func (t transport) protocol() string {
	name := "ESMTP"
	switch {
	case t.lmtp && t.utf8:
		name = "UTF8LMTP"
	case t.lmtp:
		name = "LMTP"
	case t.utf8:
		name = "UTF8SMTP"
	case !t.extended:
		return "SMTP"
	}
	if t.secure {
		name += "S"
	}
	return name
}

// appendTrace adds the fields that the last hop puts before a mail: Return-Path
// and Received (RFC 5321 §4.4). The recipient is named only if there is no
// other, who was perhaps not to be seen.
func appendTrace(b []byte, env *mail.Envelope, t transport) []byte {
	b = append(b, "Return-Path: "...)
	if env.From == mail.NullPath {
		b = append(b, mail.NullPath...)
	} else {
		b = append(append(append(b, '<'), env.From...), '>')
	}
	b = append(b, "\r\nReceived: from "...)
	b = append(b, traceName(env.Helo)...)
	switch {
	case env.Peer == "":
		b = append(b, " (local)"...)
	case strings.Contains(env.Peer, ":"):
		b = append(append(append(b, " ([IPv6:"...), env.Peer...), "])"...)
	default:
		b = append(append(append(b, " (["...), env.Peer...), "])"...)
	}
	b = append(append(b, "\r\n\tby "...), t.server...)
	b = append(append(b, " with "...), t.protocol()...)
	b = appendTraceID(append(b, " id "...))
	if len(env.Rcpts) == 1 {
		b = append(append(append(b, "\r\n\tfor <"...), env.Rcpts[0]...), '>')
	}
	b = append(b, ";\r\n\t"...)
	b = env.ReceivedAt.AppendFormat(b, "Mon, 2 Jan 2006 15:04:05 -0700")
	return append(b, "\r\n"...)
}

// traceName is what the client called itself with everything replaced that has
// a meaning in a header field.
func traceName(helo string) string {
	if validDomain(helo, true) {
		return helo
	}
	name := strings.Map(func(r rune) rune {
		if r >= 0x80 || strings.ContainsRune("()<>\\\",;@", r) || r <= ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, helo)
	if name == "" {
		return "?"
	}
	return name
}

// appendTraceID names a mail in its Received field and in no other place: 64
// random bits as 13 letters and digits.
func appendTraceID(b []byte) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	var random [8]byte
	rand.Read(random[:]) // never fails
	n := binary.NativeEndian.Uint64(random[:])
	for range 13 {
		b = append(b, digits[n%32])
		n /= 32
	}
	return b
}
