package packaging

import (
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ventanilla/peers"
)

// installed is a machine on which dpkg has installed the package.
type installed struct {
	*testing.T
	*peers.Machine
}

func install(t *testing.T) *installed {
	t.Helper()
	m := &installed{t, peers.NewMachine(t, "opensmtpd")} // dpkg and useradd are there
	for _, file := range []string{"/etc/passwd", "/etc/group"} {
		m.Write(file, regexp.MustCompile(`(?m)^ventanilla:.*\n`).ReplaceAllString(m.Read(file), ""))
	}
	m.Write("/var/lib/dpkg/status", "")
	m.Folder("/var/lib/dpkg/info", "root", 0o755)
	m.Folder("/var/lib/dpkg/updates", "root", 0o755)
	m.Install(built(t), "/tmp/ventanilla.deb")
	said := m.dpkg("-i", "/tmp/ventanilla.deb")
	if !strings.Contains(said, "«ventanilla init /etc/ventanilla»") || !strings.Contains(said, "systemctl enable --now ventanilla") {
		t.Errorf("the admin is not told what comes next:\n%s", said)
	}
	return m
}

func (m *installed) dpkg(args ...string) string {
	return m.Machine.Run("/usr/bin/dpkg", append([]string{"--force-depends", "--force-bad-path"}, args...)...)
}

// as returns a command that runs as the service's user, whose number is what useradd
// has given him.
func (m *installed) as(line string) *exec.Cmd {
	m.Helper()
	id := regexp.MustCompile(`(?m)^ventanilla:[^:]*:(\d+):(\d+):[^:]*:/var/lib/ventanilla:/usr/sbin/nologin$`).FindStringSubmatch(m.Read("/etc/passwd"))
	if id == nil {
		m.Fatalf("no user of its own:\n%s", m.Read("/etc/passwd"))
	}
	words := strings.Fields(line)
	c := m.Command("root", words[0], words[1:]...)
	var uid, gid uint32
	if _, err := fmt.Sscan(id[1], &uid); err != nil {
		m.Fatal(err)
	}
	if _, err := fmt.Sscan(id[2], &gid); err != nil {
		m.Fatal(err)
	}
	c.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	return c
}

// unit returns what a key of the unit says.
func (m *installed) unit(key string) string {
	m.Helper()
	found := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindStringSubmatch(m.Read("/lib/systemd/system/ventanilla.service"))
	if found == nil {
		m.Fatalf("the unit has no %s", key)
	}
	return found[1]
}

// TestInstalled: dpkg leaves a desk that runs as soon as a recipe has said where its
// mail is: under its own user, by the commands of the unit, and nobody else reads
// what it is told.
func TestInstalled(t *testing.T) {
	t.Parallel()
	m := install(t)
	if user := m.unit("User"); user != "ventanilla" {
		t.Fatalf("the unit runs as %s", user)
	}
	door := peers.Free(t)
	m.Machine.Run("/usr/bin/ventanilla", "init", "/etc/ventanilla", "--recipe", "mx", "--domain", "mesa.example", "--smarthost", "127.0.0.1:1")
	config := m.Read("/etc/ventanilla/ventanilla.toml")
	if !strings.Contains(config, `state = "/var/lib/ventanilla/estado"`) {
		t.Errorf("the recipe forgot the state folder:\n%s", config)
	}
	file := m.Path("/etc/ventanilla/ventanilla.toml")
	if err := os.WriteFile(file, []byte(strings.Replace(strings.Replace(config, `":25"`, `"`+door+`"`, 1), `"256MB"`, `"1MB"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{"/etc/ventanilla/ventanilla.toml": 0o600, "/etc/ventanilla": 0o700 | os.ModeDir, "/var/lib/ventanilla": 0o700 | os.ModeDir} {
		if info, err := os.Stat(m.Path(path)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if out, err := m.as(m.unit("ExecStartPre")).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", m.unit("ExecStartPre"), err, out)
	}
	peers.Start(t, "ventanilla.log", m.as(m.unit("ExecStart")))
	peers.Await(t, "tcp", door)
	mail := "From: ana@uni.example\r\nTo: soporte@mesa.example\r\nSubject: Solicitud\r\n\r\nHola.\r\n"
	if err := smtp.SendMail(door, nil, "ana@uni.example", []string{"soporte@mesa.example"}, []byte(mail)); err != nil {
		t.Fatal(err)
	}
	peers.AwaitText(t, func() string {
		out, _ := m.as("/usr/bin/ventanilla -c /etc/ventanilla/ventanilla.toml ticket list").Output()
		<-time.After(20 * time.Millisecond)
		return string(out)
	}, `^#000001 .* Solicitud$`)
}

// TestInstalledTwice: an upgrade keeps the admin's files; purging leaves the mails.
func TestInstalledTwice(t *testing.T) {
	t.Parallel()
	m := install(t)
	m.Write("/etc/ventanilla/ventanilla.toml", m.Read("/etc/ventanilla/ventanilla.toml")+"\n# mío\n")
	m.Write("/var/lib/ventanilla/estado/desk.db", "x")
	m.dpkg("-i", "/tmp/ventanilla.deb")
	if !strings.HasSuffix(m.Read("/etc/ventanilla/ventanilla.toml"), "# mío\n") {
		t.Error("an upgrade changed the admin's configuration")
	}
	m.dpkg("-P", "ventanilla")
	if _, err := os.Stat(m.Path("/etc/ventanilla")); err == nil {
		t.Error("the configuration is still there")
	}
	if m.Read("/var/lib/ventanilla/estado/desk.db") != "x" {
		t.Error("the mails are gone")
	}
}
