package deploy_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/streamlearner/streamlearner/pkg/consumer"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	alertsFile    = "prometheus/alerts.yml"
	dashboardFile = "grafana/dashboards/streamlearner.json"
)

type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	decode(t, "deploy/"+alertsFile, &file)
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no alert rules")
	}
	return all
}

// recorded returns the expressions of the recording rules.
func recorded(t *testing.T) (exprs []string) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct{ Record, Expr string }
		}
	}
	decode(t, "deploy/prometheus/rules.yml", &file)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Record == "" {
				t.Errorf("rules.yml: %s is recorded under no name", r.Expr)
			}
			exprs = append(exprs, r.Expr)
		}
	}
	if len(exprs) == 0 {
		t.Fatal("no recording rules")
	}
	return exprs
}

// TestJoinsAreShown: what becomes of decisions and their rewards is on the dashboard, all of it.
func TestJoinsAreShown(t *testing.T) {
	all := strings.Join(dashboardQueries(t), "\n")
	for name := range metrics(t) {
		if strings.HasPrefix(name, "streamlearner_join_") && !strings.Contains(all, name) {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}

// dashboardQueries returns every PromQL expression of the dashboard.
func dashboardQueries(t *testing.T) []string {
	t.Helper()
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Annotations struct {
			List []struct{ Expr string }
		}
	}
	b, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatalf("%s: %v", dashboardFile, err)
	}
	var queries []string
	for _, p := range d.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		queries = append(queries, a.Expr)
	}
	return queries
}

// recorder is a Registerer that keeps what a consumer describes, since most of its series exist only while it owns
// partitions.
type recorder struct{ descriptions []string }

func (r *recorder) Register(c prometheus.Collector) error {
	ch := make(chan *prometheus.Desc, 1000)
	c.Describe(ch)
	close(ch)
	for d := range ch {
		r.descriptions = append(r.descriptions, d.String())
	}
	return nil
}

func (r *recorder) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		_ = r.Register(c)
	}
}

func (r *recorder) Unregister(prometheus.Collector) bool { return false }

// metrics returns the labels of every metric that a consumer and a relay of rewards register, by name.
func metrics(t *testing.T) map[string][]string {
	t.Helper()
	var r recorder
	_, err := consumer.New(
		consumer.Config{
			Connection: consumer.Connection{Brokers: []string{"localhost:9092"}},
			Group:      "streamlearner", Model: "fraud", Topic: "payments",
		},
		consumer.Deps{
			Store:      state.NewMem(),
			New:        func(state.Position) (consumer.Learner, error) { return new(learner.Learner), nil },
			Restore:    func(*state.Snapshot) (consumer.Learner, error) { return new(learner.Learner), nil },
			Registerer: &r,
		})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := consumer.NewRelay(consumer.RelayConfig{Group: "streamlearner", Model: "fraud", From: []string{"labels"}, To: "payments"}, slog.New(slog.DiscardHandler), &r); err != nil {
		t.Fatal(err)
	}
	// Desc{fqName: "streamlearner_mode", help: "...", constLabels: {model="fraud"}, variableLabels: {partition,mode}}
	form := regexp.MustCompile(`fqName: "(\w+)".* constLabels: \{(.*)\}, variableLabels: \{(.*)\}`)
	names := regexp.MustCompile(`(\w+)(?:="[^"]*")?`)
	found := map[string][]string{}
	for _, d := range r.descriptions {
		m := form.FindStringSubmatch(d)
		if m == nil {
			t.Fatalf("cannot read the description %s", d)
		}
		labels := []string{"instance", "job"}
		for _, l := range names.FindAllStringSubmatch(m[2]+","+m[3], -1) {
			labels = append(labels, l[1])
		}
		slices.Sort(labels)
		found[m[1]] = labels
	}
	if len(found) == 0 {
		t.Fatal("the consumer registered no metric")
	}
	return found
}

// metricName drops the suffix that a histogram adds to its name.
func metricName(series string, known map[string][]string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(series, suffix); ok && known[base] != nil {
			return base
		}
	}
	return series
}

