package rules

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// matchers are twenty conditions: each as it holds for the mail below, and as it does
// not. %[1]d is the rule's number.
var matchers = [20][2]string{
	{`subject = ["palabra%[1]d", "no enciende %[1]d", "camara"]`, `subject = ["palabra%[1]d", "otra%[1]d", "no enciende nunca %[1]d"]`},
	{`body = ["salon", "bloque %[1]d", "proyector %[1]d"]`, `body = ["salon %[1]d", "bloque %[1]d", "el proyector %[1]d"]`},
	{`from = ["a%[1]d@x.example", "ana@fisica.uni.example"]`, `from = ["a%[1]d@x.example"]`},
	{`from_domain = ["d%[1]d.example", "*.uni.example"]`, `from_domain = ["d%[1]d.example", "uni.example"]`},
	{`to = ["soporte@mesa.example"]`, `to = ["redes@mesa.example"]`},
	{`cc = ["jefa@uni.example"]`, `cc = ["jefe%[1]d@uni.example"]`},
	{`plus = ["redes"]`, `plus = ["p%[1]d"]`},
	{`list = ["*.uni.example"]`, `list = ["l%[1]d.uni.example"]`},
	{`text_language = ["es"]`, `text_language = ["en", "pt"]`},
	{`trust = ["auth", "auth+bound"]`, `trust = ["bound"]`},
	{`known = false`, `known = true`},
	{`weekdays = ["lunes"]`, `weekdays = ["martes"]`},
	{`hours = ["08:00-12:00"]`, `hours = ["20:00-06:00"]`},
	{`has_subject = true`, `has_subject = false`},
	{`during = "oficina"`, `outside = "oficina"`},
	{`requester = {client = ["uni"], department = ["fisica teorica"]}`, `requester = {client = ["uni"], department = ["d%[1]d"]}`},
	{`attachment = {name = ["*.jpg"], larger_than = "1MB"}`, `attachment = {name = ["*.jpg"], larger_than = "%[1]dMB"}`},
	{`any = [{subject = ["nunca %[1]d"]}, {plus = ["redes"]}]`, `any = [{subject = ["nunca %[1]d"]}, {plus = ["x%[1]d"]}]`},
	{`header = {X-Spam-Flag = ["yes", "v%[1]d"]}`, `header = {X-Spam-Flag = ["v%[1]d"]}`},
	{`body_pattern = ['serie %[1]d-\d+']`, `body_pattern = ['serie %[1]d-\d+']`}, // the last in turn: holds for none
}

// thousand makes a thousand rules of twenty conditions, the n-th of which fails at its
// (n mod 20)-th: what rules are asked before they say no is spread over all of them.
func thousand() string {
	var text strings.Builder
	for n := range 1000 {
		_, _ = fmt.Fprintf(&text, "[[rule]]\nname = \"r%d\"\ntype = \"x\"\n", n)
		for i, m := range matchers {
			line := m[0]
			if i == n%20 {
				line = m[1]
			}
			if strings.Contains(line, "%") {
				line = fmt.Sprintf(line, n+10)
			}
			text.WriteString(line + "\n")
		}
	}
	return text.String()
}

// sized is a mail with a body of about size bytes.
func sized(size int) Routing {
	in := long()
	in.Body = strings.Repeat("Buenos días: la cámara del salón 305 no enciende, tampoco el proyector; ¿pueden venir hoy? Serie de la cámara: 4471. ", size/120+1)[:size]
	in.Body = strings.ToValidUTF8(in.Body, "")
	return in
}

// processorTime is what this process has used of its processors: it does not grow
// while other processes run.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestThousandRules: of a thousand rules with twenty conditions each condition is asked
// once a mail at most, and nothing is asked of a rule that is known not to fit. With
// VENTANILLA_EVIDENCE=1 the time of the best of some rounds is held too.
func TestThousandRules(t *testing.T) {
	set := mustLoadAll(t, thousand())
	in := sized(4 << 10)
	asked, conditions := map[string]int{}, 0
	for i := range set.rules {
		conditions += len(set.rules[i].when)
		for j, c := range set.rules[i].when {
			set.rules[i].when[j] = counted{c, asked}
		}
	}
	if got := set.route(in); len(got.Matched) > 0 {
		t.Fatal(got)
	}
	for sign, n := range asked {
		if n > 1 {
			t.Errorf("%s is asked %d times", sign, n)
		}
	}
	t.Logf("%d of %d conditions were asked", len(asked), conditions)
	if len(asked) == 0 || len(asked) >= len(set.rules) {
		t.Error("that is a question a rule, and half of the rules fail by the header alone")
	}
	if os.Getenv("VENTANILLA_EVIDENCE") == "1" {
		thousandRulesInTime(t, in)
	}
}

