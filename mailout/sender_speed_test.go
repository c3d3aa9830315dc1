package mailout

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// sinkVariable makes the test's own program the server of [TestSpeed], in a
// process of its own, so that its CPU time is not counted as ours.
const sinkVariable = "VENTANILLA_TEST_SINK"

// Ours is at most 0.12 ms of CPU for a mail of 4 KB, at 3,000 mails a second or
// more, over 4 and 8 connections.
func TestSpeed(t *testing.T) {
	if os.Getenv(sinkVariable) != "" {
		sink(t)
		return
	}
	if os.Getenv("VENTANILLA_EVIDENCE") == "" {
		t.Skip("measured by make evidence")
	}
	address := startSink(t)
	for _, connections := range []int{4, 8} {
		const n = 20000
		o := &line{mails: make([]Outgoing, n), ended: make(chan struct{})}
		for i := range o.mails {
			o.mails[i] = letter(i, 4096, time.Now())
		}
		s := NewSender(o, SenderOptions{Smarthost: Smarthost{Address: address, TLS: TLSNone, Connections: connections}})
		runtime.GC()
		begin, used := time.Now(), processTime(t)
		r := runIt(s, nil)
		<-o.ended
		took, cpu := time.Since(begin), processTime(t)-used
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		rate, each := float64(n)/took.Seconds(), cpu/n
		t.Logf("%d connections: %.0f mails/s, %v of CPU a mail, %d commits", connections, rate, each, o.commits)
		if rate < 3000 || each > 120*time.Microsecond {
			t.Errorf("%d connections: %.0f mails/s at %v, want 3000 at 120µs", connections, rate, each)
		}
		if got := s.Status(); got.Sent != n || got.Again+got.Failed > 0 {
			t.Errorf("%+v", got)
		}
	}
}

func processTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func startSink(t *testing.T) (address string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestSpeed$", "-test.v")
	child.Env = append(os.Environ(), sinkVariable+"=1")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); child.Wait() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if a, ok := strings.CutPrefix(lines.Text(), "sink at "); ok {
			return a
		}
	}
	t.Fatal("the sink did not start")
	return ""
}

// sink serves until its standard input ends.
func sink(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return swallow{}, nil }))
	fmt.Printf("\nsink at %s\n", l.Addr())
	go server.Serve(l)
	io.Copy(io.Discard, os.Stdin)
	server.Close()
}

type swallow struct{}

func (swallow) Reset()                               {}
func (swallow) Logout() error                        { return nil }
func (swallow) Mail(string, *smtp.MailOptions) error { return nil }
func (swallow) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (swallow) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// line is an outbox that hands its mails out once and counts their results, to
// cost next to nothing.
type line struct {
	mails   []Outgoing
	ended   chan struct{}
	mu      sync.Mutex
	settled int
	total   int
	commits int
}

func (l *line) Due(_ context.Context, _ time.Time, limit int, _ func(string) bool) ([]Outgoing, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total == 0 {
		l.total = len(l.mails)
	}
	limit = min(limit, len(l.mails))
	due := l.mails[:limit]
	l.mails = l.mails[limit:]
	return due, time.Time{}, nil
}

func (l *line) Settle(_ context.Context, results []Result) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits++
	if l.settled += len(results); l.settled == l.total {
		close(l.ended)
	}
	return nil
}

func (l *line) Raw(context.Context, string) ([]byte, func(), error) { return nil, nil, io.EOF }
