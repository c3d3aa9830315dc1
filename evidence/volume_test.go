package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestVolume sends every mail over eight connections to a desk that nobody
// disturbs.
func TestVolume(t *testing.T) {
	for _, c := range []course{
		{name: "trusted, uncapped", trusted: true, light: true},
		{name: "strangers", caps: shipped, light: true},
		{name: "trusted", trusted: true, caps: shipped},
		{name: "strangers, uncapped"},
	} {
		if c.light || heavy() {
			t.Run(c.name, func(t *testing.T) { c.run(t, samples(t, true)) })
		}
	}
}

// TestKill kills the desk ten times while the mails come in. Mails that got no
// 250 are delivered again.
func TestKill(t *testing.T) {
	for _, c := range []course{
		{name: "trusted, uncapped", trusted: true, kills: 10, light: true},
		{name: "strangers", caps: shipped, kills: 10}, // what was counted must be on disk too
	} {
		if c.light || heavy() {
			t.Run(c.name, func(t *testing.T) { c.run(t, samples(t, false)) })
		}
	}
}

// TestCutStarts lets a desk with all its work before it start many times and
// kills it at once, at another moment each time: while it opens its files, looks
// through what was left, sends.
func TestCutStarts(t *testing.T) {
	starts := 5
	if heavy() {
		starts = 60
	}
	mails, out := samples(t, false), newSink(t)
	d := newInstance(t, out.address, "--uncapped")
	d.start()
	result := load(d, mails, func(int) {})
	complain(t, "not accepted", result.refused)
	for i := range starts {
		d.cut(time.Duration(10+i*37%80) * time.Millisecond)
	}
	d.start()
	course{trusted: true, kills: starts}.check(t, d, mails, out, d.idle())
}

// course is one way to send all mails.
type course struct {
	name    string
	light   bool // short enough for every day
	trusted bool
	caps    caps
	kills   int
}

func (c course) run(t *testing.T, mails []sample) {
	for hour := int64(0); hour != time.Now().Unix()/3600; { // caps hold for an hour of the clock
		hour = time.Now().Unix() / 3600
		c.once(t, mails, func() bool { return c.caps == caps{} || hour == time.Now().Unix()/3600 })
		if c.caps == (caps{}) {
			return
		}
	}
}

// once sends the mails and checks everything, unless the hour has changed.
func (c course) once(t *testing.T, mails []sample, counts func() bool) {
	out := newSink(t)
	arguments := []string{fmt.Sprintf("--trust-loopback=%v", c.trusted)}
	if c.caps == (caps{}) {
		arguments = append(arguments, "--uncapped")
	}
	d := newInstance(t, out.address, arguments...)
	d.start()
	result := c.load(t, d, mails)
	accepted := time.Now()
	a := d.idle()
	if !counts() {
		t.Log("the hour has changed: once more")
		return
	}
	t.Logf("%d mails accepted in %v (%.0f a second), all settled and sent %v later; sent again %d", result.accepted, result.took.Round(time.Millisecond),
		float64(result.accepted)/result.took.Seconds(), time.Since(accepted).Round(time.Millisecond), result.redeliver)
	complain(t, "not accepted", result.refused)
	complain(t, "doctor", a.Faults)
	c.check(t, d, mails, out, a)
}

// load sends the mails, and kills the desk at even distances.
func (c course) load(t *testing.T, d *instance, mails []sample) sent {
	kills := make(chan int, c.kills)
	done := make(chan sent, 1)
	go func() {
		done <- load(d, mails, func(accepted int) {
			if c.kills > 0 && accepted%(len(mails)/(c.kills+1)) == 0 && accepted/(len(mails)/(c.kills+1)) <= c.kills {
				kills <- accepted
			}
		})
	}()
	for n := 0; ; {
		select {
		case <-kills:
			d.kill()
			n++
		case result := <-done:
			for ; n < c.kills; n++ { // the last may have come when all was accepted
				<-kills
				d.kill()
			}
			return result
		}
	}
}

func (c course) check(t *testing.T, d *instance, mails []sample, out *sink, a audit) {
	bySum, ids := map[sum]sample{}, map[string]bool{}
	for _, m := range mails {
		bySum[m.sum], ids[m.id] = m, m.id != ""
	}
	taken := readExport(t, d.ventanilla("export", "--raw", "--format", "jsonl", "--copies"))
	x := newExpected(c.trusted, c.caps)
	wanted, kinds, faults := play(x, bySum, taken)
	complain(t, "decided otherwise", faults)
	if a.Accepted != len(taken) || a.Settled != len(taken) || a.Tickets != len(x.tickets) {
		t.Errorf("doctor counts %d mails, %d settled, %d tickets; the log has %d, which call for %d", a.Accepted, a.Settled, a.Tickets, len(taken), len(x.tickets))
	}
	got := readSent(out.arrivals(), ids)
	complain(t, "sent otherwise", got.faults)
	complain(t, "sent otherwise", difference(wanted, got.outside))
	if got.repeats > 0 && c.kills == 0 {
		t.Errorf("%d mails were sent twice by a desk that nobody killed", got.repeats)
	}
	tell := ""
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		tell += fmt.Sprintf("; %s %d", k, kinds[k])
	}
	t.Logf("%d in the log%s; %d acknowledgements sent, %d mails to agents; %d mails sent again for want of a record, %d of them outside", len(taken), tell, x.all, got.inside, got.repeats, got.repeatsOutside)
	c.checkExports(t, d, mails)
}

// checkExports looks for every mail in what the program exports: while it runs,
// and after it has ended.
func (c course) checkExports(t *testing.T, d *instance, mails []sample) {
	var sums []sum
	for _, r := range readExport(t, d.ventanilla("export", "--raw", "--format", "jsonl")) {
		sums = append(sums, r.sum)
	}
	complain(t, "export", checkOnce(mails, sums))
	d.stop()
	again := readExport(t, d.ventanilla("export", "--raw", "--format", "jsonl"))
	mbox := mboxSums(d.ventanilla("export", "--raw"))
	var whole []sum
	for _, r := range again {
		whole = append(whole, sumOf(r.Raw))
	}
	if !slices.Equal(mbox, whole) {
		t.Errorf("mbox: %d mails, not the %d of the other form", len(mbox), len(whole))
	}
	if len(again) != len(sums) {
		t.Errorf("%d mails exported when the desk had ended, %d before", len(again), len(sums))
	}
	t.Logf("%d mails exported, each once", len(sums))
}

// complain fails with the first of some faults.
func complain(t *testing.T, what string, faults []string) {
	t.Helper()
	if len(faults) > 0 {
		t.Errorf("%s: %d\n\t%s", what, len(faults), strings.Join(faults[:min(len(faults), 25)], "\n\t"))
	}
}
