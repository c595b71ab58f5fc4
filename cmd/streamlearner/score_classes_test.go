package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/serve"
)

func TestScoreOfClasses(t *testing.T) {
	names := []string{"red", "green", "blue"}
	for _, c := range []struct {
		name string
		all  serve.Classes
		want []string // lines
	}{
		{"classes", serve.Classes{Class: 1, Probs: []float64{0.25, 0.5, 0.25}, Names: names}, []string{"class  probability", "red    0.25", "green"}},
		{"without names", serve.Classes{Class: 1, Probs: []float64{0.25, 0.5, 0.25}}, []string{"class  probability", "0      0.25", "1"}},
		{"costs", serve.Classes{Class: 2, Costs: true, Probs: []float64{3, 2, -1}, Names: names}, []string{"class  cost", "blue   -1", "blue"}},
		{"labels", serve.Classes{Class: 2, Labels: true, Probs: []float64{0.5, 0.1, 0.9}, Names: names}, []string{"class  probability", "green  0.1", "red, blue"}},
		{"no labels", serve.Classes{Labels: true, Probs: []float64{0.4, 0.1, 0.3}, Names: names}, []string{"class  probability", "no label"}},
	} {
		var r scoreReport
		var out bytes.Buffer
		r.take(&c.all)
		if err := r.print(&out); err != nil {
			t.Fatal(err)
		}
		for _, line := range c.want {
			if !strings.Contains("\n"+out.String(), "\n"+line+"\n") {
				t.Errorf("%s: no line %q in\n%s", c.name, line, out.String())
			}
		}
		if (r.Class == nil) != c.all.Labels || r.Class != nil && *r.Class != c.all.Class || (r.Classes[0].Cost != nil) != c.all.Costs {
			t.Errorf("%s: report %+v", c.name, r)
		}
	}
}
