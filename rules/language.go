package rules

// functionWords are words that nearly every sentence of a language has and that
// the other two do not have, folded.
var functionWords = func() map[string]int {
	t := map[string]int{}
	for language, words := range [...][]string{
		{"el", "los", "las", "del", "y", "en", "una", "con", "por", "es", "que", "se", "al", "su", "lo", "muy", "pero", "desde", "hay", "esta", "mi", "le", "gracias", "buenos", "buenas", "usted", "ustedes", "tengo", "puedo", "hola"},
		{"the", "and", "of", "to", "is", "in", "for", "with", "on", "that", "this", "my", "it", "you", "we", "are", "have", "can", "please", "not", "from", "hello", "thanks", "your"},
		{"o", "os", "as", "do", "da", "dos", "das", "e", "em", "um", "uma", "com", "nao", "que", "se", "no", "na", "ao", "meu", "minha", "muito", "mas", "voce", "ola", "obrigado", "obrigada", "bom", "boa", "estou", "foi", "pelo", "pela"},
	} {
		for _, w := range words {
			t[w] |= 1 << language
		}
	}
	return t
}()

var languageNames = [...]string{"es", "en", "pt"}

// languageWords are how many words of a text are looked at.
const languageWords = 2000

// languageOf tells Spanish, English and Portuguese by their function words. A
// text with fewer than three of them, or where no language has twice as many as
// the next, is "unknown": short texts and other languages mostly are.
func languageOf(texts ...[]string) string {
	var counts [len(languageNames)]int
	for _, words := range texts {
		for _, w := range words[:min(len(words), languageWords)] {
			of := functionWords[w]
			for l := range counts {
				if of&(1<<l) != 0 {
					counts[l]++
				}
			}
		}
	}
	best, next := 0, 0
	for l := 1; l < len(counts); l++ {
		if counts[l] > counts[best] {
			best = l
		}
	}
	for l, n := range counts {
		if l != best {
			next = max(next, n)
		}
	}
	if counts[best] < 3 || counts[best] < 2*next {
		return "unknown"
	}
	return languageNames[best]
}
