package main

import (
	"fmt"
	"time"

	"ventanilla/mailin/imap"
)

// mailboxWords says how a folder does; of a first synchronisation how far it is.
func mailboxWords(m imap.FolderStatus, now time.Time) string {
	done := m.Found - m.Remaining
	switch {
	case m.Copies && m.Remaining > 0:
		return fmt.Sprintf("faltan %d copias de lo enviado", m.Remaining)
	case m.Copies:
		return fmt.Sprintf("%d copias de lo enviado desde el arranque", m.Taken)
	case m.Connected && m.Remaining > 0 && done > 0 && now.After(m.Begun):
		rate := float64(done) / now.Sub(m.Begun).Seconds()
		left := time.Duration(float64(m.Remaining) / rate * float64(time.Second))
		return fmt.Sprintf("%d de %d, faltan %d (%.0f por segundo; %s más)", done, m.Found, m.Remaining, rate, spoken(left))
	case m.Connected && m.Remaining > 0:
		return fmt.Sprintf("comienza con %d correos", m.Remaining)
	case m.Connected:
		return fmt.Sprintf("al día, %d traídos desde el arranque", m.Taken)
	}
	return "sin conexión"
}

// spoken says how long something takes, as people do.
func spoken(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d segundos", int(d.Seconds())+1)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutos", int(d.Minutes()+0.5))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d horas", int(d.Hours()+0.5))
	}
	return fmt.Sprintf("%d días", int(d.Hours()/24+0.5))
}
