package consumer

import (
	"context"
	"io"
	"net"
	"sync"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// network is the member's connection to the broker.
type network struct {
	mu    sync.Mutex
	dead  bool
	conns []net.Conn
}

func (w *network) dial(ctx context.Context, network, host string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return nil, io.ErrClosedPipe
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, host)
	if err == nil {
		w.conns = append(w.conns, conn)
	}
	return conn, err
}

func (w *network) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
	for _, c := range w.conns {
		c.Close()
	}
}

// flakyStore is the way of a member to the store.
type flakyStore struct {
	mu    sync.Mutex
	store state.Store
	dead  bool
	fail  func(op string, k state.Key) error // asked before each call
	saves []savedCall                        // that the store accepted
}

type savedCall struct {
	key   state.Key
	next  int64
	blobs int
}

// kill makes every call wait for the end of its context, as those of a process that is gone.
func (s *flakyStore) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
}

func (s *flakyStore) failWith(fn func(op string, k state.Key) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fn
}

// swap puts another store in the place of the one that was.
func (s *flakyStore) swap(store state.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = store
}

func (s *flakyStore) saved(partition int32) (calls []savedCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.saves {
		if c.key.Partition == partition {
			calls = append(calls, c)
		}
	}
	return calls
}

func (s *flakyStore) enter(ctx context.Context, op string, k state.Key) (state.Store, error) {
	s.mu.Lock()
	store, dead, fail := s.store, s.dead, s.fail
	s.mu.Unlock()
	if dead {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if fail != nil {
		if err := fail(op, k); err != nil {
			return nil, err
		}
	}
	return store, nil
}

func (s *flakyStore) Claim(ctx context.Context, k state.Key, o state.Owner) (state.Claim, *state.Snapshot, error) {
	store, err := s.enter(ctx, "claim", k)
	if err != nil {
		return state.Claim{}, nil, err
	}
	return store.Claim(ctx, k, o)
}

func (s *flakyStore) Save(ctx context.Context, k state.Key, c state.Claim, base uint64, snap *state.Snapshot, keep int) error {
	store, err := s.enter(ctx, "save", k)
	if err != nil {
		return err
	}
	if err := store.Save(ctx, k, c, base, snap, keep); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves = append(s.saves, savedCall{k, snap.Next.Offset, len(snap.Blobs)})
	return nil
}

func (s *flakyStore) Audit(ctx context.Context, k state.Key, after int64, limit int) (state.Chain, error) {
	store, err := s.enter(ctx, "audit", k)
	if err != nil {
		return state.Chain{}, err
	}
	return store.Audit(ctx, k, after, limit)
}

func (s *flakyStore) KeepSpread(ctx context.Context, model string, n int32, replace bool) (int32, error) {
	store, err := s.enter(ctx, "spread", state.Key{Model: model})
	if err != nil {
		return 0, err
	}
	return store.(state.SpreadKeeper).KeepSpread(ctx, model, n, replace)
}

func (s *flakyStore) Inbox(ctx context.Context, k state.Key) ([]state.Command, error) {
	store, err := s.enter(ctx, "inbox", k)
	if err != nil {
		return nil, err
	}
	return store.Inbox(ctx, k)
}
