package month

import (
	"fmt"
	"math/rand/v2"
	"mime"
	"strings"
	"time"

	"ventanilla/evidence/month/books"
)

// queueKinds are five queues that treat what is resolved in five ways.
var queueKinds = []struct {
	name, toml string
	books      books.Queue
}{
	{"soporte", "survey = true\nreminder_days = [2, 4]\ndeputy_hours = 24\nclose_days = 6", books.Queue{Approval: true, Survey: true, Remind: []int{2, 4}, Deputy: 24, Close: 6}},
	{"redes", "survey = true\napproval = false", books.Queue{Survey: true}},
	{"cuentas", "reminder_days = 2\nclose_days = 5", books.Queue{Approval: true, Remind: []int{2}, Close: 5}},
	{"equipos", "survey = true\nreminder_days = [3]\ndeputy_hours = 48\nclose_days = 8", books.Queue{Approval: true, Survey: true, Remind: []int{3}, Deputy: 48, Close: 8}},
	{"aulas", "approval = false", books.Queue{}},
}

var (
	firstNames = strings.Fields("Ana José María Luis Carmen Íñigo Lucía Andrés Sofía Óscar Begoña Raúl Inés Ángel Rocío Álvaro Nuria Jesús Belén Iván Mónica Hernán Águeda Úrsula Zoé")
	lastNames  = strings.Fields("García Muñoz Peña Núñez Ibáñez Gómez Ríos Díaz Ñíguez Ordóñez López Pérez Sánchez Martín Jiménez Álvarez Güell Vázquez Cañas Zúñiga Leiva Ávila")
	things     = strings.Fields("impresora portátil red contraseña proyector teclado correo nómina licencia pantalla acceso aula micrófono escáner teléfono")
	ills       = []string{"no responde", "se apaga sola", "no enciende", "está lentísima", "pide contraseña otra vez", "muestra un error extraño", "hace ruido", "no imprime a doble cara"}
)

// spanish is the n-th name.
func spanish(n int) string {
	return firstNames[n%len(firstNames)] + " " + lastNames[n/3%len(lastNames)] + " " + lastNames[n/7%len(lastNames)]
}

func requester(n int) string { return fmt.Sprintf("persona%03d@uni.example", n) }

// peopleFile is desk/people.csv: every second one has a deputy.
func peopleFile(n int) (csv string, deputies map[string]string) {
	deputies = map[string]string{}
	csv = "correo;nombre;suplente\n"
	for i := range n {
		deputy := ""
		if i%2 == 0 {
			deputy = requester((i + 1) % n)
			deputies[requester(i)] = deputy
		}
		csv += requester(i) + ";" + spanish(i) + ";" + deputy + "\n"
	}
	return csv, deputies
}

// mail is one on its way to the desk.
type mail struct {
	from, to string
	raw      []byte
}

var sent int

// written is a mail that somebody writes, in one of the ways in which programs do.
func written(from, to, subject, answers, text string, at time.Time, auto bool) mail {
	sent++
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s <%s>\r\nTo: %s\r\nDate: %s\r\nMessage-ID: <%d.%s>\r\nSubject: %s\r\n", mime.QEncoding.Encode("utf-8", spanish(sent)), from, to,
		at.Format(time.RFC1123Z), sent, from, mime.BEncoding.Encode("utf-8", subject))
	if answers != "" {
		fmt.Fprintf(&b, "In-Reply-To: <%s>\r\nReferences: <%s>\r\n", answers, answers)
	}
	if auto {
		b.WriteString("Auto-Submitted: auto-replied\r\n")
	}
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	b.WriteString(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n")
	return mail{from, to, []byte(b.String())}
}

// plot is how the people around a ticket behave. It is a function of its number.
type plot struct {
	answer, work int  // minutes to the first answer, and from there to the solution
	direct       bool // the solution is the first answer
	wait         bool // for the provider
	follows      bool // the requester adds something after the first answer
	decision     string
	deputy       bool // decides when asked
	byAddress    bool // decisions are mails to the address in the mail
	score        int  // 0: none
	comment      bool
	twice        bool // scores twice
	again        bool // it fails again after the end, once
	decide       int  // minutes to a decision
}

var decisions = []string{"approve", "approve", "approve", "approve", "reject", "silent", "silent", "away", "away", "late", "both"}

func plotOf(number string) plot {
	var n uint64
	_, _ = fmt.Sscan(strings.TrimLeft(number, "0"), &n)
	r := rand.New(rand.NewPCG(2026, n))
	p := plot{answer: 10 + r.IntN(200), work: 20 + r.IntN(500), direct: r.IntN(4) == 0, wait: r.IntN(8) == 0, follows: r.IntN(8) == 0,
		decision: decisions[r.IntN(len(decisions))], deputy: r.IntN(2) == 0, byAddress: r.IntN(3) == 0, comment: r.IntN(4) == 0,
		twice: r.IntN(10) == 0, again: r.IntN(20) == 0, decide: 15 + r.IntN(900)}
	if r.IntN(6) == 0 {
		p.answer += 300 + r.IntN(2500) // too late
	}
	if r.IntN(10) == 0 {
		p.work += 3000 + r.IntN(4000)
	}
	if r.IntN(5) < 3 {
		p.score = 1 + r.IntN(5)
	}
	return p
}
