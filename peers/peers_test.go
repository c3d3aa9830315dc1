package peers

import (
	"testing"
)

// TestDovecot: it runs, and takes what is delivered.
func TestDovecot(t *testing.T) {
	m := Dovecot(t, "")
	m.Deliver(t, "1.a.b", "Subject: x\n\nx\n")
	if got := m.Files(t, ""); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// TestPostfix: it runs, with an empty queue, and refuses what it does not know.
func TestPostfix(t *testing.T) {
	p := NewPostfix(t)
	p.Start("")
	p.AwaitLog("daemon started")
	if q := p.Queued(); len(q) != 0 {
		t.Errorf("%v", q)
	}
}
