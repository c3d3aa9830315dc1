package peers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Mailboxes is a Dovecot that runs for one test, with one user.
type Mailboxes struct {
	Address  string // of IMAP in plain text, 127.0.0.1:port
	TLS      string // of IMAP over TLS
	Auth     string // where other servers ask who somebody is, by Dovecot's own protocol
	User     string
	Password string
	Roots    *x509.CertPool // that its certificate for localhost and 127.0.0.1 comes from
	CA       string         // the same, PEM
	Log      string         // file
	dir      string
}

// Dovecot starts Debian's Dovecot. capability is what it says that it can, "" for
// all that it can.
func Dovecot(t testing.TB, capability string) *Mailboxes {
	t.Helper()
	return dovecot(t, "soporte@mesa.example", capability, "plain login", "")
}

// DovecotOf starts one with a user of another name.
func DovecotOf(t testing.TB, user string) *Mailboxes {
	t.Helper()
	return dovecot(t, user, "", "plain login", "")
}

// DovecotWithTokens starts one that lets nobody in by a password, but by the
// tokens of a server.
func DovecotWithTokens(t testing.TB, tokens *Tokens) *Mailboxes {
	t.Helper()
	return dovecot(t, tokens.user, "", "xoauth2 oauthbearer", fmt.Sprintf(`introspection_mode = post
introspection_url = %s/introspect
username_attribute = username
active_attribute = active
active_value = true
`, tokens.URL))
}

// dovecot starts one with mechanisms, and a configuration of its oauth2 driver if
// that is to be asked.
func dovecot(t testing.TB, user, capability, mechanisms, tokens string) *Mailboxes {
	t.Helper()
	m := &Mailboxes{Address: Free(t), TLS: Free(t), Auth: Free(t), User: user, Password: "secreto"}
	program, err := exec.LookPath("dovecot")
	if err != nil {
		t.Fatal("dovecot is missing: scripts/needs dovecot=dovecot-imapd installs it")
	}
	dir, err := os.MkdirTemp("", "dovecot-") // short: it makes sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.dir, m.Log = dir, filepath.Join(Kept(t), "dovecot.log")
	cert, key, roots := certificate(t, dir, mailHosts...)
	m.Roots, m.CA = roots, read(t, cert)
	write(t, filepath.Join(dir, "passwd"), m.User+":{PLAIN}"+m.Password+"::::::\n")
	host, port, _ := net.SplitHostPort(m.Address)
	_, tlsPort, _ := net.SplitHostPort(m.TLS)
	said := ""
	if capability != "" {
		said = "imap_capability = " + capability + "\n"
	}
	passdb := "driver = passwd-file\n  args = " + filepath.Join(dir, "passwd")
	if tokens != "" {
		write(t, filepath.Join(dir, "oauth2.conf"), tokens)
		passdb = "driver = oauth2\n  mechanisms = " + mechanisms + "\n  args = " + filepath.Join(dir, "oauth2.conf")
	}
	write(t, filepath.Join(dir, "dovecot.conf"), fmt.Sprintf(`
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[2]s
info_log_path = %[2]s
protocols = imap
listen = %[3]s
ssl = yes
ssl_cert = <%[4]s
ssl_key = <%[5]s
disable_plaintext_auth = no
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
first_valid_uid = 1
mail_location = maildir:%[1]s/mail
mail_uid = nobody
mail_gid = nogroup
auth_mechanisms = %[9]s
auth_failure_delay = 0
%[8]s
passdb {
  %[10]s
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%[1]s/home
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[6]s
  }
  inet_listener imaps {
    port = %[7]s
    ssl = yes
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = %[11]s
  }
}
service anvil {
  chroot =
}
`, dir, m.Log, host, cert, key, port, tlsPort, said, mechanisms, passdb, Port(m.Auth)))
	for _, sub := range []string{"run", "state", "mail", "home"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	Start(t, "dovecot.out", exec.Command(program, "-F", "-c", filepath.Join(dir, "dovecot.conf")))
	Await(t, "tcp", m.Address)
	return m
}

// Deliver puts a mail into the inbox, as a delivery agent does.
func (m *Mailboxes) Deliver(t testing.TB, name, raw string) {
	t.Helper()
	for _, sub := range []string{"new", "cur", "tmp"} {
		dir := filepath.Join(m.dir, "mail", sub)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for _, d := range []string{filepath.Dir(dir), dir} {
			if err := os.Chmod(d, 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	tmp, final := filepath.Join(m.dir, "mail/tmp", name), filepath.Join(m.dir, "mail/new", name)
	write(t, tmp, raw)
	if err := os.Chmod(tmp, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, final); err != nil {
		t.Fatal(err)
	}
}

// Files returns the names of the mails in a folder ("" is the inbox), flags
// behind ":2,".
func (m *Mailboxes) Files(t testing.TB, folder string) (names []string) {
	t.Helper()
	dir := filepath.Join(m.dir, "mail")
	if folder != "" {
		dir = filepath.Join(dir, "."+folder)
	}
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	return names
}

// Renumber gives all mails of the inbox new UIDs under a new UIDVALIDITY.
func (m *Mailboxes) Renumber(t testing.TB) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(m.dir, "mail", "dovecot*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if err := os.Remove(f); err != nil && !os.IsNotExist(err) { // a lock may be gone by itself
			t.Fatal(err)
		}
	}
}

// Logged says whether a line of the server's log has all these words.
func (m *Mailboxes) Logged(t testing.TB, words ...string) bool {
	t.Helper()
	b, err := os.ReadFile(m.Log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			return true
		}
	}
	return false
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	err := os.WriteFile(path, []byte(text), 0o644)
	if err == nil {
		err = os.Chmod(path, 0o644) // whatever the umask is just now
	}
	if err != nil {
		t.Fatal(err)
	}
}

// mailHosts are servers of other people, whose parts ours take on a machine on which
// such names mean the loopback: see [Machine.Hosts].
var mailHosts = []string{"outlook.office365.com", "smtp.office365.com", "imap.gmail.com", "smtp.gmail.com", "imap.universidad.example", "correo.universidad.example"}

// certificate makes one for localhost, 127.0.0.1 and names, that vouches for itself.
func certificate(t testing.TB, dir string, names ...string) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: append([]string{"localhost"}, names...),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return certFile, keyFile, roots
}

// Kick ends the sessions of now, as a server does whose operator wants so.
func (m *Mailboxes) Kick(t testing.TB) {
	t.Helper()
	run(t, exec.Command("doveadm", "-c", filepath.Join(m.dir, "dovecot.conf"), "kick", m.User))
}

// Texts returns the mails of a folder, with lines that end as in a maildir.
func (m *Mailboxes) Texts(t testing.TB, folder string) (all []string) {
	t.Helper()
	dir := filepath.Join(m.dir, "mail")
	if folder != "" {
		dir = filepath.Join(dir, "."+folder)
	}
	for _, name := range m.Files(t, folder) {
		for _, sub := range []string{"new", "cur"} {
			if b, err := os.ReadFile(filepath.Join(dir, sub, name)); err == nil {
				all = append(all, string(b))
			}
		}
	}
	return all
}
