package consumer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// occupancyMetrics are the metrics of how full the weights of the model are.
type occupancyMetrics struct {
	features, used, slots, share *prometheus.Desc
}

func newOccupancyMetrics(desc func(name, help string, labels ...string) *prometheus.Desc) occupancyMetrics {
	return occupancyMetrics{
		features: desc("features_seen", "Distinct features that have a weight, estimated from the slots in use."),
		used:     desc("slots_used", "Weights in use."),
		slots:    desc("slots", "Weights that there are; 0 without hashing."),
		share:    desc("feature_collision_share", "Expected share of the features that share a weight."),
	}
}

func (m *occupancyMetrics) describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.features, m.used, m.slots, m.share} {
		ch <- d
	}
}

func (m *occupancyMetrics) collect(c collector, o *event.Occupancy) {
	if o == nil {
		return
	}
	c.gauge(m.features, o.Features())
	c.gauge(m.used, float64(o.Used))
	c.gauge(m.slots, float64(o.Slots))
	c.gauge(m.share, o.CollisionShare())
}
