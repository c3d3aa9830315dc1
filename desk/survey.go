package desk

import (
	"strconv"
	"time"
)

// Survey is what the requester was asked when the ticket was closed, and answered.
// One is asked of a ticket, however often it is closed.
type Survey struct {
	AskedAt    time.Time `json:"asked_at,omitzero"`
	Score      int       `json:"score,omitempty"` // 1 (worst) to MaxScore; 0: not answered
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	Comment    bool      `json:"comment,omitempty"` // the event SurveyAnswered has one in Text
}

const (
	MaxScore   = 5                   // the best
	SurveyTerm = 30 * 24 * time.Hour // for which a survey can be answered
)

// Waits says whether the survey was asked and can be answered at a time.
func (s Survey) Waits(now time.Time) bool {
	return !s.AskedAt.IsZero() && s.Score == 0 && now.Sub(s.AskedAt) <= SurveyTerm
}

// decideSurvey handles the requester's answer.
func decideSurvey(t Ticket, c Command) ([]Event, string) {
	switch {
	case c.Number < 1 || c.Number > MaxScore:
		return nil, "score-range"
	case t.Survey.AskedAt.IsZero():
		return nil, "no-survey"
	case t.Survey.Score != 0:
		return nil, "survey-answered"
	}
	return []Event{{Kind: SurveyAnswered, New: strconv.Itoa(c.Number), Text: c.Text}}, ""
}

// withSurvey adds to the end of a ticket that its requester is asked how it was.
func withSurvey(t Ticket, c Command, end Event) []Event {
	if c.Survey && !c.Quiet && t.Survey.AskedAt.IsZero() {
		return []Event{end, {Kind: SurveyAsked}}
	}
	return []Event{end}
}

// evolve returns the survey after an event.
func (s Survey) evolve(e Event) Survey {
	switch e.Kind {
	case SurveyAsked:
		s.AskedAt = e.At
	case SurveyAnswered:
		s.Score, _ = strconv.Atoi(e.New)
		s.AnsweredAt, s.Comment = e.At, e.Text != ""
	}
	return s
}
