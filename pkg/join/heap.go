package join

// heap is a binary heap of entries; the one that is due first is at 0. Its
// layout depends on what was pushed and popped alone, and is part of the
// encoded state, so that a restored one goes on in the same way.
type heap []*Entry

func before(a, b *Entry) bool {
	if a.due != b.due {
		return a.due < b.due
	}
	return a.seq < b.seq
}

func (h *heap) push(e *Entry) {
	e.place = len(*h)
	*h = append(*h, e)
	h.up(e.place)
}

func (h *heap) pop() *Entry {
	s := *h
	top, last := s[0], len(s)-1
	s.swap(0, last)
	s[last] = nil
	*h = s[:last]
	h.down(0)
	return top
}

// fix puts an entry whose due time has changed where it belongs.
func (h heap) fix(e *Entry) {
	h.up(e.place)
	h.down(e.place)
}

func (h heap) swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].place, h[k].place = i, k
}

func (h heap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !before(h[i], h[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h heap) down(i int) {
	for {
		least := i
		for _, child := range [...]int{2*i + 1, 2*i + 2} {
			if child < len(h) && before(h[child], h[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}
