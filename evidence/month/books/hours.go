package books

import (
	"fmt"
	"time"
)

// Hours are the minutes of some weeks, and in which of them the desk is open: counted
// one by one by the clock on the wall, so that no night with another hour is forgotten.
type Hours struct {
	zone  *time.Location
	began time.Time
	open  []int32 // open[i]: open minutes before the i-th
}

// NewHours counts the open minutes of so many days: Monday to Friday from one hour to
// another, but for the days (2026-10-12) on which the desk is closed.
func NewHours(zone *time.Location, began time.Time, days, from, to int, closed ...string) *Hours {
	h := &Hours{zone: zone, began: began.UTC().Truncate(time.Minute), open: make([]int32, 1, days*1440+1)}
	shut := map[string]bool{}
	for _, d := range closed {
		shut[d] = true
	}
	for i := range days * 1440 {
		at := h.began.Add(time.Duration(i) * time.Minute).In(zone)
		n := h.open[i]
		workday := at.Weekday() != time.Saturday && at.Weekday() != time.Sunday && !shut[at.Format(time.DateOnly)]
		if workday && at.Hour() >= from && at.Hour() < to {
			n++
		}
		h.open = append(h.open, n)
	}
	return h
}

func (h *Hours) index(at time.Time) int {
	i := int(at.Sub(h.began) / time.Minute)
	if i < 0 || i >= len(h.open) {
		panic(fmt.Sprintf("books: %v lies outside of the month", at))
	}
	return i
}

// Between returns the open minutes between two times, which are whole minutes.
func (h *Hours) Between(from, to time.Time) int {
	return int(h.open[h.index(to)] - h.open[h.index(from)])
}

// Add returns the first minute at which so many open ones have passed.
func (h *Hours) Add(from time.Time, minutes int) time.Time {
	i := h.index(from)
	want := h.open[i] + int32(minutes)
	for h.open[i] < want {
		i++
	}
	return h.began.Add(time.Duration(i) * time.Minute)
}

// Written is a time as the desk writes it.
func (h *Hours) Written(at time.Time) string { return at.In(h.zone).Format("2006-01-02 15:04") }

// back returns the last minute since which so many open ones have passed until a time.
func (h *Hours) back(from time.Time, minutes int) time.Time {
	i := h.index(from)
	want := h.open[i] - int32(minutes)
	for h.open[i] > want {
		i--
	}
	return h.began.Add(time.Duration(i) * time.Minute)
}
