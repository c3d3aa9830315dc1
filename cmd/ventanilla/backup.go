package main

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"

	"ventanilla/store/bolt"
)

// A copy is a tar: the state's files under estado/, the admin's under mesa/, and
// at its end manifiesto.json with the SHA-256 of each. The database comes first
// and then the log, so that the log is never behind.

const manifestName = "manifiesto.json"

// copier writes a copy.
type copier struct {
	tar  *tar.Writer
	sums map[string]string
}

// file writes one file of a known size.
func (c *copier) file(name string, size int64, write func(io.Writer) error) error {
	if err := c.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Format: tar.FormatPAX}); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	sum := sha256.New()
	if err := write(io.MultiWriter(c.tar, sum)); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	c.sums[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// disk writes so many bytes of a file on the disk, all of them if size is -1.
func (c *copier) disk(name, from string, size int64) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	if size < 0 {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		size = info.Size()
	}
	return c.file(name, size, func(w io.Writer) error {
		_, err := io.CopyN(w, f, size)
		return err
	})
}

// writeCopy writes a copy of all that the desk is, while it works.
func writeCopy(ctx context.Context, h *house, w io.Writer) error {
	c := &copier{tar: tar.NewWriter(w), sums: map[string]string{}}
	engine, ok := h.engine.(*bolt.Engine)
	if !ok {
		return errors.New("the store is in memory")
	}
	state := h.config.path(h.config.State)
	if err := engine.Snapshot(ctx, func(size int64, file io.WriterTo) error {
		return c.file("estado/desk.db", size, func(w io.Writer) error { _, err := file.WriteTo(w); return err })
	}); err != nil {
		return err
	}
	for _, f := range h.log.Files() {
		if err := c.disk("estado/log/"+f.Name, filepath.Join(state, "log", f.Name), f.Bytes); err != nil {
			return err
		}
	}
	if err := c.disk("estado/keys", filepath.Join(state, "keys"), -1); err != nil {
		return err
	}
	if err := c.files(h.files); err != nil {
		return err
	}
	manifest, err := json.MarshalIndent(c.sums, "", "  ")
	if err != nil {
		return err
	}
	if err := c.file(manifestName, int64(len(manifest)), func(w io.Writer) error { _, err := w.Write(manifest); return err }); err != nil {
		return err
	}
	return c.tar.Close()
}

// files writes the admin's files, without passwords and other keys.
func (c *copier) files(tree fs.FS) error {
	names := []string{"ventanilla.toml"}
	for _, dir := range adminFolders {
		_ = fs.WalkDir(tree, dir, func(p string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				names = append(names, p)
			}
			return nil // a folder that is not there has no files
		})
	}
	for _, name := range names {
		data, err := fs.ReadFile(tree, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the configuration has another name
		} else if err != nil {
			return err
		}
		if err := c.file("mesa/"+name, int64(len(data)), func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
			return err
		}
	}
	return nil
}

// readCopy reads a copy to its end and checks it against its manifest. take gets
// each file but the manifest, and must read all of it.
func readCopy(r io.Reader, take func(name string, r io.Reader) error) error {
	sums, manifest := map[string]string{}, map[string]string{}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			return damaged("la copia está dañada o cortada: %v", err)
		}
		if h.Typeflag != tar.TypeReg || h.Name != path.Clean(h.Name) || !fs.ValidPath(h.Name) {
			return damaged("la copia tiene algo que no debe: %q", h.Name)
		}
		sum := sha256.New()
		body := io.TeeReader(t, sum)
		if h.Name == manifestName {
			err = json.NewDecoder(body).Decode(&manifest)
		} else {
			err = take(h.Name, body)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, body)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return damaged("la copia está cortada en %s", h.Name)
		} else if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		if h.Name != manifestName {
			sums[h.Name] = hex.EncodeToString(sum.Sum(nil))
		}
	}
	if len(manifest) == 0 {
		return damaged("la copia no está entera: le falta el final")
	}
	for name, sum := range manifest {
		if sums[name] != sum {
			return damaged("la copia está dañada: %s no es lo que se copió", name)
		}
	}
	if len(sums) != len(manifest) {
		return damaged("la copia tiene archivos de más")
	}
	return nil
}

// damaged says that a copy is not what was written.
func damaged(format string, args ...any) error { return told{fmt.Sprintf(format, args...), errData} }

func handleBackup(h *house) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := writeCopy(r.Context(), h, w); err != nil {
			h.slog.Error("backup failed", "error", err) // without its manifest nobody takes the half for the whole
		}
	}
}

// backupCmd is "ventanilla backup".
type backupCmd struct {
	File string `arg:"" name:"archivo" help:"Archivo de la copia, que no debe existir." type:"path"`
}

