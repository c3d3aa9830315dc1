package main

import (
	"testing"
	"time"

	"ventanilla/mailin/imap"
)

// TestMailboxWords: a synchronisation is told with its rate and the time left, by
// what this look has done and not by what came long before.
func TestMailboxWords(t *testing.T) {
	now := time.Now()
	for want, m := range map[string]imap.FolderStatus{
		"sin conexión":                                                   {Found: 20, Remaining: 10, Begun: now.Add(-time.Hour)},
		"al día, 7 traídos desde el arranque":                            {Connected: true, Taken: 7},
		"comienza con 20000 correos":                                     {Connected: true, Taken: 90000, Found: 20000, Remaining: 20000, Begun: now.Add(-time.Second)},
		"3 copias de lo enviado desde el arranque":                       {Connected: true, Copies: true, Taken: 3},
		"faltan 2 copias de lo enviado":                                  {Copies: true, Remaining: 2},
		"5000 de 20000, faltan 15000 (500 por segundo; 31 segundos más)": {Connected: true, Taken: 90000, Found: 20000, Remaining: 15000, Begun: now.Add(-10 * time.Second)},
		"1000 de 100000, faltan 99000 (10 por segundo; 3 horas más)":     {Connected: true, Found: 100000, Remaining: 99000, Begun: now.Add(-100 * time.Second)},
		"1000 de 1000000, faltan 999000 (1 por segundo; 12 días más)":    {Connected: true, Found: 1000000, Remaining: 999000, Begun: now.Add(-1000 * time.Second)},
	} {
		if got := mailboxWords(m, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
