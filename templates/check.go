package templates

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

// loadAdmin compiles the admin's file, if there is one and it is sound. What is
// wrong in it becomes a problem.
func (s *Set) loadAdmin(over fs.FS, file, lang string) *template {
	if over == nil {
		return nil
	}
	source, err := fs.ReadFile(over, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		s.problems = append(s.problems, Problem{File: file, Message: "no se puede leer: " + cause(err)})
		return nil
	}
	t, problem := s.compile(file, lang, string(source))
	if problem != nil {
		s.problems = append(s.problems, *problem)
	}
	return t
}

// cause returns what the system said, without the path, which the problem names.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

// strayFiles adds a problem for each file of over that nothing reads. Files that
// explain (README, LEAME) and hidden ones are left in peace.
func (s *Set) strayFiles(over fs.FS) {
	if over == nil {
		return
	}
	known := []string{}
	for _, lang := range Languages() {
		known = append(known, lang+"/words.txt")
		for _, name := range Names() {
			known = append(known, lang+"/"+name+".md")
		}
		for _, mail := range OwnMails() {
			known = append(known, ownFiles(over, lang, mail)...)
		}
	}
	err := fs.WalkDir(over, ".", func(file string, entry fs.DirEntry, err error) error {
		base := path.Base(file)
		explains := strings.HasPrefix(base, "README") || strings.HasPrefix(base, "LEAME")
		hidden := file != "." && strings.HasPrefix(base, ".") || strings.HasSuffix(base, "~")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || explains || hidden || slices.Contains(known, file):
			return nil
		}
		s.problems = append(s.problems, Problem{File: file, Message: "ningún correo se llama así" + didYouMean(file, known)})
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.problems = append(s.problems, Problem{File: ".", Message: "no se puede leer la carpeta: " + cause(err)})
	}
}

// check reads a template file as a whole, so that lines are those of the file:
// its syntax, the names it uses, and an execution on sample values.
func (s *Set) check(file, lang, source string) *Problem {
	t, err := texttemplate.New("file").Funcs(s.functions(lang, false)).Parse(source)
	if err != nil {
		return problemOf(file, err)
	}
	for _, part := range t.Templates() {
		if problem := unknownField(file, part.Tree, part.Root); problem != nil {
			return problem
		}
	}
	if t, err = texttemplate.New("file").Funcs(s.functions(lang, false)).Parse(actionsOf(source, severalLines)); err != nil {
		return problemOf(file, err)
	}
	full := Sample("")
	for _, d := range []Data{full, {}} {
		if err := t.Execute(io.Discard, &d); err != nil {
			return problemOf(file, err)
		}
	}
	return nil
}

// unknownField looks for a field that Data does not have, in all branches.
func unknownField(file string, tree *parse.Tree, node parse.Node) *Problem {
	var names []string
	switch n := node.(type) {
	case *parse.FieldNode:
		names = n.Ident
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			names = n.Ident[1:]
		}
	}
	if len(names) > 0 {
		known := fieldNames()
		if i := slices.IndexFunc(names, func(name string) bool { return !slices.Contains(known, name) }); i >= 0 || len(names) > 1 {
			where, _ := tree.ErrorContext(node)
			return &Problem{file, lineOf(where), "no hay un valor que se llame «." + strings.Join(names, ".") + "»" + didYouMean(names[max(i, 0)], known)}
		}
	}
	for _, child := range children(node) {
		if problem := unknownField(file, tree, child); problem != nil {
			return problem
		}
	}
	return nil
}

// children returns the nodes within a node that may name fields.
func children(node parse.Node) []parse.Node {
	branch := func(b parse.BranchNode) []parse.Node {
		nodes := []parse.Node{b.Pipe, b.List}
		if b.ElseList != nil {
			nodes = append(nodes, b.ElseList)
		}
		return nodes
	}
	switch n := node.(type) {
	case *parse.ListNode:
		return n.Nodes
	case *parse.ActionNode:
		return []parse.Node{n.Pipe}
	case *parse.TemplateNode:
		if n.Pipe != nil {
			return []parse.Node{n.Pipe}
		}
	case *parse.IfNode:
		return branch(n.BranchNode)
	case *parse.RangeNode:
		return branch(n.BranchNode)
	case *parse.WithNode:
		return branch(n.BranchNode)
	case *parse.PipeNode:
		var nodes []parse.Node
		for _, c := range n.Cmds {
			nodes = append(nodes, c.Args...)
		}
		return nodes
	case *parse.ChainNode:
		return []parse.Node{n.Node}
	}
	return nil
}

