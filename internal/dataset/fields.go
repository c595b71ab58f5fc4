package dataset

import "bytes"

// Rows are split as event.CSV does it: a field may stand in double quotes (RFC
// 4180), but not in tab-separated text; with a space as delimiter any run of
// spaces and tabs is one delimiter.

// Fields appends the fields of a CSV row to dst, without their quotes.
func Fields(dst [][]byte, row []byte, comma byte) [][]byte {
	if comma == ' ' {
		row = bytes.Trim(row, " \t")
	}
	for {
		field, rest, more := cutField(row, comma)
		dst, row = append(dst, field), rest
		if !more {
			return dst
		}
	}
}

// cutField returns the first field of row, and what follows its delimiter.
func cutField(row []byte, comma byte) (field, rest []byte, more bool) {
	if len(row) > 0 && row[0] == '"' && comma != '\t' {
		return cutQuoted(row[1:], comma)
	}
	return cutPlain(row, comma)
}

func cutPlain(row []byte, comma byte) (field, rest []byte, more bool) {
	if comma != ' ' {
		return bytes.Cut(row, []byte{comma})
	}
	i := bytes.IndexAny(row, " \t")
	if i < 0 {
		return row, nil, false
	}
	return row[:i], bytes.TrimLeft(row[i:], " \t"), true
}

// cutQuoted reads a field whose opening quote has been passed. Text between the
// closing quote and the delimiter, which RFC 4180 does not allow, is kept.
func cutQuoted(row []byte, comma byte) (field, rest []byte, more bool) {
	end := bytes.IndexByte(row, '"')
	if end >= 0 && (end+1 == len(row) || row[end+1] != '"') { // nothing doubled: no copy
		return afterQuote(row[:end:end], row[end+1:], comma)
	}
	for i := 0; i < len(row); i++ {
		switch {
		case row[i] != '"':
			field = append(field, row[i])
		case i+1 < len(row) && row[i+1] == '"':
			field = append(field, '"')
			i++
		default:
			return afterQuote(field, row[i+1:], comma)
		}
	}
	return field, nil, false
}

func afterQuote(field, row []byte, comma byte) (_, rest []byte, more bool) {
	tail, rest, more := cutPlain(row, comma)
	return append(field, tail...), rest, more
}

// openQuote reports whether a row ends inside of a quoted field.
func openQuote(row []byte, comma byte) bool {
	if comma == '\t' || bytes.IndexByte(row, '"') < 0 {
		return false
	}
	quoted, atStart := false, true
	for _, c := range row {
		switch {
		case c == '"' && (quoted || atStart):
			quoted, atStart = !quoted, quoted
		case c == comma && !quoted:
			atStart = true
		default:
			atStart = false
		}
	}
	return quoted
}
