package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ventanilla/oauth"
)

// oauthCmd is "ventanilla oauth".
type oauthCmd struct {
	Login  oauthLoginCmd  `cmd:"" help:"Pide el permiso a una persona, una vez, y lo guarda."`
	Status oauthStatusCmd `cmd:"" help:"Dice qué permisos hay y cuándo vencen; termina con 1 si falta alguno."`
}

// oauthLoginCmd is "ventanilla oauth login".
type oauthLoginCmd struct {
	Name string `arg:"" optional:"" name:"nombre" help:"Nombre del [[oauth]]; sin él, el único que hay."`
}

// Run shows what a person has to do, waits until it is done, and keeps the
// permission.
func (c oauthLoginCmd) Run(ctx context.Context, t *terminal) error {
	config, err := LoadConfig(t.config)
	if err != nil {
		return err
	}
	o, err := config.oauthNamed(c.Name)
	if err != nil {
		return err
	}
	account := config.oauthAccount(o)
	switch o.flow() {
	case flowClient:
		return usageError(fmt.Sprintf("[[oauth]] %s: con client_credentials no entra nadie: basta con client_secret_file", o.Name))
	case flowCode:
		err = oauth.LoginByCode(ctx, account, time.Now, t.prompt, pastedLine(t.in))
	default:
		err = oauth.LoginByDevice(ctx, account, time.Now, t.prompt)
	}
	if err != nil {
		return err
	}
	if config.served() {
		_ = t.ask(ctx, "POST", "/oauth/changed", nil, nil, nil) // so that it is tried now; else it is a little later
	}
	if t.json {
		return t.record(map[string]string{"name": o.Name, "file": account.TokenFile})
	}
	_, err = fmt.Fprintf(t.out, "Listo: el permiso está en %s. El servicio lo usa sin reiniciarse; «ventanilla imap check» lo prueba.\n", account.TokenFile)
	return err
}

// served says whether a process serves the desk.
func (c *Config) served() bool {
	conn, err := net.DialTimeout("unix", filepath.Join(c.path(c.State), "admin.sock"), 2*time.Second)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// prompt shows a person what to do.
func (t *terminal) prompt(p oauth.Prompt) {
	if t.json {
		_ = t.record(map[string]any{"address": p.Address, "code": p.Code, "seconds": int(p.Within / time.Second)})
		return
	}
	if p.Code != "" {
		fmt.Fprintf(t.out, "Abra %s en cualquier navegador, entre con la cuenta del buzón y escriba este código:\n\n    %s\n\nSe espera %s.\n", p.Address, p.Code, minutes(p.Within))
		return
	}
	fmt.Fprintf(t.out, "Abra esta dirección en un navegador y entre con la cuenta del buzón:\n\n    %s\n\n"+
		"Si el navegador está en otra máquina, la página a la que vuelve no se abrirá: copie entonces su dirección,\n"+
		"que empieza por http://127.0.0.1, y péguela aquí. Se espera %s.\n", p.Address, minutes(p.Within))
}

func minutes(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%d segundos", int(d.Seconds()))
	}
	return fmt.Sprintf("%d minutos", int(d.Minutes()))
}

// pastedLine gives the first line that is typed and is not empty.
func pastedLine(in io.Reader) <-chan string {
	lines := make(chan string, 1)
	go func() {
		s := bufio.NewScanner(in)
		for s.Scan() {
			if strings.TrimSpace(s.Text()) != "" {
				lines <- s.Text()
				return
			}
		}
	}()
	return lines
}

// oauthNamed finds an [[oauth]] by its name, "" for the only one there is.
func (c *Config) oauthNamed(name string) (OAuthConfig, error) {
	if name == "" && len(c.OAuth) == 1 {
		return c.OAuth[0], nil
	}
	i := slices.IndexFunc(c.OAuth, func(o OAuthConfig) bool { return o.Name == name })
	switch {
	case i >= 0:
		return c.OAuth[i], nil
	case name == "" && len(c.OAuth) > 1:
		return OAuthConfig{}, usageError("¿cuál?" + c.oauthNames())
	case name == "":
		return OAuthConfig{}, configError{errors.New("no hay ningún [[oauth]] en la configuración")}
	}
	return OAuthConfig{}, usageError(fmt.Sprintf("no hay ningún [[oauth]] llamado %q%s", name, c.oauthNames()))
}

// oauthStatusCmd is "ventanilla oauth status".
type oauthStatusCmd struct{}

