// Command ventanilla is a help desk that works by mail.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"ventanilla/demo"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/oauth"
	"ventanilla/rules"
)

// commandLine is all that can be typed.
type commandLine struct {
	Config string `short:"c" help:"Archivo de configuración." default:"ventanilla.toml" env:"VENTANILLA_CONFIG" placeholder:"ARCHIVO"`
	JSON   bool   `help:"Salida en JSON, una línea por registro, para programas."`

	Serve      serveCmd      `cmd:"" help:"Atiende: recibe, decide, responde."`
	Demo       demoCmd       `cmd:"" help:"Muestra todo funcionando en esta máquina, sin configurar nada."`
	Status     statusCmd     `cmd:"" help:"Dice cómo va todo, en una pantalla; termina con 1 si algo necesita a alguien."`
	Report     reportCmd     `cmd:"" help:"Hace un informe de un mes o de unos días: texto, hoja de cálculo, página o JSON."`
	Backup     backupCmd     `cmd:"" help:"Copia todo en un archivo, con el servicio en marcha o parado, y comprueba la copia."`
	Restore    restoreCmd    `cmd:"" help:"Recupera una copia; lo que haya que enviar queda retenido."`
	DKIM       dkimCmd       `cmd:"" name:"dkim" help:"Claves con que se firma lo que se envía."`
	IMAP       imapCmd       `cmd:"" name:"imap" help:"Buzones que se leen por IMAP."`
	OAuth      oauthCmd      `cmd:"" name:"oauth" help:"Permisos OAuth2, en vez de contraseñas."`
	Init       initCmd       `cmd:"" help:"Escribe una instalación comentada, lista para editar."`
	Check      checkCmd      `cmd:"" help:"Revisa la configuración, las colas, los agentes, las reglas y las plantillas."`
	Explain    explainCmd    `cmd:"" help:"Dice qué se haría con un correo, y por qué, sin hacerlo."`
	Parse      parseCmd      `cmd:"" help:"Lee correos y escribe lo que dicen: una línea JSON por correo."`
	Deliver    deliverCmd    `cmd:"" help:"Toma un correo de la entrada estándar, desde un alias del servidor de correo."`
	Ticket     ticketCmd     `cmd:"" help:"Lista y muestra tickets."`
	Outbox     outboxCmd     `cmd:"" help:"Correos por enviar: lista, reintenta, descarta."`
	Quarantine quarantineCmd `cmd:"" help:"Correos apartados: lista, muestra, libera, descarta."`
	Export     exportCmd     `cmd:"" help:"Saca todos los tickets, o todos los correos tal como llegaron."`
	Doctor     doctorCmd     `cmd:"" help:"Comprueba que nada se haya perdido: cada correo aceptado tiene un destino."`
	Replay     replayCmd     `cmd:"" help:"Dice qué correos pasados se habrían decidido de otra forma con otros archivos."`
	Preview    previewCmd    `cmd:"" help:"Escribe cada correo en cada idioma con datos de ejemplo, y una página que los muestra."`
	Reference  referenceCmd  `cmd:"" help:"Escribe la referencia de la configuración o de las plantillas, en Markdown."`
	Version    versionCmd    `cmd:"" help:"Dice qué versión es."`
}

// terminal is where a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	watched  bool   // err is a screen: somebody may wait in front of it
	config   string // path of ventanilla.toml
}

const description = `Mesa de ayuda que funciona por correo.

Ejemplos:
  ventanilla demo                             todo funcionando en esta máquina
  ventanilla init /etc/ventanilla             una instalación para editar
  ventanilla -c /etc/ventanilla/ventanilla.toml check
  ventanilla explain correo.eml               qué se haría con un correo y por qué`

func main() {
	collectLess()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// collectLess has memory collected when garbage is four times what is in use,
// not once: little is in use, nearly all of it for as long as a batch of mails,
// and collecting at Go's default took a sixth of the time of a ticket. From 160
// MiB on memory is collected as often as it takes to stay there. GOGC and
// GOMEMLIMIT still say otherwise.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(160 << 20)
	}
}

// run is the program: it can be run more than once, by tests too.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) (code int) {
	var c commandLine
	exited := -1
	parser, err := kong.New(&c, kong.Name("ventanilla"), kong.Description(description), kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code; panic(exited) }), kong.Help(help), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(errOut, "ventanilla:", err)
		return exitSoftware
	}
	defer func() { // kong ends --help by calling Exit
		if p := recover(); p != nil {
			if exited < 0 {
				panic(p)
			}
			code = exited
		}
	}()
	k, err := parser.Parse(args)
	if err != nil {
		complain(errOut, slices.Contains(args, "--json"), misused(err)+" («--help» dice qué se puede escribir)", exitUsage)
		return exitUsage
	}
	t := &terminal{in: in, out: out, err: errOut, json: c.JSON, watched: isScreen(errOut), config: c.Config}
	err = k.Run(t)
	if err != nil && !errors.Is(err, errSaid) {
		complain(errOut, c.JSON, explained(err), exitCode(err))
	}
	return exitCode(err)
}

func isScreen(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Exit codes, after sysexits.h.
const (
	exitFault       = 1  // the answer is no: faults found, nothing there
	exitUsage       = 64 // EX_USAGE
	exitData        = 65 // EX_DATAERR
	exitNoUser      = 67 // EX_NOUSER
	exitUnavailable = 69 // EX_UNAVAILABLE: refused for good, whatever the mail says
	exitSoftware    = 70 // EX_SOFTWARE
	exitTemporary   = 75 // EX_TEMPFAIL
	exitConfig      = 78 // EX_CONFIG
)

var (
	errLater = errors.New("el correo espera hasta que se corrija")
	errSaid  = errors.New("said already") // the command has written what is wrong
	errData  = errors.New("no se puede leer la entrada")
)

// told is an error of which only the text given is said.
type told struct {
	text string
	error
}

func (e told) Error() string { return e.text }
func (e told) Unwrap() error { return e.error }

// configError is an error in the files of an installation.
type configError struct{ error }

func (e configError) Unwrap() error { return e.error }

// usageError is an error in what was typed.
type usageError string

func (e usageError) Error() string { return string(e) }

// exitCode is the table of exit codes. What is unknown is temporary, so that a
// mail server tries again.
func exitCode(err error) int {
	var config configError
	var usage usageError
	var file *rules.FileError
	var stop *demo.StopError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errLater):
		return exitTemporary
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &config), errors.As(err, &file):
		return exitConfig
	case errors.Is(err, errSaid), errors.Is(err, errInstalled), errors.Is(err, errPermission), errors.Is(err, errMailbox), errors.Is(err, oauth.ErrLasting),
		errors.Is(err, gateway.ErrNotFound), errors.Is(err, gateway.ErrNotQuarantined),
		errors.Is(err, gateway.ErrUnreadable), errors.As(err, &stop):
		return exitFault
	case errors.Is(err, errData), errors.Is(err, mail.ErrTooLarge):
		return exitData
	case errors.Is(err, mail.ErrLoop):
		return exitUnavailable
	case errors.Is(err, mail.ErrNoRecipient):
		return exitNoUser
	}
	return exitTemporary
}

// versionCmd is "ventanilla version".
type versionCmd struct{}

// Run prints the version that the program was built from.
func (versionCmd) Run(t *terminal) error {
	version, revision, goVersion := "(desarrollo)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	if t.json {
		return t.record(map[string]string{"version": version, "revision": revision, "go": goVersion})
	}
	_, err := fmt.Fprintln(t.out, strings.Join(strings.Fields("ventanilla "+version+" "+revision+" "+goVersion), " "))
	return err
}
