package learner_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/join"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// armed is a small learner of a bandit with these arms, the first of which is the baseline.
func armed(tb testing.TB, arms ...string) learner.Config {
	tb.Helper()
	c := config(tb)
	settings := bandit.Default()
	settings.Arms, settings.Baseline, settings.NewEvents = arms, arms[0], 20
	c.Arms = func(names []string) (learner.Reading, error) {
		d, err := event.NewJSON(event.Schema{Label: "r", Time: "t", Arm: "arm", Arms: names, Probability: "p"}, true)
		return learner.Reading{Decoder: d, Schema: fmt.Appendf(nil, `{"arms":"%s"}`, strings.Join(names, ","))}, err
	}
	r, err := c.Arms(arms)
	if err != nil {
		tb.Fatal(err)
	}
	c.Decoder, c.Schema = r.Decoder, r.Schema
	c.Model = func() (learner.Model, error) { return bandit.New(settings) }
	c.Settings = fmt.Sprintf("guard.recovery=cooldown\nlearner.bandit.arms=%v\n", arms)
	return c
}

// decisionOn is record i of a stream of decisions on some arms; the later ones of the list earn more.
func decisionOn(i int, arms []string) []byte {
	a := (i*7 + i/5) % len(arms)
	return fmt.Appendf(nil, `{"t":%d,"arm":%q,"p":%g,"x":%d,"r":%d}`, 1_600_000_000_000+int64(i)*1000, arms[a], 1/float64(len(arms)), i%5, min(1, (i*13+a)%(len(arms)+1)/2))
}

func (w *owner) decide(n int, arms ...string) {
	w.Helper()
	for range n {
		o := w.Feed(learner.Record{Offset: w.Next().Offset, Value: decisionOn(int(w.Next().Offset), arms)})
		if o.Reject != nil {
			w.Fatal(o.Reject)
		}
		if o.Save {
			w.save()
		}
	}
}

// policy is what readers are served.
func (w *owner) policy() (*bandit.Policy, state.Pointer) {
	w.Helper()
	current, err := w.store.Current(w.Context(), heldKey)
	if err != nil {
		w.Fatal(err)
	}
	data, err := w.store.Blob(w.Context(), heldKey, current.Sum)
	if err != nil {
		w.Fatal(err)
	}
	p, err := bandit.OpenPolicy(data)
	if err != nil {
		w.Fatal(err)
	}
	return p, current
}

// table renders what readers know of the arms.
func (w *owner) table() string {
	w.Helper()
	p, _ := w.policy()
	var out []string
	for _, a := range p.Table() {
		out = append(out, fmt.Sprintf("%s:%v:%g", a.Name, a.Status, a.Cap))
	}
	return strings.Join(out, " ")
}

// A change of the arms reaches readers with the save that carries it, survives restarts, freezes and
// rollbacks, and is refused where it cannot be.
func TestArmsChange(t *testing.T) {
	w := newOwner(t, armed(t, "a", "b", "c"))
	w.decide(100, "a", "b", "c")
	_, before := w.policy()
	w.must(event.ArmAdd, state.Args{Arm: "d", Cap: .2})
	if got := w.table(); got != "a:active:1 b:active:1 c:active:1 d:new:0.2" {
		t.Errorf("readers have the arms %s", got)
	}
	p, after := w.policy()
	if after.Number <= before.Number || after.Parent != before.Number || after.Learned != before.Learned || after.Next != before.Next {
		t.Errorf("version %+v became %+v", before.Version, after.Version)
	}
	if string(after.Schema) != `{"arms":"a,b,c,d"}` {
		t.Errorf("the schema is %s", after.Schema)
	}
	if q := p.Distribution(&event.Event{}, nil, nil); q[3] < .05-1e-12 || q[3] > .2 {
		t.Errorf("the new arm has probability %v", q[3])
	}
	w.decide(100, "a", "b", "c", "d")
	w.must(event.ArmRemove, state.Args{Arm: "b"})
	w.must(event.ArmCap, state.Args{Arm: "c", Cap: .5})
	const want = "a:active:1 b:draining:1 c:active:0.5 d:active:0.2"
	if got := w.table(); got != want {
		t.Errorf("readers have the arms %s, want %s", got, want)
	}
	w.refused("is the baseline", event.ArmRemove, state.Args{Arm: "a"})
	w.refused("is there already", event.ArmAdd, state.Args{Arm: "d"})
	w.decide(20, "a", "b", "c", "d") // late rewards of b are learned

	w.must(learner.CommandFreeze, state.Args{}) // puts back what was proven
	w.decide(30, "a", "c", "d")
	w.must(event.ArmPrice, state.Args{Arm: "d", Price: 9})
	w.must(learner.CommandUnfreeze, state.Args{})
	if got := w.table(); got != want {
		t.Errorf("after a freeze readers have the arms %s, want %s", got, want)
	}
	w.decide(60, "a", "c", "d")
	if got := w.table(); got != want {
		t.Errorf("the next proven version has the arms %s, want %s", got, want)
	}
	old, a := w.version(fmt.Sprint(w.kept()[0].Number))
	a.Restore = true
	w.must(learner.CommandRollback, a)
	if _, held := w.policy(); held.Parent != old.Number || held.Mode != state.ModeHeld || held.Learned != old.Learned {
		t.Errorf("readers are served %+v, want what version %d has learned", held, old.Number)
	}
	if got := w.table(); got != want {
		t.Errorf("after a rollback to before arms were removed readers have the arms %s, want %s", got, want)
	}
	w.must(event.ArmCap, state.Args{Arm: "c", Cap: .4})
	const last = "a:active:1 b:draining:1 c:active:0.4 d:active:0.2"
	if got := w.table(); got != last {
		t.Errorf("under a hold readers have the arms %s, want %s", got, last)
	}
	w.must(learner.CommandPromote, state.Args{})
	if got := w.table(); got != last {
		t.Errorf("after the hold readers have the arms %s, want %s", got, last)
	}
	w.decide(60, "a", "c", "d")
}

