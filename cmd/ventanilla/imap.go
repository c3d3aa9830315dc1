package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ventanilla/gateway"
	"ventanilla/mailin/imap"
	"ventanilla/oauth"
)

// imapCmd is "ventanilla imap".
type imapCmd struct {
	Check imapCheckCmd `cmd:"" help:"Entra en los buzones y dice qué hay y qué se tomaría, sin cambiar nada."`
}

// imapCheckCmd is "ventanilla imap check".
type imapCheckCmd struct {
	Name string `arg:"" optional:"" name:"buzón" help:"Nombre del buzón; sin él, todos."`
}

// examined is what was found in a mailbox, a line of "imap check --json".
type examined struct {
	imap.Examined
	Error  string `json:"error,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// errMailbox says that a mailbox cannot be read.
var errMailbox = errors.New("hay buzones que no se pueden leer")

// Run examines the mailboxes, and fails if one cannot be read.
func (c imapCheckCmd) Run(ctx context.Context, t *terminal) error {
	var all []examined
	if err := t.ask(ctx, "POST", "/imap/check", url.Values{"name": {c.Name}}, nil, &all); err != nil {
		return err
	}
	wrong := false
	for _, e := range all {
		wrong = wrong || e.Error != "" || slices.ContainsFunc(e.Folders, func(f imap.ExaminedFolder) bool { return f.Error != "" })
		var err error
		if t.json {
			err = t.record(e)
		} else {
			err = t.print(func(w io.Writer) { writeExamined(w, e) })
		}
		if err != nil {
			return err
		}
	}
	if wrong {
		return errMailbox
	}
	return nil
}

func writeExamined(w io.Writer, e examined) {
	fmt.Fprintf(w, "%s (%s)\n", e.Account, e.Address)
	if e.Encrypted != "" {
		fmt.Fprintf(w, "  cifrado: %s; certificado de %s, hasta %s\n", e.Encrypted, e.Certificate, e.Until.Format("2006-01-02"))
	}
	if len(e.Capabilities) > 0 {
		fmt.Fprintf(w, "  sabe: %s\n  carpetas del buzón: %s\n", strings.Join(e.Capabilities, " "), strings.Join(e.There, ", "))
	}
	for _, f := range e.Folders {
		switch {
		case f.Error != "":
			fmt.Fprintf(w, "  %s: %s\n", f.Folder, f.Error)
		case f.Begun:
			fmt.Fprintf(w, "  %s: %d correos; ya se lee, y faltan %d\n", f.Folder, f.Mails, f.Takes)
		default:
			fmt.Fprintf(w, "  %s: %d correos; al comenzar se tomarían %d\n", f.Folder, f.Mails, f.Takes)
		}
	}
	if e.Error != "" {
		fmt.Fprintf(w, "  no se puede leer: %s\n  %s\n", e.Error, e.Remedy)
	}
}

// checkMailboxes examines the mailbox of a name, or all.
func checkMailboxes(r *http.Request, h *house) ([]examined, error) {
	accounts, err := h.config.imapAccounts(h.Setup().World)
	if err != nil {
		return nil, err
	}
	name, all, names := r.FormValue("name"), []examined{}, []string{}
	p, err := imap.NewPoller(foldersOf(h), imap.Options{Accounts: accounts, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, configError{err}
	}
	for _, a := range accounts {
		names = append(names, a.Name)
		if name != "" && a.Name != name {
			continue
		}
		found, err := p.Examine(r.Context(), a.Name)
		e := examined{Examined: found}
		if err != nil {
			e.Error, e.Remedy = err.Error(), imapRemedy(err, a.Auth != nil)
		}
		all = append(all, e)
	}
	if len(all) == 0 && name != "" {
		return nil, fmt.Errorf("el buzón %q; hay %s: %w", name, strings.Join(names, ", "), gateway.ErrNotFound)
	}
	return all, nil
}

// imapRemedy says in Spanish what to do about an error of a mailbox that is
// entered by password, or by token.
func imapRemedy(err error, token bool) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	var dns *net.DNSError
	var dial *net.OpError
	switch {
	case imap.NoToken(err) && errors.Is(err, oauth.ErrLasting):
		return "Remedio: pida el permiso con «ventanilla oauth login»; «ventanilla oauth status» dice qué hay."
	case imap.NoToken(err):
		return "Remedio: el servidor de tokens no responde bien; revise token_url de [[oauth]] y la salida a Internet, y vuelva a intentarlo."
	case imap.Refused(err) && token:
		return "Remedio: el servidor no acepta el permiso para ese usuario: revise user, que la cuenta con que se entró en «ventanilla oauth login» llegue a ese buzón, y que el buzón permita IMAP."
	case imap.Refused(err):
		return "Remedio: revise user y el archivo de password_file; muchos servidores piden una contraseña de aplicación."
	case errors.As(err, &unknown):
		return "Remedio: el certificado no viene de una autoridad conocida; añada la de su institución a las del sistema (update-ca-certificates)."
	case errors.As(err, &name):
		return "Remedio: el certificado es de otro nombre; ponga en address uno de los que lleva."
	case errors.As(err, &invalid):
		return "Remedio: el certificado venció o aún no vale; renuévelo en el servidor, y mire el reloj de esta máquina."
	case strings.Contains(err.Error(), "x509:"): // behind STARTTLS no more is known
		return "Remedio: el certificado del servidor no vale para el nombre de address, venció, o su autoridad no está en las del sistema."
	case errors.As(err, &plain):
		return "Remedio: en ese puerto no se habla TLS desde el comienzo; ponga tls = \"starttls\", o el puerto 993."
	case strings.Contains(err.Error(), "STARTTLS"):
		return "Remedio: el servidor no ofrece STARTTLS en ese puerto; ponga tls = \"tls\" y el puerto 993."
	case errors.As(err, &dns):
		return "Remedio: no se encuentra ese servidor; revise el nombre en address."
	case errors.As(err, &dial) && dial.Op == "dial":
		return "Remedio: nadie responde ahí; revise el puerto de address y si un cortafuegos lo cierra."
	}
	return "Remedio: vuelva a intentarlo; si sigue igual, enseñe ese mensaje a quien lleva el servidor de correo."
}

// folders are the desk as a poller sees it.
type folders struct{ gateway.Folders[imap.Point] }

func foldersOf(h *house) folders { return folders{gateway.Folders[imap.Point]{Gateway: h.Gateway}} }

// Copies returns the copies of sent mails that an account's folder is still to have.
func (f folders) Copies(ctx context.Context, account, after string, limit int) ([]imap.Copy, error) {
	rows, err := f.Gateway.Copies(ctx, account, after, limit)
	var all []imap.Copy
	for _, r := range rows {
		all = append(all, imap.Copy{Key: r.Key(), MessageID: r.Mail.MessageID, At: r.At, Size: r.Mail.Size,
			Write: func(w io.Writer) error { return f.WriteCopy(ctx, r, w) }})
	}
	return all, err
}

// Copied forgets one.
func (f folders) Copied(ctx context.Context, account, key string) error {
	return f.ForgetCopy(ctx, account, key)
}
