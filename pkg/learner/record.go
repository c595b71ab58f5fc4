package learner

// Record is one record of a partition as it was read.
type Record struct {
	Offset      int64
	LeaderEpoch int32 // -1 when unknown
	Time        int64 // record timestamp, milliseconds since 1970 UTC
	Key, Value  []byte
	Headers     []Header // those that SourceConfig may name; nil when it needs none
}

// Header is a header of a record.
type Header struct {
	Key   string
	Value []byte
}

// header returns the value of a header; of several with one key that of the last, as
// Kafka's own clients do.
func (r *Record) header(key string) []byte {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == key {
			return r.Headers[i].Value
		}
	}
	return nil
}
