package desk

import (
	"path"
	"slices"
	"strings"
)

// FilePolicy says which files a desk passes on. The zero FilePolicy passes all.
type FilePolicy struct {
	Types   []string // extensions in lower case, without dot; none: all
	MaxSize int64    // bytes of one file; 0: any
}

// Why a file is refused: keys of the words in templates.
const (
	FileTooLarge = "file-too-large"
	FileRefused  = "file-refused"  // by its type
	FileDisguise = "file-disguise" // it is not what its name says
)

// Refuses says why a file is not passed on, "" if it is. kind is what its content
// shows it to be, as an extension, "" if that is not known: a name alone proves
// nothing, and a program stays one under any name.
func (p FilePolicy) Refuses(name, kind string, size int64) string {
	extension := extensionOf(name)
	if extension == "" {
		extension = kind
	}
	switch {
	case p.MaxSize > 0 && size > p.MaxSize:
		return FileTooLarge
	case len(p.Types) == 0:
		return ""
	case !slices.Contains(p.Types, extension) && (extension != "jpg" || !slices.Contains(p.Types, "jpeg")):
		return FileRefused
	case !mayBe(extension, kind):
		return FileDisguise
	}
	return ""
}

// Disguised says that a file is not what its name says, by its content.
func Disguised(name, kind string) bool {
	extension := extensionOf(name)
	return extension != "" && !mayBe(extension, kind)
}

// extensionOf returns a name's extension in lower case, without dot.
func extensionOf(name string) string {
	extension := strings.TrimPrefix(strings.ToLower(path.Ext(name)), ".")
	if extension == "jpeg" {
		return "jpg"
	}
	return extension
}

// containers are the extensions of files that look alike inside.
var containers = map[string][]string{
	"zip": {"zip", "docx", "xlsx", "pptx", "docm", "xlsm", "odt", "ods", "odp", "odg", "epub", "jar", "apk", "kmz"},
	"ole": {"doc", "xls", "ppt", "msg", "vsd", "mpp"},
}

var pictures = []string{"png", "jpg", "gif", "bmp", "webp", "tif", "tiff"}

// mayBe says whether a file of that extension can have that content. Pictures are
// often saved under each other's names.
func mayBe(extension, kind string) bool {
	switch {
	case kind == "" || kind == extension:
		return true
	case containers[kind] != nil:
		return slices.Contains(containers[kind], extension)
	}
	return slices.Contains(pictures, kind) && slices.Contains(pictures, extension)
}
