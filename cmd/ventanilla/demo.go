package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"ventanilla/demo"
	"ventanilla/mail"
	"ventanilla/mailin"
	"ventanilla/mailout"
)

// demoCmd is "ventanilla demo".
type demoCmd struct {
	State         string        `help:"Carpeta del estado; sin ella, una temporal que se borra al terminar." placeholder:"CARPETA" type:"path"`
	SMTP          string        `help:"Dónde recibe correo." default:"127.0.0.1:2525" placeholder:"DIRECCIÓN"`
	Web           string        `help:"Dónde muestra las páginas." default:"127.0.0.1:8080" placeholder:"DIRECCIÓN"`
	Smarthost     string        `help:"Envía de verdad lo que sale, a este servidor, en vez de mostrarlo en /demo/." placeholder:"DIRECCIÓN"`
	Uncapped      bool          `help:"Sin máximos de respuestas automáticas: para ponerle carga."`
	Tour          bool          `help:"Primero recorre y cuenta la vida de una solicitud."`
	Exit          bool          `help:"Termina después del recorrido; con puertos libres si no se dan otros."`
	Patience      time.Duration `help:"Cuánto espera el recorrido en cada parada." default:"10s" placeholder:"10s"`
	TrustLoopback bool          `help:"Confía en lo que llega de esta máquina como si su remitente estuviera verificado." default:"true" negatable:""`
	Verbose       bool          `short:"v" help:"Escribe el registro."`

	sendsElsewhere bool // a smarthost was given
}

