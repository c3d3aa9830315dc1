package demo

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net"
	"net/http"
	netmail "net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ventanilla/mail"
)

// Options are what [Pages] needs besides the inbox.
type Options struct {
	Name        string         // of the desk
	SMTPAddress string         // host:port at which the desk takes mail
	Addresses   []string       // of the desk's queues; the first is the form's first choice
	People      []Person       // whom the visitor may play; the first is the form's first choice
	Hosts       []string       // host names that the pages are reached by, besides this machine's own
	Zone        *time.Location // of the times shown; nil means UTC
	Log         *slog.Logger   // nil means none
	Now         func() time.Time

	// Patience is how long the page after sending waits for the first mail to
	// come back (0 means 4 s), Settle how long it then waits for more (0 means
	// 400 ms).
	Patience, Settle time.Duration
}

// Person is somebody of the story that the demo tells.
type Person struct {
	Name    string // as people read it
	Address string
	Agent   bool // works on tickets, and may give commands by mail
}

// String returns the person as a mail program shows him.
func (p Person) String() string { return readable(p.Name, p.Address) }

// readable writes an address for people, such that net/mail reads it again:
// accents stay as they are, and only a name that needs quotes gets them.
func readable(name, address string) string {
	if name == "" {
		return address
	}
	if strings.ContainsAny(name, `()<>[]:;@\,."`) {
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name + " <" + address + ">"
}

// Pages serves the demo under /demo/: the captured mails, each as it looks, and
// the form that sends one to the desk. Only a browser that calls this machine by
// one of its own names is answered, so that no page of the network can read the
// inbox by pointing its own name here (DNS rebinding).
func Pages(inbox *Inbox, o Options) http.Handler {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = 4 * time.Second
	}
	if o.Settle == 0 {
		o.Settle = 400 * time.Millisecond
	}
	p := &pages{inbox: inbox, Options: o, crossSite: http.NewCrossOriginProtection().Check}
	p.ownHost = p.isOwnHost
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/{$}", p.list)
	mux.HandleFunc("GET /demo/mail/{number}", p.mail)
	mux.HandleFunc("GET /demo/mail/{number}/raw", p.raw)
	mux.HandleFunc("GET /demo/mail/{number}/file/{index}", p.file)
	mux.HandleFunc("POST /demo/send", p.send)
	p.mux = mux
	return p
}

type pages struct {
	inbox *Inbox
	Options
	mux *http.ServeMux

	// The guards; tests switch them off.
	ownHost   func(host string) bool
	crossSite func(*http.Request) error
}

// Limits of the form.
const (
	maxUpload  = 12 << 20
	maxSubject = 300 // characters
)

//go:embed pages.html
var pagesSource string

//go:embed pages.css
var styleSource string

var pagesTemplate = template.Must(template.New("pages").Parse(pagesSource)) // never changes

