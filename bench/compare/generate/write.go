package main

// appendJSON writes the event as a line of JSON that Vowpal Wabbit's --json and
// a reader of plain JSON take for the same features: two objects and a label.
func (s *stream) appendJSON(dst []byte) []byte {
	dst = append(append(dst, `{"_label":`...), s.label()...)
	i := 0
	for _, o := range schema {
		dst = append(append(append(dst, `,"`...), o.name...), `":{`...)
		for range len(o.numbers) + len(o.categories) {
			f := s.fields[i]
			i++
			dst = append(append(append(dst, '"'), f.name...), `":`...)
			if len(f.text) > 0 {
				dst = append(append(append(dst, '"'), f.text...), '"')
			} else {
				dst = append(dst, f.number...)
			}
			dst = append(dst, ',')
		}
		dst[len(dst)-1] = '}'
	}
	return append(dst, "}\n"...)
}

// appendText writes the event as a line of Vowpal Wabbit's text format.
func (s *stream) appendText(dst []byte) []byte {
	dst = append(dst, s.label()...)
	i := 0
	for _, o := range schema {
		dst = append(append(dst, " |"...), o.name...)
		for range len(o.numbers) + len(o.categories) {
			f := s.fields[i]
			i++
			dst = append(append(dst, ' '), f.name...)
			if len(f.text) > 0 {
				dst = append(append(dst, '='), f.text...)
			} else {
				dst = append(append(dst, ':'), f.number...)
			}
		}
	}
	return append(dst, '\n')
}

func (s *stream) label() string {
	if s.fraud {
		return "1"
	}
	return "-1"
}
