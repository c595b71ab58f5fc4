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
	"internal/portable", "internal/wire", "internal/encode", "internal/inputs", "internal/metric", "internal/ope", "internal/scale", "internal/calibrate",
	"pkg/event", "pkg/drift", "pkg/join", "pkg/state", "pkg/learner", "pkg/sgd", "pkg/bandit", "pkg/factor",
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
	"internal/ope": {
		// Quantiles for the intervals that are reported; the state is made of sums alone.
		"gonum.org/v1/gonum/mathext", "gonum.org/v1/gonum/stat/distuv",
	},
	"pkg/learner": {
		"runtime", // names the architecture, for which alone the bits are promised
		"sync",    // OnceValue: what a copy comes to is computed by whoever asks first, and is the same for all
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

// report takes a finding.
type report func(at ast.Node, format string, args ...any)

// platformCalls reports calls of forbidden functions.
func platformCalls(f source, report report) {
	f.selectors(func(importPath, name string, n ast.Node) {
		for _, rule := range forbidden {
			if rule.importPath == importPath && slices.Contains(rule.names, name) {
				report(n, "%s.%s: %s", importPath, name, rule.reason)
			}
		}
	})
}

// concurrency reports goroutines and channels.
func concurrency(f source, report report) {
	ast.Inspect(f.File, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
			report(n, "a pure package has no goroutines and no channels: its owner is one goroutine of the shell")
		}
		return true
	})
}

func TestPurePackagesUseNoPlatformAndNoGoroutine(t *testing.T) {
	for _, p := range purePackages(t) {
		for _, f := range parse(t, p, p.GoFiles) {
			platformCalls(f, f.errors(t))
			concurrency(f, f.errors(t))
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
		names := map[string]bool{}
		for _, f := range files {
			declarations(f, names, f.errors(t))
		}
		for _, f := range files {
			assignments(f, names, f.errors(t))
		}
	}
}

// declarations adds the package variables of a file to names and reports those whose value can change: all but
// sentinels and other results of constantCalls, tables, and interface assertions (var _ I = T{}).
func declarations(f source, names map[string]bool, report report) {
	for _, decl := range f.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, name := range spec.Names {
				if name.Name == "_" {
					continue
				}
				names[name.Name] = true
				if i >= len(spec.Values) || !isConstant(spec.Values[i]) {
					report(name, "var %s is neither a table nor a sentinel: a pure package keeps its state in values", name.Name)
				}
			}
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

// assignments reports every statement that assigns to, or through, one of the names. It goes by the name alone: a
// local variable with the name of a package variable is reported when it is assigned to again, and is better renamed.
func assignments(f source, names map[string]bool, report report) {
	check := func(n ast.Node, left ast.Expr) {
		if name := rootName(left); names[name] {
			report(n, "assigns to the package variable %s: a pure package keeps its state in values", name)
		}
	}
	ast.Inspect(f.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				return true
			}
			for _, left := range n.Lhs {
				check(n, left)
			}
		case *ast.IncDecStmt:
			check(n, n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				check(n, n.X)
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
