// Package picture is how the pictures of the program and of its studies look: plots with a
// grid, a legend beside them, and colours that everybody can tell apart, as SVG or PNG.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	pictureWidth  = 10 * vg.Inch
	pictureHeight = 5.5 * vg.Inch
	pictureDPI    = 144
)

// Check refuses a file that no picture can be written to.
func Check(path string) error {
	if ext := strings.ToLower(filepath.Ext(path)); path != "" && ext != ".svg" && ext != ".png" {
		return fmt.Errorf("--plot %s: must end in .svg or .png", path)
	}
	return nil
}

// Write writes a plot and its legend to the file that --plot names.
func Write(path string, p *plot.Plot, legend *plot.Legend) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := Render(f, strings.ToLower(filepath.Ext(path)), p, legend); err != nil {
		return fmt.Errorf("--plot %s: %w", path, err)
	}
	return nil
}

// Render writes a picture, the legend beside the plot, in the format of a file extension.
func Render(w io.Writer, ext string, p *plot.Plot, legend *plot.Legend) error {
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	if ext == ".svg" {
		canvas = vgsvg.New(pictureWidth, pictureHeight)
	} else {
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(pictureWidth, pictureHeight), vgimg.UseDPI(pictureDPI))}
	}
	c := draw.New(canvas)
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	const border = vg.Centimeter / 3
	c = draw.Crop(c, border, -border, border, -border)
	aside := legend.Rectangle(c).Size().X + 2*border
	p.Draw(draw.Crop(c, 0, -aside, 0, 0))
	beside := draw.Crop(c, c.Max.X-c.Min.X-aside+border, 0, 0, -vg.Centimeter)
	legend.Draw(beside)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return err
	}
	_, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte(fontName), []byte(fontNames)))
	return err
}

// fontName is the font of an SVG, fontNames are those of the same widths that
// other machines have.
const (
	fontName  = "font-family:Liberation Sans;"
	fontNames = "font-family:Liberation Sans,Arial,Helvetica,sans-serif;"
)

// New returns an empty plot with a grid, and an empty legend to be put beside it.
func New(title string) (*plot.Plot, *plot.Legend) {
	p, legend := plot.New(), plot.NewLegend()
	legend.Top, legend.Left = true, true
	for _, style := range []*text.Style{&legend.TextStyle, &p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Variant = "Sans"
	}
	legend.TextStyle.Font.Size = vg.Points(9)
	legend.Padding = vg.Points(3)
	legend.YPosition = draw.PosCenter
	p.Title.Text = title
	p.Title.TextStyle.Font.Size = vg.Points(12)
	p.Title.Padding = vg.Points(8)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font.Size = vg.Points(10)
		axis.Tick.Label.Font.Size = vg.Points(9)
		axis.Label.Padding = vg.Points(4)
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = Marks(), Marks()
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = Ticks{8}, Ticks{8}
	p.X.Min = 0
	grid := plotter.NewGrid()
	rule := color.RGBA{232, 232, 232, 255}
	grid.Horizontal.Color, grid.Vertical.Color = rule, rule
	p.Add(grid)
	return p, &legend
}
