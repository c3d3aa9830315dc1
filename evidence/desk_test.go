package evidence

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// instance is a desk under test: its folder, and the process that serves it.
type instance struct {
	t         *testing.T
	state     string
	config    string
	arguments []string // of "demo"

	cmd   *exec.Cmd
	ended chan struct{}
	errs  *complaints

	mu      sync.Mutex
	address string        // "" while nobody serves
	starts  int           // how often the process was started
	moved   chan struct{} // closed when address changes
}

// newInstance makes a desk whose mail goes out to a smarthost.
func newInstance(t *testing.T, smarthost string, arguments ...string) *instance {
	t.Helper()
	dir, err := os.MkdirTemp("", "evidence-") // short, for the socket in it
	if err != nil {
		t.Fatal(err)
	}
	d := &instance{t: t, state: filepath.Join(dir, "state"), config: filepath.Join(dir, "desk", "ventanilla.toml"), moved: make(chan struct{})}
	t.Cleanup(func() {
		if d.cmd != nil {
			_ = d.cmd.Process.Kill()
			<-d.ended
		}
		os.RemoveAll(dir)
	})
	d.ventanilla("init", filepath.Dir(d.config))
	text, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^state = .*$`).ReplaceAll(text, []byte(`state = "`+d.state+`"`))
	if err := os.WriteFile(d.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	d.arguments = append([]string{"demo", "--state", d.state, "--smtp", "127.0.0.1:0", "--web", "127.0.0.1:0", "--smarthost", smarthost}, arguments...)
	return d
}

var door = regexp.MustCompile(`smtp://([0-9.]+:[0-9]+)`)

// start starts the process and waits until it takes mail.
func (d *instance) start() {
	d.t.Helper()
	d.errs = &complaints{}
	d.cmd, d.ended = exec.Command(program, d.arguments...), make(chan struct{})
	d.cmd.Stderr = d.errs
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := d.cmd.StdoutPipe()
	if err == nil {
		err = d.cmd.Start()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func(cmd *exec.Cmd, ended chan struct{}) {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := door.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m[1]
				break
			}
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		close(ended)
	}(d.cmd, d.ended)
	select {
	case address := <-ready:
		d.moveTo(address)
	case <-d.ended:
		d.t.Fatalf("the desk ended at once: %s", d.errs)
	case <-time.After(time.Minute):
		d.t.Fatalf("the desk does not get ready: %s", d.errs)
	}
}

func (d *instance) moveTo(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.address = address
	if address != "" {
		d.starts++
	}
	close(d.moved)
	d.moved = make(chan struct{})
}

// where returns the door of a process started after so many others, and which
// one it is.
func (d *instance) where(ctx context.Context, after int) (string, int, error) {
	for {
		d.mu.Lock()
		address, starts, moved := d.address, d.starts, d.moved
		d.mu.Unlock()
		if address != "" && starts > after {
			return address, starts, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return "", 0, ctx.Err()
		}
	}
}

// kill ends the process as a power cut would, and starts another.
func (d *instance) kill() {
	d.t.Helper()
	d.moveTo("")
	if err := d.cmd.Process.Kill(); err != nil { // SIGKILL
		d.t.Fatal(err)
	}
	<-d.ended
	d.start()
}

// cut kills the process and starts another, which it kills after so long if it
// has not ended by itself.
func (d *instance) cut(after time.Duration) {
	d.t.Helper()
	d.moveTo("")
	_ = d.cmd.Process.Kill()
	<-d.ended
	cmd := exec.Command(program, d.arguments...)
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	select {
	case <-ended:
		d.t.Fatalf("a start that was to be cut short ended by itself: %v", cmd.ProcessState)
	case <-time.After(after):
	}
	_ = cmd.Process.Kill()
	<-ended
}

// stop ends the process in order.
func (d *instance) stop() {
	d.t.Helper()
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second):
		d.t.Fatal("the desk does not stop")
	}
	d.cmd = nil
}

// ventanilla runs a command of the program and returns what it writes.
func (d *instance) ventanilla(arguments ...string) []byte {
	d.t.Helper()
	cmd := exec.Command(program, append([]string{"-c", d.config}, arguments...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		d.t.Fatalf("ventanilla %s: %v\n%s%s", strings.Join(arguments, " "), err, out.Bytes()[:min(out.Len(), 2000)], errs.Bytes())
	}
	return out.Bytes()
}

// audit is what "doctor" writes.
type audit struct {
	Accepted, Settled, Waiting, Tickets, Outbox int
	Faults                                      []string
}

// idle waits until everything is settled and sent.
func (d *instance) idle() audit {
	d.t.Helper()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(3 * time.Minute)
	for {
		if len(bytes.TrimSpace(d.ventanilla("outbox", "list", "--json", "--limit", "1"))) == 0 {
			var a audit
			if err := json.Unmarshal(d.ventanilla("doctor", "--json"), &a); err != nil {
				d.t.Fatal(err)
			}
			if a.Waiting == 0 && a.Outbox == 0 {
				return a
			}
		}
		select {
		case <-look.C:
		case <-deadline:
			d.t.Fatalf("the desk does not come to rest: %s", d.ventanilla("outbox", "list"))
		}
	}
}

// complaints keeps the end of what a process writes to its standard error.
type complaints struct {
	mu sync.Mutex
	b  []byte
}

func (c *complaints) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.b = append(c.b, p...)
	c.b = c.b[max(0, len(c.b)-4000):]
	return len(p), nil
}

func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.b)
}
