package main

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ventanilla/certs"
	"ventanilla/rules"
)

// ACMEConfig is [acme].
type ACMEConfig struct {
	AcceptTerms bool   `toml:"accept_terms" help:"true: se aceptan las condiciones de la autoridad. Sin eso no da certificados."`
	Email       string `toml:"email" help:"Dirección a la que puede escribir la autoridad. Vacía: admin de [desk]."`
	Listen      string `toml:"listen" help:"Dónde comprueba la autoridad que el nombre es de esta máquina, por ejemplo :80, que debe ser el puerto 80 visto desde fuera; lo demás que llegue ahí se manda a public_url. Vacío: lo comprueba en las páginas, que entonces deben estar en el puerto 443."`
	Directory   string `toml:"directory" help:"Dirección del directorio ACME. Vacía: el de Let's Encrypt."`
	CAFile      string `toml:"ca_file" help:"Certificado que garantiza esa dirección, archivo PEM, si la autoridad es de la institución. Vacío: los del sistema."`
}

// fromACME is what stands in certificate for one that is asked for.
const fromACME = "acme"

// certificates checks what [smtp], [web] and [acme] say of certificates.
func (k *configChecker) certificates(c *Config) {
	for _, door := range []struct{ section, certificate, key string }{{"smtp", c.SMTP.Certificate, c.SMTP.Key}, {"web", c.Web.Certificate, c.Web.Key}} {
		switch {
		case door.certificate == fromACME && door.key != "":
			k.fault(door.section+".key", "sobra: con certificate = \"acme\" la clave se hace sola")
		case door.certificate != fromACME && (door.certificate == "") != (door.key == ""):
			k.fault(door.section, "certificate y key van juntos: falta uno de los dos")
		}
	}
	if c.Web.Certificate == fromACME && !strings.HasPrefix(c.Desk.PublicURL, "https://") {
		k.fault("web.certificate", `con acme hace falta public_url en [desk], que empiece por https://: de ahí sale el nombre`)
	}
	hosts := c.acmeHosts()
	if len(hosts) == 0 {
		return
	}
	if !c.ACME.AcceptTerms {
		k.fault("acme.accept_terms", "falta aceptar las condiciones de la autoridad: escriba accept_terms = true en [acme]")
	}
	if c.Web.Certificate != fromACME && c.ACME.Listen == "" {
		k.fault("acme.listen", `la autoridad no tendría dónde comprobar el nombre: escriba listen = ":80" en [acme]`)
	}
	k.wrong("acme.listen", wrongListen(c.ACME.Listen))
	if c.ACME.Email != "" {
		k.wrong("acme.email", rules.WrongAddress(c.ACME.Email))
	}
	if u, err := url.Parse(c.ACME.Directory); c.ACME.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		k.fault("acme.directory", "no es la dirección de una autoridad: empieza por https://")
	}
	for _, h := range hosts {
		if net.ParseIP(h) != nil || !strings.Contains(h, ".") {
			k.fault("acme.accept_terms", "ninguna autoridad da un certificado para %q: hace falta el nombre completo de una máquina", h)
		}
	}
}

// acmeHosts are the names for which certificates are asked for: first that of the
// pages.
func (c *Config) acmeHosts() (hosts []string) {
	if u, err := url.Parse(c.Desk.PublicURL); err == nil && c.Web.Certificate == fromACME && u.Hostname() != "" {
		hosts = append(hosts, strings.ToLower(u.Hostname()))
	}
	if h := strings.ToLower(c.SMTP.Hostname); c.SMTP.Certificate == fromACME && !slices.Contains(hosts, h) {
		hosts = append(hosts, h)
	}
	return hosts
}

// certificateFiles checks the files that they name.
func (k *configChecker) certificateFiles(c *Config) {
	for _, door := range []struct{ section, certificate, key string }{{"smtp", c.SMTP.Certificate, c.SMTP.Key}, {"web", c.Web.Certificate, c.Web.Key}} {
		if door.certificate == "" || door.certificate == fromACME || door.key == "" {
			continue
		}
		if _, err := os.Stat(c.path(door.certificate)); err != nil {
			k.fault(door.section+".certificate", "no se puede leer %s", c.path(door.certificate))
		}
		k.wrong(door.section+".key", wrongSecret(c.path(door.key)))
	}
	if c.ACME.CAFile == "" {
		return
	}
	if _, err := c.acmeRoots(); err != nil {
		k.fault("acme.ca_file", "no hay ningún certificado que se pueda leer en %s", c.path(c.ACME.CAFile))
	}
}

// acmeRoots returns what the authority's own certificate comes from; nil means the
// system's.
func (c *Config) acmeRoots() (*x509.CertPool, error) {
	if c.ACME.CAFile == "" {
		return c.rootCAs, nil
	}
	text, err := os.ReadFile(c.path(c.ACME.CAFile))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, os.ErrInvalid
	}
	return roots, nil
}

// authority returns where certificates are asked for, nil if none are.
func (c *Config) authority(log *slog.Logger) (*certs.Authority, error) {
	hosts := c.acmeHosts()
	if len(hosts) == 0 {
		return nil, nil
	}
	roots, err := c.acmeRoots()
	if err != nil {
		return nil, configError{err}
	}
	email := c.ACME.Email
	if email == "" {
		email = c.Desk.Admin
	}
	return certs.New(certs.Options{Directory: c.ACME.Directory, Roots: roots, Email: email, Hosts: hosts, Cache: filepath.Join(c.path(c.State), "acme"), Log: log}), nil
}

// shows returns what a door shows, nil without TLS.
func (s *service) shows(certificate, key string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	switch certificate {
	case "":
		return nil, nil
	case fromACME:
		return s.authority.Get, nil
	}
	pair, err := certs.Load(s.config.path(certificate), s.config.path(key), time.Now, s.slog)
	if err != nil {
		return nil, configError{err}
	}
	return pair.Get, nil
}
