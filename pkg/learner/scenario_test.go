package learner_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// scenarioDir holds one story of the guard in each file; README.md there says how to read and write them.
var scenarioDir = filepath.Join("testdata", "scenarios")

// scenarioConfig are the settings of a scenario before its own: the defaults made small. The
// guard is armed at record 3,000.
func scenarioConfig(t testing.TB) learner.Config {
	t.Helper()
	d, err := event.NewJSON(event.Schema{Label: "y", Key: "card", Source: "src"}, true)
	if err != nil {
		t.Fatal(err)
	}
	model, guard := sgd.Default(), learner.DefaultGuard()
	model.Bits = 6
	guard.Source.Field = "src"
	guard.FalseFreezeEvery, guard.Block, guard.Window, guard.ReferenceAfter = 20_000, 20, 2_000, 1_000
	guard.RecoveryMinEvents, guard.QuietEvents, guard.CooldownEvents, guard.ProbationEvents = 3_000, 1_000, 3_000, 1_500
	guard.BackoffEvents, guard.MaxFreezeEvents = 4_000, 8_000
	return learner.Config{
		Model: func() (learner.Model, error) { return sgd.New(model) }, Decoder: d, Guard: guard, Audit: true,
		Snapshot: learner.SnapshotConfig{Every: 100, Quarantine: 400, Keep: 5},
		Settings: "guard.recovery=auto\n", Binary: "test", Arch: "any",
	}
}

// set changes one setting of a scenario.
func set(c *learner.Config, key, value string) error {
	numbers := map[string]*uint64{
		"recovery_min_events": &c.Guard.RecoveryMinEvents, "quiet_events": &c.Guard.QuietEvents, "cooldown_events": &c.Guard.CooldownEvents,
		"probation_events": &c.Guard.ProbationEvents, "backoff_events": &c.Guard.BackoffEvents, "max_freeze_events": &c.Guard.MaxFreezeEvents,
	}
	if n := numbers[key]; n != nil {
		var err error
		*n, err = strconv.ParseUint(value, 10, 64)
		return err
	}
	switch key {
	case "recovery":
		c.Guard.Recovery, c.Settings = value, settings(value)
	case "trusted.sources":
		c.Guard.Trusted.Sources = strings.Split(value, ",")
	default:
		return fmt.Errorf("no such setting: %s", key)
	}
	return nil
}

// stage is what a scenario's events come from: four numbers, a card out of 500, a source, and a
// label whose log-odds are linear in the numbers.
type stage struct {
	r       *rand.Rand
	degrees float64 // by which the concept has turned
}

// kind is what is wrong with the events of a step.
type kind struct {
	what   string  // clean, flipped, scaled, malformed
	share  float64 // of the events
	source string  // that these come from; empty for all
	cards  int     // how many cards these have; 0 for all
	except string  // source whose events are right all the same
	silent string  // source that sends nothing
}

func parseKind(words []string) (kind, error) {
	k := kind{what: words[0], share: 1}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		var err error
		switch name {
		case "share":
			k.share, err = strconv.ParseFloat(value, 64)
		case "source":
			k.source = value
		case "cards":
			k.cards, err = strconv.Atoi(value)
		case "except":
			k.except = value
		case "silent":
			k.silent = value
		default:
			err = errors.New("not known")
		}
		if err != nil {
			return k, fmt.Errorf("%s: %w", w, err)
		}
	}
	return k, nil
}

func (s *stage) next(k *kind) []byte {
	x := [4]float64{s.r.NormFloat64(), s.r.NormFloat64(), s.r.NormFloat64(), s.r.NormFloat64()}
	card, source := s.r.IntN(500), [...]string{"a", "b", "c", "d", "panel"}[s.r.IntN(5)]
	if source == k.silent {
		source = "a"
	}
	turn := s.degrees * math.Pi / 180
	z := 2.5 * (math.Cos(turn)*x[0] + math.Sin(turn)*x[1])
	y := 0
	if s.r.Float64() < 1/(1+math.Exp(-z)) {
		y = 1
	}
	if s.r.Float64() < k.share && source != k.except && k.what != "clean" {
		if k.source != "" {
			source = k.source
		}
		if k.cards > 0 {
			card = s.r.IntN(k.cards)
		}
		switch k.what {
		case "flipped":
			y = 1 - y
		case "scaled":
			x[0] *= 10
		case "malformed":
			return []byte("{")
		}
	}
	return fmt.Appendf(nil, `{"p":%.4f,"q":%.4f,"r":%.4f,"s":%.4f,"card":"k%d","src":"%s","y":%d}`, x[0], x[1], x[2], x[3], card, source, y)
}

