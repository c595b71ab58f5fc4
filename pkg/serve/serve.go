// Package serve is the client of services that score with published models.
//
// It keeps a copy of the newest published version of every partition in
// memory and scores there, in well under a microsecond and without a lock:
//
//	client, err := serve.Open(ctx, serve.Options{
//		Redis:      redis.Options{Addrs: []string{"localhost:6379"}},
//		Model:      "fraud",
//		Partitions: 4, // as the topic has
//	})
//	go client.Run(ctx) // keeps the copies fresh
//	score, err := client.ScoreJSON(body)
//
// A bandit chooses instead, and the decision is logged:
//
//	var d serve.Decision
//	err := client.Choose(&d, &serve.Request{ID: id, Context: body})
//	log(d.Key, d.AppendJSON(nil))
//
// Every version is published with the schema of the records that it learned
// from: which field is the key, and which ones are features. ScoreJSON and
// Choose read events by it, so that a reader needs no configuration and
// cannot make other features than the learner. A service whose events are
// shaped otherwise than the records sets Options.Schema, or decodes by itself
// and uses Score.
//
// The model of an event is the one of the partition that its key belongs to,
// by the rule of Kafka's default partitioner; the producer of the events must
// use the same rule and write the same key.
//
// After a rollback readers are held at the version that an operator chose: the
// mode of scores is then held. Options.Version lets one reader choose for itself.
//
// A client never stops serving because something is away: while Redis does not
// answer it scores with what it has and tells its age in every Score. A service
// decides what age it bears; Score.Stale applies the one that the model's owner
// has configured (snapshot.max_age).
package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// Errors of a score; the event itself may also be refused with an *event.Rejection.
var (
	// ErrNoModel: nothing has been published yet for the partition of the event.
	ErrNoModel = errors.New("no published model")
	// ErrNoKey: the event has no key, so its partition is not known.
	ErrNoKey = errors.New("event has no key")
	// ErrSchema: events are not read here, since the version was published
	// without a schema, or learns from a format other than JSON.
	ErrSchema = errors.New("no schema for JSON events")
	// ErrKind: the model is of the other family.
	ErrKind = errors.New("wrong kind of model")
)

// Options configure a Client. Model is required.
type Options struct {
	Redis redis.Options
	Store state.Reader // used instead of Redis when set; Close leaves it open
	Model string       // name of the model in the configuration of streamlearner

	// Partitions is how many partitions the topic has. With 0 the client takes
	// the highest partition that has a state, plus one: right only once each
	// partition of the topic has been learned from, and wrong for all keys before.
	Partitions int32

	// Schema, unless it is the zero value, is used instead of the one that was
	// published with the version. It must make the same features: a field that
	// the learner leaves out, such as the id, would count here as a feature and
	// take the weight of whatever shares its slot. The client warns when it
	// differs. (To make every field a feature, set Include to "*".)
	Schema event.Schema

	// Mode is how decisions of a bandit are made, unless an operator trusts it less
	// (streamlearner policy). Default Online.
	Mode Mode

	// Version serves a kept version instead of the published one: a number, or
	// a label (champion, last-good, or one that an operator gave), which is
	// followed when it moves. Empty for what is published. The mode of such
	// scores is held.
	Version string

	Poll time.Duration // how often Redis is asked for newer versions; default 1 s
	// Hold is for how long a version is kept although the store has gone back
	// to an older one, as after a failover that lost writes. Default 10 min.
	// A learner that is frozen or recovering goes back on purpose and is followed at once.
	Hold time.Duration

	Logger *slog.Logger // default: none
}

// Client serves one model. Its methods may be called concurrently.
type Client struct {
	opts     Options
	store    state.Reader
	close    func() error
	log      *slog.Logger
	override *reading // of Options.Schema; nil when published schemas are used
	fallback *form    // of decisions while no schema is known
	bare     *form    // of decisions without what was decided on

	table    atomic.Pointer[table] // what scores read; replaced, never changed
	mu       sync.Mutex            // serialises refreshes
	behind   map[int32]time.Time   // since when the store's version of a partition is older than ours
	compared json.RawMessage       // published schema that override was last compared with
	failures atomic.Uint64         // refreshes that failed
}

// table is one consistent view of all partitions.
type table struct {
	served []*served // by partition; nil while nothing was published
	synced time.Time // when the store last answered in full
	lead   *reading  // how events are read whose partition is not known yet; nil when nobody says
}

// served is a version in memory.
type served struct {
	model   model
	parts   []state.Sum // what the model was made of
	pointer state.Pointer
	reading *reading // how its events are read; nil when it does not say
}

// Open connects, loads what is published, and fails if the store does not
// answer. It succeeds when nothing is published yet.
func Open(ctx context.Context, o Options) (*Client, error) {
	if err := state.ValidateModel(o.Model); err != nil {
		return nil, err
	}
	if o.Partitions < 0 || o.Poll < 0 || o.Hold < 0 {
		return nil, fmt.Errorf("serve: partitions %d, poll %v, hold %v: must not be negative", o.Partitions, o.Poll, o.Hold)
	}
	if o.Mode != "" && o.Mode != Online && o.Mode != Shadow && o.Mode != Baseline {
		return nil, fmt.Errorf("serve: mode %q: must be %s, %s or %s", o.Mode, Online, Shadow, Baseline)
	}
	o.Poll, o.Hold = cmp.Or(o.Poll, time.Second), cmp.Or(o.Hold, 10*time.Minute)
	c := &Client{opts: o, store: o.Store, log: o.Logger, close: func() error { return nil }, behind: map[int32]time.Time{}}
	c.fallback = newForm(&event.Schema{ID: "id", Time: "ts", Context: "context", Actions: "actions", Eligible: "eligible", Arm: "arm", Probability: "p"})
	c.bare = newForm(&event.Schema{Context: "context", Arm: "arm", Probability: "p"})
	if !reflect.ValueOf(o.Schema).IsZero() {
		var err error
		if c.override, err = newReading(event.Layout{Format: "json", Schema: o.Schema}); err != nil {
			return nil, err
		}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.store == nil {
		store, err := redis.New(o.Redis)
		if err != nil {
			return nil, err
		}
		c.store, c.close = store, store.Close
	}
	c.table.Store(&table{served: make([]*served, o.Partitions), lead: c.override})
	if err := c.Refresh(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close closes the connection that Open made. Scores still work.
func (c *Client) Close() error { return c.close() }

// age is the time since the newest record that the version has learned; 0 when unknown.
func (s *served) age(now time.Time) time.Duration {
	if s.pointer.Created == 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(s.pointer.Created)))
}

func (s *served) stale(age time.Duration) bool {
	limit := time.Duration(s.pointer.MaxAgeMS) * time.Millisecond
	return limit > 0 && age > limit
}

// Status describes one partition.
type Status struct {
	Partition int32
	Pointer   state.Pointer // what is served; its mode may be newer than the version
	Age       time.Duration
	Stale     bool
}

// Status lists what is served, by partition, and when the store last answered.
func (c *Client) Status() (served []Status, synced time.Time) {
	t, now := c.table.Load(), time.Now()
	for p, s := range t.served {
		if s != nil {
			age := s.age(now)
			served = append(served, Status{Partition: int32(p), Pointer: s.pointer, Age: age, Stale: s.stale(age)})
		}
	}
	return served, t.synced
}
