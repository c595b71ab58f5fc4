package optimizers

import (
	_ "embed"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/template"
)

//go:embed optimizers.md.tmpl
var text string

// Write writes the document about the results of all sets.
func Write(w io.Writer, results []Result, parities []Parity) error {
	d := &written{results}
	t, err := template.New("optimizers.md").Funcs(template.FuncMap{
		"decisive": d.decisive, "further": d.further, "losses": d.losses, "defaults": d.defaults, "distances": d.distances, "commands": d.commands,
		"parities": func() string { return parityRows(parities) },
		"figure":   d.figure, "loss": d.loss, "mean": d.mean, "worst": d.worst,
	}).Parse(text)
	if err != nil {
		return err
	}
	return t.Execute(w, nil)
}

// Prose returns the lines of the document that hold no figure.
func Prose() []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return strings.Contains(l, "{{") })
}

// written is what the document is about.
type written struct{ results []Result }

// line is a line of a table.
func line(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// head begins a table.
func head(cells ...string) string {
	return line(cells...) + "|" + strings.Repeat("---|", len(cells)) + "\n"
}

// cell shows a figure, in bold when it is the best.
func (o outcome) cell(f figure, at string) string {
	v, ok := o.figure(f, at)
	if !ok {
		return "–"
	}
	s := fmt.Sprintf(f.format, v)
	if s == o.best(f) {
		s = "**" + s + "**"
	}
	return s
}

// scalingName is a value of learner.standardize as the document calls it.
func (s *Set) scalingName(scaling string) string {
	switch {
	case s.sparse:
		return "sparse"
	case scaling == "on":
		return "standardised"
	}
	return "raw"
}

// Rows are the lines of the document about a figure of the set, the first of
// which is what decides.
func (r *Result) Rows(i int) []string {
	var out []string
	f, others := r.Set.figures[i], r.Set.others
	for _, scaling := range r.Set.scalings() {
		cells := []string{r.Set.Name, f.name, r.Set.scalingName(scaling)}
		for _, o := range optimizers() {
			cells = append(cells, r.grid.cell(f, under(o, scaling)))
		}
		if i == 0 {
			cells = append(cells, others)
		}
		others = "" // said once
		out = append(out, line(cells...))
	}
	return out
}

// LossRows are the lines of the document about the losses.
func (r *Result) LossRows() []string {
	var out []string
	for _, f := range r.Set.second {
		cells := []string{r.Set.Name, f.name}
		for _, l := range lossNames() {
			cells = append(cells, r.losses.cell(f, l))
		}
		out = append(out, line(cells...))
	}
	return out
}

// DefaultRow is the line of the document about the default configuration.
func (r *Result) DefaultRow() string {
	var figures []string
	for _, f := range r.Set.figures {
		v, _ := r.alone.figure(f, under())
		figures = append(figures, fmt.Sprintf(f.name+" "+f.format, v))
	}
	return line(r.Set.Name, strings.Join(figures, ", "), fmt.Sprintf(freezes.format, r.alone[under()][freezes.key]))
}

// defaults is the table of the default configuration.
func (d *written) defaults() string {
	out := head("set", "figures", "freezes")
	for i := range d.results {
		out += d.results[i].DefaultRow()
	}
	return out
}

func lossNames() []string {
	return []string{"logistic", "hinge", "ova", "softmax", "squared", "huber", "quantile", "poisson"}
}

// decisive is the table of the figures that decide.
func (d *written) decisive() string {
	out := head(slices.Concat([]string{"set", "figure", "fields"}, optimizers(), []string{"others"})...)
	for i := range d.results {
		out += strings.Join(d.results[i].Rows(0), "")
	}
	return out
}

// further is the table of all other figures.
func (d *written) further() string {
	out := head(append([]string{"set", "figure", "fields"}, optimizers()...)...)
	for i := range d.results {
		for f := 1; f < len(d.results[i].Set.figures); f++ {
			out += strings.Join(d.results[i].Rows(f), "")
		}
	}
	return out
}

// losses is the table of the losses.
func (d *written) losses() string {
	out := head(append([]string{"set", "figure"}, lossNames()...)...)
	for i := range d.results {
		out += strings.Join(d.results[i].LossRows(), "")
	}
	return out
}

// distance is how many times the error of the best configuration a
// configuration has, by the figure that decides.
func (r *Result) distance(optimizer, scaling string) (ratio float64, ok bool) {
	f := r.Set.figures[0]
	if r.Set.sparse {
		scaling = "off"
	}
	mistakes := func(v float64) float64 {
		if f.up {
			return 1 - v
		}
		return v
	}
	v, ok := r.grid.figure(f, under(optimizer, scaling))
	best := math.Inf(1)
	for at := range r.grid {
		v, _ := r.grid.figure(f, at)
		best = min(best, mistakes(v))
	}
	return mistakes(v) / best, ok
}

// summary is the geometric mean and the largest of the distances of an
// optimizer over the sets that it can learn.
func (d *written) summary(optimizer, scaling string) (mean, worst float64) {
	sets := 0.0
	for i := range d.results {
		if ratio, ok := d.results[i].distance(optimizer, scaling); ok {
			mean += math.Log(ratio)
			worst = max(worst, ratio)
			sets++
		}
	}
	return math.Exp(mean / sets), worst
}

// distances is the table of the distances from the best.
func (d *written) distances() string {
	out := head(append([]string{"fields", "distance"}, optimizers()...)...)
	for _, scaling := range []string{"on", "off"} {
		name := (&Set{}).scalingName(scaling)
		mean, worst := []string{name, "mean"}, []string{name, "worst"}
		for _, o := range optimizers() {
			mean, worst = append(mean, d.mean(o, scaling)), append(worst, d.worst(o, scaling))
		}
		out += line(mean...) + line(worst...)
	}
	return out
}

func ratio(v float64) string { return fmt.Sprintf("%.2f", v) }

func (d *written) mean(optimizer, scaling string) string {
	m, _ := d.summary(optimizer, scaling)
	return ratio(m)
}

func (d *written) worst(optimizer, scaling string) string {
	_, w := d.summary(optimizer, scaling)
	return ratio(w)
}

// find returns the result of a set and the figure of a name among those of the set.
func (d *written) find(set, name string) (*Result, figure, error) {
	for i := range d.results {
		r := &d.results[i]
		if r.Set.Name != set {
			continue
		}
		for _, f := range slices.Concat(r.Set.figures, r.Set.second) {
			if f.name == name {
				return r, f, nil
			}
		}
	}
	return nil, figure{}, fmt.Errorf("there is no figure %s of a set %s", name, set)
}

// figure shows a figure of an optimizer in the text.
func (d *written) figure(set, name, optimizer, scaling string) (string, error) {
	r, f, err := d.find(set, name)
	if err != nil {
		return "", err
	}
	return strings.Trim(r.grid.cell(f, under(optimizer, scaling)), "*"), nil
}

// loss shows a figure of a loss in the text.
func (d *written) loss(set, name, loss string) (string, error) {
	r, f, err := d.find(set, name)
	if err != nil {
		return "", err
	}
	return strings.Trim(r.losses.cell(f, loss), "*"), nil
}

// commands are the commands behind the table of each set.
func (d *written) commands() string {
	var b strings.Builder
	for i := range d.results {
		s := &d.results[i].Set
		fmt.Fprintf(&b, "streamlearner replay %s\n", shell(append(s.grid(), s.file)))
	}
	return b.String()
}

// shell joins arguments to a command line.
func shell(args []string) string {
	out := make([]string, len(args))
	for i, a := range args {
		if out[i] = a; strings.Contains(a, " ") {
			out[i] = "'" + a + "'"
		}
	}
	return strings.Join(out, " ")
}

// parityRows is the table of what other learners print.
func parityRows(list []Parity) string {
	out := head("learner", "set", "figure", "it prints", "replay", "settings")
	for _, p := range list {
		out += p.Row()
	}
	return out
}

// Row is the line of the document about the parity.
func (p *Parity) Row() string {
	return line(p.learner, p.set, p.figure.name, p.show(p.want), p.show(p.got), "`"+shell(p.flags)+"`")
}
