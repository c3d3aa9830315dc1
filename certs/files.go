package certs

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Files is a certificate and its key in two files, read again when either has
// changed.
type Files struct {
	certificate, key string
	now              func() time.Time
	log              *slog.Logger

	mu      sync.Mutex
	looked  time.Time // when the files were last looked at
	stamp   string    // of the files when they were last read, well or badly
	current *tls.Certificate
}

// Load reads the two PEM files. now is time.Now but in tests; log may be nil.
func Load(certificate, key string, now func() time.Time, log *slog.Logger) (*Files, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Files{certificate: certificate, key: key, now: now, log: log}
	p.stamp, p.looked = p.stampNow(), now()
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("read certificate %q and key %q: %w", certificate, key, err)
	}
	p.current = &pair
	return p, nil
}

// Get is a tls.Config's GetCertificate. It looks at the files once a second at
// most. While they are unreadable or do not belong together, as in the middle
// of a renewal, the pair read before serves.
func (p *Files) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if age := now.Sub(p.looked); age >= 0 && age < time.Second {
		return p.current, nil
	}
	p.looked = now
	stamp := p.stampNow()
	if stamp == p.stamp {
		return p.current, nil
	}
	p.stamp = stamp
	pair, err := tls.LoadX509KeyPair(p.certificate, p.key)
	if err != nil {
		p.log.Error("the new certificate cannot be used, the old one stays", "certificate", p.certificate, "key", p.key, "error", err)
		return p.current, nil
	}
	p.current = &pair
	p.log.Info("certificate read again", "certificate", p.certificate)
	return p.current, nil
}

// stampNow tells two states of the files apart by time and size.
func (p *Files) stampNow() string {
	stamp := ""
	for _, name := range []string{p.certificate, p.key} {
		info, err := os.Stat(name)
		if err != nil {
			stamp += "-;"
			continue
		}
		stamp += fmt.Sprintf("%d %d;", info.ModTime().UnixNano(), info.Size())
	}
	return stamp
}
