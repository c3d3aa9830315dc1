package peers

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Postfix is Debian's Postfix on a machine of its own.
type Postfix struct {
	*Machine
	SMTP       string // where it takes mail, 127.0.0.1:port
	Submission string // where it takes mail of its own people, once [Postfix.People] has said who they are
	CA         string // PEM, that its certificate comes from
	Options    string // lines of master.cf for that service
	program    string
}

// postfixLog is where its log stands on the machine.
const postfixLog = "/var/log/mail.log"

// NewPostfix returns a Postfix that does not run yet.
func NewPostfix(t testing.TB) *Postfix {
	t.Helper()
	p := &Postfix{Machine: NewMachine(t, "postfix"), SMTP: Free(t), Submission: Free(t), program: "/usr/lib/postfix/sbin/master"}
	p.Folder("/var/lib/postfix", "postfix", 0o700)
	p.Folder("/var/spool/postfix", "root", 0o755)
	for _, dir := range strings.Fields("active bounce corrupt defer deferred flush hold incoming private saved trace") {
		p.Folder("/var/spool/postfix/"+dir, "postfix", 0o700)
	}
	p.Folder("/var/spool/postfix/pid", "root", 0o755)
	p.Folder("/var/spool/postfix/maildrop", "postfix", 0o730)
	p.Folder("/var/spool/postfix/public", "postfix", 0o710)
	p.Write("/etc/postfix/dynamicmaps.cf", "")
	_, _, _ = certificate(t, p.Path("/etc/postfix"), mailHosts...)
	p.CA = p.Read("/etc/postfix/cert.pem")
	return p
}

// People returns lines for main.cf that let in those whom a Dovecot knows, encrypted.
func (p *Postfix) People(m *Mailboxes) string {
	return "smtpd_tls_cert_file = /etc/postfix/cert.pem\nsmtpd_tls_key_file = /etc/postfix/key.pem\nsmtpd_tls_loglevel = 1\n" +
		"smtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:" + m.Auth + "\n"
}

// postfixMain is what a test needs whatever it tests. Lines of the test follow. A mail
// put off is not tried at once: the queue manager would find its file still locked by
// the process that put it off, and leave it («skipped, still being delivered»).
const postfixMain = `compatibility_level = 3.6
maillog_file = ` + postfixLog + `
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.mesa.example
mynetworks = 127.0.0.1/32
smtpd_peername_lookup = no
queue_run_delay = 1s
minimal_backoff_time = 3s
maximal_backoff_time = 4s
`

// postfixServices are those of Debian's master.cf that take part in what is
// tested. $SMTP, $SUBMISSION and $OPTIONS are filled in.
const postfixServices = `$SMTP inet n - y - - smtpd
$SUBMISSION inet n - y - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
$OPTIONS  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup unix n - y 60 1 pickup
cleanup unix n - y - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - y - - trivial-rewrite
bounce unix - - y - 0 bounce
defer unix - - y - 0 bounce
trace unix - - y - 0 bounce
verify unix - - y - 1 verify
flush unix n - y 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - y - - smtp
relay unix - - y - - smtp
showq unix n - y - - showq
error unix - - y - - error
retry unix - - y - - error
discard unix - - y - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - y - - lmtp
anvil unix - - y - 1 anvil
scache unix - - y - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// Start starts it with lines for main.cf.
func (p *Postfix) Start(main string) {
	p.t.Helper()
	if !strings.Contains(main, "alias_maps") {
		main += "alias_maps =\n" // Debian's own would be looked for
	}
	p.Write("/etc/postfix/main.cf", postfixMain+main)
	p.Write("/etc/postfix/master.cf", strings.NewReplacer("$SMTP", p.SMTP, "$SUBMISSION", p.Submission, "$OPTIONS", p.Options).Replace(postfixServices))
	for _, f := range []string{"/etc/postfix/main.cf", "/etc/postfix/master.cf"} { // it waits for files that may still be written
		if err := os.Chtimes(p.Path(f), time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			p.t.Fatal(err)
		}
	}
	for _, f := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/services", "/etc/nsswitch.conf"} {
		p.Write("/var/spool/postfix"+f, p.Read(f)) // as Debian does for what it runs by chroot
	}
	p.Keep(postfixLog, "postfix.log")
	p.Keep("/etc/postfix/main.cf", "postfix-main.cf")
	Start(p.t, "postfix.out", p.Command("root", p.program, "-s", "-c", "/etc/postfix"))
	Await(p.t, "tcp", p.SMTP)
}

// Log returns its log so far.
func (p *Postfix) Log() string { return p.Read(postfixLog) }

// Queued returns the IDs of the mails in its queue.
func (p *Postfix) Queued() (ids []string) {
	p.t.Helper()
	for _, dir := range strings.Fields("maildrop incoming active deferred hold corrupt") {
		_ = filepath.WalkDir(p.Path("/var/spool/postfix/"+dir), func(path string, e os.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() { // one that is gone meanwhile is no error
				ids = append(ids, filepath.Base(path))
			}
			return nil
		})
	}
	return ids
}

// AwaitLog waits until its log matches and returns the match and its groups.
func (p *Postfix) AwaitLog(want string) []string {
	p.t.Helper()
	return AwaitText(p.t, p.Log, want)
}

// AwaitText waits a minute at most for a text to match.
func AwaitText(t testing.TB, text func() string, want string) []string {
	t.Helper()
	find := regexp.MustCompile("(?m)" + want)
	deadline := time.After(time.Minute)
	for {
		if m := find.FindStringSubmatch(text()); m != nil {
			return m
		}
		select {
		case <-deadline:
			t.Fatalf("never matched %s:\n%s", want, text())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Port is the port of an address.
func Port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
