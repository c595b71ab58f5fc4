package main

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// weights reads the published weights, by the names that the daemon has kept.
func (in *installation) weights(t *testing.T) {
	// Once more, so that there is more than one version.
	in.must("load", "-c", in.config, "--topic", "payments", "--key", "card", in.csv)
	for p := range in.events {
		in.events[p] *= 2
	}
	var shown stateReport
	eventually(t, "all records are learned", func() bool {
		list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
		return list[0].Next == int64(in.events[0]) && list[1].Next == int64(in.events[1])
	})
	eventually(t, "the names of features are stored", func() bool {
		shown = document[stateReport](in, "snapshot", "show", "fraud/0", "-c", in.config, "--weights", "3")
		return shown.Model.Weights.Top[0].Feature != "#"+shown.Model.Weights.Top[0].ID
	})
	got := map[string]float64{}
	for _, w := range shown.Model.Weights.Top {
		got[w.Feature] = w.Weight
	}
	if w := shown.Model.Weights; w.Count != 3 || !(got["x1"] > 1) || !(got["x2"] < -1) || !hasKey(got, intercept) {
		t.Errorf("weights %+v", w)
	}
	if out := in.must("snapshot", "show", "fraud/0", "-c", in.config, "--weights", "2"); !strings.Contains(out, "the 2 of 3 weights that count most") {
		t.Errorf("printed %s", out)
	}
	// A replay of the same events ends with the same parameters but for what is still in quarantine.
	again := document[replayReport](in, "replay", "-c", in.config, "--weights", "3", in.split[0])
	if w := again.Weights; w == nil || w.Count != 3 || w.Top[0].Feature != shown.Model.Weights.Top[0].Feature {
		t.Errorf("replayed weights %+v", w)
	}
	d := document[diffReport](in, "snapshot", "diff", "fraud/0", "-c", in.config)
	if d.To.Number != shown.Current.Number || d.From.Number >= d.To.Number || d.Changed != 3 || d.Added+d.Removed+d.Same != 0 ||
		!(d.Distance > 0) || d.Cosine == nil || !(*d.Cosine > 0.9) || len(d.Fields) != 2 || d.Kind != "sgd" {
		t.Errorf("diff %+v", d)
	}
	same := document[diffReport](in, "snapshot", "diff", "fraud/0", fmt.Sprint(d.To.Number), fmt.Sprint(d.To.Number), "-c", in.config)
	if same.Same != 3 || same.Distance != 0 || len(same.Weights) != 0 || math.Abs(*same.Cosine-1) > 1e-12 {
		t.Errorf("a version with itself: %+v", same)
	}
	out := in.must("snapshot", "diff", "fraud/0", fmt.Sprint(d.From.Number), "-c", in.config, "--top", "1")
	for _, want := range []string{"events learned", "weights: 3 changed, 0 added", "L2 distance", "cosine", "numeric field", " sd", "others; --top 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("diff lacks %q:\n%s", want, out)
		}
	}
	for _, tc := range []struct {
		code int
		err  string
		args []string
	}{
		{exitFailed, "version 999 is not kept; kept are ", []string{"diff", "fraud/0", "999"}},
		{exitUsage, `version "x": must be the number`, []string{"diff", "fraud/0", "x"}},
		{exitUsage, "--top -1: must not be negative", []string{"diff", "fraud/0", "--top", "-1"}},
		{exitUsage, "--weights -1: must not be negative", []string{"show", "fraud/0", "--weights", "-1"}},
		{exitFailed, "other/0 has no state yet: is a process", []string{"diff", "other/0"}},
	} {
		code, out, errs := in.call(append([]string{"snapshot", "-c", in.config}, tc.args...)...)
		if code != tc.code || out != "" || !strings.Contains(errs, tc.err) {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q; want %d, %q", tc.args, code, out, errs, tc.code, tc.err)
		}
	}
}

// listed is a model of given weights and fields.
type listed struct {
	bits    int
	weights []event.Weight
	fields  []event.FieldStats
}

func (l listed) Weights() event.Weights     { return event.Weights{Bits: l.bits, List: l.weights} }
func (l listed) Fields() []event.FieldStats { return l.fields }

// By hand: (3, 4) and (3, 0) with a new weight 1 at another place.
func TestDiffByHand(t *testing.T) {
	a := listed{bits: 8, weights: []event.Weight{{ID: 1, Value: 3}, {ID: 2, Value: 4}, {Intercept: true, Value: 9}},
		fields: []event.FieldStats{{Hash: 1, Mean: 1, SD: 2}, {Hash: 2, Mean: 5}}}
	b := listed{bits: 8, weights: []event.Weight{{ID: 1, Value: 3}, {ID: 5, Value: 1}, {Intercept: true, Value: 8}},
		fields: []event.FieldStats{{Hash: 1, Mean: 4, SD: 4}, {Hash: 3}}}
	d, err := diffModels(a, b, map[uint64]string{0x101: "x", 0x302: "y", 1: "n"})
	if err != nil {
		t.Fatal(err)
	}
	if d.Same != 1 || d.Changed != 1 || d.Added != 1 || d.Removed != 1 {
		t.Errorf("%d same, %d changed, %d added, %d removed", d.Same, d.Changed, d.Added, d.Removed)
	}
	if want := math.Sqrt(16 + 1); d.Distance != want || d.Norms != [2]norm{5, norm(math.Sqrt(10))} || math.Abs(*d.Cosine-9/math.Sqrt(250)) > 1e-15 {
		t.Errorf("distance %v, norms %v, cosine %v", d.Distance, d.Norms, *d.Cosine)
	}
	var lines []string
	for _, c := range d.Weights {
		lines = append(lines, fmt.Sprintf("%s %s %v %v", c.Feature, c.Kind, c.From, c.To))
	}
	for _, f := range d.Fields {
		lines = append(lines, fmt.Sprintf("%s %s %v %v %v", f.Field, f.Kind, f.Mean, f.SD, f.Shift))
	}
	want := "y removed 4 0; #5 added 0 1; (intercept) changed 9 8; n changed [1 4] [2 4] 1.5; #2 removed [5 0] [0 0] 0; #3 added [0 0] [0 0] 0"
	if got := strings.Join(lines, "; "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	b.bits = 9
	if _, err := diffModels(a, b, nil); err == nil || !strings.Contains(err.Error(), "learner.bits") {
		t.Errorf("other bits: %v", err)
	}
	if d, err := diffModels(listed{}, listed{}, nil); err != nil || d.Cosine != nil || d.Distance != 0 {
		t.Errorf("nothing: %+v, %v", d, err)
	}
}

func TestNamesFitTheTerminal(t *testing.T) {
	for name, room := range map[string]int{"country=Deutschland": 10, "ääääääääääääääääääää": 7} {
		if got := []rune(cutName(name, room)); len(got) != room {
			t.Errorf("%q in %d: %q", name, room, string(got))
		}
	}
	if got := cutName("short", 5) + cutName("endless", 0); got != "shortendless" {
		t.Errorf("cut needlessly: %s", got)
	}
}
