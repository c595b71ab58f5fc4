package consumer

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// metrics are the metrics of one Consumer; the package comment lists them.
// What belongs to the state of a partition is read from its status at a
// scrape, so that a partition that moved away leaves no stale series behind.
type metrics struct {
	consumer *Consumer

	duplicates   counter
	letters      counter
	letterErrors counter
	saves        counter
	savedBytes   counter
	pause        prometheus.Histogram
	saveErrors   counter
	rollbacks    counter
	auditRecords *prometheus.CounterVec
	auditBreaks  counter
	mirrorErrors counter
	saveSeconds  prometheus.Histogram

	moved                                                                *prometheus.Desc
	detectorAlarms, detectorWarning                                      *prometheus.Desc
	state, fed, learned, rejected, alarms, freezes, mode, armed, warning *prometheus.Desc
	statistic, threshold, loss, gradNorm, live, published, publishedAge  *prometheus.Desc
	mirrorLag                                                            *prometheus.Desc
	next, lag, savedAge, progress                                        *prometheus.Desc
	join                                                                 joinMetrics
	descent                                                              descentMetrics
	recovery                                                             recoveryMetrics
	occupancy                                                            occupancyMetrics
	evaluations                                                          evaluationMetrics
	rails                                                                railMetrics
	inputs                                                               inputMetrics
	arms                                                                 armMetrics
	idle, publishedIdle, held                                            *prometheus.Desc
}

// counter counts per partition.
type counter struct{ *prometheus.CounterVec }

func (c counter) inc(partition int32) { c.add(partition, 1) }

func (c counter) add(partition int32, n float64) {
	c.WithLabelValues(strconv.Itoa(int(partition))).Add(n)
}

