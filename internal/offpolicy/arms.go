package offpolicy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// MostArms bounds the actions of a log.
const MostArms = 1000

// Arms are the actions of a log, by name. A name wins over an index of the same text.
type Arms struct {
	names []string
	index map[string]int
}

// NewArms returns the actions with these names; repeated names count once.
func NewArms(names []string) *Arms {
	a := &Arms{index: map[string]int{}}
	for _, n := range names {
		a.put(n)
	}
	return a
}

func (a *Arms) put(name string) int {
	i, ok := a.index[name]
	if !ok {
		i = len(a.names)
		a.names = append(a.names, name)
		a.index[name] = i
	}
	return i
}

// Names returns the actions in order.
func (a *Arms) Names() []string { return a.names }

// find returns the index of an action that a record names.
func (a *Arms) find(text []byte) (int, error) {
	if i, ok := a.index[string(text)]; ok {
		return i, nil
	}
	if i, err := strconv.Atoi(string(text)); err == nil && i >= 0 && i < len(a.names) {
		return i, nil
	}
	return 0, refusal{"the action is none of the arms", fmt.Sprintf("%q", clip(text))}
}

// Discovery finds the actions that a log names.
type Discovery struct {
	record record
	action field
	seen   map[string]bool
}

// NewDiscovery looks at the field of the action.
func NewDiscovery(f Format, action string) (*Discovery, error) {
	d := &Discovery{seen: map[string]bool{}}
	d.record.format = &f
	var err error
	d.action, err = f.field(action)
	return d, err
}

// Look takes the action of a record; one that cannot be read is for Add to refuse.
func (d *Discovery) Look(raw []byte) error {
	var text []byte
	if d.record.read(raw) == nil {
		text, _ = d.record.value(&d.action)
	}
	switch {
	case len(text) == 0 || d.seen[string(text)]:
	case len(d.seen) == MostArms:
		return fmt.Errorf("the field %s names more than %d actions: is it the action?", d.action.name, MostArms)
	default:
		d.seen[string(text)] = true
	}
	return nil
}

// Arms returns what was found: in numeric order when all are integers, otherwise in the order of their bytes.
func (d *Discovery) Arms() []string {
	var names []string
	numeric := true
	for name := range d.seen {
		names = append(names, name)
		_, err := strconv.Atoi(name)
		numeric = numeric && err == nil
	}
	slices.SortFunc(names, func(a, b string) int {
		if numeric {
			x, _ := strconv.Atoi(a) // checked above
			y, _ := strconv.Atoi(b)
			return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
		}
		return cmp.Compare(a, b)
	})
	return names
}
