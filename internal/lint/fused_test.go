package lint_test

import (
	"bufio"
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The compiler may fuse x*y + z into one instruction that rounds once, even when the product was assigned first
// (https://go.dev/ref/spec#Floating_point_operators). It does so on arm64 and on amd64 from GOAMD64=v3, so the last
// bits of a state would depend on how the program was built. A conversion, float64(x*y) + z, forbids it. This test
// reads what the compiler makes of the pure packages for arm64, and so finds every place that lacks one.
func TestPurePackagesHaveNoFusedMultiplyAdd(t *testing.T) {
	args := []string{"build", "-gcflags=-S"}
	for _, p := range purePackages(t) {
		args = append(args, p.ImportPath)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "GOARCH=arm64", "GOOS=linux", "CGO_ENABLED=0")
	listing, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("compile for arm64: %v\n%s", err, errorLines(listing))
	}
	if !bytes.Contains(listing, []byte("FMULD")) {
		t.Fatal("the listing has no multiplication, so this test would find nothing: has the compiler's output changed?")
	}

	// 0x0010 00016 (/path/file.go:12)	FMADDD	F0, F1, F2, F3
	fused := regexp.MustCompile(`\(([^)]*\.go:\d+)\)\s+(FN?M(?:ADD|SUB)[SD])\s`)
	seen := map[string]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(listing)); lines.Scan(); {
		m := fused.FindStringSubmatch(lines.Text())
		if m == nil || seen[m[1]] {
			continue
		}
		seen[m[1]] = true
		t.Errorf("%s: %s fuses a product and a sum: write float64(x*y) around the product, so that its bits do not depend "+
			"on the processor", m[1], m[2])
	}
}

// errorLines keeps the messages of a failed compilation and drops the listing.
func errorLines(listing []byte) string {
	message := regexp.MustCompile(`^(#|\S+\.go:\d+:)`)
	var b strings.Builder
	for lines := bufio.NewScanner(bytes.NewReader(listing)); lines.Scan(); {
		if message.Match(lines.Bytes()) {
			b.WriteString(lines.Text() + "\n")
		}
	}
	return b.String()
}
