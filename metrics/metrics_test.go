package metrics_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"ventanilla/metrics"
)

func sample() metrics.Reading {
	return metrics.Reading{Ready: true, Tickets: []metrics.Tickets{{Queue: "soporte", State: "open", Count: 3}}, Waiting: 2, GivenUp: 1,
		OldestWaiting: 90 * time.Second, Quarantine: 4, Unsettled: time.Second, DiskFree: 10, DiskReserve: 5, LogBytes: 7,
		Sent:    &metrics.Sent{Sent: 11, Again: 2, Failed: 1, Smarthosts: []metrics.Smarthost{{Address: "correo.mesa.example:587", Up: true}}},
		Folders: []metrics.Folder{{Account: "soporte", Folder: "INBOX", Up: true, Remaining: 5, Lag: time.Minute}},
		Probe:   &metrics.Probe{Lost: true, ReturnedAt: time.Unix(1000, 0), Trip: 1500 * time.Millisecond}}
}

func newMetrics(read func(context.Context) (metrics.Reading, error)) *metrics.Metrics {
	return metrics.New(metrics.Options{Read: read, Ways: []string{"smtp", "imap"}, Dispositions: []string{"ticket", "filed"}, Terms: []string{"first"}, Caps: []string{"all"}})
}

// TestServed: what happened and what there is comes out in the text format, and
// promtool would have nothing to say about it.
func TestServed(t *testing.T) {
	m := newMetrics(func(context.Context) (metrics.Reading, error) { return sample(), nil })
	m.Received("smtp", 3*time.Millisecond)
	m.Settled("smtp", "ticket", time.Millisecond)
	m.Committed(1, 2*time.Millisecond)
	m.Committed(0, time.Hour) // nothing was stored
	m.Happened("term-breached", "first")
	m.Happened("opened", "")
	m.Capped("all")
	m.Probed("missed")
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, line := range []string{
		`ventanilla_receive_seconds_count{way="smtp"} 1`, `ventanilla_receive_seconds_count{way="imap"} 0`,
		`ventanilla_mails_settled_total{disposition="ticket",way="smtp"} 1`, `ventanilla_mails_settled_total{disposition="filed",way="imap"} 0`,
		"ventanilla_decision_seconds_count 1", "ventanilla_commit_seconds_count 1",
		`ventanilla_events_total{kind="opened"} 1`, `ventanilla_term_breaches_total{term="first"} 1`, `ventanilla_acknowledgements_capped_total{cap="all"} 1`,
		`ventanilla_probes_total{result="missed"} 1`, `ventanilla_probes_total{result="sent"} 0`,
		"ventanilla_ready 1", `ventanilla_tickets{queue="soporte",state="open"} 3`, `ventanilla_outbox_mails{state="waiting"} 2`, `ventanilla_outbox_mails{state="failed"} 1`,
		"ventanilla_outbox_oldest_seconds 90", "ventanilla_outbox_held 0", "ventanilla_quarantine_mails 4", "ventanilla_unsettled_seconds 1",
		`ventanilla_mails_sent_total{result="again"} 2`, `ventanilla_smarthost_up{smarthost="correo.mesa.example:587"} 1`,
		`ventanilla_imap_up{account="soporte",folder="INBOX"} 1`, `ventanilla_imap_remaining_mails{account="soporte",folder="INBOX"} 5`, `ventanilla_imap_lag_seconds{account="soporte",folder="INBOX"} 60`,
		"ventanilla_disk_free_bytes 10", "ventanilla_disk_reserve_bytes 5", "ventanilla_intake_log_bytes 7",
		"ventanilla_probe_lost 1", "ventanilla_probe_last_return_timestamp_seconds 1000", "ventanilla_probe_round_trip_seconds 1.5",
	} {
		if !strings.Contains(w.Body.String(), "\n"+line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
}

// TestUnreadable: when the store cannot be read the answer is an error, not zeros.
func TestUnreadable(t *testing.T) {
	m := newMetrics(func(context.Context) (metrics.Reading, error) { return metrics.Reading{}, errors.New("no store") })
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "ventanilla_outbox_mails") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
