package lint_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

func TestNoInit(t *testing.T) {
	for _, p := range packages(t) {
		for _, f := range parse(t, p, p.GoFiles) {
			for _, decl := range f.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: init runs unasked and in an order that nobody sees; list it in internal/catalog or call it", f.at(fn))
				}
			}
		}
	}
}

func TestTestsNeverSkip(t *testing.T) {
	for _, p := range packages(t) {
		for _, f := range parse(t, p, append(p.TestGoFiles, p.XTestGoFiles...)) {
			ast.Inspect(f.File, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				selector, ok := call.Fun.(*ast.SelectorExpr)
				if ok && strings.HasPrefix(selector.Sel.Name, "Skip") && isTestHandle(selector.X) {
					t.Errorf("%s: a test that cannot run fails and says what to install; it never skips", f.at(n))
				}
				return true
			})
		}
	}
}

// isTestHandle tells whether an expression is named as tests name their *testing.T, B or F.
func isTestHandle(e ast.Expr) bool {
	x, ok := e.(*ast.Ident)
	return ok && (x.Name == "t" || x.Name == "b" || x.Name == "f" || x.Name == "tb")
}

// seeded lists packages whose random numbers must come from a seed that can be printed and used again.
var seeded = append([]string{"internal/sim", "internal/dataset"}, pure...)

func TestSeededPackagesThrowNoGlobalDice(t *testing.T) {
	constructors := []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "PCG", "ChaCha8", "Source", "Zipf"}
	for _, p := range packages(t) {
		for _, f := range parse(t, p, p.GoFiles) {
			f.selectors(func(importPath, name string, n ast.Node) {
				switch {
				case importPath == "math/rand":
					t.Errorf("%s: use math/rand/v2, whose generators are specified", f.at(n))
				case importPath == "math/rand/v2" && slices.Contains(seeded, p.path()) && !slices.Contains(constructors, name):
					t.Errorf("%s: rand.%s has no seed; draw from rand.New with a seed that can be printed", f.at(n), name)
				}
			})
		}
	}
}
