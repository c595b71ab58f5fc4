package picture

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours is how many colours there are for curves.
const Colours = 8

// Palette is that of Okabe and Ito (2008), which people with any colour vision
// can tell apart, without its yellow, which is faint on white.
func Palette() [Colours]color.RGBA {
	return [Colours]color.RGBA{
		{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
		{86, 180, 233, 255}, {230, 159, 0, 255}, {0, 0, 0, 255}, {128, 80, 30, 255},
	}
}

// Marks is the colour of axes, and of marks that belong to no curve.
func Marks() color.Color { return color.RGBA{90, 90, 90, 255} }

// Swatch is a line in the legend.
type Swatch struct{ Color color.Color }

// Thumbnail draws the line.
func (s Swatch) Thumbnail(c *draw.Canvas) {
	y := c.Center().Y
	c.StrokeLine2(draw.LineStyle{Color: s.Color, Width: vg.Points(1)}, c.Min.X, y, c.Max.X, y)
}

// Badge is a mark in the legend.
type Badge struct{ Style draw.GlyphStyle }

// Thumbnail draws the mark.
func (b Badge) Thumbnail(c *draw.Canvas) { c.DrawGlyph(b.Style, c.Center()) }
