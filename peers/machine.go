package peers

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Machine is a small Debian of its own for one test: a folder in which programs
// run by chroot, with the paths, users and files that they have on a real one. The
// network is that of this machine.
type Machine struct {
	Root string // the folder
	t    testing.TB
}

// account is a user and a group of the same number.
type account struct {
	name   string
	number int
	home   string
}

// accounts are those of Debian that servers and tests ask for.
var accounts = []account{{"root", 0, "/root"}, {"daemon", 1, "/usr/sbin"}, {"mail", 8, "/var/mail"}, {"uucp", 10, "/var/spool/uucp"}, {"www-data", 33, "/var/www"}, {"postfix", 101, "/var/spool/postfix"},
	{"postdrop", 102, "/nonexistent"}, {"Debian-exim", 103, "/var/spool/exim4"}, {"opensmtpd", 104, "/var/lib/opensmtpd/empty"}, {"opensmtpq", 105, "/var/lib/opensmtpd/empty"},
	{"ventanilla", 106, "/var/lib/ventanilla"}, {"nobody", 65534, "/nonexistent"}}

// NewMachine returns a machine on which this Debian package and what it depends
// on are unpacked, not configured. It needs root.
func NewMachine(t testing.TB, debian string) *Machine {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("a machine of its own needs root")
		}
		t.Skip("a machine of its own needs root")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "ventanilla-peers")
	model := filepath.Join(cache, debian)
	if _, err := os.Stat(model); err != nil {
		run(t, exec.Command(filepath.Join(project(t), "scripts/needs"), "machine:"+debian))
	}
	root, err := os.MkdirTemp(cache, "run-") // beside the model: its files are linked, not copied
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	m := &Machine{Root: root, t: t}
	if err := errors.Join(os.Chmod(root, 0o755), links(model, root)); err != nil {
		t.Fatal(err)
	}
	m.furnish()
	return m
}

// links makes a tree like model whose files are the same files.
func links(model, root string) error {
	return filepath.WalkDir(model, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(root, strings.TrimPrefix(path, model))
		if !e.IsDir() {
			return os.Link(path, to) // of symbolic links too: Linux does not follow
		}
		info, err := e.Info()
		if err == nil {
			err = os.MkdirAll(to, 0o755)
		}
		if err == nil {
			err = os.Chmod(to, info.Mode())
		}
		return err
	})
}

// furnish adds what the packages of a base system bring.
func (m *Machine) furnish() {
	m.t.Helper()
	var users, groups strings.Builder
	for _, a := range accounts {
		fmt.Fprintf(&users, "%s:x:%d:%d::%s:/usr/sbin/nologin\n", a.name, a.number, a.number, a.home)
		fmt.Fprintf(&groups, "%s:x:%d:\n", a.name, a.number)
	}
	m.Write("/etc/passwd", users.String())
	m.Write("/etc/group", groups.String())
	m.Write("/etc/hosts", "127.0.0.1 localhost\n")
	m.Write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
	m.Write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
	m.Write("/etc/services", "smtp 25/tcp mail\nsubmission 587/tcp\nsubmissions 465/tcp\n")
	m.Write("/etc/mailname", "mx.mesa.example\n")
	for dir, mode := range map[string]os.FileMode{"/tmp": 0o1777, "/run": 0o755, "/var/tmp": 0o1777, "/var/log": 0o777, "/var/mail": 0o1777, "/var/spool": 0o755, "/var/lib": 0o755, "/root": 0o700} {
		m.Folder(dir, "root", mode)
	}
	for name, minor := range map[string]int{"null": 3, "zero": 5, "random": 8, "urandom": 9} {
		at := m.Path("/dev/" + name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), syscall.Mknod(at, syscall.S_IFCHR|0o666, 1<<8|minor), os.Chmod(at, 0o666)); err != nil {
			m.t.Fatal(err)
		}
	}
	if err := os.Symlink("/run", m.Path("/var/run")); err != nil && !errors.Is(err, fs.ErrExist) {
		m.t.Fatal(err)
	}
}

