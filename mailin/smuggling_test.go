package mailin

import (
	"fmt"
	"strings"
	"testing"
)

// ends are what some server or other has taken for the end of a text.
var ends = []string{
	"\n.\n", "\n.\r", "\n.\r\n", "\r.\r", "\r.\n", "\r.\r\n", "\r\n.\n", "\r\n.\r",
	"\r\n.\rx", "\r\n\r.\r\n", "\n\n.\r\n", "\r\r.\r\n", "\r\n.\r\r\n", "\r\n.\r.\r\n", "x\n.\r\r\n",
}

// harmless look a little like it and are text.
var harmless = []string{
	"\r\n.\x00\r\n", "\r\n\x00.\r\n", "\r\n..\r\n", "\r\n. \r\n", "\n..\n", "\n.x\n", "\r.x\r", "\x00\n\x00\r", "\r\n .\r\n", "\n \n.\x0b\n",
}

const smuggled = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<mesa@desk.example.org>\r\nDATA\r\nevil\r\n"

// attempt sends a text by DATA or BDAT, in the pieces given, and returns the
// answer to it.
func attempt(t *testing.T, l *pipes, chunked bool, pieces ...string) string {
	p := l.dial(t, "192.0.2.1")
	p.begin()
	text := strings.Join(pieces, "")
	if chunked {
		p.send(fmt.Sprintf("BDAT %d LAST\r\n", len(text)))
	} else {
		p.send("DATA\r\n")
		p.want("354 *")
		pieces = append(pieces, "\r\n.\r\n")
	}
	for _, piece := range pieces {
		if piece != "" {
			p.send(piece)
		}
	}
	got := p.line()
	p.send("QUIT\r\n")
	p.want("221 *")
	return got
}

// TestSmuggling: nothing but CRLF.CRLF ends a text, and what looks like it is
// refused, wherever the network cuts it.
func TestSmuggling(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		for _, end := range ends {
			for cut := range len(end) + 1 {
				var l ledger
				_, pipes := servePipes(t, &l, Options{})
				got := attempt(t, pipes, chunked, "Subject: a\r\n\r\ntext"+end[:cut], end[cut:]+smuggled)
				if want := "550 5.5.2 A lone dot between line ends other than CRLF"; got != want {
					t.Errorf("BDAT %v, %q cut at %d: %q", chunked, end, cut, got)
				}
				if mails := l.all(); len(mails) != 0 {
					t.Errorf("BDAT %v, %q: taken %q from %s", chunked, end, mails[0].text, mails[0].env.From)
				}
			}
		}
	}
}

// TestSmugglingControl: with the guard off the same texts are taken, whole and
// as one mail, so it is the guard that refuses them.
func TestSmugglingControl(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		for _, end := range ends {
			var l ledger
			_, pipes := servePipes(t, &l, Options{}, func(s *Server) { s.guards.lookalikes = false })
			got := attempt(t, pipes, chunked, "Subject: a\r\n\r\ntext"+end+smuggled)
			if mails := l.all(); !strings.HasPrefix(got, "250 ") || len(mails) != 1 || !strings.Contains(mails[0].text, "evil") {
				t.Errorf("BDAT %v, %q: %q, %d mails", chunked, end, got, len(mails))
			}
		}
	}
}

func TestHarmless(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		for _, odd := range harmless {
			for cut := range len(odd) + 1 {
				var l ledger
				_, pipes := servePipes(t, &l, Options{})
				got := attempt(t, pipes, chunked, "Subject: a\r\n\r\ntext"+odd[:cut], odd[cut:]+"more")
				want := "Subject: a\r\n\r\ntext" + odd + "more"
				if !chunked {
					want = strings.ReplaceAll(want, "\r\n.", "\r\n") + "\r\n"
				}
				if mails := l.all(); !strings.HasPrefix(got, "250 ") || len(mails) != 1 || mails[0].text != want {
					t.Errorf("BDAT %v, %q cut at %d: %q %+v", chunked, odd, cut, got, mails)
				}
			}
		}
	}
}
