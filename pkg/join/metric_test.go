package join

import (
	"slices"
	"testing"
)

// metricsOf closes what is due and returns the metrics of the only decision.
func metricsOf(t *testing.T, j *Join, at int64) (out []Metric) {
	t.Helper()
	j.Advance(at)
	e := j.Close()
	if e == nil {
		t.Fatal("nothing closes")
	}
	for i := range e.Metrics() {
		out = append(out, e.Metric(i))
	}
	if j.Close(); e.Metrics() != 0 {
		t.Errorf("%d metrics of a decision that was closed", e.Metrics())
	}
	return out
}

// Of every metric the newest value counts, in whatever order rewards come, before or after their decision.
func TestMetrics(t *testing.T) {
	type record struct {
		time    int64
		metrics []Metric
	}
	records := []record{{1010, []Metric{{7, 100}, {3, 1}}}, {1050, []Metric{{7, 250}}}, {1030, []Metric{{7, 900}, {9, 4}}}}
	for _, decision := range []int{0, 2, 3} {
		j := start(t, config())
		for i := range 4 {
			if i == decision {
				j.decideAt("a", 1000)
			}
			if i < 3 {
				if _, v := j.Reward([]byte("a"), []byte{byte(i)}, records[i].time, 1, records[i].metrics); v != Taken {
					t.Fatalf("verdict %d", v)
				}
			}
		}
		again, err := Open(first(j.AppendBinary(nil)))
		if err != nil {
			t.Fatal(err)
		}
		want := []Metric{{3, 1}, {7, 250}, {9, 4}}
		for _, j := range []*Join{j, again} {
			if got := metricsOf(t, j, 5000); !slices.Equal(got, want) {
				t.Errorf("decision after %d rewards: %v, want %v", decision, got, want)
			}
		}
	}
}

// What was told after the window of a decision that came later is no metric of it, as it is no reward of it.
func TestMetricsOutsideOfTheWindow(t *testing.T) {
	j := start(t, config())
	j.Reward([]byte("a"), nil, 1000+config().Window+1, 1, []Metric{{7, 100}})
	j.decideAt("a", 1000)
	if got := metricsOf(t, j, 5000); len(got) > 0 {
		t.Errorf("metrics %v", got)
	}
}

func first(b []byte, _ error) []byte { return b }
