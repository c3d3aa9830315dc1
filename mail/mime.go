package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
)

// LoopHeader is the header field by which a desk recognises its own mail.
const LoopHeader = "X-Ventanilla-Loop"

// ProbeHeader is the header field that carries the token of a mail of the desk to
// itself a second time: some servers write another Message-ID.
const ProbeHeader = "X-Ventanilla-Probe"

// ownPrefix begins the names of our own fields. Others may not speak in our
// name: such fields of a mail that comes in are not in Message.Header.
const ownPrefix = "x-ventanilla-"

// Parse reads a mail. It always returns a Message and never fails: what cannot
// be read is left empty, or taken as text, and noted in Defects. It keeps to
// the limits of nesting and parts of [DefaultLimits] whether [Prescan] was
// asked or not, and takes time in proportion to the mail's size. The Parts
// refer to raw; nothing else does.
//
// Parse never says [ClassOwn]: whether Message.Loop is the desk's own value
// only the desk knows.
func Parse(raw []byte) *Message {
	m := &Message{ID: ContentID(raw)}
	b := builder{raw: raw, m: m}
	b.root.typ = "multipart/mixed"
	b.inside = append(b.inside, &b.root)
	w := walk{raw: raw, build: &b}
	w.limits = Limits{Nesting: DefaultLimits.Nesting, Parts: DefaultLimits.Parts}
	w.entity(0, false)
	b.lineEnds()
	b.finish()
	if b.reply == "" {
		b.reply = m.Text
	}
	m.trim(b.reply, b.removed)
	b.classify()
	b.addEvent()
	return m
}

// ReadBody reads a bare body as if a mail had brought it. kind is "text" or
// "html".
func ReadBody(kind string, body []byte) *Message {
	m := &Message{ID: ContentID(body), Class: ClassHuman}
	text := normalText(decodeUndeclared(body))
	reply, removed := text, ""
	if kind == "html" {
		m.HTML = text
		m.Text, reply, removed = htmlTexts(text)
	} else {
		m.Text = text
	}
	m.trim(reply, removed)
	return m
}

// node is one entity of a mail's structure.
type node struct {
	typ         string // media type in lower case
	contentType []byte // the whole field
	disposition []byte
	encoding    string
	id          []byte
	description []byte
	start, end  int      // of the encoded body
	name        string   // of a file that has no header of its own
	sum         []byte   // of a file whose content was read already: its SHA-256
	size        int64    // and its bytes
	without     [][2]int // stretches of the body that are files
	children    []*node
}

// builder makes a Message of what a walk finds.
type builder struct {
	raw     []byte
	m       *Message
	root    node    // holds the mail's one entity, or the parts of its multipart
	inside  []*node // open multiparts
	topEnd  bool    // the mail's own header section has been read
	texts   []segment
	files   []*node
	outlook string // the text of a winmail.dat

	reply, removed string // of a mail in HTML alone: see htmlTexts
}

// segment is one stretch of a mail's body, in one form or in two.
type segment struct{ plain, html []*node }

func (b *builder) defect(what string) {
	if len(b.m.Defects) < maxDefects && !slices.Contains(b.m.Defects, what) {
		b.m.Defects = append(b.m.Defects, what)
	}
}

const maxDefects = 32

// junk takes a header line that is no field.
func (b *builder) junk(f rawField) {
	if !b.topEnd && len(b.m.Header) > 0 {
		b.defect("header line that is no field")
	}
}

// endOfHeader is told whether an empty line ended the header section.
func (b *builder) endOfHeader(proper bool) {
	if !proper {
		b.defect("header section without an empty line at its end")
	}
	b.topEnd = true
}

