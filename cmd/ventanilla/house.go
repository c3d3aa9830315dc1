package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/mailin/verify"
	"ventanilla/metrics"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/bolt"
	"ventanilla/store/intake"
	"ventanilla/templates"
)

// house is a desk with its store open. One process at a time has it.
type house struct {
	*gateway.Gateway
	log     *intake.Log
	engine  store.Engine
	report  atomic.Pointer[func(*status)] // adds what the process that serves knows; nil where none does
	changed atomic.Pointer[func()]        // has the process that serves try a new permission
	files   fs.FS                         // the admin's files: [adminFolders]
	loaded  string                        // fingerprint of the files, from before they were loaded: a change since then is seen
	config  *Config
	slog    *slog.Logger

	unlearnt string // why articles could not be written, the last time
	index    indexed
	metrics  *metrics.Metrics
	verifier *verify.Verifier // of the senders of strangers; nil where nobody is verified
}

// openHouse opens a state folder, which is made if it is missing, and everything
// in it.
func openHouse(ctx context.Context, c *Config, files fs.FS, log *slog.Logger) (h *house, err error) {
	loaded := fingerprint(files)
	setup, err := loadSetup(c, files, log)
	if err != nil {
		return nil, err
	}
	state := c.path(c.State)
	if err := privateFolder(state); err != nil {
		return nil, err
	}
	if err := privateFiles(state); err != nil {
		return nil, err
	}
	if err := wholeState(state); err != nil {
		return nil, err
	}
	keys, err := loadKeys(filepath.Join(state, "keys"))
	if err != nil {
		return nil, err
	}
	engine, err := bolt.Open(filepath.Join(state, "desk.db"))
	if errors.Is(err, store.ErrLocked) {
		return nil, fmt.Errorf("otro proceso tiene abierto el estado en %s: %w", state, store.ErrLocked)
	} else if err != nil {
		return nil, fmt.Errorf("abrir la base de datos: %w (si está dañada, recupere la copia de %s entera)", err, state)
	}
	defer func() {
		if err != nil {
			engine.Close()
		}
	}()
	s := store.Store{Engine: engine}
	if err := s.Migrate(ctx); err != nil {
		return nil, err
	}
	l, err := intake.Open(filepath.Join(state, "log"), intake.Options{Reserve: int64(c.Disk.Reserve), MaxSize: int64(c.SMTP.MaxSize)})
	if err != nil {
		return nil, fmt.Errorf("abrir el registro de correos: %w (si está dañado, recupere la copia de %s entera)", err, state)
	}
	limits := mail.DefaultLimits
	limits.Size = max(limits.Size, int64(c.SMTP.MaxSize)) // so that a smaller max_size puts aside nothing that is in
	probe := c.probe
	if probe.Every > 0 && probe.Address == "" {
		probe.Address = setup.World.Queues[0].Address
	}
	h = &house{log: l, engine: engine, files: files, loaded: loaded, config: c, slog: log, verifier: c.verifier(log)}
	h.metrics = h.newMetrics()
	h.Gateway = gateway.New(gateway.Options{Store: s, Log: l, Keys: keys, Setup: setup, Slog: log, Limits: limits, Now: c.now, Probe: probe, Watch: h.metrics})
	return h, nil
}

// adminFolders are the folders of an installation whose files an admin edits.
var adminFolders = [...]string{"desk", "rules", "templates", "knowledge", "reports"}

// close closes what is open. Nothing may use the house any more.
func (h *house) close() error { return errors.Join(h.index.close(), h.log.Close(), h.engine.Close()) }

// loadSetup reads all that an admin can change while the desk runs. A broken
// template is reported and the shipped one serves; anything else that is wrong
// is an error.
func loadSetup(c *Config, files fs.FS, log *slog.Logger) (*gateway.Setup, error) {
	world, err := rules.LoadWorld(files, c.world())
	if err != nil {
		return nil, configError{err}
	}
	set, err := rules.Load(files, world)
	if err != nil {
		return nil, configError{err}
	}
	over, err := fs.Sub(files, "templates")
	if err != nil {
		return nil, configError{err}
	}
	defined, err := rules.LoadReports(files, world)
	if err != nil {
		return nil, configError{err}
	}
	words, err := templates.Load(over)
	if err != nil {
		return nil, configError{err}
	}
	for _, p := range words.Problems() {
		log.Error("template is broken, the shipped one serves", "problem", p.String())
	}
	accounts, err := c.imapAccounts(world)
	if err != nil {
		return nil, err
	}
	return &gateway.Setup{World: world, Rules: set, Words: gateway.Words(words, world), Reports: defined, Shelf: gateway.NewShelf(world), Policy: c.policy(), Caps: c.caps(), Authserv: c.Trust.Authserv, DKIM: c.DKIM.signs(),
		Copies: copies(accounts, world)}, nil
}

