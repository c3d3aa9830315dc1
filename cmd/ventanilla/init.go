package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"ventanilla/rules"
	"ventanilla/testdata/desks"
)

// example is the installation that "ventanilla init" writes. It works as it is,
// on the loopback.
//
//go:embed installation
var example embed.FS

// initCmd is "ventanilla init".
type initCmd struct {
	Folder string `arg:"" name:"carpeta" help:"Carpeta de la instalación; se crea si no existe."`
	Domain string `help:"Dominio de las direcciones que hace Ventanilla." default:"mesa.example" placeholder:"DOMINIO"`
	Name   string `help:"Nombre de la mesa." default:"Mesa de ayuda" placeholder:"NOMBRE"`
	State  string `help:"Carpeta del estado; sin ella, estado, junto a la configuración." placeholder:"CARPETA"`
	initWays
	QueueAddress string `help:"Dirección de la primera cola; sin ella, soporte@ y el dominio." placeholder:"DIRECCIÓN"`
	Like         string `help:"Empezar con una mesa como las de cinco manuales conocidos: senatics (consultas de ciudadanos), minem (niveles y servicios), distrital (categorías y delegados), belenus (clientes, plazos y visto bueno) o cinoc (solicitudes con datos mínimos)." placeholder:"MESA"`
}

// Run writes the installation and says what comes next.
func (c *initCmd) Run(t *terminal) error {
	a := answers{domain: strings.ToLower(c.Domain), name: strings.TrimSpace(c.Name), queueAddress: c.QueueAddress, state: c.State}
	if err := c.initWays.ask(t, &c.Domain); err != nil {
		return err
	}
	if r, ok := findRecipe(c.Recipe); ok {
		c.Recipe = r.name
	}
	c.initWays = c.initWays.complete()
	if _, of, ok := strings.Cut(c.IMAPUser, "@"); ok && c.provider() != "" && c.Domain == defaultDomain {
		c.Domain = of // that is where answers come to
	}
	a.domain, a.ways = strings.ToLower(c.Domain), c.initWays
	if a.queueAddress == "" {
		a.queueAddress = "soporte@" + a.domain
		if strings.Contains(c.IMAPUser, "@") {
			a.queueAddress = strings.ToLower(c.IMAPUser)
		}
	}
	if c.Like != "" {
		like, err := likeDesk(c.Like)
		if err != nil {
			return err
		}
		a.like = &like
		if c.Name == defaultDeskName {
			a.name = like.Title
		}
	}
	if err := writeInstallation(c.Folder, a); err != nil {
		return err
	}
	config := filepath.Join(c.Folder, "ventanilla.toml")
	if t.json {
		return t.record(map[string]string{"folder": c.Folder, "config": config})
	}
	if err := c.initWays.next(t.out, c.Folder); err != nil {
		return err
	}
	steps := []string{fmt.Sprintf("Ponga en %s a quienes atienden, y en %s el buzón.", filepath.Join(c.Folder, "desk", "agents.toml"), filepath.Join(c.Folder, "desk", "queues.toml"))}
	if c.Smarthost == "" {
		steps = append(steps, fmt.Sprintf("Ponga en %s el servidor de correo que lleva lo que Ventanilla envía, en [smarthost].", config))
	}
	steps = append(steps, fmt.Sprintf("Ejecute «ventanilla -c %s check», que dice si algo está mal y dónde, y luego lo mismo con serve.", config))
	text := fmt.Sprintf("La instalación está en %s. Lo que sigue:\n", c.Folder)
	for i, s := range steps {
		text += fmt.Sprintf("  %d. %s\n", i+1, s)
	}
	_, err := io.WriteString(t.out, text)
	return err
}

// answers is what an installation is made for.
type answers struct {
	domain       string      // of the desk
	name         string      // of the desk
	queueAddress string      // of its first queue
	state        string      // its folder; "" means beside the configuration
	like         *desks.Desk // whose folders desk and rules it has; nil: the example's own
	ways         initWays
}

// What the flags say that nobody gave.
const (
	defaultDeskName = "Mesa de ayuda"
	defaultDomain   = "mesa.example"
)

// likeDesk returns the desk of that name.
func likeDesk(name string) (desks.Desk, error) {
	var names []string
	for _, d := range desks.All {
		if strings.EqualFold(d.Name, name) {
			return d, nil
		}
		names = append(names, d.Name)
	}
	return desks.Desk{}, usageError(fmt.Sprintf("--like: no hay ninguna mesa %q; hay %s", name, strings.Join(names, ", ")))
}

// wrong says in Spanish which answer cannot be, "" if all can.
func (a answers) wrong() string {
	if wrong := rules.WrongDomain(a.domain); wrong != "" {
		return "--domain: " + wrong
	}
	if a.name == "" || strings.ContainsFunc(a.name, unicode.IsControl) {
		return "--name: el nombre de la mesa es una línea de texto"
	}
	if wrong := rules.WrongQueueAddress(a.queueAddress); wrong != "" {
		return "--queue-address: " + wrong
	}
	if wrong := a.ways.wrong(); wrong != "" {
		return wrong
	}
	for _, taken := range []string{"luis@", "ana@", "redes@"} {
		if strings.EqualFold(a.queueAddress, taken+a.domain) {
			return "--queue-address: " + a.queueAddress + " ya es de alguien en el ejemplo: ponga otra y cámbiela después"
		}
	}
	return ""
}

