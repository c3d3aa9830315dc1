// Package peers runs real mail servers from Debian for the tests that face them,
// each on free ports of the loopback, in a folder of its own, and for the time
// of one test.
//
// The packages of mail servers exclude each other, so they are not installed:
// each is unpacked into a folder with all that it depends on, and runs there as
// on a machine of its own (see [Machine]).
package peers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Free returns a port of the loopback that nobody listens on, as "127.0.0.1:N". It is
// none of those that the system gives to whoever asks for any, where these begin above
// 28,000 as they do on Linux, so that nobody else gets it before it is used; nor does it begin like a port of mail, for which recipes
// are searched.
func Free(t testing.TB) string {
	t.Helper()
	const lowest = 26_000
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(firstGiven()-lowest))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // somebody listens there
		}
		l.Close()
		return address
	}
	t.Fatal("no port is free")
	return ""
}

// firstGiven is the first port that the system gives to whoever asks for any.
func firstGiven() int {
	first := 32768
	text, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	_, _ = fmt.Sscan(string(text), &first)
	return max(first, 28_000)
}

// Running is a server that a test runs.
type Running struct {
	*exec.Cmd
	ended chan struct{}
	once  sync.Once
}

// Start runs a server until the test ends, its output in the file name of the
// folder that [Kept] returns. See [Running.End] for how it ends.
func Start(t testing.TB, name string, c *exec.Cmd) *Running {
	t.Helper()
	out, err := os.OpenFile(filepath.Join(Kept(t), name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644) // it may be started again
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Setsid = true // a group of its own, which some servers want to lead
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	r := &Running{Cmd: c, ended: make(chan struct{})}
	go func() { _ = c.Wait(); close(r.ended) }()
	t.Cleanup(r.End)
	return r
}

// End sends SIGTERM to the server and all that it started, and SIGKILL ten
// seconds later.
func (r *Running) End() {
	r.once.Do(func() { // later its number may be another's
		_ = syscall.Kill(-r.Process.Pid, syscall.SIGTERM)
		select {
		case <-r.ended:
		case <-time.After(10 * time.Second):
		}
		_ = syscall.Kill(-r.Process.Pid, syscall.SIGKILL)
		<-r.ended
	})
}

// Await waits until a server takes connections, for a minute at most.
func Await(t testing.TB, network, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var d net.Dialer
	for {
		c, err := d.DialContext(ctx, network, address)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nobody listens on %s: %v", address, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kept has the tests whose folder is theirs: what stands in it was written by them.
var kept sync.Map

// Kept returns a folder of build/peers for the test's logs, which stay after it.
func Kept(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(project(t), "build", "peers", strings.NewReplacer("/", "_").Replace(t.Name()))
	if _, again := kept.LoadOrStore(t, true); !again { // what an earlier run of the test left
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { kept.Delete(t) })
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// project returns the folder of go.mod.
func project(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}
