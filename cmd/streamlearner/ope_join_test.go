package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// contentLog is a log of decisions about articles and of their clicks, as a service writes it.
func contentLog(t *testing.T, config string, events int) []string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := (program{nil, &out, &errs}).run(t.Context(), []string{"generate", "content", "-c", config, "--events", fmt.Sprint(events), "--seed", "3"}); code != exitOK {
		t.Fatal(errs.String())
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// logged is a record of that log.
type logged struct {
	Kind   string
	ID     string
	TS     int64
	Reward float64
	line   string
}

func parseLog(t *testing.T, lines []string) []logged {
	t.Helper()
	out := make([]logged, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &out[i]); err != nil {
			t.Fatal(err)
		}
		out[i].line = line
	}
	return out
}

// joinByHand writes every decision with its last reward within a window of ten minutes, and 0 for none.
func joinByHand(log []logged) []string {
	var out []logged
	for _, d := range log {
		if d.Kind != "decision" {
			continue
		}
		last := int64(0)
		for _, r := range log {
			if r.Kind == "reward" && r.ID == d.ID && r.TS <= d.TS+600_000 && r.TS >= last {
				last, d.Reward = r.TS, r.Reward
			}
		}
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(a, b logged) int { return int(a.TS - b.TS) })
	lines := make([]string, len(out))
	for i, d := range out {
		lines[i] = fmt.Sprintf("%s,\"reward\":%v}", strings.TrimSuffix(d.line, "}"), d.Reward)
	}
	return lines
}

// TestOpeJoins: a log whose rewards are records of their own, mixed with the decisions or in a file of their own, gives the
// estimates of the log that was joined by hand, and those that replay makes of it.
func TestOpeJoins(t *testing.T) {
	const config = "../../configs/content.yaml"
	lines := contentLog(t, config, 600)
	log := parseLog(t, lines)
	var decisions, rewards []string
	for _, r := range log {
		if r.Kind == "decision" {
			decisions = append(decisions, r.line)
		} else {
			rewards = append(rewards, r.line)
		}
	}
	if len(decisions) != 600 || len(rewards) < 50 {
		t.Fatalf("%d decisions, %d rewards", len(decisions), len(rewards))
	}
	args := []string{"-c", config, "--policy", "current=config", "--policy", "uniform", "--policy", "first=always:0", "--estimator", "ips,snips,cressie-read,dr,dm"}
	of := func(files ...string) opeReport { return opeOf(t, slices.Concat(args, files)...) }
	mixed := writeLines(t, "mixed.jsonl", lines)
	apart := []string{writeLines(t, "decisions.jsonl", decisions), writeLines(t, "rewards.jsonl", rewards)}
	want := of(writeLines(t, "joined.jsonl", joinByHand(log)))
	if want.Join != nil {
		t.Error("a log that is joined was joined")
	}
	for name, files := range map[string][]string{"mixed": {mixed}, "apart": apart, "rewards first": {apart[1], apart[0]}} {
		got := of(files...)
		if got.Join == nil || got.Join.Rewarded+got.Join.Unrewarded != 600 || got.Join.Rewarded == 0 || got.Join.Unmatched+got.Join.Late != 0 {
			t.Errorf("%s: %+v", name, got.Join)
		}
		if got.Rows != 600 || got.Used != 600 {
			t.Errorf("%s: %d of %d rows", name, got.Used, got.Rows)
		}
		for i, p := range want.Policies {
			for k, e := range p.Estimates {
				g := got.Policies[i].Estimates[k]
				if e.Value == nil {
					if g.Value != nil {
						t.Errorf("%s: %s by %s: %v", name, p.Name, e.Estimator, *g.Value)
					}
					continue
				}
				wantNear(t, name+": "+p.Name+" by "+e.Estimator, *g.Value, *e.Value, 0)
				wantNear(t, name+": upper bound of "+p.Name+" by "+e.Estimator, *g.High, *e.High, 0)
			}
		}
	}
	for name, files := range map[string][]string{"mixed": {mixed}, "apart": apart} {
		var out, errs bytes.Buffer
		if code := (program{nil, &out, &errs}).run(t.Context(), slices.Concat([]string{"replay", "--json", "-c", config}, files)); code != exitOK {
			t.Fatal(errs.String())
		}
		var replayed replayReport
		if err := json.Unmarshal(out.Bytes(), &replayed); err != nil {
			t.Fatal(err)
		}
		if len(replayed.Evaluations) != 4 {
			t.Fatalf("replay evaluates %d candidates", len(replayed.Evaluations))
		}
		for _, p := range replayed.Evaluations {
			for _, e := range p.Estimates {
				if e.Value != nil && e.Estimator != "dr" { // whose predictions are the bandit's own there
					wantNear(t, "replay of "+name+": "+p.Name+" by "+e.Estimator, want.value(t, p.Name, e.Estimator), *e.Value, 1e-12)
				}
			}
		}
	}
}

