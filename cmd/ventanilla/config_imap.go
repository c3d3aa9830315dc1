package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"ventanilla/desk"
	"ventanilla/mailin/imap"
	"ventanilla/rules"
)

// IMAPConfig is [[imap]].
type IMAPConfig struct {
	Name         string   `toml:"name" help:"Nombre propio del buzón, para el registro y los avisos. Obligatorio; no lo cambie después: con él se recuerda hasta dónde se leyó."`
	Address      string   `toml:"address" help:"Servidor y puerto, por ejemplo imap.universidad.edu:993. Obligatorio."`
	TLS          string   `toml:"tls" values:"tls starttls none" help:"tls (desde el comienzo, puerto 993; así es sin la clave), starttls (obligatorio, puerto 143) o none (sin cifrar: solo hacia esta misma máquina)."`
	User         string   `toml:"user" help:"Usuario. Obligatorio."`
	PasswordFile string   `toml:"password_file" help:"Archivo con la contraseña, que solo puede leer su dueño. Vacío: la credencial imap-NOMBRE de systemd."`
	OAuth        string   `toml:"oauth" help:"Nombre del [[oauth]] con que se entra, en vez de una contraseña."`
	Auth         string   `toml:"auth" values:"password xoauth2 oauthbearer" help:"Cómo se entra: password (así es sin oauth), xoauth2 (así es con oauth) u oauthbearer."`
	Folders      []string `toml:"folders" help:"Carpetas que se leen. Vacío: INBOX."`
	After        string   `toml:"after" values:"seen move leave" help:"Qué pasa en el buzón con lo ya atendido: seen (queda marcado como leído; así es sin la clave), move (va a move_to) o leave (nada)."`
	MoveTo       string   `toml:"move_to" help:"Carpeta adonde va lo atendido, con after = \"move\". Se crea si no existe."`
	SentFolder   string   `toml:"sent_folder" help:"Carpeta del buzón donde queda una copia de lo que se envía sobre los tickets de su cola. Se crea si no existe. Vacía: ninguna. Microsoft 365 y Google, si llevan lo que se envía, ya la guardan."`
	Start        string   `toml:"start" values:"new unseen since all" help:"Qué se toma la primera vez: new (solo lo que llegue desde entonces; así es sin la clave), unseen (también lo no leído), since (lo llegado desde la fecha since) o all (todo)."`
	Since        string   `toml:"since" help:"Fecha para start = \"since\", como 2026-11-01."`
	Recipient    string   `toml:"recipient" help:"Dirección de la cola a la que pertenece el buzón. Vacía: user, si es la dirección de una cola."`
	Provider     string   `toml:"provider" values:"microsoft365" help:"microsoft365: se cree a las cabeceras con que Exchange Online dice quién envió, que no llevan nombre de servidor. Solo para buzones suyos."`
	Connections  int      `toml:"connections" help:"Conexiones a la vez como mucho, de 1 a 20. Si hay más carpetas, las que sobran se turnan en la última. 0: 4."`
	PollSeconds  int      `toml:"poll_seconds" help:"Segundos entre dos miradas, de 5 a 540; el servidor avisa antes si sabe hacerlo (IDLE). 0: 120."`
}

// imap checks [[imap]].
func (k *configChecker) imap(c *Config) {
	names := map[string]bool{}
	for i := range c.IMAP {
		a := &c.IMAP[i]
		at := func(key string) string { return fmt.Sprintf("imap[%d].%s", i, key) }
		switch {
		case a.Name == "" || strings.Trim(a.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
			k.fault(at("name"), "el nombre del buzón lleva letras minúsculas sin acento, cifras, - y _: escriba name = \"soporte\"")
		case names[a.Name]:
			k.fault(at("name"), "ya hay un buzón llamado %q", a.Name)
		}
		names[a.Name] = true
		host, port, err := net.SplitHostPort(a.Address)
		if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
			k.fault(at("address"), "%q no es servidor y puerto: escriba algo como imap.universidad.edu:993", a.Address)
		} else if a.TLS == "none" && !loopback(host) {
			k.fault(at("tls"), "la contraseña y el correo viajarían sin cifrar desde %s: use tls o starttls", host)
		}
		if a.User == "" {
			k.fault(at("user"), "falta el usuario del buzón")
		}
		k.oauthUse(c, fmt.Sprintf("imap[%d]", i), a.Auth, a.OAuth)
		if a.After == "move" && a.MoveTo == "" {
			k.fault(at("move_to"), "falta la carpeta adonde va lo atendido")
		}
		if a.After != "move" && a.MoveTo != "" {
			k.fault(at("move_to"), "solo se usa con after = \"move\"")
		}
		if a.SentFolder != "" && (slices.Contains(a.Folders, a.SentFolder) || a.SentFolder == "INBOX" && len(a.Folders) == 0) {
			k.fault(at("sent_folder"), "esa carpeta se lee: lo enviado volvería a entrar; escriba otra, como \"Enviados\"")
		}
		if _, err := a.since(); err != nil || (a.Start == "since") != (a.Since != "") {
			k.fault(at("since"), "con start = \"since\", y solo entonces, va aquí una fecha como 2026-11-01")
		}
		if a.Recipient != "" {
			k.wrong(at("recipient"), rules.WrongAddress(a.Recipient))
		}
		if a.Connections < 0 || a.Connections > 20 {
			k.fault(at("connections"), "%d no puede ser: va de 1 a 20", a.Connections)
		}
		if a.PollSeconds != 0 && (a.PollSeconds < 5 || a.PollSeconds > 540) {
			k.fault(at("poll_seconds"), "%d no puede ser: va de 5 a 540", a.PollSeconds)
		}
	}
}

