// Package peers runs real mail servers from Debian for the tests that face them,
// each on free ports of the loopback, in a folder of its own, and for the time
// of one test.
//
// The packages of mail servers exclude each other, so they are not installed:
// they are unpacked into a folder and run from there.
package peers

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Unpacked returns the folder into which Debian packages were unpacked. What
// they depend on must be installed: scripts/needs sees to that.
func Unpacked(t testing.TB, packages ...string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "ventanilla-peers", strings.Join(packages, "+"))
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(dir + ".lock") // other test programs may unpack the same
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	unpack(t, dir, packages)
	return dir
}

func unpack(t testing.TB, dir string, packages []string) {
	t.Helper()
	half := dir + ".half"
	debs := dir + ".debs"
	for _, d := range []string{half, debs} {
		if err := errors.Join(os.RemoveAll(d), os.MkdirAll(d, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	defer os.RemoveAll(debs)
	fetch := exec.Command("apt-get", append([]string{"download", "-qq"}, packages...)...)
	fetch.Dir = debs
	run(t, fetch)
	files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
	if err != nil || len(files) != len(packages) {
		t.Fatalf("packages %q: %d files came", packages, len(files))
	}
	for _, f := range files {
		run(t, exec.Command("dpkg", "-x", f, half))
	}
	if err := os.Rename(half, dir); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, c *exec.Cmd) {
	t.Helper()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}
}

// Free returns a port of the loopback that nobody listens on, as "127.0.0.1:N".
// Another program may take it before it is used; servers that can be given a
// socket, or say which port they took, are better off.
func Free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Start runs a server until the test ends, its output in the file name of the
// folder that [Kept] returns. It is sent SIGTERM, and SIGKILL ten seconds later.
func Start(t testing.TB, name string, c *exec.Cmd) *exec.Cmd {
	t.Helper()
	out, err := os.Create(filepath.Join(Kept(t), name))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = out, out
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	t.Cleanup(func() {
		defer out.Close()
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
		}
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	return c
}

// Await waits until a server takes connections, for 20 seconds at most.
func Await(t testing.TB, network, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
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

// Kept returns a folder of build/peers for the test's logs, which stay after it.
func Kept(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, "build", "peers", strings.NewReplacer("/", "_").Replace(t.Name()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
