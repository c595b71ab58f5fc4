package configs

import (
	"fmt"
	"net"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// checker collects the faults of one section.
type checker struct {
	prefix string
	errs   Errors
}

func (c *checker) fail(key string, value any, detail string) {
	c.errs = append(c.errs, Error{Key: join(c.prefix, key), Value: show(value), Detail: detail})
}

func (c *checker) oneOf(key, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	detail := "must be one of " + strings.Join(allowed, ", ")
	if near := nearestName(value, allowed); near != "" {
		detail += "; did you mean " + near + "?"
	}
	c.fail(key, value, detail)
}

func (c *checker) hostPorts(key string, list []string) {
	if len(list) == 0 {
		c.fail(key, list, "must name at least one host:port")
	}
	for _, a := range list {
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || !isPort(port, 1) {
			c.fail(key, a, "must be host:port, such as localhost:9092")
		}
	}
}

func isPort(s string, least int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= least && n <= 65535
}

func (c *checker) positive(key string, d time.Duration) {
	if d <= 0 {
		c.fail(key, d, "must be longer than 0")
	}
}

// foreign takes the error of another package, which begins with "key: value: ".
func (c *checker) foreign(keys keys, err error) {
	if err == nil {
		return
	}
	s := err.Error()
	if key, rest, ok := strings.Cut(s, ": "); ok {
		if _, known := keys.find(key); known {
			value, detail, ok := strings.Cut(rest, ": ")
			if !ok {
				value, detail = "", rest
			}
			c.errs = append(c.errs, Error{Key: join(c.prefix, key), Value: value, Detail: detail})
			return
		}
	}
	c.errs = append(c.errs, Error{Key: c.prefix, Detail: s})
}

// check returns all faults of the values, each with its path.
func (c *Config) check() Errors {
	var v checker
	c.Kafka.check(&v)
	c.Redis.check(&v)
	if c.Admin.Listen != "" {
		if _, port, err := net.SplitHostPort(c.Admin.Listen); err != nil || !isPort(port, 0) {
			v.fail("admin.listen", c.Admin.Listen, "must be host:port, such as 127.0.0.1:9600, or empty for no server")
		}
	}
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "text", "json")
	for _, name := range c.Names() {
		if state.ValidateModel(name) != nil {
			v.fail("models."+name, name, "a model's name may have small letters, digits, _ and - only")
		}
		m := c.Models[name]
		v.errs = append(v.errs, m.check("models."+name)...)
		v.errs = append(v.errs, m.checkTopics("models."+name)...)
		if t := c.Kafka.AuditTopic; t != "" && m.Audit.Topic == "" && (t == m.Source.Topic || t == m.Source.DeadLetter) {
			v.fail("kafka.audit_topic", t, "must be a topic of its own, but models."+name+" uses it")
		}
	}
	return v.errs
}

