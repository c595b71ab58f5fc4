package configs

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// TestReference holds the reference file to its word: it shows every key, and
// what it shows are the defaults, apart from lines marked as examples.
func TestReference(t *testing.T) {
	const file = "streamlearner.yaml"
	got, err := Load(Input{File: file})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	m := DefaultModel()
	m.Source.Topic, m.Source.Label = "payments", "is_fraud"
	want.Models = map[string]Model{"fraud": m}
	if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}

	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := lineNumbers(data)
	for _, k := range keysOf(reflect.TypeFor[Config]()) {
		if path := strings.Replace(k.path, "*", "fraud", 1); lines[path] == 0 {
			t.Errorf("%s does not show %s", file, path)
		}
	}
}

func TestExamples(t *testing.T) {
	for file, names := range map[string][]string{
		"fraud.yaml": {"fraud"}, "pricing.yaml": {"price"}, "recommendation.yaml": {"clicks"},
		"price-ladder.yaml": {"prices"}, "price-continuous.yaml": {"fares"}, "canary.yaml": {"rollout"}, "content.yaml": {"articles"}, "bids.yaml": {"bids"}, "control.yaml": {"pole"},
	} {
		c, err := Load(Input{File: file})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if diff := cmp.Diff(names, c.Names()); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
		for _, name := range names {
			lc, err := c.Models[name].LearnerConfig("test")
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			layout, err := event.ParseLayout(lc.Schema)
			if diff := cmp.Diff(c.Models[name].Layout().Published(), layout, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%s: what is published: %v (-configured +read):\n%s", file, err, diff)
			}
		}
	}
}

// The bytes that readers are given.
func TestPublishedSchema(t *testing.T) {
	json, csv := DefaultModel(), DefaultModel()
	json.Source.Label, json.Source.Key, json.Features.Exclude = "is_fraud", "card", []string{"note"}
	csv.Source.Format, csv.Source.Columns, csv.Source.Delimiter, csv.Source.Label = "csv", []string{"y", "a"}, "tab", "y"
	for _, c := range []struct {
		model Model
		want  string
	}{
		{json, `{"format":"json","label":"is_fraud","key":"card","exclude":["note"],"max_features":4096}`},
		{csv, `{"format":"csv","columns":["y","a"],"delimiter":"\t","label":"y","max_features":4096}`},
	} {
		lc, err := c.model.LearnerConfig("test")
		if err != nil || string(lc.Schema) != c.want {
			t.Errorf("%v\n got %s\nwant %s", err, lc.Schema, c.want)
		}
	}
}

