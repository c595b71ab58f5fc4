package offpolicy

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"
)

// vector reads a number for every arm from a field: a JSON array in the order of the arms, a JSON object by their
// names, or the fields with a common prefix: p_* means p_red for the arm red.
type vector struct {
	what    string // for refusals
	arms    *Arms
	one     field
	several []field // with a prefix, one for each arm
	numbers []float64
}

func newVector(f *Format, a *Arms, name, what string) (*vector, error) {
	v := &vector{what: what, arms: a, numbers: make([]float64, len(a.names))}
	prefix, ok := strings.CutSuffix(name, "*")
	if !ok {
		var err error
		v.one, err = f.field(name)
		return v, err
	}
	if len(a.names) == 0 {
		return nil, fmt.Errorf("%s: the arms must be known", name)
	}
	for _, arm := range a.names {
		one, err := f.field(prefix + arm)
		if err != nil {
			return nil, fmt.Errorf("%s: arm %s: %w", name, arm, err)
		}
		v.several = append(v.several, one)
	}
	return v, nil
}

// read returns the numbers of all arms, or one alone when the field holds a number.
func (v *vector) read(r *record) (all []float64, one float64, err error) {
	for i := range v.several {
		if v.numbers[i], err = r.number(&v.several[i], v.what); err != nil {
			return nil, 0, err
		}
	}
	if v.several != nil {
		return v.numbers, 0, nil
	}
	_, compound := r.value(&v.one)
	switch {
	case compound == nil:
		one, err = r.number(&v.one, v.what)
		return nil, one, err
	case compound.Type() == fastjson.TypeArray:
		return v.numbers, 0, v.array(compound.GetArray())
	default:
		return v.numbers, 0, v.object(compound.GetObject())
	}
}

func (v *vector) array(list []*fastjson.Value) error {
	if len(list) != len(v.numbers) {
		return refusal{v.what + " has another number of arms", fmt.Sprintf("%d instead of %d", len(list), len(v.numbers))}
	}
	for i, x := range list {
		if err := v.set(i, x); err != nil {
			return err
		}
	}
	return nil
}

// object takes 0 for an arm that is not named.
func (v *vector) object(o *fastjson.Object) (err error) {
	clear(v.numbers)
	o.Visit(func(key []byte, x *fastjson.Value) {
		i, known := v.arms.index[string(key)]
		switch {
		case err != nil:
		case !known:
			err = refusal{v.what + " is given for what is none of the arms", fmt.Sprintf("%q", clip(key))}
		default:
			err = v.set(i, x)
		}
	})
	return err
}

func (v *vector) set(i int, x *fastjson.Value) error {
	text := textOf(x)
	var err error
	if v.numbers[i], err = strconv.ParseFloat(string(text), 64); err != nil {
		return refusal{v.what + " is not a number", fmt.Sprintf("%q for arm %s", clip(text), v.arms.names[i])}
	}
	return nil
}

// Column is a policy whose probabilities stand in the log.
type Column struct {
	fixed
	v *vector
}

// NewColumn reads the field name: the probability of the logged action, or those of all arms, see vector.
func NewColumn(f Format, a *Arms, name string) (*Column, error) {
	v, err := newVector(&f, a, name, "the target probability")
	return &Column{v: v}, err
}

// roundingOfSum is how far printed probabilities may be from adding up to 1.
const roundingOfSum = 0.01

func (c *Column) target(r *row, t *target) error {
	all, one, err := c.v.read(&r.record)
	if err != nil {
		return err
	}
	t.logged, t.all = one, all
	if all == nil {
		return nil
	}
	sum := 0.0
	for _, p := range all {
		if !(p >= 0 && p <= 1) {
			return refusal{"a target probability is outside of [0, 1]", strconv.FormatFloat(p, 'g', -1, 64)}
		}
		sum += p
	}
	switch {
	case !(math.Abs(sum-1) <= roundingOfSum):
		return refusal{"the target probabilities do not add up to 1", strconv.FormatFloat(sum, 'g', 6, 64)}
	case r.action < 0:
		return refusal{"the action is unknown", "probabilities of all arms need the field of the action"}
	}
	t.logged = all[r.action]
	return nil
}

// ColumnRewards are predicted rewards that stand in the log.
type ColumnRewards struct{ v *vector }

// NewColumnRewards reads the predicted rewards of all arms from the field name, see vector.
func NewColumnRewards(f Format, a *Arms, name string) (*ColumnRewards, error) {
	v, err := newVector(&f, a, name, "the predicted reward")
	return &ColumnRewards{v}, err
}

func (c *ColumnRewards) predict(r *row) ([]float64, error) {
	all, _, err := c.v.read(&r.record)
	if err == nil && all == nil {
		err = refusal{"the predicted reward is one number", "give one for every arm: an array, an object, or fields with a common prefix"}
	}
	return all, err
}

func (*ColumnRewards) teach(*row) {}
func (*ColumnRewards) learn(*row) {}

// textOf is the content of a string and the text of any other value.
func textOf(x *fastjson.Value) []byte {
	if x.Type() == fastjson.TypeString {
		return x.GetStringBytes()
	}
	return x.MarshalTo(nil)
}