// copies says of each queue which mailbox has a folder for what is sent on its
// tickets: that of the queue's address.
func copies(accounts []imap.Account, w *desk.World) map[string]string {
	to := map[string]string{}
	for _, a := range accounts {
		if q, ok := w.QueueAt(a.Recipient); ok && a.SentFolder != "" && to[q.Name] == "" {
			to[q.Name] = a.Name
		}
	}
	return to
}

// since reads the date from which mails are taken.
func (a *IMAPConfig) since() (time.Time, error) {
	if a.Since == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.DateOnly, a.Since)
}

// imapFiles checks the files that [[imap]] names.
func (k *configChecker) imapFiles(c *Config) {
	for i, a := range c.IMAP {
		switch {
		case a.OAuth != "":
			k.onlyOne(fmt.Sprintf("imap[%d]", i), a.PasswordFile)
		case a.PasswordFile != "":
			k.wrong(fmt.Sprintf("imap[%d].password_file", i), wrongSecret(c.path(a.PasswordFile)))
		case c.credentials == "":
			k.fault(fmt.Sprintf("imap[%d].user", i), "falta la contraseña: escriba password_file, o dé a systemd la credencial imap-%s", a.Name)
		}
	}
}

// imapAccounts returns the mailboxes that are to be read. The desk must have a
// queue for each.
func (c *Config) imapAccounts(w *desk.World) (accounts []imap.Account, err error) {
	for _, a := range c.IMAP {
		recipient := a.Recipient
		if recipient == "" {
			recipient = a.User
		}
		if _, ok := w.QueueAt(recipient); !ok {
			var queues []string
			for _, q := range w.Queues {
				queues = append(queues, q.Address)
			}
			return nil, configError{fmt.Errorf("[[imap]] %s: %q no es la dirección de una cola; ponga en recipient una de estas: %s", a.Name, recipient, strings.Join(queues, ", "))}
		}
		since, err := a.since()
		if err != nil {
			return nil, err
		}
		for _, other := range accounts {
			if a.SentFolder != "" && other.SentFolder != "" && strings.EqualFold(other.Recipient, recipient) {
				return nil, configError{fmt.Errorf("[[imap]] %s: sent_folder: las copias de lo que envía la cola %s ya van al buzón %s; déjelo en uno", a.Name, recipient, other.Name)}
			}
		}
		account := imap.Account{Name: a.Name, Address: a.Address, TLS: imap.TLSMode(a.TLS), User: a.User, Folders: a.Folders,
			After: imap.After(a.After), MoveTo: a.MoveTo, SentFolder: a.SentFolder, Start: imap.Start(a.Start), Since: since, Recipient: recipient, Provider: a.Provider,
			Connections: a.Connections, Poll: time.Duration(a.PollSeconds) * time.Second, RootCAs: c.rootCAs,
			Password: func() (string, error) { return c.secret(a.PasswordFile, "imap-"+a.Name) }}
		if a.OAuth != "" {
			account.Auth = c.bearer(a.OAuth, a.Auth, a.User)
		}
		accounts = append(accounts, account)
	}
	return accounts, nil
}

// secret reads a secret anew, so that it is kept nowhere: out of a file, or the
// credential of systemd of that name. Its errors do not tell it.
func (c *Config) secret(file, credential string) (string, error) {
	path := filepath.Join(c.credentials, credential)
	if file != "" {
		path = c.path(file)
		if wrong := wrongSecret(path); wrong != "" {
			return "", errors.New(wrong)
		}
	} else if c.credentials == "" {
		return "", errors.New("no password_file and no credentials folder")
	}
	return readSecret(path)
}
