package lint_test

import (
	"slices"
	"strings"
	"testing"
)

// floors lists every package of the product from the ground up. A package may import those of lower floors only, so
// that nothing calls up and two packages of one floor stay strangers.
var floors = [][]string{
	{"internal/portable", "internal/wire"},
	{"pkg/event", "pkg/drift", "pkg/join", "pkg/state"},
	{"internal/calibrate", "internal/inputs", "internal/metric", "internal/names", "internal/ope", "internal/optimizers", "internal/picture", "internal/scale"},
	{"internal/encode", "pkg/learner", "pkg/sgd", "pkg/bandit", "pkg/factor", "pkg/state/redis"},
	{"internal/catalog", "internal/admin", "internal/conform", "internal/dataset", "internal/publish", "internal/sim", "internal/term", "internal/testbed", "internal/tune"},
	{"pkg/consumer", "internal/offpolicy", "internal/player", "internal/sandbox"},
	{"configs", "pkg/serve"},
	{"clients/python", "cmd/streamlearner", "deploy", "internal/e2e", "internal/lint", "internal/optimizers/table", "internal/testbed/servers"},
}

// top holds programs that nobody imports: they may use any package of the product.
var top = []string{"cmd/", "examples/", "bench/"}

// testOnly lists packages that only tests, and the programs and packages named with them, may import.
var testOnly = map[string][]string{
	"internal/testbed": {"internal/testbed/servers"},
	"internal/conform": nil,
	"internal/sim":     {"internal/player", "internal/sandbox", "cmd/streamlearner"},
}

// floorOf returns the floor of a package, counted from the ground, and -1 for one without.
func floorOf(path string) int {
	for floor, names := range floors {
		if slices.Contains(names, path) {
			return floor
		}
	}
	if isTop(path) {
		return len(floors)
	}
	return -1
}

func isTop(path string) bool {
	return slices.ContainsFunc(top, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

func TestCallsGoDown(t *testing.T) {
	for _, p := range packages(t) {
		from := floorOf(p.path())
		if from < 0 {
			t.Errorf("%s has no floor: give it one in internal/lint/floors_test.go", p.path())
			continue
		}
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, module+"/") {
				continue
			}
			to := inModule(i)
			if floorOf(to) >= from {
				t.Errorf("%s imports %s, which is not on a lower floor: calls go down, so that a partition can be replayed "+
					"without the shell around it", p.path(), to)
			}
			if users, ok := testOnly[to]; ok && !slices.Contains(users, p.path()) {
				t.Errorf("%s imports %s, which is for tests only", p.path(), to)
			}
		}
	}
}

// owners says which packages may import a library. Test files may import any.
var owners = []struct {
	library string
	users   []string
	reason  string
}{
	{"github.com/twmb/franz-go", []string{"pkg/consumer", "internal/publish", "internal/sandbox", "internal/testbed", "cmd/streamlearner", "examples/offer-service"},
		"Kafka stays in the shell, so that learning can be replayed without it"},
	{"github.com/redis/go-redis", []string{"pkg/state/redis", "pkg/serve"},
		"Redis is reached through state.Store or the reader's client"},
	{"github.com/alicebob/miniredis", []string{"internal/sandbox"},
		"the embedded server is for the sandbox and for tests"},
	{"github.com/knadh/koanf", []string{"configs"},
		"configuration is read and validated once; everything else gets values"},
	{"github.com/prometheus", []string{"pkg/consumer", "internal/admin", "pkg/serve", "cmd/streamlearner"},
		"learning returns outcomes and the shell counts them"},
	{"github.com/spf13/cobra", []string{"cmd/streamlearner"},
		"the command line is wiring"},
	{"testing", []string{"internal/testbed", "internal/conform"},
		"the product does not carry the test framework"},
}

func TestLibrariesStayWithTheirOwners(t *testing.T) {
	for _, p := range packages(t) {
		if isTop(p.path()) && p.path() != "cmd/streamlearner" {
			continue
		}
		for _, i := range p.Imports {
			for _, o := range owners {
				if (i == o.library || strings.HasPrefix(i, o.library+"/")) && !slices.Contains(o.users, p.path()) {
					t.Errorf("%s imports %s, which only %s may: %s", p.path(), i, strings.Join(o.users, ", "), o.reason)
				}
			}
		}
	}
}

func TestPackageNamesSayWhatIsInside(t *testing.T) {
	vague := []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "shared", "base", "lib"}
	for _, p := range packages(t) {
		if slices.Contains(vague, p.Name) {
			t.Errorf("%s: %q does not say what is inside; name the package after what it provides", p.path(), p.Name)
		}
	}
}
