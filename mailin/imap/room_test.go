package imap

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-imap/v2"
)

// TestRoom: no more mails and bytes are in memory than there is room for, but one mail
// always is.
func TestRoom(t *testing.T) {
	for _, c := range []struct{ bytes, most int }{{1, handedMails}, {handedBytes / 4, 4}, {3 * handedBytes, 1}} {
		synctest.Test(t, func(t *testing.T) {
			var r room
			inside := 0
			for range 2000 {
				go func() { r.enter(c.bytes); inside++ }() // one at a time: see Wait
				synctest.Wait()
			}
			if inside != c.most {
				t.Errorf("of %d bytes: %d at once, want %d", c.bytes, inside, c.most)
			}
			for inside < 2000 {
				r.leave(c.bytes)
				synctest.Wait()
			}
		})
	}
}

// TestDescribed: what is asked for at once is bounded, in mails and in the length of
// the command.
func TestDescribed(t *testing.T) {
	var dense, sparse []imap.UID
	for i := range imap.UID(20000) {
		dense, sparse = append(dense, 1+i), append(sparse, 4000000000+2*i)
	}
	for name, uids := range map[string][]imap.UID{"dense": dense, "sparse": sparse} {
		var again []imap.UID
		rounds := 0
		for rest := uids; len(rest) > 0; rounds++ {
			chunk := described(rest)
			if set := imap.UIDSetNum(chunk...).String(); len(set) > 8000 || len(chunk) > describeMails {
				t.Errorf("%s: %d mails, %d bytes", name, len(chunk), len(set))
			}
			again, rest = append(again, chunk...), rest[len(chunk):]
		}
		if !slices.Equal(again, uids) || rounds > len(uids)/describeRuns {
			t.Errorf("%s: %d mails in %d rounds", name, len(again), rounds)
		}
	}
}

// TestUndescribedAmongMany: mails of which not even the size is told cost a few
// questions, not one for each of their neighbours.
func TestUndescribedAmongMany(t *testing.T) {
	s := newServer(t)
	var want []string
	for i := range 1000 {
		if text := fmt.Sprintf("%04d", i); i != 100 && i != 900 {
			want = append(want, text)
		}
		s.put(fmt.Sprintf("%04d", i))
	}
	s.with(func() {
		s.undescribed, s.refuse = map[uint32]bool{101: true, 901: true}, map[uint32]string{101: "NO nunca", 901: "NO nunca"}
	})
	d := newDesk(t, s)
	d.skipped[101], d.skipped[901] = true, true
	poll(t, d, s.account(), nil, d.has(want...))
	n := 0
	for _, name := range s.log {
		if name == "UID FETCH" {
			n++
		}
	}
	if sessions := s.logins; n > 200*sessions {
		t.Errorf("%d fetches in %d sessions", n, sessions)
	}
}
