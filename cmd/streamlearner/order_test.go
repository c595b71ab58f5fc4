package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// halfOwned is a store in which partition 0 has no owner.
type halfOwned struct{ state.Operator }

func (halfOwned) Ack(ctx context.Context, k state.Key, id string) (state.Ack, error) {
	switch {
	case ctx.Err() != nil:
		return state.Ack{}, ctx.Err()
	case k.Partition == 0:
		return state.Ack{}, state.ErrNotFound
	}
	return state.Ack{ID: id, Offset: 7}, nil
}

// An answer counts although another partition gives none.
func TestOrderWithoutOneOwner(t *testing.T) {
	o := order{kind: "freeze", timeout: 20 * time.Millisecond}
	ks := []state.Key{{Model: "m"}, {Model: "m", Partition: 1}}
	got, err := o.collect(t.Context(), halfOwned{}, ks, make([]state.Command, 2))
	if err != nil {
		t.Fatal(err)
	}
	if a := got[0]; a.Key != "m/0" || a.Offset != -1 || !strings.Contains(a.Error, "no answer in 20ms") {
		t.Errorf("the partition without an owner: %+v", a)
	}
	if a := got[1]; a.Key != "m/1" || a.Offset != 7 || a.Error != "" {
		t.Errorf("the partition with an owner: %+v", a)
	}
}
