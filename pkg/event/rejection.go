package event

import "fmt"

// Reason is why a record is refused. A refused record changes no weight; it
// goes to the dead-letter topic and is counted under the reason's name.
type Reason uint8

// The reasons. They are numbered for counters (see Reasons) and named for people.
const (
	Accepted          Reason = iota
	Syntax                   // not well-formed in its format
	LabelMissing             // the label field is absent or null
	LabelInvalid             // the label cannot be understood, or is not one the loss accepts
	WeightInvalid            // the weight is negative, not a number, or not finite
	TimeInvalid              // the time field cannot be understood
	NonFinite                // a feature is NaN or infinite, or is too large for a float64
	Extreme                  // a feature is far outside of all that was learned
	TooManyFeatures          // more features than a record may have
	TooDeep                  // nested deeper than a record may be
	NoFeatures               // nothing to learn from
	ArmUnknown               // the arm is not one of the configured arms
	PropensityInvalid        // the propensity is not in (0, 1]
	RewardInvalid            // the reward is not one the bandit accepts
	Unstable                 // learning from it would make a parameter non-finite
	ActionsInvalid           // the features of the actions are not one object for each arm that could be chosen
	KindUnknown              // a record of a join that is neither decision, reward nor activation
	IDMissing                // a record of a join without the id of its decision
	FieldMissing             // a field that must be there is not
	TypeInvalid              // a field is a number and must be a category, or the other way round
	OutOfRange               // a number is outside of the range of its field
	CategoryUnknown          // a category is not one that its field may have
	SourceShare              // its source has supplied more than its share
	NearDuplicate            // too many records of late are like others
	Reasons                  // the number of reasons
)

var reasonNames = [Reasons]string{
	"accepted", "syntax", "label_missing", "label_invalid", "weight_invalid", "time_invalid", "non_finite",
	"extreme", "too_many_features", "too_deep", "no_features", "arm_unknown", "propensity_invalid",
	"reward_invalid", "unstable", "actions_invalid", "kind_unknown", "id_missing", "field_missing", "type_invalid",
	"out_of_range", "category_unknown", "source_share", "near_duplicate",
}

// String returns the name used in metrics, dead-letter headers and JSON output.
func (r Reason) String() string {
	if r < Reasons {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Surplus reports whether a record is refused since there are too many like it, and not for
// what it is.
func (r Reason) Surplus() bool { return r == SourceShare || r == NearDuplicate }

// Rejection is the error of a record that is not learned from.
type Rejection struct {
	Reason Reason
	Field  string // the field at fault, when there is one
	Detail string // what was found and what is allowed
}

func (r *Rejection) Error() string {
	if r.Field == "" {
		return fmt.Sprintf("%s: %s", r.Reason, r.Detail)
	}
	return fmt.Sprintf("%s: field %q: %s", r.Reason, r.Field, r.Detail)
}
