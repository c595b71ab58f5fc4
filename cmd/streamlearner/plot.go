package main

import (
	"fmt"
	"image/color"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/streamlearner/streamlearner/internal/picture"
	"github.com/streamlearner/streamlearner/internal/tune"
)

// drawn is one loss curve.
type drawn struct {
	label   string
	account *tune.Account
	dropped bool // the curve ends where the configuration was dropped
}

const (
	mostPoints   = 120             // windows of a curve, where there are few curves
	fewestPoints = 50              // where there are many, which would hide each other
	named        = picture.Colours // curves that have a colour and a place in the legend
)

var (
	palette = picture.Palette()
	faint   = color.RGBA{200, 200, 200, 255} // curves without a name
)

// draw writes the picture that --plot asks for. what is the figure of the curves.
func (in *replayInput) draw(what string, curves []drawn) error {
	if in.plot == "" {
		return nil
	}
	p, legend, err := lossPicture(in.title(), what, curves)
	if err != nil {
		return fmt.Errorf("--plot %s: %w", in.plot, err)
	}
	return picture.Write(in.plot, p, legend)
}

// title names the files.
func (in *replayInput) title() string {
	names := make([]string, len(in.files))
	for i, path := range in.files {
		if names[i] = filepath.Base(path); path == "-" {
			names[i] = "standard input"
		}
	}
	return strings.Join(names, ", ")
}

// lossPicture composes the plot of loss curves and its legend.
func lossPicture(title, what string, curves []drawn) (*plot.Plot, *plot.Legend, error) {
	p, legend := picture.New(title)
	v := &view{p: p, legend: legend}
	for i := range curves {
		v.window = max(v.window, curves[i].account.Curve.Window(max(fewestPoints, mostPoints-10*(len(curves)-1))))
	}
	// The best ones last, on top of the others.
	for i := len(curves) - 1; i >= 0; i-- {
		if err := v.curve(i, &curves[i]); err != nil {
			return nil, nil, err
		}
	}
	v.describe(len(curves))
	v.labels(what)
	return p, legend, nil
}

// view is a picture in the making.
type view struct {
	p      *plot.Plot
	legend *plot.Legend
	lines  [named]*plotter.Line // of the first curves
	names  [named]string
	window uint64    // events; the same for all curves
	means  []float64 // all that is drawn
	frozen bool
	cut    bool
}

// curve draws one curve with its marks.
func (v *view) curve(i int, d *drawn) error {
	points := d.account.Curve.Points(v.window)
	if len(points) == 0 {
		return nil
	}
	xy := make(plotter.XYs, len(points))
	for k, pt := range points {
		xy[k] = plotter.XY{X: float64(pt.Event), Y: pt.Mean}
		v.means = append(v.means, pt.Mean)
		v.p.X.Max = max(v.p.X.Max, float64(pt.Event))
	}
	line, err := plotter.NewLine(xy)
	if err != nil {
		return err
	}
	line.Color, line.Width = faint, vg.Points(1)
	if i < named {
		line.Color, line.Width = palette[i], vg.Points(1.6)
		v.lines[i], v.names[i] = line, d.label
	}
	v.p.Add(line)
	if len(xy) == 1 { // a line needs two
		if err := v.mark(xy, draw.CircleGlyph{}, line.Color); err != nil {
			return err
		}
	}
	if d.dropped {
		v.cut = true
		if err := v.mark(xy[len(xy)-1:], draw.CrossGlyph{}, line.Color); err != nil {
			return err
		}
	}
	return v.freezes(xy, d, line.Color)
}

// freezes marks where a curve stands when the guard freezes the learner.
func (v *view) freezes(xy plotter.XYs, d *drawn, c color.Color) error {
	var at plotter.XYs
	for _, f := range d.account.Freezes {
		x := float64(f.Event)
		at = append(at, plotter.XY{X: x, Y: height(xy, x)})
	}
	if len(at) == 0 {
		return nil
	}
	v.frozen = true
	return v.mark(at, draw.PyramidGlyph{}, c)
}

// height is where a line stands at x.
func height(xy plotter.XYs, x float64) float64 {
	k := slices.IndexFunc(xy, func(p plotter.XY) bool { return p.X >= x })
	switch {
	case k < 0:
		return xy[len(xy)-1].Y
	case k == 0:
		return xy[0].Y
	}
	a, b := xy[k-1], xy[k]
	return a.Y + (b.Y-a.Y)*(x-a.X)/(b.X-a.X)
}

func (v *view) mark(at plotter.XYs, shape draw.GlyphDrawer, c color.Color) error {
	s, err := plotter.NewScatter(at)
	if err != nil {
		return err
	}
	s.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(4.5), Shape: shape}
	v.p.Add(s)
	return nil
}

// describe fills the legend.
func (v *view) describe(curves int) {
	for i, line := range v.lines {
		if line != nil {
			v.legend.Add(v.names[i], line)
		}
	}
	if curves > named {
		v.legend.Add(fmt.Sprintf("%d others", curves-named), picture.Swatch{Color: faint})
	}
	for _, m := range []struct {
		on    bool
		name  string
		shape draw.GlyphDrawer
	}{{v.frozen, "freeze", draw.PyramidGlyph{}}, {v.cut, "dropped", draw.CrossGlyph{}}} {
		if m.on {
			v.legend.Add(m.name, picture.Badge{Style: draw.GlyphStyle{Color: picture.Marks(), Radius: vg.Points(4.5), Shape: m.shape}})
		}
	}
}

// labels names the axes and bounds the vertical one: a few bad windows at the
// beginning must not flatten all the rest.
func (v *view) labels(what string) {
	v.p.X.Label.Text = "events"
	v.p.Y.Label.Text = fmt.Sprintf("%s, mean of %s events", what, picture.Group(float64(v.window)))
	if len(v.means) == 0 {
		return
	}
	slices.Sort(v.means)
	lo, hi := v.means[0], v.means[len(v.means)-1]
	if most := v.means[(len(v.means)-1)*98/100]; hi-lo > 2*(most-lo) && most > lo {
		hi = most + (most-lo)/4
	}
	if hi == lo {
		lo, hi = lo-0.5, hi+0.5
	}
	v.p.Y.Min, v.p.Y.Max = lo-(hi-lo)/20, hi+(hi-lo)/20
}