// Run writes a copy under a name of its own, checks it, opens it, and only then
// gives it its name.
func (b backupCmd) Run(ctx context.Context, t *terminal) error {
	if _, err := os.Lstat(b.File); err == nil {
		return usageError(b.File + ": ya existe; una copia no se pisa")
	}
	half := b.File + ".a-medias"
	f, err := os.OpenFile(half, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(half)
	defer f.Close()
	size, err := b.fetch(ctx, t, f)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	mails, err := tryCopy(ctx, t, half)
	if err != nil {
		return fmt.Errorf("la copia no sirve: %w", err)
	}
	if err := errors.Join(os.Rename(half, b.File), syncFolder(filepath.Dir(b.File))); err != nil {
		return err
	}
	if t.json {
		return t.record(map[string]any{"file": b.File, "bytes": size, "mails": mails})
	}
	return t.print(func(w io.Writer) {
		fmt.Fprintf(w, "%s: copia entera y comprobada, %d correos, %d bytes. Guárdela donde nadie más la lea: tiene los correos y las claves.\n", b.File, mails, size)
	})
}

// fetch writes the copy into a file and returns its size.
func (b backupCmd) fetch(ctx context.Context, t *terminal, f io.Writer) (int64, error) {
	c, err := t.connect(ctx, "admin.sock")
	if err != nil {
		return 0, err
	}
	defer c.close()
	r, err := c.open(ctx, "GET", "/backup", nil, nil)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var done atomic.Int64
	defer t.progress(func() string { return fmt.Sprintf("copiados: %d MB", done.Load()>>20) })()
	return io.Copy(f, io.TeeReader(r, counting{&done}))
}

type counting struct{ n *atomic.Int64 }

func (c counting) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// tryCopy restores a copy into a folder beside it, looks it over as doctor does,
// and throws it away. It returns how many mails it has.
func tryCopy(ctx context.Context, t *terminal, file string) (mails int, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(file), ".comprobar-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	state := filepath.Join(dir, "estado")
	if err := extract(file, state); err != nil {
		return 0, err
	}
	c, err := LoadConfig(t.config)
	if err != nil {
		return 0, err
	}
	c.State = state
	h, err := openHouse(ctx, c, osFiles(c), slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	defer h.close()
	a, err := h.Doctor(ctx)
	if err == nil && len(a.Faults) > 0 {
		err = errors.New(strings.Join(a.Faults, "; "))
	}
	return a.Accepted, err
}

// extract writes the state of a copy into a folder that is not there yet, for
// this user alone.
func extract(file, state string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.MkdirAll(filepath.Join(state, "log"), 0o700); err != nil {
		return err
	}
	return readCopy(f, func(name string, r io.Reader) error {
		inside, ok := strings.CutPrefix(name, "estado/")
		if !ok {
			return nil // the admin's files are taken out by hand, with tar
		}
		out, err := os.OpenFile(filepath.Join(state, filepath.FromSlash(inside)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, r)
		return errors.Join(err, out.Sync(), out.Close())
	})
}

// restoreCmd is "ventanilla restore".
type restoreCmd struct {
	File string `arg:"" name:"archivo" help:"Archivo de la copia." type:"path"`
}

// Run restores a copy into the state folder of the configuration, which must not
// be there. What it would send is held.
func (r restoreCmd) Run(ctx context.Context, t *terminal) error {
	c, err := LoadConfig(t.config)
	if err != nil {
		return err
	}
	state := c.path(c.State)
	if _, err := os.Lstat(state); err == nil {
		return usageError(state + ": ya existe; apártelo antes de recuperar una copia")
	}
	half := state + ".a-medias"
	if err := os.RemoveAll(half); err != nil {
		return err
	}
	if err := extract(r.File, half); err != nil {
		return errors.Join(err, os.RemoveAll(half))
	}
	restored := *c
	restored.State = half
	h, err := openHouse(ctx, &restored, osFiles(c), slog.New(slog.DiscardHandler))
	if err != nil {
		return errors.Join(err, os.RemoveAll(half))
	}
	a, err := h.Doctor(ctx)
	if err == nil && len(a.Faults) > 0 {
		err = errors.New(strings.Join(a.Faults, "; "))
	}
	if err == nil {
		err = h.Restored(ctx)
	}
	if err = errors.Join(err, h.close()); err != nil {
		return errors.Join(err, os.RemoveAll(half))
	}
	if err := errors.Join(os.Rename(half, state), syncFolder(filepath.Dir(state))); err != nil {
		return err
	}
	if t.json {
		return t.record(map[string]any{"state": state, "mails": a.Accepted, "tickets": a.Tickets, "held": true})
	}
	return t.print(func(w io.Writer) {
		fmt.Fprintf(w, "%s: recuperado, %d correos y %d tickets. Lo que haya que enviar queda retenido: mírelo con «ventanilla outbox list», "+
			"descarte lo que ya se envió (drop) y suelte el resto con «ventanilla outbox release». Los tickets nuevos saltan mil números.\n", state, a.Accepted, a.Tickets)
	})
}

// outboxReleaseCmd is "ventanilla outbox release".
type outboxReleaseCmd struct{}

// Run lets mails go that are held since a restore.
func (outboxReleaseCmd) Run(ctx context.Context, t *terminal) error {
	if err := t.ask(ctx, "POST", "/outbox/release", nil, nil, nil); err != nil {
		return err
	}
	if t.json {
		return nil
	}
	return t.print(func(w io.Writer) { fmt.Fprintln(w, "Lo que hay que enviar sale desde ahora.") })
}
