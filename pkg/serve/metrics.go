package serve

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// Collector returns the client's metrics, all labelled with the model:
//
//	streamlearner_serve_version{partition}             published version in use
//	streamlearner_serve_age_seconds{partition}         time since the last record that it has learned
//	streamlearner_serve_frozen{partition}              1 while the learner behind it is frozen or recovering
//	streamlearner_serve_held{partition}                1 while an operator, or Options.Version, holds readers at the version
//	streamlearner_serve_synced_timestamp_seconds       when the store last answered in full
//	streamlearner_serve_refresh_failures_total         refreshes that failed, by partition asked
func (c *Client) Collector() prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("streamlearner_serve_"+name, help, labels, prometheus.Labels{"model": c.opts.Model})
	}
	return &collector{
		client:   c,
		version:  desc("version", "Published version in use.", "partition"),
		age:      desc("age_seconds", "Time since the last record that the version has learned.", "partition"),
		frozen:   desc("frozen", "1 while the learner behind the version is frozen or recovering; not told of a held one.", "partition"),
		held:     desc("held", "1 while an operator, or Options.Version, holds readers at the version.", "partition"),
		synced:   desc("synced_timestamp_seconds", "When the store last answered in full."),
		failures: desc("refresh_failures_total", "Refreshes that failed."),
	}
}

type collector struct {
	client                                 *Client
	version, age, frozen, synced, failures *prometheus.Desc
	held                                   *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (m *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.version, m.age, m.frozen, m.held, m.synced, m.failures} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	served, synced := m.client.Status()
	for _, s := range served {
		p := strconv.Itoa(int(s.Partition))
		gauge(m.version, float64(s.Pointer.Number), p)
		gauge(m.age, s.Age.Seconds(), p)
		frozen, held := 0.0, 0.0
		switch s.Pointer.Mode {
		case "learning":
		case state.ModeHeld:
			held = 1
		default:
			frozen = 1
		}
		gauge(m.frozen, frozen, p)
		gauge(m.held, held, p)
	}
	gauge(m.synced, float64(synced.UnixMilli())/float64(time.Second/time.Millisecond))
	ch <- prometheus.MustNewConstMetric(m.failures, prometheus.CounterValue, float64(m.client.failures.Load()))
}
