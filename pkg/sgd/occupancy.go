package sgd

import "github.com/streamlearner/streamlearner/pkg/event"

// Occupancy returns how many weights are in use, without the intercept. It walks over
// a bit of each.
func (m *Model) Occupancy() event.Occupancy {
	o := event.Occupancy{Used: m.touched().len()}
	if m.has(uint32(m.home >> m.shift)) {
		o.Used--
	}
	if m.exact == nil {
		o.Slots = 1 << m.p.bits
	}
	return o
}
