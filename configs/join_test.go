package configs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/configs"
)

// joined are the settings of a bandit whose rewards come later.
func joined(more ...string) []string {
	return append([]string{
		"source.topic=t", "source.id=id", "source.time=ts", "source.label=reward", "source.arm=arm", "source.probability=p", "source.context=context",
		"source.join.window=30m", "learner.kind=bandit", "learner.bandit.policy=lints", "learner.bandit.arms=a,b",
	}, more...)
}

// labels are those of a classifier whose labels come later.
func labels(more ...string) []string {
	return append([]string{"source.topic=t", "source.id=id", "source.time=ts", "source.label=y", "source.join.window=30m"}, more...)
}

func TestJoinSettings(t *testing.T) {
	for _, sets := range [][]string{
		joined(), joined("source.join.late=correct"), joined("source.join.reducer=sum", "source.join.default_reward=0.5", "source.join.topic=rewards"),
		labels(), labels("source.join.learn=immediate"), labels("source.join.unrewarded=skip", "source.positive=yes"),
	} {
		m, err := configs.LoadModel(sets)
		if err != nil {
			t.Errorf("%v: %v", sets, err)
			continue
		}
		c, err := m.LearnerConfig("test")
		if err != nil || c.Join == nil || c.Join.Window != 1_800_000 {
			t.Errorf("%v: %v, %+v", sets, err, c.Join)
		}
		back, err := m.WithSettings(m.Settings())
		if err != nil || back.Settings() != m.Settings() {
			t.Errorf("%v: settings come back as others: %v", sets, err)
		}
		want := 31*time.Minute + 3*time.Second
		if d := m.PublishDelay(1000); c.Join != nil && !c.Join.Immediate && d.Oldest != want {
			t.Errorf("%v: an event is served within %v, want %v", sets, d.Oldest, want)
		}
	}
}

func TestJoinFaultsNameTheRemedy(t *testing.T) {
	for want, sets := range map[string][]string{
		"source.join.window: 0s: must be longer than 0 when other keys":                 {"source.label=y", "source.join.reducer=sum"},
		"source.id: empty: must name the field of the decision's id":                    joined("source.id="),
		"source.time: empty: must name the field of the event time":                     joined("source.time="),
		"source.join.kind: empty: must name the field":                                  joined("source.join.kind="),
		"source.join.reward: decision: is the value of source.join.decision":            joined("source.join.reward=decision"),
		"source.join.reducer: median: must be one of first, last":                       joined("source.join.reducer=median"),
		"source.join.reducer: mean: must be first, last, min or max":                    labels("source.join.reducer=mean"),
		"source.join.late: correct: must be drop":                                       labels("source.join.late=correct"),
		"source.join.late: maybe: must be one of drop, correct":                         joined("source.join.late=maybe"),
		"source.join.learn: immediate: must be wait":                                    joined("source.join.learn=immediate"),
		"source.join.default_reward: 2: is refused by the learner: reward 2":            joined("source.join.default_reward=2"),
		"source.join.default_reward: 1: must be 0":                                      labels("source.join.learn=immediate", "source.join.default_reward=1"),
		"source.join.max_open: 0: must be at least 1":                                   joined("source.join.max_open=0"),
		"learner.bandit.drain: 24h0m0s: must be at least 48h1m0s":                       joined("source.join.window=48h"),
		"source.max_ahead: -1s: must be whole milliseconds":                             labels("source.max_ahead=-1s"),
		"source.join.lateness: -1s: must be whole milliseconds":                         joined("source.join.lateness=-1s"),
		"source.join.window: 100000h0m0s: must be whole milliseconds":                   joined("source.join.window=100000h"),
		"source.join.partition: any: must be one of same, key":                          joined("source.join.partition=any"),
		"source.format: csv: must be json with source.join":                             labels("source.format=csv", "source.columns=kind,id,ts,y,x"),
		"guard.source.header: h: must be empty with source.join":                        labels("guard.source.header=h"),
		"guard.source.topic: true: must be false with source.join":                      labels("guard.source.topic=true", "source.copies.topics=a"),
		"source.class_weights: [1 2]: must be empty with source.join":                   labels("source.class_weights=1,2"),
		"source.sample_negatives: 0.5: must be 1 with source.join":                      labels("source.sample_negatives=0.5"),
		"source.join.shown: id: is already named by source.id; a field has one meaning": joined("source.join.shown=id"),
	} {
		if _, err := configs.LoadModel(sets); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `"`, ""), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