// play is a scenario on its way.
type play struct {
	config learner.Config
	stage  stage
	l      *learner.Learner
	mutate func(*learner.Learner) // after every restart; nil for nothing
	saw    []learner.Transition   // that no line expected yet
	edges  map[[2]string]bool     // all changes of mode, as from and to
	fault  error                  // a change of mode that broke a rule
	over   []int64                // offsets at which a freeze was overdue
	orders int
	story  *history // what there is to rebuild; nil for nothing
}

// restart is what a crash and the next owner make of the learner. Nothing must come of it.
func (p *play) restart() error {
	l, err := learner.Restore(p.config, p.l.Snapshot())
	if err != nil {
		return err
	}
	p.adopt(l)
	return nil
}

func (p *play) adopt(l *learner.Learner) {
	p.l = l
	if p.mutate != nil {
		p.mutate(l)
	}
}

// line carries out one line of a scenario.
func (p *play) line(words []string) error {
	switch words[0] {
	case "set":
		for _, w := range words[1:] {
			key, value, _ := strings.Cut(w, "=")
			if err := set(&p.config, key, value); err != nil {
				return err
			}
		}
		return nil
	case "turn":
		degrees, err := strconv.ParseFloat(words[1], 64)
		p.stage.degrees += degrees
		return err
	case "events":
		n, err := strconv.Atoi(words[1])
		if err != nil {
			return err
		}
		return p.events(n, words[2:])
	case "operator":
		p.orders++
		o := p.l.Apply(state.Command{
			ID: fmt.Sprint(p.orders), Kind: words[1], Who: "ana", Why: "scenario", Args: state.Args{Challenger: len(words) > 2 && words[2] == "challenger"},
		})
		p.note(o)
		return nil
	case "expect":
		return p.expect(words[1], words[2], words[3])
	case "overdue":
		if len(p.over) != 1 {
			return fmt.Errorf("a freeze was overdue at %v", p.over)
		}
		at := p.over[0]
		p.over = nil
		return within(at, words[1])
	case "mode":
		if m := p.l.Mode().String(); m != words[1] {
			return fmt.Errorf("the mode is %s", m)
		}
		return nil
	case "waits":
		if w := p.l.Stats().Way.Patience; fmt.Sprint(w) != words[1] {
			return fmt.Errorf("waits are multiplied by %d", w)
		}
		return nil
	case "serves":
		return within(p.l.Snapshot().Current.Next.Offset, words[1])
	}
	return fmt.Errorf("unknown line %q", words)
}