// policy lets pages have their own style and form. The frame of a mail inherits
// it: so a mail has inline styles and the pictures that it brings, and loads
// nothing.
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	if !p.ownHost(r.Host) {
		http.Error(w, "Esta demostración solo atiende a esta máquina: ábrala como http://localhost o con el nombre configurado.", http.StatusForbidden)
		return
	}
	if err := p.crossSite(r); err != nil {
		http.Error(w, "El formulario no salió de esta página.", http.StatusForbidden)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// isOwnHost says that a Host header names this machine, or a name of Hosts.
func (p *pages) isOwnHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() {
		return true
	}
	return name == "localhost" || slices.ContainsFunc(p.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// view is what the template shows.
type view struct {
	Style   template.CSS
	Name    string
	Title   string
	Boxes   []box
	Rows    []row
	Box     string // address whose mailbox is shown; "" means all
	Letter  form
	Sent    bool // a mail was sent just now
	Came    int  // how many came back
	Mail    *shown
	Problem string
	People  []Person
	Desks   []string
	pages   *pages
}

// box is the mailbox of one person among the captured mails.
type box struct {
	Address, Name string
	Agent, Chosen bool
	Count         int
}

// row is a mail in the list.
type row struct {
	Number                int
	To, Subject, From, At string
	Begins                string // what the text says first
	Agent, New            bool
	Files                 int
}

// form is what the form holds.
type form struct{ From, To, Subject, Text, Answers string }

// shown is a mail as it is looked at.
type shown struct {
	row
	Document string // of the frame; "" if the mail has no HTML part
	Runs     []run
	Header   []mail.Field
	Parts    []part
	Bytes    int
	Cut      bool // of the text
}

type part struct {
	Index int
	Name  string
	Type  string
	Size  int64
}

func (p *pages) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	v := p.view("Demostración")
	after, err := strconv.Atoi(q.Get("after"))
	if v.Sent = err == nil; v.Sent {
		p.await(r.Context(), after)
	}
	v.Box = q.Get("box")
	v.fill(after)
	v.Letter = form{From: q.Get("from"), To: q.Get("to"), Subject: q.Get("subject"), Text: q.Get("text"), Answers: q.Get("answers")}
	if v.Letter.From == "" && len(p.People) > 0 {
		v.Letter.From = p.People[0].String()
	} else if person, found := p.person(v.Letter.From); found {
		v.Letter.From = person.String()
	}
	if v.Letter.To == "" && len(p.Addresses) > 0 {
		v.Letter.To = p.Addresses[0]
	}
	p.show(w, http.StatusOK, v)
}

// await returns when mail newer than a number has come and no more follows, or
// when patience ends.
func (p *pages) await(ctx context.Context, after int) {
	patience, cancel := context.WithTimeout(ctx, p.Patience)
	defer cancel()
	if _, err := p.inbox.Wait(patience, func(c Captured) bool { return c.Number > after }); err != nil {
		return // nothing came: the page says so
	}
	settle, cancel := context.WithTimeout(patience, p.Settle)
	defer cancel()
	<-settle.Done()
}

func (p *pages) view(title string) *view {
	return &view{Style: template.CSS(styleSource), Name: p.Name, Title: title, People: p.People, Desks: p.Addresses, pages: p}
}

// fill lists the captured mails of one person's mailbox, or of all of them,
// newest first. Those newer than after are marked, if a mail was sent.
func (v *view) fill(after int) {
	address := v.Box
	counts := map[string]int{}
	for _, c := range v.pages.inbox.Mails() {
		for _, to := range c.Envelope.Rcpts {
			counts[strings.ToLower(to)]++
		}
		row := v.pages.row(c)
		row.New = v.Sent && c.Number > after
		if row.New {
			v.Came++
		}
		if address == "" || c.To(address) {
			v.Rows = append(v.Rows, row)
		}
	}
	slices.Reverse(v.Rows)
	for _, person := range v.People {
		key := strings.ToLower(person.Address)
		v.Boxes = append(v.Boxes, box{Address: person.Address, Name: person.Name, Agent: person.Agent, Count: counts[key], Chosen: sameAddress(address, person.Address)})
		delete(counts, key)
	}
	for _, other := range slices.Sorted(maps.Keys(counts)) {
		v.Boxes = append(v.Boxes, box{Address: other, Name: other, Count: counts[other], Chosen: sameAddress(address, other)})
	}
}

// person finds the one that an address, with or without a name, belongs to.
func (p *pages) person(address string) (Person, bool) {
	if a, err := netmail.ParseAddress(address); err == nil {
		address = a.Address
	}
	i := slices.IndexFunc(p.People, func(one Person) bool { return sameAddress(one.Address, address) })
	if i < 0 {
		return Person{}, false
	}
	return p.People[i], true
}

func (p *pages) row(c Captured) row {
	out := row{Number: c.Number, Subject: c.Message.Subject, At: c.Envelope.ReceivedAt.In(p.Zone).Format("02/01/2006 15:04:05"), Files: len(attachments(c.Message))}
	out.Begins = begins(c.Message.Text)
	if out.Subject == "" {
		out.Subject = "(sin asunto)"
	}
	var to []string
	for _, address := range c.Envelope.Rcpts {
		name := address
		if person, found := p.person(address); found {
			name, out.Agent = person.Name, person.Agent
		}
		to = append(to, name)
	}
	out.To = strings.Join(to, ", ")
	if from := c.Message.From; len(from) > 0 {
		out.From = readable(from[0].Name, from[0].Address)
	}
	return out
}

// begins returns the first line of a text that says something: not the one that
// asks to answer above it.
func begins(text string) string {
	for line := range strings.Lines(clip(text, 4096)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "##") {
			return clip(line, 200)
		}
	}
	return ""
}

