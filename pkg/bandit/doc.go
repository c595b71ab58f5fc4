// Package bandit learns which of a few arms earns most, from logged decisions
// with their rewards.
//
// Two policies:
//
//   - thompson: a Beta posterior per arm, no context. Rewards are in [0, 1].
//     The probability of an arm is that of being the best one under the
//     posteriors (Thompson 1933), computed exactly.
//   - linucb: disjoint LinUCB (Li, Chu, Langford, Schapire 2010,
//     https://arxiv.org/abs/1003.0146): a ridge regression of the reward on the
//     context per arm, and the arm with the highest upper confidence bound.
//
// An event carries the context (X), the arm that was chosen (Arm, an index
// into Config.Arms), the probability it was chosen with (Prob) and the reward
// (Label). Features of actions (Event.Actions) are not used.
//
// Learning is progressive validation: the reward of the chosen arm is
// predicted, the loss is the squared error (for rewards 0 and 1 the Brier
// score), then the arm is updated. Neither policy weights by Prob: each arm's
// estimate is conditional on the context and the arm, which the propensity
// does not bias.
//
// To decide, ask Distribution for the probabilities of all arms, draw with
// Choose, and log the probability of the arm drawn:
//
//	p := model.Distribution(&e, p[:0])
//	arm := bandit.Choose(p, u) // u uniform in [0, 1), e.g. from a hash of the decision id
//	log(arm, p[arm])
package bandit