// wholeState refuses a state that has lost a part. The parts are made in this
// order, so one without those before it was not left by an interrupted start:
// starting without the database would answer every mail of the log again.
func wholeState(state string) error {
	missing := ""
	for _, part := range []string{"keys", "desk.db", filepath.Join("log", "00000001.seg")} {
		_, err := os.Stat(filepath.Join(state, part))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = cmp.Or(missing, part)
		case err != nil:
			return err
		case missing != "":
			return configError{fmt.Errorf("en %s falta %s y sí está %s: recupere la copia de todo el estado antes de arrancar", state, missing, part)}
		}
	}
	return nil
}

// privateFolder makes a folder for this user alone, or refuses one that others
// can look into. Its group may pass through (0710), to reach deliver.sock.
func privateFolder(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return configError{fmt.Errorf("%s no es una carpeta", dir)}
	}
	if info.Mode().Perm()&0o067 != 0 {
		return configError{fmt.Errorf("otros usuarios pueden entrar en %s (permisos %#o): ejecute «chmod 700 %s»", dir, info.Mode().Perm(), dir)}
	}
	return nil
}

// privateFiles refuses a state that other users could read a part of, and says
// which. What is missing is nobody's.
func privateFiles(state string) error {
	for _, name := range []string{"desk.db", "keys", "log"} {
		path := filepath.Join(state, name)
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			return configError{fmt.Errorf("otros usuarios pueden leer %s (permisos %#o): ejecute «chmod -R go= %s»", path, info.Mode().Perm(), path)}
		}
	}
	return nil
}

// loadKeys reads the secret keys of tokens, or makes the first at the first
// start. The file has a key of 64 hexadecimal digits a line: the first makes
// tokens, all of them check.
func loadKeys(path string) (desk.Keys, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return desk.Keys{}, fmt.Errorf("hacer la clave: %w", err)
		}
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return desk.Keys{}, fmt.Errorf("leer la clave: %w", err)
	}
	if wrong := wrongSecret(path); wrong != "" {
		return desk.Keys{}, configError{errors.New(wrong)}
	}
	var secrets [][]byte
	for _, line := range strings.Fields(string(data)) {
		b, err := hex.DecodeString(line)
		if err != nil || len(b) != desk.KeySize {
			return desk.Keys{}, configError{fmt.Errorf("%s: una línea no es una clave de %d cifras hexadecimales", path, 2*desk.KeySize)}
		}
		secrets = append(secrets, b)
	}
	if len(secrets) == 0 {
		return desk.Keys{}, configError{fmt.Errorf("%s está vacío: recupere la copia, o bórrelo para empezar con otra clave (los enlaces enviados dejarán de valer)", path)}
	}
	return desk.NewKeys(secrets[0], secrets[1:]...), nil
}

// makeKey writes a new key, whole or not at all.
func makeKey(path string) error {
	b := make([]byte, desk.KeySize)
	if _, err := rand.Read(b); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "keys-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(hex.EncodeToString(b) + "\n"); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// reload reads the admin's files again and swaps them in. When they are broken,
// those in force stay, and the error says what is wrong.
func (h *house) reload() error {
	setup, err := loadSetup(h.config, h.files, h.slog)
	if err != nil {
		return err
	}
	if err := setup.Rules.Test(setup.World); err != nil {
		return configError{err}
	}
	before := h.Setup().Rules.Hash()
	h.Use(setup)
	h.slog.Info("files reloaded", "rules_before", before[:12], "rules", setup.Rules.Hash()[:12])
	return nil
}

// watch reloads when a file changes, or when told to, until ctx is done.
func (h *house) watch(ctx context.Context, told <-chan os.Signal) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	last := h.loaded
	for {
		select {
		case <-ctx.Done():
			return
		case <-told:
		case <-every.C:
			h.learn(ctx)
			now := fingerprint(h.files)
			if now == last {
				continue
			}
			last = now
		}
		if err := h.reload(); err != nil {
			h.slog.Error("files not reloaded: those in force stay", "error", err)
			h.tellAdmin(ctx, "files-refused", err.Error())
		} else if problems := h.Setup().Words.Problems(); len(problems) > 0 {
			var all []string
			for _, p := range problems {
				all = append(all, "templates/"+p.String())
			}
			h.tellAdmin(ctx, "template-broken", strings.Join(all, "\n"))
		}
	}
}

// tellAdmin sends the admin what is wrong with his files; that it cannot is logged.
func (h *house) tellAdmin(ctx context.Context, reason, text string) {
	h.tellAdminBy(ctx, h.TellAdmin, reason, text)
}

// tellAdminBy does so by TellAdmin or TellAdminOnce.
func (h *house) tellAdminBy(ctx context.Context, tell func(ctx context.Context, reason string, lines []string) error, reason, text string) {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && strings.Trim(line, "^") != "" && len(lines) < 50 {
			lines = append(lines, line)
		}
	}
	if err := tell(ctx, reason, lines); err != nil {
		h.slog.Error("the admin was not told", "error", err)
	}
}

// fingerprint changes when a file of the admin does.
func fingerprint(files fs.FS) string {
	var b strings.Builder
	for _, dir := range adminFolders {
		_ = fs.WalkDir(files, dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return nil // a folder that is not there has no files
			}
			if info, err := e.Info(); err == nil && !e.IsDir() {
				fmt.Fprintf(&b, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	return b.String()
}
