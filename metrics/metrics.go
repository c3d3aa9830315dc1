// Package metrics shows a Prometheus server how the desk does. What happens is
// counted where it happens; what there is, is read when it is asked for. No label
// holds anything of a mail, its sender or its ticket: ways, dispositions, queues,
// states and the names of the configuration are all that they say.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options are what [New] needs.
type Options struct {
	// Read returns what there is. It is called once for each request, and what it
	// costs must not grow with the desk.
	Read func(context.Context) (Reading, error)

	Log *slog.Logger // nil means nowhere

	// The values that labels have, so that each series is there from the start.
	Ways, Dispositions, Terms, Caps []string
}

// Reading is what there is at a moment.
type Reading struct {
	Ready         bool
	Tickets       []Tickets
	Waiting       int           // mails to be sent
	GivenUp       int           // mails of ours given up
	OldestWaiting time.Duration // age of the oldest mail to be sent; 0 if none waits
	Held          bool          // what is to be sent is held
	Quarantine    int
	Unsettled     time.Duration // age of the oldest mail taken and not settled; 0 if all are
	Sent          *Sent         // nil where no smarthost is configured
	Folders       []Folder
	DiskFree      int64 // bytes
	DiskReserve   int64 // bytes below which no mail is taken
	LogBytes      int64 // of the intake log
	Probe         *Probe
}

// Tickets is how many tickets of a queue are in a state.
type Tickets struct {
	Queue, State string
	Count        int
}

// Sent is what became of mails of ours since the start.
type Sent struct {
	Sent, Again, Failed uint64
	Smarthosts          []Smarthost
}

// Smarthost is a way out.
type Smarthost struct {
	Address string
	Up      bool
}

// Folder is a folder of a mailbox that is read.
type Folder struct {
	Account, Folder string
	Up              bool
	Remaining       int           // mails found and not taken yet
	Lag             time.Duration // since all of it was taken; 0 while it is followed
}

// Probe is how the mails of the desk to itself do.
type Probe struct {
	Lost       bool
	ReturnedAt time.Time // zero before the first
	Trip       time.Duration
}

// Metrics counts what happens. Its methods may be called by several goroutines.
type Metrics struct {
	registry  *prometheus.Registry
	received  *prometheus.HistogramVec
	settled   *prometheus.CounterVec
	decision  prometheus.Histogram
	commit    prometheus.Histogram
	events    *prometheus.CounterVec
	breaches  *prometheus.CounterVec
	capped    *prometheus.CounterVec
	probes    *prometheus.CounterVec
	log       *slog.Logger
	collector *collector
}

const space = "ventanilla"

// New returns metrics that count nothing yet.
func New(o Options) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: space, Name: name, Help: help}, labels)
	}
	seconds := func(name, help string, from float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Namespace: space, Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(from, 4, 9)}
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(), log: o.Log,
		received: prometheus.NewHistogramVec(seconds("receive_seconds", "Time from a mail's first byte until it is on disk, by the way that it came.", 0.0002), []string{"way"}),
		settled:  counter("mails_settled_total", "Mails that have their disposition, by the way that they came.", "way", "disposition"),
		decision: prometheus.NewHistogram(seconds("decision_seconds", "Time to gather, decide, apply and compose for one mail.", 0.00005)),
		commit:   prometheus.NewHistogram(seconds("commit_seconds", "Time to store a batch of settled mails.", 0.0002)),
		events:   counter("events_total", "Events of tickets, by kind.", "kind"),
		breaches: counter("term_breaches_total", "Terms of tickets that have expired, by clock.", "term"),
		capped:   counter("acknowledgements_capped_total", "Acknowledgements kept back, by the cap that was reached.", "cap"),
		probes:   counter("probes_total", "Mails of the desk to itself, by what became of them.", "result"),
	}
	m.collector = &collector{read: o.Read, log: o.Log}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
		m.collector.log = m.log
	}
	m.registry.MustRegister(m.received, m.settled, m.decision, m.commit, m.events, m.breaches, m.capped, m.probes, m.collector,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	m.begin(o)
	return m
}

// begin makes each series, at zero: what never happened and what is not counted
// must not look alike.
func (m *Metrics) begin(o Options) {
	for _, way := range o.Ways {
		m.received.WithLabelValues(way)
		for _, d := range o.Dispositions {
			m.settled.WithLabelValues(way, d)
		}
	}
	for _, t := range o.Terms {
		m.breaches.WithLabelValues(t)
	}
	for _, c := range o.Caps {
		m.capped.WithLabelValues(c)
	}
	for _, r := range []string{"sent", "back", "missed"} {
		m.probes.WithLabelValues(r)
	}
}

// Received counts a mail that is on disk.
func (m *Metrics) Received(way string, took time.Duration) {
	m.received.WithLabelValues(way).Observe(took.Seconds())
}

// Settled counts a mail that has its disposition.
func (m *Metrics) Settled(way, disposition string, took time.Duration) {
	m.settled.WithLabelValues(way, disposition).Inc()
	m.decision.Observe(took.Seconds())
}

// Committed counts a batch that is stored.
func (m *Metrics) Committed(mails int, took time.Duration) {
	if mails > 0 {
		m.commit.Observe(took.Seconds())
	}
}

// Happened counts an event of a ticket.
func (m *Metrics) Happened(kind, term string) {
	m.events.WithLabelValues(kind).Inc()
	if kind == "term-breached" {
		m.breaches.WithLabelValues(term).Inc()
	}
}

// Capped counts an acknowledgement that was kept back.
func (m *Metrics) Capped(by string) { m.capped.WithLabelValues(by).Inc() }

// Probed counts a mail of the desk to itself.
func (m *Metrics) Probed(what string) { m.probes.WithLabelValues(what).Inc() }

// Handler answers a Prometheus server.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelError), MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Gatherer is for tests of what is served.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }
