package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/sandbox"
)

const banditData = "../../../shared/data/"

// opeOf runs the command and returns its document.
func opeOf(t *testing.T, args ...string) opeReport {
	t.Helper()
	var out, errs bytes.Buffer
	if code := (program{nil, &out, &errs}).run(t.Context(), append([]string{"ope", "--json"}, args...)); code != exitOK {
		t.Fatalf("ope %v: exit code %d: %s", args, code, errs.String())
	}
	var r opeReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// value returns the estimate of a candidate.
func (r *opeReport) value(t *testing.T, policy, estimator string) float64 {
	t.Helper()
	for _, p := range r.Policies {
		for _, e := range p.Estimates {
			if p.Name == policy && e.Estimator == estimator && e.Value != nil {
				return *e.Value
			}
		}
	}
	t.Fatalf("no estimate of %s by %s in %+v", policy, estimator, r)
	return 0
}

func wantNear(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func readTable(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(banditData + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func writeLines(t *testing.T, name string, lines []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpeOpenBandit: the command gives the estimates of the Open Bandit Pipeline (zr-obp at 8cbd5fa) for the men's campaign.
// The candidate is Bernoulli Thompson sampling, whose probabilities and the mean click of every item are put into the log.
func TestOpeOpenBandit(t *testing.T) {
	var file struct {
		Data struct {
			Values struct {
				Men struct {
					Est         map[string]float64
					OnRandom    float64 `json:"on_policy_random"`
					OnBTS       float64 `json:"on_policy_bts"`
					FromBTSIPW  float64 `json:"random_from_bts_ipw"`
					FromBTSSNIP float64 `json:"random_from_bts_snipw"`
				}
			}
		} `json:"open_bandit_dataset_small"`
	}
	b, err := os.ReadFile(banditData + "bandit_vectors/ope_obp.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	want := file.Data.Values.Men

	const items = 34
	var bts [3][items]json.Number // by position
	for i, row := range readTable(t, "bandit/bts_action_dist_men.csv") {
		for j := range bts {
			bts[j][i] = json.Number(row[j])
		}
	}
	var clicks, shown, mean [items]float64
	log := readTable(t, "bandit/obd_random_men.csv.gz")[1:] // columns: row, timestamp, item, position, click, propensity
	for _, row := range log {
		item, err := strconv.Atoi(row[2])
		if err != nil {
			t.Fatal(err)
		}
		shown[item]++
		if row[4] == "1" {
			clicks[item]++
		}
	}
	for i := range mean {
		mean[i] = clicks[i] / max(1, shown[i])
	}
	q, err := json.Marshal(mean)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, len(log))
	for i, row := range log {
		position, err := strconv.Atoi(row[3])
		if err != nil {
			t.Fatal(err)
		}
		pi, err := json.Marshal(bts[position-1])
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = fmt.Sprintf(`{"item": %s, "click": %s, "p": %s, "pi": %s, "q": %s}`, row[2], row[4], row[5], pi, q)
	}
	path := writeLines(t, "random.jsonl", lines)
	r := opeOf(t, "--reward", "click", "--action", "item", "--propensity", "p", "--target-prob", "pi", "--reward-model", "column:q", "--estimator", "all", path)
	for ours, theirs := range map[string]string{
		"ips": "ipw", "snips": "snipw", "dm": "dm", "dr": "dr", "sndr": "sndr", "switch-dr": "switch-dr(lambda=10)", "dr-os": "dr-os(lambda=10)",
	} {
		expected, ok := want.Est[theirs]
		if !ok {
			t.Fatalf("there is no %s in the file", theirs)
		}
		wantNear(t, ours, r.value(t, "target", ours), expected, 1e-9)
	}
	wantNear(t, "mean of the log", r.value(t, "logged", "ips"), want.OnRandom, 1e-9)

	r = opeOf(t, "--reward", "click", "--action", "item_id", "--propensity", "propensity_score", "--policy", "uniform",
		"--set", "features.exclude=timestamp", banditData+"bandit/obd_bts_men.csv.gz")
	wantNear(t, "random from bts", r.value(t, "uniform", "ips"), want.FromBTSIPW, 1e-9)
	wantNear(t, "random from bts, self-normalised", r.value(t, "uniform", "snips"), want.FromBTSSNIP, 1e-9)
	wantNear(t, "mean of the log", r.value(t, "logged", "ips"), want.OnBTS, 1e-9)
	if e := r.Policies[1].Effective; !(e > 100 && e < 1000) {
		t.Errorf("effective sample size %v of 10,000 decisions", e)
	}
}

// TestOpePipelineVectors: settings of the command reach the estimators, by the values of the Open Bandit Pipeline.
func TestOpePipelineVectors(t *testing.T) {
	var file struct {
		Tol            float64
		Action         []int
		Reward, PScore []float64
		PiE            [][]float64 `json:"pi_e"`
		QHat           [][]float64 `json:"q_hat"`
		Expect         map[string]float64
	}
	b, err := os.ReadFile(banditData + "bandit_vectors/ope_obp.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	// CSV, with one column for each arm.
	head, lines := "a,r,p", []string{""}
	for k := range file.PiE[0] {
		head += fmt.Sprintf(",pi_%d,q_%d", k, k)
	}
	lines[0] = head
	for i, a := range file.Action {
		line := fmt.Sprintf("%d,%v,%v", a, file.Reward[i], file.PScore[i])
		for k := range file.PiE[i] {
			line += fmt.Sprintf(",%v,%v", file.PiE[i][k], file.QHat[i][k])
		}
		lines = append(lines, line)
	}
	path := writeLines(t, "small.csv", lines)
	checked := 0
	for _, c := range []struct{ theirs, ours, flag string }{
		{"ipw_clip_", "clipped-ips", "--clip"}, {"switch_dr_", "switch-dr", "--switch"}, {"dr_os_", "dr-os", "--shrinkage"},
		{"sg_ipw_", "sg-ips", "--sub-gaussian"}, {"sg_dr_", "sg-dr", "--sub-gaussian"},
	} {
		for name, want := range file.Expect {
			setting, ok := strings.CutPrefix(name, c.theirs)
			if !ok || setting == "inf" {
				continue
			}
			checked++
			r := opeOf(t, "--reward", "r", "--action", "a", "--propensity", "p", "--policy", "new=column:pi_*", "--reward-model", "column:q_*",
				"--estimator", c.ours, c.flag, setting, "--arms", arms(len(file.PiE[0])), path)
			wantNear(t, name, r.value(t, "new", c.ours), want, file.Tol)
		}
	}
	if checked < 12 {
		t.Errorf("%d values checked, want 12", checked)
	}
}

func arms(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return strings.Join(names, ",")
}

// TestOpePublished: a bandit that a daemon has published is a candidate by its name in Redis and by its exported file.
func TestOpePublished(t *testing.T) {
	s, err := sandbox.Start(sandbox.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dir := t.TempDir()
	in := &installation{t: t, config: filepath.Join(dir, "c.yaml"), redis: s.RedisAddr()}
	in.write(in.config, fmt.Sprintf(`
kafka: {brokers: [%q]}
redis: {addrs: [%q], save_interval: 50ms, inbox_interval: 20ms}
admin: {listen: ""}
models:
  offers:
    source: {topic: shown, label: click, arm: offer, probability: p, id: decision}
    learner: {kind: bandit, bandit: {policy: linucb, arms: [low, high]}}
    snapshot: {every: 200, quarantine: 200}
    evaluate: {candidates: [{name: current}, {name: low, arm: low}]}
`, s.Brokers()[0], in.redis))
	// The low offer pays for x below 0, the high one above.
	lines := []string{"decision,x,offer,p,click"}
	for i := range 1200 {
		x, offer, click := math.Sin(float64(i)), "low", 0
		if i%3 == 0 {
			offer = "high"
		}
		if (offer == "high") == (x > 0) {
			click = 1
		}
		lines = append(lines, fmt.Sprintf("d%d,%.3f,%s,%s,%d", i, x, offer, map[string]string{"low": "0.6666666666666667", "high": "0.3333333333333333"}[offer], click))
	}
	log := writeLines(t, "log.csv", lines)
	in.must("load", "-c", in.config, "--topic", "shown", "--partitions", "1", log)
	in.run()
	eventually(t, "a version is published", func() bool {
		list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
		return len(list) == 1 && list[0].Next == 1200
	})
	file := filepath.Join(dir, "offers.slv")
	version := strconv.FormatUint(document[stateReport](in, "snapshot", "show", "offers/0", "-c", in.config).Current.Number, 10)
	// The daemon has evaluated its own candidates on the same decisions.
	candidates := document[stateReport](in, "snapshot", "show", "offers/0", "-c", in.config).Evaluations
	if len(candidates) != 3 || candidates[0].Name != "logged" || candidates[2].Decisions != 1200 {
		t.Fatalf("candidates %+v", candidates)
	}
	if out := in.must("snapshot", "show", "offers/0", "-c", in.config); !strings.Contains(out, "candidates on 1200 decisions") {
		t.Errorf("snapshot show has no candidates: %s", out)
	}
	in.must("snapshot", "export", "offers/0", version, "-o", file, "-c", in.config)
	// Of the one partition there is, the whole model has the same.
	whole := document[evaluationReport](in, "snapshot", "evaluate", "offers", "-c", in.config)
	if diff := cmp.Diff(candidates, whole.Policies); whole.Partitions != 1 || diff != "" {
		t.Errorf("%d partitions: %s", whole.Partitions, diff)
	}
	if out := in.must("snapshot", "evaluate", "offers", "-c", in.config); !strings.Contains(out, "candidates on 1200 decisions") {
		t.Errorf("snapshot evaluate has no candidates: %s", out)
	}

	r := opeOf(t, "-c", in.config, "--policy", "redis=model:offers/0@"+version, "--policy", "file=file:"+file, "--policy", "learning=config",
		"--policy", "always:low", log)
	for _, k := range []string{"ips", "snips", "dr", "cressie-read"} {
		wantNear(t, k+" of the file", r.value(t, "file", k), r.value(t, "redis", k), 0)
		if v := r.value(t, "redis", k); v < 0.9 {
			t.Errorf("%s of the published policy: %v, want 0.9 at least", k, v)
		}
		wantNear(t, k+" of one arm", r.value(t, "always:low", k), 0.5, 0.05)
		// The learner takes some events to find out.
		if v := r.value(t, "learning", k); v < 0.8 || v > r.value(t, "redis", k) {
			t.Errorf("%s of the learning policy: %v, of what it learned %v", k, v, r.value(t, "redis", k))
		}
	}
	for i, name := range []string{"learning", "always:low"} {
		streamed := candidates[i+1].Estimate(ope.IPS)
		wantNear(t, "on the stream and from the file, "+name, *streamed.Value, r.value(t, name, "ips"), 1e-12)
	}
	replayed := in.must("replay", "-c", in.config, log)
	if !strings.Contains(replayed, "candidates on 1200 decisions") {
		t.Errorf("replay shows no candidates: %s", replayed)
	}
	// Without a configuration the schema of the file names the fields.
	bare := opeOf(t, "--policy", "file=file:"+file, log)
	wantNear(t, "by the schema of the file", bare.value(t, "file", "dr"), r.value(t, "file", "dr"), 0)
}

// TestOpeParquet: a Parquet file is a log like any other, with lists of probabilities.
func TestOpeParquet(t *testing.T) {
	type row struct {
		Action string    `parquet:"action"`
		Reward float64   `parquet:"reward"`
		P      float64   `parquet:"p"`
		Pi     []float64 `parquet:"pi,list"`
	}
	path := filepath.Join(t.TempDir(), "log.parquet")
	if err := parquet.WriteFile(path, []row{{"a", 1, 0.5, []float64{1, 0}}, {"b", 0.5, 0.25, []float64{0.5, 0.5}}}); err != nil {
		t.Fatal(err)
	}
	r := opeOf(t, "--reward", "reward", "--action", "action", "--propensity", "p", "--target-prob", "pi", "--policy", "always:b", path)
	wantNear(t, "of the lists", r.value(t, "target", "ips"), (1/0.5+0.5*0.5/0.25)/2, 1e-15)
	wantNear(t, "of one arm", r.value(t, "always:b", "ips"), 0.5/0.25/2, 1e-15)
}

// TestOpeOtherReward: with another reward than the configured one, the configured one is no context: it is known only
// after the decision.
func TestOpeOtherReward(t *testing.T) {
	lines := make([]string, 400)
	for i := range lines {
		click := i / 2 % 2
		lines[i] = fmt.Sprintf(`{"offer": "%s", "p": 0.5, "x": %d, "click": %d, "bought": %d}`, []string{"low", "high"}[i%2], i%7, click, click)
	}
	log := writeLines(t, "log.jsonl", lines)
	config := writeLines(t, "c.yaml", []string{"models:", "  m:",
		"    source: {topic: t, label: click, arm: offer, probability: p}",
		"    learner: {kind: bandit, bandit: {arms: [low, high]}}"})
	r := opeOf(t, "-c", config, "--reward", "bought", "--policy", "uniform", "--estimator", "dm", log)
	e := r.Policies[1].Estimates[0]
	// x tells nothing of the reward: predictions vary with the context only when the click is in it.
	if width := *e.High - *e.Low; width > 0.05 {
		t.Errorf("the interval of the direct method is %v wide: the outcome is in the context", width)
	}
}
