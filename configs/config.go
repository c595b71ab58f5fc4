package configs

import (
	"time"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// Config is the whole configuration of a process.
type Config struct {
	Kafka  Kafka            `koanf:"kafka"`
	Redis  Redis            `koanf:"redis"`
	Models map[string]Model `koanf:"models"` // by name; names match [a-z0-9_-]+
	Admin  Admin            `koanf:"admin"`
	Log    Log              `koanf:"log"`
}

// Kafka is where records come from.
type Kafka struct {
	Brokers  []string `koanf:"brokers"`   // host:port of at least one
	ClientID string   `koanf:"client_id"` // named in the brokers' logs and quotas
	// Group is the prefix of the consumer groups: a model has its own,
	// <group>.<model>, so that two models on one topic seek separately.
	Group string `koanf:"group"`
	// Instance would be the identity of a static group member. It is refused:
	// a static member keeps its generation over a restart, and with it the
	// right to write, while its predecessor may still be running.
	Instance string `koanf:"instance"`
	// AuditTopic mirrors the audit trails of all models that name no topic of
	// their own; empty for none.
	AuditTopic string   `koanf:"audit_topic"`
	TLS        KafkaTLS `koanf:"tls"`
	SASL       SASL     `koanf:"sasl"`

	// GroupProtocol is classic, balanced by the members, or consumer (KIP-848),
	// balanced by the brokers, which then set the timeouts of the group.
	GroupProtocol string `koanf:"group_protocol"`

	MaxPollRecords    int           `koanf:"max_poll_records"`   // most records handed over by one poll
	QueueRecords      int           `koanf:"queue_records"`      // a partition pauses while so many wait for its learner
	SessionTimeout    time.Duration `koanf:"session_timeout"`    // a member that is silent for so long has left
	RebalanceTimeout  time.Duration `koanf:"rebalance_timeout"`  // time to hand over in a rebalance
	HeartbeatInterval time.Duration `koanf:"heartbeat_interval"` // between two signs of life
}

// TLS is the encryption of a connection.
type TLS struct {
	Enabled    bool   `koanf:"enabled"`
	CAFile     string `koanf:"ca_file"`     // PEM file of the authorities to trust; empty for the system's
	CertFile   string `koanf:"cert_file"`   // PEM file of the client's certificate; empty for none
	KeyFile    string `koanf:"key_file"`    // PEM file of the client's key
	ServerName string `koanf:"server_name"` // name in the server's certificate; empty for the host dialled
}

// KafkaTLS is TLS that can be told to trust anyone.
type KafkaTLS struct {
	Enabled            bool   `koanf:"enabled"`
	CAFile             string `koanf:"ca_file"`
	CertFile           string `koanf:"cert_file"`
	KeyFile            string `koanf:"key_file"`
	ServerName         string `koanf:"server_name"`
	InsecureSkipVerify bool   `koanf:"insecure_skip_verify"` // accept any certificate; for tests only
}

// SASL is the authentication at Kafka.
type SASL struct {
	Mechanism string `koanf:"mechanism"` // plain, scram-sha-256, scram-sha-512; empty for none
	Username  string `koanf:"username"`
	Password  string `koanf:"password"`
}

// Redis is where states and published versions are kept.
type Redis struct {
	Addrs    []string `koanf:"addrs"` // host:port; several are the seeds of a cluster, or all are Sentinels
	Sentinel Sentinel `koanf:"sentinel"`
	Wait     Wait     `koanf:"wait"`
	Username string   `koanf:"username"`
	Password string   `koanf:"password"`
	DB       int      `koanf:"db"`
	TLS      TLS      `koanf:"tls"`

	Compression string `koanf:"compression"` // of large parts of a state: none or zstd

	SaveInterval  time.Duration `koanf:"save_interval"`  // progress between checkpoints is saved this often
	SaveTimeout   time.Duration `koanf:"save_timeout"`   // one attempt to save
	InboxInterval time.Duration `koanf:"inbox_interval"` // operator commands are looked for this often
}

// Sentinel finds the primary of a group that Redis Sentinel watches.
type Sentinel struct {
	Master   string `koanf:"master"` // name of the primary; empty for no Sentinel
	Username string `koanf:"username"`
	Password string `koanf:"password"`
}

// Wait is how many replicas must have a save before it counts as safe.
type Wait struct {
	Replicas int           `koanf:"replicas"` // 0 for none
	Timeout  time.Duration `koanf:"timeout"`
}

// Model is one model: where its events come from, and how it learns.
type Model struct {
	Source   Source                 `koanf:"source"`
	Features Features               `koanf:"features"`
	Learner  catalog.Learner        `koanf:"learner"`
	Guard    learner.GuardConfig    `koanf:"guard"`
	Snapshot learner.SnapshotConfig `koanf:"snapshot"`
	Audit    Audit                  `koanf:"audit"`
	Metrics  metric.Points          `koanf:"metrics"`
	Evaluate Evaluate               `koanf:"evaluate"`
	// Scope is what one published model is learned from: partition. global
	// is not available yet.
	Scope string `koanf:"scope"`
}

// Evaluate says which candidate policies of a bandit are evaluated on the decisions that it learns.
type Evaluate struct {
	Candidates []bandit.Candidate `koanf:"candidates"`
	Every      uint64             `koanf:"every"` // every n-th decision alone
	Clip       float64            `koanf:"clip"`  // importance weight above which a decision counts as clipped
	Alpha      float64            `koanf:"alpha"` // intervals hold with probability 1-alpha
}

// Audit is where the audit trail is kept.
type Audit struct {
	Topic string `koanf:"topic"` // mirrors the trail; empty for kafka.audit_topic
	Keep  int    `koanf:"keep"`  // newest records kept in Redis
}

// Source says what the records of a topic are and which of their fields have a
// meaning of their own. Those fields are no features.
type Source struct {
	Topic      string   `koanf:"topic"`
	Start      string   `koanf:"start"`       // where a partition without a state begins: earliest, latest
	DeadLetter string   `koanf:"dead_letter"` // topic of refused records; empty for <topic>.<model>.dead
	Format     string   `koanf:"format"`      // json, csv, libsvm, vw, vwjson
	Columns    []string `koanf:"columns"`     // csv: names of the columns
	Delimiter  string   `koanf:"delimiter"`   // csv: one character, or tab
	Label      string   `koanf:"label"`       // field of the label
	Positive   string   `koanf:"positive"`    // label of the positive class; empty for labels that are numbers
	// Classes are the labels in order, when they are classes; empty for labels
	// that are numbers. ClassWeights multiply the weights of their events.
	Classes      []string  `koanf:"classes"`
	ClassWeights []float64 `koanf:"class_weights"`
	// LabelType is multilabel for labels that are sets of classes, costs for a cost of
	// each class, and empty for others. LabelSeparator is what separates them in text.
	LabelType      string `koanf:"label_type"`
	LabelSeparator string `koanf:"label_separator"`
	// SampleNegatives is the share of the events with a negative label that is
	// learned, with the weight 1/share; 1 for all.
	SampleNegatives float64 `koanf:"sample_negatives"`

	Weight string `koanf:"weight"` // field of the importance weight; empty for weight 1
	Time   string `koanf:"time"`   // field of the event time; empty for none
	// MaxAhead is how far an event time may lie ahead of that of the Kafka record; 0 for any.
	MaxAhead    time.Duration `koanf:"max_ahead"`
	Join        Join          `koanf:"join"`        // of rewards that come later
	Copies      Copies        `koanf:"copies"`      // of the records of further topics
	Key         string        `koanf:"key"`         // field of the entity (card, user); empty for none
	ID          string        `koanf:"id"`          // field of the event's identity; empty for none
	Arm         string        `koanf:"arm"`         // bandit: field of the chosen arm
	Probability string        `koanf:"probability"` // bandit: field of the propensity of the chosen arm
	Eligible    string        `koanf:"eligible"`    // bandit: field of the arms that could be chosen; empty for all
	Actions     string        `koanf:"actions"`     // bandit: field of the features of each action; empty for none
	Context     string        `koanf:"context"`     // field of the object that holds the features; empty for the whole record
}

// Copies are records of further topics, which are copied into source.topic: the order of
// all records that a model learns from stands in one log.
type Copies struct {
	Topics    []string `koanf:"topics"`
	Partition string   `koanf:"partition"` // where a copy goes: same or key, see Join.Partition
}

// Features chooses and types the fields that a model learns from. With all
// lists empty every field is a feature by its JSON type.
type Features struct {
	Include     []string   `koanf:"include"`      // only these
	Exclude     []string   `koanf:"exclude"`      // not these
	Numeric     []string   `koanf:"numeric"`      // text that is read as a number
	Categorical []string   `koanf:"categorical"`  // numbers that are read as categories
	Text        []string   `koanf:"text"`         // text that is split into words
	Ngrams      int        `koanf:"ngrams"`       // up to so many successive words are one feature
	Log1p       []string   `koanf:"log1p"`        // numbers of which the logarithm is taken
	Cyclic      []string   `koanf:"cyclic"`       // times that become time of day and week
	Missing     []string   `koanf:"missing"`      // fields whose absence is a feature
	Target      []string   `koanf:"target"`       // categories known by their mean label
	Count       []string   `koanf:"count"`        // categories known by how often they came
	Cross       [][]string `koanf:"cross"`        // products of features
	MaxFeatures int        `koanf:"max_features"` // most features of a record
	// Encode says how Target and Count are computed, and which features are too rare.
	Encode encode.Config `koanf:",squash"`
}

// Admin is the HTTP server for metrics, health and profiles.
type Admin struct {
	Listen string `koanf:"listen"` // host:port; empty for none
}

// Log is what is written to standard error.
type Log struct {
	Level  string `koanf:"level"`  // debug, info, warn, error
	Format string `koanf:"format"` // text, json
}
