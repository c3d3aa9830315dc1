package search_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ventanilla/search"
)

func open(t *testing.T, folder string) *search.Index {
	t.Helper()
	x, err := search.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func find(t *testing.T, x *search.Index, words string) []uint64 {
	t.Helper()
	found, err := x.Find(context.Background(), words, 10)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

var texts = []search.Text{
	{Ticket: 1, Words: "Impresora del segundo piso"},
	{Ticket: 1, Part: 1, Words: "Impresora del segundo piso\nNo imprime desde ayer. La configuración está igual."},
	{Ticket: 1, Part: 2, Words: "¿Cambiaron el tóner?"},
	{Ticket: 2, Words: "Sin red"},
	{Ticket: 2, Part: 1, Words: "Las computadoras no tienen red; las impresoras tampoco."},
	{Ticket: 3, Words: "Acceso a la VPN"},
}

// TestFind: words are found in any form, in the title or the text of any part.
func TestFind(t *testing.T) {
	x := open(t, t.TempDir())
	defer x.Close()
	if err := x.Write(texts, 7); err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string][]uint64{
		"impresora": {1, 2}, "IMPRESORAS": {1, 2}, "configuracion": {1}, "configuraciones": {1}, "toner": {1}, "vpn": {3},
		"impresora piso": {1}, "red impresoras": {2}, "la impresora de los": {1, 2}, "piso imprimir": nil, "impresora ayer": {1}, "el de la": nil, "": nil, "teclado": nil,
		"impresora teclado": nil, `tóner" OR vpn:*`: nil, "acceso vpn": {3},
		"piso tóner": {1}, "toner ayer impresoras": {1}, "red tóner": nil, // of several texts of one ticket
	} {
		if got := find(t, x, words); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", words, got, want)
		}
	}
	// a word of a short text says more
	if best, err := x.Find(context.Background(), "impresora", 1); err != nil || !slices.Equal(best, []uint64{1}) {
		t.Errorf("the best: %v %v", best, err)
	}
}

// TestWrite: what is written again replaces, what is gone is not found, and all
// that is there after a restart, with the cursor.
func TestWrite(t *testing.T) {
	folder := t.TempDir()
	x := open(t, folder)
	if _, ok, err := x.Cursor(); ok || err != nil {
		t.Errorf("a new index has a cursor: %v", err)
	}
	if err := errors.Join(x.Write(texts, 7), x.Write([]search.Text{{Ticket: 3, Words: "Acceso al correo"}, {Ticket: 2, Part: 1, Gone: true}}, 9), x.Close()); err != nil {
		t.Fatal(err)
	}
	x = open(t, folder)
	defer x.Close()
	if cursor, ok, err := x.Cursor(); cursor != 9 || !ok || err != nil {
		t.Errorf("cursor %d %v %v", cursor, ok, err)
	}
	for words, want := range map[string][]uint64{"vpn": nil, "correo": {3}, "impresora": {1}, "red": {2}, "computadoras": nil} {
		if got := find(t, x, words); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", words, got, want)
		}
	}
	if info, err := os.Stat(filepath.Join(folder, "1-a")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may look into the index: %v %v", info.Mode(), err)
	}
}

// TestRebuild: while an index is made anew the old one serves; when that fails it
// goes on.
func TestRebuild(t *testing.T) {
	folder := t.TempDir()
	x := open(t, folder)
	if err := x.Write(texts, 7); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("failed")
	err := x.Rebuild(func(add func([]search.Text) error) (uint64, error) {
		return 0, errors.Join(add([]search.Text{{Ticket: 9, Words: "Teclado"}}), failed)
	})
	if !errors.Is(err, failed) || len(find(t, x, "vpn")) != 1 || len(find(t, x, "teclado")) != 0 {
		t.Errorf("after a failure: %v", err)
	}
	for range 3 {
		err = x.Rebuild(func(add func([]search.Text) error) (uint64, error) {
			if err := add([]search.Text{{Ticket: 9, Words: "Teclado"}}); err != nil {
				return 0, err
			}
			if len(find(t, x, "vpn"))+len(find(t, x, "teclado")) != 1 {
				t.Error("the old index does not serve meanwhile")
			}
			return 12, nil
		})
		if err != nil || len(find(t, x, "vpn")) != 0 || len(find(t, x, "teclado")) != 1 {
			t.Fatalf("made anew: %v", err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, folder)
	defer x.Close()
	if cursor, ok, _ := x.Cursor(); cursor != 12 || !ok || len(find(t, x, "teclado")) != 1 {
		t.Errorf("after a restart: cursor %d", cursor)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 2 {
		t.Errorf("the old index lies about: %v", entries)
	}
}

// TestBroken: an index that cannot be read is made anew, and says that it knows
// nothing.
func TestBroken(t *testing.T) {
	folder := t.TempDir()
	x := open(t, folder)
	if err := errors.Join(x.Write(texts, 7), x.Close()); err != nil {
		t.Fatal(err)
	}
	broken := 0
	_ = filepath.WalkDir(folder, func(path string, e fs.DirEntry, _ error) error {
		if e.Type().IsRegular() && filepath.Base(path) != "current" {
			broken++
			return os.WriteFile(path, []byte("rubbish"), 0o600)
		}
		return nil
	})
	if broken == 0 {
		t.Fatal("nothing to break")
	}
	x = open(t, folder)
	defer x.Close()
	if _, ok, err := x.Cursor(); ok || err != nil || len(find(t, x, "vpn")) != 0 {
		t.Errorf("a broken index is believed: %v", err)
	}
}

func TestShelf(t *testing.T) {
	s := search.NewShelf([]search.Page{
		{Title: "Configurar la VPN en Windows", Tags: []string{"vpn", "acceso remoto"}, Text: "Descargue el cliente e instale el certificado."},
		{Title: "Cambiar la contraseña del correo", Tags: []string{"clave"}, Text: "Entre a la página del correo."},
		{Title: "Wifi", Text: "Use la red Institucional."},
	})
	for question, want := range map[string][]int{
		"vpn": {0}, "no puedo configurar el vpn": {0}, "certificados": {0}, "correo": {1}, "contraseñas de vpn": {0, 1}, "teclado": {}, "": {}, "red wifi": {2},
	} {
		got := s.Find(question, 5)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("find %q: %v, want %v", question, got, want)
		}
	}
	for _, c := range []struct {
		subject, text string
		want          []int
	}{
		{"Problema con la VPN", "No puedo configurarla en Windows", []int{0}},
		{"Correo", "Olvidé mi contraseña", []int{1}},
		{"Correo", "No llega un correo de un proveedor", []int{}}, // one word of three says little
		{"Sin wifi", "", []int{2}},
		{"Teclado", "No sirve", []int{}},
	} {
		if got := s.Suits(c.subject, c.text, 2); !slices.Equal(got, c.want) {
			t.Errorf("suits %q: %v, want %v", c.subject, got, c.want)
		}
	}
}
