// Package packaging holds what brings Ventanilla onto a machine: a systemd unit
// and a Debian package.
package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

var (
	folder string // of the package, once it is built
	build  sync.Once
)

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// built returns the package, which is built once for all tests.
func built(t *testing.T) string {
	t.Helper()
	build.Do(func() {
		var err error
		if folder, err = os.MkdirTemp("", "ventanilla-deb-"); err != nil {
			t.Fatal(err)
		}
		run(t, nil, "./deb", folder)
	})
	files, err := filepath.Glob(filepath.Join(folder, "*.deb"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	return files[0]
}

// TestUnit: the unit leaves the service no more than it needs.
func TestUnit(t *testing.T) {
	out := run(t, nil, "systemd-analyze", "security", "--offline=true", "ventanilla.service")
	m := regexp.MustCompile(`Overall exposure level for ventanilla.service: ([0-9.]+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no figure in:\n%s", out)
	}
	level, err := strconv.ParseFloat(m[1], 64)
	if err != nil || level > 2 {
		t.Errorf("exposure %s, want at most 2.0", m[1])
	}
	loose, err := os.ReadFile("ventanilla.service")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ventanilla.service") // the control: without the fences it is worse
	if err := os.WriteFile(file, []byte(strings.NewReplacer("ProtectSystem=strict\n", "", "SystemCallFilter=@system-service\n", "", "SystemCallFilter=~@privileged @resources\n", "",
		"CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n", "").Replace(string(loose))), 0o644); err != nil {
		t.Fatal(err)
	}
	out = run(t, nil, "sh", "-c", "systemd-analyze security --offline=true "+file+" || true")
	m = regexp.MustCompile(`exposure level for ventanilla.service: ([0-9.]+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no figure in:\n%s", out)
	}
	if worse, _ := strconv.ParseFloat(m[1], 64); worse <= 2 {
		t.Errorf("without fences %s", m[1])
	}
}

// TestPackage: the package installs into a root of its own; what it installs
// passes its own check, an upgrade keeps the admin's files, and purging it leaves
// the mails.
func TestPackage(t *testing.T) {
	dir := t.TempDir()
	deb := built(t)
	root := filepath.Join(dir, "root")
	for _, d := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	dpkg := func(args ...string) string {
		return run(t, nil, "dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-depends", "--force-not-root", "--log=/dev/null"}, args...)...)
	}
	out := dpkg("-i", deb)
	config := filepath.Join(root, "etc/ventanilla/ventanilla.toml")
	if !strings.Contains(out, "systemctl enable --now ventanilla") {
		t.Errorf("the admin is not told what comes next:\n%s", out)
	}
	info, err := os.Stat(config)
	if err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Fatalf("%v, %v", info, err)
	}
	binary := filepath.Join(root, "usr/bin/ventanilla")
	own := strings.ReplaceAll(string(read(t, config)), "/var/lib/ventanilla/estado", filepath.Join(root, "var/lib/ventanilla/estado")) + "\n# mío\n"
	if err := os.WriteFile(config, []byte(own), 0o640); err != nil {
		t.Fatal(err)
	}
	run(t, nil, binary, "-c", config, "check")
	c := exec.Command(binary, "-c", config, "deliver", "soporte@mesa.example")
	c.Stdin = strings.NewReader("From: ana@x.example\nTo: soporte@mesa.example\nSubject: Solicitud\n\nHola.\n")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("deliver: %v\n%s", err, out)
	}
	if out := run(t, nil, binary, "-c", config, "doctor"); !strings.Contains(out, "aceptados: 1") {
		t.Errorf("%s", out)
	}
	dpkg("-i", deb)
	if string(read(t, config)) != own {
		t.Error("an upgrade changed the admin's configuration")
	}
	if out := dpkg("-P", "ventanilla"); !strings.Contains(out, "los correos siguen en") {
		t.Errorf("%s", out)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/ventanilla")); err == nil {
		t.Error("the configuration is still there")
	}
	if _, err := os.Stat(filepath.Join(root, "var/lib/ventanilla/estado/desk.db")); err != nil {
		t.Errorf("the mails are gone: %v", err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
