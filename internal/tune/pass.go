package tune

import (
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// group is the candidates that see the same events.
type group struct {
	schema   string
	decoders []event.Decoder // alike; each has buffers of its own
	live     int             // contenders that are not dropped
	batches  [2]batch        // one is learned while the other is decoded
}

// decoding returns the jobs that decode records into batch i. A batch is cut
// into pieces, so that all workers find something to do: what a decoder makes of a
// record depends on nothing but the record.
func (g *group) decoding(i int, records [][]byte) []func() {
	b := &g.batches[i]
	b.grow(len(records))
	pieces := len(g.decoders)
	jobs := make([]func(), pieces)
	for k := range pieces {
		from, to := k*len(records)/pieces, (k+1)*len(records)/pieces
		jobs[k] = func() { b.decode(g.decoders[k], records[from:to], from) }
	}
	return jobs
}

// pass is one run over the events. It works in steps, each of which learns one
// batch, decodes the next, and reads the one after that.
type pass struct {
	o       Options
	groups  []*group
	all     []*contender
	live    []*contender // ascending by index
	pairs   *pairs       // nil when nothing is compared
	records [2]records
	origins [2]origins // of the events of the batches
	fed     uint64     // events that the live contenders have learned
	ahead   uint64     // events that were read
	rung    uint64     // events after which the next half goes; 0 for never
}

func newPass(candidates []Candidate, o Options) (*pass, error) {
	p := &pass{o: o, rung: o.Rung}
	for i, c := range candidates {
		schema := string(c.Learner.Schema)
		at := slices.IndexFunc(p.groups, func(g *group) bool { return g.schema == schema })
		if at < 0 {
			at = len(p.groups)
			p.groups = append(p.groups, &group{schema: schema})
		}
		g := p.groups[at]
		if len(g.decoders) < maxPieces {
			g.decoders = append(g.decoders, c.Learner.Decoder)
		}
		n, err := newContender(i, c, g, o)
		if err != nil {
			return nil, err
		}
		g.live++
		p.all = append(p.all, n)
	}
	p.live = slices.Clone(p.all)
	if o.Compare || o.Alpha > 0 {
		p.pairs = newPairs(len(p.all))
	}
	return p, nil
}

// records is a batch of records as they were read.
type records struct {
	data    []byte
	ends    []int // of values and keys
	list    [][]byte
	origins []learner.Record // without values
	err     error            // why there are no more
}

// read takes up to n records.
func (r *records) read(next func() (learner.Record, error), n int) {
	r.data, r.ends, r.list, r.origins = r.data[:0], r.ends[:0], r.list[:0], r.origins[:0]
	for len(r.origins) < n && r.err == nil {
		var record learner.Record
		if record, r.err = next(); r.err == nil {
			r.data = append(r.data, record.Value...)
			r.ends = append(r.ends, len(r.data))
			r.data = append(r.data, record.Key...)
			r.ends = append(r.ends, len(r.data))
			record.Value = nil
			r.origins = append(r.origins, record)
		}
	}
	start := 0
	for i := range r.origins {
		value, key := r.ends[2*i], r.ends[2*i+1]
		r.list = append(r.list, r.data[start:value:value])
		r.origins[i].Key = r.data[value:key:key]
		start = key
	}
}

// origins are the records that the events of a batch came from, without their values.
type origins struct {
	keys []byte
	list []learner.Record
}

// take copies the origins of records, whose memory is about to be used again.
func (o *origins) take(r *records) {
	o.keys, o.list = o.keys[:0], append(o.list[:0], r.origins...)
	for i := range o.list {
		o.keys = append(o.keys, o.list[i].Key...)
	}
	start := 0
	for i := range o.list {
		end := start + len(o.list[i].Key)
		o.list[i].Key = o.keys[start:end:end]
		start = end
	}
}

// size returns how many records to read next: batches end at rungs.
func (p *pass) size() int {
	n := uint64(p.o.Batch)
	if rung := p.o.Rung; rung > 0 {
		for rung <= p.ahead {
			rung *= 2
		}
		n = min(n, rung-p.ahead)
	}
	return int(n)
}

// read fills records[i], unless the other one has met the end.
func (p *pass) read(i int, next func() (learner.Record, error)) {
	r := &p.records[i]
	r.err = p.records[1-i].err
	r.read(next, p.size())
	p.ahead += uint64(len(r.list))
}

func (p *pass) run(next func() (learner.Record, error)) error {
	p.read(0, next)
	work(p.decoding(0), p.o.Workers)
	p.read(1, next)
	for now := 0; len(p.records[now].list) > 0; now = 1 - now {
		learned := len(p.records[now].list)
		p.step(now, learned, next)
		p.fed += uint64(learned)
		p.compare(learned)
		p.drop()
	}
	err := p.records[0].err
	if err == nil {
		err = p.records[1].err
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// maxPieces is into how many pieces a batch is cut to be decoded.
const maxPieces = 8

// decoding returns the jobs that fill batch i of all groups.
func (p *pass) decoding(i int) []func() {
	jobs := []func(){func() { p.origins[i].take(&p.records[i]) }}
	for _, g := range p.groups {
		if g.live > 0 {
			jobs = append(jobs, g.decoding(i, p.records[i].list)...)
		}
	}
	return jobs
}

// step learns the n events of batch now, decodes the other batch, and reads
// the records after it into the place of those of batch now.
func (p *pass) step(now, n int, next func() (learner.Record, error)) {
	var jobs []func()
	for _, c := range p.live {
		jobs = append(jobs, func() { c.learn(&c.group.batches[now], p.origins[now].list[:n], p.fed) })
	}
	jobs = append(jobs, p.decoding(1-now)...) // small ones last, to fill the gaps
	var reader sync.WaitGroup
	reader.Go(func() { p.read(now, next) })
	work(jobs, p.o.Workers)
	reader.Wait()
}

// work does all jobs by a number of workers.
func work(jobs []func(), workers int) {
	if workers = min(workers, len(jobs)); workers <= 1 {
		for _, job := range jobs {
			job()
		}
		return
	}
	var taken atomic.Int64
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for i := taken.Add(1); i <= int64(len(jobs)); i = taken.Add(1) {
				jobs[i-1]()
			}
		})
	}
	done.Wait()
}

