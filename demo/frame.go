package demo

import (
	"encoding/base64"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"ventanilla/mail"
)

// maxPictures is how many bytes of inline pictures a shown mail may hold.
const maxPictures = 8 << 20

// framed returns the HTML part of a mail as a document for a sandboxed frame:
// its inline pictures are in it, its links open a new tab, and a mailto link
// opens our own form, since a newcomer's machine may have no mail program for
// it. What could load or move anything is left out; the page's policy forbids
// it besides.
func framed(c Captured) string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><meta charset="utf-8"><base target="_blank"><meta name="referrer" content="no-referrer">`)
	room := maxPictures
	z := html.NewTokenizer(strings.NewReader(c.Message.HTML))
	dropped := "" // the element whose text is dropped too
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return b.String()
		}
		raw := string(z.Raw())
		t := z.Token()
		switch {
		case dropped != "":
			if kind == html.EndTagToken && t.Data == dropped {
				dropped = ""
			}
		case kind == html.StartTagToken && (t.Data == "script" || t.Data == "iframe" || t.Data == "noscript"):
			dropped = t.Data
		case slices.Contains([]string{"script", "base", "meta", "link", "frame", "iframe", "object", "embed"}, t.Data) && kind != html.TextToken:
		case kind == html.StartTagToken || kind == html.SelfClosingTagToken:
			for i := range t.Attr {
				room -= reach(&t, &t.Attr[i], c, room)
			}
			b.WriteString(t.String())
		default:
			b.WriteString(raw)
		}
	}
}

// reach changes an attribute that reaches out of the mail, and returns how many
// bytes of pictures that took.
func reach(t *html.Token, a *html.Attribute, c Captured, room int) int {
	switch {
	case a.Key == "target":
		a.Val = "_blank"
	case a.Key == "href" && hasScheme(a.Val, "mailto"):
		a.Val = formFor(a.Val, c)
	case t.Data == "img" && a.Key == "src" && hasScheme(a.Val, "cid"):
		a.Val = picture(c, a.Val[len("cid:"):], room)
		return len(a.Val)
	}
	return 0
}

func hasScheme(link, scheme string) bool {
	head, _, found := strings.Cut(link, ":")
	return found && strings.EqualFold(strings.TrimSpace(head), scheme)
}

// picture returns an inline picture as a data URL, or "" if there is none of
// that Content-ID, of a safe type and no larger than room.
func picture(c Captured, id string, room int) string {
	if decoded, err := url.PathUnescape(id); err == nil {
		id = decoded
	}
	for _, p := range c.Message.Parts {
		safe := slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp"}, p.Type)
		if strings.Trim(p.ContentID, "<>") != id || !safe || p.Size > int64(room)/2 {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(p.Open(c.Raw), int64(room)/2))
		if err != nil {
			return ""
		}
		return "data:" + p.Type + ";base64," + base64.StdEncoding.EncodeToString(b)
	}
	return ""
}

// formFor returns the link to our form, filled as a mailto URL asks (RFC 6068),
// written by the one who got the mail.
func formFor(mailto string, c Captured) string {
	u, err := url.Parse(strings.TrimSpace(mailto))
	if err != nil {
		return ""
	}
	to, err := url.PathUnescape(u.Opaque)
	if err != nil {
		return ""
	}
	q := url.Values{"to": {to}}
	if len(c.Envelope.Rcpts) > 0 {
		q.Set("from", c.Envelope.Rcpts[0])
	}
	// RFC 6068 knows no "+" for a space.
	asked, err := url.ParseQuery(strings.ReplaceAll(u.RawQuery, "+", "%2B"))
	if err != nil {
		return ""
	}
	for name, key := range map[string]string{"subject": "subject", "body": "text"} {
		if v := asked.Get(name); v != "" {
			q.Set(key, v)
		}
	}
	return "/demo/?" + q.Encode() + "#escribir"
}

// run is a piece of plain text, or a link in it.
type run struct{ Text, Link string }

var links = regexp.MustCompile(`(?:https?://|mailto:)[^\s<>"]+[^\s<>".,;:!?)\]]`)

// runs splits the text of a mail at its links. cut says that it was too long to
// show whole.
func runs(c Captured) (out []run, cut bool) {
	text, at := clip(c.Message.Text, maxText), 0
	for _, m := range links.FindAllStringIndex(text, -1) {
		link := text[m[0]:m[1]]
		if hasScheme(link, "mailto") {
			link = formFor(link, c)
		}
		out = append(out, run{Text: text[at:m[0]]}, run{Text: text[m[0]:m[1]], Link: link})
		at = m[1]
	}
	return append(out, run{Text: text[at:]}), len(text) < len(c.Message.Text)
}

// sameAddress compares addresses without regard to case, as people write them.
func sameAddress(a, b string) bool { return strings.EqualFold(a, b) }

// attachments returns the files of a mail that are not shown in its text.
func attachments(m *mail.Message) []mail.Part {
	return slices.DeleteFunc(slices.Clone(m.Parts), func(p mail.Part) bool {
		return p.Disposition == "inline" && p.ContentID != "" && strings.Contains(m.HTML, "cid:"+strings.Trim(p.ContentID, "<>"))
	})
}
