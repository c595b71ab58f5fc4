package event

// JSONField reads one field of JSON records, and nothing else of them. Like a
// decoder it reuses its memory, and is not safe for concurrent use.
type JSONField struct {
	json *JSON
	e    Event
}

// NewJSONField returns a reader of the field of that path.
func NewJSONField(path string) (*JSONField, error) {
	d, err := newJSON(Schema{ID: path, Include: nothing()}, false, labelOnly)
	if err != nil {
		return nil, err
	}
	return &JSONField{json: d}, nil
}

// Text returns the content of a string and the text of a number or boolean. It
// is empty when the field is absent, null, an object or an array, and when the
// record is refused. It is valid until the next call.
func (f *JSONField) Text(record []byte) []byte {
	if f.json.Decode(record, &f.e) != nil {
		return nil
	}
	return f.e.ID
}

// JSONTime reads the event time of JSON records, and nothing else of them. Like a
// decoder it reuses its memory, and is not safe for concurrent use.
type JSONTime struct {
	json *JSON
	e    Event
}

// NewJSONTime returns a reader of the time in the field of that path, which Schema.Time describes.
func NewJSONTime(path string) (*JSONTime, error) {
	d, err := newJSON(Schema{Time: path, Include: nothing()}, false, labelOnly)
	if err != nil {
		return nil, err
	}
	return &JSONTime{json: d}, nil
}

// Of returns the time of a record in milliseconds since 1970; ok is false when it has none, or is refused.
func (f *JSONTime) Of(record []byte) (t int64, ok bool) {
	if f.json.Decode(record, &f.e) != nil {
		return 0, false
	}
	return f.e.Time, f.e.Time != 0
}