func TestChangesOfArmsAreRecorded(t *testing.T) {
	c := armed(t, "a", "b")
	c.Audit = true
	w := newOwner(t, c)
	w.decide(60, "a", "b")
	w.must(event.ArmAdd, state.Args{Arm: "new", Like: "b", Cap: .1, Price: 3})
	chain, err := w.store.Audit(t.Context(), heldKey, -2, 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []state.AuditRecord
	for _, data := range chain.Records {
		r, err := state.ParseAudit(data)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	_, current := w.policy()
	if len(got) != 2 || got[0].Command != event.ArmAdd || got[0].Args != (state.Args{Arm: "new", Like: "b", Cap: .1, Price: 3}) || got[0].Who != "ana" ||
		got[1].Kind != state.AuditPublish || got[1].Version == nil || !got[1].Version.Same(&current.Version) {
		t.Errorf("the newest records are %+v", got)
	}
}

func TestArmsAreOfBandits(t *testing.T) {
	w := newOwner(t, config(t))
	w.refused("no bandit", event.ArmAdd, state.Args{Arm: "x"})
	w.refused("no bandit", learner.CommandPolicy, state.Args{Policy: state.PolicyBaseline})
}

// What readers do with the policy is a part of the state.
func TestReadersArePutToTheBaseline(t *testing.T) {
	w := newOwner(t, armed(t, "a", "b"))
	reads := func(want string) {
		t.Helper()
		if _, p := w.policy(); p.ReaderPolicy() != want {
			t.Errorf("readers are told %q, want %q", p.ReaderPolicy(), want)
		}
	}
	w.must(learner.CommandPolicy, state.Args{Policy: state.PolicyBaseline}) // before anything is published
	w.decide(60, "a", "b")
	reads(state.PolicyBaseline)
	w.must(learner.CommandPolicy, state.Args{Policy: state.PolicyShadow})
	w.must(learner.CommandFreeze, state.Args{})
	w.decide(20, "a", "b")
	reads(state.PolicyShadow)
	w.refused(`policy "off": must be one of online, shadow, baseline`, learner.CommandPolicy, state.Args{Policy: "off"})
	w.must(learner.CommandPolicy, state.Args{Policy: state.PolicyOnline})
	reads(state.PolicyOnline)
	if _, p := w.policy(); p.Policy != "" {
		t.Errorf("the pointer says %q", p.Policy)
	}
}

// Readers that were put to the baseline by force stay there until an owner takes the command.
func TestReadersArePutToTheBaselineByForce(t *testing.T) {
	w := newOwner(t, armed(t, "a", "b"))
	w.decide(60, "a", "b")
	_, current := w.policy()
	c := state.Command{ID: "kill", Kind: learner.CommandPolicy, Who: "ana", Why: "test", Args: state.Args{Policy: state.PolicyBaseline, Forced: true}}
	if err := w.store.Force(t.Context(), heldKey, c, current.WithPolicy(state.PolicyBaseline)); err != nil {
		t.Fatal(err)
	}
	w.decide(60, "a", "b") // an owner that is slow, and publishes on
	_, p := w.policy()
	if p.Policy != state.PolicyBaseline || !p.Same(&current.Version) {
		t.Errorf("readers have %+v", p)
	}
	w.ApplyTo(c, nil)
	w.save()
	if _, p = w.policy(); p.Policy != state.PolicyBaseline || p.Number <= current.Number {
		t.Errorf("after the owner took the command readers have %+v", p)
	}
}

// restart goes on with other configured arms.
func (w *owner) restart(arms ...string) {
	w.Helper()
	w.save()
	keep := w.cfg.Snapshot.Keep
	w.cfg = armed(w, arms...)
	w.cfg.Snapshot.Keep = keep
	_, stored, err := w.store.Claim(w.Context(), heldKey, w.claim.Owner)
	if err != nil {
		w.Fatal(err)
	}
	if w.Learner, err = learner.Restore(w.cfg, stored); err != nil {
		w.Fatal(err)
	}
	w.save()
}

// A change of the configured arms is applied at a restart.
func TestRestartWithOtherArms(t *testing.T) {
	w := newOwner(t, armed(t, "a", "b", "c"))
	w.decide(100, "a", "b", "c")
	w.must(event.ArmAdd, state.Args{Arm: "d"})
	w.restart("a", "c", "e")
	if got := w.table(); got != "a:active:1 b:draining:1 c:active:1 d:new:1 e:new:1" {
		t.Errorf("readers have the arms %s", got)
	}
	w.decide(50, "a", "b", "c", "d", "e")
}

// A version is served again although it is older than arms that commands and restarts have added in turn, and removed.
func TestRollbackBehindChangesOfBothKinds(t *testing.T) {
	for _, restore := range []bool{false, true} {
		c := armed(t, "a", "b")
		c.Snapshot.Keep = 1000
		w := newOwner(t, c)
		w.decide(100, "a", "b")
		old, args := w.version(fmt.Sprint(w.kept()[0].Number))
		w.must(event.ArmAdd, state.Args{Arm: "c", Cap: .3})
		w.decide(50, "a", "b", "c")
		w.restart("a", "b", "d")
		w.decide(50, "a", "b", "c", "d")
		w.restart("a", "b", "e")
		args.Restore = restore
		w.must(learner.CommandRollback, args)
		if got, want := w.table(), "a:active:1 b:active:1 c:active:0.3 d:draining:1 e:new:1"; got != want {
			t.Errorf("readers have the arms %s, want %s", got, want)
		}
		if _, held := w.policy(); held.Learned != old.Learned || held.Mode != state.ModeHeld {
			t.Errorf("readers are served %+v, want what version %d has learned", held, old.Number)
		}
		w.decide(50, "a", "b", "c", "e")
	}
}

// A command whose arms no record could name changes nothing.
func TestArmsThatCannotBeReadAreRefused(t *testing.T) {
	c := armed(t, "a", "b")
	arms := c.Arms
	c.Arms = func(names []string) (learner.Reading, error) {
		if len(names) > 2 {
			return learner.Reading{}, errors.New("too many")
		}
		return arms(names)
	}
	w := newOwner(t, c)
	w.decide(60, "a", "b")
	before := w.table()
	w.refused("too many", event.ArmAdd, state.Args{Arm: "c"})
	w.must(event.ArmCap, state.Args{Arm: "b", Cap: .5})
	if got := w.table(); got != strings.Replace(before, "b:active:1", "b:active:0.5", 1) {
		t.Errorf("readers have the arms %s after %s", got, before)
	}
}

// A partition that begins with a version of another one has its arms, also those
// that were added there at run time, and reads its records by them.
func TestAnImportBeginsWithItsArms(t *testing.T) {
	from := newOwner(t, armed(t, "a", "b"))
	from.decide(60, "a", "b")
	from.must(event.ArmAdd, state.Args{Arm: "c"})
	from.must(event.ArmRemove, state.Args{Arm: "b"})
	from.decide(100, "a", "c")
	kept := from.kept()
	newest := kept[len(kept)-1]
	w := newOwner(t, armed(t, "a", "b", "d"))
	a := from.export(w, &newest)
	a.Restore, a.Label = true, "import"
	w.must(learner.CommandImport, a)
	const want = "a:active:1 b:draining:1 c:active:1 d:new:1"
	if got := w.table(); got != want {
		t.Errorf("readers have the arms %s, want %s", got, want)
	}
	_, current := w.policy()
	if v, _ := w.version("import"); !v.Same(&current.Version) {
		t.Errorf("the label is at version %d, readers are served %d", v.Number, current.Number)
	}
	w.decide(50, "a", "c", "d")
	if string(w.Snapshot().Current.Schema) != `{"arms":"a,b,c,d"}` {
		t.Errorf("the schema is %s", w.Snapshot().Current.Schema)
	}
}

// A replay comes to the same version although arms changed on the way.
func TestRebuildRepeatsChangesOfArms(t *testing.T) {
	w := newOwner(t, armed(t, "a", "b", "c"))
	w.cfg.Snapshot.Keep = 1000
	arms := []string{"a", "b", "c"}
	var records []learner.Record
	for i := range 300 {
		switch i {
		case 105:
			w.must(event.ArmAdd, state.Args{Arm: "d", Like: "b"})
			arms = append(arms, "d")
		case 155:
			w.must(event.ArmRemove, state.Args{Arm: "b"})
			arms = slices.Delete(slices.Clone(arms), 1, 2)
		case 200:
			w.must(learner.CommandPolicy, state.Args{Policy: state.PolicyShadow})
		case 203:
			w.restart("a", "c", "e")
			arms = append(arms, "e")
		case 210: // changes of the arms give what readers are held at a number, too
			kept := w.kept()
			v := kept[len(kept)-3]
			w.must(learner.CommandRollback, state.Args{Version: v.Number, Sum: v.Sum})
		case 220:
			w.must(event.ArmCap, state.Args{Arm: "c", Cap: 0.6})
		case 225:
			w.must(learner.CommandPromote, state.Args{})
		case 230:
			w.must(event.ArmCap, state.Args{Arm: "d", Cap: 0.6})
		}
		records = append(records, learner.Record{Offset: w.Next().Offset, Value: decisionOn(i, arms)})
		w.decide(1, arms...)
	}
	kept := w.kept()
	to := kept[len(kept)-1]
	find := func(a state.Args) (*state.Found, error) { return state.Find(t.Context(), w.store, heldKey, a) }
	c := learner.RebuildConfig{
		Config: func(settings string) (learner.Config, error) {
			_, list, _ := strings.Cut(settings, "learner.bandit.arms=[")
			list, _, _ = strings.Cut(list, "]")
			return armed(t, strings.Fields(list)...), nil
		},
		Blob: func(s state.Sum) ([]byte, error) { return w.store.Blob(t.Context(), heldKey, s) },
		Find: find, To: to, Between: kept,
	}
	r, err := learner.NewRebuild(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := replay(r, records); err != nil {
		t.Fatal(err)
	}
	own := 0 // made of records; the others are of changes of arms and of what was held under them
	for i := range kept {
		if !kept[i].State.IsZero() {
			own++
		}
	}
	if own < len(kept)-8 || r.Same() != own {
		t.Errorf("%d of %d versions came out the same, %d were made of records", r.Same(), len(kept), own)
	}
	c.Find = func(state.Args) (*state.Found, error) { return &state.Found{Problem: "it is not kept"}, nil }
	if r, err = learner.NewRebuild(c); err != nil {
		t.Fatal(err)
	}
	if err := replay(r, records); !errors.Is(err, learner.ErrJournal) {
		t.Errorf("without the version that readers were held at: %v", err)
	}
}

// An arm that is added while decisions are open is no reason to lose them, also where they log features of every action.
func TestAnAddedArmLosesNoOpenDecision(t *testing.T) {
	c := armed(t, "a", "b")
	c.Arms = func(names []string) (learner.Reading, error) {
		records, err := event.NewLoop(event.LoopSchema{
			Schema: event.Schema{Label: "reward", ID: "id", Time: "ts", Arm: "arm", Arms: names, Probability: "p", Actions: "actions"},
			Kind:   "kind", Decision: "decision", Reward: "reward", Activation: "shown",
		})
		return learner.Reading{Records: records}, err
	}
	r, err := c.Arms([]string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	c.Join = &learner.JoinConfig{Config: join.Config{Window: 100, Reducer: join.Last, MaxOpen: 10}, Records: r.Records}
	w := newOwner(t, c)
	const t0 = 1_700_000_000_000
	decide := func(id string, at int64, actions string) *learner.Outcome {
		v := fmt.Appendf(nil, `{"kind":"decision","id":%q,"ts":%d,"arm":"b","p":0.5,"actions":%s}`, id, at, actions)
		return w.Feed(learner.Record{Offset: w.Next().Offset, Value: v})
	}
	if o := decide("1", t0, `[{"x":1},{"x":2}]`); o.Reject != nil {
		t.Fatal(o.Reject)
	}
	if e := w.order(event.ArmAdd, state.Args{Arm: "c"}); e != "" {
		t.Fatal(e)
	}
	o := decide("2", t0+200, `[{"x":1},{"x":2},{"x":3}]`)
	if o.Reject != nil || len(o.Refused) != 0 || o.Events != 1 {
		t.Errorf("%d events, the record: %v, refused %+v", o.Events, o.Reject, o.Refused)
	}
}
