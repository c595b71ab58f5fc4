package tune

import "slices"

// drop lets go those that the options say, at the end of a batch. One stays always.
func (p *pass) drop() {
	if len(p.live) > 1 && p.rung > 0 && p.fed == p.rung {
		p.halve()
	}
	for p.rung > 0 && p.rung <= p.fed {
		p.rung *= 2
	}
	if len(p.live) > 1 && p.o.Alpha > 0 {
		p.race()
	}
}

// ranked returns the live contenders in order, by what they have done so far.
func (p *pass) ranked() []*contender {
	list := slices.Clone(p.live)
	for _, c := range list {
		c.result.Score, c.result.Stats = c.account.Score(), c.learner.Stats()
	}
	order(list)
	return list
}

// halve drops the worse half, the smaller one of an odd number.
func (p *pass) halve() {
	list := p.ranked()
	for _, c := range list[(len(list)+1)/2:] {
		p.remove(c, Halved)
	}
}

// race drops those that are worse than the best one at the level that leaves
// the truly best one in the race with probability 1-alpha: of all pairs only
// those with the truly best one can be wrong about it, so that each has an equal share of alpha.
func (p *pass) race() {
	list := p.ranked()
	best := list[0]
	alpha := p.o.Alpha / float64(len(p.all)-1)
	for _, c := range list[1:] {
		switch {
		case refuses(c.learned(), best.learned()):
			p.remove(c, Refused)
		case p.pairs.compare(c.index, best.index, alpha).Lo > 0:
			p.remove(c, Raced)
		}
	}
}

func (p *pass) remove(c *contender, cause string) {
	c.finish(&Drop{Event: p.fed, Cause: cause})
	c.group.live--
	p.live = slices.DeleteFunc(p.live, func(l *contender) bool { return l == c })
}