func fieldNames() []string {
	var names []string
	for f := range reflect.TypeFor[Data]().Fields() {
		names = append(names, f.Name)
	}
	return names
}

// located matches an error of text/template: its line, and what it says.
var located = regexp.MustCompile(`^(?:html/)?template: ?[^:]*:(\d+)(?::\d+)?: (?:executing "[^"]*" at (<[^>]*>): )?(.*)`)

func problemOf(file string, err error) *Problem {
	p := &Problem{File: file, Message: plainError(err)}
	if m := located.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
	}
	return p
}

// plainError returns what an error of text/template says, without the place.
func plainError(err error) string {
	if m := located.FindStringSubmatch(err.Error()); m != nil {
		return strings.TrimSpace(m[2] + " " + m[3])
	}
	return err.Error()
}

// lineOf returns the line of a place as text/template writes it: file:7:12.
func lineOf(where string) int {
	parts := strings.Split(where, ":")
	line, _ := strconv.Atoi(parts[min(1, len(parts)-1)])
	return line
}

// loadWords reads words.txt of every language, and the admin's over them. Every
// language must have the same keys.
func (s *Set) loadWords(base, over fs.FS) error {
	for _, lang := range Languages() {
		file := lang + "/words.txt"
		source, err := fs.ReadFile(base, file)
		if err != nil {
			return err
		}
		words, problems := readWords(file, string(source))
		if len(problems) > 0 {
			return errors.New(problems[0].String())
		}
		s.words[lang] = words
	}
	for _, lang := range Languages() {
		for _, key := range s.keys() {
			if s.words[lang][key] == "" {
				return fmt.Errorf("%s/words.txt: %q is missing", lang, key)
			}
		}
		if len(s.words[lang]) != len(s.keys()) {
			return fmt.Errorf("%s/words.txt: it has keys that %s has not", lang, Languages()[0])
		}
	}
	for _, lang := range Languages() {
		s.adminWords(over, lang)
	}
	return nil
}

// adminWords lays the admin's words over the shipped ones.
func (s *Set) adminWords(over fs.FS, lang string) {
	if over == nil {
		return
	}
	file := lang + "/words.txt"
	source, err := fs.ReadFile(over, file)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.problems = append(s.problems, Problem{File: file, Message: "no se puede leer: " + cause(err)})
		}
		return
	}
	words, problems := readWords(file, string(source))
	s.problems = append(s.problems, problems...)
	for i, line := range strings.Split(string(source), "\n") {
		key, _, ok := strings.Cut(line, ":")
		key = strings.TrimSpace(key)
		switch word := words[key]; {
		case !ok || word == "":
		case s.HasWord(key):
			s.words[lang][key] = word
		default:
			s.problems = append(s.problems, Problem{file, i + 1, fmt.Sprintf("no conozco la clave %q%s", key, didYouMean(key, s.keys()))})
		}
	}
}

// readWords reads lines "key: value". Empty lines and those that begin with "#"
// say nothing.
func readWords(file, source string) (map[string]string, []Problem) {
	words := map[string]string{}
	var problems []Problem
	for i, line := range strings.Split(source, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		key, value = strings.TrimSpace(key), oneLine(value)
		switch {
		case !ok || key == "" || value == "":
			problems = append(problems, Problem{file, i + 1, "cada línea dice «clave: palabra»"})
		case words[key] != "":
			problems = append(problems, Problem{file, i + 1, fmt.Sprintf("la clave %q está dos veces", key)})
		default:
			words[key] = value
		}
	}
	return words, problems
}

// keys returns the keys of words.txt, sorted.
func (s *Set) keys() []string {
	return slices.Sorted(maps.Keys(s.words[Languages()[0]]))
}

// didYouMean returns a hint at the known word that is nearest to a wrong one, ""
// if none is near.
func didYouMean(wrong string, known []string) string {
	best, least := "", len(wrong)/3+2
	for _, k := range known {
		if d := distance(strings.ToLower(wrong), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; ¿quiso decir %q?", best)
}

// distance is how many letters must be put in, taken out or changed to make b of
// a.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		previous := row[0]
		row[0] = i + 1
		for j := range y {
			change := previous
			if x[i] != y[j] {
				change++
			}
			previous = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(y)]
}
