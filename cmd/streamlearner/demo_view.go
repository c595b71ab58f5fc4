package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/streamlearner/streamlearner/internal/sandbox"
)

// demoView tells the story of the demo. On a terminal a table of the
// partitions stays below the story; elsewhere a line a partition is printed
// every few seconds.
type demoView struct {
	d    *daemon
	out  io.Writer
	json bool
	live bool // out is a terminal that is wide enough for the table
	o    demoOptions

	intro string

	mu      sync.Mutex
	started time.Time
	elapsed time.Duration
	last    []partitionStatus
	fed     map[int32]uint64    // at the sample before
	rate    map[int32]float64   // events a second
	losses  map[int32][]float64 // newest last
	pending []string            // lines of the story that are not printed yet
	drawn   int                 // lines of the table on the terminal
}

const (
	tableWidth    = 110
	sparkWidth    = 24
	evidenceWidth = 10
	plainEvery    = 4 // samples between two plain reports
)

func newDemoView(d *daemon, o demoOptions, out io.Writer, servers *sandbox.Sandbox) *demoView {
	v := &demoView{
		d: d, out: out, o: o, json: o.json, live: !o.json && terminalWidth(out) >= tableWidth, started: time.Now(),
		fed: map[int32]uint64{}, rate: map[int32]float64{}, losses: map[int32][]float64{},
	}
	redisPort := servers.RedisAddr()[strings.LastIndexByte(servers.RedisAddr(), ':')+1:]
	v.intro = fmt.Sprintf(`streamlearner demo: card payments with fraud labels, %d partitions, one learner each

  Kafka   %s   kcat -C -b %s -t %s -c 3
  Redis   %s   redis-cli -p %s get 'sl:{fraud/0}:current'
  browser http://%s/

The guard calibrates on its first 15,000 events. Then the labels are poisoned, and later the concept changes for good.

`, o.partitions, servers.Brokers()[0], servers.Brokers()[0], demoTopic, servers.RedisAddr(), redisPort, d.admin.Addr())
	return v
}

// announced tells what is done to the stream.
func (v *demoView) announced(what string) { v.add("stream     ", what) }

// happened tells what the daemon did.
func (v *demoView) happened(h happening) {
	said := h.Text
	if mode, rest, ok := strings.Cut(said, " "); ok && v.live {
		said = coloured(mode) + " " + rest
	}
	v.add(fmt.Sprintf("partition %d", h.Partition), said)
	if len(h.Moved) > 0 {
		v.add("           ", "moved: "+strings.Join(h.Moved[:min(2, len(h.Moved))], "; "))
	}
}

func (v *demoView) add(who, what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pending = append(v.pending, fmt.Sprintf("%6.1f s  %s  %s", time.Since(v.started).Seconds(), who, what))
}

// Run samples and draws until ctx ends.
func (v *demoView) Run(ctx context.Context) error {
	if !v.json {
		fmt.Fprint(v.out, v.intro)
	}
	tick := time.NewTicker(demoSampleTime)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			v.sample()
			v.draw(true)
			return nil
		case <-tick.C:
			v.sample()
			v.draw(v.live || n%plainEvery == 0)
		}
	}
}

// sample looks at the partitions. A process that is ending has none any more:
// then the last look stands.
func (v *demoView) sample() {
	models := v.d.status().Models
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(models) == 0 || len(models[0].Partitions) == 0 {
		return
	}
	now := time.Since(v.started)
	seconds := (now - v.elapsed).Seconds()
	v.last, v.elapsed = models[0].Partitions, now
	for i := range v.last {
		p := &v.last[i]
		if before, ok := v.fed[p.Partition]; ok && seconds > 0.1 {
			v.rate[p.Partition] = float64(p.Fed-before) / seconds
		}
		v.fed[p.Partition] = p.Fed
		l := append(v.losses[p.Partition], p.Loss)
		v.losses[p.Partition] = l[max(0, len(l)-sparkWidth):]
	}
}

// draw prints the new lines of the story and, with report, the partitions.
func (v *demoView) draw(report bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.json {
		v.pending = v.pending[:0]
		return
	}
	var b strings.Builder
	if v.live && v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", v.drawn) // up over the old table, and clear it
		v.drawn = 0
	}
	for _, line := range v.pending {
		b.WriteString(line + "\n")
	}
	v.pending = v.pending[:0]
	if report && len(v.last) > 0 {
		t := v.table()
		if v.live {
			v.drawn = strings.Count(t, "\n")
		}
		b.WriteString(t)
	}
	_, _ = io.WriteString(v.out, b.String()) // a closed terminal ends the demo by its signal
}

func (v *demoView) table() string {
	if !v.live {
		var b strings.Builder
		for i := range v.last {
			p := &v.last[i]
			fmt.Fprintf(&b, "%6.1f s  partition %d  %-10s %8d events  %6.0f/s  loss %.3f  evidence %s  serves version %d\n",
				v.elapsed.Seconds(), p.Partition, p.Mode, p.Fed, v.rate[p.Partition], p.Loss, evidence(p), p.Published)
		}
		return b.String()
	}
	t := table.NewWriter()
	style := table.StyleRounded
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.AppendHeader(table.Row{"partition", "mode", "events", "per s", "refused", "loss", "of the last 12 s", "evidence", "serves"})
	for i := range v.last {
		p := &v.last[i]
		refused := uint64(0)
		for _, n := range p.Rejected {
			refused += n
		}
		t.AppendRow(table.Row{
			p.Partition, coloured(fmt.Sprintf("%-10s", p.Mode)), p.Fed, fmt.Sprintf("%.0f", v.rate[p.Partition]), refused,
			fmt.Sprintf("%.3f", p.Loss), spark(v.losses[p.Partition]), evidence(p), p.Published,
		})
	}
	return t.Render() + "\n"
}

// coloured marks a mode as a traffic light does.
func coloured(mode string) string {
	switch strings.TrimSpace(strings.ToLower(mode)) {
	case "learning":
		return text.FgGreen.Sprint(mode)
	case "recovering":
		return text.FgYellow.Sprint(mode)
	}
	return text.FgRed.Sprint(mode)
}

// evidence draws the detector's value on a logarithmic scale; full is an alarm.
func evidence(p *partitionStatus) string {
	if !p.Armed {
		return "not armed "
	}
	filled := int(evidenceWidth * math.Log1p(p.Statistic) / math.Log1p(p.Threshold))
	filled = max(0, min(evidenceWidth, filled))
	return strings.Repeat("█", filled) + strings.Repeat("·", evidenceWidth-filled)
}

// spark draws values as a line of block characters, from 0 to the greatest.
func spark(values []float64) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	top := 0.
	for _, x := range values {
		top = max(top, x)
	}
	var b strings.Builder
	for _, x := range values {
		i := 0
		if top > 0 {
			i = min(len(blocks)-1, int(x/top*float64(len(blocks))))
		}
		b.WriteRune(blocks[i])
	}
	return b.String() + strings.Repeat(" ", sparkWidth-len(values))
}
