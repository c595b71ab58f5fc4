package sim

import (
	"fmt"
	"io"
)

// Counts say what a run went through.
type Counts struct {
	Seeds, Records, Saves int

	Crashes     int // kill -9 between two records, before a save and after it
	Torn        int // saves of which only some blobs arrived before the crash
	LostReplies int // saves that were stored, and then repeated
	LostWrites  int // failovers of the store that lost its last saves
	LostClaims  int // of these, the ones that lost the owner's claim as well
	Forward     int // times that a live owner wrote its state forward after that
	Duplicates  int // records that a broker delivered again
	Zombies     int // processes that lost the partition without knowing it
	Fenced      int // saves of zombies that were refused
	LateClaims  int // claims of zombies that were refused
	Revived     int // saves of zombies whose claim a failover brought back
	Reloads     int // restarts in good order, some with a changed configuration
	Commands    int // operator commands taken
	Unsaved     int // crashes between a command and its save
	ClockJumps  int // records whose time is far from the one before
	Timed       int // saves at a moment that no record decides

	Published int // saves that serve a version
	Chained   int // saves that serve a base with changes
	Held      int // saves while an operator holds readers at a version
	Switched  int // saves while readers do not follow the policy of a bandit
	Forced    int // times that readers were moved without the owner
	Refused   int // times that they were not, since arms would have come back
	Rebuilt   int // kept versions that a replay from an older one came to again

	// Of the undisturbed run.
	Declined  int // commands that were refused
	Freezes   int
	Recovered int // freezes ended by automation
	Failed    int // probations that did not end the freeze
	Overdue   int // freezes that lasted too long
	Surplus   int // records above the share of their source
	Clipped   int // streams whose gradients were bounded
	Joined    int // decisions learned with what came later
	Corrected int // late rewards that corrected what was learned
	TooLate   int // records of a join that came too late
	Repeated  int // records of a join that were there already
	Harms     int // arms that the guard rail took out
	Evaluated int // decisions on which candidates were evaluated
}

// rows lists the counts with what they count.
func (c *Counts) rows() []row {
	return []row{
		{"seeds", &c.Seeds}, {"records", &c.Records}, {"saves", &c.Saves},
		{"crashes", &c.Crashes}, {"torn writes", &c.Torn}, {"lost replies", &c.LostReplies},
		{"failovers with lost writes", &c.LostWrites}, {"failovers with a lost claim", &c.LostClaims},
		{"states written forward", &c.Forward}, {"duplicate deliveries", &c.Duplicates},
		{"zombies", &c.Zombies}, {"zombie saves refused", &c.Fenced}, {"late claims refused", &c.LateClaims},
		{"zombies revived by a failover", &c.Revived}, {"reloads", &c.Reloads}, {"operator commands", &c.Commands},
		{"crashes before a command's save", &c.Unsaved}, {"clock jumps", &c.ClockJumps}, {"saves by the clock", &c.Timed},
		{"published saves", &c.Published}, {"saves with changes", &c.Chained}, {"saves under a hold", &c.Held},
		{"saves with a policy switched off", &c.Switched}, {"readers moved by force", &c.Forced}, {"moves by force refused", &c.Refused},
		{"versions rebuilt", &c.Rebuilt},
		{"commands refused", &c.Declined}, {"freezes", &c.Freezes}, {"recoveries", &c.Recovered}, {"probations failed", &c.Failed},
		{"freezes overdue", &c.Overdue}, {"records above a share", &c.Surplus}, {"streams with clipping", &c.Clipped},
		{"decisions joined", &c.Joined}, {"late rewards that corrected", &c.Corrected}, {"records too late for a join", &c.TooLate},
		{"records of a join repeated", &c.Repeated}, {"arms taken out by the rail", &c.Harms}, {"decisions evaluated", &c.Evaluated},
	}
}

type row struct {
	name string
	n    *int
}

// Add adds other to c.
func (c *Counts) Add(other *Counts) {
	for i, r := range other.rows() {
		*c.rows()[i].n += *r.n
	}
}

// Never lists what did not happen, and so was not tested.
func (c *Counts) Never() (names []string) {
	for _, r := range c.rows() {
		if *r.n == 0 {
			names = append(names, r.name)
		}
	}
	return names
}

// Write prints the counts as a table.
func (c *Counts) Write(w io.Writer) error {
	for _, r := range c.rows() {
		if _, err := fmt.Fprintf(w, "%-33s %12d\n", r.name, *r.n); err != nil {
			return err
		}
	}
	return nil
}
