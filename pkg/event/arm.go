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
	Name    string
	Status  string // active, new, draining or removed
	Gone    bool   // it keeps its place alone
	Events  uint64 // learned since it was added
	Rewards float64
}
