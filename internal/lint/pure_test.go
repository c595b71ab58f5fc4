package lint_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// pure lists the packages that make a partition a pure function of its records: no I/O, no clock, no goroutine, no
// global dice, no log and no state outside of values.
var pure = []string{
	"internal/portable", "internal/wire", "internal/metric", "internal/scale",
	"pkg/event", "pkg/drift", "pkg/state", "pkg/learner", "pkg/sgd", "pkg/bandit",
}

// pureImports is what pure packages may import besides each other.
var pureImports = []string{
	"bytes", "cmp", "crypto/sha256", "encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "hash/crc32",
	"io", "iter", "maps", "math", "math/big", "math/bits", "slices", "sort", "strconv", "strings", "time",
	"unicode", "unicode/utf16", "unicode/utf8", "unsafe",
	"github.com/cespare/xxhash/v2",
}

// pureExceptions is what single pure packages may import on top, with the reason.
var pureExceptions = map[string][]string{
	"pkg/learner": {
		"runtime", // names the architecture, for which alone the bits are promised
	},
	"pkg/state": {
		"context", // the Store interface, whose implementations wait for a network
		"sync",    // Mem, which several owners share in tests as they share a server
	},
}

func purePackages(t *testing.T) []pkg {
	t.Helper()
	var ps []pkg
	for _, p := range packages(t) {
		if slices.Contains(pure, p.path()) && len(p.GoFiles) > 0 {
			ps = append(ps, p)
		}
	}
	return ps
}

func TestPurePackagesImportNoEffects(t *testing.T) {
	for _, p := range purePackages(t) {
		for _, i := range p.Imports {
			if slices.Contains(pureImports, i) || slices.Contains(pureExceptions[p.path()], i) {
				continue
			}
			if strings.HasPrefix(i, module+"/") && slices.Contains(pure, inModule(i)) {
				continue
			}
			t.Errorf("%s imports %s: a pure package does no I/O, reads no clock, starts no goroutine and logs nothing, "+
				"because replay must rebuild its state bit for bit", p.path(), i)
		}
	}
}

// forbidden names functions that make a result depend on more than the input.
var forbidden = []struct {
	importPath string
	names      []string
	reason     string
}{
	{"time", []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
		"thresholds count events, never seconds, so that replay is exact"},
	{"math", []string{"Exp", "Exp2", "Expm1", "Log", "Log2", "Log10", "Log1p", "Pow", "Tanh", "Sinh", "Cosh", "Erf", "Gamma", "Lgamma", "FMA"},
		"use internal/portable, whose bits do not depend on the processor"},
}

func TestPurePackagesCallNoClockAndNoPlatformMath(t *testing.T) {
	for _, p := range purePackages(t) {
		for _, f := range parse(t, p, p.GoFiles) {
			f.selectors(func(importPath, name string, n ast.Node) {
				for _, rule := range forbidden {
					if rule.importPath == importPath && slices.Contains(rule.names, name) {
						t.Errorf("%s: %s.%s: %s", f.at(n), importPath, name, rule.reason)
					}
				}
			})
		}
	}
}

func TestPurePackagesStartNoGoroutine(t *testing.T) {
	for _, p := range purePackages(t) {
		for _, f := range parse(t, p, p.GoFiles) {
			ast.Inspect(f.File, func(n ast.Node) bool {
				switch n.(type) {
				case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
					t.Errorf("%s: a pure package has no goroutines and no channels: its owner is one goroutine of the shell", f.at(n))
				}
				return true
			})
		}
	}
}

// constantCalls are functions whose result nobody can change.
var constantCalls = []string{
	"errors.New", "fmt.Errorf", "crc32.MakeTable", "strings.NewReplacer", "math.Inf", "math.NaN", "math.Float64frombits",
}

func TestPurePackagesKeepNoStateInVariables(t *testing.T) {
	for _, p := range purePackages(t) {
		files := parse(t, p, p.GoFiles)
		for _, f := range files {
			for _, decl := range f.Decls {
				gen, ok := decl.(*ast.GenDecl)
				if !ok || gen.Tok != token.VAR {
					continue
				}
				for _, spec := range gen.Specs {
					checkVariable(t, f, spec.(*ast.ValueSpec), files)
				}
			}
		}
	}
}

// checkVariable allows values that cannot change: sentinels and other results of constantCalls, interface assertions
// (var _ I = T{}), and tables that the package never assigns to.
func checkVariable(t *testing.T, f source, spec *ast.ValueSpec, files []source) {
	t.Helper()
	for i, name := range spec.Names {
		if name.Name == "_" {
			continue
		}
		if i >= len(spec.Values) {
			t.Errorf("%s: var %s has no value, so something must set it: a pure package keeps its state in values", f.at(name), name.Name)
			continue
		}
		if !isConstant(spec.Values[i]) {
			t.Errorf("%s: var %s is neither a table nor a sentinel: a pure package keeps its state in values", f.at(name), name.Name)
		}
		for _, other := range files {
			assignments(other, name.Name, func(n ast.Node) {
				t.Errorf("%s: assigns to the package variable %s: a pure package keeps its state in values", other.at(n), name.Name)
			})
		}
	}
}

// isConstant tells whether an initial value is a literal, a table of literals or the result of one of constantCalls.
func isConstant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CompositeLit, *ast.BasicLit:
		return true
	case *ast.UnaryExpr:
		return e.Op != token.AND && isConstant(e.X)
	case *ast.CallExpr:
		selector, ok := e.Fun.(*ast.SelectorExpr)
		if !ok {
			// A conversion of a literal, such as []byte("magic").
			return len(e.Args) == 1 && isConstant(e.Args[0])
		}
		x, ok := selector.X.(*ast.Ident)
		return ok && slices.Contains(constantCalls, x.Name+"."+selector.Sel.Name)
	}
	return false
}

// assignments yields every statement that assigns to, or through, a name. It goes by the name alone: a local variable
// with the name of a package variable is reported too, and is better renamed.
func assignments(f source, name string, yield func(ast.Node)) {
	ast.Inspect(f.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if rootName(left) == name {
					yield(n)
				}
			}
		case *ast.IncDecStmt:
			if rootName(n.X) == name {
				yield(n)
			}
		}
		return true
	})
}

// rootName returns x for x, x[i], x.f, *x and any chain of these.
func rootName(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}
