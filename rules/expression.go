package rules

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// Limits of "when". An expression over them is false, and the trace says so.
const (
	expressionNodes  = 200
	expressionMemory = 100_000 // of the library's units: elements made
	expressionFiles  = 50      // attachments that an expression sees
)

// expressionEnv is all that "when" can see. It reads nothing else.
type expressionEnv struct {
	Subject     string            `expr:"subject"`
	Body        string            `expr:"body"`
	From        string            `expr:"from"`
	FromDomain  string            `expr:"from_domain"`
	To          []string          `expr:"to"`
	Cc          []string          `expr:"cc"`
	Plus        []string          `expr:"plus"`
	List        string            `expr:"list"`
	Class       string            `expr:"class"`
	Trust       string            `expr:"trust"`
	Language    string            `expr:"language"`
	Hour        int               `expr:"hour"`    // 0 to 23
	Minute      int               `expr:"minute"`  // 0 to 59
	Weekday     int               `expr:"weekday"` // 1 for Monday to 7 for Sunday
	Day         int               `expr:"day"`
	Month       int               `expr:"month"`
	Attachments []expressionFile  `expr:"attachments"`
	Headers     map[string]string `expr:"headers"` // by name in lower case; the first of each
	Ticket      expressionTicket  `expr:"ticket"`
	Requester   expressionPerson  `expr:"requester"`

	// Has says whether one of the words or phrases stands in the text, without
	// case and accents. Fold takes both away.
	Has  func(text string, words ...string) bool `expr:"has"`
	Fold func(text string) string                `expr:"fold"`
}

type expressionFile struct {
	Name string `expr:"name"`
	Type string `expr:"type"`
	Size int    `expr:"size"` // bytes
	Kind string `expr:"content"`
}

// expressionPerson is what the desk's files tell of the requester.
type expressionPerson struct {
	Name       string   `expr:"name"`
	Address    string   `expr:"address"` // "" for one who is not in desk/people.csv
	Phone      string   `expr:"phone"`
	Department string   `expr:"department"`
	Client     string   `expr:"client"`
	Products   []string `expr:"products"`
	Services   []string `expr:"services"`
}

type expressionTicket struct {
	Number   string `expr:"number"` // "" for a mail that opens one
	State    string `expr:"state"`
	Queue    string `expr:"queue"`
	Type     string `expr:"type"`
	Priority int    `expr:"priority"`
	Owner    string `expr:"owner"`
}

// expressionWords are the names in an expression, for suggestions.
var expressionWords = func() (names []string) {
	t := reflect.TypeFor[expressionEnv]()
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("expr"))
	}
	return append(names, expressionBuiltins...)
}()

// expressionBuiltins are the functions of the library that may be called: each
// makes no more than it is given.
var expressionBuiltins = []string{"len", "any", "all", "none", "one", "count", "filter", "map", "lower", "upper", "trim", "min", "max", "abs"}

// expression wants that "when" is true.
type expression struct {
	source  string
	program *vm.Program
}

func (c *expression) cost() int { return 6 }

// sign leaves out how the source is spaced, where it has no texts of its own.
func (c *expression) sign() string {
	if strings.ContainsAny(c.source, "\"'`") {
		return "when " + c.source
	}
	return "when " + strings.Join(strings.Fields(c.source), " ")
}

func (c *expression) fits(v *view) bool {
	fits, err := c.run(v)
	return err == nil && fits
}

func (c *expression) run(v *view) (bool, error) {
	if v.env == nil {
		v.env = v.makeEnv()
	}
	machine := vm.VM{MemoryBudget: expressionMemory}
	out, err := machine.Run(c.program, v.env)
	if err != nil {
		return false, err
	}
	fits, _ := out.(bool)
	return fits, nil
}

func (c *expression) why(v *view, fits bool) string {
	source := strings.Join(strings.Fields(c.source), " ")
	switch _, err := c.run(v); {
	case err != nil:
		return "when no se pudo calcular, y vale como false: " + source
	case fits:
		return "when es true: " + source
	}
	return "when es false: " + source
}

func (v *view) makeEnv() *expressionEnv {
	e := &expressionEnv{Subject: v.raw(subjectText), Body: v.raw(bodyText), From: strings.ToLower(v.From), FromDomain: domain(v.From),
		To: v.To, Cc: v.Cc, Plus: plusParts(v), Class: className(v.Class), Trust: v.Trust.String(), Language: v.language(),
		Hour: v.At.Hour(), Minute: v.At.Minute(), Weekday: 1 + (int(v.At.Weekday())+6)%7, Day: v.At.Day(), Month: int(v.At.Month()),
		Headers: map[string]string{}, Has: hasWords, Fold: foldWords}
	for _, f := range v.Header {
		name := strings.ToLower(f.Name)
		if _, ok := e.Headers[name]; !ok {
			e.Headers[name] = f.Value
		}
	}
	e.List = listID(e.Headers["list-id"])
	for _, p := range v.Parts[:min(len(v.Parts), expressionFiles)] {
		e.Attachments = append(e.Attachments, expressionFile{p.Name, p.Type, int(p.Size), p.Kind})
	}
	e.Requester = expressionPerson{v.Known.Name, v.Known.Address, v.Known.Phone, v.Known.Department, v.Contract.Name, v.Contract.Products, v.Contract.Services}
	if t := v.Ticket; t != nil {
		e.Ticket = expressionTicket{t.Number, string(t.State), t.Queue, t.Type, t.Priority, t.Assignee}
	}
	return e
}

