// Package evidence proves, with the real program in a process of its own, what
// it promises of volume and of crashes:
//
//   - every mail sent over eight connections is taken, settled as its header
//     calls for, and acknowledged exactly when class and caps allow it; no list
//     and no robot is ever written to;
//   - with ten kill -9 during the load, every mail that was sent stands exactly
//     once in what "ventanilla export --raw" writes.
//
// What is expected is computed here from the headers, by code of its own: no
// package of the program is imported. VENTANILLA_CORPUS names a folder of real
// mails (*.eml); without it mails of the same nature are made up.
// VENTANILLA_EVIDENCE=1 proves on more of them and in more ways.
package evidence

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	desk        = "soporte@mesa.example" // the address that all mails go to
	connections = 8
)

// agents are written to when a ticket opens. All other mail goes outside.
var agents = map[string]bool{"luis@mesa.example": true, "ana@mesa.example": true}

// program is the path of the program under test.
var program string

func TestMain(m *testing.M) { os.Exit(build(m)) }

// build builds the program once and runs the tests.
func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "evidence-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "ventanilla")
	if out, err := exec.Command("go", "build", "-o", program, "ventanilla/cmd/ventanilla").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// heavy says that the long proofs are wanted.
func heavy() bool { return os.Getenv("VENTANILLA_EVIDENCE") == "1" }
