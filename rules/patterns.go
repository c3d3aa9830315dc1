package rules

import (
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode"
	"ventanilla/mail"

	"golang.org/x/text/unicode/norm"
)

// patterns compiles regular expressions.
func (k *compiler) patterns(t conditionText, add func(string, condition)) {
	for which, in := range [...]struct {
		key      string
		patterns []string
	}{{"subject_pattern", t.SubjectPattern}, {"body_pattern", t.BodyPattern}} {
		k.notEmpty(in.key, len(in.patterns))
		if len(in.patterns) == 0 {
			continue
		}
		c := &pattern{text: which, source: in.patterns, exact: t.Exact}
		for i, source := range in.patterns {
			if re := k.pattern(fmt.Sprintf("%s[%d]", in.key, i), source, t.Exact); re != nil {
				x := &k.set.literals[which][0]
				if t.Exact {
					x = &k.set.literals[which][1]
				}
				c.res, c.literals = append(c.res, re), append(c.literals, x.add(literalOf(source, t.Exact)))
			}
		}
		add(in.key, c)
	}
	for _, name := range slices.Sorted(maps.Keys(t.HeaderPattern)) {
		key, source := "header_pattern."+name, t.HeaderPattern[name]
		if re := k.pattern(key, source, t.Exact); re != nil {
			add(key, &pattern{header: name, source: []string{source}, res: []*regexp.Regexp{re}, exact: t.Exact})
		}
	}
}

// patternMost is how long a pattern may be, in bytes.
const patternMost = 1000

// pattern compiles one regular expression and notes its groups.
func (k *compiler) pattern(key, source string, exact bool) *regexp.Regexp {
	re, err := regexp.Compile(source)
	switch {
	case len(source) > patternMost:
		k.fault(key, "la expresión regular es demasiado larga: %d letras como mucho", patternMost)
		return nil
	case err != nil:
		k.fault(key, "%s", patternInSpanish(err))
		return nil
	}
	if !exact {
		tree, _ := syntax.Parse(source, syntax.Perl|syntax.FoldCase)
		withoutAccents(tree)
		if re, err = regexp.Compile(tree.String()); err != nil {
			k.fault(key, "%s", patternInSpanish(err))
			return nil
		}
	}
	if re.MatchString("") {
		k.warn(key, "esta expresión regular se cumple siempre, también en un texto vacío: quítele * o ? a lo que debe estar")
	}
	for _, name := range re.SubexpNames() {
		if name != "" && !k.not {
			k.groups[name] = true
		}
	}
	return re
}

// patternInSpanish says what is wrong with a regular expression.
func patternInSpanish(err error) string {
	what := "no es una expresión regular"
	if e, ok := err.(*syntax.Error); ok {
		words := map[syntax.ErrorCode]string{
			syntax.ErrMissingParen: "falta un paréntesis que cierre", syntax.ErrUnexpectedParen: "sobra un paréntesis",
			syntax.ErrMissingBracket: "falta un corchete que cierre", syntax.ErrMissingRepeatArgument: "no hay nada que repetir antes de",
			syntax.ErrInvalidRepeatOp: "repetición sobre repetición", syntax.ErrInvalidRepeatSize: "se repite demasiadas veces",
			syntax.ErrTrailingBackslash: "acaba en una barra", syntax.ErrInvalidEscape: "después de la barra viene algo inválido",
			syntax.ErrInvalidCharRange: "el rango va al revés", syntax.ErrInvalidNamedCapture: "el grupo con nombre se escribe (?P<nombre>…)",
			syntax.ErrInvalidPerlOp: "esto no existe aquí (RE2): no hay (?=…) ni (?!…)",
		}
		what += ": " + or(words[e.Code], string(e.Code)) + " («" + e.Expr + "»)"
	}
	return what
}

// accented holds, for each ASCII letter in lower case, the letters that are it
// with an accent, in both cases.
var accented = func() map[rune][]rune {
	t := map[rune][]rune{}
	for r := rune(0xc0); r < 0x250; r++ {
		if folded := mail.Fold(string(r)); len(folded) == 1 {
			t[rune(folded[0])] = append(t[rune(folded[0])], r)
		}
	}
	return t
}()

// withoutAccents lets every letter of a pattern stand for the same one with
// other accents and in the other case.
func withoutAccents(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		runes := re.Rune
		re.Op, re.Rune, re.Flags = syntax.OpConcat, nil, re.Flags&^syntax.FoldCase
		for _, r := range runes {
			re.Sub = append(re.Sub, &syntax.Regexp{Op: syntax.OpCharClass, Flags: re.Flags, Rune: variants(r)})
		}
	case syntax.OpCharClass:
		if n := len(re.Rune); n > 0 && re.Rune[n-1] == unicode.MaxRune { // as [^a-z]: what is left out counts
			re.Rune = complement(widened(complement(re.Rune)))
		} else {
			re.Rune = widened(re.Rune)
		}
	default:
		for _, sub := range re.Sub {
			withoutAccents(sub)
		}
	}
}

// variants returns the class of a letter with all accents and in both cases.
func variants(r rune) []rune {
	var class []rune
	add := func(r rune) { class = append(class, r, r) }
	add(r)
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		add(f)
	}
	if folded := mail.Fold(string(r)); len(folded) == 1 {
		base := rune(folded[0])
		add(base)
		add(unicode.ToUpper(base))
		for _, a := range accented[base] {
			add(a)
		}
	}
	return ranges(class)
}

// widened returns a class with the variants of all Latin letters in it.
func widened(class []rune) []rune {
	wide := slices.Clone(class)
	for i := 0; i < len(class); i += 2 {
		for r := class[i]; r <= min(class[i+1], 0x24f); r++ {
			if folded := mail.Fold(string(r)); len(folded) == 1 && 'a' <= folded[0] && folded[0] <= 'z' {
				wide = append(wide, variants(r)...)
			}
		}
	}
	return ranges(wide)
}

// complement returns the class of all that is not in a sorted one.
func complement(class []rune) (rest []rune) {
	next := rune(0)
	for i := 0; i < len(class); i += 2 {
		if class[i] > next {
			rest = append(rest, next, class[i]-1)
		}
		next = class[i+1] + 1
	}
	if next <= unicode.MaxRune {
		rest = append(rest, next, unicode.MaxRune)
	}
	return rest
}

// literalOf returns the longest text that stands in all that a pattern fits,
// folded unless exact; "" if there is none.
func literalOf(source string, exact bool) (longest string) {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return ""
	}
	var walk func(re *syntax.Regexp)
	walk = func(re *syntax.Regexp) {
		switch re.Op {
		case syntax.OpLiteral:
			literal := string(re.Rune)
			if exact && re.Flags&syntax.FoldCase != 0 {
				return
			}
			if !exact {
				literal = mail.Fold(norm.NFC.String(literal))
			}
			if len(literal) > len(longest) {
				longest = literal
			}
		case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
			for _, sub := range re.Sub {
				walk(sub)
			}
		}
	}
	walk(tree)
	return longest
}

// ranges sorts the pairs of a class, which may overlap afterwards no more.
func ranges(class []rune) []rune {
	var pairs [][2]rune
	for i := 0; i < len(class); i += 2 {
		pairs = append(pairs, [2]rune{class[i], class[i+1]})
	}
	slices.SortFunc(pairs, func(a, b [2]rune) int { return int(a[0]) - int(b[0]) })
	var out []rune
	for _, p := range pairs {
		if n := len(out); n > 0 && p[0] <= out[n-1]+1 {
			out[n-1] = max(out[n-1], p[1])
		} else {
			out = append(out, p[0], p[1])
		}
	}
	return out
}
