package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ventanilla/gateway"
	"ventanilla/mail"
	"ventanilla/search"
	"ventanilla/store/mem"
)

func newIndex(t testing.TB, folder string) *search.Index {
	t.Helper()
	x, err := search.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// found are the numbers of the tickets that have words, in order.
func (p *played) found(x *search.Index, words string) (numbers []string) {
	p.t.Helper()
	p.UseIndex(x)
	ts, err := p.Find(context.Background(), words, 20)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, k := range ts {
		numbers = append(numbers, k.Number)
	}
	slices.Sort(numbers)
	return numbers
}

// wordsOf are tickets whose words come and go, in parts.
var wordsOf = []string{`mail relay from=ana@uni.example
From: ana@uni.example
To: soporte@mesa.example
Subject: Impresora dañada
Message-ID: <1@uni.example>

No imprime las facturas.
----

mail relay from=rosa@uni.example
From: rosa@uni.example
To: soporte@mesa.example
Subject: Sin red
Message-ID: <2@uni.example>

El piso tres quedó incomunicado.
----
`, `mail relay from=luis@mesa.example
From: luis@mesa.example
To: $reply(luis@mesa.example)
Subject: Re: [#000002]
In-Reply-To: $id(luis@mesa.example)
Message-ID: <3@mesa.example>

#asunto Conmutador apagado
#etiqueta +cableado

Era el transformador.
----
`, `mail relay from=ana@uni.example
From: ana@uni.example
To: soporte@mesa.example
Subject: Impresora otra vez
Message-ID: <4@uni.example>

Sigue atascándose.
----

mail relay from=luis@mesa.example
From: luis@mesa.example
To: $reply(luis@mesa.example)
Subject: Re: [#000003]
In-Reply-To: $id(luis@mesa.example)
Message-ID: <5@mesa.example>

#unir #000001
----

mail from=ana@uni.example
From: ana@uni.example
To: soporte@mesa.example
Subject: Re: [#000001]
In-Reply-To: <1@uni.example>
Message-ID: <6@uni.example>

Esto dice alguien que no prueba nada: ventilador.
----
`}

// TestSearch: what is said, and what a ticket is called, is found as soon as an index
// has caught up; an index made anew, one that was cut off and one that follows find the same.
func TestSearch(t *testing.T) {
	ctx := context.Background()
	p := newPlayed(t, mem.New())
	folder := filepath.Join(t.TempDir(), "index")
	x := newIndex(t, folder)
	images := []string{}
	for _, part := range wordsOf {
		p.play(part)
		if err := p.CatchUp(ctx, x); err != nil {
			t.Fatal(err)
		}
		image := filepath.Join(t.TempDir(), "image") // as a crash would leave it
		if err := os.CopyFS(image, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		images = append(images, image)
	}
	check := func(name string, x *search.Index) {
		t.Helper()
		for words, want := range map[string][]string{
			"facturas": {"000001"}, "impresoras": {"000001"}, "incomunicados": {"000002"}, "conmutador": {"000002"}, "cableado": {"000002"},
			"transformadores": {"000002"}, "conmutador transformador": {"000002"}, "conmutador incomunicado": {"000002"}, "red incomunicado": nil, "atascandose": {"000001"}, "red": nil, "ventilador": nil, "teclado": nil,
		} {
			if got := p.found(x, words); !slices.Equal(got, want) {
				t.Errorf("%s: %q finds %v, want %v", name, words, got, want)
			}
		}
	}
	check("followed", x)
	for i, image := range images {
		cut := newIndex(t, image)
		if err := p.CatchUp(ctx, cut); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("cut off %d", i), cut)
	}
	if err := x.Write(nil, 1<<40); err != nil { // of a store that was there before this one
		t.Fatal(err)
	}
	if err := p.CatchUp(ctx, x); err != nil {
		t.Fatal(err)
	}
	check("made anew", x)
	empty := newPlayed(t, mem.New())
	if _, err := empty.Find(ctx, "impresora", 1); !errors.Is(err, gateway.ErrNoIndex) {
		t.Errorf("without an index: %v", err)
	}
	empty.UseIndex(x)
	if ts, err := empty.Find(ctx, "impresora", 5); err != nil || len(ts) != 0 {
		t.Errorf("tickets that the store does not have: %v %v", ts, err)
	}
}

// TestSearchByMail: an agent's search finds what was said, not only subjects, and its
// other filters hold for that too.
func TestSearchByMail(t *testing.T) {
	p := newPlayed(t, mem.New())
	for _, part := range wordsOf {
		p.play(part)
	}
	x := newIndex(t, filepath.Join(t.TempDir(), "index"))
	if err := p.CatchUp(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	p.UseIndex(x)
	for i, c := range []struct{ ask, want, not string }{
		{"buscar facturas", "#000001", "#000002"}, {"buscar transformador", "#000002", "#000001"}, {"buscar impresora", "#000001", "#000003"},
		{"buscar facturas asignado:luis", "", "#000001"}, {"buscar transformador asignado:luis", "#000002", ""}, {"buscar teclado", "", "#0"},
		{"buscar facturas estado:cerrados", "", "#000001"}, {"buscar transformador antes:2", "", "#000002"},
	} {
		p.play(fmt.Sprintf("mail relay from=luis@mesa.example\nFrom: luis@mesa.example\nTo: soporte@mesa.example\nSubject: %s\nMessage-ID: <s%d@mesa.example>\n\n----\n", c.ask, i))
		text := mail.Parse(p.raw(p.last["luis@mesa.example"])).Text
		if !strings.Contains(text, c.want) || c.not != "" && strings.Contains(text, c.not) {
			t.Errorf("%s: want %q and not %q in\n%s", c.ask, c.want, c.not, text)
		}
	}
}