// errInstalled says that files of an installation are there and are not those
// that would be written.
var errInstalled = errors.New("ya hay archivos distintos, y no se escribió nada")

// writeInstallation writes the example, made for the answers, into a folder,
// which it creates if need be. It changes no file that somebody has edited: if one
// is there with other contents, it writes nothing and returns an errInstalled that
// lists them. Only over the example as it was written without answers, which the
// Debian package does, it writes. The same call a second time does nothing.
func writeInstallation(folder string, a answers) error {
	if wrong := a.wrong(); wrong != "" {
		return usageError(wrong)
	}
	files, err := installationFiles(a)
	if err != nil {
		return err
	}
	var differ []string
	for name, text := range files {
		present, err := os.ReadFile(filepath.Join(folder, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("look for %s: %w", name, err)
		case !bytes.Equal(present, text):
			differ = append(differ, filepath.Join(folder, name))
		}
	}
	if len(differ) > 0 {
		old, state, err := asInstalled(folder)
		switch {
		case err != nil:
			return err
		case old != nil && a.state == "" && state != "":
			a.state = state
			return writeInstallation(folder, a)
		case old != nil:
			return overwrite(folder, old, files)
		}
		slices.Sort(differ)
		return fmt.Errorf("%w: %s", errInstalled, strings.Join(differ, ", "))
	}
	return writeMissing(folder, files)
}

var stateLine = regexp.MustCompile(`(?m)^state = "([^"\\]*)"$`)

// asInstalled returns the files of a folder that has the example as it is written
// without answers, edited by nobody, and the state folder that it names, "" for its
// own. Of any other folder it returns none.
func asInstalled(folder string) (files map[string][]byte, state string, err error) {
	config, err := os.ReadFile(filepath.Join(folder, "ventanilla.toml"))
	if err != nil {
		return nil, "", nil
	}
	if m := stateLine.FindSubmatch(config); m != nil && string(m[1]) != "estado" {
		state = string(m[1])
	}
	files, err = installationFiles(answers{domain: defaultDomain, name: defaultDeskName, queueAddress: "soporte@" + defaultDomain, state: state})
	if err != nil {
		return nil, "", err
	}
	for name, text := range files {
		present, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(present, text) {
			return nil, "", nil
		}
	}
	return files, state, nil
}

// overwrite puts files in the place of others. Owners and modes of those that are
// there stay, and new ones belong to whom the configuration belongs.
func overwrite(folder string, old, files map[string][]byte) error {
	owner, err := os.Stat(filepath.Join(folder, "ventanilla.toml"))
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(folder, name)
		if _, there := old[name]; there {
			if err := os.WriteFile(path, files[name], 0o600); err != nil {
				return fmt.Errorf("write %s: %w", path, err)
			}
			continue
		}
		if err := writeNew(path, files[name]); err != nil {
			return err
		}
		if as, ok := owner.Sys().(*syscall.Stat_t); ok && os.Getuid() == 0 {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				return err
			}
		}
	}
	for name := range old {
		if _, stays := files[name]; !stays {
			if err := os.Remove(filepath.Join(folder, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeMissing writes those files that are not there.
func writeMissing(folder string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeNew(filepath.Join(folder, name), files[name]); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// writeNew writes a file that must not be there, and its folders.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create file: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// installationFiles returns the example's files by their paths, with the
// example's name and addresses replaced by those of the answers.
func installationFiles(a answers) (map[string][]byte, error) {
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.name) + `"`
	replacer := strings.NewReplacer(`"Mesa de ayuda"`, quoted, "soporte@mesa.example", a.queueAddress, "mesa.example", a.domain)
	files := map[string][]byte{}
	err := fs.WalkDir(example, "installation", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(example, path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, "installation/")
		files[filepath.FromSlash(name)] = []byte(replacer.Replace(string(text)))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read example: %w", err)
	}
	if a.state != "" {
		files["ventanilla.toml"] = bytes.Replace(files["ventanilla.toml"], []byte("state = \"estado\"\n"), []byte("state = "+basicString(a.state)+"\n"), 1)
	}
	files["ventanilla.toml"], err = a.ways.configure(files["ventanilla.toml"], a.queueAddress)
	if err != nil {
		return nil, err
	}
	if a.like == nil {
		return files, nil
	}
	return likeFiles(files, *a.like, replacer)
}

// likeFiles replaces the folders desk and rules of the example by those of a desk,
// and sets its number style and zone.
func likeFiles(files map[string][]byte, like desks.Desk, replacer *strings.Replacer) (map[string][]byte, error) {
	for name := range files {
		if top, _, _ := strings.Cut(filepath.ToSlash(name), "/"); top == "desk" || top == "rules" {
			delete(files, name)
		}
	}
	config := string(files["ventanilla.toml"])
	for key, value := range map[string]string{"number_style": strconv.Quote(like.NumberStyle), "number_digits": strconv.Itoa(like.Digits), "zone": strconv.Quote(like.Zone)} {
		config = regexp.MustCompile(`(?m)^`+key+` = .*$`).ReplaceAllLiteralString(config, key+" = "+value)
	}
	files["ventanilla.toml"] = []byte(config)
	return files, fs.WalkDir(desks.Files, like.Name, func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, like.Name+"/")
		if err != nil || entry.IsDir() || !strings.Contains(name, "/") {
			return err
		}
		text, err := fs.ReadFile(desks.Files, path)
		files[filepath.FromSlash(name)] = []byte(replacer.Replace(string(text)))
		return err
	})
}
