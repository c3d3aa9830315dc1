package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// survey shows what is asked, or what was answered.
func (s *site) survey(r *http.Request, token string) (answer, error) {
	v, err := s.askSurvey(r.Context(), token)
	if err != nil {
		return answer{}, err
	}
	return s.surveyPage(http.StatusOK, v, "", 0, "")
}

func (s *site) askSurvey(ctx context.Context, token string) (Survey, error) {
	if token == "" {
		return Survey{}, ErrNotFound
	}
	v, err := s.desk.Survey(ctx, token)
	if err != nil {
		return Survey{}, fmt.Errorf("show survey: %w", err)
	}
	return v, nil
}

// score records an answer, and sends the visitor to the page that shows what is
// recorded now.
func (s *site) score(r *http.Request, token string) (answer, error) {
	if s.crossSite(r, s.PublicURL) || prefetch(r) {
		return s.message(r, http.StatusForbidden, "page-forbidden-title", "page-forbidden", ""), nil
	}
	comment, problem, err := readComment(r)
	if err != nil {
		return answer{}, err
	}
	score, _ := strconv.Atoi(r.PostForm.Get("score"))
	if problem == "" && (score < 1 || score > MaxScore) {
		problem = "page-survey-choose"
	}
	if problem != "" {
		v, err := s.askSurvey(r.Context(), token)
		if err != nil {
			return answer{}, err
		}
		return s.surveyPage(http.StatusBadRequest, v, problem, score, comment)
	}
	if token == "" {
		return answer{}, ErrNotFound
	}
	v, err := s.desk.Score(r.Context(), token, score, comment)
	if err != nil {
		return answer{}, fmt.Errorf("record score: %w", err)
	}
	if v.Score != score {
		return s.surveyPage(http.StatusConflict, v, "page-not-taken", 0, "")
	}
	return answer{status: http.StatusSeeOther, location: token}, nil
}

func (s *site) surveyPage(status int, v Survey, problem string, score int, comment string) (answer, error) {
	p := page{site: s, Lang: s.language(v.Language), Desk: v.Desk, Survey: &v, Comment: comment, Chosen: score}
	switch {
	case v.Score > 0:
		p.Title = p.Word("page-survey-thanks-title")
	case v.Open:
		p.Title = p.Word("page-survey-title")
	default:
		p.Title = p.Word("page-survey-over-title")
	}
	if problem != "" {
		p.Notice = p.Word(problem)
	}
	return p.answer(status)
}

// Scores are those that can be chosen, the worst first.
func (p page) Scores() (all []int) {
	for n := range MaxScore {
		all = append(all, n+1)
	}
	return all
}

// Asks says that the page offers the form of a survey.
func (p page) Asks() bool { return p.Survey != nil && p.Survey.Open && p.Survey.Score == 0 }
