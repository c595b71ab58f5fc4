package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
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
	p, legend := newPicture(strings.Join(names, ", "))
	p.Y.Label.Text = fmt.Sprintf("estimated reward, %.4g%% intervals", 100*(1-r.Alpha))
	p.X.Min, p.X.Max = -0.5, float64(len(r.Policies))-0.5
	var ticks plot.ConstantTicks
	for i, policy := range r.Policies {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: cutName(policy.Name, 120/max(1, len(r.Policies)))})
	}
	p.X.Tick.Marker = ticks
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
		legend.Add(r.estimators[k].String(), badge{style})
	}
	return writePicture(path, p, legend)
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
