package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ventanilla/peers"
)

// TestMailbox lets the desk take what a Dovecot holds, and kills it while it
// does: every mail is exported once, makes one ticket, and has at most one
// acknowledgement. The smarthost may get that one twice, to the byte: if the desk
// is killed before it has recorded that it was sent.
func TestMailbox(t *testing.T) {
	mails, kills := 2000, 5
	if heavy() {
		mails, kills = 20000, 10
	}
	box, out := peers.Dovecot(t, ""), newSink(t)
	raw := 0
	for i := range mails {
		text := fmt.Sprintf("From: Ana %d <ana%d@uni%d.example>\nTo: %s\nSubject: Solicitud %d\nMessage-ID: <%d@uni.example>\nDate: %s\n\nNo imprime %d.\n%s",
			i, i, i, desk, i, i, time.Now().Format(time.RFC1123Z), i, strings.Repeat("Sigue sin imprimir.\n", 100))
		box.Deliver(t, fmt.Sprintf("%d.m.x", 100000+i), text)
		raw += len(text)
	}
	d := newInstance(t, out.address)
	readsMailbox(t, d, box, out)
	for k := range kills {
		d.serves()
		d.awaitLog(raw * (k + 1) / (kills + 2))
		if err := d.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-d.ended
	}
	d.serves()
	d.awaitTickets(mails)
	a := d.idle()
	d.stop()
	complain(t, "doctor", a.Faults)
	if a.Tickets != mails || a.Accepted != a.Settled {
		t.Errorf("%d mails in the box, %d accepted, %d settled, %d tickets", mails, a.Accepted, a.Settled, a.Tickets)
	}
	taken, ids, again := map[string]int{}, map[string]bool{}, 0
	for line := range bytes.Lines(d.ventanilla("export", "--raw", "--format", "jsonl", "--copies")) {
		var s stored
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		if s.Disposition == "duplicate" {
			again++
		} else {
			taken[string(messageID.Find(s.Raw))]++
		}
	}
	if again == 0 {
		t.Error("no kill left a mail in doubt: they prove nothing")
	}
	for i := range mails {
		if n := taken[fmt.Sprintf("Message-ID: <%d@uni.example>", i)]; n != 1 {
			t.Errorf("mail %d was taken %d times", i, n)
		}
		ids[fmt.Sprintf("%d@uni.example", i)] = true
	}
	if len(taken) != mails {
		t.Errorf("%d Message-IDs", len(taken))
	}
	sent := readSent(out.arrivals(), ids)
	complain(t, "sent otherwise", sent.faults)
	for what, n := range sent.outside {
		if n != 1 || what.by == "" {
			t.Errorf("%d acknowledgements to %s of %q", n, what.to, what.by)
		}
	}
	t.Logf("%d mails, %d kills: %d fetched again, each settled once; %d acknowledged once, %d mails sent again for want of a record", mails, kills, again, len(sent.outside), sent.repeats)
}

var messageID = regexp.MustCompile(`(?m)^Message-ID: <[0-9]+@uni\.example>`)

// readsMailbox has the desk read a mailbox from its start, and take no other mail.
func readsMailbox(t *testing.T, d *instance, box *peers.Mailboxes, out *sink) {
	t.Helper()
	secret := filepath.Join(filepath.Dir(d.config), "imap.password")
	if err := os.WriteFile(secret, []byte(box.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("state = %q\n\n[desk]\nname = \"Mesa\"\ndomain = \"mesa.example\"\n\n[smarthost]\naddress = %q\ntls = \"none\"\n\n"+
		"[[imap]]\nname = \"soporte\"\naddress = %q\ntls = \"none\"\nuser = %q\npassword_file = \"imap.password\"\nstart = \"all\"\nafter = \"move\"\nmove_to = \"Atendidos\"\npoll_seconds = 5\n",
		d.state, out.address, box.Address, box.User)
	if err := os.WriteFile(d.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serves starts the desk as an installation does.
func (d *instance) serves() {
	d.t.Helper()
	d.errs = &complaints{}
	d.cmd, d.ended = exec.Command(program, "-c", d.config, "serve"), make(chan struct{})
	d.cmd.Stderr = d.errs
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(d.cmd, d.ended)
}

// tickets counts the tickets of the desk that serves.
func (d *instance) tickets() int {
	d.t.Helper()
	out, err := exec.Command(program, "-c", d.config, "ticket", "list", "--json", "--limit", "1").Output()
	var newest struct{ Number string }
	if err != nil || json.Unmarshal(bytes.TrimSpace(out), &newest) != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimLeft(newest.Number, "0"))
	return n
}

// awaitLog waits until the log has so many bytes: that many mails are taken,
// settled or not.
func (d *instance) awaitLog(bytes int) {
	d.t.Helper()
	d.await(time.Millisecond, func() bool { return d.logSize() >= bytes })
}

// logSize returns how many bytes the log has.
func (d *instance) logSize() (n int) {
	files, _ := filepath.Glob(filepath.Join(d.state, "log", "*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			n += int(info.Size())
		}
	}
	return n
}

// awaitTickets waits until there are so many tickets.
func (d *instance) awaitTickets(n int) {
	d.t.Helper()
	d.await(50*time.Millisecond, func() bool { return d.tickets() >= n })
}

// await looks at such distances whether the desk that serves has come so far.
func (d *instance) await(every time.Duration, soFar func() bool) {
	d.t.Helper()
	look := time.NewTicker(every)
	defer look.Stop()
	for deadline := time.After(5 * time.Minute); !soFar(); {
		select {
		case <-look.C:
		case <-d.ended:
			d.t.Fatalf("the desk ended by itself: %s", d.errs)
		case <-deadline:
			d.t.Fatalf("the desk does not get so far: %s", d.errs)
		}
	}
}