// Names returns the names of the models in alphabetical order.
func (c *Config) Names() []string {
	names := make([]string, 0, len(c.Models))
	for name := range c.Models {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (k *Kafka) check(v *checker) {
	v.hostPorts("kafka.brokers", k.Brokers)
	if k.Group == "" {
		v.fail("kafka.group", k.Group, "must name the prefix of the consumer groups")
	}
	if k.Instance != "" {
		v.fail("kafka.instance", k.Instance,
			"static group membership is not supported: a restarted member would keep the right to write while its predecessor still runs; remove the key")
	}
	v.oneOf("kafka.group_protocol", k.GroupProtocol, "classic", "consumer")
	for _, n := range []struct {
		key   string
		value int
	}{{"kafka.max_poll_records", k.MaxPollRecords}, {"kafka.queue_records", k.QueueRecords}} {
		if n.value < 1 {
			v.fail(n.key, n.value, "must be at least 1")
		}
	}
	v.positive("kafka.session_timeout", k.SessionTimeout)
	v.positive("kafka.rebalance_timeout", k.RebalanceTimeout)
	v.positive("kafka.heartbeat_interval", k.HeartbeatInterval)
	if k.HeartbeatInterval >= k.SessionTimeout {
		v.fail("kafka.heartbeat_interval", k.HeartbeatInterval, fmt.Sprintf("must be shorter than kafka.session_timeout (%v)", k.SessionTimeout))
	}
	v.oneOf("kafka.sasl.mechanism", k.SASL.Mechanism, "", "plain", "scram-sha-256", "scram-sha-512")
	if k.SASL.Mechanism != "" && k.SASL.Username == "" {
		v.fail("kafka.sasl.username", k.SASL.Username, "must be given with kafka.sasl.mechanism")
	}
	t := k.TLS
	v.tls("kafka.tls", TLS{Enabled: t.Enabled, CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName})
}

func (c *checker) tls(path string, t TLS) {
	if (t.CertFile == "") != (t.KeyFile == "") {
		c.fail(path+".cert_file", t.CertFile, "must be given together with "+path+".key_file, or neither")
	}
	if !t.Enabled && t != (TLS{}) {
		c.fail(path+".enabled", t.Enabled, "must be true when other keys of "+path+" are given")
	}
}

func (r *Redis) check(v *checker) {
	v.hostPorts("redis.addrs", r.Addrs)
	if r.DB < 0 {
		v.fail("redis.db", r.DB, "must not be negative")
	}
	if s := r.Sentinel; s.Master == "" && s != (Sentinel{}) {
		v.fail("redis.sentinel.master", s.Master, "must be given with the other keys of redis.sentinel")
	}
	if r.DB > 0 && r.Sentinel.Master == "" && len(r.Addrs) > 1 {
		v.fail("redis.db", r.DB, "must be 0, since several redis.addrs without redis.sentinel.master are a cluster")
	}
	if r.Wait.Replicas < 0 {
		v.fail("redis.wait.replicas", r.Wait.Replicas, "must not be negative")
	}
	if r.Wait.Timeout < time.Millisecond || r.Wait.Timeout > 2*time.Second {
		v.fail("redis.wait.timeout", r.Wait.Timeout, "must be 1ms to 2s")
	}
	v.oneOf("redis.compression", r.Compression, "none", "zstd")
	v.positive("redis.save_interval", r.SaveInterval)
	v.positive("redis.save_timeout", r.SaveTimeout)
	v.positive("redis.inbox_interval", r.InboxInterval)
	v.tls("redis.tls", r.TLS)
}

// check returns all faults of a model that stands at path.
func (m *Model) check(path string) Errors {
	v := &checker{prefix: path}
	keys := keysOf(reflect.TypeFor[Model]())
	v.oneOf("source.format", m.Source.Format, catalog.Formats()...)
	if _, ok := m.Source.comma(); !ok {
		v.fail("source.delimiter", m.Source.Delimiter, "must be one character, or tab")
	}
	if d := m.Source.MaxAhead; d < 0 || d > maxJoinSpan || d%time.Millisecond != 0 {
		v.fail("source.max_ahead", d, "must be whole milliseconds, from 0 (any) to ten years")
	}
	m.notYet(v)
	m.checkSchema(v, keys)
	v.foreign(keys, m.Learner.Validate())
	f := m.Features
	v.foreign(keys, catalog.ValidateEncoding(m.Learner, f.Encode, f.Target, f.Count))
	if m.Learner.Kind == "bandit" && m.Source.Arm == "" {
		v.fail("source.arm", m.Source.Arm, "must name the field of the chosen arm with learner.kind bandit")
	}
	if b := m.Learner.Bandit; m.Learner.Kind == "bandit" && (b.HalfLife != 0 || b.Window != 0) && m.Source.Time == "" {
		v.fail("source.time", m.Source.Time, "must name the field of the event time with learner.bandit.half_life or window")
	}
	m.checkPairs(v)
	m.checkLabels(v)
	m.checkJoin(v, keys)
	m.checkCopies(v)
	v.foreign(keys, m.Guard.Validate())
	if t := m.Guard.Trusted.Keys; len(t) > 0 && m.Source.Key == "" {
		v.fail("guard.trusted.keys", t, "source.key must name the field that holds the key, else no event would ever count")
	}
	m.checkDetectors(v, keys)
	layout := m.Layout()
	v.foreign(keys, m.Guard.Inputs.Fit(&layout))
	if q := m.Guard.Inputs.ClipQuantile; q != 0 && m.Learner.Kind == "bandit" {
		v.fail("guard.inputs.clip_quantile", q, "must be 0 with learner.kind bandit, which has no gradients")
	}
	m.checkEvaluate(v, keys)
	v.foreign(keys, m.Snapshot.Validate())
	v.foreign(keys, m.Metrics.Validate())
	return v.errs
}

// checkDetectors finds the faults of the guard's additional detectors.
func (m *Model) checkDetectors(v *checker, keys keys) {
	if len(m.Guard.Detectors) == 0 || m.Learner.Validate() != nil {
		return
	}
	guard := m.Guard
	guard.Loss = catalog.LossClip(m.Learner)
	model, err := catalog.Model(m.Learner)
	if err != nil {
		v.foreign(keys, err)
		return
	}
	v.foreign(keys, m.signals().Validate(&guard, model))
}

// checkSchema finds the faults of the fields, and what a format with features of
// its own has no place for.
func (m *Model) checkSchema(v *checker, keys keys) {
	if m.Source.SampleNegatives == 0 {
		v.fail("source.sample_negatives", m.Source.SampleNegatives, "must be in (0, 1], the share of negatives that are kept; 1 (the default) keeps all")
	}
	schema := m.Schema()
	err := schema.Validate()
	if err == nil && slices.Contains(labelled[:], m.Source.Format) {
		_, err = m.Decoder(true)
	}
	v.foreign(keys, err)
}

// checkCopies finds the faults of what is copied into the topic that is read.
func (m *Model) checkCopies(v *checker) {
	c := &m.Source.Copies
	v.oneOf("source.copies.partition", c.Partition, partitionSame, partitionKey)
	seen := map[string]bool{"": true}
	for _, t := range c.Topics {
		if seen[t] {
			v.fail("source.copies.topics", c.Topics, "must be different names")
			break
		}
		seen[t] = true
	}
	if m.Guard.Source.Topic && len(c.Topics) == 0 {
		v.fail("guard.source.topic", true, "source.copies.topics must name the topics that records are copied from; what stands in source.topic alone has one source, and there is nothing to tell apart")
	}
}

// notYet refuses what the configuration has a place for, but no program.
func (m *Model) notYet(v *checker) {
	switch m.Scope {
	case "partition":
	case "global":
		v.fail("scope", m.Scope, "one model from all partitions is not available yet; use partition (the default), one model per partition")
	default:
		v.oneOf("scope", m.Scope, "partition")
	}
}

// labelled are the formats whose records carry features and labels without fields.
var labelled = [...]string{"libsvm", "vw", "vwjson"}

// checkTopics returns the faults of what only a running process needs.
func (m *Model) checkTopics(path string) Errors {
	v := &checker{prefix: path}
	if m.Source.Topic == "" {
		v.fail("source.topic", m.Source.Topic, "must name the topic to learn from")
	}
	v.oneOf("source.start", m.Source.Start, "earliest", "latest")
	if m.Source.DeadLetter != "" && m.Source.DeadLetter == m.Source.Topic {
		v.fail("source.dead_letter", m.Source.DeadLetter, "must not be the topic itself: refused records would come back")
	}
	if t := m.Source.Join.Topic; t != "" && (t == m.Source.Topic || t == m.Source.DeadLetter || t == m.Audit.Topic) {
		v.fail("source.join.topic", t, "must be a topic of its own; leave it empty when rewards are in source.topic, among the decisions")
	}
	for _, t := range m.Source.Copies.Topics {
		if slices.Contains([]string{m.Source.Topic, m.Source.DeadLetter, m.Source.Join.Topic, m.Audit.Topic}, t) {
			v.fail("source.copies.topics", t, "must be a topic of its own: what is copied from it is read from source.topic")
		}
	}
	if m.Audit.Topic != "" && (m.Audit.Topic == m.Source.Topic || m.Audit.Topic == m.Source.DeadLetter) {
		v.fail("audit.topic", m.Audit.Topic, "must be a topic of its own")
	}
	if m.Audit.Keep < 64 {
		v.fail("audit.keep", m.Audit.Keep, "must be at least 64 records, which a failover may take away")
	}
	if m.Source.Label == "" && !slices.Contains(labelled[:], m.Source.Format) {
		v.fail("source.label", m.Source.Label, "must name the field to predict")
	}
	if m.Source.Format == "csv" && len(m.Source.Columns) == 0 {
		v.fail("source.columns", m.Source.Columns, "must name the columns, since records of a topic have no header")
	}
	return v.errs
}
