package catalog

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/drift"
)

// detector makes a detector on a sequence of numbers from parameters by name.
type detector struct {
	name    string
	follows string // whose definition and defaults it has
	maker
}

// maker is the part of a detector that follows from its parameters.
type maker struct {
	make   func(set map[string]string) (drift.Detector, error)
	params func() []Parameter
}

func detectors() []detector {
	return []detector{
		{"adwin", "River since 0.22", with(drift.DefaultADWINParams, drift.NewADWIN)},
		{"cusum", "frouros, MOA", with(drift.DefaultCUSUMParams, drift.NewCUSUM)},
		{"cusum_frozen", "River after 0.23", with(drift.DefaultFrozenCUSUMParams, drift.NewFrozenCUSUM)},
		{"ddm", "River", with(drift.DefaultDDMParams, drift.NewDDM)},
		{"e_detector", "docs/guard.md", with(drift.DefaultEDetectorParams, drift.NewEDetector)},
		{"eddm", "River", with(drift.DefaultEDDMParams, drift.NewEDDM)},
		{"hddm_a", "River", with(drift.DefaultHDDMAParams, drift.NewHDDMA)},
		{"hddm_w", "River", with(drift.DefaultHDDMWParams, drift.NewHDDMW)},
		{"kswin", "River", with(drift.DefaultKSWINParams, drift.NewKSWIN)},
		{"mewma", "Lowry and others", with(drift.DefaultMEWMAParams, drift.NewMEWMA)},
		{"page_hinkley", "River", with(drift.DefaultPageHinkleyParams, drift.NewPageHinkley)},
	}
}

// Parameter is a parameter of a detector.
type Parameter struct {
	Name    string `json:"name"`
	Default any    `json:"default"`
}

// Description says what a detector is.
type Description struct {
	Name    string      `json:"name"`
	Domain  string      `json:"values"` // that it takes
	Follows string      `json:"definition"`
	Params  []Parameter `json:"parameters"`
}

// DescribeDetectors describes every detector.
func DescribeDetectors() []Description {
	var out []Description
	for _, d := range detectors() {
		made, err := d.make(nil)
		if err != nil {
			panic(fmt.Sprintf("catalog: detector %s refuses its defaults: %v", d.name, err))
		}
		out = append(out, Description{Name: d.name, Domain: made.Domain().String(), Follows: d.follows, Params: d.params()})
	}
	return out
}

// with starts from the default parameters, applies those that are given, and constructs.
func with[P any, D drift.Detector](defaults func() P, construct func(P) (D, error)) maker {
	return maker{
		make: func(set map[string]string) (drift.Detector, error) {
			p := defaults()
			if err := assign(reflect.ValueOf(&p).Elem(), set); err != nil {
				return nil, err
			}
			return construct(p)
		},
		params: func() (out []Parameter) {
			p := reflect.ValueOf(defaults())
			for i := range p.NumField() {
				out = append(out, Parameter{p.Type().Field(i).Tag.Get("koanf"), p.Field(i).Interface()})
			}
			return out
		},
	}
}

// Detectors are the names of the detectors.
func Detectors() []string {
	var names []string
	for _, d := range detectors() {
		names = append(names, d.name)
	}
	return names
}

// Detector returns a detector in its initial state. Parameters that set does
// not name have their defaults.
func Detector(name string, set map[string]string) (drift.Detector, error) {
	for _, d := range detectors() {
		if d.name != name {
			continue
		}
		made, err := d.make(set)
		if err != nil {
			return nil, fmt.Errorf("detector %s: %w", name, err)
		}
		return made, nil
	}
	return nil, fmt.Errorf("detector %q: must be one of %s", name, strings.Join(Detectors(), ", "))
}

// assign sets fields of a struct by their koanf tags, or by the alias that
// another library has for them.
func assign(p reflect.Value, set map[string]string) error {
	var names []string
	fields := map[string]reflect.Value{}
	for i := range p.NumField() {
		name := p.Type().Field(i).Tag.Get("koanf")
		names = append(names, name)
		fields[name] = p.Field(i)
		if alias := p.Type().Field(i).Tag.Get("alias"); alias != "" {
			fields[alias] = p.Field(i)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		f, ok := fields[name]
		if !ok {
			return fmt.Errorf("%s: there is no such parameter; it has %s", name, strings.Join(names, ", "))
		}
		if err := parse(f, set[name]); err != nil {
			return fmt.Errorf("%s: %q: %w", name, set[name], err)
		}
	}
	return nil
}

func parse(f reflect.Value, s string) error {
	switch f.Kind() {
	case reflect.String:
		f.SetString(s)
	case reflect.Float64:
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("must be a number")
		}
		f.SetFloat(v)
	case reflect.Int:
		v, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("must be a whole number")
		}
		f.SetInt(int64(v))
	case reflect.Bool:
		v, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("must be true or false")
		}
		f.SetBool(v)
	default:
		return fmt.Errorf("a parameter of type %s cannot be set", f.Type())
	}
	return nil
}
