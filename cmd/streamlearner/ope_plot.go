package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/streamlearner/streamlearner/internal/picture"
)

// intervals are points with the ends of their intervals.
type intervals struct {
	plotter.XYs
	plotter.YErrors
}

// draw writes the picture that --plot asks for: the estimates of every candidate with their intervals, side by side.
func (r *opeReport) draw(path string) error {
	if path == "" {
		return nil
	}
	names := make([]string, len(r.Files))
	for i, f := range r.Files {
		names[i] = filepath.Base(f)
	}
	p, legend := picture.New(strings.Join(names, ", "))
	p.Y.Label.Text = fmt.Sprintf("estimated reward, %.4g%% intervals", 100*(1-r.Alpha))
	p.X.Min, p.X.Max = -0.5, float64(len(r.Policies))-0.5
	var ticks plot.ConstantTicks
	for i, policy := range r.Policies {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: cutName(policy.Name, 120/max(1, len(r.Policies)))})
	}
	p.X.Tick.Marker = ticks
	p.Y.Min, p.Y.Max = r.heights()
	low, high := p.Y.Min, p.Y.Max
	for k := range r.estimators {
		points := r.points(k)
		if len(points.XYs) == 0 {
			continue
		}
		style := draw.GlyphStyle{Color: palette[k%named], Radius: vg.Points(3), Shape: draw.CircleGlyph{}}
		if k >= named {
			style.Shape = draw.BoxGlyph{}
		}
		dots, err := plotter.NewScatter(points)
		if err != nil {
			return fmt.Errorf("--plot %s: %w", path, err)
		}
		dots.GlyphStyle = style
		bars, err := plotter.NewYErrorBars(points)
		if err != nil {
			return fmt.Errorf("--plot %s: %w", path, err)
		}
		bars.LineStyle = draw.LineStyle{Color: style.Color, Width: vg.Points(1.2)}
		p.Add(bars, dots)
		legend.Add(r.estimators[k].String(), picture.Badge{Style: style})
	}
	p.Y.Min, p.Y.Max = low, high // adding may have widened them
	return picture.Write(path, p, legend)
}

// heights bounds the vertical axis: one interval far wider than most must not flatten the others.
func (r *opeReport) heights() (lo, hi float64) {
	var values, halves, ends []float64
	for _, p := range r.Policies {
		for _, x := range p.Estimates {
			if x.Value == nil {
				continue
			}
			values = append(values, *x.Value)
			if x.Low != nil {
				halves, ends = append(halves, (*x.High-*x.Low)/2), append(ends, *x.Low, *x.High)
			}
		}
	}
	if len(values) == 0 {
		return 0, 1
	}
	slices.Sort(halves)
	const room = 4 // typical half-widths beside the outermost estimates
	lo, hi = slices.Min(values), slices.Max(values)
	if n := len(halves); n > 0 {
		lo = max(lo-room*halves[n/2], min(lo, slices.Min(ends)))
		hi = min(hi+room*halves[n/2], max(hi, slices.Max(ends)))
	}
	return lo - max((hi-lo)/20, 1e-12), hi + max((hi-lo)/20, 1e-12)
}

// points are the estimates by one estimator, beside those by the others.
func (r *opeReport) points(k int) (out intervals) {
	const width = 0.6 // that the estimates of a candidate take
	shift := width * ((float64(k)+0.5)/float64(len(r.estimators)) - 0.5)
	for i, p := range r.Policies {
		if len(p.Estimates) == 0 || p.Estimates[k].Value == nil {
			continue
		}
		x := p.Estimates[k]
		out.XYs = append(out.XYs, plotter.XY{X: float64(i) + shift, Y: *x.Value})
		low, high := *x.Value, *x.Value
		if x.Low != nil {
			low, high = *x.Low, *x.High
		}
		out.YErrors = append(out.YErrors, struct{ Low, High float64 }{low - *x.Value, high - *x.Value})
	}
	return out
}