// permission is one [[oauth]], a line of "oauth status --json".
type permission struct {
	Name string `json:"name"`
	Flow string `json:"flow"`
	oauth.State
	Warnings []string `json:"warnings"`
}

// errPermission says that a permission is missing.
var errPermission = errors.New("hay permisos que faltan o no sirven")

// Run tells of each permission what can be known without asking anybody.
func (oauthStatusCmd) Run(t *terminal) error {
	config, err := LoadConfig(t.config)
	if err != nil {
		return err
	}
	now, missing := time.Now(), false
	for _, o := range config.OAuth {
		source := config.tokens[o.Name]
		p := permission{Name: o.Name, Flow: o.flow(), State: source.State(), Warnings: []string{}}
		for line := range strings.Lines(source.Warning(now)) {
			p.Warnings = append(p.Warnings, strings.TrimSpace(line))
		}
		missing = missing || p.Trouble != ""
		if t.json {
			err = t.record(p)
		} else {
			err = t.print(func(w io.Writer) { p.write(w) })
		}
		if err != nil {
			return err
		}
	}
	if len(config.OAuth) == 0 && !t.json {
		return t.print(func(w io.Writer) { fmt.Fprintln(w, "no hay ningún [[oauth]] en la configuración") })
	}
	if missing {
		return errPermission
	}
	return nil
}

func (p permission) write(w io.Writer) {
	switch {
	case p.Trouble != "":
		fmt.Fprintf(w, "%s (%s): %s\n", p.Name, p.Flow, p.Trouble)
	case p.Flow == flowClient:
		fmt.Fprintf(w, "%s (%s): sin persona; el secreto vence %s\n", p.Name, p.Flow, dayOr(p.SecretExpires, "un día que la configuración no dice (client_secret_expires)"))
	default:
		fmt.Fprintf(w, "%s (%s): hay permiso, usado por última vez el %s; sin uso muere %s\n", p.Name, p.Flow, date(p.Used), dayOr(p.Dies, "nunca, que se sepa"))
	}
	for _, line := range p.Warnings {
		fmt.Fprintf(w, "  ! %s\n", line)
	}
}

func dayOr(t time.Time, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return "el " + t.Format(time.DateOnly)
}

// permissions says in Spanish what is wrong with permissions, or soon will be.
func (c *Config) permissions(now time.Time) []string {
	all := c.oauthWarnings(now)
	for _, o := range c.OAuth {
		trouble, since, _ := c.tokens[o.Name].Trouble()
		if line := "[[oauth]] " + o.Name + ": " + trouble; trouble != "" && !slices.Contains(all, line) {
			all = append(all, line+" (desde "+date(since)+")")
		}
	}
	return all
}

// permissionLook is how often permissions are looked at.
const permissionLook = 5 * time.Second

// watchPermissions logs what ends soon and what is refused, once while it lasts,
// and writes it to the admin: what ends once for all, what is refused once a day.
func (s *service) watchPermissions(ctx context.Context) {
	if len(s.config.OAuth) == 0 {
		return
	}
	told := map[string]bool{}
	every := time.NewTicker(permissionLook)
	defer every.Stop()
	for {
		s.tellPermissions(ctx, told, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		case <-s.permission:
		}
	}
}

func (s *service) tellPermissions(ctx context.Context, told map[string]bool, now time.Time) {
	lasts := map[string]bool{}
	tell := func(reason, message, text string, send func(context.Context, string, []string) error) {
		key := reason + text
		if lasts[key] = true; text == "" || told[key] {
			return
		}
		told[key] = true
		s.slog.Warn(message, "what", text)
		s.tellAdminBy(ctx, send, reason, text)
	}
	for _, o := range s.config.OAuth {
		source := s.config.tokens[o.Name]
		tell("permission-ends", "a permission ends soon", source.Warning(now), s.TellAdminOnce)
		trouble, _, lasting := source.Trouble()
		if st := source.State(); st.Trouble != "" {
			trouble, lasting = st.Trouble, true
		}
		if lasting {
			tell("permission-refused", "a permission is of no use", "[[oauth]] "+o.Name+": "+trouble, s.TellAdmin)
		}
	}
	for key := range told {
		if !lasts[key] {
			delete(told, key)
		}
	}
}

// permissionChanged has what waits for a permission try it now.
func (h *house) permissionChanged() {
	if changed := h.changed.Load(); changed != nil {
		(*changed)()
	}
}
