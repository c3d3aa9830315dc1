package mem_test

import (
	"testing"

	"ventanilla/store"
	"ventanilla/store/mem"
	"ventanilla/store/storetest"
)

func Test(t *testing.T) {
	storetest.Run(t, func(*testing.T, string) store.Engine { return mem.New() })
}
