// Package factor holds models of pairs of features, for sparse categories such
// as users and items: a pair that was never seen together is predicted from
// what each of the two did with others.
//
// A score is linear plus a sum over pairs:
//
//	z = w_0 + sum_i w_i x_i + pairs
//
// fm, factorization machine (Rendle 2010, https://doi.org/10.1109/ICDM.2010.127):
// all pairs of features, k factors a feature, time linear in the features.
//
//	pairs = sum_{i<j} <v_i, v_j> x_i x_j
//
// ffm, field-aware factorization machine (Juan, Zhuang, Chin, Lin 2016,
// https://doi.org/10.1145/2959100.2959134): a feature has k factors against each
// field. Time and rows grow with features times fields; at most 256 features an event.
//
//	pairs = sum_{i<j} <v_{i,F(j)}, v_{j,F(i)}> x_i x_j
//
// mf, biased matrix factorization (Koren, Bell, Volinsky 2009,
// https://doi.org/10.1109/MC.2009.263): only the pair of a user and an item,
// the categories of two named fields. Other features have linear weights.
//
//	z = mu + b_u + b_i + <p_u, q_i> + sum over other features w_j x_j
//
// # Loss and scale
//
// logistic: log(1+exp(-sz)) in nats, s = 1 for the label 1 and -1 for the labels 0
// and -1. squared: (p-y)^2, not halved. With scale_label the score is in standard
// deviations from the mean of the labels: an event is predicted with the
// statistics of the labels before it, then its label joins them, and the update
// aims at the label in the new scale. All of a Step is in the unit of the label.
//
// # Learning
//
// One step for each event, with g = h dl/dz and, for a factor, dz/dv as in the
// files of the models:
//
//	AdaGrad: G += g'^2, v -= rate g' / (beta + sqrt(G)), g' = g dz/dv + h l2 v
//
// FTRL-Proximal can take its place for the linear part, see moveLinear; it makes
// weights exactly 0. It does not suit factors, which would be drawn to 0, where
// the gradient of every pair is 0 as well.
//
// The norm of the gradient is bounded at clip_gradient times its running mean.
// What would still make a parameter non-finite or exceed 1e30 is refused, and
// changes nothing. Numeric fields are standardised online and screened as in pkg/sgd.
//
// # Rows
//
// Rows are made when they are first learned. Until then their factors have
// initial values that are a function of the seed and the row alone, so that
// nothing needs to be stored of what was only predicted. A row belongs to the
// low bits of a hash; features that agree in them share it.
//
// # References
//
// A reference is a copy of the values of all rows, with scaler and label
// scaling. Coordinates in a Reading may repeat: their values add up.
package factor
