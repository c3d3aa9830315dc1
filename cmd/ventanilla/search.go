package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/rules"
	"ventanilla/search"
)

// indexed is a house's search index, opened when somebody first needs it.
type indexed struct {
	mu   sync.Mutex
	open *search.Index
}

// openIndex opens the search index in the state folder. followed says that somebody
// keeps it in step; else it is brought up to now here.
func (h *house) openIndex(ctx context.Context, followed bool) (*search.Index, error) {
	h.index.mu.Lock()
	defer h.index.mu.Unlock()
	if h.index.open != nil {
		return h.index.open, nil
	}
	x, err := search.Open(filepath.Join(h.config.path(h.config.State), "search"))
	if err != nil {
		return nil, err
	}
	if !followed {
		if err := h.CatchUp(ctx, x); err != nil {
			return nil, errors.Join(err, x.Close())
		}
	}
	h.index.open = x
	h.UseIndex(x)
	return x, nil
}

func (i *indexed) close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.open == nil {
		return nil
	}
	return i.open.Close()
}

// findTickets answers «ticket find».
func findTickets(r *http.Request, h *house) ([]desk.Ticket, error) {
	if _, err := h.openIndex(r.Context(), false); err != nil {
		return nil, err
	}
	return h.Find(r.Context(), r.FormValue("words"), number(r, "limit", 50))
}

// reindex makes the search index anew, and writes how far it is, a number a line.
func reindex(w http.ResponseWriter, r *http.Request, h *house) {
	x, err := h.openIndex(r.Context(), true)
	if err != nil {
		answer(w, nil, err)
		return
	}
	tell := func(format string, values ...any) {
		fmt.Fprintf(w, format, values...)
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
	if err := h.Reindex(r.Context(), x, func(n int) { tell("{\"tickets\":%d}\n", n) }); err != nil {
		tell("{\"error\":%q}\n", err.Error())
	}
}

// ticketFindCmd is "ventanilla ticket find".
type ticketFindCmd struct {
	Words []string `arg:"" name:"palabra" help:"Palabras que tiene que haber, en cualquier forma: «impresoras» encuentra «impresora»."`
	Limit int      `help:"Cuántos, como mucho." default:"50" placeholder:"50"`
}

// Help is shown below the flags.
func (ticketFindCmd) Help() string {
	return "Busca en el asunto, las etiquetas y los textos de todos los tickets, también los cerrados; primero lo que mejor coincide."
}

// Run finds tickets.
func (f ticketFindCmd) Run(ctx context.Context, t *terminal) error {
	if f.Limit < 1 {
		return usageError("--limit: va de 1 en adelante")
	}
	var ts []desk.Ticket
	v := url.Values{"words": {strings.Join(f.Words, " ")}, "limit": {strconv.Itoa(f.Limit)}}
	if err := t.ask(ctx, "GET", "/find", v, nil, &ts); err != nil {
		return err
	}
	if len(ts) == 0 && !t.json {
		return told{"ningún ticket tiene todas esas palabras", gateway.ErrNotFound}
	}
	return list(t, ts, []string{"NÚMERO", "ESTADO", "COLA", "AGENTE", "PRIORIDAD", "ABIERTO", "ASUNTO"}, ticketRow)
}

// ticketRow is a ticket in a list.
func ticketRow(k desk.Ticket) []string {
	return []string{"#" + k.Number, string(k.State), k.Queue, k.Assignee, rules.PriorityWord(k.Priority), date(k.OpenedAt), k.Subject}
}

// ticketReindexCmd is "ventanilla ticket reindex".
type ticketReindexCmd struct{}

// Help is shown below the flags.
func (ticketReindexCmd) Help() string {
	return "El índice se hace y se repone solo; esta orden sirve para rehacerlo ya. Mientras tanto se busca en el anterior."
}

// Run makes the index anew.
func (ticketReindexCmd) Run(ctx context.Context, t *terminal) error {
	c, err := t.connect(ctx, "admin.sock")
	if err != nil {
		return err
	}
	defer c.close()
	body, err := c.open(ctx, "POST", "/reindex", nil, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	var n atomic.Int64
	end := t.progress(func() string { return fmt.Sprintf("tickets en el índice nuevo: %d", n.Load()) })
	began := time.Now()
	for in := json.NewDecoder(body); err == nil; {
		var told struct {
			Tickets int64
			Error   string
		}
		if err = in.Decode(&told); err == nil && told.Error != "" {
			err = errors.New(told.Error)
		} else if err == nil {
			n.Store(told.Tickets)
		}
	}
	end()
	if !errors.Is(err, io.EOF) {
		return err
	}
	if t.json {
		return t.record(map[string]int64{"tickets": n.Load()})
	}
	_, err = fmt.Fprintf(t.out, "índice hecho de nuevo: %d tickets en %s\n", n.Load(), time.Since(began).Round(time.Millisecond))
	return err
}
