package main

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/streamlearner/streamlearner/internal/picture"
)

// pair is a stationary stream and a change of it: a detector is worth something where it is quiet
// on the one and finds the other.
type pair struct{ calm, change string }

// pairs are those of the picture: the same change on streams of all sorts.
func pairs() []pair {
	return []pair{
		{"independent", "rotation of 60 degrees"},
		{"correlation .5", "correlation .5: rotation of 60 degrees"},
		{"correlation .9", "correlation .9: rotation of 60 degrees"},
		{"AR .9, square missing", "AR .9: rotation of 60 degrees"},
		{"AR .98, square missing", "AR .98: rotation of 60 degrees"},
	}
}

const (
	fewestAlarms = 0.02 // where no false alarm is drawn, on a logarithmic axis
	mostAlarms   = 200
	fewestEvents = 30
	mostEvents   = 20_000 // where a change is drawn that fewer than half of the runs found
	missed       = 14_000
	budget       = 1 // false freezes per 100,000 events that the guard's default allows
)

// drawStudy draws the delays of detectors against their false alarms, from the rows that the tables are made of.
func drawStudy(path string, rows []row) error {
	p, legend := picture.New("How soon a rotation of 60 degrees is found, and how often there was none")
	p.X.Label.Text = "false alarms per 100\u202f000 events on the stream without the change"
	p.Y.Label.Text = "events until half of the runs had found the change"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = math.Log10(fewestAlarms*0.8), math.Log10(mostAlarms), math.Log10(fewestEvents), math.Log10(mostEvents)
	p.X.Tick.Marker = logTicks(map[float64]string{fewestAlarms: "none", 0.1: "0.1", 1: "1", 10: "10", 100: "100"})
	p.Y.Tick.Marker = logTicks(map[float64]string{30: "30", 100: "100", 300: "300", 1_000: "1\u202f000", 3_000: "3\u202f000", missed: "not found"})
	allowed, err := plotter.NewLine(plotter.XYs{{X: math.Log10(budget), Y: p.Y.Min}, {X: math.Log10(budget), Y: p.Y.Max}})
	if err != nil {
		return err
	}
	allowed.Color, allowed.Dashes = picture.Marks(), []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(allowed)
	var names []string
	for _, r := range rows {
		if !slices.Contains(names, r.Detector) {
			names = append(names, r.Detector)
		}
	}
	shapes := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}, draw.PlusGlyph{}, draw.CrossGlyph{}}
	drawn := 0
	for i := len(names) - 1; i >= 0; i-- { // the guard, which is first, on top
		n, err := drawDetector(p, rows, names[i], picture.Palette()[i%picture.Colours], shapes)
		if err != nil {
			return err
		}
		drawn += n
	}
	if drawn == 0 {
		return fmt.Errorf("%s: none of the cases of the picture was run, such as %q", path, pairs()[0].change)
	}
	for i, name := range names {
		legend.Add(name, picture.Swatch{Color: picture.Palette()[i%picture.Colours]})
	}
	legend.Add("allowed by default", allowed)
	for i, c := range pairs() {
		legend.Add(c.calm, picture.Badge{Style: draw.GlyphStyle{Color: picture.Marks(), Radius: vg.Points(4), Shape: shapes[i]}})
	}
	return picture.Write(path, p, legend)
}

// logTicks are labels at the logarithms of numbers: plot.LogScale leaves room for labels in the wrong places.
func logTicks(labels map[float64]string) plot.ConstantTicks {
	var out plot.ConstantTicks
	for x, label := range labels {
		out = append(out, plot.Tick{Value: math.Log10(x), Label: label})
	}
	slices.SortFunc(out, func(a, b plot.Tick) int { return cmp.Compare(a.Value, b.Value) })
	return out
}

// drawDetector draws the pairs of one detector, joined in their order, and returns how many there are.
func drawDetector(p *plot.Plot, rows []row, name string, c color.Color, shapes []draw.GlyphDrawer) (int, error) {
	find := func(of string) *row {
		i := slices.IndexFunc(rows, func(r row) bool { return r.Detector == name && r.Case == of })
		if i < 0 {
			return nil
		}
		return &rows[i]
	}
	var points plotter.XYs
	for i, pair := range pairs() {
		quiet, found := find(pair.calm), find(pair.change)
		if quiet == nil || found == nil {
			continue
		}
		at := plotter.XY{X: math.Log10(math.Max(quiet.Rate, fewestAlarms)), Y: math.Log10(missed)}
		if found.Median > 0 {
			at.Y = math.Log10(float64(found.Median))
		}
		points = append(points, at)
		s, err := plotter.NewScatter(plotter.XYs{at})
		if err != nil {
			return 0, err
		}
		s.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(4), Shape: shapes[i]}
		p.Add(s)
	}
	if len(points) < 2 {
		return len(points), nil
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return 0, err
	}
	line.Color, line.Width = c, vg.Points(0.7)
	p.Add(line)
	return len(points), nil
}
