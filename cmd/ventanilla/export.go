package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	"ventanilla/dossier"
)

// exportCmd is "ventanilla export".
type exportCmd struct {
	Raw    bool   `help:"Los correos tal como llegaron, todos, en orden, cada uno una vez; sin ella, los tickets en JSON."`
	Copies bool   `help:"También los que llegaron otra vez, idénticos, porque su remitente no supo que ya estaban."`
	Format string `help:"De los correos: mbox (mboxrd), jsonl (con el correo en base64) o eml (un archivo por correo, en --to)." enum:"mbox,jsonl,eml" default:"mbox"`
	To     string `help:"Carpeta para --format eml." placeholder:"CARPETA" type:"path"`
}

// Run exports.
func (e exportCmd) Run(ctx context.Context, t *terminal) error {
	if e.Format == "eml" {
		if e.To == "" || !e.Raw {
			return usageError("--format eml va con --raw y --to CARPETA: un archivo por correo")
		}
		if err := os.MkdirAll(e.To, 0o700); err != nil {
			return err
		}
	}
	c, err := t.connect(ctx, "admin.sock")
	if err != nil {
		return err
	}
	defer c.close()
	what := "tickets"
	if e.Raw {
		what = "raw"
	}
	values := url.Values{"what": {what}}
	if e.Copies {
		values.Set("copies", "1")
	}
	r, err := c.open(ctx, "GET", "/export", values, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	out := bufio.NewWriter(t.out)
	in := bufio.NewReaderSize(r, 1<<20)
	var done atomic.Int64
	defer t.progress(func() string { return fmt.Sprintf("exportados: %d", done.Load()) })()
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return out.Flush()
		} else if err != nil {
			return err
		}
		if fault, ok := exportFault(line); ok {
			return errors.New(fault)
		}
		if err := e.write(out, line); err != nil {
			return err
		}
		done.Add(1)
	}
}

// exportFault reads the line that ends an export which failed half-way.
func exportFault(line []byte) (string, bool) {
	if !bytes.HasPrefix(line, []byte(`{"error":`)) {
		return "", false
	}
	var v struct{ Error string }
	return v.Error, json.Unmarshal(line, &v) == nil
}

func (e exportCmd) write(out *bufio.Writer, line []byte) error {
	if !e.Raw || e.Format == "jsonl" {
		_, err := out.Write(line)
		return err
	}
	var m exported
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("read export: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(m.Raw)
	if err != nil {
		return fmt.Errorf("read export: %w", err)
	}
	if e.Format == "eml" {
		return os.WriteFile(filepath.Join(e.To, m.Position+".eml"), raw, 0o600)
	}
	return dossier.WriteMail(out, m.Envelope.From, m.Envelope.ReceivedAt, raw)
}
