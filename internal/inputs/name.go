package inputs

import (
	"cmp"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Names returns what Deps.Name is made of: a decoder that keeps the names of features.
// The name of a feature begins with the path of its field.
func Names(d event.Named) func(record []byte, id uint32) string {
	d.KeepNames()
	var e event.Event
	return func(record []byte, id uint32) string {
		if id == 0 {
			return wholeEvent
		}
		if len(record) == 0 || d.Decode(record, &e) != nil {
			return ""
		}
		best := ""
		for _, name := range d.Names() {
			for n := 1; n <= len(name); n++ {
				if path := name[:n]; idOf(path) == id && (best == "" || shorter(path, best)) {
					best = path
				}
			}
		}
		return best
	}
}

// wholeEvent is the name of the only field of events whose features belong to none.
const wholeEvent = "(features)"

func shorter(a, b string) bool {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) < 0
}
