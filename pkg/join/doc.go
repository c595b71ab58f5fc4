// Package join joins decisions with the rewards that come later, by the id of
// the decision and in event time.
//
// A decision at time t is open until its window has passed: rewards with its id
// and a time up to t + Window belong to it. What "has passed" means depends on
// the records alone: the watermark is the newest event time seen minus Lateness,
// and a decision is closed when the watermark reaches t + Window. Then its
// rewards are reduced to one, or there are none.
//
//	event time  ----t----------r1-----r2-------t+Window------t+Window+Lateness--->
//	                decision   reward reward   |             newest time seen here
//	                opened     taken  taken    later rewards closes the decision
//	                                           are late
//
// Records may come in any order within Lateness: a reward that comes before its
// decision waits for it, until the watermark passes the reward's time. Rewards of one decision
// are kept in the order of their times, so that their reduction does not depend on the order in which they came.
//
// After its close a decision is remembered for Keep, so that late rewards and
// repeated decisions are known as such, and so that what was learned can be corrected.
//
// A Join is a deterministic machine without clock and I/O. Its owner does for every record:
//
//	j.Decide, j.Reward or j.Show
//	j.Advance(time)
//	for e := j.Close(); e != nil; e = j.Close() { learn e }
//
// Memory is bounded by MaxOpen decisions, MaxRewards rewards of each, and the
// size of the records. When one decision too many is open, the one whose window ends first is closed early.
package join
