package metric

import "github.com/streamlearner/streamlearner/pkg/event"

// decide counts the decisions on the labels of one event.
func (p *Progressive) decide(s *event.Step, weight float64) {
	right, next := true, 0
	for k, prob := range s.Probs {
		is := next < len(s.Labels) && int(s.Labels[next]) == k
		if is {
			next++
		}
		switch decided := prob >= 0.5; {
		case is && decided:
			p.counts[truePos] += weight
		case is:
			p.counts[falseNeg] += weight
			right = false
		case decided:
			p.counts[falsePos] += weight
			right = false
		}
	}
	p.decisions += float64(weight * float64(len(s.Probs)))
	if right {
		p.subset += weight
	}
}

// pay counts the cost of one event's class.
func (p *Progressive) pay(s *event.Step, weight float64) {
	if s.Regret <= 0 {
		p.counts[truePos] += weight
	}
	p.cost += float64(weight * s.Cost)
	p.regret += float64(weight * s.Regret)
}

func (p *Progressive) reportDecisions(r *Report) {
	if p.task == CostSensitive {
		r.Accuracy = ratio(p.counts[truePos], p.weight)
		r.Cost, r.Regret = ratio(p.cost, p.weight), ratio(p.regret, p.weight)
		return
	}
	wrong := p.counts[falsePos] + p.counts[falseNeg]
	r.HammingLoss, r.SubsetAccuracy = ratio(wrong, p.decisions), ratio(p.subset, p.weight)
	r.MicroF1 = ratio(2*p.counts[truePos], 2*p.counts[truePos]+wrong)
}
