package search

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What may be of a title is all that is: no word of a mail is left out whose stem a
// title or a tag has.
func TestLikely(t *testing.T) {
	words := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{"luces", "luz", "LUCES", "pc", "PCs", "impresoras", "Impresión", "éxito", "(wifi)", "vpn-ssl", "vpn.ssl", "a_b", "3.5", "¿clave?", "e\u0301xito", "İstanbul", "почта", "邮件", "añeces", "reses", "ñu"}),
		rapid.StringOfN(rapid.SampledFrom([]rune("aáceszlopnñÁZ.-_'7")), 1, 8, -1),
	), 1, 12)
	rapid.Check(t, func(rt *rapid.T) {
		title, text := strings.Join(words.Draw(rt, "title"), " "), strings.Join(words.Draw(rt, "text"), " ")
		s := NewShelf([]Page{{Title: title}})
		named, likely := stems(title), stems(s.likely(text))
		for _, stem := range stems(text) {
			if slices.Contains(named, stem) && !slices.Contains(likely, stem) {
				rt.Errorf("%q of the title %q in %q is not in %q", stem, title, text, s.likely(text))
			}
		}
	})
	s := NewShelf([]Page{{Title: "Configurar la VPN", Text: "Descargue el cliente."}})
	if got := s.likely("No puedo (configurarla) en el cliente de la vpn."); got != "(configurarla) vpn. " {
		t.Errorf("likely are %q", got)
	}
}

func BenchmarkSuits(b *testing.B) {
	s := NewShelf([]Page{{Title: "Configurar la VPN en Windows", Tags: []string{"vpn", "acceso remoto"}}, {Title: "Cambiar la contraseña del correo", Tags: []string{"clave"}}})
	text := strings.Repeat("Buenos días: la cámara del salón 305 no enciende, tampoco el proyector; ¿pueden venir hoy? ", 40)
	for b.Loop() {
		s.Suits("No enciende", text, 2)
	}
}
