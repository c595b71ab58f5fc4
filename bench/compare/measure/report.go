package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is the document of -json.
type report struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Load      string `json:"load_average"` // before the first run and after the last
	Events    int    `json:"events"`
	Runs      int    `json:"runs"`
	Rows      []row  `json:"rows"`
}

// row is one contender. Rates are events per second.
type row struct {
	Name    string  `json:"name"`
	Input   string  `json:"input"`
	Cores   int     `json:"cores"`
	Events  int     `json:"events"`
	Min     float64 `json:"events_per_second_min"`
	Median  float64 `json:"events_per_second_median"`
	Max     float64 `json:"events_per_second_max"`
	PerCPU  float64 `json:"events_per_cpu_second"` // median; other programs disturb it less
	Ratio   float64 `json:"ratio"`                 // to vw reading JSON: median of the ratios of each round; 0 without it
	LogLoss float64 `json:"log_loss"`
	Peak    float64 `json:"peak_mib"`
}

// summarise makes the row of a contender from its runs. reference are the runs
// of Vowpal Wabbit reading JSON, of the same rounds; it may be empty.
func summarise(c contender, runs, reference []outcome) row {
	var rates, perCPU, ratios []float64
	out := row{Name: c.name, Input: c.input, Cores: len(c.commands), Events: runs[0].Events, LogLoss: runs[0].LogLoss}
	for i, o := range runs {
		rates = append(rates, float64(o.Events)/o.Seconds)
		perCPU = append(perCPU, float64(o.Events)/o.CPU)
		if len(reference) > 0 {
			ratios = append(ratios, rates[i]/(float64(reference[i].Events)/reference[i].Seconds))
		}
		out.Peak = max(out.Peak, o.peak)
	}
	out.Min, out.Median, out.Max = slices.Min(rates), median(rates), slices.Max(rates)
	out.PerCPU, out.Ratio = median(perCPU), median(ratios)
	return out
}

// median returns the middle of the values, and 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func (r *report) print(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d cores; load average %s\n", r.Processor, r.Cores, r.Load)
	fmt.Fprintf(w, "%d events, %d runs in turns; thousands of events per second\n\n", r.Events, r.Runs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "learner\tinput\tcores\tmin\tmedian\tmax\tper CPU s\tx "+vwJSON+"\tlog loss\tpeak MiB")
	for _, o := range r.Rows {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%.4f\t%.0f\n",
			o.Name, o.Input, o.Cores, o.Min/1e3, o.Median/1e3, o.Max/1e3, o.PerCPU/1e3, o.Ratio, o.LogLoss, o.Peak)
	}
	return t.Flush()
}

// processor returns the model of the processor and the number of cores.
func processor() (string, int) {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor", runtime.NumCPU()
	}
	defer func() { _ = f.Close() }() // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value), runtime.NumCPU()
		}
	}
	return "unknown processor", runtime.NumCPU()
}

// loadAverage returns the mean number of busy processes over the last minute.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
