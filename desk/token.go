package desk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Purpose says what a token is for. A token made for one purpose is worth
// nothing for another.
type Purpose byte

// The purposes of tokens. Each is a letter, so that a look at an address tells.
const (
	ForReply      Purpose = 'k' // soporte+k…@: answers the mail that carried it
	ForMessage    Purpose = 'm' // the Message-ID of a mail of ours
	ForTicket     Purpose = 't' // the Message-ID that stands for a ticket as a whole
	ForBounce     Purpose = 'b' // the envelope sender of a mail of ours (VERP)
	ForPage       Purpose = 'd' // the link to the page of a decision
	ForApprove    Purpose = 'a' // the address that approves
	ForReject     Purpose = 'r' // the address that rejects
	ForStatus     Purpose = 's' // the link to see a ticket
	ForConsent    Purpose = 'v' // the link to the page of an approval that an agent asked for; Revision is its number
	ForConsentYes Purpose = 'y' // the address that gives it
	ForConsentNo  Purpose = 'n' // the address that refuses it
	ForUndo       Purpose = 'u' // takes back what an agent's commands did; Revision is the ticket's after them
	ForProbe      Purpose = 'p' // the Message-ID of a mail that the desk sends to itself
	ForSurvey     Purpose = 'e' // the link to the survey (encuesta) of a closed ticket
	ForConfirm    Purpose = 'c' // the address by which an agent says that a held article is his
	ForStop       Purpose = 'l' // the link, or address, that stops a digest: Revision says which
)

// What a token of [ForStop] stops, by its Revision.
const (
	StopOwnDigest    = 1
	StopQueueDigests = 2
)

// Token proves that its bearer has seen what we sent to one addressee about one
// ticket. It is not secret from that addressee and proves nobody's identity.
type Token struct {
	Purpose   Purpose
	Ticket    TicketID
	Revision  int         // event of the mail, or resolution of the decision
	Addressee Fingerprint // of the address it was issued to
	Expires   time.Time   // to the day; zero means never
}

// Fingerprint stands for an address without showing it.
type Fingerprint [5]byte

// Keys makes tokens with its first secret and checks them with all of them. Its
// zero value is not usable.
type Keys struct{ secrets [][]byte }

// KeySize is how many bytes of chance a key must have.
const KeySize = 32

// NewKeys makes Keys out of a secret of KeySize bytes and of older ones, which
// only check. A secret of another size is a programming error.
func NewKeys(secret []byte, older ...[]byte) Keys {
	var k Keys
	for _, s := range append([][]byte{secret}, older...) {
		if len(s) != KeySize {
			panic("desk: a key must have 32 bytes")
		}
		k.secrets = append(k.secrets, append([]byte(nil), s...))
	}
	return k
}

const macSize = 10 // 80 bits

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Fingerprint returns that of an address, whose letters' case does not count.
func (k Keys) Fingerprint(address string) Fingerprint {
	return fingerprint(k.secrets[0], address)
}

// IssuedTo says whether t was issued to an address.
func (k Keys) IssuedTo(t Token, address string) bool {
	for _, s := range k.secrets {
		if fingerprint(s, address) == t.Addressee {
			return true
		}
	}
	return false
}

func fingerprint(secret []byte, address string) Fingerprint {
	sum := hmacSHA256(secret, append([]byte("address\x00"), strings.ToLower(address)...))
	return Fingerprint(sum[:len(Fingerprint{})])
}

// hmacSHA256 is the HMAC of RFC 2104 for a secret of at most a block. What
// crypto/hmac makes for each use is for texts that come in pieces; ours are short
// and there are twenty to a ticket.
func hmacSHA256(secret, text []byte) [sha256.Size]byte {
	inner := make([]byte, sha256.BlockSize, sha256.BlockSize+128)
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(inner, secret)
	copy(outer[:], secret)
	for i := range sha256.BlockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	sum := sha256.Sum256(append(inner, text...))
	copy(outer[sha256.BlockSize:], sum[:])
	return sha256.Sum256(outer[:])
}

// Make returns t as text: lower-case letters and digits, at most 45 of them,
// its first the purpose.
func (k Keys) Make(t Token) string {
	b := make([]byte, 0, 40)
	b = binary.AppendUvarint(b, uint64(t.Ticket))
	b = binary.AppendUvarint(b, uint64(t.Revision))
	b = append(b, t.Addressee[:]...)
	var day uint64
	if !t.Expires.IsZero() {
		day = uint64(t.Expires.Unix()/86400) + 1
	}
	b = binary.AppendUvarint(b, day)
	b = append(b, mac(k.secrets[0], t.Purpose, b)...)
	return string(rune(t.Purpose)) + lower32.EncodeToString(b)
}

// Check returns the token that s is, whatever its letters' case. It reports
// false for anything that Make did not return; an expired token is returned as
// it is: what that means is for the caller to say.
func (k Keys) Check(s string) (Token, bool) {
	s = strings.ToLower(s)
	if len(s) < 2 || len(s) > 64 {
		return Token{}, false
	}
	b, err := lower32.DecodeString(s[1:])
	if err != nil || len(b) <= macSize || lower32.EncodeToString(b) != s[1:] {
		return Token{}, false
	}
	body, sum := b[:len(b)-macSize], b[len(b)-macSize:]
	t := Token{Purpose: Purpose(s[0])}
	if !slices.ContainsFunc(k.secrets, func(secret []byte) bool { return hmac.Equal(sum, mac(secret, t.Purpose, body)) }) {
		return Token{}, false
	}
	ticket, n := binary.Uvarint(body)
	body = body[max(n, 0):]
	revision, m := binary.Uvarint(body)
	body = body[max(m, 0):]
	if n <= 0 || m <= 0 || len(body) < len(t.Addressee)+1 {
		return Token{}, false
	}
	copy(t.Addressee[:], body)
	day, n := binary.Uvarint(body[len(t.Addressee):])
	if n <= 0 {
		return Token{}, false
	}
	t.Ticket, t.Revision = TicketID(ticket), int(revision)
	if day > 0 {
		t.Expires = time.Unix(int64(day)*86400, 0).UTC()
	}
	return t, true
}

func mac(secret []byte, p Purpose, body []byte) []byte {
	sum := hmacSHA256(secret, append([]byte{'t', 'o', 'k', 'e', 'n', 0, byte(p)}, body...))
	return sum[:macSize]
}

// Seal vouches for a text by the first key: 64 hexadecimal digits.
func (k Keys) Seal(text string) string {
	sum := hmacSHA256(k.secrets[0], append([]byte("seal\x00"), text...))
	return hex.EncodeToString(sum[:])
}

// Sealed says whether a seal was made by Seal over that text, with any of the keys.
func (k Keys) Sealed(text, seal string) bool {
	return slices.ContainsFunc(k.secrets, func(secret []byte) bool {
		sum := hmacSHA256(secret, append([]byte("seal\x00"), text...))
		return hmac.Equal([]byte(hex.EncodeToString(sum[:])), []byte(seal))
	})
}
