// Package metric computes the figures of progressive validation: every event
// is predicted before it is learned, and every event counts, the first one
// included.
//
//	m := metric.New(metric.Classification, true)
//	for each event {
//		step := model.Learn(e)
//		m.Observe(&step, e.Weight)
//	}
//	report := m.Report()
//
// All means are weighted by the event's importance weight, which counts as a
// frequency: an event of weight 2 weighs as much as two events of weight 1, and
// one of weight 0 changes nothing. Rejected events are not counted.
//
// Exact mode keeps the prediction of every event (8 bytes each, 16 once
// weights differ from 1) and is for replay. Binned mode has a fixed size,
// allocates nothing after New, and is for the daemon.
//
// A classifier is also measured at the points of operation that matter where
// positives are rare: see Points.
//
// A Report is no part of any state: its last bits may differ between
// architectures. EWMA may be part of one.
package metric
