package tune

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Search says which settings to try. Settings are "key=value".
type Search struct {
	Grid    []string // "key=v1,v2,...", or with ; between values that have commas: every combination
	Sample  []string // "key=log:a..b", "key=lin:a..b", "key=int:a..b" or "key=v1,v2,...": drawn Random times
	Random  int
	Seed    uint64
	Listed  [][]string // configurations as they are
	Maximum int        // more configurations than these are an error
}

// Sets returns the configurations to try, each a list of settings: those that
// are listed, then the combinations of the grid, each with every draw of the
// sample. The same search gives the same list.
func (s *Search) Sets() ([][]string, error) {
	draws, err := s.draws()
	if err != nil {
		return nil, err
	}
	sets := [][]string{nil}
	for _, g := range s.Grid {
		key, values, err := choices("grid", g)
		if err != nil {
			return nil, err
		}
		var next [][]string
		for _, set := range sets {
			for _, v := range values {
				next = append(next, extend(set, key+"="+v))
			}
		}
		if sets = next; len(sets) > s.Maximum {
			return nil, s.tooMany()
		}
	}
	out := append([][]string(nil), s.Listed...)
	if len(s.Grid) > 0 || len(draws) > 0 {
		if len(draws) == 0 {
			draws = [][]string{nil}
		}
		if len(sets)*len(draws) > s.Maximum {
			return nil, s.tooMany()
		}
		for _, set := range sets {
			for _, d := range draws {
				out = append(out, extend(set, d...))
			}
		}
	}
	if len(out) > s.Maximum {
		return nil, s.tooMany()
	}
	return out, nil
}

func (s *Search) tooMany() error {
	return fmt.Errorf("more than %d configurations: each holds a model in memory; use fewer values, or --random N", s.Maximum)
}

// extend returns set with more settings, in memory of its own.
func extend(set []string, more ...string) []string {
	return append(append(make([]string, 0, len(set)+len(more)), set...), more...)
}

// choices splits "key=v1,v2,...".
func choices(flag, s string) (key string, values []string, err error) {
	key, list, ok := strings.Cut(s, "=")
	if key = strings.TrimSpace(key); !ok || key == "" {
		return "", nil, fmt.Errorf("--%s %s: must be key=value,value and so on", flag, s)
	}
	separator := ","
	if strings.Contains(list, ";") {
		separator = ";"
	}
	for v := range strings.SplitSeq(list, separator) {
		values = append(values, strings.TrimSpace(v))
	}
	return key, values, nil
}

// draws draws the samples.
func (s *Search) draws() ([][]string, error) {
	switch {
	case s.Random < 0:
		return nil, fmt.Errorf("--random %d: must be a number of configurations, at least 1", s.Random)
	case s.Random > s.Maximum:
		return nil, s.tooMany()
	case s.Random == 0 && len(s.Sample) > 0:
		return nil, fmt.Errorf("--sample %s: needs --random N, the number of configurations to draw", s.Sample[0])
	case s.Random > 0 && len(s.Sample) == 0:
		return nil, fmt.Errorf("--random %d: needs --sample key=log:LOW..HIGH, what to draw from", s.Random)
	}
	spaces := make([]space, len(s.Sample))
	for i, sample := range s.Sample {
		var err error
		if spaces[i], err = parseSpace(sample); err != nil {
			return nil, err
		}
	}
	r := rand.New(rand.NewPCG(s.Seed, 0))
	var out [][]string
	for range s.Random {
		var set []string
		for _, space := range spaces {
			set = append(set, space.key+"="+space.draw(r))
		}
		out = append(out, set)
	}
	return out, nil
}

// space is what a setting is drawn from.
type space struct {
	key    string
	kind   string // log, lin or int; empty for one of values
	lo, hi float64
	values []string
}

func parseSpace(sample string) (space, error) {
	key, text, _ := strings.Cut(sample, "=")
	kind, bounds, _ := strings.Cut(text, ":")
	kind = strings.TrimSpace(kind)
	if kind != "log" && kind != "lin" && kind != "int" {
		key, values, err := choices("sample", sample)
		return space{key: key, values: values}, err
	}
	fail := func(what string) (space, error) {
		return space{}, fmt.Errorf("--sample %s: %s", sample, what)
	}
	a, b, ok := strings.Cut(bounds, "..")
	lo, errLo := strconv.ParseFloat(strings.TrimSpace(a), 64)
	hi, errHi := strconv.ParseFloat(strings.TrimSpace(b), 64)
	whole := func(x float64) bool { return x == math.Trunc(x) && math.Abs(x) < 1<<53 }
	switch {
	case !ok || errLo != nil || errHi != nil || math.IsNaN(lo+hi) || math.IsInf(hi-lo, 0):
		return fail("must be key=" + kind + ":LOW..HIGH with two finite numbers")
	case lo > hi:
		return fail("the first number must not be above the second")
	case kind == "log" && lo <= 0:
		return fail("the numbers of a logarithmic scale must be above 0")
	case kind == "int" && !(whole(lo) && whole(hi)):
		return fail("must be whole numbers")
	}
	return space{key: strings.TrimSpace(key), kind: kind, lo: lo, hi: hi}, nil
}

// draw returns a value as text, a number with four significant digits: what is
// shown is what was used.
func (s *space) draw(r *rand.Rand) string {
	if s.kind == "" {
		return s.values[r.IntN(len(s.values))]
	}
	u := r.Float64()
	switch s.kind {
	case "int":
		return strconv.FormatFloat(s.lo+min(math.Floor(u*(s.hi-s.lo+1)), s.hi-s.lo), 'f', -1, 64)
	case "log":
		return s.number(math.Exp(math.Log(s.lo) + u*(math.Log(s.hi)-math.Log(s.lo))))
	}
	return s.number(s.lo + u*(s.hi-s.lo))
}

// number rounds x, and never out of the bounds.
func (s *space) number(x float64) string {
	text := strconv.FormatFloat(x, 'g', 4, 64)
	if v, err := strconv.ParseFloat(text, 64); err != nil || v < s.lo || v > s.hi {
		return strconv.FormatFloat(min(max(x, s.lo), s.hi), 'g', -1, 64)
	}
	return text
}
