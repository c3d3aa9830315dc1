package main

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"ventanilla/desk"
	"ventanilla/rules"
)

var update = flag.Bool("update", false, "write what the tests get into the golden files")

const least = "[desk]\nname = \"Mesa\"\ndomain = \"mesa.example\"\n"

// write makes a configuration in a folder of its own and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ventanilla.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every kind of mistake: a case is a file with the broken configuration and the
// whole message that the admin gets to see.
func TestWrongConfigurations(t *testing.T) {
	cases, err := filepath.Glob("../../testdata/rules/config/*.txtar")
	if err != nil || len(cases) < 5 {
		t.Fatalf("only %d cases: %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = decodeConfig("ventanilla.toml", archive.Files[0].Data)
			if err == nil {
				t.Fatal("loaded without a word")
			}
			got := err.Error() + "\n"
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("message differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	c, err := LoadConfig(write(t, least))
	if err != nil {
		t.Fatal(err)
	}
	bogota, err := time.LoadLocation("America/Bogota")
	if err != nil {
		t.Fatal(err)
	}
	want := desk.World{Name: "Mesa", Domain: "mesa.example", Language: "es", NumberStyle: desk.NumberSequence, NumberDigits: 6,
		Zone: bogota, ReopenWithin: 30 * 24 * time.Hour, Gather: 2 * time.Minute, OwnDomains: []string{"mesa.example"}}
	if diff := cmp.Diff(want, c.world(), cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(rules.Caps{UnverifiedPerHour: 1, UnverifiedPerDay: 5, DomainPerHour: 50, VerifiedPerHour: 20, AllPerHour: 500}, c.caps()); diff != "" {
		t.Error(diff)
	}
	if c.policy() != (rules.Policy{}) {
		t.Errorf("a site that says nothing lowers the bar: %+v", c.policy())
	}
	if c.SMTP.MaxSize != 25<<20 || c.Disk.Reserve != 256<<20 || c.SMTP.Hostname != "mesa.example" {
		t.Errorf("%+v %+v", c.SMTP, c.Disk)
	}
	if c.SMTP.Listen+c.LMTP.Listen+c.Web.Listen != "" {
		t.Error("something listens that nobody asked for")
	}
}

func TestConfigurationRead(t *testing.T) {
	path := write(t, "state = \"/var/lib/ventanilla\"\n"+`
[desk]
name = "Mesa"
domain = "MESA.example"
public_url = "https://mesa.example/"
number_style = "date"
reopen_days = 0
own_domains = ["Uni.EDU"]
[web]
listen = "127.0.0.1:8025"
[smtp]
proxy = ["10.9.0.1", "fd00::/8"]
[lmtp]
listen = "unix:/run/ventanilla/lmtp.sock"
proxy = ["unix"]
[trust]
relays = ["10.0.0.5", "10.1.2.3/16", "::1"]
agents = "bound"
requesters = "token"
approvals = "bound"
`)
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	relays := []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("::1/128")}
	if diff := cmp.Diff(relays, c.relays, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	s := &service{house: &house{config: c}}
	if o := s.mailOptions(false); fmt.Sprint(o.ProxyFrom) != "[10.9.0.1/32 fd00::/8]" || o.ProxySocket {
		t.Errorf("[smtp] proxy: %v, %v", o.ProxyFrom, o.ProxySocket)
	}
	if o := s.mailOptions(true); len(o.ProxyFrom) > 0 || !o.ProxySocket {
		t.Errorf("[lmtp] proxy: %v, %v", o.ProxyFrom, o.ProxySocket)
	}
	w := c.world()
	if w.Domain != "mesa.example" || w.PublicURL != "https://mesa.example" || w.ReopenWithin != 0 || !w.Own("uni.edu") {
		t.Errorf("%+v", w)
	}
	if c.policy() != (rules.Policy{AgentsBound: true, RequestersToken: true, ApproveBound: true}) {
		t.Errorf("%+v", c.policy())
	}
	if got := len(c.warnings()); got != 4 { // three of trust, one of no smarthost
		t.Errorf("%d warnings: %q", got, c.warnings())
	}
	if c.path(c.State) != "/var/lib/ventanilla" || c.path("estado") != filepath.Join(filepath.Dir(path), "estado") {
		t.Errorf("paths %s, %s", c.path(c.State), c.path("estado"))
	}
}

func TestConfigurationMissing(t *testing.T) {
	_, err := LoadConfig(filepath.Join(t.TempDir(), "ventanilla.toml"))
	if err == nil || !strings.Contains(err.Error(), "falta este archivo; «ventanilla init") {
		t.Errorf("got %v", err)
	}
}

// The password comes from a file that only its owner reaches, or from systemd,
// and is in no error and no configuration.
func TestSmarthostPassword(t *testing.T) {
	const password = "hunter2 ñ"
	path := write(t, least+"[smarthost]\naddress = \"mx.example:587\"\nuser = \"mesa\"\npassword_file = \"clave\"\n")
	secret := filepath.Join(filepath.Dir(path), "clave")
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), "ventanilla.toml:7:17: no existe el archivo") {
		t.Errorf("without the file: %v", err)
	}
	if err := os.WriteFile(secret, []byte(password+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.out(c.Smarthost).Password(); got != password || err != nil {
		t.Errorf("password %q, %v", got, err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o610} {
		if err := os.Chmod(secret, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadConfig(path)
		if err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), password) {
			t.Errorf("mode %o: %v", mode, err)
		}
		if got, err := c.out(c.Smarthost).Password(); got != "" || err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("mode %o after loading: %q, %v", mode, got, err)
		}
	}
}

func TestSmarthostCredential(t *testing.T) {
	path := write(t, least+"[smarthost]\naddress = \"mx.example:587\"\nuser = \"mesa\"\n")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), "ventanilla.toml:6:8: falta la contraseña") {
		t.Errorf("without a credential: %v", err)
	}
	folder := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", folder)
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.out(c.Smarthost).Password(); err == nil {
		t.Error("a password out of nowhere")
	}
	if err := os.WriteFile(filepath.Join(folder, "smarthost-password"), []byte("x"), 0o400); err != nil {
		t.Fatal(err)
	}
	if got, err := c.out(c.Smarthost).Password(); got != "x" || err != nil {
		t.Errorf("password %q, %v", got, err)
	}
}

func TestKeyRights(t *testing.T) {
	path := write(t, least+"[smtp]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n")
	for _, name := range []string{"c.pem", "k.pem"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), "ventanilla.toml:6:7: otros usuarios pueden llegar") {
		t.Errorf("a key for everybody: %v", err)
	}
	if err := os.Chmod(filepath.Join(filepath.Dir(path), "k.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); err != nil {
		t.Error(err)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"25MB": 25 << 20, "64 kb": 64 << 10, "1GB": 1 << 30,
		"25": 0, "25M": 0, "MB": 0, "-1MB": 0, "0MB": 0, "1.5MB": 0, "9999999999GB": 0, "": 0} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); s != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d, %v", text, s, err)
		}
		if want > 0 {
			back, err := s.MarshalText()
			var again Size
			if err != nil || again.UnmarshalText(back) != nil || again != s {
				t.Errorf("%q comes back as %q, %v", text, back, err)
			}
		}
	}
}

