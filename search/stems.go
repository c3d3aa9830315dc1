package search

import (
	"sync"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/registry"
)

var spanish = sync.OnceValue(func() analysis.Analyzer {
	a, err := registry.NewCache().AnalyzerNamed(es.AnalyzerName)
	if err != nil {
		panic(err) // it is compiled in
	}
	return a
})

// stems are a text's words without endings, accents and what every text has.
func stems(text string) (all []string) {
	for _, t := range spanish().Analyze([]byte(text)) {
		all = append(all, string(t.Term))
	}
	return all
}