// Hosts makes the names of other people's servers, which tests play, mean this
// machine, and lets programs there believe the certificates that come from them.
func (m *Machine) Hosts(names []string, authorities ...string) {
	m.t.Helper()
	m.Write("/etc/hosts", "127.0.0.1 localhost "+strings.Join(append(names, mailHosts...), " ")+"\n")
	m.Write("/etc/ssl/certs/ca-certificates.crt", strings.Join(authorities, ""))
}

// Certificate makes one for a name in fullchain.pem and privkey.pem of a folder, and
// returns what it comes from. Only root can read the key.
func (m *Machine) Certificate(folder, name string) *x509.CertPool {
	m.t.Helper()
	m.Folder(folder, "root", 0o755)
	cert, key, roots := certificate(m.t, m.Path(folder), name)
	if err := errors.Join(os.Rename(cert, m.Path(folder+"/fullchain.pem")), os.Rename(key, m.Path(folder+"/privkey.pem")), os.Chmod(m.Path(folder+"/privkey.pem"), 0o600)); err != nil {
		m.t.Fatal(err)
	}
	return roots
}

// Path returns where a path of the machine is found from outside.
func (m *Machine) Path(path string) string { return filepath.Join(m.Root, path) }

// Write writes a file that everybody may read, and the folders above it.
func (m *Machine) Write(path, text string) {
	m.t.Helper()
	at := m.Path(path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) { // it may be the model's
		m.t.Fatal(err)
	}
	write(m.t, at, text)
}

// Read returns a file's text, "" if it is not there.
func (m *Machine) Read(path string) string {
	m.t.Helper()
	b, err := os.ReadFile(m.Path(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.t.Fatal(err)
	}
	return string(b)
}

// Folder makes a folder that belongs to a user and its group.
func (m *Machine) Folder(path, owner string, mode os.FileMode) {
	m.t.Helper()
	at, n := m.Path(path), m.number(owner)
	if err := errors.Join(os.MkdirAll(at, 0o755), os.Chown(at, n, n), chmod(at, mode)); err != nil {
		m.t.Fatal(err)
	}
}

// chmod takes the bits of chmod(1), 01777 and 02710 too.
func chmod(path string, mode os.FileMode) error {
	return syscall.Chmod(path, uint32(mode))
}

func (m *Machine) number(user string) int {
	m.t.Helper()
	for _, a := range accounts {
		if a.name == user {
			return a.number
		}
	}
	m.t.Fatalf("no user %q", user)
	return 0
}

// Give gives all below a path to a user and its group.
func (m *Machine) Give(path, owner string) {
	m.t.Helper()
	n := m.number(owner)
	err := filepath.WalkDir(m.Path(path), func(at string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(at, n, n))
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// Install puts a program of this machine there. This process never has it open: what
// another test forks meanwhile would keep it busy, and it could not be run.
func (m *Machine) Install(program, path string) {
	m.t.Helper()
	at := m.Path(path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if os.Link(program, at) != nil { // it is on another disk
		run(m.t, exec.Command("cp", program, at))
	}
	run(m.t, exec.Command("chmod", "755", at))
}

// Command returns a command that runs there as a user, by its full path.
func (m *Machine) Command(user, program string, arguments ...string) *exec.Cmd {
	m.t.Helper()
	n := uint32(m.number(user))
	return &exec.Cmd{Path: program, Args: append([]string{program}, arguments...), Dir: "/",
		Env:         []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LANG=C.UTF-8"},
		SysProcAttr: &syscall.SysProcAttr{Chroot: m.Root, Credential: &syscall.Credential{Uid: n, Gid: n}}}
}

// Run runs a command there as root, which must succeed, and returns its output.
func (m *Machine) Run(program string, arguments ...string) string {
	m.t.Helper()
	c := m.Command("root", program, arguments...)
	out, err := c.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s %q: %v\n%s", program, arguments, err, out)
	}
	return string(out)
}

// Keep keeps a file of the machine, as it is when the test ends, in the folder
// that [Kept] returns.
func (m *Machine) Keep(path, name string) {
	m.t.Helper()
	kept := filepath.Join(Kept(m.t), name)
	m.t.Cleanup(func() { write(m.t, kept, m.Read(path)) })
}

func run(t testing.TB, c *exec.Cmd) {
	t.Helper()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}
}
