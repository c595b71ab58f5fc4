package main

import (
	"math"
	"strings"
	"testing"
)

func TestSummarise(t *testing.T) {
	c := contender{name: "x", commands: [][]string{nil, nil}}
	run := func(seconds, cpu float64) outcome {
		return outcome{Events: 600, LogLoss: 0.25, Seconds: seconds, CPU: cpu, peak: seconds}
	}
	runs := []outcome{run(1, 1), run(3, 2), run(2, 3)}
	reference := []outcome{run(2, 1), run(3, 1), run(8, 1)}
	want := row{
		Name: "x", Cores: 2, Events: 600, Min: 200, Median: 300, Max: 600, PerCPU: 300,
		Ratio: 2, LogLoss: 0.25, Peak: 3, // the ratios of the rounds are 2, 1 and 4
	}
	if got := summarise(c, runs, reference); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := summarise(c, runs, nil); got.Ratio != 0 {
		t.Errorf("ratio %v without a reference, want 0", got.Ratio)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 5}, 5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

func TestDecodeReplayRefusesEventsThatWereNotLearned(t *testing.T) {
	got, err := decodeReplay([]byte(`{"events":4,"learned":4,"metrics":{"log_loss":0.5}}`))
	if err != nil || got.Events != 4 || got.LogLoss != 0.5 {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = decodeReplay([]byte(`{"events":4,"learned":3,"metrics":{"log_loss":0.5}}`))
	if err == nil || !strings.Contains(err.Error(), "3 of 4") {
		t.Errorf("error %v, want one that says 3 of 4", err)
	}
}

// TestRunSums runs two processes at once and adds up what they say.
func TestRunSums(t *testing.T) {
	say := func(text string) []string { return []string{"echo", text} }
	c := contender{name: "x", decode: decodeScript, commands: [][]string{
		say(`{"events":100,"log_loss":0.5,"seconds":2,"cpu_seconds":1}`),
		say(`{"events":300,"log_loss":0.1,"seconds":1,"cpu_seconds":0.5}`),
	}}
	got, err := c.run([]string{"0", "0"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Events != 400 || got.Seconds != 2 || got.CPU != 1.5 || math.Abs(got.LogLoss-0.2) > 1e-12 {
		t.Errorf("got %+v", got)
	}
	c.commands[1] = say(`{"events":0}`)
	if _, err := c.run([]string{"0", "0"}); err == nil || !strings.Contains(err.Error(), "learned nothing") {
		t.Errorf("error %v, want one that says that nothing was learned", err)
	}
}
