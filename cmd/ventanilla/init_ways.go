package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// initWays is what "ventanilla init" may be told of the mail servers: the mailbox
// that is read, and the smarthost.
type initWays struct {
	Recipe        string `help:"Cómo llega y sale el correo, según docs/instalacion.md: microsoft365, google, postfix (en esta máquina, por LMTP), mx (directo, al puerto 25) o imap (otro buzón). Sin ella, en los puertos de prueba de esta máquina." placeholder:"RECETA"`
	IMAP          string `name:"imap" help:"Buzón que se lee: servidor y puerto, como imap.universidad.edu:993." placeholder:"SERVIDOR:PUERTO"`
	IMAPUser      string `name:"imap-user" help:"Usuario del buzón; si es una dirección, es la de la primera cola." placeholder:"USUARIO"`
	IMAPStart     string `name:"imap-start" help:"Qué se toma de lo que ya hay en el buzón: new (nada; así es sin la opción), unseen (lo no leído), all (todo) o una fecha como 2026-11-01 (lo llegado desde ella)." placeholder:"QUÉ"`
	Smarthost     string `help:"Servidor que lleva lo que se envía, como correo.universidad.edu:587." placeholder:"SERVIDOR:PUERTO"`
	SmarthostUser string `help:"Usuario ante ese servidor." placeholder:"USUARIO"`
	Tenant        string `help:"Con microsoft365, el inquilino: su identificador o uno de sus dominios; sin ella, el dominio del buzón." placeholder:"INQUILINO"`
	ClientID      string `name:"client-id" help:"Con microsoft365 y google, el identificador de la aplicación registrada ahí." placeholder:"IDENTIFICADOR"`
}

// ask asks for what is not given, if nothing was and somebody sits at the terminal.
// An empty answer leaves a thing out.
func (w *initWays) ask(t *terminal, domain *string) error {
	if !isTerminal(t.in) || t.json || *w != (initWays{}) {
		return nil
	}
	return w.question(bufio.NewReader(t.in), t.err, domain)
}

// isTerminal says that somebody may type there.
func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	null, nullErr := os.Stat(os.DevNull)
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && (nullErr != nil || !os.SameFile(info, null))
}

func (w *initWays) question(in *bufio.Reader, out io.Writer, domain *string) error {
	var failed error
	ask := func(question, otherwise string) string {
		if failed != nil {
			return ""
		}
		fmt.Fprint(out, question+" ")
		line, err := in.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			failed = err
		}
		if line = strings.TrimSpace(line); line == "" {
			return otherwise
		}
		return line
	}
	fmt.Fprintln(out, "¿Dónde está el correo de la mesa?")
	for i, r := range recipes {
		fmt.Fprintf(out, "  %d  %s\n", i+1, r.title)
	}
	w.Recipe = ask("Número, o nada para probar en esta máquina:", "")
	if r, ok := findRecipe(w.Recipe); ok {
		w.Recipe = r.name
	}
	if w.provider() != "" {
		w.IMAPUser = ask("Dirección del buzón:", "")
	} else {
		*domain = ask(fmt.Sprintf("Dominio de la mesa [%s]:", *domain), *domain)
	}
	switch w.Recipe {
	case "", "imap":
		if w.IMAP = ask("Buzón que se lee, servidor y puerto, como imap.universidad.edu:993 [ninguno]:", ""); w.IMAP != "" {
			w.IMAPUser = ask("  Usuario de ese buzón:", "")
		}
	case "microsoft365":
		w.Tenant = ask("Inquilino (tenant), su identificador o uno de sus dominios [el del buzón]:", "")
	}
	if w.provider() != "" {
		w.ClientID = ask("Identificador de la aplicación registrada (docs/instalacion.md dice cómo):", "")
	}
	if w.IMAPUser != "" {
		w.IMAPStart = ask("  ¿Qué se toma de lo que ya hay? new (nada), unseen (lo no leído), all (todo) o una fecha como 2026-11-01 [new]:", "new")
	}
	if w.provider() != "" || w.Recipe == "postfix" {
		return failed
	}
	if w.Smarthost = ask("Servidor que lleva lo que se envía, como correo.universidad.edu:587 [ninguno]:", ""); w.Smarthost != "" {
		w.SmarthostUser = ask("  Usuario ante ese servidor [sin contraseña]:", "")
	}
	return failed
}

// wrong says in Spanish which answer cannot be, "" if all can.
func (w initWays) wrong() string {
	if wrong := w.wrongRecipe(); wrong != "" {
		return wrong
	}
	for _, a := range []struct{ flag, value, like string }{{"--imap", w.IMAP, "imap.universidad.edu:993"}, {"--smarthost", w.Smarthost, "correo.universidad.edu:587"}} {
		host, port, err := net.SplitHostPort(a.value)
		if n, bad := strconv.Atoi(port); a.value != "" && (err != nil || host == "" || bad != nil || n < 1 || n > 65535) {
			return a.flag + ": «" + a.value + "» no es servidor y puerto: escriba algo como " + a.like
		}
	}
	for flag, value := range map[string]string{"--imap-user": w.IMAPUser, "--smarthost-user": w.SmarthostUser, "--tenant": w.Tenant, "--client-id": w.ClientID} {
		if strings.ContainsFunc(value, unicode.IsControl) {
			return flag + ": es una línea de texto"
		}
	}
	switch {
	case w.IMAP != "" && w.IMAPUser == "":
		return "--imap-user: falta el usuario del buzón"
	case w.IMAP == "" && (w.IMAPUser != "" || w.IMAPStart != ""):
		return "--imap: falta el servidor del buzón"
	case w.Smarthost == "" && w.SmarthostUser != "":
		return "--smarthost: falta el servidor que lleva lo que se envía"
	}
	if _, err := time.Parse(time.DateOnly, w.IMAPStart); err != nil && w.IMAPStart != "" && w.IMAPStart != "new" && w.IMAPStart != "unseen" && w.IMAPStart != "all" {
		return "--imap-start: «" + w.IMAPStart + "» no vale; puede ser new, unseen, all o una fecha como 2026-11-01"
	}
	return ""
}