// asked returns the mail that the path names, or answers 404.
func (p *pages) asked(w http.ResponseWriter, r *http.Request) (Captured, bool) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err == nil {
		if c, found := p.inbox.Mail(number); found {
			return c, true
		}
	}
	http.Error(w, "Ese correo no está aquí, o ya no: solo se guardan los últimos.", http.StatusNotFound)
	return Captured{}, false
}

// maxText is how many bytes of a mail's text a page shows.
const maxText = 256 << 10

func (p *pages) mail(w http.ResponseWriter, r *http.Request) {
	c, found := p.asked(w, r)
	if !found {
		return
	}
	v := p.view(c.Message.Subject)
	m := &shown{row: p.row(c), Header: c.Message.Header, Bytes: len(c.Raw)}
	if c.Message.HTML != "" {
		m.Document = framed(c)
	}
	m.Runs, m.Cut = runs(c)
	for i, file := range c.Message.Parts {
		m.Parts = append(m.Parts, part{Index: i, Name: file.Name, Type: file.Type, Size: file.Size})
	}
	v.Mail, v.Letter = m, p.answer(c)
	p.show(w, http.StatusOK, v)
}

// answer is the form as a mail program fills it for a reply.
func (p *pages) answer(c Captured) form {
	f := form{Answers: strconv.Itoa(c.Number), Subject: c.Message.Subject}
	if len(c.Envelope.Rcpts) > 0 {
		f.From = c.Envelope.Rcpts[0]
		if person, found := p.person(f.From); found {
			f.From = person.String()
		}
	}
	to := append(slices.Clone(c.Message.ReplyTo), c.Message.From...)
	if len(to) > 0 {
		f.To = readable(to[0].Name, to[0].Address)
	}
	if !strings.HasPrefix(strings.ToLower(f.Subject), "re:") {
		f.Subject = "Re: " + f.Subject
	}
	from := "la mesa"
	if len(c.Message.From) > 0 {
		from = readable(c.Message.From[0].Name, c.Message.From[0].Address)
	}
	date := c.Message.Date
	if date.IsZero() {
		date = c.Envelope.ReceivedAt
	}
	f.Text = "\n\nEl " + date.In(p.Zone).Format("02/01/2006 15:04") + ", " + from + " escribió:\n" + quote(c.Message.Text)
	return f
}

func quote(text string) string {
	text = strings.TrimSpace(clip(text, maxText))
	return "> " + strings.ReplaceAll(text, "\n", "\n> ") + "\n"
}

// clip returns at most n bytes of s, in whole characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func (p *pages) raw(w http.ResponseWriter, r *http.Request) {
	c, found := p.asked(w, r)
	if !found {
		return
	}
	download(w, fmt.Sprintf("correo-%d.eml", c.Number), bytes.NewReader(c.Raw))
}

func (p *pages) file(w http.ResponseWriter, r *http.Request) {
	c, found := p.asked(w, r)
	if !found {
		return
	}
	i, err := strconv.Atoi(r.PathValue("index"))
	if err != nil || i < 0 || i >= len(c.Message.Parts) {
		http.Error(w, "Ese archivo no está en el correo.", http.StatusNotFound)
		return
	}
	file := c.Message.Parts[i]
	download(w, file.Name, file.Open(c.Raw))
}

