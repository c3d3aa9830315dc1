package main

import (
	"fmt"
	"regexp"
	"strings"
)

// recipe is a way in and out for the mail, as docs/instalacion.md tells of it.
type recipe struct{ name, title string }

// recipes are those of docs/instalacion.md, in its order.
var recipes = []recipe{
	{"microsoft365", "en un buzón de Microsoft 365"},
	{"google", "en un buzón de Google"},
	{"postfix", "en un Postfix de esta misma máquina, que lo pasa por LMTP"},
	{"mx", "en ninguna parte todavía: llegará directo aquí, al puerto 25 (MX propio)"},
	{"imap", "en otro buzón, que se lee por IMAP"},
}

// find returns the recipe of that name or number of the list.
func findRecipe(word string) (recipe, bool) {
	for i, r := range recipes {
		if strings.EqualFold(word, r.name) || word == fmt.Sprint(i+1) {
			return r, true
		}
	}
	return recipe{}, false
}

// provider says whose mailbox it is, "" for those that take a password.
func (w initWays) provider() string {
	if w.Recipe == "microsoft365" || w.Recipe == "google" {
		return w.Recipe
	}
	return ""
}

// complete returns the answers with what a recipe knows by itself.
func (w initWays) complete() initWays {
	switch w.Recipe {
	case "microsoft365":
		w.IMAP, w.Smarthost = "outlook.office365.com:993", "smtp.office365.com:587"
	case "google":
		w.IMAP, w.Smarthost = "imap.gmail.com:993", "smtp.gmail.com:587"
	case "postfix":
		w.Smarthost = "127.0.0.1:25"
	}
	if w.provider() != "" {
		w.SmarthostUser = w.IMAPUser
		if _, domain, ok := strings.Cut(w.IMAPUser, "@"); ok && w.Tenant == "" && w.Recipe == "microsoft365" {
			w.Tenant = strings.ToLower(domain)
		}
	}
	return w
}

// wrongRecipe says in Spanish what a recipe lacks, or cannot use.
func (w initWays) wrongRecipe() string {
	var names []string
	for _, r := range recipes {
		names = append(names, r.name)
	}
	_, known := findRecipe(w.Recipe)
	switch {
	case w.Recipe != "" && !known:
		return fmt.Sprintf("--recipe: no hay ninguna receta %q; hay %s", w.Recipe, strings.Join(names, ", "))
	case w.provider() != "" && !strings.Contains(w.IMAPUser, "@"):
		return "--imap-user: falta la dirección del buzón"
	case w.provider() != "" && w.ClientID == "":
		return "--client-id: falta el identificador de la aplicación registrada en el proveedor (docs/instalacion.md dice cómo)"
	case w.provider() == "" && (w.ClientID != "" || w.Tenant != ""):
		return "--client-id y --tenant son de las recetas microsoft365 y google"
	case w.Recipe == "imap" && w.IMAP == "":
		return "--imap: falta el servidor del buzón, como imap.universidad.edu:993"
	case (w.Recipe == "postfix" || w.Recipe == "mx") && w.IMAP != "":
		return "--imap: con la receta " + w.Recipe + " no se lee ningún buzón; añádalo después si hace falta"
	case w.Recipe == "mx" && w.Smarthost == "":
		return "--smarthost: falta el servidor que lleva lo que se envía, como correo.universidad.edu:587"
	}
	return ""
}

// entrance writes how mail comes in by a recipe, in place of the ports of the
// loopback that are there for a trial.
func (w initWays) entrance(config string) (string, error) {
	if w.Recipe == "" {
		return config, nil
	}
	c := &configText{text: config}
	c.without("desk", "public_url") // answers decide until there are pages
	c.without("web", "listen")
	switch w.Recipe {
	case "mx":
		c.set("smtp", "listen", ":25")
	case "postfix":
		c.without("smtp", "listen")
		c.set("lmtp", "listen", "127.0.0.1:24")
	default:
		c.without("smtp", "listen")
	}
	if w.Recipe == "google" { // its name in Authentication-Results
		c.setRaw("trust", "authserv", `["mx.google.com"]`)
	}
	return c.text, c.err
}

// configText is a configuration whose keys are set where its comments stand.
type configText struct {
	text string
	err  error // the first
}

// set gives a key of a section a value.
func (c *configText) set(section, key, value string) { c.setRaw(section, key, basicString(value)) }

func (c *configText) setRaw(section, key, value string) {
	c.line(section, `#?`+key+` = .*`, key+" = "+value)
}

// without makes a comment of a key.
func (c *configText) without(section, key string) { c.line(section, key+` = .*`, "#$0") }

// line replaces the one line of a section that matches.
func (c *configText) line(section, match, by string) {
	head := "\n[" + section + "]\n"
	at := strings.Index(c.text, head)
	if at < 0 {
		c.fail(section, match)
		return
	}
	from := at + len(head)
	to := len(c.text)
	if next := regexp.MustCompile(`(?m)^#?\[`).FindStringIndex(c.text[from:]); next != nil {
		to = from + next[0]
	}
	find := regexp.MustCompile(`(?m)^` + match + `$`)
	if n := len(find.FindAllStringIndex(c.text[from:to], -1)); n != 1 {
		c.fail(section, match)
		return
	}
	if !strings.HasPrefix(by, "#$0") {
		by = strings.ReplaceAll(by, "$", "$$")
	}
	c.text = c.text[:from] + find.ReplaceAllString(c.text[from:to], by) + c.text[to:]
}

func (c *configText) fail(section, match string) {
	if c.err == nil {
		c.err = fmt.Errorf("the example has not one %q in [%s]", match, section)
	}
}
