package desk

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"math/bits"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func testKeys(fill byte, older ...byte) Keys {
	var old [][]byte
	for _, b := range older {
		old = append(old, bytes.Repeat([]byte{b}, KeySize))
	}
	return NewKeys(bytes.Repeat([]byte{fill}, KeySize), old...)
}

func TestToken(t *testing.T) {
	k := testKeys(1)
	rapid.Check(t, func(r *rapid.T) {
		want := Token{Purpose: rapid.SampledFrom([]Purpose{ForReply, ForMessage, ForTicket, ForBounce, ForPage, ForApprove, ForReject, ForStatus, ForConfirm}).Draw(r, "purpose"),
			Ticket: TicketID(rapid.Uint64Range(0, 1<<40).Draw(r, "ticket")), Revision: rapid.IntRange(0, 1<<20).Draw(r, "revision"),
			Addressee: k.Fingerprint(rapid.String().Draw(r, "address"))}
		if rapid.Bool().Draw(r, "expires") {
			want.Expires = time.Unix(86400*rapid.Int64Range(20000, 40000).Draw(r, "day"), 0).UTC()
		}
		s := k.Make(want)
		got, ok := k.Check(strings.ToUpper(s))
		want.Expires = got.Expires
		if !ok || got != want || len(s) > 52 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			r.Fatalf("%q: %+v, %v; want %+v", s, got, ok, want)
		}
		// one letter changed anywhere, and it is worth nothing
		i := rapid.IntRange(0, len(s)-1).Draw(r, "at")
		forged := []byte(s)
		forged[i] = "abcdefghijklmnopqrstuvwxyz234567"[(strings.IndexByte("abcdefghijklmnopqrstuvwxyz234567", s[i])+1+rapid.IntRange(0, 29).Draw(r, "by"))%32]
		if _, ok := k.Check(string(forged)); ok && string(forged) != s {
			r.Fatalf("%q passes, made of %q", forged, s)
		}
	})
}

func TestTokenExpiryIsNeverEarly(t *testing.T) {
	k, at := testKeys(1), time.Date(2026, 3, 9, 23, 59, 0, 0, time.UTC)
	got, _ := k.Check(k.Make(Token{Purpose: ForPage, Expires: at}))
	if got.Expires.Before(at) || got.Expires.Sub(at) > 24*time.Hour {
		t.Errorf("expires %s, asked for %s", got.Expires, at)
	}
}

func TestTokenOfOtherKeys(t *testing.T) {
	s := testKeys(1).Make(Token{Purpose: ForReply, Ticket: 7})
	if _, ok := testKeys(2).Check(s); ok {
		t.Error("a token of other keys passes")
	}
	k := testKeys(2, 1)
	token, ok := k.Check(s)
	if !ok {
		t.Error("an older key does not check any more")
	}
	token.Addressee = testKeys(1).Fingerprint("ana@x.example")
	if !k.IssuedTo(token, "ANA@x.example") || k.IssuedTo(token, "eva@x.example") {
		t.Error("fingerprint of an older key")
	}
	for _, s := range []string{"", "k", "kaaaa", "k" + strings.Repeat("a", 40), strings.Repeat("k", 100), "kñ"} {
		if _, ok := k.Check(s); ok {
			t.Errorf("%q passes", s)
		}
	}
}

func TestMACSize(t *testing.T) {
	if macSize*8 < 80 {
		t.Error("a MAC must have 80 bits")
	}
	a, b := mac(bytes.Repeat([]byte{1}, 32), ForReply, []byte("x")), mac(bytes.Repeat([]byte{1}, 32), ForPage, []byte("x"))
	differ := 0
	for i := range a {
		differ += bits.OnesCount8(a[i] ^ b[i])
	}
	if differ < 20 {
		t.Error("purposes do not separate MACs")
	}
}

func TestNumber(t *testing.T) {
	k, now := testKeys(1), time.Date(2013, 12, 16, 9, 0, 0, 0, time.UTC)
	if n := k.Number(NumberSequence, 6, 3181, 1, now); n != "003181" {
		t.Error(n)
	}
	if n := k.Number(NumberDate, 6, 9, 137, now); n != "2013121610000137" {
		t.Error(n)
	}
	seen := map[string]bool{}
	rising := 0
	last := ""
	for id := TicketID(1); id < 3000; id++ { // over the border from 3 to 4 digits
		n := k.Number(NumberRandom, 3, id, 1, now)
		if seen[n] || len(n) < 3 {
			t.Fatalf("ticket %d has number %s again", id, n)
		}
		if seen[n] = true; n > last {
			rising++
		}
		last = n
	}
	if rising > 2000 {
		t.Error("the numbers tell their order")
	}
}

// TestHMAC: ours is that of the standard library, for texts of any length.
func TestHMAC(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), KeySize, KeySize).Draw(r, "secret")
		text := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(r, "text")
		h := hmac.New(sha256.New, secret)
		h.Write(text)
		if sum := hmacSHA256(secret, text); !bytes.Equal(sum[:], h.Sum(nil)) {
			r.Fatalf("%x, want %x", sum, h.Sum(nil))
		}
	})
}
