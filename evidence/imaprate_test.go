package evidence

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"ventanilla/peers"
)

// TestMailboxRate takes a Dovecot's mails of 4 KB three times, one after the other: by
// a bare loop, which asks for all of them with one command (UID FETCH 1:* BODY.PEEK[])
// over a plain connection and drops what comes; by the same loop that appends them to
// a file and syncs it after each 64, which is the least that taking charge of a mail
// costs; and by the desk, from the first mail in its log until the last is durable
// there, while it settles them on the same processors. It prints the ratio of the desk
// to both loops; in full it holds the desk to the loop that keeps them, in every round.
func TestMailboxRate(t *testing.T) {
	mails, rounds := 2000, 1
	if heavy() {
		mails, rounds = 20000, 3
	}
	box := peers.Dovecot(t, "")
	raw := 0
	for i := range mails {
		text := fmt.Sprintf("From: Ana %d <ana%d@uni%d.example>\nTo: %s\nSubject: Solicitud %d\nMessage-ID: <%d@uni.example>\nDate: %s\n\nNo imprime %d.\n%s",
			i, i, i, desk, i, i, time.Now().Format(time.RFC1123Z), i, strings.Repeat("Sigue sin imprimir.\n", 190))
		box.Deliver(t, fmt.Sprintf("%d.m.x", 100000+i), text)
		raw += len(text)
	}
	bareLoop(t, box, mails, nil) // Dovecot has its index now
	for range rounds {
		nothing, kept := bareLoop(t, box, mails, nil), bareLoop(t, box, mails, scratch(t))
		ours, settled, most, mapped := takes(t, box, mails, raw)
		ratio := float64(kept) / float64(ours)
		rate := func(d time.Duration) float64 { return float64(mails) / d.Seconds() }
		t.Logf("%d mails of 4 KB: bare loop %.0f/s, with a synced file %.0f/s; desk %.0f/s to the log, %.2f of the first and %.2f of the second; all settled after %s; at most %d MB resident, of which %d MB are mapped files",
			mails, rate(nothing), rate(kept), rate(ours), float64(nothing)/float64(ours), ratio, settled.Round(time.Millisecond), most>>20, mapped>>20)
		if heavy() && ratio < 0.7 {
			t.Errorf("the desk takes a mailbox at %.2f of a bare loop that keeps it, not at 0.70", ratio)
		}
	}
}

// scratch is a file that goes with the test.
func scratch(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "mails"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// bareLoop fetches all mails of the inbox and appends them to a file, if there is
// one.
func bareLoop(t *testing.T, box *peers.Mailboxes, mails int, file *os.File) time.Duration {
	t.Helper()
	c, err := imapclient.DialInsecure(box.Address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(box.User, box.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Fatal(err)
	}
	keep := io.Discard
	if file != nil {
		keep = file
	}
	begun, n := time.Now(), 0
	var all imap.UIDSet
	all.AddRange(1, 0)
	cmd := c.Fetch(all, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		for item := m.Next(); item != nil; item = m.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok {
				continue
			}
			if _, err := io.Copy(keep, body.Literal); err != nil {
				t.Fatal(err)
			}
			if n++; file != nil && (n%64 == 0 || n == mails) {
				if err := syscall.Fdatasync(int(file.Fd())); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := cmd.Close(); err != nil || n != mails {
		t.Fatalf("%d mails, %v", n, err)
	}
	return time.Since(begun)
}

// takes lets a new desk take the mailbox. It returns how long it took from the
// first mail in its log to the last and until all was settled, and the most memory it
// had, and how much of what it has at the end is mapped files: its database.
func takes(t *testing.T, box *peers.Mailboxes, mails, raw int) (logged, settled time.Duration, most, mapped int64) {
	t.Helper()
	d := newInstance(t, "")
	readsMailbox(t, d, box, &sink{address: "127.0.0.1:9"})
	text, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	leave := strings.Replace(string(text), "after = \"move\"\nmove_to = \"Atendidos\"\n", "after = \"leave\"\n", 1)
	if err := os.WriteFile(d.config, []byte(leave), 0o600); err != nil {
		t.Fatal(err)
	}
	d.serves()
	begun, size := time.Now(), d.logSize()
	d.await(2*time.Millisecond, func() bool {
		if now := d.logSize(); now > size {
			if size < 1024 { // the program began; a segment without a mail has a header alone
				begun = time.Now()
			}
			size, logged = now, time.Since(begun)
		}
		return size > raw && time.Since(begun) > logged+time.Second
	})
	d.awaitTickets(mails)
	settled = time.Since(begun)
	status, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(d.cmd.Process.Pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &most)
		_, _ = fmt.Sscanf(line, "RssFile: %d kB", &mapped)
	}
	d.stop()
	return logged, settled, most << 10, mapped << 10
}
