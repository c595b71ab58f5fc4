package sgd

import (
	"github.com/streamlearner/streamlearner/internal/calibrate"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// newCalibration returns a fresh map of each row, nil without calibration.
func (p *plan) newCalibration() []calibrate.Map {
	if p.calibrate == calibrate.None {
		return nil
	}
	maps := make([]calibrate.Map, p.rowCount())
	for k := range maps {
		maps[k] = calibrate.New(p.calibrate)
	}
	return maps
}

// probability returns the calibrated probability of row k at a margin, or
// without calibration the one that is given.
func (m *Model) probability(k int, p, margin float64) float64 {
	if m.calibration == nil {
		return p
	}
	return m.calibration[k].Probability(margin)
}

// calibrateBy fits the map of row k to an event that was learned.
func (m *Model) calibrateBy(k int, margin, y, h float64) {
	if m.calibration != nil {
		m.calibration[k].Learn(margin, y, h)
	}
}

// appendCalibration appends the maps of all rows.
func (m *Model) appendCalibration(b []byte) []byte {
	for k := range m.calibration {
		b = m.calibration[k].Append(b)
	}
	return b
}

// readCalibration reads what appendCalibration wrote. Errors are left in r.
func (p *plan) readCalibration(r *wire.Reader) []calibrate.Map {
	if p.calibrate == calibrate.None {
		return nil
	}
	maps := make([]calibrate.Map, 0, p.rowCount())
	for range p.rowCount() {
		if r.Err() != nil {
			break
		}
		maps = append(maps, calibrate.Read(r, p.calibrate))
	}
	return maps
}