// newMetrics registers the metrics of c with reg, if there is one.
func newMetrics(reg prometheus.Registerer, c *Consumer) (*metrics, error) {
	count := func(name, help string) counter {
		return counter{prometheus.NewCounterVec(prometheus.CounterOpts{Name: "streamlearner_" + name, Help: help}, []string{"partition"})}
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("streamlearner_"+name, help, append([]string{"partition"}, labels...), nil)
	}
	m := &metrics{
		consumer:     c,
		duplicates:   count("duplicates_total", "Records dropped because the state had learned them already."),
		letters:      count("dead_letters_total", "Refused records written to the dead-letter topic."),
		letterErrors: count("dead_letter_errors_total", "Failed attempts to write to the dead-letter topic."),
		saves:        count("saves_total", "States stored."),
		savedBytes:   count("saved_bytes_total", "Bytes of states handed to the store, before compression."),
		saveErrors:   count("save_errors_total", "Failed attempts to store a state, which were repeated."),
		rollbacks:    count("store_rollback_total", "Times the store had lost saves in a failover and was written forward."),
		auditRecords: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streamlearner_audit_records_total", Help: "Audit records stored.",
		}, []string{"partition", "kind"}),
		auditBreaks:  count("audit_breaks_total", "Times the stored audit chain did not lead to the records to append."),
		mirrorErrors: count("audit_mirror_errors_total", "Failed attempts to write to the audit topic, which were repeated."),
		mirrorLag:    desc("audit_mirror_lag_records", "Stored audit records that the audit topic lacks; absent without a topic."),
		pause: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "streamlearner_checkpoint_pause_seconds", Help: "Time that a learner stood still for a copy of its state.",
			Buckets: prometheus.ExponentialBuckets(0.00001, 2, 16),
		}),
		saveSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "streamlearner_save_seconds", Help: "Time of a successful write of a state.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		state:    desc("partition_state", "1 for the state that the partition is in.", "state"),
		fed:      desc("fed_total", "Records fed since the state began."),
		learned:  desc("learned_total", "Events learned since the state began."),
		rejected: desc("rejected_total", "Records refused since the state began.", "reason"),
		alarms:   desc("alarms_total", "Alarms of the guard since the state began."),
		moved: desc("alarms_moved_total",
			"Alarms of the guard before which something moved, since the state began; one alarm may count for several.", "what"),
		detectorAlarms: desc("detector_alarms_total", "Alarms of an additional detector since the state began, in all modes.",
			"detector", "signal", "at", "action"),
		detectorWarning: desc("detector_warning", "1 while an additional detector warns.", "detector", "signal", "at", "action"),
		freezes:         desc("freezes_total", "Freezes since the state began."),
		mode:            desc("mode", "1 for the mode that the learner is in.", "mode"),
		armed:           desc("armed", "1 while an armed reference watches the learner."),
		warning:         desc("warning", "1 while the guard stands at warning level."),
		statistic:       desc("guard_statistic", "Value of the guard's detector."),
		threshold:       desc("guard_threshold", "Value at which the guard's detector alarms."),
		loss:            desc("loss", "Progressive loss, exponentially weighted with a half-life of 1,000 events."),
		gradNorm:        desc("gradient_norm", "Gradient norm, exponentially weighted with a half-life of 1,000 events."),
		live:            desc("version_live", "Number of the newest checkpoint."),
		published:       desc("version_published", "Number of the version that readers are served; 0 for none."),
		held:            desc("version_held", "Number of the version that an operator holds readers at; 0 for none."),
		publishedAge:    desc("published_age_seconds", "Event time between the newest record and the last record of the published version."),
		next:            desc("next_offset", "Offset of the next record."),
		lag:             desc("lag_records", "Records in Kafka that are not learned yet."),
		savedAge:        desc("saved_age_seconds", "Time since the last save."),
		join:            newJoinMetrics(desc),
		descent:         newDescentMetrics(desc),
		recovery:        newRecoveryMetrics(desc),
		occupancy:       newOccupancyMetrics(desc),
		evaluations:     newEvaluationMetrics(desc),
		rails:           newRailMetrics(desc),
		inputs:          newInputMetrics(desc),
		arms:            newArmMetrics(desc),
		idle:            desc("idle_seconds", "Time since records were last fed, or since this process took the partition over."),
		publishedIdle: desc("published_idle_seconds",
			"Time since a version was published, or since this process took the partition over."),
		progress: desc("progressive", "Progressive validation since this process took the partition over.", "figure"),
	}
	if reg == nil {
		return m, nil
	}
	reg = prometheus.WrapRegistererWith(prometheus.Labels{"model": c.cfg.Model}, reg)
	for _, col := range []prometheus.Collector{
		m, m.duplicates, m.letters, m.letterErrors, m.saves, m.saveErrors, m.rollbacks, m.auditRecords, m.auditBreaks, m.mirrorErrors, m.saveSeconds, m.savedBytes, m.pause,
	} {
		if err := reg.Register(col); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.state, m.fed, m.learned, m.rejected, m.alarms, m.moved, m.detectorAlarms, m.detectorWarning, m.freezes, m.mode, m.armed, m.warning, m.statistic, m.threshold,
		m.loss, m.gradNorm, m.live, m.published, m.publishedAge, m.next, m.lag, m.savedAge, m.mirrorLag, m.progress, m.idle, m.publishedIdle, m.held,
	} {
		ch <- d
	}
	m.descent.describe(ch)
	m.recovery.describe(ch)
	m.join.describe(ch)
	m.occupancy.describe(ch)
	m.evaluations.describe(ch)
	m.rails.describe(ch)
	m.inputs.describe(ch)
	m.arms.describe(ch)
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.consumer.Status() {
		collector{ch, strconv.Itoa(int(s.Partition))}.status(m, &s)
	}
}

type collector struct {
	ch        chan<- prometheus.Metric
	partition string
}

func (c collector) send(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
	c.ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{c.partition}, labels...)...)
}

func (c collector) gauge(d *prometheus.Desc, v float64, labels ...string) {
	c.send(d, prometheus.GaugeValue, v, labels...)
}

func (c collector) count(d *prometheus.Desc, v uint64, labels ...string) {
	c.send(d, prometheus.CounterValue, float64(v), labels...)
}

