package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector reads what there is each time it is asked.
type collector struct {
	read func(context.Context) (Reading, error)
	log  *slog.Logger
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(space, "", name), help, labels, nil)
}

var (
	ready       = desc("ready", "1 if the desk works, as its readiness page says.")
	tickets     = desc("tickets", "Tickets by queue and state.", "queue", "state")
	outbox      = desc("outbox_mails", "Mails of ours that wait to be sent, or were given up.", "state")
	oldest      = desc("outbox_oldest_seconds", "Age of the oldest mail that waits to be sent; 0 if none does.")
	held        = desc("outbox_held", "1 if what is to be sent is held since a restore.")
	quarantine  = desc("quarantine_mails", "Mails in quarantine.")
	unsettled   = desc("unsettled_seconds", "Age of the oldest mail that is taken and not settled; 0 if all are.")
	sent        = desc("mails_sent_total", "Attempts to send a mail, by result.", "result")
	smarthostUp = desc("smarthost_up", "1 if the smarthost takes mail.", "smarthost")
	imapUp      = desc("imap_up", "1 if the folder is connected.", "account", "folder")
	imapMails   = desc("imap_remaining_mails", "Mails found in the folder and not taken yet.", "account", "folder")
	imapLag     = desc("imap_lag_seconds", "Time since all of the folder was taken; 0 while it is followed.", "account", "folder")
	diskFree    = desc("disk_free_bytes", "Free space where the state lies.")
	diskReserve = desc("disk_reserve_bytes", "Free space below which no mail is taken.")
	logBytes    = desc("intake_log_bytes", "Size of the log of received mails.")
	probeLost   = desc("probe_lost", "1 if a mail of the desk to itself is missed.")
	probeTime   = desc("probe_last_return_timestamp_seconds", "When such a mail came back last; 0 before the first.")
	probeTrip   = desc("probe_round_trip_seconds", "How long the last one took.")
)

var descs = [...]*prometheus.Desc{ready, tickets, outbox, oldest, held, quarantine, unsettled, sent, smarthostUp, imapUp, imapMails, imapLag,
	diskFree, diskReserve, logBytes, probeLost, probeTime, probeTrip}

// Describe is [prometheus.Collector].
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range descs {
		to <- d
	}
}

// Collect is [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := c.read(ctx)
	if err != nil {
		c.log.Error("metrics cannot be read", "error", err)
		to <- prometheus.NewInvalidMetric(ready, err)
		return
	}
	give := func(d *prometheus.Desc, v float64, labels ...string) {
		kind := prometheus.GaugeValue
		if d == sent {
			kind = prometheus.CounterValue
		}
		to <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	give(ready, truth(r.Ready))
	for _, t := range r.Tickets {
		give(tickets, float64(t.Count), t.Queue, t.State)
	}
	give(outbox, float64(r.Waiting), "waiting")
	give(outbox, float64(r.GivenUp), "failed")
	give(oldest, r.OldestWaiting.Seconds())
	give(held, truth(r.Held))
	give(quarantine, float64(r.Quarantine))
	give(unsettled, r.Unsettled.Seconds())
	give(diskFree, float64(r.DiskFree))
	give(diskReserve, float64(r.DiskReserve))
	give(logBytes, float64(r.LogBytes))
	for _, f := range r.Folders {
		give(imapUp, truth(f.Up), f.Account, f.Folder)
		give(imapMails, float64(f.Remaining), f.Account, f.Folder)
		give(imapLag, f.Lag.Seconds(), f.Account, f.Folder)
	}
	c.ways(r, give)
}

// ways tells of the way out, and of the whole loop.
func (c *collector) ways(r Reading, give func(d *prometheus.Desc, v float64, labels ...string)) {
	if s := r.Sent; s != nil {
		give(sent, float64(s.Sent), "sent")
		give(sent, float64(s.Again), "again")
		give(sent, float64(s.Failed), "failed")
		for _, h := range s.Smarthosts {
			give(smarthostUp, truth(h.Up), h.Address)
		}
	}
	if p := r.Probe; p != nil {
		give(probeLost, truth(p.Lost))
		give(probeTrip, p.Trip.Seconds())
		at := 0.0
		if !p.ReturnedAt.IsZero() {
			at = float64(p.ReturnedAt.UnixMilli()) / 1000
		}
		give(probeTime, at)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
