package main

import (
	"encoding/json"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// A failover that loses the last writes takes state and published pointer back
// together. The live owner writes both forward, and ends with the parameters of
// a run that never met it.
func TestLostWritesAreWrittenForward(t *testing.T) {
	in := newInstallation(t)
	rdb := goredis.NewClient(&goredis.Options{Addr: in.redis})
	defer rdb.Close()
	const stateKey, currentKey = "sl:{fraud/0}:state", "sl:{fraud/0}:current"
	loads := 1 // by newInstallation
	learned := func() {
		t.Helper()
		eventually(t, "all records are learned", func() bool {
			list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
			return len(list) == 2 && list[0].Next == int64(loads*in.events[0])
		})
	}
	load := func() {
		t.Helper()
		loads++
		in.must("load", "-c", in.config, "--topic", "payments", "--key", "card", in.csv)
	}
	current := func() (p state.Pointer) {
		t.Helper()
		raw, err := rdb.Get(t.Context(), currentKey).Bytes()
		if err == nil {
			err = json.Unmarshal(raw, &p)
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	learned()
	oldState, err := rdb.HGetAll(t.Context(), stateKey).Result()
	if err != nil {
		t.Fatal(err)
	}
	oldCurrent, err := rdb.Get(t.Context(), currentKey).Result()
	if err != nil {
		t.Fatal(err)
	}
	load()
	learned()
	before := current()

	_, err = rdb.TxPipelined(t.Context(), func(p goredis.Pipeliner) error {
		p.Del(t.Context(), stateKey)
		p.HSet(t.Context(), stateKey, oldState)
		p.Set(t.Context(), currentKey, oldCurrent, 0)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if back := current(); back.Number >= before.Number {
		t.Fatalf("version %d is published, %d was before the failover", back.Number, before.Number)
	}
	load()
	learned()
	if after := current(); after.Number <= before.Number {
		t.Errorf("version %d is published, %d was before the failover", after.Number, before.Number)
	}
	stored := document[stateReport](in, "snapshot", "show", "fraud/0", "-c", in.config)
	again := document[replayReport](in, "replay", "-c", in.config, in.split[0], in.split[0], in.split[0])
	if stored.Live != again.Params || stored.Learned != again.Learned {
		t.Errorf("learned %d, parameters %s; the replay has %d, %s", stored.Learned, stored.Live, again.Learned, again.Params)
	}
	if stored.Current == nil || stored.Current.Number != again.Published {
		t.Errorf("serves %+v, the replay published version %d", stored.Current, again.Published)
	}
}
