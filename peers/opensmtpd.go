package peers

import (
	"os"
	"path/filepath"
	"testing"
)

// OpenSMTPD is Debian's OpenSMTPD on a machine of its own.
type OpenSMTPD struct {
	*Machine
	SMTP string // where it takes mail, 127.0.0.1:port
}

// NewOpenSMTPD returns an OpenSMTPD that does not run yet.
func NewOpenSMTPD(t testing.TB) *OpenSMTPD {
	t.Helper()
	o := &OpenSMTPD{Machine: NewMachine(t, "opensmtpd"), SMTP: Free(t)}
	o.Folder("/var/spool/smtpd", "root", 0o711)
	for _, dir := range []string{"corrupt", "incoming", "queue", "temporary", "purge"} {
		o.Folder("/var/spool/smtpd/"+dir, "opensmtpq", 0o700)
		o.chown("/var/spool/smtpd/"+dir, "opensmtpq", "root")
	}
	o.Folder("/var/spool/smtpd/offline", "root", 0o770)
	o.chown("/var/spool/smtpd/offline", "root", "opensmtpq")
	o.Folder("/var/lib/opensmtpd/empty", "root", 0o755)
	return o
}

func (o *OpenSMTPD) chown(path, user, group string) {
	o.t.Helper()
	if err := os.Chown(o.Path(path), o.number(user), o.number(group)); err != nil {
		o.t.Fatal(err)
	}
}

// Start starts it with lines for smtpd.conf, behind one that says where it listens.
func (o *OpenSMTPD) Start(conf string) {
	o.t.Helper()
	o.Write("/etc/smtpd.conf", "listen on 127.0.0.1 port "+Port(o.SMTP)+"\n"+conf)
	o.Keep("/etc/smtpd.conf", "smtpd.conf")
	Start(o.t, "opensmtpd.log", o.Command("root", "/usr/sbin/smtpd", "-d", "-v", "-f", "/etc/smtpd.conf"))
	Await(o.t, "tcp", o.SMTP)
}

// Schedule lets it try at once what it could not deliver.
func (o *OpenSMTPD) Schedule() {
	o.t.Helper()
	c := o.Command("root", "/usr/sbin/smtpctl", "schedule", "all")
	c.SysProcAttr.Credential.Gid = uint32(o.number("opensmtpq")) // Debian's is setgid
	run(o.t, c)
}

// Log returns its log so far.
func (o *OpenSMTPD) Log() string {
	o.t.Helper()
	b, err := os.ReadFile(filepath.Join(Kept(o.t), "opensmtpd.log"))
	if err != nil {
		o.t.Fatal(err)
	}
	return string(b)
}

// AwaitLog waits until its log matches and returns the match and its groups.
func (o *OpenSMTPD) AwaitLog(want string) []string {
	o.t.Helper()
	return AwaitText(o.t, o.Log, want)
}

// Queued returns the files of mails in its queue.
func (o *OpenSMTPD) Queued() (names []string) {
	o.t.Helper()
	_ = filepath.WalkDir(o.Path("/var/spool/smtpd/queue"), func(path string, f os.DirEntry, err error) error {
		if err == nil && f.Type().IsRegular() {
			names = append(names, filepath.Base(path))
		}
		return nil
	})
	return names
}
