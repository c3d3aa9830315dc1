package intake

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"ventanilla/mail"
)

const childVariable = "VENTANILLA_INTAKE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

// child appends mails to the log in dir and prints the ID of each when it is
// durable, until it is killed.
func child(dir string) {
	l, err := Open(dir, Options{Reserve: -1, SegmentSize: 2 << 20})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				size := 200 + 1700*(i%9)
				if i%25 == w {
					size = largeRecord + 1000*i
				}
				r, err := l.Append(context.Background(), testEnvelope(w), bytes.NewReader(testMail(rand.Int(), size)))
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				os.Stdout.WriteString(string(r.ID) + "\n")
			}
		}()
	}
	select {}
}

// A process that is killed while it appends loses nothing that it has
// acknowledged, and the next one goes on where it was.
func TestKill(t *testing.T) {
	rounds := 5
	if evidence() {
		rounds = 150
	}
	dir := filepath.Join(t.TempDir(), "log")
	var acknowledged []string
	for round := range rounds {
		acknowledged = append(acknowledged, killed(t, dir, 1+rand.IntN(300))...)
		if evidence() && round%10 != 0 && round != rounds-1 {
			continue // the child's Open has read the log as well
		}
		l := openTest(t, dir, Options{})
		mails := found(t, l)
		for _, id := range acknowledged {
			if mails[id] != 1 {
				t.Fatalf("round %d: acknowledged mail is there %d times", round, mails[id])
			}
		}
		if extra := len(mails) - len(acknowledged); extra < 0 || extra > 8*(round+1) {
			t.Fatalf("round %d: %d mails more than acknowledged", round, extra)
		}
		l.Close()
	}
	t.Logf("%d rounds, %d mails acknowledged", rounds, len(acknowledged))
}

// killed runs a child, kills it after so many acknowledgements, and returns
// all that it gave.
func killed(t *testing.T, dir string, after int) (acknowledged []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Text()) != len(mail.ContentID(nil)) {
			t.Errorf("child: %s", strconv.Quote(lines.Text()))
		}
		acknowledged = append(acknowledged, lines.Text())
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(acknowledged) < after {
		t.Fatalf("the child ended by itself after %d mails: %v", len(acknowledged), err)
	}
	return acknowledged
}