// So is that of the templates.
func TestTemplateReference(t *testing.T) {
	const path = "../../docs/plantillas.md"
	got := templateReference()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/plantillas.md is out of date (go test ./cmd/ventanilla -run TestTemplateReference -update):\n%s", diff)
	}
}

// The reference is what the program says, and leaves no key without words.
func TestReference(t *testing.T) {
	const path = "../../docs/configuracion.md"
	got := configurationReference()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/configuracion.md is out of date (go test ./cmd/ventanilla -run TestReference -update):\n%s", diff)
	}
	keys := 0
	for _, s := range append(rules.Describe("ventanilla.toml", defaultConfig()), rules.Reference()...) {
		if s.Title != "" && s.Help == "" {
			t.Errorf("%s %s has no words", s.File, s.Title)
		}
		for _, k := range s.Keys {
			keys++
			if len(k.Help) < 20 || !strings.Contains(got, "| `"+k.Name+"` |") {
				t.Errorf("%s %s %s is not described", s.File, s.Title, k.Name)
			}
		}
	}
	if keys < 60 {
		t.Errorf("only %d keys", keys)
	}
}

// What a backup smarthost must say, and what the preset for Microsoft 365 makes.
func TestSmarthosts(t *testing.T) {
	for text, want := range map[string]string{
		"[[backup_smarthost]]\naddress = \"b.example:587\"\n":                                                                        "falta el primero",
		"[smarthost]\naddress = \"a.example:587\"\n[[backup_smarthost]]\n":                                                           "falta el servidor",
		"[smarthost]\naddress = \"a.example:587\"\n[[backup_smarthost]]\naddress = \"b\"\n":                                          "no es servidor y puerto",
		"[smarthost]\naddress = \"a.example:587\"\n[[backup_smarthost]]\naddress = \"b.example:25\"\nuser = \"x\"\ntls = \"none\"\n": "sin cifrar hasta b.example",
		"[smarthost]\naddress = \"a.example:587\"\n[[backup_smarthost]]\naddress = \"b.example:25\"\nuser = \"x\"\n":                 "falta la contraseña",
		"[smarthost]\naddress = \"a.example:587\"\nprovider = \"microsoft365\"\n":                                                    "hace falta user",
		"[smarthost]\naddress = \"a.example:587\"\nprovider = \"microsoft\"\n":                                                       "microsoft365",
		"[smarthost]\naddress = \"a.example:587\"\nper_domain = 200\n":                                                               "va de 0 a 100",
	} {
		if _, err := LoadConfig(write(t, least+text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	c, err := LoadConfig(write(t, least+"[smarthost]\naddress = \"a.example:587\"\n[[backup_smarthost]]\naddress = \"b.example:587\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if b := c.out(c.Backups[0]); b.TLS != "starttls" || b.Address != "b.example:587" || b.Sender != "" {
		t.Errorf("%+v", b)
	}
	m := c.out(SmarthostConfig{Address: "smtp.office365.example:587", User: "soporte@uni.example", Provider: "microsoft365", Connections: 4})
	if m.Connections != 3 || m.PerMinute != 30 || m.Sender != "soporte@uni.example" {
		t.Errorf("%+v", m)
	}
}