func (p *play) events(n int, words []string) error {
	k, err := parseKind(words)
	if err != nil {
		return err
	}
	for range n {
		if p.l == nil {
			l, err := learner.New(p.config, state.Position{})
			if err != nil {
				return err
			}
			p.adopt(l)
		}
		r := learner.Record{Offset: p.l.Next().Offset, LeaderEpoch: 3, Value: p.stage.next(&k)}
		o := p.l.Feed(r)
		if o.Overdue {
			p.over = append(p.over, r.Offset)
		}
		if p.story != nil {
			p.story.records = append(p.story.records, r)
		}
		p.note(o)
		if r.Offset%1999 == 1998 {
			if err := p.restart(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *play) note(o *learner.Outcome) {
	if o.Change != nil {
		p.saw = append(p.saw, *o.Change)
		if p.edges != nil {
			p.edges[[2]string{o.Change.From.String(), o.Change.To.String()}] = true
		}
		p.fault = errors.Join(p.fault, p.check(o.Change))
	}
	if p.story != nil && o.Save {
		p.story.save(p.l)
	}
}

// check is what every change of mode must keep to: readers are told of the mode in the save of the same
// record, and unless a challenger was accepted they and the learner stand for the last good version.
func (p *play) check(c *learner.Transition) error {
	s := p.l.Snapshot()
	switch {
	case s.Current == nil || s.Current.Mode != c.To.String():
		return fmt.Errorf("at %d it became %s, and readers are told %+v", c.Offset, c.To, s.Current)
	case c.Cause != "probation_passed" && p.l.Params() != s.Current.Sum:
		return fmt.Errorf("at %d it became %s and stands for other parameters than those of version %d", c.Offset, c.To, s.Current.Number)
	case c.Restored != 0 && c.Restored != s.Current.Number:
		return fmt.Errorf("at %d version %d was restored, and version %d is served", c.Offset, c.Restored, s.Current.Number)
	}
	return nil
}

func (p *play) expect(to, cause, where string) error {
	if len(p.saw) == 0 {
		return errors.New("nothing has happened")
	}
	c := p.saw[0]
	p.saw = p.saw[1:]
	if c.To.String() != to || c.Cause != cause {
		return fmt.Errorf("at %d it became %s by %s: %s", c.Offset, c.To, c.Cause, c.Detail)
	}
	refused := strings.HasPrefix(c.Detail, "reject_rate") // its block may be longer than the quarantine
	if c.Cause == "alarm" && (c.Suspect == nil || c.Suspect.First > c.Offset || c.Suspect.Last != c.Offset || c.Tainted != 0 && !refused) {
		return fmt.Errorf("at %d records %+v are suspect, and the restored version has learned %d of them", c.Offset, c.Suspect, c.Tainted)
	}
	return within(c.Offset, where)
}

// within checks an offset against "from..to".
func within(offset int64, where string) error {
	var from, to int64
	if _, err := fmt.Sscanf(where, "%d..%d", &from, &to); err != nil {
		return fmt.Errorf("%q: want FROM..TO", where)
	}
	if offset < from || offset > to {
		return fmt.Errorf("it was at %d", offset)
	}
	return nil
}

// run plays a scenario. The error names the line that did not come true.
func (p *play) run(t testing.TB, name string) error {
	t.Helper()
	p.l, p.config, p.stage = nil, scenarioConfig(t), stage{r: rand.New(rand.NewPCG(7, 11))}
	text, err := os.ReadFile(filepath.Join(scenarioDir, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if words := strings.Fields(line); len(words) > 0 {
			if err := p.line(words); err != nil {
				return fmt.Errorf("line %d: %s: %w", i+1, strings.TrimSpace(line), err)
			}
		}
	}
	if len(p.saw) > 0 {
		return fmt.Errorf("nobody expected: %+v", p.saw)
	}
	if p.fault != nil {
		return p.fault
	}
	if len(p.over) > 0 {
		return fmt.Errorf("nobody expected a freeze to be overdue at %v", p.over)
	}
	return nil
}

func scenarios(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(scenarioDir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s: %v", scenarioDir, err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".txt")
	}
	return files
}

func TestScenarios(t *testing.T) {
	for _, name := range scenarios(t) {
		t.Run(name, func(t *testing.T) {
			if err := new(play).run(t, name); err != nil {
				t.Error(err)
			}
		})
	}
}

// The diagram of docs/guard.md has exactly the changes of mode that the scenarios come to.
func TestTheDiagramIsTrue(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "guard.md"))
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[[2]string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ +(\w+) --> (\w+): `).FindAllStringSubmatch(string(doc), -1) {
		drawn[[2]string{strings.ToLower(m[1]), strings.ToLower(m[2])}] = true
	}
	p := &play{edges: map[[2]string]bool{}}
	for _, name := range scenarios(t) {
		if err := p.run(t, name); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(drawn, p.edges); diff != "" {
		t.Errorf("changes of mode (-diagram +scenarios):\n%s", diff)
	}
}

// What automation decides is not in the journal: a replay decides the same.
func TestScenariosAreRebuilt(t *testing.T) {
	for _, name := range []string{"concept_changes", "disturbance_passes", "operator_decides"} {
		t.Run(name, func(t *testing.T) {
			p := &play{story: &history{stored: blobs{}}}
			if err := p.run(t, name); err != nil {
				t.Fatal(err)
			}
			r, err := p.story.rebuild(t, p.config, nil, p.story.records)
			if err != nil || r.Same() != len(p.story.versions) || r.Same() == 0 {
				t.Fatalf("%d of %d versions the same, %v", r.Same(), len(p.story.versions), err)
			}
		})
	}
}

// Each rule of the way back matters: without it a scenario goes another way.
func TestMutantsOfTheStateMachineAreCaught(t *testing.T) {
	for _, m := range learner.Mutants() {
		t.Run(m.Name, func(t *testing.T) {
			p := &play{mutate: m.Break}
			err := p.run(t, m.Scenario)
			if err == nil {
				t.Fatalf("%s did not notice", m.Scenario)
			}
			t.Log(err)
		})
	}
}
