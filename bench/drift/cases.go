package main

// kind of a case.
type kind string

const (
	calm     kind = "stationary"      // every alarm is a false one
	changed  kind = "change"          // an alarm should follow the change
	harmless kind = "harmless change" // no alarm should: the model is still right
)

// study is one stream, and what happens to it.
type study struct {
	name   string
	kind   kind
	stream func(seed uint64) stream
	change func(stream)
	set    []string // settings of the model, beside the defaults
}

// tens is how many numeric features most cases have.
const tens = 10

// studies are all cases. The features of a dense stream are independent,
// normal, ten in number, where nothing else is said.
func studies() []study {
	linear := func(set func(*dense)) func(uint64) stream {
		return func(seed uint64) stream { return newDense(seed, tens, set) }
	}
	wide := func(set func(*sparse)) func(uint64) stream {
		return func(seed uint64) stream { return newSparse(seed, 20, 1_000, set) }
	}
	narrow := func(set func(*sparse)) func(uint64) stream {
		return func(seed uint64) stream { return newSparse(seed, 5, 20, set) }
	}
	quad := func(ar float64) func(uint64) stream {
		return linear(func(s *dense) { s.ar, s.quad = ar, .5 })
	}
	out := []study{
		{name: "independent", stream: linear(nil)},
		{name: "correlation .5", stream: linear(func(s *dense) { s.corr = .5 })},
		{name: "correlation .9", stream: linear(func(s *dense) { s.corr = .9 })},
		{name: "20 features, correlation .5", stream: func(seed uint64) stream { return newDense(seed, 20, func(s *dense) { s.corr = .5 }) }},
		{name: "AR .9, square missing", stream: quad(.9)},
		{name: "AR .98, square missing", stream: quad(.98)},
		{name: "AR .98, product missing", stream: linear(func(s *dense) { s.ar, s.cross = .98, .7 })},
		{name: "AR .98, feature missing", stream: linear(func(s *dense) { s.ar, s.hidden = .98, .7 })},
		{name: "AR .995, square missing", stream: quad(.995)},
		{name: "AR .995, feature missing", stream: linear(func(s *dense) { s.ar, s.hidden = .995, .7 })},
		{name: "Student t(4), 3% positives", stream: linear(func(s *dense) { s.tail, s.bias = 4, -5 })},
		{name: "season of 2,000 events in the base rate", stream: linear(func(s *dense) { s.season = .5 })},
		{name: "slow learner still improving", stream: linear(nil), set: []string{"learner.optimizer=sgd", "learner.rate=0.002"}},
		{name: "20 fields of 1,000 categories", stream: wide(nil)},
		{name: "5 fields of 20 categories, 3% positives", stream: narrow(func(s *sparse) { s.bias = -4 })},
	}
	for i := range out {
		out[i].kind = calm
	}
	add := func(kind kind, name string, of func(uint64) stream, change func(stream)) {
		out = append(out, study{name: name, kind: kind, stream: of, change: change})
	}
	alter := func(f func(*dense)) func(stream) { return func(s stream) { f(s.(*dense)) } }
	turn := func(degrees float64) func(stream) { return alter(func(s *dense) { s.turn(degrees) }) }
	for _, c := range []struct {
		name   string
		change func(stream)
	}{
		{"rotation of 20 degrees", turn(20)},
		{"rotation of 60 degrees", turn(60)},
		{"intercept +1", alter(func(s *dense) { s.bias++ })},
		{"5% of labels flipped", alter(func(s *dense) { s.flip = .05 })},
		{"20% of labels flipped", alter(func(s *dense) { s.flip = .2 })},
		{"one feature times 10", alter(func(s *dense) { s.scale = 10 })},
		{"rotation of 60 degrees over 5,000 events", alter(func(s *dense) { s.drift, s.left = 60./5_000, 5_000 })},
		{"source of 10% with label 1", alter(func(s *dense) { s.source = .1 })},
	} {
		add(changed, c.name, linear(nil), c.change)
	}
	for _, c := range []struct {
		name string
		of   func(uint64) stream
	}{
		{"correlation .5", linear(func(s *dense) { s.corr = .5 })},
		{"correlation .9", linear(func(s *dense) { s.corr = .9 })},
		{"AR .9", quad(.9)},
		{"AR .98", quad(.98)},
	} {
		add(changed, c.name+": rotation of 20 degrees", c.of, turn(20))
		add(changed, c.name+": rotation of 60 degrees", c.of, turn(60))
		add(changed, c.name+": intercept +1", c.of, alter(func(s *dense) { s.bias++ }))
	}
	alterSparse := func(f func(*sparse)) func(stream) { return func(s stream) { f(s.(*sparse)) } }
	redraw := alterSparse(func(s *sparse) { s.redraw(0) })
	add(changed, "one of 5 fields of 20 categories redrawn", narrow(nil), redraw)
	add(changed, "one of 20 fields of 1,000 categories redrawn", wide(nil), redraw)
	add(changed, "five of 20 fields of 1,000 categories redrawn", wide(nil), alterSparse(func(s *sparse) {
		for f := range 5 {
			s.redraw(f)
		}
	}))
	add(changed, "20 fields of 1,000 categories: intercept +1", wide(nil), alterSparse(func(s *sparse) { s.bias++ }))
	add(changed, "20 fields of 1,000 categories: 20% of labels flipped", wide(nil), alterSparse(func(s *sparse) { s.flip = .2 }))
	add(changed, "20 fields of 1,000 categories: source of 10% with label 1", wide(nil), alterSparse(func(s *sparse) { s.source = .1 }))

	add(harmless, "all features times 1.3, plus .3", linear(nil), alter(func(s *dense) {
		s.gain = 1.3
		for i := range s.shift {
			s.shift[i] = .3
		}
	}))
	add(harmless, "three features plus 1", linear(nil), alter(func(s *dense) { s.shift[0], s.shift[1], s.shift[2] = 1, 1, 1 }))
	return out
}
