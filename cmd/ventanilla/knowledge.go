package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"ventanilla/desk"
)

// learn writes the articles that agents asked for into knowledge/, where the desk
// then reads them as it reads the admin's own. What cannot be written is said once,
// and tried again.
func (h *house) learn(ctx context.Context) {
	err := h.Learn(ctx, func(k desk.Knowledge) error { return writeArticle(filepath.Join(h.config.folder, "knowledge"), k) })
	said := ""
	if err != nil && ctx.Err() == nil {
		said = err.Error()
	}
	if said != "" && said != h.unlearnt {
		h.slog.Error("an article cannot be written", "error", err)
		h.tellAdmin(ctx, "knowledge-unwritten", said)
	}
	h.unlearnt = said
}

// writeArticle writes an article whole, or leaves the one that is there.
func writeArticle(folder string, k desk.Knowledge) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(k.File())
	if err = errors.Join(err, f.Chmod(0o640), f.Sync(), f.Close()); err != nil {
		return err
	}
	err = os.Link(f.Name(), filepath.Join(folder, k.Name+".md"))
	if errors.Is(err, fs.ErrExist) {
		return nil // it was written before, and may have been edited since
	}
	return errors.Join(err, syncFolder(folder))
}
