package serve_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// shop is how the records of decisions are read.
var shop = event.Schema{
	Label: "reward", ID: "id", Time: "ts", Key: "context.user", Arm: "arm", Arms: []string{"a", "b", "c"}, Probability: "p",
	Eligible: "eligible", Actions: "actions", Context: "context", Exclude: []string{"context.note"}, Cyclic: []string{"context.when"},
}

// trainedBandit returns a bandit that has learned that item b is liked, and its bytes.
func trainedBandit(t testing.TB, edit func(c *bandit.Config)) (*bandit.Model, []byte) {
	t.Helper()
	cfg := bandit.Default()
	cfg.Arms, cfg.Floor = shop.Arms, 0.1
	edit(&cfg)
	m, err := bandit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := event.NewJSON(shop, true)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	for i := range 300 {
		clicked := 0
		if i%3 == 1 && i%5 > 0 {
			clicked = 1
		}
		body := fmt.Appendf(nil, `{"context":{"hour":%d},"actions":[{"price":1},{"price":%d},{"price":3}],"arm":%q,"p":0.33,"reward":%d}`, i%24, i%7, shop.Arms[i%3], clicked)
		if err := decoder.Decode(body, &e); err != nil {
			t.Fatal(err)
		}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, b
}

// shopClient serves a bandit that was published with a schema.
func shopClient(t testing.TB, o serve.Options, schema event.Schema, model []byte) *serve.Client {
	t.Helper()
	published, err := json.Marshal(event.Layout{Format: "json", Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "shop"})
	w.schema = published
	w.publish(4, "learning", model)
	o.Store, o.Model = store, "shop"
	c, err := serve.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var visit = serve.Request{
	ID: "d-1", Context: []byte(`{"user":"u","hour":7,"note":"x","when":1732456800}`),
	Actions: []byte(` [{"price":2.5},{"price":4,"new":true},null] `), Time: time.UnixMilli(1732456800123),
}

// A choice is drawn from the distribution of the learner's own bandit, and what
// is logged is read by the learner as the features that were decided on, bit for bit.
func TestChoose(t *testing.T) {
	nested, flat := shop, shop
	flat.Context, flat.Key, flat.Exclude, flat.Cyclic = "", "user", []string{"note"}, []string{"when"}
	for name, c := range map[string]struct {
		schema event.Schema
		edit   func(c *bandit.Config)
	}{
		"thompson": {nested, func(c *bandit.Config) { c.Policy = bandit.Thompson }},
		"linucb":   {nested, func(c *bandit.Config) {}},
		"lints":    {nested, func(c *bandit.Config) { c.Policy = bandit.LinTS }},
		"shared":   {nested, func(c *bandit.Config) { c.Policy, c.Features = bandit.LinTS, bandit.Shared }},
		"flat":     {flat, func(c *bandit.Config) { c.Policy = bandit.SquareCB }},
	} {
		t.Run(name, func(t *testing.T) {
			m, b := trainedBandit(t, c.edit)
			client := shopClient(t, serve.Options{}, c.schema, b)
			learned, err := event.NewJSON(c.schema, true)
			if err != nil {
				t.Fatal(err)
			}
			var d serve.Decision
			var e event.Event
			share, mean := make([]float64, 3), make([]float64, 3)
			const draws = 600
			for i := range draws {
				r := visit
				r.ID = fmt.Sprint("d-", i)
				if i%4 == 3 {
					r.Eligible, r.Actions = []string{"c", "b"}, []byte(`[{"price":1},{"price":2}]`)
				}
				if err := client.Choose(&d, &r); err != nil {
					t.Fatal(err)
				}
				record := d.AppendJSON(nil)
				if err := learned.Decode(bytes.Replace(record, []byte("{"), []byte(`{"reward":1,`), 1), &e); err != nil {
					t.Fatalf("%s: %v", record, err)
				}
				if e.Arm != d.Arm || e.Prob != d.Prob || shop.Arms[d.Arm] != d.Name || e.Time != 1732456800123 || string(e.ID) != r.ID || string(e.Key) != "u" || string(d.Key) != "u" {
					t.Fatalf("%s is read as %+v of the decision %+v", record, e, d)
				}
				eligible := e.Eligible
				if len(eligible) == 0 {
					eligible = nil
				}
				if want := m.Distribution(&e, eligible, nil); !slices.Equal(want, d.PMF) || d.Prob != want[d.Arm] {
					t.Fatalf("%s: probabilities %v, the learner's are %v", record, d.PMF, want)
				}
				if d.Version != 4 || d.Learner != "learning" || d.Mode != serve.Online || d.Stale {
					t.Fatalf("decision %+v", d)
				}
				if i%4 == 3 {
					if d.Arm == 0 || d.PMF[0] != 0 {
						t.Fatalf("arm a is not eligible: %+v", d)
					}
					continue
				}
				share[d.Arm] += 1 / (draws * .75)
				for a, p := range d.PMF {
					mean[a] += p / (draws * .75)
				}
			}
			for a := range share {
				if math.Abs(share[a]-mean[a]) > 4*math.Sqrt(.25/draws) {
					t.Errorf("arm %d has share %v, its probabilities are %v in the mean", a, share[a], mean[a])
				}
			}
		})
	}
}

// What is logged has the fields of docs/decisions.md.
func TestAppendJSON(t *testing.T) {
	_, b := trainedBandit(t, func(c *bandit.Config) { c.Policy = bandit.Greedy })
	flat := shop
	flat.Context, flat.Key, flat.Exclude, flat.Cyclic = "", "user", nil, nil
	r := serve.Request{ID: "d-\"1\"\n\xff", Context: []byte(` {"hour":7} `), Eligible: []string{"c", "b"}, Key: "k", Time: time.UnixMilli(5)}
	top := shop
	top.Key = "card"
	for _, c := range []struct {
		name   string
		schema event.Schema
		edit   func(r *serve.Request, d *serve.Decision)
		want   string
	}{
		{"nested", shop, nil, `{"kind":"decision","context": {"hour":7} ,"id":"d-\"1\"\u000a�","ts":5,"eligible":["c","b"],"arm":"%s","p":%v,"pmf":%s,"model":"shop/0","version":4,"mode":"online"}`},
		{"flat", flat, nil, `{"hour":7,"id":"d-\"1\"\u000a�","ts":5,"user":"k","eligible":["c","b"],"arm":"%s","p":%v}`},
		{"a key of its own, a unit, never shown", top, func(r *serve.Request, d *serve.Decision) {
			if r != nil {
				r.Unit, r.Eligible = "u-1", nil
			} else {
				d.NeverShown, d.PMF = true, d.PMF[:0]
			}
		}, `{"kind":"decision","context": {"hour":7} ,"id":"d-\"1\"\u000a�","ts":5,"card":"k","arm":"%s","p":%v,"model":"shop/0","version":4,"mode":"online","unit":"u-1","shown":false}`},
	} {
		r, d := r, serve.Decision{}
		if c.edit != nil {
			c.edit(&r, nil)
		}
		if err := shopClient(t, serve.Options{}, c.schema, b).Choose(&d, &r); err != nil {
			t.Fatal(err)
		}
		if c.edit != nil {
			c.edit(nil, &d)
		}
		pmf, err := json.Marshal(d.PMF)
		if err != nil {
			t.Fatal(err)
		}
		args := []any{d.Name, d.Prob, pmf}
		got := string(d.AppendJSON(nil))
		if want := fmt.Sprintf(c.want, args[:strings.Count(c.want, "%")]...); got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, want)
		}
	}
}