// download sends bytes that a browser saves and never shows.
func download(w http.ResponseWriter, name string, r io.Reader) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = io.Copy(w, r) // a visitor who has left is no error
}

// send writes to the desk, and then shows what came back.
func (p *pages) send(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	f, l, problem := p.read(r)
	if problem != "" {
		p.again(w, http.StatusBadRequest, f, problem)
		return
	}
	before := p.inbox.Last()
	err := send(r.Context(), p.SMTPAddress, l)
	if no := (*refusal)(nil); errors.As(err, &no) {
		p.again(w, http.StatusConflict, f, fmt.Sprintf("La mesa no aceptó el correo. Su servidor respondió: %d %s", no.Code, no.Text))
		return
	}
	if err != nil {
		p.Log.Error("demo: mail not sent", "error", err)
		p.again(w, http.StatusBadGateway, f, "No se pudo entregar el correo a la mesa. ¿Está en marcha? El registro dice la causa.")
		return
	}
	http.Redirect(w, r, "/demo/?after="+strconv.Itoa(before)+"#recibidos", http.StatusSeeOther)
}

// again shows the form with what was written and what is wrong with it.
func (p *pages) again(w http.ResponseWriter, status int, f form, problem string) {
	v := p.view("Demostración")
	v.fill(0)
	v.Letter, v.Problem = f, problem
	p.show(w, status, v)
}

// read makes a letter of the form. problem says what is wrong with it.
func (p *pages) read(r *http.Request) (f form, l letter, problem string) {
	if err := r.ParseMultipartForm(maxUpload); err != nil {
		return f, l, "El correo es demasiado grande o no llegó entero: el archivo puede tener hasta 10 MB."
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	get := func(name string) string { return strings.ToValidUTF8(r.PostForm.Get(name), "\uFFFD") }
	f = form{From: get("from"), To: get("to"), Subject: get("subject"), Answers: get("answers"), Text: strings.ReplaceAll(get("text"), "\r\n", "\n")}
	var err error
	if l.From, err = netmail.ParseAddress(f.From); err != nil {
		return f, l, "«De» debe ser una dirección, como María Gómez <maria@example.org>."
	}
	if l.To, err = netmail.ParseAddress(f.To); err != nil {
		return f, l, "«Para» debe ser una dirección, como soporte@example.org."
	}
	if utf8.RuneCountInString(f.Subject) > maxSubject {
		return f, l, "El asunto es demasiado largo."
	}
	l.Subject, l.Text, l.Date, l.MessageID = f.Subject, f.Text, p.Now().In(p.Zone), newMessageID(l.From.Address)
	if number, err := strconv.Atoi(f.Answers); err == nil {
		if c, found := p.inbox.Mail(number); found {
			l.InReplyTo, l.References = c.Message.MessageID, append(slices.Clone(c.Message.References), c.Message.MessageID)
		}
	}
	file, head, err := r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) {
		return f, l, ""
	}
	if err != nil {
		return f, l, "El archivo no llegó entero."
	}
	defer file.Close()
	if l.File, err = io.ReadAll(file); err != nil {
		return f, l, "El archivo no llegó entero."
	}
	l.FileName, l.FileType = head.Filename, fileType(head.Header.Get("Content-Type"))
	return f, l, ""
}

// fileType returns a media type that a browser gave, if it is one.
func fileType(given string) string {
	if t, _, err := mime.ParseMediaType(given); err == nil && strings.Contains(t, "/") {
		return t
	}
	return "application/octet-stream"
}

func (p *pages) show(w http.ResponseWriter, status int, v *view) {
	var b bytes.Buffer
	if err := pagesTemplate.Execute(&b, v); err != nil {
		p.Log.Error("demo: page failed", "error", err)
		http.Error(w, "Algo falló al preparar la página.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a visitor who has left is no error
}