// TestOpeJoinSettings: the join of the configuration holds, late rewards included, and what cannot be joined is refused with its place.
func TestOpeJoinSettings(t *testing.T) {
	dir := t.TempDir()
	write := func(join string) string {
		path := filepath.Join(dir, "c.yaml")
		text := fmt.Sprintf("models:\n  m:\n    source: {topic: t, label: r, arm: a, probability: p, id: id, time: ts, context: x, join: {%s}}\n"+
			"    learner: {kind: bandit, bandit: {policy: epsilon, arms: [low, high], reward_max: 10}}\n", join)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	decision := func(id string, ts int, more string) string {
		return fmt.Sprintf(`{"kind":"decision","id":%q,"ts":%d,"a":"low","p":0.5,"x":{"k":1}%s}`, id, 1732456800000+ts, more)
	}
	reward := func(id string, ts int, r float64) string {
		return fmt.Sprintf(`{"kind":"reward","id":%q,"ts":%d,"r":%v}`, id, 1732456800000+ts, r)
	}
	log := []string{
		decision("one", 0, ""), decision("unseen", 1, `,"shown":false`), decision("two", 2, ""),
		reward("one", 500, 2), reward("one", 700, 4), reward("one", 700, 4), reward("two", 600, 99), // too large
		`{"kind":"reward","id":"two","r":1}`, `{"kind":"other","id":"two"}`,
		decision("three", 5000, ""), reward("one", 1500, 6), reward("three", 5100, 1),
	}
	path := writeLines(t, "log.jsonl", log)
	for _, c := range []struct {
		join string
		mean float64 // of the decisions one, two and three
		late uint64
	}{
		{"window: 1s, lateness: 0s", (4. + 0 + 1) / 3, 1},
		{"window: 1s, lateness: 0s, reducer: sum", (6. + 99 + 1) / 3, 1}, // a part of a sum may be anything, the sum may not
		{"window: 1s, lateness: 0s, reducer: first, default_reward: 3", (2. + 3 + 1) / 3, 1},
		{"window: 1s, lateness: 0s, unrewarded: skip", (4. + 1) / 2, 1},
		{"window: 1s, lateness: 0s, late: correct, late_for: 10s", (6. + 0 + 1) / 3, 0},
		{"window: 1s, lateness: 0s, need_activation: true", 0, 1},
	} {
		var out, errs bytes.Buffer
		code := (program{nil, &out, &errs}).run(t.Context(), []string{"ope", "--json", "-c", write(c.join), "--policy", "uniform", "--reward-model", "mean", path})
		var r opeReport
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Fatal(err, errs.String())
		}
		if strings.Contains(c.join, "need_activation") {
			if code == exitOK || r.Join.NeverShown != 4 || r.Used != 0 {
				t.Errorf("%s: exit code %d, %+v", c.join, code, r)
			}
			continue
		}
		if strings.Contains(c.join, "sum") {
			if len(r.Refused) != 3 || !strings.Contains(fmt.Sprint(r.Refused), "log.jsonl: line 3") {
				t.Errorf("%s: refused %+v", c.join, r.Refused)
			}
			continue
		}
		wantNear(t, c.join, r.value(t, "logged", "ips"), c.mean, 1e-12)
		if r.Join.Late != c.late || r.Join.NeverShown != 1 || r.Join.Duplicates != 1 {
			t.Errorf("%s: %+v", c.join, r.Join)
		}
		reasons := map[string]string{}
		for _, x := range r.Refused {
			reasons[x.Reason] = x.Example
		}
		for reason, line := range map[string]string{"reward_invalid": "line 7", "time_invalid": "line 8", "kind_unknown": "line 9"} {
			if !strings.Contains(reasons[reason], "log.jsonl: "+line) {
				t.Errorf("%s: %s is %q, want %s", c.join, reason, reasons[reason], line)
			}
		}
	}
}