func hasWords(text string, words ...string) bool {
	have := wordsOf(text)
	for _, w := range words {
		if want := wordsOf(w); len(want) > 0 && containsRun(have, want) {
			return true
		}
	}
	return false
}

func foldWords(text string) string { return strings.Join(wordsOf(text), " ") }

// expressionCheck finds what the library lets pass: a pattern after "matches" that
// does not stand in the rule, for a stranger's text is no pattern, and names that
// nobody knows, which it overlooks among the arguments of has.
type expressionCheck struct {
	pattern ast.Node
	names   []*ast.IdentifierNode
	own     []string // names that the expression makes by let
}

// Visit looks at one node.
func (f *expressionCheck) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		if _, ok := n.Right.(*ast.StringNode); n.Operator == "matches" && !ok {
			f.pattern = n
		}
	case *ast.IdentifierNode:
		f.names = append(f.names, n)
	case *ast.VariableDeclaratorNode:
		f.own = append(f.own, n.Name)
	}
}

// unknown returns the first name that nobody knows, nil if there is none.
func (f *expressionCheck) unknown() *ast.IdentifierNode {
	for _, n := range f.names {
		if !slices.Contains(expressionWords, n.Value) && !slices.Contains(f.own, n.Value) {
			return n
		}
	}
	return nil
}

// compileExpression compiles "when". A mistake comes with the offset of its
// character in the source.
func compileExpression(source string) (*vm.Program, int, string) {
	check := &expressionCheck{}
	options := []expr.Option{expr.Env(&expressionEnv{}), expr.AsBool(), expr.MaxNodes(expressionNodes), expr.DisableAllBuiltins(), expr.Patch(check)}
	for _, name := range expressionBuiltins {
		options = append(options, expr.EnableBuiltin(name))
	}
	program, err := expr.Compile(source, options...)
	var wrong *file.Error
	switch {
	case errors.As(err, &wrong):
		return nil, wrong.From, expressionInSpanish(wrong)
	case err != nil:
		return nil, 0, expressionMessage(err.Error())
	case check.unknown() != nil:
		name := check.unknown()
		return nil, name.Location().From, "no se conoce " + name.Value + meant(name.Value, expressionWords, "nombres")
	case check.pattern != nil:
		return nil, check.pattern.Location().From, "después de matches va un patrón entre comillas, escrito en la regla"
	}
	return program, 0, ""
}

func expressionInSpanish(e *file.Error) string {
	if _, name, ok := strings.Cut(e.Message, "unknown name "); ok {
		name, _, _ = strings.Cut(name, " ")
		return "no se conoce " + name + meant(name, expressionWords, "nombres")
	}
	return expressionMessage(e.Message)
}

// expressionMessage says a mistake in an expression in the admin's words.
func expressionMessage(message string) string {
	for _, m := range [...]struct{ english, spanish string }{
		{"expected bool", "la expresión debe ser verdadera o falsa: compare algo, como has(subject, \"red\")"},
		{"exceeds maximum allowed nodes", "la expresión es demasiado larga: repártala en varias reglas"},
		{"unexpected token EOF", "la expresión se acaba antes de tiempo"},
		{"unexpected token", "aquí sobra o falta algo"},
		{"literal not terminated", "falta la comilla que cierra el texto"},
		{"unclosed", "falta «*/» al final del comentario"},
		{"not enough arguments", "a la función le faltan datos"},
		{"too many arguments", "a la función le sobran datos"},
		{"invalid number of arguments", "a la función le faltan o le sobran datos"},
		{"invalid argument", "ese dato no es de la clase que hace falta"},
		{"unrecognized character", "aquí hay un signo que no se usa en una expresión"},
		{"has no field", "no se conoce ese campo"},
		{"mismatched types", "se comparan cosas de distinta clase: un texto va entre comillas y un número no"},
		{"cannot use", "ese dato no es de la clase que hace falta"},
		{"error parsing regexp", "el patrón está mal escrito"},
	} {
		if strings.Contains(message, m.english) {
			return m.spanish
		}
	}
	message, _, _ = strings.Cut(message, "\n")
	return "la expresión está mal (" + message + ")"
}