// Run shows everything at work on this machine.
func (d demoCmd) Run(ctx context.Context, t *terminal) error {
	if d.Exit {
		d.Tour = true
		d.SMTP, d.Web = freePort(d.SMTP, "127.0.0.1:2525"), freePort(d.Web, "127.0.0.1:8080")
	}
	if d.State == "" {
		dir, err := os.MkdirTemp("", "ventanilla-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		d.State = dir
	}
	log := slog.New(slog.DiscardHandler)
	if d.Verbose {
		log = newLog(t.err, LogConfig{Level: "debug"})
	}
	ctx, end := signal.NotifyContext(ctx, syscall.SIGHUP) // the window was closed: leave nothing behind
	defer end()
	inbox := &demo.Inbox{}
	closeInbox, err := d.capture(inbox, log)
	if err != nil {
		return err
	}
	defer closeInbox()
	s, err := d.service(ctx, inbox, log)
	if err != nil {
		return err
	}
	played := make(chan error, 1)
	s.ready = func(at addresses) {
		go func() {
			played <- d.play(ctx, t, s, inbox, at)
			if d.Exit {
				end()
			}
		}()
	}
	if err := s.run(ctx); err != nil {
		return err
	}
	if d.Exit {
		return <-played
	}
	return nil
}

// freePort lets the system choose, where nobody has chosen.
func freePort(address, otherwise string) string {
	if address == otherwise {
		return "127.0.0.1:0"
	}
	return address
}

// capture opens the door of the inbox that takes what the desk sends, unless it
// is sent elsewhere.
func (d *demoCmd) capture(inbox *demo.Inbox, log *slog.Logger) (closeDoor func(), err error) {
	if d.sendsElsewhere = d.Smarthost != ""; d.sendsElsewhere {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server, err := mailin.NewServer(inbox, mailin.Options{Hostname: "demo.invalid", Log: log})
	if err != nil {
		l.Close()
		return nil, err
	}
	go func() { _ = server.Serve(l) }()
	d.Smarthost = l.Addr().String()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}, nil
}

// configFile is the demo's configuration, for the other commands.
func (d demoCmd) configFile() string { return filepath.Join(d.State, "ventanilla.toml") }

// install writes the example installation into the state folder, unless there is
// one: its rules and words can be edited while the demo runs, and the other
// commands find the state by it.
func (d demoCmd) install() error {
	if err := privateFolder(d.State); err != nil {
		return err
	}
	if _, err := os.Stat(d.configFile()); err == nil {
		return nil
	}
	files, err := installationFiles(answers{domain: "mesa.example", name: "Mesa de ayuda", queueAddress: "soporte@mesa.example"})
	if err != nil {
		return err
	}
	files["ventanilla.toml"] = bytes.Replace(files["ventanilla.toml"], []byte(`state = "estado"`), []byte(`state = "."`), 1)
	return writeMissing(d.State, files)
}

// service makes a desk out of the example installation.
func (d demoCmd) service(ctx context.Context, inbox *demo.Inbox, log *slog.Logger) (*service, error) {
	if err := d.install(); err != nil {
		return nil, err
	}
	c, err := LoadConfig(d.configFile())
	if err != nil {
		return nil, configError{err}
	}
	pages, err := listen("tcp", d.Web, "--web")
	if err != nil {
		return nil, err
	}
	door, err := listen("tcp", d.SMTP, "--smtp")
	if err != nil {
		pages.Close()
		return nil, err
	}
	c.Desk.PublicURL = "http://" + pages.Addr().String()
	c.Smarthost = SmarthostConfig{Address: d.Smarthost, TLS: "none", Connections: 8}
	c.Disk.Reserve = 64 << 20
	c.relays, c.Trust.Verify = nil, false // it asks no DNS
	if d.TrustLoopback {
		c.relays = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	if d.Uncapped {
		c.Caps = CapsConfig{}
	}
	h, err := openHouse(ctx, c, osFiles(c), log)
	if err != nil {
		pages.Close()
		door.Close()
		return nil, err
	}
	s := &service{house: h, smtp: door, web: pages}
	s.pages = func(desk http.Handler) http.Handler { return d.pages(desk, s, inbox, door.Addr().String()) }
	if d.Tour && d.sendsElsewhere {
		s.outbox = &tap{Outbox: h.Gateway, inbox: inbox}
	}
	return s, nil
}

// pages puts the demo's pages beside the desk's.
func (d demoCmd) pages(desk http.Handler, s *service, inbox *demo.Inbox, smtp string) http.Handler {
	w := s.Setup().World
	o := demo.Options{Name: w.Name, SMTPAddress: smtp, Zone: w.Zone, Log: s.slog, People: people(s), Hosts: hosts(d.Web)}
	for _, q := range w.Queues {
		o.Addresses = append(o.Addresses, q.Address)
	}
	m := http.NewServeMux()
	m.Handle("/demo/", demo.Pages(inbox, o))
	m.Handle("/{$}", http.RedirectHandler("/demo/", http.StatusSeeOther))
	m.Handle("/", desk)
	return m
}

// hosts are the names by which the pages may be reached: the one they listen at.
func hosts(address string) []string {
	host, _, _ := net.SplitHostPort(address)
	if host == "" {
		return nil
	}
	return []string{host}
}

// people are those whom a visitor can play: a requester and the agents.
func people(s *service) []demo.Person {
	ps := []demo.Person{{Name: "Carla Rojas", Address: "carla@universidad.example"}, {Name: "Pedro Díaz", Address: "pedro@universidad.example"}}
	for _, a := range s.Setup().World.Agents {
		ps = append(ps, demo.Person{Name: a.Title, Address: a.Address, Agent: true})
	}
	return ps
}

// play plays the tour, if one is wanted, and says where everything is.
func (d demoCmd) play(ctx context.Context, t *terminal, s *service, inbox *demo.Inbox, at addresses) error {
	if d.Tour {
		w := s.Setup().World
		agent, _ := w.Agent(w.Queues[0].Agents[0])
		err := demo.Tour(ctx, demo.TourOptions{SMTP: at.smtp, Inbox: inbox, Desk: w.Queues[0].Address, Requester: people(s)[0],
			Agent: demo.Person{Name: agent.Title, Address: agent.Address, Agent: true}, Out: &steps{t}, Trouble: s.trouble, Patience: d.Patience})
		switch {
		case err != nil && d.Exit:
			return fmt.Errorf("el recorrido se detuvo en la %w", err)
		case err != nil:
			fmt.Fprintln(t.err, "El recorrido se detuvo en la", err)
		default:
			fmt.Fprintln(&steps{t}, "El recorrido terminó bien.")
		}
	}
	switch {
	case d.Exit:
	case t.json:
		return t.record(map[string]string{"smtp": at.smtp, "web": "http://" + at.web + "/demo/", "state": d.State, "config": d.configFile()})
	default:
		fmt.Fprintf(t.out, "\nCorreo: smtp://%s   Páginas: http://%s/demo/   Estado: %s\n"+
			"Reglas y textos se pueden editar ahí; otras órdenes: ventanilla -c %s ticket list\nCtrl+C para terminar.\n",
			at.smtp, at.web, d.State, d.configFile())
	}
	return nil
}

// steps writes what the tour tells: lines, or a record for each.
type steps struct{ *terminal }

func (s *steps) Write(b []byte) (int, error) {
	if !s.json {
		return s.out.Write(b)
	}
	return len(b), s.record(map[string]string{"tour": strings.TrimSpace(string(b))})
}

// tap shows the inbox each mail that another server has taken, so that a tour
// can be played with any smarthost.
type tap struct {
	mailout.Outbox
	inbox *demo.Inbox

	mu   sync.Mutex
	last map[string]mailout.Outgoing
}

// Due notes the mails that go out.
func (t *tap) Due(ctx context.Context, now time.Time, limit int, skip func(string) bool) ([]mailout.Outgoing, time.Time, error) {
	os, next, err := t.Outbox.Due(ctx, now, limit, skip)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]mailout.Outgoing{}
	}
	for _, o := range os {
		t.last[o.ID] = o
	}
	return os, next, err
}

// Settle shows those that were taken.
func (t *tap) Settle(ctx context.Context, results []mailout.Result) error {
	if err := t.Outbox.Settle(ctx, results); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, r := range results {
		o := t.last[r.ID]
		delete(t.last, r.ID)
		if r.Outcome != mailout.Sent {
			continue
		}
		var b bytes.Buffer
		err := mailout.Assemble(&b, o.Pieces, func(ref string) ([]byte, func(), error) { return t.Raw(ctx, ref) })
		if err == nil {
			_, err = t.inbox.Receive(ctx, mail.Envelope{Source: "demo", From: o.From, Rcpts: []string{o.To}}, &b)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