// learn feeds the events of a batch, which came from these records. The first has the number first.
func (c *contender) learn(b *batch, from []learner.Record, first uint64) {
	begin := time.Now()
	c.player = player{batch: b}
	keep := c.values != nil
	c.values = c.values[:0]
	for i := range from {
		number := int64(first) + int64(i)
		o := c.learner.Feed(from[i])
		value, ok := c.account.Observe(c.learner, o, number)
		if !keep {
			continue
		}
		if value *= o.Weight; !ok {
			value = math.NaN()
		}
		c.values = append(c.values, value)
	}
	c.busy += time.Since(begin)
}

// compare brings the pairs up to date.
func (p *pass) compare(n int) {
	if p.pairs == nil {
		return
	}
	live, values := make([]int, len(p.live)), make([][]float64, len(p.all))
	for i, c := range p.live {
		live[i], values[c.index] = c.index, c.values
	}
	for i := range n {
		p.pairs.add(live, values, i)
	}
}

// results finishes those that went to the end and ranks all.
func (p *pass) results() *Results {
	r := &Results{Events: p.fed, pairs: p.pairs}
	jobs := make([]func(), len(p.live))
	for i, c := range p.live {
		jobs[i] = func() { c.finish(nil) }
	}
	work(jobs, p.o.Workers)
	order(p.live)
	list := slices.Concat(p.live, p.dropped())
	for _, c := range list {
		r.Ranking = append(r.Ranking, c.result)
	}
	return r
}

// dropped returns those that were dropped, the last ones first.
func (p *pass) dropped() []*contender {
	list := slices.DeleteFunc(slices.Clone(p.all), func(c *contender) bool { return c.result.Dropped == nil })
	at := func(c *contender) uint64 { return c.result.Dropped.Event }
	slices.SortStableFunc(list, func(a, b *contender) int { return cmp.Compare(at(b), at(a)) })
	for begin := 0; begin < len(list); {
		end := begin
		for end < len(list) && at(list[end]) == at(list[begin]) {
			end++
		}
		order(list[begin:end])
		begin = end
	}
	return list
}
