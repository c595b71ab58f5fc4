package testbed

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy forwards TCP connections to a server through a network that a test
// makes worse: slow, silent, cut, or losing replies. Its goroutines end with Close.
type Proxy struct {
	Addr string // host:port to connect to

	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	changed  chan struct{} // closed when a fault begins or ends
	target   string
	latency  time.Duration
	stalled  bool
	mute     bool
	closed   bool
	conns    map[net.Conn]struct{}
}

// NewProxy listens on a free loopback port. It refuses connections until Forward names a server.
func NewProxy() (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("testbed: listen: %w", err)
	}
	p := &Proxy{Addr: l.Addr().String(), listener: l, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	p.wg.Go(p.accept)
	return p, nil
}

// StartProxy starts a proxy in front of addr, which may be empty for now, and ends it with the test.
func StartProxy(t testing.TB, addr string) *Proxy {
	t.Helper()
	p, err := NewProxy()
	if err != nil {
		t.Fatal(err)
	}
	p.Forward(addr)
	t.Cleanup(p.Close)
	return p
}

// Forward names the server.
func (p *Proxy) Forward(addr string) { p.change(func() { p.target = addr }) }

// Delay holds every piece of data back for d, in both directions.
func (p *Proxy) Delay(d time.Duration) { p.change(func() { p.latency = d }) }

// Stall lets nothing through, while connections stay open, until it is called with false.
func (p *Proxy) Stall(on bool) { p.change(func() { p.stalled = on }) }

// LoseReplies lets requests through and cuts a connection at its next reply, until it is called with false.
func (p *Proxy) LoseReplies(on bool) { p.change(func() { p.mute = on }) }

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Close ends the proxy and waits for its goroutines.
func (p *Proxy) Close() {
	p.change(func() { p.closed = true })
	_ = p.listener.Close()
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) change(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.DialTimeout("tcp", target, time.Second)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.hold(client, server) {
		return
	}
	defer p.forget(client, server)
	var wg sync.WaitGroup
	wg.Go(func() { p.pipe(server, client, false) })
	p.pipe(client, server, true)
	_ = client.Close()
	_ = server.Close()
	wg.Wait()
}

func (p *Proxy) hold(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// pipe copies until one end closes.
func (p *Proxy) pipe(to, from net.Conn, replies bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if !p.pass(replies) {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil && !errors.Is(err, io.ErrShortWrite) {
			return
		}
	}
}

// pass waits as the network does and reports whether the data arrives.
func (p *Proxy) pass(reply bool) bool {
	p.mu.Lock()
	latency := p.latency
	p.mu.Unlock()
	late := time.NewTimer(latency)
	defer late.Stop()
	<-late.C
	for {
		p.mu.Lock()
		stalled, mute, closed, changed := p.stalled, p.mute, p.closed, p.changed
		p.mu.Unlock()
		switch {
		case closed, mute && reply:
			return false
		case !stalled:
			return true
		}
		<-changed
	}
}
