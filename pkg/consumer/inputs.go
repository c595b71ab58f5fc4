package consumer

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/internal/inputs"
)

// inputMetrics are the metrics of the guard of the inputs. Series have a field as
// label, of which 64 are watched at most; sources, whose names come with the records, are no labels.
type inputMetrics struct {
	armed, standing, begun, excess              *prometheus.Desc
	missing, unseen, outOfRange, psi, ks, skew  *prometheus.Desc
	newFields, duplicates, source, logged, read *prometheus.Desc
	bound, clipped                              *prometheus.Desc
}

func newInputMetrics(desc func(name, help string, labels ...string) *prometheus.Desc) inputMetrics {
	return inputMetrics{
		armed:      desc("input_armed", "1 while a complete reference window is compared with."),
		standing:   desc("input_warnings", "Warnings of the inputs that stand.", "check"),
		begun:      desc("input_warnings_total", "Warnings of the inputs that have begun since the state did.", "check"),
		excess:     desc("input_warning_ratio", "Figure of the last block over its limit, of a warning that stands; of sources and of whole events the field is empty.", "check", "field"),
		missing:    desc("input_missing_share", "Share of the events of the last block without the field.", "field"),
		unseen:     desc("input_unseen_share", "Share of the values of the last block that are categories not seen before, or of another type.", "field"),
		outOfRange: desc("input_out_of_range_share", "Share of the numbers of the last block outside of the range of the reference.", "field"),
		psi:        desc("input_psi", "Population stability index of the last block against the reference.", "field"),
		ks:         desc("input_ks", "Distance of Kolmogorov and Smirnov of the last block from the reference.", "field"),
		skew:       desc("input_skew_share", "Share of the events of the last block in which the field was another at decision time.", "field"),
		newFields:  desc("input_new_fields_share", "Share of the events of the last block with a field that the reference does not know."),
		duplicates: desc("input_duplicate_share", "Share of the events of the last block that are like one shortly before."),
		source:     desc("input_largest_source_share", "Share of the events of the last block that its largest source has supplied."),
		logged:     desc("input_logged_share", "Share of the events of the last block with the features of decision time."),
		bound:      desc("input_clip_bound", "Norm above which gradients are bounded; 0 while there is no bound."),
		clipped:    desc("input_clipped_share", "Share of the events of the last block whose gradient was bounded."),
		read:       desc("input_unreadable_share", "Share of these whose features of decision time cannot be decoded."),
	}
}

func (m *inputMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.armed, m.standing, m.begun, m.excess, m.missing, m.unseen, m.outOfRange, m.psi, m.ks, m.skew, m.newFields, m.duplicates, m.source, m.logged, m.read, m.bound, m.clipped,
	} {
		ch <- d
	}
}

func (m *inputMetrics) collect(c collector, r *inputs.Report) {
	if r == nil {
		return
	}
	c.flag(m.armed, r.Armed)
	var standing [inputs.Checks]int
	for _, w := range r.Active {
		standing[w.Check]++
		field := w.Field
		if w.Check == inputs.SourceShare {
			field = ""
		}
		c.gauge(m.excess, w.Value/w.Limit, w.Check.String(), field)
	}
	for check, n := range standing {
		c.gauge(m.standing, float64(n), inputs.Check(check).String())
		c.count(m.begun, r.Begun[check], inputs.Check(check).String())
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		c.gauge(m.missing, f.Missing, f.Name)
		c.gauge(m.unseen, f.Unseen, f.Name)
		c.gauge(m.outOfRange, f.OutOfRange, f.Name)
		c.gauge(m.psi, f.PSI, f.Name)
		c.gauge(m.ks, f.KS, f.Name)
		c.gauge(m.skew, f.Skew, f.Name)
	}
	largest := 0.0
	for _, s := range r.Sources {
		largest = max(largest, s.Share)
	}
	for _, g := range []struct {
		desc  *prometheus.Desc
		value float64
	}{
		{m.newFields, r.NewFields}, {m.duplicates, r.Duplicates}, {m.source, largest}, {m.logged, r.Logged}, {m.read, r.Unreadable},
		{m.bound, r.ClipBound}, {m.clipped, r.Clipped},
	} {
		c.gauge(g.desc, g.value)
	}
}

// warn logs warnings of the inputs that begin or are over.
func (s *session) warn(all []inputs.Warning) {
	for i := range all {
		w := &all[i]
		name := "field"
		if w.Check == inputs.SourceShare {
			name = "source"
		}
		args := []any{"check", w.Check.String(), name, w.Field, "value", w.Value, "limit", w.Limit, "event", w.Event, "offset", w.Offset}
		if e := w.Evidence; e != nil {
			d := w.Document()
			args = append(args, "from", e.From, "findings", strings.Join(d.Findings(s.namer.name), "; "))
		}
		if w.Over {
			s.p.log.Info("warning of the inputs is over", args...)
		} else {
			s.p.log.Warn("warning of the inputs", args...)
		}
	}
}
