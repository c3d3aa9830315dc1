package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ventanilla/gateway"
)

// replayCmd is "ventanilla replay".
type replayCmd struct {
	Files string `arg:"" name:"carpeta" help:"Carpeta con los archivos cambiados: una copia de la de la instalación, con desk/, rules/ y templates/."`
	Since string `help:"Desde cuándo: 30d, 12h o 2026-05-01." default:"30d" placeholder:"CUÁNDO"`
}

// replayed is what a replay found.
type replayed struct {
	Looked int                `json:"looked"`
	Differ []gateway.Replayed `json:"differ"`
	More   int                `json:"more,omitempty"` // that differ too and are not listed
}

// replayMost is how many mails are listed.
const replayMost = 10000

// Run decides past mail by other files and shows what would be otherwise.
func (r replayCmd) Run(ctx context.Context, t *terminal) error {
	since, err := sinceOf(r.Since, time.Now())
	if err != nil {
		return usageError("--since: " + err.Error())
	}
	files, err := zipped(r.Files)
	if err != nil {
		return err
	}
	config, err := LoadConfig(t.config)
	if err != nil {
		return err
	}
	if _, err := loadSetup(config, os.DirFS(r.Files), slog.New(slog.DiscardHandler)); err != nil {
		return err // said here, where the files are
	}
	c, err := t.connect(ctx, "admin.sock")
	if err != nil {
		return err
	}
	defer c.close()
	var found replayed
	if err := c.call(ctx, "POST", "/replay", url.Values{"since": {since.Format(time.RFC3339)}}, bytes.NewReader(files), &found); err != nil {
		return err
	}
	if t.json {
		return t.record(found)
	}
	return t.print(func(w io.Writer) { writeReplayed(w, found) })
}

func writeReplayed(w io.Writer, found replayed) {
	for _, m := range found.Differ {
		_, _ = fmt.Fprintf(w, "%s  %s  %s\n", m.At.Local().Format("2006-01-02 15:04"), m.From, m.Subject)
		for _, c := range m.Changes {
			_, _ = fmt.Fprintf(w, "    %-16s %s → %s\n", changeWords[c.What], orDash(c.Now), orDash(c.Then))
		}
	}
	_, _ = fmt.Fprintf(w, "%d correos mirados; %d serían distintos\n", found.Looked, len(found.Differ)+found.More)
}

// changeWords are what can differ, for the admin.
var changeWords = map[string]string{"disposition": "destino", "rule": "regla", "queue": "cola", "type": "tipo", "priority": "prioridad", "owner": "asignado",
	"category": "categoría", "service": "servicio", "language": "idioma", "tags": "etiquetas", "acknowledgement": "acuse"}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// sinceOf reads a span back from now, in days or hours, or a day.
func sinceOf(text string, now time.Time) (time.Time, error) {
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour} {
		if digits, ok := strings.CutSuffix(text, unit); ok {
			if n, err := strconv.Atoi(digits); err == nil && n > 0 && n < 100000 {
				return now.Add(-time.Duration(n) * length), nil
			}
		}
	}
	if at, err := time.ParseInLocation("2006-01-02", text, time.Local); err == nil {
		return at, nil
	}
	return now, fmt.Errorf("%q no es un plazo: escriba 30d, 12h o 2026-05-01", text)
}

// zipped packs the folders that an admin edits, so that the process that serves
// need not be able to read them.
func zipped(folder string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	root := os.DirFS(folder)
	found := false
	for _, top := range adminFolders {
		err := fs.WalkDir(root, top, func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && path == top {
				return nil
			}
			if err != nil || e.IsDir() {
				return err
			}
			found = true
			text, err := fs.ReadFile(root, path)
			if err != nil {
				return err
			}
			w, err := z.Create(path)
			if err == nil {
				_, err = w.Write(text)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, usageError(fmt.Sprintf("en %s no hay desk, rules ni templates: copie la carpeta de la instalación y cambie la copia", filepath.Clean(folder)))
	}
	err := z.Close() // before the bytes are taken
	return b.Bytes(), err
}

// replay answers "POST /replay".
func replay(r *http.Request, h *house) (any, error) {
	since, err := time.Parse(time.RFC3339, r.FormValue("since"))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	files, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return nil, err
	}
	setup, err := loadSetup(h.config, files, h.slog)
	if err != nil {
		return nil, err
	}
	found := replayed{Differ: []gateway.Replayed{}}
	found.Looked, err = h.Replay(r.Context(), since, setup, func(m gateway.Replayed) error {
		if len(found.Differ) < replayMost {
			found.Differ = append(found.Differ, m)
		} else {
			found.More++
		}
		return nil
	})
	return found, err
}
