package mailout

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ventanilla/desk"
	"ventanilla/mail"
	"ventanilla/templates"
)

// TestNoticesShareWordsOnly: mails made together are those made singly, also
// where the admin's template calls agents by their names.
func TestNoticesShareWordsOnly(t *testing.T) {
	at := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	world := &desk.World{Name: "Mesa", Domain: "mesa.example", PublicURL: "https://mesa.example", Language: "es",
		Agents: []desk.Agent{{Name: "luis", Title: "Luis Pérez", Address: "luis@mesa.example"}, {Name: "ana", Title: "Ana Gómez", Address: "ana@mesa.example"},
			{Name: "joao", Title: "João", Address: "joao@mesa.example", Language: "pt"}},
		Queues: []desk.Queue{{Name: "soporte", Title: "Soporte", Address: "soporte@mesa.example", Agents: []string{"luis", "ana", "joao"}}}}
	e := desk.Event{Ticket: 3, Seq: 1, At: at, Kind: desk.Opened, Actor: desk.ByPerson(7), Article: 1, Ack: desk.AckFull, Opened: &desk.Opening{Queue: "soporte"}}
	ticket := desk.Ticket{ID: 3, Revision: 1, Number: "000003", Subject: "Daño", State: desk.New, Queue: "soporte", Language: "es", Requester: 7}
	w := World{Desk: world, People: map[desk.PersonID]desk.Person{7: {ID: 7, Name: "Carla", Address: "carla@x.example"}},
		Contents: map[ContentKey]Content{{3, 1}: {Message: &mail.Message{MessageID: "1@x.example"}, Text: "No funciona.", Mail: "1/64"}}}
	greeting := fstest.MapFS{"es/ticket-nuevo.md": {Data: []byte("Subject: [{{.Number}}] {{.Subject}}\n\nHola, {{.Name}}: {{.Requester}} escribe.\n")}}
	for name, over := range map[string]fstest.MapFS{"shipped": {}, "greeting": greeting} {
		t.Run(name, func(t *testing.T) {
			words, err := templates.Load(over)
			if err != nil || len(words.Problems()) > 0 {
				t.Fatal(err, words.Problems())
			}
			r := Renderer{Desk: world, Keys: desk.NewKeys(bytes.Repeat([]byte{1}, desk.KeySize)), Words: words}
			ns := Notices(w, desk.Tickets{3: ticket}, []desk.Event{e})
			together, err := r.Notices(w, ns)
			if err != nil || len(together) != 4 {
				t.Fatalf("%d mails, %v", len(together), err)
			}
			for i, n := range ns {
				alone, err := r.Notices(w, []Notice{n})
				if err != nil || !reflect.DeepEqual(alone[0], together[i]) {
					t.Errorf("to %s: %+v, alone %+v, %v", n.To.Address, together[i], alone, err)
				}
			}
			luis, ana := together[1].Pieces[0].Text, together[2].Pieces[0].Text
			if name == "greeting" && (!strings.Contains(luis, "Hola, Luis") || !strings.Contains(ana, "Hola, Ana")) {
				t.Errorf("Luis reads\n%s\nand Ana\n%s", luis, ana)
			}
			if luis == ana || together[1].ID == together[2].ID {
				t.Error("two agents get one mail")
			}
		})
	}
}