// counted is a condition that notes when it is asked.
type counted struct {
	condition
	asked map[string]int
}

func (c counted) fits(v *view) bool {
	c.asked[c.sign()]++
	return c.condition.fits(v)
}

// thousandRulesInTime holds the time of a mail, beside that of splitting its text into
// words. The best of some rounds counts.
func thousandRulesInTime(t *testing.T, in Routing) {
	const most = 200 * time.Microsecond
	set := mustLoadAll(t, thousand())
	best, floor := time.Hour, time.Hour
	measure := func(to *time.Duration, fn func()) {
		began := processorTime()
		for range 50 {
			fn()
		}
		*to = min(*to, (processorTime()-began)/50)
	}
	for range 30 {
		measure(&best, func() { set.route(in) })
		measure(&floor, func() { _, _ = wordsOf(in.Subject), wordsOf(in.Body) })
	}
	fmt.Printf("a thousand rules: %s of processor time a mail of 4 KiB, %s of them to split its text\n", best, floor)
	if best > most {
		t.Errorf("it took %s, at most %s is allowed", best, most)
	}
}

func mustLoadAll(t testing.TB, rules string) *Set {
	t.Helper()
	set, err := loadRules(t, rules)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// BenchmarkThousandRules shows the cost of a mail by the size of its text, beside that
// of splitting the text into folded words, which comes before any rule.
func BenchmarkThousandRules(b *testing.B) {
	set := mustLoadAll(b, thousand())
	patterns := mustLoadAll(b, onlyPatterns())
	for _, size := range []int{4 << 10, 64 << 10} {
		in := sized(size)
		b.Run(fmt.Sprintf("twenty/%dKiB", size>>10), func(b *testing.B) { benchmarkRoute(b, set, in) })
		b.Run(fmt.Sprintf("patterns/%dKiB", size>>10), func(b *testing.B) { benchmarkRoute(b, patterns, in) })
		b.Run(fmt.Sprintf("floor/%dKiB", size>>10), func(b *testing.B) {
			began := processorTime()
			for b.Loop() {
				_, _ = wordsOf(in.Subject), wordsOf(in.Body)
			}
			b.ReportMetric(float64(processorTime()-began)/float64(b.N), "cpu-ns/op")
		})
	}
}

// onlyPatterns makes a thousand rules that look for patterns alone.
func onlyPatterns() string {
	var text strings.Builder
	for n := range 1000 {
		_, _ = fmt.Fprintf(&text, "[[rule]]\nname = \"r%d\"\ntype = \"x\"\nsubject_pattern = ['equipo-%d\\b']\nbody_pattern = ['serie %d-\\d+', 'salon %d b']\n", n, n, n, n+1000)
	}
	return text.String()
}

func benchmarkRoute(b *testing.B, set *Set, in Routing) {
	b.ReportAllocs()
	began := processorTime()
	for b.Loop() {
		if got := set.route(in); len(got.Matched) > 0 {
			b.Fatal(got)
		}
	}
	b.ReportMetric(float64(processorTime()-began)/float64(b.N), "cpu-ns/op")
}

// The index of literals finds what a plain search finds.
func TestLiteralIndex(t *testing.T) {
	letters := rapid.StringOfN(rapid.SampledFrom([]rune("abáñ ")), 0, 9, -1)
	rapid.Check(t, func(rt *rapid.T) {
		var x literalIndex
		for _, l := range rapid.SliceOfN(letters, 0, 20).Draw(rt, "literals") {
			x.add(l)
		}
		x.choose()
		text := rapid.StringOfN(rapid.SampledFrom([]rune("abáñ ")), 0, 60, -1).Draw(rt, "text")
		for i, found := range x.find(text) {
			if want := strings.Contains(text, x.literals[i]); found != want {
				rt.Fatalf("%q in %q: %v", x.literals[i], text, found)
			}
		}
	})
}

// Loading a thousand such rules, each compared with all before it, takes seconds at
// most: an admin waits for it whenever he checks.
func BenchmarkThousandRulesLoad(b *testing.B) {
	text := thousand()
	for b.Loop() {
		mustLoadAll(b, text)
	}
}
