package month

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"ventanilla/desk"
	"ventanilla/evidence/month/books"
	"ventanilla/gateway"
	"ventanilla/mailin"
	"ventanilla/mailout"
	"ventanilla/rules"
	"ventanilla/store"
	"ventanilla/store/bolt"
	"ventanilla/store/intake"
	"ventanilla/templates"
)

// house is the program's parts put together as it puts them together, but for the
// clock: receiver, log, database, gateway and sender.
type house struct {
	*gateway.Gateway
	t      testing.TB
	dir    string
	setup  *gateway.Setup
	now    atomic.Pointer[time.Time]
	sink   string // address of the smarthost
	door   string // address of the receiver
	mark   intake.Position
	stopIt func()
}

// newHouse makes a desk of files, in a folder.
func newHouse(t testing.TB, dir string, files fstest.MapFS, zone *time.Location, sink string) *house {
	t.Helper()
	world, err := rules.LoadWorld(files, desk.World{Name: "Mesa de ayuda", Domain: "mesa.example", Language: "es", NumberStyle: desk.NumberSequence,
		NumberDigits: 6, Zone: zone, ReopenWithin: 90 * 24 * time.Hour, OwnDomains: []string{"uni.example"}, AdminAddress: "admin@mesa.example"})
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load(files, world)
	if err != nil {
		t.Fatal(err)
	}
	defined, err := rules.LoadReports(files, world)
	if err != nil {
		t.Fatal(err)
	}
	words, err := templates.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &house{t: t, dir: dir, setup: &gateway.Setup{World: world, Rules: set, Words: words, Reports: defined}, sink: sink}
}

func (h *house) clock() time.Time { return *h.now.Load() }

// start opens the state and starts what runs.
func (h *house) start() {
	h.t.Helper()
	engine, err := bolt.Open(filepath.Join(h.dir, "desk.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	log, err := intake.Open(filepath.Join(h.dir, "log"), intake.Options{Reserve: -1})
	if err != nil {
		h.t.Fatal(err)
	}
	s := store.Store{Engine: engine}
	if err := s.Migrate(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	h.Gateway = gateway.New(gateway.Options{Store: s, Log: log, Keys: desk.NewKeys(bytes.Repeat([]byte{9}, desk.KeySize)), Setup: h.setup, Now: h.clock})
	sender := mailout.NewSender(h.Gateway, mailout.SenderOptions{Smarthost: mailout.Smarthost{Address: h.sink, TLS: mailout.TLSNone, Connections: 2}, Now: h.clock})
	h.WhenSent(sender.Wake)
	ctx, cancel := context.WithCancel(context.Background())
	sending := make(chan struct{})
	go func() { defer close(sending); _ = sender.Run(ctx) }()
	server, err := mailin.NewServer(h.Gateway, mailin.Options{Hostname: "mesa.example", TrustedRelays: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Now: h.clock})
	if err != nil {
		h.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.door = l.Addr().String()
	go func() { _ = server.Serve(l) }()
	h.stopIt = func() {
		stop, done := context.WithTimeout(context.Background(), 10*time.Second)
		defer done()
		if err := server.Shutdown(stop); err != nil {
			h.t.Error(err)
		}
		cancel()
		<-sending
		if err := log.Close(); err != nil {
			h.t.Error(err)
		}
		if err := engine.Close(); err != nil {
			h.t.Error(err)
		}
	}
}

// settle settles the mails that were taken.
func (h *house) settle() {
	h.t.Helper()
	for {
		next, err := h.Process(context.Background(), h.mark, 128)
		if err != nil {
			h.t.Fatal(err)
		}
		if next == h.mark {
			return
		}
		h.mark = next
	}
}

// sent waits for the mails that the desk has to send, and returns them.
func (h *house) sent(s *sink) ([]books.Letter, error) {
	h.t.Helper()
	due, _, err := h.Due(context.Background(), h.clock(), 1<<20, s.has)
	if err != nil {
		return nil, err
	}
	for _, o := range due {
		if !s.wait(o.ID) {
			return nil, fmt.Errorf("%s did not come out", o.ID)
		}
	}
	return s.take()
}

// history tells of a ticket that came out wrong.
func (h *house) history(fault error) {
	m := regexp.MustCompile("#([0-9]{6})").FindStringSubmatch(fault.Error())
	if m == nil {
		return
	}
	told, err := h.History(context.Background(), m[1])
	h.t.Log("#"+m[1], err)
	for _, e := range told.Events {
		h.t.Log(e.At, e.Kind, e.Actor, e.Old, e.New, e.Text)
	}
}

// deskFiles are the files of a desk with five queues of eight agents.
func deskFiles(people string) (files fstest.MapFS) {
	queues, agents, addresses := "", "", ""
	for _, q := range queueKinds {
		names := ""
		for i := range 8 {
			name := fmt.Sprintf("%s%d", q.name, i+1)
			agents += fmt.Sprintf("[[agent]]\nname = %q\ntitle = %q\naddress = %q\n\n", name, spanish(len(agents))+" "+name, name+"@mesa.example")
			names += fmt.Sprintf("%q, ", name)
		}
		queues += fmt.Sprintf("[[queue]]\nname = %q\naddress = %q\nagents = [%s]\n%s\n\n", q.name, q.name+"@mesa.example", names, q.toml)
		addresses += fmt.Sprintf("%q, ", q.name+"@mesa.example")
	}
	agents += "[[agent]]\nname = \"jefa\"\naddress = \"" + head + "\"\nrole = \"reader\"\n"
	return fstest.MapFS{
		"reports/mensual.toml": {Data: []byte(reportFile())},
		"desk/queues.toml":     {Data: []byte(queues)},
		"desk/agents.toml":     {Data: []byte(agents)},
		"desk/people.csv":      {Data: []byte(people)},
		"desk/calendars.toml":  {Data: []byte("[[calendar]]\nname = \"oficina\"\nzone = \"Europe/Madrid\"\nhours = [\"lunes a viernes 8:00-18:00\"]\nholidays = \"ES\"\n")},
		"desk/terms.toml":      {Data: []byte("[[term]]\nname = \"general\"\nfirst = \"4h\"\nresolution = \"20h\"\npause = [\"provider\"]\n")},
		"rules/10-turnos.toml": {Data: []byte("[[rule]]\nname = \"por turnos\"\nto = [" + addresses + "]\nowner = \"round-robin\"\n\n[[rule.test]]\nto = \"soporte@mesa.example\"\nsubject = \"x\"\n" +
			"expect = {rule = \"por turnos\"}\n")},
	}
}