// What is published of everything that makes features.
func TestPublishedFeatures(t *testing.T) {
	m, err := DefaultModel().With([]string{
		"source.label=y", "source.time=ts", "source.classes=[1, two]", "source.class_weights=1,20", "source.sample_negatives=0.5",
		"features.text=msg", "features.ngrams=2", "features.log1p=amount*", "features.cyclic=ts", "features.missing=age,income",
		`features.cross=[["*", "*"], [a, b, c]]`,
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"format":"json","label":"y","classes":["1","two"],"class_weights":[1,20],"sample_negatives":0.5,"time":"ts",` +
		`"text":["msg"],"ngrams":2,"log1p":["amount*"],"cyclic":["ts"],"missing":["age","income"],"cross":[["*","*"],["a","b","c"]],"max_features":4096}`
	lc, err := m.LearnerConfig("test")
	if err != nil || string(lc.Schema) != want {
		t.Errorf("%v\n got %s\nwant %s", err, lc.Schema, want)
	}
	short, err := DefaultModel().With([]string{"features.cross=country*merchant, a*b*c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"country", "merchant"}, {"a", "b", "c"}}, short.Features.Cross); diff != "" {
		t.Error(diff)
	}
}

func TestFeaturesRefused(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want string
	}{
		{[]string{"features.text=a", "features.categorical=a"}, `features.text: "a": is also in features.categorical; remove one of the two`},
		{[]string{"features.ngrams=2"}, "features.ngrams: 2: features.text must list the fields that are split into words"},
		{[]string{"features.missing=a*"}, `features.missing: "a*": must be one field`},
		{[]string{"features.cyclic=k", "source.key=k"}, `features.cyclic: "k": has a meaning of its own under source`},
		{[]string{"features.missing=k", "source.key=k"}, "features.categorical lists it"},
		{[]string{"source.format=vw", "features.target=a"}, `features.target: ["a"]: must be empty with format vw`},
		{[]string{"features.target=a", "learner.loss=softmax", "learner.classes=3"}, `features.target: ["a"]: must be empty with learner.loss softmax`},
		{[]string{"features.target=a", "learner.kind=bandit", "source.arm=b", "learner.bandit.arms=x,y"}, `features.target: ["a"]: must be empty with learner.kind bandit`},
		{[]string{"features.count=a", "features.target_bits=0"}, "features.target_bits: 0: must be between 1 and 24"},
		{[]string{"features.target=a", "features.target_prior=-1"}, "features.target_prior: -1: must be a number of events"},
		{[]string{"features.target_half_life=100"}, "features.target_half_life: 100: features.target or features.count must list"},
		{[]string{"features.min_count=256"}, "features.min_count: 256: must be between 0 and 255"},
		{[]string{"features.expire_after=10", "learner.kind=factor"}, "features.expire_after: 10: must be 0 with learner.kind factor"},
		{[]string{"features.expire_after=10", "learner.optimizer=rls", "learner.loss=squared"}, "features.expire_after: 10: must be 0 with learner.optimizer rls"},
		{[]string{"features.cross=a"}, `features.cross: ["a"]: must have from 2 to 4 fields`},
		{[]string{"source.format=vw", "features.text=a"}, `features.text: ["a"]: must be empty with format vw`},
		{[]string{"source.format=libsvm", "features.missing=1"}, `features.missing: ["1"]: must be empty with format libsvm`},
		{[]string{"source.classes=a"}, `source.classes: ["a"]: must name at least two classes`},
		{[]string{"source.classes=a,b,c"}, "source.classes: [a b c]: must name two classes with a loss for two"},
		{[]string{"source.classes=a,b,c", "learner.loss=ova", "learner.classes=4"}, "learner.classes: 4: must be 3, as many as source.classes names"},
		{[]string{"source.classes=a,b,c", "learner.loss=csoaa", "learner.classes=2", "source.label_type=costs"}, "learner.classes: 2: must be 3"},
		{[]string{"learner.loss=multilabel", "learner.classes=4"}, `source.label_type: "": must be multilabel with learner.loss multilabel`},
		{[]string{"source.label_type=costs"}, `source.label_type: "costs": must be empty unless learner.loss is multilabel or csoaa`},
		{[]string{"source.label_type=sets"}, `source.label_type: "sets": must be empty, multilabel or costs`},
		{[]string{"source.label_separator=;"}, `source.label_separator: ";": needs source.label_type multilabel or costs`},
		{[]string{"learner.false_negative_cost=9", "metrics.threshold=0.2"}, "metrics.threshold: 0.2: must be 0.5 (the default) with learner.false_positive_cost and learner.false_negative_cost, which make it 0.1"},
		{[]string{"learner.calibrate=beta"}, `learner.calibrate: "beta": must be one of none, platt, isotonic`},
		{[]string{"source.class_weights=1,2,3"}, "source.class_weights: [1 2 3]: must be two numbers"},
		{[]string{"source.sample_negatives=0"}, "source.sample_negatives: 0: must be in (0, 1]"},
		{[]string{"source.sample_negatives=1.5"}, "source.sample_negatives: 1.5: must be in (0, 1]"},
	} {
		if _, err := DefaultModel().With(c.set); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.set, err, c.want)
		}
	}
}

func TestSettings(t *testing.T) {
	m := DefaultModel()
	lines := strings.Split(strings.TrimSuffix(m.Settings(), "\n"), "\n")
	if !slices.IsSorted(lines) {
		t.Error("settings are not sorted")
	}
	for _, want := range []string{`learner.loss="logistic"`, "guard.false_freeze_every=100000", "features.exclude=[]", "snapshot.every=1000"} {
		if !slices.Contains(lines, want) {
			t.Errorf("settings lack %s:\n%s", want, m.Settings())
		}
	}
	if strings.Contains(m.Settings(), "learner.bandit") || strings.Contains(m.Settings(), "learner.factor") {
		t.Error("the settings of a linear model hold those of bandits or of models of pairs")
	}
	bandit := m
	bandit.Learner.Kind = "bandit"
	if s := bandit.Settings(); strings.Contains(s, "learner.loss") || !strings.Contains(s, "learner.bandit.alpha=0.5") {
		t.Errorf("settings of a bandit:\n%s", s)
	}
	pairs := m
	pairs.Learner.Kind = "factor"
	if s := pairs.Settings(); strings.Contains(s, "learner.loss") || strings.Contains(s, "learner.bandit") || !strings.Contains(s, "learner.factor.factors=8") {
		t.Errorf("settings of a model of pairs:\n%s", s)
	}
	changed := m
	changed.Source.Start, changed.Source.DeadLetter = "latest", "dead"
	if changed.Settings() != m.Settings() {
		t.Error("where refused records go changes the settings of the state")
	}
	changed.Learner.Clip = 4
	if changed.Settings() == m.Settings() {
		t.Error("learner.clip is missing from the settings")
	}
}

func TestPublishDelay(t *testing.T) {
	m := DefaultModel() // 1,000 and 2,000 events; the guard 5,000 and 10,000
	got := m.PublishDelay(10)
	want := PublishDelay{Rate: 10, First: 300 * time.Second, Every: 100 * time.Second, Oldest: 300 * time.Second, Armed: 1500 * time.Second}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	m.Guard.Enabled = false
	if got := m.PublishDelay(10).Armed; got != 0 {
		t.Errorf("a guard that is off is armed after %v", got)
	}
}

func TestKeysOf(t *testing.T) {
	type inner struct {
		A int `koanf:"a"`
		B int `koanf:"-"`
		C int
	}
	type outer struct {
		inner `koanf:",squash"`
		M     map[string]inner `koanf:"m"`
		L     []string         `koanf:"l"`
	}
	var got []string
	for _, k := range keysOf(reflect.TypeFor[outer]()) {
		got = append(got, k.path)
	}
	if diff := cmp.Diff([]string{"a", "m.*.a", "l"}, got); diff != "" {
		t.Error(diff)
	}
}
