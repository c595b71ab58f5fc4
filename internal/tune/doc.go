// Package tune runs many configurations of a model over one pass of events.
//
// Every record is read once, and decoded once for all configurations whose
// records mean the same. Each configuration has a learner under its guard of its own,
// the very one of the daemon, which is handed copies of the decoded events:
// its parameters are those of a replay of that configuration alone, bit for bit.
//
//	res, err := tune.Run(next, candidates, tune.Options{})
//	for _, r := range res.Ranking {
//		fmt.Println(r.Candidate, *r.Score, r.Params)
//	}
//
// The learners of a batch of events are spread over workers. They share
// nothing but the batch, which they only read, and meet at its end. So neither the
// number of workers nor their luck changes a result; only durations differ.
//
// Options.Rung and Options.Alpha drop configurations on the way:
//
//   - Successive halving (Jamieson, Talwalkar 2016, https://arxiv.org/abs/1502.07943):
//     after Rung, 2 Rung, 4 Rung, ... events the worse half goes.
//   - Racing (Maron, Moore 1994; here with the confidence sequence of
//     Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2021, https://arxiv.org/abs/2103.06476):
//     a configuration goes once it is worse than the best one beyond doubt.
//
// Search makes the lists of settings to try.
package tune
