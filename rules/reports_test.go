package rules

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"ventanilla/desk"
	"ventanilla/reports"
)

// TestReportFiles: what is wrong with a report is said at its place, with the word
// that was meant; without any file there is the usual one.
func TestReportFiles(t *testing.T) {
	w := &desk.World{Agents: []desk.Agent{{Name: "ana"}, {Name: "luis"}}}
	table := "\n[[table]]\ntitle = \"Todo\"\ncolumns = [\"opened\"]\n"
	for text, want := range map[string]string{
		"title = \"Uno\"\nto = [\"ana\"]\nat = \"07:30\"" + table:           "",
		"title = \"Uno\"\nto = [\"lius\"]" + table:                          `reports/uno.toml:2:7: no hay un agente "lius"; ¿quiso decir "luis"?`,
		"title = \"Uno\"\nat = \"7 h\"" + table:                             `reports/uno.toml:2:6: la hora "7 h" debe ser como "07:00"`,
		"at = \"07:00\"" + table:                                            `falta el título del informe`,
		"title = \"Uno\"\n":                                                 `el informe no tiene tablas`,
		"title = \"Uno\"\ntitel = \"x\"" + table:                            `reports/uno.toml:2:1: no se conoce la clave "titel"; ¿quiso decir "title"?`,
		"title = \"Uno\"" + strings.Replace(table, "opened", "openend", 1):  `reports/uno.toml:4:12: columns no puede ser "openend"; ¿quiso decir "opened"?`,
		"title = \"Uno\"" + table + "by = [\"quee\"]":                       `reports/uno.toml:5:7: by no puede ser "quee"; ¿quiso decir "queue"?`,
		"title = \"Uno\"" + table + "by = [\"queue\", \"type\", \"agent\"]": `dos dimensiones como mucho`,
		"title = \"Uno\"" + table + "by = [\"queue\", \"day\"]":             `day va primero`,
		"title = \"Uno\"" + table + "sort = \"closed\"":                     `reports/uno.toml:5:8: "closed" no está en columns`,
		"title = \"Uno\"" + table + "chart = \"opend\"":                     `reports/uno.toml:5:9: "opend" no está en columns; ¿quiso decir "opened"?`,
		"title = \"Uno\"" + table + "limit = -1":                            `-1 no es un número de líneas`,
		"title = \"Uno\"\n[[table]]\ntitle = \"Todo\"\n":                    `faltan las cifras`,
		"title = \"Uno\"\n[[table]]\ncolumns = [\"opened\", \"opened\"]\n":  `"opened" ya está en columns`,
	} {
		all, err := LoadReports(fstest.MapFS{"reports/uno.toml": {Data: []byte(text)}}, w)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngave %v\nwant %s", text, err, want)
		}
		if err == nil && (len(all) != 2 || all[0].Name != "mensual" || all[1].Name != "uno") {
			t.Errorf("reports %+v", all)
		}
	}
	if all, err := LoadReports(fstest.MapFS{}, w); err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], reports.Usual()) {
		t.Errorf("without files: %+v, %v", all, err)
	}
}

// TestReportExample: the example that init writes is the usual report, and the words
// that a file may use are those that reports know.
func TestReportExample(t *testing.T) {
	data, err := os.ReadFile("../cmd/ventanilla/installation/reports/mensual.toml")
	if err != nil {
		t.Fatal(err)
	}
	all, err := LoadReports(fstest.MapFS{"reports/mensual.toml": {Data: data}}, &desk.World{})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	want := reports.Usual()
	want.At = all[0].At
	for i := range want.Tables { // without lines there is no total to leave out
		if len(want.Tables[i].By) == 0 {
			want.Tables[i].Totals = all[0].Tables[i].Totals
		}
	}
	if diff := cmp.Diff(want, all[0]); diff != "" {
		t.Error(diff)
	}
	words := func(field string) []string {
		f, _ := reflect.TypeFor[reportTable]().FieldByName(field)
		return strings.Fields(f.Tag.Get("values"))
	}
	var columns, dimensions []string
	for _, c := range reports.Columns {
		columns = append(columns, c.Name)
	}
	for _, d := range reports.Dimensions {
		dimensions = append(dimensions, d.Name)
	}
	if got := words("Columns"); !sameWords(got, columns) {
		t.Errorf("columns %v, want %v", got, columns)
	}
	if got := words("By"); !sameWords(got, dimensions) {
		t.Errorf("dimensions %v, want %v", got, dimensions)
	}
}

func sameWords(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