func (c collector) flag(d *prometheus.Desc, on bool, labels ...string) {
	v := 0.0
	if on {
		v = 1
	}
	c.gauge(d, v, labels...)
}

func (c collector) status(m *metrics, s *PartitionStatus) {
	for _, v := range []State{Claiming, Running, Blocked, Paused} {
		c.flag(m.state, s.State == v, string(v))
	}
	c.gauge(m.next, float64(s.Next.Offset))
	c.gauge(m.lag, float64(s.Lag))
	if !s.Saved.IsZero() {
		c.gauge(m.savedAge, time.Since(s.Saved).Seconds())
	}
	if !s.Fed.IsZero() {
		c.gauge(m.idle, time.Since(s.Fed).Seconds())
		c.gauge(m.publishedIdle, time.Since(s.PublishedAt).Seconds())
	}
	if s.MirrorLag != nil {
		c.gauge(m.mirrorLag, float64(*s.MirrorLag))
	}
	st := &s.Stats
	m.descent.collect(c, &st.Descent)
	m.recovery.collect(c, st)
	m.join.collect(c, st.Join)
	c.count(m.fed, st.Fed)
	c.count(m.learned, st.Learned)
	for r := event.Accepted + 1; r < event.Reasons; r++ {
		c.count(m.rejected, st.Rejected[r], r.String())
	}
	c.count(m.alarms, st.Alarms)
	for _, d := range st.Detectors {
		c.count(m.detectorAlarms, d.Alarms, d.Detector, d.Signal, d.At, d.Action)
		c.flag(m.detectorWarning, d.Warning, d.Detector, d.Signal, d.At, d.Action)
	}
	for i, what := range state.AllMoved() {
		c.count(m.moved, st.Moved[i], what)
	}
	c.count(m.freezes, st.Freezes)
	for v := learner.Learning; v <= learner.Recovering; v++ {
		c.flag(m.mode, st.Mode == v, v.String())
	}
	c.flag(m.armed, st.Armed)
	c.flag(m.warning, st.Warning)
	c.gauge(m.statistic, st.Statistic)
	c.gauge(m.threshold, st.Threshold)
	c.gauge(m.loss, st.Loss)
	c.gauge(m.gradNorm, st.GradNorm)
	m.occupancy.collect(c, s.Occupancy)
	m.evaluations.collect(c, s.Evaluations)
	m.inputs.collect(c, st.Inputs)
	m.arms.collect(c, st.Arms)
	m.rails.collect(c, st.Arms, s.Rails)
	c.gauge(m.live, float64(st.Live))
	var published uint64
	if s.Published != nil {
		published = s.Published.Number
		c.gauge(m.publishedAge, max(0, float64(st.Time-s.Published.Created)/1000))
	}
	c.gauge(m.published, float64(published))
	c.gauge(m.held, float64(st.Held))
	p := &s.Progress
	for _, f := range []struct {
		name  string
		value *float64
	}{
		{"loss", p.Loss}, {"accuracy", p.Accuracy}, {"roc_auc", p.ROCAUC}, {"roc_auc_error", p.AUCError}, {"log_loss", p.LogLoss},
		{"f1", p.F1}, {"precision", p.Precision}, {"recall", p.Recall},
		{"precision_at_k", p.PrecisionAtK}, {"precision_at_k_error", p.PrecisionAtKError},
		{"recall_at_fpr", p.RecallAtFPR}, {"recall_at_fpr_error", p.RecallAtFPRError}, {"mae", p.MAE}, {"rmse", p.RMSE}, {"r2", p.R2}, {"mean_reward", p.MeanReward},
		{"calibration_error", p.CalibrationError}, {"hamming_loss", p.HammingLoss}, {"subset_accuracy", p.SubsetAccuracy}, {"micro_f1", p.MicroF1},
		{"cost", p.Cost}, {"regret", p.Regret},
	} {
		if f.value != nil {
			c.gauge(m.progress, *f.value, f.name)
		}
	}
}
