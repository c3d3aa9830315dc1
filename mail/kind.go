package mail

import "bytes"

// kindHead is how many bytes of a file tell its kind.
const kindHead = 16

// kinds are what files begin with, and the extension of what they are then. "ole"
// is the older format of Microsoft's documents, "zip" also that of newer ones and
// of OpenDocument.
var kinds = []struct{ head, kind string }{
	{"%PDF-", "pdf"}, {"PK\x03\x04", "zip"}, {"PK\x05\x06", "zip"}, {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"},
	{"Rar!\x1a\x07", "rar"}, {"7z\xbc\xaf\x27\x1c", "7z"}, {"\x1f\x8b", "gz"},
	{"\x89PNG\r\n\x1a\n", "png"}, {"\xff\xd8\xff", "jpg"}, {"GIF8", "gif"}, {"BM", "bmp"}, {"II*\x00", "tif"}, {"MM\x00*", "tif"},
	{"MZ", "exe"}, {"\x7fELF", "elf"}, {"\xca\xfe\xba\xbe", "class"}, {"#!", "sh"}, {"{\\rtf", "rtf"},
}

// kindOf returns what a file's first bytes show it to be, as an extension, "" if
// they do not tell.
func kindOf(head []byte) string {
	for _, k := range kinds {
		if bytes.HasPrefix(head, []byte(k.head)) {
			return k.kind
		}
	}
	if len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP" {
		return "webp"
	}
	return ""
}
