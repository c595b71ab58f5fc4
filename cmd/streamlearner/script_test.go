package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"streamlearner": main})
}

// TestScripts runs the scripts under testdata/script, which read as a user's
// terminal. Beside testscript's own commands they have:
//
//	status N COMMAND...      run a command that must exit with code N
//	document KEY...          stdout is exactly one JSON object with these keys
//	generate KIND N FILE     write N generated events: stationary, flipped or with x2 in cents from the middle on, or of three classes
//	sums FILE1 FILE2         all parameter sums of FILE2 are in FILE1
//
// $CONFIGS is the directory of the example configurations.
func TestScripts(t *testing.T) {
	configurations, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("CONFIGS", configurations)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": exitStatus, "document": oneDocument, "generate": generate, "sums": sumsIn,
		},
	})
}

func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func oneDocument(ts *testscript.TestScript, neg bool, args []string) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var doc map[string]json.RawMessage
	ts.Check(d.Decode(&doc))
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("more than one document on stdout: %v", err)
	}
	for _, key := range args {
		if _, ok := doc[key]; ok == neg {
			ts.Fatalf("key %s: present %v", key, ok)
		}
	}
}

// generate writes logistic events of two numeric fields, a category, and a
// label, always the same for the same arguments.
func generate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: generate KIND N FILE")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b bytes.Buffer
	b.WriteString("x1,x2,country,y\n")
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		x1, x2 := r.NormFloat64(), 10+3*r.NormFloat64()
		z, y := 2*x1-(x2-10)/3+r.NormFloat64(), 0
		if z > 0 {
			y = 1
		}
		if args[0] == "flipped" && i >= n/2 {
			y = 1 - y
		}
		if args[0] == "cents" && i >= n/2 {
			x2 *= 100
		}
		label := strconv.Itoa(y)
		if args[0] == "classes" {
			label = []string{"low", "mid", "high"}[max(0, min(2, int(z+2)))]
		}
		fmt.Fprintf(&b, "%.4f,%.4f,%s,%s\n", x1, x2, []string{"DE", "FR", "JP"}[r.IntN(3)], label)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b.Bytes(), 0o600))
}

// TestHelp holds every command to saying what it does, at length and by example.
func TestHelp(t *testing.T) {
	begun := false
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" || c.Long == "" || c.Example == "" {
			t.Errorf("%s lacks a short or a long description, or an example", c.CommandPath())
		}
		for line := range strings.Lines(c.Long) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 90 {
				t.Errorf("%s: line is too long for a terminal: %s", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root := rootCommand(&begun)
	walk(root)
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	for _, want := range []string{"demo", "drift", "freeze", "load", "ope", "replay", "run", "sandbox", "score", "snapshot", "unfreeze", "validate", "version"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no command %s", want)
		}
	}
}
