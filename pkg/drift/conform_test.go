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

	kswin := drift.DefaultKSWINParams()
	kswin.Alpha = 1e-5
	aTwo, wTwo := drift.DefaultHDDMAParams(), drift.DefaultHDDMWParams()
	aTwo.TwoSidedTest, wTwo.TwoSidedTest = true, true
	conform.Detector(t, "cusum", func() drift.Detector { return must(drift.NewCUSUM(drift.DefaultCUSUMParams())) })
	conform.Detector(t, "cusum_frozen", func() drift.Detector {
		return must(drift.NewFrozenCUSUM(drift.FrozenCUSUMParams{MinInstances: 500, Slack: .5, Threshold: 20, Mode: drift.ModeBoth}))
	})
	conform.Detector(t, "ddm", func() drift.Detector { return must(drift.NewDDM(drift.DefaultDDMParams())) })
	conform.Detector(t, "eddm", func() drift.Detector {
		return must(drift.NewEDDM(drift.EDDMParams{WarmStart: 30, Alpha: .8, Beta: .7}))
	})
	conform.Detector(t, "hddm_a", func() drift.Detector { return must(drift.NewHDDMA(drift.DefaultHDDMAParams())) })
	conform.Detector(t, "hddm_a_both", func() drift.Detector { return must(drift.NewHDDMA(aTwo)) })
	conform.Detector(t, "hddm_w", func() drift.Detector { return must(drift.NewHDDMW(drift.DefaultHDDMWParams())) })
	conform.Detector(t, "hddm_w_both", func() drift.Detector { return must(drift.NewHDDMW(wTwo)) })
	conform.Detector(t, "kswin", func() drift.Detector { return must(drift.NewKSWIN(kswin)) })
	conform.Detector(t, "mewma", func() drift.Detector { return must(drift.NewMEWMA(drift.DefaultMEWMAParams())) })
	conform.Detector(t, "adwin", func() drift.Detector { return must(drift.NewADWIN(drift.DefaultADWINParams())) })
	conform.Detector(t, "adwin_up", func() drift.Detector { return must(drift.NewADWIN(up)) })
	conform.Detector(t, "page_hinkley", func() drift.Detector { return must(drift.NewPageHinkley(drift.DefaultPageHinkleyParams())) })
	conform.Detector(t, "e_detector", func() drift.Detector { return must(drift.NewEDetector(drift.DefaultEDetectorParams())) })
	conform.Detector(t, "e_detector_both", func() drift.Detector { return must(drift.NewEDetector(both)) })
}
