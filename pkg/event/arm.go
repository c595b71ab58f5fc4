package event

// The kinds of changes to the arms of a bandit.
const (
	ArmAdd      = "arm_add"      // a new arm, or one that was removed before
	ArmRemove   = "arm_remove"   // no decision chooses the arm any more
	ArmCap      = "arm_cap"      // another largest probability
	ArmPrice    = "arm_price"    // another price
	ArmBaseline = "arm_baseline" // decisions fall back to this arm
)

// ArmChanges lists the kinds of changes to arms.
func ArmChanges() []string { return []string{ArmAdd, ArmRemove, ArmCap, ArmPrice, ArmBaseline} }

// ArmChange is a change of the arms of a bandit while it runs.
type ArmChange struct {
	Kind string
	Arm  string
	// Like is the arm whose statistics a new arm begins with; empty: the bandit looks for the nearest.
	Like string
	// Cap is the largest probability, 0 for none, and Price the price, 0 for none.
	Cap, Price float64
}

// ArmReport is what people watch of an arm.
type ArmReport struct {
	Name     string
	Status   string // active, new, draining or removed
	Gone     bool   // it keeps its place alone
	Baseline bool   // decisions fall back to it
	Out      string // metric of the guard rail that took it out; empty for none
	Events   uint64 // learned since it was added
	Rewards  float64

	// Got is the share of the decisions that could choose the arm and did, and Due the mean of the propensities that
	// were logged of it; 0 before the first decision.
	Got, Due float64
	// Evidence is that it is chosen more often than those propensities say: while they are right it takes on average
	// at least c decisions until it exceeds c.
	Evidence float64
}

// SampleRatioWrong is the evidence from which on an arm counts as chosen more often than its propensities say.
const SampleRatioWrong = 1e6

// The verdicts of a guard rail about an arm, each at the alpha of the rail and at all times together.
const (
	Harmful   = "harmful"   // worse than the baseline by more than the margin
	Better    = "better"    // better than the baseline
	NotWorse  = "not worse" // not worse by more than the margin
	Undecided = "undecided"
)

// RailReport is what a guard rail knows of an arm.
type RailReport struct {
	Arm, Metric string
	Values      uint64    // of the metric
	Absent      uint64    // events without one
	Clipped     uint64    // values outside of the range, which count as its nearest end
	Mean        *float64  // nil without values
	Difference  *Interval // to the baseline, at all times with probability 1 - Alpha; nil where nothing is known, and of the baseline
	Alpha       float64

	// E-values for what the verdicts say: 1/e is a p-value that may be looked at at any time.
	Harm, Better, NotWorse float64
	Verdict                string // empty of the baseline
}

// Interval is an estimate with bounds.
type Interval struct{ Value, Low, High float64 }
