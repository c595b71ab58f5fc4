package drift_test

import (
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/drift"
)

func must[D drift.Detector](d D, err error) drift.Detector {
	if err != nil {
		panic(err)
	}
	return d
}

func TestDetectors(t *testing.T) {
	up := drift.DefaultADWINParams()
	up.Mode = drift.ModeUp
	both := drift.DefaultEDetectorParams()
	both.Reference, both.Block, both.Mode = 2_000, 10, drift.ModeBoth

	conform.Detector(t, "adwin", func() drift.Detector { return must(drift.NewADWIN(drift.DefaultADWINParams())) })
	conform.Detector(t, "adwin_up", func() drift.Detector { return must(drift.NewADWIN(up)) })
	conform.Detector(t, "page_hinkley", func() drift.Detector { return must(drift.NewPageHinkley(drift.DefaultPageHinkleyParams())) })
	conform.Detector(t, "e_detector", func() drift.Detector { return must(drift.NewEDetector(drift.DefaultEDetectorParams())) })
	conform.Detector(t, "e_detector_both", func() drift.Detector { return must(drift.NewEDetector(both)) })
}