// field takes a header field, of the mail itself or of a part.
func (b *builder) field(f rawField) {
	if b.topEnd {
		return
	}
	m := b.m
	text := headerText(f.value)
	if isFold(f.name, "x-ventanilla-loop") && m.Loop == "" {
		m.Loop = text
	}
	if isFold(f.name, "x-ventanilla-probe") && m.Probe == "" {
		m.Probe = text
	}
	if isPrefixFold(f.name, ownPrefix) {
		return
	}
	value := decodeWords(text)
	m.Header = append(m.Header, Field{Name: string(f.name), Value: value})
	if isPrefixFold(f.name, "list-") {
		m.List = true
	}
	switch {
	case isFold(f.name, "from"):
		m.From = append(m.From, addresses(text)...)
	case isFold(f.name, "to"):
		m.To = append(m.To, addresses(text)...)
	case isFold(f.name, "cc"):
		m.Cc = append(m.Cc, addresses(text)...)
	case isFold(f.name, "reply-to"):
		m.ReplyTo = append(m.ReplyTo, addresses(text)...)
	case isFold(f.name, "sender"):
		if list := addresses(text); len(list) > 0 && m.Sender == (Address{}) {
			m.Sender = list[0]
		}
	case isFold(f.name, "subject"):
		if m.Subject == "" {
			m.Subject = strings.TrimSpace(value)
		}
	case isFold(f.name, "date"):
		if m.Date.IsZero() {
			m.Date, _ = parseDate(text)
		}
	case isFold(f.name, "message-id"):
		b.messageID(text)
	case isFold(f.name, "in-reply-to"):
		m.InReplyTo = append(m.InReplyTo, messageIDs(text)...)
	case isFold(f.name, "references"):
		m.References = append(m.References, messageIDs(text)...)
	}
}

func (b *builder) messageID(text string) {
	if b.m.MessageID != "" {
		return
	}
	if ids := messageIDs(text); len(ids) > 0 {
		b.m.MessageID = ids[0]
	} else if words := strings.Fields(text); len(words) > 0 {
		b.m.MessageID = shorten(strings.Trim(words[0], "<>"), maxMessageID)
	}
}

// begin opens a multipart.
func (b *builder) begin(c content) {
	n := &node{typ: mediaType(c.typ), contentType: c.typ}
	b.add(n)
	b.inside = append(b.inside, n)
}

func (b *builder) end() { b.inside = b.inside[:len(b.inside)-1] }

func (b *builder) add(n *node) {
	parent := b.inside[len(b.inside)-1]
	parent.children = append(parent.children, n)
}

// leaf takes an entity that has no parts.
func (b *builder) leaf(c content, start, end int, digest bool) {
	n := &node{
		typ: mediaType(c.typ), contentType: c.typ, disposition: c.disposition,
		encoding: transferEncoding(c.encoding), id: c.id, description: c.description,
		start: start, end: end,
	}
	if len(c.typ) == 0 && digest {
		n.typ = "message/rfc822"
	}
	if strings.HasPrefix(n.typ, "multipart/") && len(boundaryOf(c.typ)) == 0 {
		b.defect("multipart without a boundary")
		n.typ = "text/plain"
	}
	b.add(n)
}

// withoutParts takes a multipart whose delimiter never comes: it is text.
func (b *builder) withoutParts(start, end int) {
	b.defect("multipart without parts")
	b.add(&node{typ: "text/plain", start: start, end: end})
}

// mediaType returns the type and subtype of a Content-Type in lower case. What
// is none is text/plain (RFC 2045 §5.2).
func mediaType(value []byte) string {
	s := string(value)
	if i := strings.IndexAny(s, "; \t\r\n("); i >= 0 {
		s = s[:i]
	}
	s = strings.ToLower(strings.Trim(s, "\"'"))
	kind, sub, ok := strings.Cut(s, "/")
	if !ok || kind == "" || sub == "" || strings.ContainsRune(sub, '/') || !isPlain([]byte(s)) {
		return "text/plain"
	}
	return s
}

// lineEnds notes line ends that are none by RFC 5322 §2.3. A copy in which all
// are LF is what a file is like and no defect.
func (b *builder) lineEnds() {
	feeds := bytes.Count(b.raw, []byte("\n"))
	both := bytes.Count(b.raw, []byte("\r\n"))
	if both > 0 && feeds > both {
		b.defect("bare line feed")
	}
	if bytes.Count(b.raw, []byte("\r")) > both {
		b.defect("bare carriage return")
	}
	if bytes.IndexByte(b.raw, 0) >= 0 {
		b.defect("zero byte")
	}
}

// finish makes bodies and attachments of the structure.
func (b *builder) finish() {
	m := b.m
	b.collect(&b.root, nil)
	b.adoptNamed()
	b.unpackTNEF()
	b.bodies()
	for i, n := range b.files {
		m.Parts = append(m.Parts, b.part(n, i+1))
	}
	if m.MessageID == "" {
		m.MessageID = string(m.ID[:32]) + "@content.invalid"
		b.defect("no Message-ID")
	}
	if len(m.From) == 0 {
		b.defect("no From")
	} else if m.From[0].Address == "" {
		b.defect("From without a usable address")
	}
	if m.Date.IsZero() {
		b.defect("no usable Date")
	}
	if m.Header == nil {
		b.defect("no header")
	}
}

