package dataset

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
)

// Formats of files of decisions with their rewards, as contextual bandits elsewhere log them. Their records become
// those of docs/decisions.md, in the format JSON, with the fields that are named here.
const (
	VWCB   = "vwcb"   // Vowpal Wabbit's text for --cb: a line for each decision, action:cost:probability | context
	VWADF  = "vwadf"  // and for --cb_adf: a line for each action, behind one of the context, and an empty line
	DSJSON = "dsjson" // the log of Azure Personalizer and of Vowpal Wabbit's --dsjson
)

// The fields of these decisions.
const (
	DecisionID       = "id"
	DecisionTime     = "ts"
	DecisionContext  = "context"
	DecisionActions  = "actions"
	DecisionEligible = "eligible"
	DecisionArm      = "arm"
	DecisionP        = "p"
	DecisionReward   = "reward" // the cost with its sign turned
	DecisionDropped  = "pdrop"
)

// isDecisions reports whether a format is one of those of decisions.
func isDecisions(format string) bool { return format == VWCB || format == VWADF || format == DSJSON }

// errSkipped is the error of what is no decision to learn from, by its own words.
var errSkipped = errors.New("skipped")

// decision returns the next decision as JSON. One that is malformed becomes a text that says why, which no decoder of
// JSON accepts: whoever reads the records counts it among those that are refused.
func (f *File) decision() ([]byte, error) {
	for {
		raw, err := f.block()
		if err != nil {
			return nil, err
		}
		var out []byte
		switch f.Decisions {
		case VWCB:
			out, err = appendVWLine(f.text[:0], raw)
		case VWADF:
			out, err = appendVWBlock(f.text[:0], raw)
		default:
			out, err = f.dsjson.append(f.text[:0], raw)
		}
		if errors.Is(err, errSkipped) {
			continue
		}
		if err != nil {
			out = append(append(append(f.text[:0], err.Error()...), ": "...), bytes.ReplaceAll(raw[:min(len(raw), 60)], []byte{'\n'}, []byte{' '})...)
		}
		f.text = out
		return out, nil
	}
}

// block returns the next line, or the lines up to an empty one.
func (f *File) block() ([]byte, error) {
	f.lead = f.lead[:0]
	for {
		line, err := f.line(f.buf[:0])
		if errors.Is(err, io.EOF) && len(f.lead) > 0 {
			return f.lead, nil
		}
		if err != nil {
			return nil, err
		}
		switch empty := len(bytes.TrimSpace(line)) == 0; {
		case f.Decisions != VWADF && !empty:
			return line, nil
		case !empty && len(f.lead)+len(line) > maxRecord:
			return nil, errors.New("a decision without end: an empty line must follow each")
		case !empty:
			f.lead = append(append(f.lead, line...), '\n')
		case len(f.lead) > 0:
			return f.lead, nil
		}
	}
}

// appendNumberText appends a number that is written as text, with its sign turned if asked; what is none as a string, for a
// decoder to refuse.
func appendNumberText(dst, text []byte, turned bool) []byte {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !math.IsInf(v, 0) {
		return appendString(dst, text)
	}
	if turned {
		v = 0 - v // not -0
	}
	return appendFinite(dst, v)
}

// appendFinite appends a number; of one that JSON has not, one beyond the range, which is refused for the same reason.
func appendFinite(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "1e999"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// appendEligible appends the field of the arms from 0 up to n.
func appendEligible(dst []byte, n int) []byte {
	dst = append(dst, `,"`+DecisionEligible+`":[`...)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(i), 10)
	}
	return append(dst, ']')
}

// mostActions bounds the actions of one decision.
const mostActions = 10_000