// The draw depends on the id alone, or on the unit, whose decisions keep their arm.
func TestChooseRepeats(t *testing.T) {
	_, b := trainedBandit(t, func(c *bandit.Config) { c.Policy, c.Epsilon = bandit.Greedy, 1 })
	c := shopClient(t, serve.Options{}, shop, b)
	ask := func(r serve.Request) string {
		t.Helper()
		var d serve.Decision
		if err := c.Choose(&d, &r); err != nil {
			t.Fatal(err)
		}
		return d.Name
	}
	ids, units := map[string]int{}, map[string]int{}
	for i := range 60 {
		r := visit
		r.ID = fmt.Sprint(i)
		first := ask(r)
		ids[first]++
		if again := ask(r); again != first {
			t.Errorf("a request has the arm %s, and %s when it is repeated", first, again)
		}
		r.Unit = "u"
		units[ask(r)]++
	}
	if len(ids) != 3 || len(units) != 1 {
		t.Errorf("arms by id %v, by unit %v", ids, units)
	}
}

// The baseline is chosen in the modes shadow and baseline; the former tells the policy's probabilities.
func TestChooseModes(t *testing.T) {
	_, b := trainedBandit(t, func(c *bandit.Config) { c.Policy = bandit.LinTS })
	for mode, asked := range map[serve.Mode]bool{serve.Shadow: true, serve.Baseline: false} {
		c := shopClient(t, serve.Options{Mode: mode}, shop, b)
		r, d := visit, serve.Decision{}
		for _, bad := range []serve.Request{{Baseline: ""}, {Baseline: "z"}, {Baseline: "a", Eligible: []string{"b", "c"}}} {
			r.Baseline, r.Eligible, r.Actions = bad.Baseline, bad.Eligible, nil
			if err := c.Choose(&d, &r); !errors.Is(err, serve.ErrNoArm) {
				t.Errorf("%s, baseline %q: %v", mode, bad.Baseline, err)
			}
		}
		r.Baseline, r.Eligible = "a", nil
		if err := c.Choose(&d, &r); err != nil {
			t.Fatal(err)
		}
		if d.Name != "a" || d.Arm != 0 || d.Prob != 1 || d.Mode != mode || (len(d.PMF) > 0) != asked {
			t.Errorf("%s: %+v", mode, d)
		}
		if got := string(d.AppendJSON(nil)); !strings.Contains(got, `"p":1,`) || !strings.Contains(got, `"mode":"`+string(mode)+`"`) || strings.Contains(got, `"pmf"`) != asked {
			t.Errorf("%s", got)
		}
	}
	if _, err := serve.Open(t.Context(), serve.Options{Store: state.NewMem(), Model: "shop", Mode: "off"}); err == nil || !strings.Contains(err.Error(), `mode "off"`) {
		t.Errorf("mode off: %v", err)
	}
}