// collect sorts the leaves into text and files. Within a multipart/alternative
// all texts are forms of one.
func (b *builder) collect(n *node, into *segment) {
	if n.children == nil {
		b.sort(n, into)
		return
	}
	var one segment
	if n.typ == "multipart/alternative" && into == nil {
		into = &one
	}
	for _, child := range n.children {
		b.collect(child, into)
	}
	if into == &one && (one.plain != nil || one.html != nil) {
		b.texts = append(b.texts, one)
	}
}

// sort puts one leaf where it belongs.
func (b *builder) sort(n *node, into *segment) {
	if n == &b.root {
		return
	}
	if n.typ != "text/plain" && n.typ != "text/html" || n.dispositionIs("attachment") || b.isNamed(n) {
		b.files = append(b.files, n)
		return
	}
	target := &segment{}
	if into != nil {
		target = into
	}
	if n.typ == "text/html" {
		target.html = append(target.html, n)
	} else {
		b.takeUU(n)
		target.plain = append(target.plain, n)
	}
	if into == nil {
		b.texts = append(b.texts, *target)
	}
}

func (n *node) dispositionIs(word string) bool {
	return isPrefixFold(n.disposition, word)
}

func (b *builder) isNamed(n *node) bool {
	return n.disposition != nil && parameter(n.disposition, "filename") != "" ||
		n.contentType != nil && parameter(n.contentType, "name") != ""
}

// adoptNamed takes a text with a name for the body where there is no other.
func (b *builder) adoptNamed() {
	if len(b.texts) > 0 {
		return
	}
	for i, n := range b.files {
		if n.dispositionIs("attachment") {
			continue
		}
		switch n.typ {
		case "text/plain":
			b.texts = append(b.texts, segment{plain: []*node{n}})
		case "text/html":
			b.texts = append(b.texts, segment{html: []*node{n}})
		default:
			continue
		}
		b.files = slices.Delete(b.files, i, i+1)
		return
	}
}

// maxText and maxPage are how many bytes of a body are read, as text and as
// HTML, where data can take much room that is not read.
const maxText, maxPage = 1 << 20, 4 << 20

// bodies fills Text and HTML.
func (b *builder) bodies() {
	var text, html []string
	plain := false
	for _, s := range b.texts {
		var own []string
		for _, n := range s.html {
			own = append(own, b.text(n))
		}
		html = append(html, own...)
		switch {
		case len(s.plain) > 0:
			before := len(text)
			for _, n := range s.plain {
				text = append(text, b.text(n))
			}
			if isBlank(text[before:]) && len(own) > 0 {
				text = append(text[:before], b.fromHTML(own))
			}
			plain = true
		case !plain:
			text = append(text, b.fromHTML(own))
		}
	}
	if isBlank(text) && b.outlook != "" {
		text = []string{b.outlook}
	}
	if isBlank(text) {
		text = append(text, b.sealed())
	}
	b.m.Text = joinTexts(text)
	if len(text) > 1 { // what was cut off one of several texts cannot be told
		b.reply, b.removed = "", ""
	}
	b.m.HTML = strings.Join(html, "\n")
}

// sealed says in Spanish why a mail has no text that can be read: it is encrypted
// (RFC 3156, RFC 8551), or signed in such a way that the text lies within.
func (b *builder) sealed() string {
	for _, n := range b.files {
		kind := strings.ToLower(parameter(n.contentType, "smime-type"))
		switch {
		case n.typ == "application/pgp-encrypted", isSMIME(n.typ) && (kind == "enveloped-data" || kind == "authenveloped-data"):
			return "[Correo cifrado: aquí no se puede leer; está completo en el adjunto.]"
		case isSMIME(n.typ) && kind == "signed-data":
			return "[Correo firmado con S/MIME: el texto está dentro del adjunto.]"
		}
	}
	return ""
}

func isSMIME(typ string) bool {
	return typ == "application/pkcs7-mime" || typ == "application/x-pkcs7-mime"
}

// fromHTML makes text of a body that came in HTML alone.
func (b *builder) fromHTML(pages []string) string {
	var text string
	text, b.reply, b.removed = htmlTexts(strings.Join(pages, "\n"))
	return text
}

