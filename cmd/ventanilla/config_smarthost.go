package main

import (
	"fmt"
	"net"
	"strconv"

	"ventanilla/mailout"
)

// SmarthostConfig is [smarthost] or a [[backup_smarthost]].
type SmarthostConfig struct {
	Address      string `toml:"address" help:"Servidor y puerto, por ejemplo correo.universidad.edu:587. Vacío: lo que hay que enviar espera."`
	TLS          string `toml:"tls" values:"starttls tls none" help:"starttls (obligatorio, puerto 587 o 25), tls (desde el comienzo, puerto 465) o none (sin cifrar: solo hacia esta misma máquina si hay user)."`
	User         string `toml:"user" help:"Usuario. Vacío: sin autenticación."`
	PasswordFile string `toml:"password_file" help:"Archivo con la contraseña, que solo puede leer su dueño. Vacío: la credencial smarthost-password de systemd. La contraseña misma no se escribe aquí."`
	OAuth        string `toml:"oauth" help:"Nombre del [[oauth]] con que se entra como user, en vez de una contraseña."`
	Auth         string `toml:"auth" values:"password xoauth2 oauthbearer" help:"Cómo se entra: password (así es sin oauth), xoauth2 (así es con oauth) u oauthbearer."`
	Provider     string `toml:"provider" values:"microsoft365" help:"microsoft365: 3 conexiones, 30 correos por minuto, y user como remitente del sobre, porque ese proveedor no deja poner otro; sus rebotes se reconocen por el correo que devuelven."`
	Connections  int    `toml:"connections" help:"Conexiones a la vez. Sin esta clave, 4."`
	PerMinute    int    `toml:"per_minute" help:"Correos por minuto que acepta el servidor. 0: sin máximo."`
	PerDomain    int    `toml:"per_domain" help:"Correos a la vez hacia un mismo dominio. 0: sin máximo."`
}

// smarthosts are [smarthost] and its backups, each with its path in the file.
func (c *Config) smarthosts() (paths []string, all []SmarthostConfig) {
	paths, all = []string{"smarthost"}, []SmarthostConfig{c.Smarthost}
	for i, b := range c.Backups {
		paths, all = append(paths, fmt.Sprintf("backup_smarthost[%d]", i)), append(all, b)
	}
	return paths, all
}

func (k *configChecker) smarthost(c *Config) {
	paths, all := c.smarthosts()
	for i, s := range all {
		k.oneSmarthost(paths[i], s, i > 0)
		k.oauthUse(c, paths[i], s.Auth, s.OAuth)
	}
	if c.Smarthost.Address == "" && len(c.Backups) > 0 {
		k.fault("backup_smarthost[0]", "hay un servidor de reserva y falta el primero: escriba address en [smarthost]")
	}
}

func (k *configChecker) oneSmarthost(path string, s SmarthostConfig, backup bool) {
	if s.Address == "" {
		if backup {
			k.fault(path+".address", "falta el servidor: escriba address = \"correo.universidad.edu:587\"")
		}
		return
	}
	host, port, err := net.SplitHostPort(s.Address)
	if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
		k.fault(path+".address", "%q no es servidor y puerto: escriba algo como correo.universidad.edu:587", s.Address)
		return
	}
	switch {
	case s.TLS == "none" && s.User != "" && !loopback(host):
		k.fault(path+".tls", "la contraseña viajaría sin cifrar hasta %s: use starttls o tls", host)
	case s.User == "" && s.PasswordFile != "":
		k.fault(path+".password_file", "hay contraseña y falta user")
	case s.User == "" && s.OAuth != "":
		k.fault(path+".user", "con oauth hace falta user, la dirección del buzón que envía")
	case s.Provider == "microsoft365" && s.User == "":
		k.fault(path+".provider", "con microsoft365 hace falta user, la dirección del buzón que envía")
	}
	for _, n := range []struct {
		key              string
		value, low, high int
	}{{"connections", s.Connections, 0, 100}, {"per_minute", s.PerMinute, 0, 1000000}, {"per_domain", s.PerDomain, 0, 100}} {
		if n.value < n.low || n.value > n.high {
			k.fault(path+"."+n.key, "%d no puede ser: va de %d a %d", n.value, n.low, n.high)
		}
	}
}

func (k *configChecker) smarthostFiles(c *Config) {
	paths, all := c.smarthosts()
	for i, s := range all {
		switch {
		case s.OAuth != "":
			k.onlyOne(paths[i], s.PasswordFile)
		case s.User == "":
		case s.PasswordFile != "":
			k.wrong(paths[i]+".password_file", wrongSecret(c.path(s.PasswordFile)))
		case c.credentials == "":
			k.fault(paths[i]+".user", "falta la contraseña: escriba password_file, o dé a systemd la credencial smarthost-password")
		}
	}
}

// out is a way out for the sender. Its password is read anew for each connection, so
// that it is kept nowhere.
func (c *Config) out(s SmarthostConfig) mailout.Smarthost {
	h := mailout.Smarthost{Address: s.Address, TLS: mailout.TLSMode(s.TLS), Hello: c.SMTP.Hostname, User: s.User, PlainText: s.TLS == "none",
		Connections: s.Connections, PerMinute: s.PerMinute, PerDomain: s.PerDomain, RootCAs: c.rootCAs}
	if h.TLS == "" {
		h.TLS = mailout.TLSStart
	}
	if s.Provider == "microsoft365" {
		h.Sender = s.User
		if h.Connections == 0 || h.Connections > 3 {
			h.Connections = 3
		}
		if h.PerMinute == 0 || h.PerMinute > 30 {
			h.PerMinute = 30
		}
	}
	if s.OAuth != "" {
		h.Auth = c.bearer(s.OAuth, s.Auth, s.User)
	} else if s.User != "" {
		h.Password = func() (string, error) { return c.secret(s.PasswordFile, "smarthost-password") }
	}
	return h
}
