package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"ventanilla/dossier"
	"ventanilla/gateway"
)

// sendDossier answers «ticket export»: the file itself.
func sendDossier(w http.ResponseWriter, r *http.Request, h *house) {
	begun := &started{ResponseWriter: w}
	if err := h.Dossier(r.Context(), r.PathValue("number"), begun); err != nil {
		if begun.yes {
			panic(http.ErrAbortHandler) // half a file must not look like one
		}
		answer(w, nil, err)
	}
}

// started knows whether something was written.
type started struct {
	http.ResponseWriter
	yes bool
}

func (s *started) Write(b []byte) (int, error) {
	s.yes = true
	return s.ResponseWriter.Write(b)
}

// ticketExportCmd is "ventanilla ticket export".
type ticketExportCmd struct {
	Number string `arg:"" name:"número" help:"Número del ticket, con # o sin él."`
	To     string `help:"Archivo que se escribe; no debe existir. Sin ella, la salida estándar." placeholder:"ARCHIVO"`
}

// Help is shown below the flags.
func (ticketExportCmd) Help() string {
	return "El archivo es un mbox, que abre cualquier programa de correo: los correos como llegaron y, al final, un mensaje con la historia, " +
		"para leer y en JSON, cada hecho encadenado al anterior. Va sellado con la clave de la mesa."
}

// Run exports a ticket.
func (e ticketExportCmd) Run(ctx context.Context, t *terminal) (err error) {
	c, err := t.connect(ctx, "admin.sock")
	if err != nil {
		return err
	}
	defer c.close()
	r, err := c.open(ctx, "GET", "/tickets/"+url.PathEscape(strings.TrimPrefix(e.Number, "#"))+"/dossier", nil, nil)
	if errors.Is(err, gateway.ErrNotFound) {
		return told{"no hay un ticket " + e.Number + ": los números están en «ventanilla ticket list»", err}
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if e.To == "" {
		_, err = io.Copy(t.out, r)
		return err
	}
	f, err := os.OpenFile(e.To, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return told{e.To + " ya existe: escriba otro nombre", err}
	} else if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(e.To))
	}
	if !t.json {
		_, err = fmt.Fprintf(t.out, "%s: expediente del ticket %s\n", e.To, e.Number)
	}
	return err
}

// ticketVerifyCmd is "ventanilla ticket verify".
type ticketVerifyCmd struct {
	File     string `arg:"" name:"archivo" help:"Lo que escribió «ticket export», o lo que llegó con #exportar."`
	Unsealed bool   `help:"Conformarse con que sea coherente en sí mismo, sin la clave de la mesa."`
}

// Help is shown below the flags.
func (ticketVerifyCmd) Help() string {
	return "Termina con 0 si ningún byte cambió y el sello es de esta mesa, y con 1 si no. El sello se comprueba con las claves del estado: sin la configuración de la " +
		"mesa a mano solo se puede decir, con --unsealed, si el archivo es coherente en sí mismo."
}

// Run verifies a file. It needs no process that serves, and not even a store: only the
// keys.
func (v ticketVerifyCmd) Run(t *terminal) error {
	f, err := os.Open(v.File)
	if err != nil {
		return told{v.File + ": no se puede abrir", errors.Join(errData, err)}
	}
	defer f.Close()
	var sealed func(sum, seal string) bool
	if c, err := LoadConfig(t.config); err == nil {
		path := filepath.Join(c.path(c.State), "keys")
		if _, err := os.Stat(path); err == nil {
			keys, err := loadKeys(path)
			if err != nil {
				return err
			}
			sealed = keys.Sealed
		}
	}
	r, err := dossier.Verify(bufio.NewReader(f), sealed)
	if errors.Is(err, dossier.ErrNoDossier) {
		return told{v.File + ": no es un expediente de Ventanilla, o le falta el final", errors.Join(errData, err)}
	} else if err != nil {
		return err
	}
	if t.json {
		err = t.record(r)
	} else {
		err = t.print(func(w io.Writer) { writeVerified(w, r, sealed != nil) })
	}
	if err == nil && !(r.Sealed || v.Unsealed && r.Whole) {
		err = errSaid
	}
	return err
}

func writeVerified(w io.Writer, r dossier.Report, keys bool) {
	fmt.Fprintf(w, "ticket #%s de %s, exportado %s: %d correos, %d hechos\n", r.Number, r.Desk, date(r.Made), r.Mails, r.Facts)
	switch {
	case !r.Whole:
		fmt.Fprintln(w, "ALTERADO. No es como se escribió:")
		for _, c := range r.Changed {
			fmt.Fprintln(w, "  "+c)
		}
	case r.Sealed:
		fmt.Fprintln(w, "Íntegro: ningún byte cambió, y el sello es de esta mesa.")
	case keys:
		fmt.Fprintln(w, "Coherente en sí mismo, pero el sello NO es de esta mesa: otra mesa, otra clave, o alguien lo escribió.")
	default:
		fmt.Fprintln(w, "Coherente en sí mismo. El sello no se pudo comprobar: falta la configuración con las claves de la mesa (-c).")
	}
}
