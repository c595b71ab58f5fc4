package main

import (
	"fmt"
	"image/color"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/streamlearner/streamlearner/internal/picture"
)

// mostWindows is how many points a plotted column has; a longer one is drawn
// by the means of windows, between their least and largest values.
const mostWindows = 250

var (
	alarmColor   = palette[1]
	warningColor = color.RGBA{255, 236, 179, 255}
	spreadColor  = color.RGBA{205, 225, 240, 255}
)

// draw writes the picture that --plot asks for.
func (r *driftReport) draw(path, file, column string) error {
	if path == "" {
		return nil
	}
	p, legend := picture.New(fmt.Sprintf("%s: %s over %s", filepath.Base(file), r.Detector, column))
	p.X.Label.Text = "record"
	p.Y.Label.Text = column
	v := columnView{p: p, legend: legend, window: (len(r.values) + mostWindows - 1) / mostWindows}
	if v.window > 1 {
		p.Y.Label.Text = fmt.Sprintf("%s, mean of %s records", column, picture.Group(float64(v.window)))
	}
	v.scale(r.values)
	if err := v.warnings(r.Warnings); err != nil {
		return err
	}
	if err := v.values(r.values); err != nil {
		return err
	}
	if err := v.alarms(r.Alarms); err != nil {
		return err
	}
	return picture.Write(path, p, legend)
}

// columnView is a picture of a column in the making.
type columnView struct {
	p      *plot.Plot
	legend *plot.Legend
	window int // values a point
}

// scale sets the axes.
func (v *columnView) scale(xs []float64) {
	v.p.X.Max = float64(max(len(xs)-1, 1))
	lo, hi := 0.0, 1.0
	if len(xs) > 0 {
		lo, hi = xs[0], xs[0]
	}
	for _, x := range xs {
		lo, hi = min(lo, x), max(hi, x)
	}
	if lo == hi {
		lo, hi = lo-0.5, hi+0.5
	}
	v.p.Y.Min, v.p.Y.Max = lo-(hi-lo)/20, hi+(hi-lo)/20
}

// values draws the column.
func (v *columnView) values(xs []float64) error {
	if len(xs) == 0 {
		return nil
	}
	var mean, low, high plotter.XYs
	for i := 0; i < len(xs); i += v.window {
		part := xs[i:min(i+v.window, len(xs))]
		sum, lo, hi := 0.0, part[0], part[0]
		for _, x := range part {
			sum += x
			lo, hi = min(lo, x), max(hi, x)
		}
		at := float64(i) + float64(len(part)-1)/2
		mean = append(mean, plotter.XY{X: at, Y: sum / float64(len(part))})
		low, high = append(low, plotter.XY{X: at, Y: lo}), append(high, plotter.XY{X: at, Y: hi})
	}
	if v.window > 1 {
		for i := len(low) - 1; i >= 0; i-- {
			high = append(high, low[i])
		}
		if err := v.area(high, spreadColor); err != nil {
			return err
		}
		v.legend.Add("least to largest", picture.Swatch{Color: spreadColor})
	}
	line, err := plotter.NewLine(mean)
	if err != nil {
		return err
	}
	line.Color, line.Width = palette[0], vg.Points(1)
	v.p.Add(line)
	v.legend.Add("value", line)
	return nil
}

// warnings shades the records at which the detector warns.
func (v *columnView) warnings(at []int) error {
	const narrowest = 1.0 / 1_500 // of the picture, to be seen at all
	for _, s := range spans(at) {
		from, to := float64(s[0])-0.5, float64(s[1])+0.5
		to = max(to, from+v.p.X.Max*narrowest)
		if err := v.area(plotter.XYs{
			{X: from, Y: v.p.Y.Min}, {X: from, Y: v.p.Y.Max}, {X: to, Y: v.p.Y.Max}, {X: to, Y: v.p.Y.Min},
		}, warningColor); err != nil {
			return err
		}
	}
	if len(at) > 0 {
		v.legend.Add(fmt.Sprintf("warning (%d)", len(at)), picture.Swatch{Color: warningColor})
	}
	return nil
}

// alarms draws a line at every alarm.
func (v *columnView) alarms(at []int) error {
	for i, n := range at {
		line, err := plotter.NewLine(plotter.XYs{{X: float64(n), Y: v.p.Y.Min}, {X: float64(n), Y: v.p.Y.Max}})
		if err != nil {
			return err
		}
		line.Color, line.Width = alarmColor, vg.Points(1.4)
		v.p.Add(line)
		if i == 0 {
			v.legend.Add(fmt.Sprintf("alarm (%d)", len(at)), line)
		}
	}
	return nil
}

func (v *columnView) area(outline plotter.XYs, c color.Color) error {
	a, err := plotter.NewPolygon(outline)
	if err != nil {
		return err
	}
	a.Color, a.LineStyle.Width = c, 0
	v.p.Add(a)
	return nil
}
