package lint_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// offences has a comment at the end of each line that a rule must report; the other lines must pass.
const offences = `package p

import (
	"errors"
	m "math"
	"time"
)

var ErrGone = errors.New("gone")
var primes = [...]int{2, 3, 5}
var _ error = ErrGone
var magic = []byte("SL")
var counter int // state
var cache = map[string]int{} // a table until something below assigns to it
var clock = time.Now // state

type t struct{ x float64 }

func (v *t) f(in []float64) float64 {
	primes := append([]int(nil), primes[:]...)
	v.x = m.Sqrt(in[0]) + m.Exp(in[1]) // platform
	cache["a"]++ // assignment
	p := &counter // assignment
	go func() { *p = 1 }() // goroutine
	_ = time.Since(time.Time{}) // clock
	return float64(primes[0]) * v.x
}
`

func TestRulesFindOffences(t *testing.T) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, "p.go", offences, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	f := source{parsed, fset, "p.go"}

	var got []int
	collect := func(at ast.Node, _ string, _ ...any) {
		got = append(got, fset.Position(at.Pos()).Line)
	}
	platformCalls(f, collect)
	concurrency(f, collect)
	names := map[string]bool{}
	declarations(f, names, collect)
	assignments(f, names, collect)
	slices.Sort(got)
	got = slices.Compact(got)

	var want []int
	for i, line := range strings.Split(offences, "\n") {
		if strings.Contains(line, " // ") && !strings.Contains(line, "a table until") {
			want = append(want, i+1)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("reported lines %v, want %v", got, want)
	}
}
