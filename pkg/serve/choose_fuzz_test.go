package serve_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
)

// Whatever stands in a context, in actions, in ids and keys, it changes nothing else of the
// record: the learner reads the decision that was made, of the features that were decided on.
func FuzzChoose(f *testing.F) {
	f.Add(`{"hour":7}`, `[{"price":1},null,{}]`, "d-1", "u")
	f.Add(`{"id":"x","arm":"a","p":1,"context":{"z":2}}`, "", "\"}", "\x00")
	f.Add(`{"a":1},"arm":"b","x":{}`, `[],"eligible":["a"],"y":[]`, "1", "2")
	f.Add(`{"a":"\"}"}`, `[{"b":"]"},{},{}]`, "\xff", "\u2028")
	f.Add(`{"user":{"user":1},"id":{"a":1},"reward":5}`, `[{"actions":[1]},{"price":1e400},{}]`, "d", "")
	_, b := trainedBandit(f, func(c *bandit.Config) { c.Policy = bandit.Greedy })
	flat := shop
	flat.Context, flat.Key, flat.Exclude, flat.Cyclic = "", "user", nil, nil
	type reader struct {
		client *serve.Client
		schema event.Schema
	}
	readers := []reader{{shopClient(f, serve.Options{}, shop, b), shop}, {shopClient(f, serve.Options{}, flat, b), flat}}
	f.Fuzz(func(t *testing.T, context, actions, id, unit string) {
		r := serve.Request{ID: id, Context: []byte(context), Unit: unit, Key: "k", Eligible: []string{"c", "a", "b"}}
		if actions != "" {
			r.Actions = []byte(actions)
		}
		for _, by := range readers {
			var d serve.Decision
			if by.client.Choose(&d, &r) != nil {
				continue
			}
			record := d.AppendJSON(nil)
			learned, err := event.NewJSON(by.schema, true)
			if err != nil {
				t.Fatal(err)
			}
			var e, without event.Event
			if err := learned.Decode(append(bytes.Clone(record[:len(record)-1]), `,"reward":0.25}`...), &e); err != nil {
				t.Fatalf("%s: %v", record, err)
			}
			key := e.Key
			if len(key) == 0 {
				key = e.ID
			}
			if e.Arm != d.Arm || e.Prob != d.Prob || e.Label != 0.25 || !bytes.Equal(key, d.Key) || len(e.Eligible) != 3 || !e.Eligible[e.Arm] {
				t.Fatalf("%s is read as %+v, decided was %+v", record, e, d)
			}
			again := r
			again.Unit, again.ID = "", string(e.ID)
			var same serve.Decision
			if err := by.client.Choose(&same, &again); err != nil {
				t.Fatalf("%s: the id is read as %q: %v", record, e.ID, err)
			}
			decoder, err := event.NewJSON(by.schema, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := decoder.Decode(append(bytes.TrimSuffix(same.AppendJSON(nil), []byte("}")), `,"reward":0.25}`...), &without); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(without, e, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(event.Event{}, "Arm", "Prob", "Time")); diff != "" {
				t.Fatalf("%s: (-the same without a unit +this)\n%s", record, diff)
			}
		}
	})
}
