package bandit

// rails are the constraints that every distribution keeps, as the table of arms
// and the configuration have them. They are applied in this order, and none breaks one before it:
//
//  1. Only eligible arms have a probability: those that the caller allows and that are
//     neither draining nor removed, nor off in price.
//     While the rule of conservative bandits holds others back, the baseline alone is eligible, wherever it is.
//  2. No arm is above its cap. What is cut off goes to the others in proportion to
//     their probabilities: the result is min(cap, s p), with the s that makes it add up to 1. If those
//     that have a probability stand at their caps, the rest goes evenly to the others. Where a mask leaves
//     arms whose caps add up to less than 1, their caps are raised in proportion.
//  3. The baseline has at least its floor; the others give in proportion.
//  4. Exploration: every arm has at least its share of the floor, and a new arm at
//     least the share of new arms, both up to its cap. It is the Euclidean projection, as in enforceFloor.
type rails struct {
	closed   []bool    // arms that no decision may choose; nil for none
	caps     []float64 // nil for none
	fresh    []bool    // new arms; nil for none
	baseline int       // arm with a floor of its own; -1 for none
	least    float64   // of the baseline
	share    float64   // of a new arm
	floor    float64   // shared by all eligible arms
	alone    int       // the arm that is chosen wherever it is eligible; -1 for none
}

func newRails(c *Config, t *arms) rails {
	r := rails{baseline: -1, share: c.NewShare, floor: c.Floor, alone: -1}
	if c.holdsBack(t) {
		r.alone = t.baseline
	}
	mark := func(flags []bool, i int) []bool {
		if flags == nil {
			flags = make([]bool, t.len())
		}
		flags[i] = true
		return flags
	}
	for i := range t.list {
		a := &t.list[i]
		if !a.open() || c.offPrice(t, i) {
			r.closed = mark(r.closed, i)
			continue
		}
		if a.Status == ArmNew && c.NewShare > 0 {
			r.fresh = mark(r.fresh, i)
		}
		if a.Cap < 1 && r.caps == nil {
			r.caps = make([]float64, t.len())
		}
	}
	for i := range r.caps {
		r.caps[i] = t.list[i].Cap
	}
	if c.BaselineFloor > 0 {
		r.baseline, r.least = t.baseline, c.BaselineFloor
	}
	return r
}

// masks reports whether the eligible of k arms are others than the caller says.
func (r *rails) masks(eligible []bool, k int) bool {
	return r.closed != nil || r.alone >= 0 || eligible != nil && len(eligible) != k
}

// mask fills memory with the arms that are eligible. The caller may know fewer arms, whose last ones are then
// not eligible, or more.
func (r *rails) mask(eligible, memory []bool) []bool {
	for i := range memory {
		memory[i] = (eligible == nil || i < len(eligible) && eligible[i]) && (r.closed == nil || !r.closed[i])
	}
	if r.alone >= 0 && memory[r.alone] {
		clear(memory)
		memory[r.alone] = true
	}
	return memory
}

// apply makes the probabilities p of the eligible arms, which add up to 1, keep the constraints.
func (r *rails) apply(p []float64, eligible []bool) {
	if r.caps == nil && r.fresh == nil && r.baseline < 0 {
		q := compress(p, eligible)
		enforceFloor(q, r.floor, false)
		expand(p, len(q), eligible)
		return
	}
	raise := r.cut(p, eligible)
	r.keepBaseline(p, eligible, raise)
	r.explore(p, eligible, raise)
}

// cap returns the largest probability of an arm, by the factor that all caps are raised by.
func (r *rails) cap(arm int, raise float64) float64 {
	if r.caps == nil {
		return 1
	}
	return min(1, float64(raise*r.caps[arm]))
}

// cut applies the caps and returns the factor that they were raised by.
func (r *rails) cut(p []float64, eligible []bool) (raise float64) {
	if r.caps == nil {
		return 1
	}
	total := 0.0
	for a, v := range r.caps {
		if isEligible(eligible, a) {
			total += v
		}
	}
	raise = 1
	if total < 1 {
		raise = 1 / total
	}
	// s only grows while arms come to stand at their caps, at most len(p) times.
	s := 1.0
	var rest float64
	for {
		atCaps, free := 0.0, 0.0
		for a, v := range p {
			if limit := r.cap(a, raise); v > 0 && float64(s*v) >= limit {
				atCaps += limit
			} else {
				free += v
			}
		}
		rest = 1 - atCaps
		if free == 0 {
			break
		}
		next := rest / free
		rest = 0
		if !(next > s) { // also if a probability is no number
			break
		}
		s = next
	}
	for a, v := range p {
		if v > 0 {
			p[a] = min(r.cap(a, raise), float64(s*v))
		}
	}
	if rest > 0 {
		r.spread(p, eligible, rest, raise)
	}
	return raise
}

// spread deals rest out evenly to the eligible arms of probability 0, up to their caps: each
// gets min(cap, level), and the level only grows while arms come to stand at their caps.
func (r *rails) spread(p []float64, eligible []bool, rest, raise float64) {
	level := 0.0
	for {
		left, n := rest, 0
		for a, v := range p {
			if v > 0 || !isEligible(eligible, a) {
				continue
			}
			if limit := r.cap(a, raise); limit <= level {
				left -= limit
			} else {
				n++
			}
		}
		if n == 0 || left/float64(n) <= level {
			break
		}
		level = left / float64(n)
	}
	for a, v := range p {
		if v == 0 && isEligible(eligible, a) {
			p[a] = min(r.cap(a, raise), level)
		}
	}
}

// keepBaseline gives the baseline its floor.
func (r *rails) keepBaseline(p []float64, eligible []bool, raise float64) {
	b := r.baseline
	if b < 0 || !isEligible(eligible, b) {
		return
	}
	least := min(r.least, r.cap(b, raise))
	if p[b] >= least {
		return
	}
	others := (1 - least) / (1 - p[b])
	for a := range p {
		p[a] *= others
	}
	p[b] = least
}

// bottom returns the least probability of an eligible arm, one of n.
func (r *rails) bottom(arm, n int, raise float64) float64 {
	least := r.floor / float64(n)
	if r.fresh != nil && r.fresh[arm] {
		least = max(least, r.share)
	}
	if arm == r.baseline {
		least = max(least, r.least)
	}
	return min(least, r.cap(arm, raise))
}

// explore raises every eligible arm to its least probability.
func (r *rails) explore(p []float64, eligible []bool, raise float64) {
	k := 0
	for a := range p {
		if isEligible(eligible, a) {
			k++
		}
	}
	t, raised := 0.0, -1
	for {
		sum, held, n := 0.0, 0.0, 0
		for a, v := range p {
			if !isEligible(eligible, a) {
				continue
			}
			if least := r.bottom(a, k, raise); v-t > least {
				sum += v
				n++
			} else {
				held += least
			}
		}
		if n == 0 || k-n <= raised {
			break
		}
		raised = k - n
		t = max(0, (sum-(1-held))/float64(n))
	}
	for a, v := range p {
		if isEligible(eligible, a) {
			p[a] = max(r.bottom(a, k, raise), v-t)
		}
	}
}
