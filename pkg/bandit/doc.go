// Package bandit learns which of a few arms earns most, from logged decisions
// with their rewards, and turns what it has learned into the probabilities with which a
// service chooses.
//
// An event carries the context (X), perhaps features of every action (Actions, in the order of the arms), the
// arm that was chosen (Arm, an index into Config.Arms), the probability it was chosen with
// (Prob), the reward (Label) and, for policies that age by event time, Time.
//
// Learning is progressive validation: the reward of the chosen arm is
// predicted, the loss is the squared error on the scale [0, 1] (log loss for policy logistic), then the
// arm is updated. Rewards are learned as (r - RewardMin) / (RewardMax - RewardMin). Propensities
// weight nothing in the policies that estimate each arm's reward given the context, which they do not bias; exp3,
// exp3ix, cover, gradient and reinforce use them.
//
// # Policies
//
// A policy is a state with statistics, and a rule that makes probabilities of them. With features:
//
//   - linucb, lints, epsilon, softmax, squarecb, regcb, regcb_elimination regress rewards by ridge regression,
//     with the full matrix or its diagonal;
//   - logistic regresses them by logistic regression with a Laplace approximation;
//   - bag keeps several ridge regressions on resampled events; cover keeps policies that
//     cover the arms, learned from doubly robust rewards;
//   - reinforce climbs the gradient of the expected reward of a softmax.
//
// Without: thompson, ladder, normal, ucb1, klucb, exp3, exp3ix, gradient. Each has its file, with the paper.
//
// # From bytes to a choice
//
// What AppendBinary writes is all that a reader needs; docs/format/bandit.md
// specifies it. The rule is a pure function of those bytes, the context, the
// eligible arms and, for policies that draw, the id of the decision. So a reader
// in any process computes the same probabilities, and a log can be checked against them:
//
//	policy, err := bandit.OpenPolicy(b)
//	p := policy.Distribution(&e, eligible, p[:0]) // e.X, e.Actions, e.ID
//	arm := bandit.Choose(p, policy.Uniform(e.ID))
//	log(e.ID, policy.Arms()[arm], p[arm])
//
// p is what is really sampled, with the floor in it, and p[arm] is the propensity to log. Policy learns nothing and
// may be used by many goroutines; Model learns and has one owner.
//
// # Arms
//
// Arms are identified by name. Their table is part of the state, statistics
// are kept by place in the table, and the random draws of an arm depend on its place alone, so that a table may grow at its end.
//
// Model.ChangeArm adds an arm, which begins with a part of what the arms nearest to it have learned and with a share of
// the decisions of its own, removes one, which drains until late rewards have come, and changes caps, prices and the
// baseline. What the table says bounds every distribution: removed arms and prices out of bounds, caps, the floor of
// the baseline, exploration, in this order (rails.go), and the rule of conservative bandits. UnmarshalUnder carries the table of now to parameters of before.
package bandit
