package catalog

import (
	"fmt"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Formats are the names of the formats of records.
func Formats() []string { return []string{"json", "csv", "libsvm", "vw"} }

// Table says what the columns of the format csv are.
type Table struct {
	Columns []string
	Comma   byte
}

// Decoder returns a decoder of records in the format. t is for csv alone. With
// needLabel a record without a label is refused.
func Decoder(format string, s event.Schema, t Table, needLabel bool) (event.Decoder, error) {
	switch format {
	case "json":
		return event.NewJSON(s, needLabel)
	case "csv":
		return event.NewCSV(s, t.Columns, t.Comma, needLabel)
	case "libsvm":
		return event.NewLibSVM(s, needLabel)
	case "vw":
		return event.NewVW(s, needLabel)
	}
	return nil, fmt.Errorf("source.format: %q: must be one of %s", format, strings.Join(Formats(), ", "))
}