// An operator puts readers to the baseline and back; a service that trusts the policy less stays there.
func TestChooseObeysTheOperator(t *testing.T) {
	_, b := trainedBandit(t, func(c *bandit.Config) { c.Policy, c.Baseline = bandit.LinTS, "c" })
	published, err := json.Marshal(event.Layout{Format: "json", Schema: shop})
	if err != nil {
		t.Fatal(err)
	}
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "shop"})
	w.schema = published
	w.publish(4, "learning", b)
	clients := map[serve.Mode]*serve.Client{}
	for _, own := range []serve.Mode{"", serve.Online, serve.Shadow, serve.Baseline} {
		if clients[own], err = serve.Open(t.Context(), serve.Options{Store: store, Model: "shop", Mode: own}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		told string
		want map[serve.Mode]serve.Mode // by Options.Mode
	}{
		{"", map[serve.Mode]serve.Mode{"": serve.Online, serve.Online: serve.Online, serve.Shadow: serve.Shadow, serve.Baseline: serve.Baseline}},
		{state.PolicyShadow, map[serve.Mode]serve.Mode{"": serve.Shadow, serve.Online: serve.Shadow, serve.Shadow: serve.Shadow, serve.Baseline: serve.Baseline}},
		{state.PolicyBaseline, map[serve.Mode]serve.Mode{"": serve.Baseline, serve.Online: serve.Baseline, serve.Shadow: serve.Baseline, serve.Baseline: serve.Baseline}},
		{"of a later version", map[serve.Mode]serve.Mode{"": serve.Baseline, serve.Shadow: serve.Baseline}},
		{state.PolicyOnline, map[serve.Mode]serve.Mode{"": serve.Online, serve.Shadow: serve.Shadow}},
	} {
		w.policy = c.told
		w.publish(4, "learning", b)
		for own, want := range c.want {
			if err := clients[own].Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			r, d := visit, serve.Decision{}
			if err := clients[own].Choose(&d, &r); err != nil {
				t.Fatal(err)
			}
			if d.Mode != want || want != serve.Online && d.Name != "c" {
				t.Errorf("told %q, with Options.Mode %q: %s in mode %s, want %s", c.told, own, d.Name, d.Mode, want)
			}
		}
	}
}