func TestQueriesNameRegisteredMetrics(t *testing.T) {
	known := metrics(t)
	series := regexp.MustCompile(`\bstreamlearner_\w+`)
	queries := append(dashboardQueries(t), recorded(t)...)
	for _, a := range alerts(t) {
		queries = append(queries, a.Expr)
	}
	shown := map[string]bool{}
	for _, q := range queries {
		for _, name := range series.FindAllString(q, -1) {
			name = metricName(name, known)
			shown[name] = true
			if known[name] == nil {
				t.Errorf("%s: no such metric is registered, in %s", name, q)
			}
		}
	}
	if len(shown) < 10 {
		t.Errorf("only %d metrics are used by alerts and dashboard", len(shown))
	}
}

func TestQueriesNameRealModesAndStates(t *testing.T) {
	values := map[string][]string{
		"mode":  {learner.Learning.String(), learner.Frozen.String(), learner.Recovering.String()},
		"state": {string(consumer.Claiming), string(consumer.Running), string(consumer.Blocked), string(consumer.Paused)},
	}
	selector := regexp.MustCompile(`\b(mode|state)=~?"([^"]*)"`)
	queries := dashboardQueries(t)
	for _, a := range alerts(t) {
		queries = append(queries, a.Expr)
	}
	found := 0
	for _, q := range queries {
		for _, m := range selector.FindAllStringSubmatch(q, -1) {
			for value := range strings.SplitSeq(m[2], "|") {
				found++
				if !slices.Contains(values[m[1]], value) {
					t.Errorf("%s is never %q: it is one of %v", m[1], value, values[m[1]])
				}
			}
		}
	}
	if found == 0 {
		t.Error("no query looks at a mode or a state")
	}
}

// The tests of the rules prove nothing if their series have other labels than the real ones.
func TestRuleTestsUseTheLabelsOfTheMetrics(t *testing.T) {
	known := metrics(t)
	b, err := os.ReadFile("prometheus/alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	series := regexp.MustCompile(`series: '(streamlearner_\w+)\{([^}]*)\}'`).FindAllStringSubmatch(string(b), -1)
	if len(series) == 0 {
		t.Fatal("the rules' tests have no series")
	}
	label := regexp.MustCompile(`(\w+)="`)
	for _, s := range series {
		var labels []string
		for _, l := range label.FindAllStringSubmatch(s[2], -1) {
			labels = append(labels, l[1])
		}
		slices.Sort(labels)
		if !slices.Equal(labels, known[s[1]]) {
			t.Errorf("%s has labels %v in the rules' tests and %v in reality", s[1], labels, known[s[1]])
		}
	}
	for _, a := range alerts(t) {
		if !strings.Contains(string(b), `alertname="`+a.Alert+`"`) {
			t.Errorf("alert %s has no test in alerts_test.yml", a.Alert)
		}
	}
}

// promtool runs Prometheus' own checker.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("promtool", args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v (make provision installs promtool)\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPrometheusAcceptsItsFiles(t *testing.T) {
	promtool(t, "check", "config", "prometheus/prometheus.yml")
	promtool(t, "test", "rules", "prometheus/alerts_test.yml")
}

func TestPrometheusAcceptsTheDashboardsQueries(t *testing.T) {
	var rules []map[string]string
	for i, q := range dashboardQueries(t) {
		rules = append(rules, map[string]string{"record": fmt.Sprintf("dashboard:query:%d", i), "expr": q})
	}
	b, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

func TestAlertsTellWhatToDo(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "docs", "runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			headings[strings.ToLower(title)] = true
		}
	}
	seen := map[string]bool{}
	for _, a := range alerts(t) {
		if seen[a.Alert] {
			t.Errorf("%s is defined twice", a.Alert)
		}
		seen[a.Alert] = true
		if s := a.Labels["severity"]; s != "info" && s != "warning" && s != "critical" {
			t.Errorf("%s: severity %q, want info, warning or critical", a.Alert, s)
		}
		for _, annotation := range []string{"summary", "description", "runbook_url"} {
			if a.Annotations[annotation] == "" {
				t.Errorf("%s has no %s", a.Alert, annotation)
			}
		}
		page, anchor, _ := strings.Cut(a.Annotations["runbook_url"], "#")
		if !strings.HasSuffix(page, "/docs/runbook.md") || !headings[anchor] {
			t.Errorf("%s: docs/runbook.md has no section %q", a.Alert, anchor)
		}
	}
}
