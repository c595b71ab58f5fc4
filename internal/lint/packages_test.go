package lint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/streamlearner/streamlearner"

// root is the repository's root, seen from this package's directory.
var root = filepath.Join("..", "..")

// pkg is what `go list` tells about one package of this module.
type pkg struct {
	Dir          string
	ImportPath   string
	Name         string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
}

// path is the import path below the module, "" for the root.
func (p pkg) path() string { return inModule(p.ImportPath) }

func inModule(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

// packages returns every package of the module.
func packages(t *testing.T) []pkg {
	t.Helper()
	ps, err := list()
	if err != nil {
		t.Fatal(err)
	}
	if len(ps) < 5 {
		t.Fatalf("go list found %d packages: is %s the repository's root?", len(ps), root)
	}
	return ps
}

var list = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-json=Dir,ImportPath,Name,GoFiles,TestGoFiles,XTestGoFiles,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var ps []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return ps, nil
		} else if err != nil {
			return nil, err
		}
		ps = append(ps, p)
	}
})

// source is one parsed file.
type source struct {
	*ast.File
	fset *token.FileSet
	name string // as in the repository
}

// at tells where in the repository a node is.
func (s source) at(n ast.Node) string {
	position := s.fset.Position(n.Pos())
	position.Filename = s.name
	position.Column = 0
	return position.String()
}

// errors returns a report that fails the test.
func (s source) errors(t *testing.T) report {
	return func(at ast.Node, format string, args ...any) {
		t.Helper()
		t.Errorf("%s: %s", s.at(at), fmt.Sprintf(format, args...))
	}
}

// parse reads the named files of a package.
func parse(t *testing.T, p pkg, names []string) []source {
	t.Helper()
	var files []source
	for _, name := range names {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, source{f, fset, filepath.Join(p.path(), name)})
	}
	return files
}

// selectors yields every selector X.Name of a file where X is an imported package, as its import path and the name.
func (s source) selectors(yield func(importPath, name string, n ast.Node)) {
	imports := map[string]string{}
	for _, i := range s.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		name := path[strings.LastIndex(path, "/")+1:]
		if name == "v2" {
			name = filepath.Base(filepath.Dir(path))
		}
		if i.Name != nil {
			name = i.Name.Name
		}
		imports[name] = path
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := selector.X.(*ast.Ident); ok && imports[x.Name] != "" {
				yield(imports[x.Name], selector.Sel.Name, n)
			}
		}
		return true
	})
}