// While a new configuration reaches the partitions one by one, a decision is read by the
// schema of the partition that decides.
func TestChooseWhileSchemasDiffer(t *testing.T) {
	_, b := trainedBandit(t, func(c *bandit.Config) { c.Policy = bandit.Thompson })
	other := shop
	other.Key, other.Arm, other.Probability = "context.country", "chosen", "propensity"
	store := state.NewMem()
	for p, s := range []event.Schema{shop, other} {
		published, err := json.Marshal(event.Layout{Format: "json", Schema: s})
		if err != nil {
			t.Fatal(err)
		}
		w := newWriter(t, store, state.Key{Model: "shop", Partition: int32(p)})
		w.schema = published
		w.publish(uint64(7+p), "learning", b)
	}
	c, err := serve.Open(t.Context(), serve.Options{Store: store, Model: "shop", Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	arms := []string{`"arm":`, `"chosen":`}
	var met [2]int
	for i := range 40 {
		r, d := serve.Request{ID: "d", Context: fmt.Appendf(nil, `{"user":"u%d","country":"c%d"}`, i, i*3)}, serve.Decision{}
		if err := c.Choose(&d, &r); err != nil {
			t.Fatal(err)
		}
		p := serve.PartitionOf(fmt.Append(nil, "u", i), 2)
		met[p]++
		if d.Partition != p || d.Version != uint64(7+p) || !strings.Contains(string(d.AppendJSON(nil)), arms[p]) {
			t.Errorf("user %d belongs to partition %d: %s of partition %d, version %d", i, p, d.AppendJSON(nil), d.Partition, d.Version)
		}
	}
	if met[0] == 0 || met[1] == 0 {
		t.Errorf("decisions by partition: %v", met)
	}
	if err := c.Choose(new(serve.Decision), &serve.Request{ID: "d", Context: []byte(`{}`), Key: "k"}); err != nil {
		t.Errorf("the id stands for a key that is not there: %v", err)
	}
}

// Goroutines decide, each with its Decision, while versions are swapped: every decision comes
// from one version.
func TestChooseDuringSwaps(t *testing.T) {
	var models [2][]byte
	for i := range models {
		_, models[i] = trainedBandit(t, func(c *bandit.Config) { c.Policy, c.Epsilon = bandit.Greedy, 0.3+0.3*float64(i) })
	}
	published, err := json.Marshal(event.Layout{Format: "json", Schema: shop})
	if err != nil {
		t.Fatal(err)
	}
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "shop"})
	w.schema = published
	w.publish(2, "learning", models[0])
	c, err := serve.Open(t.Context(), serve.Options{Store: store, Model: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	least := [2]float64{0.1, 0.2} // of an arm that is not the best: epsilon / 3
	var wg sync.WaitGroup
	done := make(chan struct{})
	for g := range 3 {
		wg.Go(func() {
			var d serve.Decision
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				r := visit
				r.ID = fmt.Sprint(g, "-", i)
				err := c.Choose(&d, &r)
				if want := least[d.Version%2]; err != nil || math.Abs(slices.Min(d.PMF)-want) > 1e-12 || !strings.Contains(string(d.AppendJSON(nil)), r.ID) {
					t.Errorf("%+v, %v; want the least probability %v", d, err, want)
					return
				}
			}
		})
	}
	for v := uint64(3); v < 60; v++ {
		w.publish(v, "learning", models[v%2])
		refresh(t, c)
	}
	close(done)
	wg.Wait()
}

func TestChooseRefuses(t *testing.T) {
	_, b := trainedBandit(t, func(*bandit.Config) {})
	c := shopClient(t, serve.Options{}, shop, b)
	bare := shop
	bare.Actions, bare.Eligible = "", ""
	plain := shopClient(t, serve.Options{}, bare, b)
	rejected := func(reason event.Reason) func(error) bool {
		return func(err error) bool {
			var r *event.Rejection
			return errors.As(err, &r) && r.Reason == reason
		}
	}
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	for _, tc := range []struct {
		name   string
		client *serve.Client
		edit   func(r *serve.Request)
		want   func(error) bool
	}{
		{"no id", c, func(r *serve.Request) { r.ID = "" }, is(serve.ErrNoID)},
		{"no context", c, func(r *serve.Request) { r.Context = nil }, rejected(event.Syntax)},
		{"another field behind the context", c, func(r *serve.Request) { r.Context = []byte(`{"hour":7},"eligible":["a"],"x":{"y":1}`) }, rejected(event.Syntax)},
		{"a string that hides brackets", c, func(r *serve.Request) { r.Context = []byte(`{"hour":"\"}"},"x":{}`) }, rejected(event.Syntax)},
		{"broken context", c, func(r *serve.Request) { r.Context = []byte(`{"hour":]}`) }, rejected(event.Syntax)},
		{"unclosed context", c, func(r *serve.Request) { r.Context = []byte(`{"hour":"7}`) }, rejected(event.Syntax)},
		{"another field behind the actions", c, func(r *serve.Request) { r.Actions = []byte(`[null,null,null],"id":[1]`) }, rejected(event.Syntax)},
		{"actions that are no array", c, func(r *serve.Request) { r.Actions = []byte(`{}`) }, rejected(event.Syntax)},
		{"actions for some arms", c, func(r *serve.Request) { r.Actions = []byte(`[{},{}]`) }, rejected(event.ActionsInvalid)},
		{"actions for all arms, of which few are eligible", c, func(r *serve.Request) { r.Eligible = []string{"a", "b"} }, rejected(event.ActionsInvalid)},
		{"unknown arm", c, func(r *serve.Request) { r.Eligible, r.Actions = []string{"a", "z"}, nil }, rejected(event.ArmUnknown)},
		{"no arm", c, func(r *serve.Request) { r.Eligible, r.Actions = []string{}, nil }, rejected(event.ArmUnknown)},
		{"a feature too large", c, func(r *serve.Request) { r.Context = []byte(`{"hour":1e999}`) }, rejected(event.NonFinite)},
		{"actions that are not learned", plain, func(*serve.Request) {}, is(serve.ErrSchema)},
		{"eligible arms that are not learned", plain, func(r *serve.Request) { r.Actions, r.Eligible = nil, []string{"a"} }, is(serve.ErrSchema)},
	} {
		r, d := visit, serve.Decision{}
		tc.edit(&r)
		if err := tc.client.Choose(&d, &r); err == nil || !tc.want(err) {
			t.Errorf("%s: %v, %+v", tc.name, err, d)
		}
	}
	if _, err := c.ScoreJSON([]byte(`{}`)); !errors.Is(err, serve.ErrKind) {
		t.Errorf("score of a bandit: %v", err)
	}
}

func TestChooseFromALinearModel(t *testing.T) {
	store := state.NewMem()
	_, b := trained(t, 50)
	newWriter(t, store, state.Key{Model: "fraud"}).publish(1, "learning", b)
	r, d := serve.Request{ID: "d", Context: payment("x", 1)}, serve.Decision{}
	if err := open(t, serve.Options{Store: store}).Choose(&d, &r); !errors.Is(err, serve.ErrKind) {
		t.Errorf("%+v, %v", d, err)
	}
}

// While nothing is published a service goes on with its baseline.
func TestFallback(t *testing.T) {
	c, err := serve.Open(t.Context(), serve.Options{Store: state.NewMem(), Model: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	r, d := visit, serve.Decision{}
	if err := c.Choose(&d, &r); !errors.Is(err, serve.ErrNoModel) {
		t.Fatalf("without a model: %v", err)
	}
	if err := c.Fallback(&d, &r); !errors.Is(err, serve.ErrNoArm) {
		t.Errorf("without a baseline: %v", err)
	}
	r.Baseline = "b"
	if err := c.Fallback(&d, &r); err != nil {
		t.Fatal(err)
	}
	decoder, err := event.NewJSON(shop, true)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	record := d.AppendJSON(nil)
	if err := decoder.Decode(bytes.Replace(record, []byte("{"), []byte(`{"reward":1,`), 1), &e); err != nil {
		t.Fatalf("%s: %v", record, err)
	}
	if e.Arm != 1 || e.Prob != 1 || len(e.Actions) != 3 || !strings.Contains(string(record), `"version":0,"mode":"baseline"`) || string(d.Key) != "d-1" {
		t.Errorf("%s is read as %+v, key %s", record, e, d.Key)
	}
}

// An event that the service decodes by itself has the same choice, and neither allocates.
func TestChooseEvent(t *testing.T) {
	for _, policy := range []string{bandit.Greedy, bandit.LinTS} {
		_, b := trainedBandit(t, func(c *bandit.Config) { c.Policy = policy })
		c := shopClient(t, serve.Options{}, shop, b)
		var d, own serve.Decision
		r := visit
		if err := c.Choose(&d, &r); err != nil {
			t.Fatal(err)
		}
		decoder, err := event.NewJSON(shop, false)
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		if err := decoder.Decode(d.AppendJSON(nil), &e); err != nil {
			t.Fatal(err)
		}
		if err := c.ChooseEvent(&own, &e); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, own, cmpopts.IgnoreUnexported(serve.Decision{}), cmpopts.IgnoreFields(serve.Decision{}, "Age")); diff != "" {
			t.Errorf("(-Choose +ChooseEvent)\n%s", diff)
		}
		if got := string(own.AppendJSON(nil)); !strings.HasPrefix(got, `{"arm":"`) || !json.Valid([]byte(got)) {
			t.Errorf("%s", got)
		}
		r.Eligible, r.Actions = []string{"a", "c"}, []byte(`[{"price":1},{"price":2}]`)
		buffer := make([]byte, 0, 4096)
		for name, call := range map[string]func() error{
			"Choose":      func() error { err := c.Choose(&d, &r); buffer = d.AppendJSON(buffer[:0]); return err },
			"ChooseEvent": func() error { return c.ChooseEvent(&own, &e) },
		} {
			if n := leastAllocations(func() {
				if err := call(); err != nil {
					t.Error(err)
				}
			}); n != 0 {
				t.Errorf("%s of %s: %v allocations", name, policy, n)
			}
		}
		e.Eligible = []bool{true}
		if err := c.ChooseEvent(&own, &e); err == nil {
			t.Error("Eligible for one of three arms was accepted")
		}
		e.ID = nil
		if err := c.ChooseEvent(&own, &e); !errors.Is(err, serve.ErrNoID) {
			t.Errorf("without an id: %v", err)
		}
	}
}
