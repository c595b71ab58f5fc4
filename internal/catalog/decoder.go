package catalog

import (
	"fmt"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Formats are the names of the formats of records.
func Formats() []string { return []string{"json", "csv", "libsvm", "vw", "vwjson"} }

// Decoder returns a decoder of the records. With needLabel a record without a
// label is refused.
func Decoder(l event.Layout, needLabel bool) (event.Decoder, error) {
	switch l.Format {
	case "json":
		return event.NewJSON(l.Schema, needLabel)
	case "csv":
		return event.NewCSV(l.Schema, l.Columns, l.Comma(), needLabel)
	case "libsvm":
		return event.NewLibSVM(l.Schema, needLabel)
	case "vw":
		return event.NewVW(l.Schema, needLabel)
	case "vwjson":
		return event.NewVWJSON(l.Schema, needLabel)
	}
	return nil, fmt.Errorf("source.format: %q: must be one of %s", l.Format, strings.Join(Formats(), ", "))
}