// configure writes the answers into ventanilla.toml, beside its examples and in
// place of its smarthost.
func (w initWays) configure(text []byte, queueAddress string) ([]byte, error) {
	config := string(text)
	replace := func(what, by string) error {
		if strings.Count(config, what) != 1 {
			return fmt.Errorf("the example has not one %q", what)
		}
		config = strings.Replace(config, what, by, 1)
		return nil
	}
	if w.IMAP != "" {
		if err := replace("#[[imap]]\n", w.mailbox(queueAddress)+"#[[imap]]\n"); err != nil {
			return nil, err
		}
	}
	if w.provider() != "" {
		if err := replace("#[[oauth]]\n", w.permission()+"#[[oauth]]\n"); err != nil {
			return nil, err
		}
	}
	if w.Smarthost != "" {
		const standing = "[smarthost]\naddress = \"127.0.0.1:1025\"\n"
		const plain = "# starttls, tls o none (sin cifrar: solo hacia esta misma máquina).\ntls = \"none\"\n"
		err := errors.Join(replace(standing, w.wayOut()), replace(plain, strings.Replace(plain, "\"none\"", strconv.Quote(tlsAt(w.Smarthost, "465")), 1)))
		if err != nil {
			return nil, err
		}
	}
	config, err := w.entrance(config)
	return []byte(config), err
}

// mailbox is the block of the mailbox that is read.
func (w initWays) mailbox(queueAddress string) string {
	block := fmt.Sprintf("[[imap]]\nname = \"buzon\"\naddress = %s\ntls = %q\nuser = %s\n", basicString(w.IMAP), tlsAt(w.IMAP, "993"), basicString(w.IMAPUser))
	switch w.provider() {
	case "":
		block += "password_file = \"imap.password\"\n"
	case "microsoft365":
		block += "oauth = \"correo\"\nprovider = \"microsoft365\"\n"
	default:
		block += "oauth = \"correo\"\n"
	}
	return block + fmt.Sprintf("recipient = %s\n%s\n", basicString(queueAddress), w.start())
}

// permission is the block of what enters the provider's servers.
func (w initWays) permission() string {
	block := fmt.Sprintf("[[oauth]]\nname = \"correo\"\nprovider = %q\n", w.provider())
	if w.Tenant != "" {
		block += fmt.Sprintf("tenant = %s\n", basicString(w.Tenant))
	}
	block += fmt.Sprintf("client_id = %s\n", basicString(w.ClientID))
	if w.Recipe == "google" {
		block += "client_secret_file = \"oauth.secret\"\n"
	}
	return block + "\n"
}

// wayOut is the section of the smarthost, but for its tls.
func (w initWays) wayOut() string {
	lines := fmt.Sprintf("[smarthost]\naddress = %s\n", basicString(w.Smarthost))
	if w.SmarthostUser == "" {
		return lines
	}
	lines += fmt.Sprintf("user = %s\n", basicString(w.SmarthostUser))
	switch w.provider() {
	case "":
		return lines + "password_file = \"smarthost.password\"\n"
	case "microsoft365":
		return lines + "oauth = \"correo\"\nprovider = \"microsoft365\"\n"
	}
	return lines + "oauth = \"correo\"\n"
}

// start is the key that says what is taken of a mailbox with a past.
func (w initWays) start() string {
	switch w.IMAPStart {
	case "", "new":
		return "start = \"new\"\n"
	case "unseen", "all":
		return fmt.Sprintf("start = %q\n", w.IMAPStart)
	}
	return fmt.Sprintf("start = \"since\"\nsince = %q\n", w.IMAPStart)
}

// tlsAt is how a server is spoken to: with TLS from the start at the port for that,
// without any on this machine itself, else with STARTTLS.
func tlsAt(address, implicit string) string {
	host, port, _ := net.SplitHostPort(address)
	switch {
	case port == implicit:
		return "tls"
	case loopback(host):
		return "none"
	}
	return "starttls"
}

// basicString is a basic string of TOML.
func basicString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// next says which secrets are to be put where.
func (w initWays) next(out io.Writer, folder string) error {
	for _, secret := range []struct {
		what, file string
		wanted     bool
	}{{"una contraseña", "imap.password", w.IMAP != "" && w.provider() == ""}, {"una contraseña", "smarthost.password", w.SmarthostUser != "" && w.provider() == ""},
		{"el secreto de la aplicación", "oauth.secret", w.Recipe == "google"}} {
		if !secret.wanted {
			continue
		}
		path := filepath.Join(folder, secret.file)
		if _, err := fmt.Fprintf(out, "Falta %s: en %s, sin nada más y con «chmod 600 %s».\n", secret.what, path, path); err != nil {
			return err
		}
	}
	if w.provider() == "" {
		return nil
	}
	_, err := fmt.Fprintf(out, "Falta el permiso del buzón: «ventanilla -c %s oauth login».\n", filepath.Join(folder, "ventanilla.toml"))
	return err
}
