package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ventanilla/store"
	"ventanilla/store/bolt"
	"ventanilla/store/intake"
	"ventanilla/store/mem"
)

const (
	killedInVariable = "VENTANILLA_KILLED_IN"   // the folder in which the process to be killed lives
	killedAtVariable = "VENTANILLA_KILLED_FROM" // the first step that it has to do
	didPrefix        = "did step "
)

// TestKilledProcess kills a process of its own, with kill -9, in the midst of a week's
// steps, and has another go on: the mails are those of a week in peace. With
// VENTANILLA_EVIDENCE=1 it kills at more than 200 moments.
func TestKilledProcess(t *testing.T) {
	if dir := os.Getenv(killedInVariable); dir != "" {
		liveIn(t, dir)
		return
	}
	want := live(t, lifeSetup(t), &mortal{Engine: mem.New(), dies: func(int) (bool, bool) { return false, false }})
	lives, every := 1, 8 // steps between two kills
	if os.Getenv("VENTANILLA_EVIDENCE") == "1" {
		lives, every = 5, 1
	}
	kills := 0
	for n := range lives {
		dir := t.TempDir()
		r := rand.New(rand.NewPCG(uint64(n), 7))
		for did := -1; did < len(week())-1; {
			steps := every + r.IntN(every+1)
			if every == 1 {
				steps = 1
			}
			reached, killed := killAfter(t, dir, did+1, steps, time.Duration(r.IntN(4000))*time.Microsecond)
			did = max(did, reached)
			kills += killed
		}
		if diff := cmp.Diff(want, leftIn(t, dir)); diff != "" {
			t.Errorf("life %d: %s", n, diff)
		}
	}
	if t.Logf("%d kills", kills); kills < 5 || every == 1 && kills < 200 {
		t.Errorf("only %d kills", kills)
	}
}

// killAfter starts a process that goes on from a step, kills it a while after it has
// done so many, and returns the last one that it did.
func killAfter(t *testing.T, dir string, from, steps int, delay time.Duration) (did, killed int) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$", "-test.timeout=120s")
	c.Env = append(os.Environ(), killedInVariable+"="+dir, fmt.Sprintf("%s=%d", killedAtVariable, from))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said, complained bytes.Buffer // each written by one goroutine
	c.Stderr = &complained
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	did = from - 1
	in := bufio.NewScanner(out)
	for in.Scan() {
		number, ok := strings.CutPrefix(in.Text(), didPrefix)
		if !ok {
			said.WriteString(in.Text() + "\n")
			continue
		}
		if did, err = strconv.Atoi(number); err != nil {
			t.Fatal(err)
		}
		if did == from+steps-1 {
			time.AfterFunc(delay, func() { _ = c.Process.Kill() })
		}
	}
	if err := c.Wait(); err == nil {
		return did, 0 // it came to the end
	}
	if did < from {
		t.Fatalf("the process did nothing from step %d on: %s", from, said.String()+complained.String())
	}
	return did, 1
}

// liveIn is the process that is killed: it does the steps from one on, in a folder.
func liveIn(t *testing.T, dir string) {
	l, e := openLife(t, dir)
	defer e.Close()
	defer l.log.Close()
	from, err := strconv.Atoi(os.Getenv(killedAtVariable))
	if err != nil {
		t.Fatal(err)
	}
	for n, s := range week() {
		l.now = lifeBegan.Add(s.after)
		if n < from {
			continue
		}
		if l.out, err = l.Outbox(context.Background(), "", 0); err != nil {
			t.Fatal(err)
		}
		if err := s.do(l, n); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
		fmt.Println(didPrefix + strconv.Itoa(n))
	}
}

// openLife opens a desk in a folder. A mail that was sent once is kept, and sent again
// as it was.
func openLife(t *testing.T, dir string) (*life, store.Engine) {
	t.Helper()
	e, err := bolt.Open(filepath.Join(dir, "desk.db"))
	if err != nil {
		t.Fatal(err)
	}
	log, err := intake.Open(filepath.Join(dir, "log"), intake.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	l := &life{log: log, setup: lifeSetup(t), now: lifeBegan, kept: func(n int, raw func() (string, error)) (string, error) {
		file := filepath.Join(dir, fmt.Sprintf("mail-%03d", n))
		if text, err := os.ReadFile(file); err == nil {
			return string(text), nil
		}
		text, err := raw()
		if err == nil {
			err = os.WriteFile(file+".new", []byte(text), 0o600)
		}
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		return text, err
	}}
	if err := l.revive(e); err != nil {
		t.Fatal(err)
	}
	return l, e
}

// leftIn returns the mails that are to be sent in a folder where somebody lived.
func leftIn(t *testing.T, dir string) []string {
	t.Helper()
	l, e := openLife(t, dir)
	defer e.Close()
	defer l.log.Close()
	var err error
	if l.out, err = l.Outbox(context.Background(), "", 0); err != nil {
		t.Fatal(err)
	}
	a, err := l.Doctor(context.Background())
	if err != nil || len(a.Faults) > 0 {
		t.Errorf("doctor: %+v %v", a, err)
	}
	lines := l.sent()
	slices.Sort(lines)
	return lines
}
