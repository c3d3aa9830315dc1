package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
)

// whole is the folder desk with every file that it can have.
var whole = map[string]string{
	"desk/types.toml":      "[[type]]\nname = \"incidente\"\n[[type]]\nname = \"requerimiento\"\n",
	"desk/services.toml":   "[[service]]\nname = \"red\"\ntitle = \"Red\"\n[[service]]\nname = \"wifi\"\nparent = \"red\"\n",
	"desk/clients.toml":    "[[client]]\nname = \"acme\"\ntitle = \"Acme S. A.\"\ndomains = [\"ACME.example\"]\nservices = [\"wifi\"]\nproducts = [\"nómina\"]\n",
	"desk/fields.toml":     "[[field]]\nname = \"sede\"\ntitle = \"Sede\"\nlabels = [\"oficina\"]\nvalues = [\"norte\", \"sur\"]\nexample = \"norte\"\n[[field]]\nname = \"cedula\"\npattern = \"[0-9]{6,10}\"\nexample = \"123456\"\n",
	"desk/categories.toml": "[[category]]\nname = \"vpn\"\ntitle = \"VPN\"\nqueue = \"redes\"\nservice = \"wifi\"\ntype = \"incidente\"\nowner = \"ana\"\nurgency = 2\nimpact = 3\nrequired = [\"sede\", \"cedula\"]\n",
	"desk/priorities.toml": "[[urgency]]\nlevel = 2\nimpact = [1, 1, 2, 2, 3]\n",
	"desk/people.csv":      "\ufeff# la gente\nNombre;Correo;otras;Teléfono;Dependencia;cliente\r\n\"Ruiz; Eva\";Eva@acme.example;e.ruiz@casa.example eva2@casa.example;123;Contabilidad;ACME\r\n",
	"desk/assets.csv":      "name,title,client,address\nPC-1,\"Portátil, 14\",acme,eva@acme.example\n",
}

func wholeWorld(t *testing.T, change func(map[string]string)) (*desk.World, error) {
	t.Helper()
	files := map[string]string{}
	for _, all := range []map[string]string{standing, whole} {
		for k, v := range all {
			files[k] = v
		}
	}
	if change != nil {
		change(files)
	}
	return LoadWorld(installation(files), desk.World{})
}

// TestDeskFiles: what the files of the folder desk say is what the desk knows.
func TestDeskFiles(t *testing.T) {
	w, err := wholeWorld(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	eva := desk.Known{Name: "Ruiz; Eva", Address: "eva@acme.example", Further: []string{"e.ruiz@casa.example", "eva2@casa.example"}, Phone: "123", Department: "Contabilidad", Client: "acme"}
	want := &desk.World{
		Types:    []string{"incidente", "requerimiento"},
		Services: []desk.Service{{Name: "red", Title: "Red"}, {Name: "wifi", Title: "wifi", Parent: "red"}},
		Clients:  []desk.Client{{Name: "acme", Title: "Acme S. A.", Domains: []string{"acme.example"}, Services: []string{"wifi"}, Products: []string{"nómina"}}},
		Fields: []desk.FieldKind{{Name: "sede", Title: "Sede", Labels: []string{"oficina"}, Values: []string{"norte", "sur"}, Example: "norte"},
			{Name: "cedula", Title: "cedula", Pattern: "[0-9]{6,10}", Example: "123456"}},
		Categories: []desk.Category{{Name: "vpn", Title: "VPN", Queue: "redes", Service: "wifi", Type: "incidente", Owner: "ana", Urgency: 2, Impact: 3, Required: []string{"sede", "cedula"}}},
		Matrix:     desk.Matrix{1: {1, 1, 2, 2, 3}},
		Known:      map[string]desk.Known{"eva@acme.example": eva, "e.ruiz@casa.example": eva, "eva2@casa.example": eva},
		Assets:     []desk.Asset{{Name: "PC-1", Title: "Portátil, 14", Client: "acme", Address: "eva@acme.example"}},
	}
	w.Queues, w.Agents = nil, nil
	if w.Calendar == nil {
		t.Error("no calendar")
	}
	w.Calendar = nil
	if diff := cmp.Diff(want, w); diff != "" {
		t.Error(diff)
	}
}

// TestDeskFilesMisspelt: a letter left out of any key of any file is found, and the
// key that was meant is named.
func TestDeskFilesMisspelt(t *testing.T) {
	tried := 0
	for name, text := range whole {
		for line := range strings.Lines(text) {
			key, _, ok := strings.Cut(line, " = ")
			if !ok || len(key) < 4 {
				continue
			}
			_, err := wholeWorld(t, func(files map[string]string) {
				files[name] = strings.Replace(text, line, key[:2]+key[3:]+line[len(key):], 1)
			})
			if err == nil || !strings.Contains(err.Error(), "¿quiso decir \""+key+"\"?") {
				t.Errorf("%s, %s: %v", name, key, err)
			}
			tried++
		}
	}
	if tried < 25 {
		t.Errorf("only %d keys were tried", tried)
	}
}

func TestSheetNotUTF8(t *testing.T) {
	_, err := wholeWorld(t, func(files map[string]string) { files["desk/people.csv"] = "correo\nj\xf3se@x.example\n" })
	if err == nil || !strings.Contains(err.Error(), "CSV UTF-8") {
		t.Error(err)
	}
}
