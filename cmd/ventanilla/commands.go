package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"ventanilla/desk"
	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/templates"
)

// osFiles are the admin's files beside the configuration.
func osFiles(c *Config) fs.FS { return os.DirFS(c.folder) }

// record writes one line of JSON.
func (t *terminal) record(v any) error {
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table writes rows in columns.
func (t *terminal) table(rows [][]string) error {
	return t.print(func(out io.Writer) {
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		for _, r := range rows {
			for i, cell := range r {
				r[i] = visible(strings.Join(strings.Fields(cell), " "))
			}
			fmt.Fprintln(w, strings.Join(r, "\t"))
		}
		w.Flush()
	})
}

// print writes for people what fill writes, and of it what strangers wrote too.
func (t *terminal) print(fill func(io.Writer)) error {
	var b strings.Builder
	fill(&b)
	_, err := io.WriteString(t.out, visible(b.String()))
	return err
}

// progress says on a screen every second how far something is, from the second
// on that it takes, until the function that it returns is called.
func (t *terminal) progress(say func() string) (end func()) {
	if !t.watched || t.json {
		return func() {}
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for said := false; ; said = true {
			select {
			case <-every.C:
				fmt.Fprintf(t.err, "\r%s", say())
			case <-over:
				if said {
					fmt.Fprintln(t.err)
				}
				return
			}
		}
	}()
	return func() { close(over); <-done }
}

// list writes records: as JSON lines, or as a table.
func list[T any](t *terminal, records []T, head []string, row func(T) []string) error {
	rows := [][]string{head}
	for _, r := range records {
		if t.json {
			if err := t.record(r); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, row(r))
	}
	if t.json {
		return nil
	}
	return t.table(rows)
}

// ask connects, calls once and closes.
func (t *terminal) ask(ctx context.Context, method, path string, values url.Values, body io.Reader, v any) error {
	c, err := t.connect(ctx, "admin.sock")
	if err != nil {
		return err
	}
	return errors.Join(c.call(ctx, method, path, values, body, v), c.close())
}

// checkCmd is "ventanilla check".
type checkCmd struct {
	Tests bool `help:"Corre también las pruebas de las reglas ([[rule.test]])."`
}

// Run reads everything that an admin writes and says all that is wrong.
func (check checkCmd) Run(t *terminal) error {
	c, err := LoadConfig(t.config)
	if err != nil {
		return t.checked(nil, "", err)
	}
	files := osFiles(c)
	var faults []error
	var odd []string
	world, err := rules.LoadWorld(files, c.world())
	if err != nil {
		return t.checked(c, "", err)
	}
	set, err := rules.Load(files, world)
	faults = append(faults, err)
	_, err = rules.LoadReports(files, world)
	faults = append(faults, err)
	over, err := fs.Sub(files, "templates")
	faults = append(faults, err)
	words, err := templates.Load(over)
	faults = append(faults, err)
	if err == nil {
		for _, p := range words.Problems() {
			faults = append(faults, errors.New("templates/"+p.String()))
		}
	}
	summary := ""
	if set != nil {
		summary = fmt.Sprintf("colas: %d, agentes: %d, reglas: %d", len(world.Queues), len(world.Agents), set.Len())
		for _, w := range set.Warnings() {
			odd = append(odd, w.Error())
		}
	}
	if set != nil && check.Tests {
		summary += fmt.Sprintf(", pruebas: %d", set.Tests())
		faults = append(faults, set.Test(world))
	}
	return t.checked(c, summary, errors.Join(faults...), odd...)
}

// checked writes what a check found. What is odd and no error comes after the
// warnings of the configuration.
func (t *terminal) checked(c *Config, summary string, err error, odd ...string) error {
	warnings := []string{}
	if c != nil {
		warnings = append(warnings, c.warnings()...)
	}
	warnings = append(warnings, odd...)
	if t.json {
		v := map[string]any{"ok": err == nil, "warnings": warnings, "errors": []string{}}
		if err != nil {
			v["errors"] = strings.Split(explained(err), "\n")
		}
		if e := t.record(v); e != nil {
			return e
		}
		if err != nil {
			return configError{errSaid}
		}
		return nil
	}
	for _, w := range warnings {
		fmt.Fprintln(t.err, "aviso:", w)
	}
	if err != nil {
		fmt.Fprintln(t.err, explained(err))
		return configError{errSaid}
	}
	_, err = fmt.Fprintf(t.out, "Todo en orden (%s).\n", summary)
	return err
}

// explainCmd is "ventanilla explain".
type explainCmd struct {
	Files   []string `arg:"" name:"archivo" help:"Correos (.eml); «-» es la entrada estándar."`
	From    string   `help:"Remitente del sobre (MAIL FROM); «<>» es el nulo." placeholder:"DIRECCIÓN"`
	Peer    string   `help:"Como si lo trajera por SMTP el servidor de esa dirección IP: comprueba SPF, DKIM y DMARC." placeholder:"IP"`
	Helo    string   `help:"Nombre con que ese servidor se presenta (HELO)." placeholder:"NOMBRE"`
	To      []string `help:"Destinatario del sobre (RCPT TO); sin él, los de To y Cc." placeholder:"DIRECCIÓN"`
	Trusted bool     `help:"Como si llegara de un servidor de confianza."`
	Anew    bool     `help:"Como si no hubiera llegado antes: de lo ya recibido solo se diría que es un duplicado."`
	At      string   `help:"Como si llegara en ese momento, en la zona de la mesa: 2026-05-04T10:00." placeholder:"MOMENTO"`
	Text    bool     `help:"Muestra también el texto de los correos que saldrían."`
}

// Run explains each file.
func (e explainCmd) Run(ctx context.Context, t *terminal) error {
	if err := e.wrong(); err != nil {
		return err
	}
	c, err := t.connect(ctx, "admin.sock")
	if err != nil {
		return err
	}
	defer c.close()
	values := url.Values{"from": {e.From}, "rcpt": e.To, "peer": {e.Peer}, "helo": {e.Helo}, "at": {e.At}}
	if e.Trusted {
		values.Set("relay", "1")
	}
	if e.Anew {
		values.Set("anew", "1")
	}
	return t.eachFile(e.Files, func(name string, r io.Reader) error {
		var report gateway.Report
		if err := c.call(ctx, "POST", "/explain", values, r, &report); err != nil {
			return err
		}
		if t.json {
			return t.record(reported{name, report})
		}
		return t.print(func(w io.Writer) { writeReport(w, name, report, e.Text) })
	})
}

// wrong says what does not go together.
func (e explainCmd) wrong() error {
	if _, err := time.Parse(atLayout, e.At); e.At != "" && err != nil {
		return usageError(fmt.Sprintf("--at %s: no es un momento; escríbalo como 2026-05-04T10:00", e.At))
	}
	switch _, err := netip.ParseAddr(e.Peer); {
	case e.Peer == "" && e.Helo != "":
		return usageError("--helo: falta --peer, la dirección del servidor que se presenta así")
	case e.Peer == "":
		return nil
	case err != nil:
		return usageError(fmt.Sprintf("--peer %s: no es una dirección IP", e.Peer))
	case e.Trusted:
		return usageError("--peer y --trusted no van juntos: de quién se confía lo dice [trust]")
	}
	return nil
}

// atLayout is how a moment is written on the command line.
const atLayout = "2006-01-02T15:04"

// reported is a line of "explain --json".
type reported struct {
	File string `json:"file"`
	gateway.Report
}

func writeReport(w io.Writer, name string, r gateway.Report, text bool) {
	fmt.Fprintf(w, "%s: %s\n  clase: %s (%s)\n  confianza: %s\n  destino: %s (%s)\n", name, r.Subject, r.Class, r.ClassReason, r.Trust, r.Disposition, r.Reason)
	if r.Proof != nil {
		fmt.Fprintln(w, "  remitente:", proofWords(*r.Proof))
	}
	if p := r.Place; p.UID != 0 {
		fmt.Fprintf(w, "  buzón: %s, carpeta %s, UID %d\n", p.Account, p.Folder, p.UID)
	}
	if r.Quiet {
		fmt.Fprintln(w, "  puede ser un correo viejo: no se avisa a nadie")
	}
	fmt.Fprintln(w, "  por qué:")
	for _, s := range r.Trace {
		mark := "·"
		if s.Rule != "" {
			mark = "✗"
			if s.Matched {
				mark = "✓"
			}
			fmt.Fprintf(w, "    %s regla %s (%s): %s\n", mark, s.Rule, s.Place, s.Why)
			continue
		}
		fmt.Fprintf(w, "    %s %s\n", mark, s.Why)
	}
	fmt.Fprintln(w, "  órdenes:")
	for _, c := range r.Commands {
		fmt.Fprintf(w, "    %s %s %s (%s)\n", c.Kind, c.Ticket, c.Value, c.Actor)
	}
	fmt.Fprintln(w, "  saldrían:")
	for _, m := range r.Mails {
		fmt.Fprintf(w, "    %s → %s: %s\n", m.Template, m.To, m.Subject)
		if text {
			fmt.Fprintln(w, "      "+strings.ReplaceAll(strings.TrimSpace(m.Text), "\n", "\n      "))
		}
	}
}

// eachFile calls fn with every file; "-" is standard input.
func (t *terminal) eachFile(names []string, fn func(name string, r io.Reader) error) error {
	for _, name := range names {
		if name == "-" {
			if err := fn(name, t.in); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("%w: %w", errData, err)
		}
		err = fn(name, f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// parseCmd is "ventanilla parse".
type parseCmd struct {
	Body  string   `help:"Lee solo un cuerpo, en texto o en HTML, en vez de un correo entero." enum:",text,html" default:"" placeholder:"text|html"`
	Files []string `arg:"" name:"archivo" help:"Correos; «-» es la entrada estándar."`
}

// Run reads each file and writes a line of JSON.
func (p parseCmd) Run(t *terminal) error {
	out := bufio.NewWriter(t.out)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	err := t.eachFile(p.Files, func(name string, r io.Reader) error {
		raw, err := io.ReadAll(io.LimitReader(r, sizeMost+1))
		if err != nil {
			return fmt.Errorf("%w: %w", errData, err)
		}
		return e.Encode(p.read(raw).Record(name))
	})
	return errors.Join(err, out.Flush())
}

// read reads a mail, or a bare body. A mail over a limit is not read.
func (p parseCmd) read(raw []byte) *mail.Message {
	if p.Body != "" {
		return mail.ReadBody(p.Body, raw)
	}
	limits := mail.DefaultLimits
	limits.Size = sizeMost // what any installation may accept
	if err := mail.Prescan(raw, limits); err != nil {
		return &mail.Message{ID: mail.ContentID(raw), Defects: []string{err.Error()}}
	}
	return mail.Parse(raw)
}

// deliverCmd is "ventanilla deliver".
type deliverCmd struct {
	From  string   `short:"f" help:"Remitente del sobre; «<>» es el nulo. Sin él, el de la variable SENDER, si el destinatario es el de RECIPIENT; si no, no se sabe." placeholder:"DIRECCIÓN"`
	Rcpts []string `arg:"" optional:"" name:"destinatario" help:"Direcciones a las que iba el correo. Sin ninguna, la de la variable RECIPIENT, que ponen Postfix, Exim y OpenSMTPD."`
}

// fromServer takes sender and recipient from where Postfix's local(8), Exim's pipe
// transport and OpenSMTPD's mda leave them for what they run, so that addresses of
// strangers stand in no command line.
func (d *deliverCmd) fromServer(lookup func(string) (string, bool)) error {
	if len(d.Rcpts) > 0 {
		return nil
	}
	rcpt, _ := lookup("RECIPIENT")
	if rcpt == "" {
		return fmt.Errorf("%w: falta el destinatario: no está en la orden ni en la variable RECIPIENT", errLater)
	}
	d.Rcpts = []string{rcpt}
	if sender, ok := lookup("SENDER"); ok && d.From == "" {
		if d.From = sender; strings.Trim(sender, "<>") == "" {
			d.From = mail.NullPath
		}
	}
	return nil
}

// Run takes charge of the mail on standard input; at exit 0 it is on disk.
func (d deliverCmd) Run(ctx context.Context, t *terminal) error {
	if err := d.fromServer(os.LookupEnv); err != nil {
		return err
	}
	c, err := t.connect(ctx, "deliver.sock")
	if exitCode(err) == exitConfig {
		// mail servers return the mail to its sender on EX_CONFIG: it shall wait
		// until the configuration is mended
		return fmt.Errorf("%w: %w", errLater, err)
	}
	if err != nil {
		return err
	}
	defer c.close()
	var answer delivered
	if err := c.call(ctx, "POST", "/deliver", url.Values{"from": {d.From}, "rcpt": d.Rcpts}, withoutFromLine(t.in), &answer); err != nil {
		return err
	}
	if t.json {
		return t.record(answer)
	}
	return nil
}

// withoutFromLine leaves out the "From " line that some servers put before a
// mail that they give to a pipe.
func withoutFromLine(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if start, err := b.Peek(5); err == nil && string(start) == "From " {
		for _, err = b.ReadSlice('\n'); errors.Is(err, bufio.ErrBufferFull); _, err = b.ReadSlice('\n') {
		}
	}
	return b
}

// ticketCmd is "ventanilla ticket".
type ticketCmd struct {
	List ticketListCmd `cmd:"" help:"Lista tickets, los más nuevos primero."`
	Show ticketShowCmd `cmd:"" help:"Muestra un ticket: datos, historia y textos."`

	Export  ticketExportCmd  `cmd:"" help:"Escribe todos los correos y la historia de un ticket en un archivo sellado."`
	Verify  ticketVerifyCmd  `cmd:"" help:"Dice si alguien cambió un byte de lo que escribió «ticket export»."`
	Find    ticketFindCmd    `cmd:"" help:"Busca tickets por sus palabras."`
	Reindex ticketReindexCmd `cmd:"" help:"Hace de nuevo el índice en que se busca."`
}

type ticketListCmd struct {
	State  string `help:"Solo los que están así: new, open, pending, resolved, closed, merged o cancelled." placeholder:"ESTADO"`
	Queue  string `help:"Solo los de esta cola." placeholder:"COLA"`
	Agent  string `help:"Solo los de este agente." placeholder:"AGENTE"`
	Limit  int    `help:"Cuántos, como mucho." default:"50" placeholder:"50"`
	Before uint64 `help:"Solo los anteriores a este id (--json lo muestra): para la página siguiente." placeholder:"ID"`
}

// Run lists tickets.
func (l ticketListCmd) Run(ctx context.Context, t *terminal) error {
	switch {
	case l.State != "" && !slices.Contains(ticketStates[:], desk.State(l.State)):
		return usageError(fmt.Sprintf("--state %s: no hay ese estado; son %v", l.State, ticketStates))
	case l.Queue != "" && l.Agent != "":
		return usageError("--queue y --agent no van juntos")
	case l.Limit < 1:
		return usageError("--limit: va de 1 en adelante")
	}
	var ts []desk.Ticket
	v := url.Values{"state": {l.State}, "queue": {l.Queue}, "agent": {l.Agent},
		"limit": {strconv.Itoa(l.Limit)}, "before": {strconv.FormatUint(l.Before, 10)}}
	if err := t.ask(ctx, "GET", "/tickets", v, nil, &ts); err != nil {
		return err
	}
	return list(t, ts, []string{"NÚMERO", "ESTADO", "COLA", "AGENTE", "PRIORIDAD", "ABIERTO", "ASUNTO"}, ticketRow)
}

func date(at time.Time) string { return at.Local().Format("2006-01-02 15:04") }

type ticketShowCmd struct {
	Number string `arg:"" name:"número" help:"Número del ticket, con # o sin él."`
	Full   bool   `help:"Los textos enteros, con lo citado y las firmas; sin ella, lo que cada uno escribió esa vez."`
}

// Run shows a ticket.
func (s ticketShowCmd) Run(ctx context.Context, t *terminal) error {
	var h shown
	v := url.Values{}
	if s.Full {
		v.Set("full", "1")
	}
	if err := t.ask(ctx, "GET", "/tickets/"+url.PathEscape(strings.TrimPrefix(s.Number, "#")), v, nil, &h); err != nil {
		if errors.Is(err, gateway.ErrNotFound) {
			return told{"no hay un ticket " + s.Number + ": los números están en «ventanilla ticket list»", err}
		}
		return err
	}
	if t.json {
		return t.record(h)
	}
	return t.print(func(w io.Writer) { writeTicket(w, h) })
}

// outcomes are what becomes of a mail of ours, in Spanish.
var outcomes = map[string]string{
	store.OutcomeSent: "enviado", store.OutcomeFailed: "abandonado", store.OutcomeDropped: "descartado", store.OutcomeSuppressed: "no se envió: los correos a esa dirección fallan",
	store.OutcomeDelayed: "demorado", store.OutcomeBounced: "rebotó", store.OutcomeDelivered: "entregado", store.OutcomeAway: "enviado; respondió que no está", store.OutcomeComplaint: "marcado como correo no deseado",
}

// taskStates are where a task stands, in Spanish.
var taskStates = map[desk.TaskState]string{desk.TaskOpen: "por hacer", desk.TaskDone: "hecha, espera el visto bueno", desk.TaskAgreed: "terminada"}

func writeTicket(w io.Writer, h shown) {
	k := h.Ticket
	fmt.Fprintf(w, "#%s  %s\n  estado: %s   cola: %s   agente: %s   prioridad: %s   tipo: %s\n  solicitante: %s <%s>   abierto: %s\n",
		k.Number, k.Subject, k.State, k.Queue, k.Assignee, rules.PriorityWord(k.Priority), k.Type, h.Requester.Name, h.Requester.Address, date(k.OpenedAt))
	if c := k.Clocks.Resolution; !c.Fixed.IsZero() {
		fmt.Fprintf(w, "  plazo fijado a mano: %s %s\n", date(c.Fixed), c.Why)
	}
	for _, task := range k.Tasks {
		fmt.Fprintf(w, "  tarea %d, %s: %s (%s)", task.Number, task.Owner, task.Text, taskStates[task.State])
		if !task.Due.IsZero() {
			fmt.Fprintf(w, ", para el %s", date(task.Due))
		}
		fmt.Fprintln(w)
	}
	for _, e := range h.Events {
		fmt.Fprintf(w, "\n%s  %s  %s", date(e.At), e.Kind, e.Actor)
		if e.Old != "" || e.New != "" {
			fmt.Fprintf(w, "  %s → %s", e.Old, e.New)
		}
		if e.Text != "" {
			fmt.Fprintf(w, "  %q", e.Text)
		}
		if n := e.Article; n > 0 && n <= len(h.Articles) && h.Articles[n-1].Repeated {
			fmt.Fprint(w, "  (otro correo con un Message-ID que ya había llegado)")
		}
		if p, ok := h.Proofs[e.Article]; ok {
			fmt.Fprintf(w, "\n    [%s]", proofWords(p))
		}
		if text := h.Texts[e.Article]; text != "" {
			fmt.Fprintf(w, "\n    %s", strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    "))
		}
	}
	fmt.Fprintln(w)
	for _, m := range h.Mails {
		words := m.Outcome
		if w, ok := outcomes[m.Outcome]; ok {
			words = w
		}
		fmt.Fprintf(w, "%s  %s a %s: %s %s", date(m.At), m.Kind, m.To, words, m.Answer)
		if m.Report != "" {
			fmt.Fprintf(w, " (%s: %s)", date(m.ReportedAt), m.Report)
		}
		fmt.Fprintln(w)
	}
}

// carriedOut is a line of "outbox retry --json" and the like.
type carriedOut struct {
	ID      string         `json:"id"`
	Done    string         `json:"done"` // "retry", "drop" or "release"
	Receipt *store.Receipt `json:"receipt,omitempty"`
}

// forEach asks the same of several ids and says what was done.
func (t *terminal) forEach(ctx context.Context, ids []string, path, done string) error {
	c, err := t.connect(ctx, "admin.sock")
	if err != nil {
		return err
	}
	defer c.close()
	for _, id := range ids {
		var r *store.Receipt
		if err := c.call(ctx, "POST", path, url.Values{"id": {id}}, nil, &r); err != nil {
			return aboutMail(id, err)
		}
		switch {
		case t.json:
			err = t.record(carriedOut{id, filepath.Base(path), r})
		case r != nil:
			_, err = fmt.Fprintf(t.out, "%s: %s, ahora es %s\n", id, done, r.Disposition)
		default:
			_, err = fmt.Fprintf(t.out, "%s: %s\n", id, done)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// aboutMail says which mail an error is about.
func aboutMail(id string, err error) error {
	if errors.Is(err, gateway.ErrNotFound) {
		return told{"no hay un correo " + id + ": los identificadores están en la orden list", err}
	}
	return fmt.Errorf("%s: %w", id, err)
}

// quarantineCmd is "ventanilla quarantine".
type quarantineCmd struct {
	List    quarantineListCmd    `cmd:"" help:"Lista los correos apartados y por qué."`
	Show    quarantineShowCmd    `cmd:"" help:"Escribe un correo apartado, tal como llegó."`
	Release quarantineReleaseCmd `cmd:"" help:"Libera un correo: se procesa como de un remitente sin verificar."`
	Drop    quarantineDropCmd    `cmd:"" help:"Descarta un correo apartado; sus bytes quedan en el registro."`
}

type quarantineListCmd struct {
	Limit int    `help:"Cuántos, como mucho." default:"100" placeholder:"100"`
	After string `help:"Solo los que siguen a esta posición: para la página siguiente." placeholder:"POSICIÓN"`
}

// Run lists the quarantine.
func (l quarantineListCmd) Run(ctx context.Context, t *terminal) error {
	if l.Limit < 1 {
		return usageError("--limit: va de 1 en adelante")
	}
	var rs []store.Receipt
	if err := t.ask(ctx, "GET", "/quarantine", url.Values{"limit": {strconv.Itoa(l.Limit)}, "after": {l.After}}, nil, &rs); err != nil {
		return err
	}
	return list(t, rs, []string{"POSICIÓN", "CUÁNDO", "DE", "ASUNTO", "POR QUÉ"}, func(r store.Receipt) []string {
		return []string{r.Position, date(r.At), r.From, r.Subject, r.Reason}
	})
}

type quarantineShowCmd struct {
	Position string `arg:"" name:"posición" help:"Como la da «quarantine list»."`
}

// Run writes the raw mail.
func (s quarantineShowCmd) Run(ctx context.Context, t *terminal) error {
	c, err := t.connect(ctx, "admin.sock")
	if err != nil {
		return err
	}
	defer c.close()
	r, err := c.open(ctx, "GET", "/raw", url.Values{"id": {s.Position}}, nil)
	if err != nil {
		return aboutMail(s.Position, err)
	}
	defer r.Close()
	if t.json {
		raw, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return t.record(map[string]any{"position": s.Position, "raw": raw}) // base64, as in export
	}
	_, err = io.Copy(t.out, r)
	return err
}

type quarantineReleaseCmd struct {
	Positions []string `arg:"" name:"posición" help:"Como las da «quarantine list»."`
}

// Run releases mails.
func (c quarantineReleaseCmd) Run(ctx context.Context, t *terminal) error {
	return t.forEach(ctx, c.Positions, "/quarantine/release", "liberado")
}

type quarantineDropCmd struct {
	Positions []string `arg:"" name:"posición" help:"Como las da «quarantine list»."`
}

// Run drops mails.
func (c quarantineDropCmd) Run(ctx context.Context, t *terminal) error {
	return t.forEach(ctx, c.Positions, "/quarantine/drop", "descartado")
}

// doctorCmd is "ventanilla doctor".
type doctorCmd struct{}

// Run checks the store against the log.
func (doctorCmd) Run(ctx context.Context, t *terminal) error {
	var a gateway.Audit
	began := time.Now()
	end := t.progress(func() string {
		return fmt.Sprintf("comprobando cada correo aceptado: %.0f s", time.Since(began).Seconds())
	})
	err := t.ask(ctx, "GET", "/doctor", nil, nil, &a)
	end()
	if err != nil {
		return err
	}
	if t.json {
		if err := t.record(a); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(t.out, "aceptados: %d   con destino: %d   en espera: %d\n", a.Accepted, a.Settled, a.Waiting)
		for _, d := range rules.Dispositions {
			if n := a.Dispositions[string(d)]; n > 0 {
				fmt.Fprintf(t.out, "  %-10s %d\n", d, n)
			}
		}
		fmt.Fprintf(t.out, "tickets: %d   por enviar: %d\n", a.Tickets, a.Outbox)
		for _, f := range a.Faults {
			fmt.Fprintln(t.out, "FALLA:", f)
		}
		if len(a.Faults) == 0 {
			fmt.Fprintln(t.out, "Todo en orden: nada se ha perdido.")
		}
	}
	if len(a.Faults) > 0 {
		return errSaid
	}
	return nil
}

// referenceCmd is "ventanilla reference".
type referenceCmd struct {
	Templates bool `help:"La de las plantillas de los correos."`
}

// Run writes docs/configuracion.md or docs/plantillas.md.
func (c referenceCmd) Run(t *terminal) error {
	text := configurationReference()
	if c.Templates {
		text = templateReference()
	}
	if t.json {
		return t.record(map[string]string{"markdown": text})
	}
	_, err := io.WriteString(t.out, text)
	return err
}
