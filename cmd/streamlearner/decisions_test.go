package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// article is a decision of the generated log about articles.
type article struct {
	ID       string
	TS       int64
	Context  map[string]any
	Eligible []string
	Actions  []map[string]any
	Arm      string
	P        float64
	Reward   float64
}

// vwWords writes features as Vowpal Wabbit's text does: those of an object in a namespace of its name.
func vwWords(features map[string]any) string {
	var out, spaces []string
	for name, v := range features {
		switch v := v.(type) {
		case string, bool:
			out = append(out, fmt.Sprintf("%s=%v", name, v))
		case map[string]any:
			spaces = append(spaces, "|"+name+strings.TrimPrefix(vwWords(v), "|"))
		default:
			out = append(out, fmt.Sprintf("%s:%v", name, v))
		}
	}
	slices.Sort(out)
	slices.Sort(spaces)
	return "| " + strings.Join(append(out, spaces...), " ")
}

// TestForeignDecisions: one log, as this program writes it, as Azure Personalizer does and as Vowpal Wabbit's text, has the same estimates and trains the
// same bandit.
func TestForeignDecisions(t *testing.T) {
	const config = "../../configs/content.yaml"
	joined := joinByHand(parseLog(t, contentLog(t, config, 500)))
	var personalizer, vw []string
	for _, line := range joined {
		var d article
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		// The arms of that configuration are the places 0, 1, ... in the list of candidates, all of them eligible.
		place := slices.Index([]string{"0", "1", "2", "3", "4", "5", "6", "7"}, d.Arm)
		if place < 0 || len(d.Actions) != 8 || d.Eligible != nil && len(d.Eligible) != 8 {
			t.Fatalf("%+v", d)
		}
		c := map[string]any{"_multi": d.Actions}
		for name, v := range d.Context {
			c[name] = v
		}
		b, err := json.Marshal(map[string]any{
			"_label_cost": -d.Reward, "_label_probability": d.P, "_labelIndex": place, "_label_Action": place + 1,
			"EventId": d.ID, "Timestamp": fmt.Sprintf("2024-11-24T14:%02d:%02d.000Z", len(vw)/60, len(vw)%60), "Version": "1", "c": c,
		})
		if err != nil {
			t.Fatal(err)
		}
		personalizer = append(personalizer, string(b))
		lines := []string{fmt.Sprintf("shared '%s%s", d.ID, vwWords(d.Context))}
		for i, a := range d.Actions {
			label := ""
			if i == place {
				label = fmt.Sprintf("0:%v:%v ", -d.Reward, d.P)
			}
			lines = append(lines, label+vwWords(a))
		}
		vw = append(vw, strings.Join(lines, "\n")+"\n")
	}
	files := []string{writeLines(t, "log.jsonl", joined), writeLines(t, "personalizer.json", personalizer), writeLines(t, "adf.vw", vw)}
	var reports []opeReport
	for _, file := range files {
		reports = append(reports, opeOf(t, "-c", config, "--policy", "current=config", "--policy", "uniform", "--policy", "first=always:0", "--estimator", "ips,snips,dr", file))
	}
	for i, r := range reports[1:] {
		if r.Used != 500 {
			t.Errorf("%s: %d of %d rows: %+v", files[i+1], r.Used, r.Rows, r.Refused)
			continue
		}
		for _, policy := range []string{"logged", "current", "uniform", "first"} {
			for _, estimator := range []string{"ips", "snips"} {
				wantNear(t, files[i+1]+": "+policy+" by "+estimator, r.value(t, policy, estimator), reports[0].value(t, policy, estimator), 1e-9)
			}
		}
		wantNear(t, files[i+1]+": doubly robust", r.value(t, "uniform", "dr"), reports[0].value(t, "uniform", "dr"), 1e-9)
	}
	// Without a configuration the files tell how many arms there are, and the range of rewards.
	for _, file := range files[1:] {
		if r := opeOf(t, "--policy", "uniform", "--estimator", "ips", file); r.Used != 500 || r.RewardMin != 0 || r.RewardMax != 1 {
			t.Errorf("%s: %d rows, rewards from %v to %v", file, r.Used, r.RewardMin, r.RewardMax)
		} else {
			wantNear(t, "uniform", r.value(t, "uniform", "ips"), reports[0].value(t, "uniform", "ips"), 1e-9)
		}
		for _, args := range [][]string{{"-c", config}, nil} {
			var out, errs bytes.Buffer
			if code := (program{nil, &out, &errs}).run(t.Context(), slices.Concat([]string{"replay", "--json"}, args, []string{file})); code != exitOK {
				t.Errorf("replay %v %s: %s", args, file, errs.String())
				continue
			}
			var r replayReport
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if r.Learned != 500 {
				t.Errorf("replay %v %s: learned %d: %+v", args, file, r.Learned, r.Examples)
			}
		}
	}
}

// TestForeignDecisionsRefused: what is wrong with a decision is the reason why it is refused.
func TestForeignDecisionsRefused(t *testing.T) {
	file := writeLines(t, "cb.vw", []string{
		"1:0:0.5 | a", "2:1:0.5 | b", "1:0:0 | a", "1:0:2 | a", "1:free:0.5 | a", "1:nan:0.5 | a", "1 | a", "0:1:0.5 | a", "1:0 | a", "1 2:0:0.5 3 | a", "1 2:0:0.5 2 | a",
	})
	var out, errs bytes.Buffer
	if code := (program{nil, &out, &errs}).run(t.Context(), []string{"replay", "--json", file}); code != exitOK {
		t.Fatal(errs.String())
	}
	var r replayReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	for reason, n := range map[string]uint64{"propensity_invalid": 3, "label_invalid": 2, "syntax": 2, "arm_unknown": 1} {
		if r.Rejected[reason] != n {
			t.Errorf("%s: %d, want %d: %v, %+v", reason, r.Rejected[reason], n, r.Rejected, r.Examples)
		}
	}
	if r.Learned != 3 {
		t.Errorf("learned %d", r.Learned)
	}
	o := opeOf(t, "--policy", "uniform", file)
	if o.Rows != 11 || o.Used != 3 {
		t.Errorf("%d of %d rows: %+v", o.Used, o.Rows, o.Refused)
	}
}
