package main

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ventanilla/templates"
)

// previewCmd is "ventanilla preview".
type previewCmd struct {
	Folder   string   `arg:"" optional:"" name:"carpeta" default:"vista-previa" help:"Carpeta que se escribe; lo que haya en ella con esos nombres se reemplaza."`
	Only     []string `help:"Solo estos correos." placeholder:"CORREO,…"`
	Language []string `help:"Solo estos idiomas: es, en, pt." placeholder:"IDIOMA,…"`
}

// sheetMail is a mail on the contact sheet.
type sheetMail struct{ Name, Language, Subject, HTML, Text, When string }

// Run writes every mail in every language with sample values, and a page that shows
// them all.
func (c *previewCmd) Run(t *terminal) error {
	config, err := LoadConfig(t.config)
	if err != nil {
		return err
	}
	over, err := fs.Sub(osFiles(config), "templates")
	if err != nil {
		return err
	}
	words, err := templates.Load(over)
	if err != nil {
		return err
	}
	if err := known("--only", c.Only, append(templates.Names(), words.OwnNames()...)); err != nil {
		return err
	}
	if err := known("--language", c.Language, templates.Languages()); err != nil {
		return err
	}
	all, err := c.write(words, config.Desk.Name)
	if err != nil {
		return err
	}
	if t.json {
		return t.record(map[string]any{"folder": c.Folder, "mails": len(all), "problems": len(words.Problems())})
	}
	if _, err := fmt.Fprintf(t.out, "%d correos en %s; ábralos todos en %s\n", len(all), c.Folder, filepath.Join(c.Folder, "index.html")); err != nil {
		return err
	}
	var faults []error
	for _, p := range words.Problems() {
		faults = append(faults, errors.New("templates/"+p.String()))
	}
	if len(faults) > 0 {
		return configError{errors.Join(append(faults, errors.New("mientras tanto se envía el texto que trae el programa"))...)}
	}
	return nil
}

// known refuses a word that is not among those there are.
func known(option string, words, there []string) error {
	for _, w := range words {
		if !slices.Contains(there, w) {
			return usageError(fmt.Sprintf("%s: no hay %q; hay %s", option, w, strings.Join(there, ", ")))
		}
	}
	return nil
}

func (c *previewCmd) write(words *templates.Set, name string) (all []sheetMail, err error) {
	for _, d := range slices.Concat(templates.Described(), ownDescribed(words)) {
		for _, language := range templates.Languages() {
			if len(c.Only) > 0 && !slices.Contains(c.Only, d.Name) || len(c.Language) > 0 && !slices.Contains(c.Language, language) {
				continue
			}
			standard, _, _ := strings.Cut(d.Name, "/")
			data := templates.Sample(standard)
			data.Desk = name
			w, err := words.Render(d.Name, language, data)
			if err != nil {
				return nil, err
			}
			s := sheetMail{Name: d.Name, Language: language, Subject: w.Subject, When: d.When,
				HTML: language + "/" + d.Name + ".html", Text: language + "/" + d.Name + ".txt"}
			if err := writeShown(c.Folder, s, w); err != nil {
				return nil, err
			}
			all = append(all, s)
		}
	}
	var page bytes.Buffer
	if err := contactSheet.Execute(&page, map[string]any{"Desk": name, "Mails": all}); err != nil {
		return nil, err
	}
	return all, os.WriteFile(filepath.Join(c.Folder, "index.html"), page.Bytes(), 0o644)
}

// ownDescribed are the admin's own templates.
func ownDescribed(words *templates.Set) (all []templates.Description) {
	for _, name := range words.OwnNames() {
		standard, own, _ := strings.Cut(name, "/")
		all = append(all, templates.Description{Name: name, When: fmt.Sprintf("En lugar de %s, si una regla dice template = %q.", standard, own)})
	}
	return all
}

func writeShown(folder string, s sheetMail, w templates.Words) error {
	for file, text := range map[string]string{s.HTML: w.HTML, s.Text: "Subject: " + w.Subject + "\n\n" + w.Text} {
		path := filepath.Join(folder, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// contactSheet shows all mails on one page. It needs no network.
var contactSheet = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="es"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Los correos de {{.Desk}}</title>
<style>
body { margin: 0; padding: 24px; background: #e4e8ee; color: #1f2933; font: 15px/1.5 system-ui, sans-serif; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(400px, 1fr)); gap: 24px; }
figure { margin: 0; background: #fff; border: 1px solid #c5cdd8; border-radius: 8px; overflow: hidden; }
figcaption { padding: 12px 16px; border-bottom: 1px solid #e4e8ee; }
figcaption b { display: block; }
figcaption small { color: #5b6673; }
iframe { display: block; width: 100%; height: 520px; border: 0; }
</style></head><body>
<h1>Los correos de {{.Desk}}</h1>
<main>
{{range .Mails}}<figure><figcaption><b>{{.Name}} · {{.Language}}</b>{{.Subject}}<br><small>{{.When}}</small><br>
<a href="{{.HTML}}">HTML</a> · <a href="{{.Text}}">texto</a></figcaption>
<iframe src="{{.HTML}}" title="{{.Name}} en {{.Language}}" loading="lazy" sandbox></iframe></figure>
{{end}}</main></body></html>
`))
