package tune

// Curve is the course of a mean over events: one mean for every window of
// Window events. The window doubles when the curve grows long, so its size is bounded.
type Curve struct {
	window uint64 // events; 0 before the first event
	in     uint64 // events in the newest window
	points []sum
}

// sum is a weighted sum.
type sum struct{ value, weight float64 }

const (
	firstWindow = 16  // events
	maxWindows  = 512 // even
)

// Add adds the value of the next event. One of weight 0 only takes its place.
func (c *Curve) Add(value, weight float64) {
	if c.window == 0 {
		c.window, c.in = firstWindow, firstWindow
	}
	if c.in == c.window {
		if len(c.points) == maxWindows {
			c.coarsen()
		}
		c.points, c.in = append(c.points, sum{}), 0
	}
	p := &c.points[len(c.points)-1]
	p.value += weight * value
	p.weight += weight
	c.in++
}

// coarsen makes one window of every two, all of which are full.
func (c *Curve) coarsen() {
	half := c.points[:0]
	for i := 0; i+1 < len(c.points); i += 2 {
		a, b := c.points[i], c.points[i+1]
		half = append(half, sum{a.value + b.value, a.weight + b.weight})
	}
	c.points = half
	c.window *= 2
	c.in = c.window
}

// Point is the mean of a window that ends after Event events.
type Point struct {
	Event uint64
	Mean  float64
}

// Window returns the smallest window of which there are at most n, n at least
// 1; 0 for an empty curve. It fits every shorter curve too.
func (c *Curve) Window(n int) uint64 {
	return uint64((len(c.points)+n-1)/n) * c.window
}

// Points returns the means in windows of so many events, a value that Window
// returned for a curve at least as long. Windows without weight are left out; the
// last one may be shorter, and is left out when it has less than half of the events
// and is not the only one.
func (c *Curve) Points(window uint64) []Point {
	if len(c.points) == 0 {
		return nil
	}
	per := int(window / c.window)
	events := uint64(len(c.points)-1)*c.window + c.in
	var out []Point
	for i := 0; i < len(c.points); i += per {
		begin := uint64(i) * c.window
		end := min(begin+window, events)
		if i > 0 && (end-begin)*2 < window {
			break
		}
		var s sum
		for _, p := range c.points[i:min(i+per, len(c.points))] {
			s.value += p.value
			s.weight += p.weight
		}
		if s.weight > 0 {
			out = append(out, Point{end, s.value / s.weight})
		}
	}
	return out
}
