package gateway_test

import (
	"context"
	"strings"
	"testing"

	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/store"
	"ventanilla/store/mem"
)

// TestProof: what was known of a sender stands in the receipt, in what explain
// says, and beside the article; where nothing was known, nothing does.
func TestProof(t *testing.T) {
	const results = "Authentication-Results: mx.mesa.example; dmarc=pass header.from=uni.example\n"
	checked := &mail.Checked{Domain: "uni.example", SPF: mail.Check{Result: "pass", Domain: "uni.example"}, Pass: true}
	refused := &mail.Checked{Domain: "uni.example", DMARC: mail.Check{Result: "fail", Domain: "uni.example"}, Policy: "reject", Fail: true}
	for _, c := range []struct {
		name, header string
		auth         mail.Auth
		proof        bool
		results      string
		disposition  string
		reason       string
		acknowledged bool
	}{
		{"nothing", "", mail.Auth{}, false, "", "ticket", "", true},
		{"nothing, behind our own server", "", mail.Auth{Front: true}, false, "", "ticket", "", true},
		{"results that do not count", results, mail.Auth{}, false, "", "ticket", "", true},
		{"results", results, mail.Auth{Front: true}, true, "pass", "ticket", "", true},
		{"results that say no", strings.Replace(results, "dmarc=pass", "dmarc=fail policy.dmarc=reject", 1), mail.Auth{Front: true}, true, "fail", "quarantine", "DMARC", false},
		{"a relay", "", mail.Auth{Relay: true, Front: true}, true, "", "ticket", "", true},
		{"checked", "", mail.Auth{Checked: checked}, true, "", "ticket", "", true},
		{"checked, and refused", "", mail.Auth{Checked: refused}, true, "", "quarantine", "la política del dominio de From lo rechaza (DMARC)", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlayed(t, mem.New())
			env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}, Auth: c.auth}
			raw := c.header + opening(1)
			report, err := p.Explain(context.Background(), env, strings.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			_, _, acknowledged := p.verdict(env, raw)
			var r store.Receipt
			if err := p.Export(context.Background(), func(e gateway.Exported) error { r = e.Receipt; return nil }); err != nil {
				t.Fatal(err)
			}
			if r.Disposition != c.disposition || !strings.Contains(r.Reason, c.reason) || acknowledged != c.acknowledged {
				t.Errorf("%s (%s), acknowledged %v", r.Disposition, r.Reason, acknowledged)
			}
			if (r.Proof != nil) != c.proof || (report.Proof != nil) != c.proof {
				t.Fatalf("receipt %+v, explained %+v", r.Proof, report.Proof)
			}
			if c.proof && (r.Proof.Results != c.results || r.Proof.Relay != c.auth.Relay || (r.Proof.Checked != nil) != (c.auth.Checked != nil) || report.Proof.Results != c.results) {
				t.Errorf("receipt %+v, explained %+v", r.Proof, report.Proof)
			}
			ts, err := p.Tickets(context.Background(), "", 0, 10)
			if err != nil || len(ts) == 1 != (c.disposition == "ticket") {
				t.Fatal(len(ts), err)
			}
			if len(ts) == 0 {
				return
			}
			h, err := p.History(context.Background(), ts[0].Number)
			if err != nil {
				t.Fatal(err)
			}
			if proof, ok := h.Proofs[1]; ok != c.proof || proof.Results != c.results {
				t.Errorf("beside the article: %+v", h.Proofs)
			}
		})
	}
}

// TestProofNeedsOneFrom: evidence about one of several mailboxes in From is none.
func TestProofNeedsOneFrom(t *testing.T) {
	p := newPlayed(t, mem.New())
	env := mail.Envelope{Source: "smtp", From: "x@y.example", Rcpts: []string{"soporte@mesa.example"}, Auth: mail.Auth{Checked: &mail.Checked{Domain: "uni.example", Pass: true}}}
	raw := strings.Replace(opening(1), "<ana1@uni.example>", "<ana1@uni.example>, <jefe@uni.example>", 1)
	if raw == opening(1) {
		t.Fatal("nothing was replaced in", raw)
	}
	if disposition, trust, acknowledged := p.verdict(env, raw); disposition != "quarantine" || trust != "nothing" || acknowledged {
		t.Errorf("%s, %s, acknowledged %v", disposition, trust, acknowledged)
	}
}
