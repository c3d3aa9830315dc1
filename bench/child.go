package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a server under test in a process of its own.
type child struct {
	cmd     *exec.Cmd
	address string // where it takes mail
	ended   chan struct{}
	out     tail

	mu   sync.Mutex
	peak int64 // of its anonymous memory in bytes, since forgetPeak
}

// said finds the address that a child tells when it is ready.
var said = regexp.MustCompile(`smtp://([0-9.]+:[0-9]+)`)

// start starts a program and waits until it tells its address.
func start(program string, arguments ...string) (*child, error) {
	c := &child{cmd: exec.Command(program, arguments...), ended: make(chan struct{})}
	c.cmd.Stderr = &c.out
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	ready := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := said.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m[1]
				break
			}
		}
		_, _ = io.Copy(io.Discard, out)
		_ = c.cmd.Wait()
		close(c.ended)
	}()
	select {
	case c.address = <-ready:
	case <-c.ended:
		return nil, fmt.Errorf("%s %s ended: %s", program, strings.Join(arguments, " "), c.out.text())
	case <-time.After(20 * time.Second):
		c.stop()
		return nil, fmt.Errorf("%s %s did not get ready: %s", program, strings.Join(arguments, " "), c.out.text())
	}
	go c.watch()
	return c, nil
}

// stop ends the process.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// cpu returns the time that the process has computed so far, in itself and in
// the kernel.
func (c *child) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("processor time of the child: %w", err)
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // its name may hold anything
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0, errors.New("processor time of the child: its stat has too few fields")
	}
	var ticks int64
	for _, f := range fields[11:13] { // utime, stime: fields 14 and 15 of proc_pid_stat(5)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("processor time of the child: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil // USER_HZ is 100 on all that Go runs on
}

// watch follows the anonymous memory until the process ends.
func (c *child) watch() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-tick.C:
			now := anonymous(c.cmd.Process.Pid)
			c.mu.Lock()
			c.peak = max(c.peak, now)
			c.mu.Unlock()
		}
	}
}

// anonymous returns the bytes of memory of a process that no file lies behind,
// 0 if it cannot be told.
func anonymous(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "\nRssAnon:")
	kilobytes, _, _ := strings.Cut(rest, " kB")
	n, _ := strconv.ParseInt(strings.TrimSpace(kilobytes), 10, 64)
	return n << 10
}

func (c *child) peakMemory() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peak
}

// tail keeps the end of what a child complains of.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-2000):]
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.b))
}