func isBlank(texts []string) bool {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return false
		}
	}
	return true
}

// joinTexts joins texts so that each begins on its own line.
func joinTexts(texts []string) string {
	if len(texts) == 1 {
		return texts[0]
	}
	var b strings.Builder
	for _, t := range texts {
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(t)
	}
	return b.String()
}

// text returns a leaf's text in UTF-8 with LF line ends.
func (b *builder) text(n *node) string {
	most := maxText
	if n.typ == "text/html" {
		most = maxPage
	}
	encoded := b.raw[n.start:min(n.end, n.start+3*most)]
	body := decodeTransfer(n.encoding, leaveOut(encoded, n.without))
	if len(body) > most || len(encoded) < n.end-n.start {
		body = body[:min(len(body), most)]
		b.defect("text longer than is read")
	}
	charset := parameter(n.contentType, "charset")
	if charset == "" && n.typ == "text/html" {
		charset = metaCharset(body)
	}
	text, known := decodeCharset(charset, body)
	if !known {
		b.defect("unknown charset")
	}
	text = normalText(text)
	if flowed, delSp := isFlowed(n.contentType); flowed && n.typ == "text/plain" {
		text = unflow(text, delSp)
	}
	return text
}

// metaCharset returns the charset that an HTML page itself names.
func metaCharset(page []byte) string {
	head := bytes.ToLower(page[:min(len(page), 1024)])
	i := bytes.Index(head, []byte("charset="))
	if i < 0 || !bytes.Contains(head[:i], []byte("<meta")) {
		return ""
	}
	rest := bytes.TrimLeft(head[i+len("charset="):], "\"' ")
	if end := bytes.IndexAny(rest, "\"'; />\r\n"); end >= 0 {
		rest = rest[:end]
	}
	if bytes.HasPrefix(rest, []byte("utf-16")) { // what can be read so far is no UTF-16
		return ""
	}
	return string(rest)
}

// normalText makes LF of all line ends and takes out control characters.
func normalText(s string) string {
	if isCleanText(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if isCleanText(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r < ' ' && r != '\n' && r != '\t', r == 0x7f:
			return -1
		}
		return r
	}, s)
}

// isCleanText says that s has no control characters but LF and tabs.
func isCleanText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// part makes the Part of a leaf.
func (b *builder) part(n *node, number int) Part {
	p := Part{
		Type: n.typ, Disposition: "attachment", Encoding: n.encoding,
		Offset: int64(n.start), Length: int64(n.end - n.start),
	}
	p.ContentID = strings.Trim(headerText(n.id), " <>")
	if n.dispositionIs("inline") || n.disposition == nil && p.ContentID != "" && strings.HasPrefix(n.typ, "image/") {
		p.Disposition = "inline"
	}
	p.Name = b.partName(n, number)
	p.Size = n.size
	if n.sum == nil {
		h := sha256.New()
		p.Size, _ = io.Copy(h, p.Open(b.raw))
		n.sum = h.Sum(nil)
	}
	p.SHA256 = hex.EncodeToString(n.sum)
	head := make([]byte, kindHead)
	read, _ := io.ReadFull(p.Open(b.raw), head)
	p.Kind = kindOf(head[:read])
	return p
}

// partName returns what the sender called a part, made safe, or a made name.
func (b *builder) partName(n *node, number int) string {
	for _, name := range []string{n.name, parameter(n.disposition, "filename"), parameter(n.contentType, "name")} {
		if name = safeName(name); name != "" {
			return name
		}
	}
	if n.typ == "message/rfc822" || n.typ == "message/global" {
		inner := innerField(decodeTransfer(n.encoding, b.raw[n.start:n.end]), "subject")
		if name := safeName(shorten(inner, maxName-len(".eml"))); name != "" {
			return name + ".eml"
		}
	}
	return madeName(number, n.typ)
}

// innerField returns the value of a field of an attached mail's header.
func innerField(mail []byte, name string) string {
	for pos, lines := 0, 0; lines < DefaultLimits.HeaderLines; lines++ {
		f, next, kind := nextField(mail, pos)
		if kind == endOfHeader {
			return ""
		}
		if kind == aField && isFold(f.name, name) {
			return decodeWords(headerText(f.value))
		}
		pos = next
	}
	return ""
}
