package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWholeState: a state that has lost a part is refused; one whose first start
// was interrupted is not.
func TestWholeState(t *testing.T) {
	parts := []string{"keys", "desk.db", "log/00000001.seg"}
	for present, want := range []bool{true, true, false, true, false, false, false, true} {
		state := t.TempDir()
		if err := os.Mkdir(filepath.Join(state, "log"), 0o700); err != nil {
			t.Fatal(err)
		}
		for i, part := range parts {
			if present&(1<<i) != 0 {
				if err := os.WriteFile(filepath.Join(state, part), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := wholeState(state); (err == nil) != want {
			t.Errorf("%03b: %v", present, err)
		}
	}
}
