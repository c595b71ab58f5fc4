package configs

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const small = `
models:
  fraud:
    source: {topic: payments, label: is_fraud}
`

func TestLoadOrder(t *testing.T) {
	file := write(t, `
kafka: {brokers: [a:1, b:2], group: file}
redis: {addrs: [r:1]}
models:
  fraud:
    source: {topic: payments, label: is_fraud}
    learner: {rate: 0.25, bits: 12, clip: 3}
    guard: {false_freeze_every: 200_000}
  fraud-two:
    source: {topic: t, label: y}
`)
	c, err := Load(Input{
		File: file,
		Env: []string{
			"PATH=/bin",
			"STREAMLEARNER_KAFKA_BROKERS=c:3, d:4",
			"STREAMLEARNER_KAFKA_SESSION_TIMEOUT=20s",
			"STREAMLEARNER_MODELS_FRAUD_LEARNER_RATE=0.5",
			"STREAMLEARNER_MODELS_FRAUD_LEARNER_BITS=13",
			"STREAMLEARNER_MODELS_FRAUD_TWO_GUARD_FALSE_FREEZE_EVERY=1e6",
			"STREAMLEARNER_MODELS_OTHER_SOURCE_TOPIC=o",
			"STREAMLEARNER_MODELS_OTHER_SOURCE_LABEL=y",
			"STREAMLEARNER_SERVICE_HOST=10.0.0.1",
			"STREAMLEARNER_PORT_9600_TCP_ADDR=10.0.0.1",
			"STREAMLEARNER_PORT=tcp://10.0.0.1:9600",
		},
		Set: []string{"models.fraud.learner.bits=14", "models.fraud.features.exclude=[x, y]", "models.fraud-two.features.include=a,b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Kafka.Brokers, want.Kafka.Group, want.Kafka.SessionTimeout = []string{"c:3", "d:4"}, "file", 20*time.Second
	want.Redis.Addrs = []string{"r:1"}
	fraud, two, other := DefaultModel(), DefaultModel(), DefaultModel()
	fraud.Source.Topic, fraud.Source.Label = "payments", "is_fraud"
	fraud.Learner.Rate, fraud.Learner.Bits, fraud.Learner.Clip = 0.5, 14, 3
	fraud.Guard.FalseFreezeEvery = 200_000
	fraud.Features.Exclude = []string{"x", "y"}
	two.Source.Topic, two.Source.Label, two.Guard.FalseFreezeEvery = "t", "y", 1e6
	two.Features.Include = []string{"a", "b"}
	other.Source.Topic, other.Source.Label = "o", "y"
	want.Models = map[string]Model{"fraud": fraud, "fraud-two": two, "other": other}
	if diff := cmp.Diff(&want, c); diff != "" {
		t.Error(diff)
	}
}

// TestLoadErrors lists faults, each with the exact message: it names the
// place, the key, the value and what is allowed.
func TestLoadErrors(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		env, set   []string
		want       []string
	}{
		{
			"unknown keys",
			"kafka:\n  broker: [a:1]\nmodels:\n  fraud:\n    source: {topic: t, label: y}\n    learner:\n      learning_rate: 1\n    guard: {windw: 1}\nfoo: 1\n",
			nil, nil,
			[]string{
				"c.yaml:2: kafka.broker: there is no such key; did you mean kafka.brokers?",
				"c.yaml:7: models.fraud.learner.learning_rate: there is no such key; did you mean models.fraud.learner.rate?",
				"c.yaml:8: models.fraud.guard.windw: there is no such key; did you mean models.fraud.guard.window?",
				"c.yaml:9: foo: there is no such key; configs/streamlearner.yaml lists them all",
			},
		},
		{
			"key under the wrong group",
			small + "    quarantine: 10\n", nil, nil,
			[]string{"c.yaml:5: models.fraud.quarantine: there is no such key; did you mean models.fraud.snapshot.quarantine?"},
		},
		{
			"types",
			small + "    learner: {rate: fast, bits: 1.5}\n    guard: {enabled: 1, false_freeze_every: .nan, window: -1}\n    features: {include: {a: 1}, cross: [a]}\nkafka: {session_timeout: 45}\n",
			nil, nil,
			[]string{
				"c.yaml:5: models.fraud.learner.bits: 1.5: must be a whole number",
				`c.yaml:5: models.fraud.learner.rate: "fast": must be a finite number`,
				"c.yaml:6: models.fraud.guard.enabled: 1: must be true or false",
				"c.yaml:6: models.fraud.guard.false_freeze_every: NaN: must be a finite number",
				"c.yaml:7: models.fraud.features.include.a: there is no such key; did you mean models.fraud.features.include?",
				"c.yaml:8: kafka.session_timeout: 45: must be a time with its unit, such as 500ms, 30s or 10m",
				`c.yaml:7: models.fraud.features.cross: ["a"]: must have from 2 to 4 fields`,
				"c.yaml:6: models.fraud.guard.window: -1: must be between 1000 and 100000 events (40 to 4000 blocks of guard.block = 25)",
			},
		},
		{
			"values",
			"kafka: {brokers: [nowhere], group: '', instance: a}\nredis: {addrs: []}\nadmin: {listen: '9600'}\nlog: {level: warning}\nmodels:\n  Fraud: {source: {topic: t, label: y}}\n" +
				"  b: {source: {topic: t, label: y, format: jsn}, scope: global, guard: {recovery: never}, snapshot: {keep: 0}, learner: {loss: hing}}\n  c: {}\n",
			nil, nil,
			[]string{
				`c.yaml:1: kafka.brokers: "nowhere": must be host:port, such as localhost:9092`,
				`c.yaml:1: kafka.group: "": must name the prefix of the consumer groups`,
				`c.yaml:1: kafka.instance: "a": static group membership is not supported: a restarted member would keep the right to write while its predecessor still runs; remove the key`,
				`c.yaml:2: redis.addrs: []: must name at least one host:port`,
				`c.yaml:3: admin.listen: "9600": must be host:port, such as 127.0.0.1:9600, or empty for no server`,
				`c.yaml:4: log.level: "warning": must be one of debug, info, warn, error; did you mean warn?`,
				`c.yaml:6: models.Fraud: "Fraud": a model's name may have small letters, digits, _ and - only`,
				`c.yaml:7: models.b.source.format: "jsn": must be one of json, csv, libsvm, vw, vwjson; did you mean json?`,
				`c.yaml:7: models.b.scope: "global": one model from all partitions is not available yet; use partition (the default), one model per partition`,
				`c.yaml:7: models.b.learner.loss: "hing": must be one of logistic, squared, hinge, quantile, huber, poisson, ova, softmax, multilabel, csoaa`,
				`c.yaml:7: models.b.guard.recovery: "never": must be auto, cooldown or manual`,
				`c.yaml:7: models.b.snapshot.keep: 0: must be at least 1 version`,
				`c.yaml:8: models.c.source.topic: "": must name the topic to learn from`,
				`c.yaml:8: models.c.source.label: "": must name the field to predict`,
			},
		},
		{
			"csv and dead letters",
			"models:\n  m: {source: {topic: t, label: y, format: csv, delimiter: ab, dead_letter: t, start: newest}}\n", nil, nil,
			[]string{
				`c.yaml:2: models.m.source.delimiter: "ab": must be one character, or tab`,
				`c.yaml:2: models.m.source.start: "newest": must be one of earliest, latest`,
				`c.yaml:2: models.m.source.dead_letter: "t": must not be the topic itself: refused records would come back`,
				`c.yaml:2: models.m.source.columns: []: must name the columns, since records of a topic have no header`,
			},
		},
		{
			"environment and flags",
			small,
			[]string{"STREAMLEARNER_KAFKA_BROKER=a:1", "STREAMLEARNER_MODELS_FRAUD_LEARNER_RATE=x", "STREAMLEARNER_KAFKA_MAX_POLL_RECORDS=0"},
			[]string{"models.fraud.learner.bits", "models.fraud.lerner.bits=3", "models.fraud.learner=3"},
			[]string{
				"--set models.fraud.learner.bits: must be key=value",
				"STREAMLEARNER_KAFKA_BROKER: there is no such key; did you mean STREAMLEARNER_KAFKA_BROKERS?",
				`STREAMLEARNER_MODELS_FRAUD_LEARNER_RATE: models.fraud.learner.rate: "x": must be a finite number`,
				"--set models.fraud.lerner.bits: models.fraud.lerner.bits: there is no such key; did you mean models.fraud.learner.bits?",
				`--set models.fraud.learner: models.fraud.learner: "3": is a group of settings, not a value`,
				"STREAMLEARNER_KAFKA_MAX_POLL_RECORDS: kafka.max_poll_records: 0: must be at least 1",
			},
		},
		{
			"a variable that may mean two models",
			"models:\n  a-b: {source: {topic: t, label: y}}\n  a_b: {source: {topic: t, label: y}}\n",
			[]string{"STREAMLEARNER_MODELS_A_B_LEARNER_BITS=3"}, nil,
			[]string{`STREAMLEARNER_MODELS_A_B_LEARNER_BITS: "3": may mean models.a-b.learner.bits or models.a_b.learner.bits; use --set`},
		},
		{
			"bandit",
			"models:\n  m: {source: {topic: t, label: r}, learner: {kind: bandit, bandit: {alpha: -1, arms: [a, b]}}}\n", nil, nil,
			[]string{
				`c.yaml:2: models.m.learner.bandit.alpha: -1: must be between 0 and 1e+06`,
				`c.yaml:2: models.m.source.arm: "": must name the field of the chosen arm with learner.kind bandit`,
			},
		},
		{
			"bandit that ages",
			"models:\n  m: {source: {topic: t, label: r, arm: a}, learner: {kind: bandit, bandit: {half_life: 24h, arms: [a, b]}}}\n", nil, nil,
			[]string{`c.yaml:2: models.m.source.time: "": must name the field of the event time with learner.bandit.half_life or window`},
		},
		{
			"matrix factorization",
			"models:\n  m:\n    source: {topic: t, label: r, key: u}\n    features: {numeric: [i], exclude: [x]}\n    learner: {kind: factor, factor: {model: mf, user: u, item: i}}\n" +
				"  n:\n    source: {topic: t, format: libsvm}\n    features: {exclude: [x]}\n    learner: {kind: factor, factor: {model: mf, user: x, item: y}}\n", nil, nil,
			[]string{
				`c.yaml:5: models.m.learner.factor.user: "u": is named by source.key, and so is no feature by itself; list it in features.categorical`,
				`c.yaml:5: models.m.learner.factor.item: "i": is in features.numeric, but must be a category; list it in features.categorical`,
				`c.yaml:7: models.n.source.format: "libsvm": has no fields, of which learner.factor.model mf needs two; use fm`,
				`c.yaml:9: models.n.learner.factor.user: "x": is in features.exclude; remove it there`,
			},
		},
		{"no model", "kafka: {group: g}\n", nil, nil, []string{"models: names no model; configs/fraud.yaml is an example"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := write(t, tc.file)
			_, err := Load(Input{File: path, Env: tc.env, Set: tc.set})
			var errs Errors
			if !errors.As(err, &errs) {
				t.Fatalf("error %v is no Errors", err)
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", ""), "\n")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoadUnreadable(t *testing.T) {
	for name, path := range map[string]string{
		"missing":    filepath.Join(t.TempDir(), "none.yaml"),
		"no YAML":    write(t, "a: [\n"),
		"same twice": write(t, small+small),
	} {
		_, err := Load(Input{File: path})
		var errs Errors
		if !errors.As(err, &errs) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestLoadWithoutModels(t *testing.T) {
	c, err := Load(Input{Env: []string{"STREAMLEARNER_REDIS_ADDRS=r:1"}, NoModels: true})
	if err != nil || c.Redis.Addrs[0] != "r:1" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestModelWith(t *testing.T) {
	m, err := DefaultModel().With([]string{"learner.loss=squared", "features.exclude=a, b", "guard.false_freeze_every=1000000", "source.label=y=z"})
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultModel()
	want.Learner.Loss, want.Features.Exclude, want.Guard.FalseFreezeEvery, want.Source.Label = "squared", []string{"a", "b"}, 1e6, "y=z"
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	_, err = DefaultModel().With([]string{"learner.los=squared", "learner.rate=-1"})
	const text = "--set learner.los: learner.los: there is no such key; did you mean learner.loss?\n" +
		"--set learner.rate: learner.rate: -1: must be 0 for the optimizer's default, or a number up to 1e6"
	if err == nil || err.Error() != text {
		t.Errorf("got %v\nwant %s", err, text)
	}
}

func TestModelWithReplacesLists(t *testing.T) {
	m := DefaultModel()
	m.Features.Exclude = []string{"a", "b", "c"}
	m, err := m.With([]string{"features.exclude=d"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"d"}, m.Features.Exclude); diff != "" {
		t.Error(diff)
	}
}

// FuzzFile feeds any bytes as the file: it is accepted or refused with reasons.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{small, "models: {'': {source: {topic: t}}}", "a.b: {c: 1}\na: 2", "kafka: [1]", "models: {x: 1, y: {source: 2}}", "? [a]\n: b", "&a {b: *a}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLoader(reflect.TypeFor[Config]())
		if err := l.file("f.yaml", data); err != nil {
			return
		}
		c := l.config()
		l.errs = append(l.errs, l.locate(c.check())...)
		for _, e := range l.errs {
			if e.Detail == "" || e.Where == "" && e.Key == "" {
				t.Errorf("%+v says too little", e)
			}
		}
	})
}
