package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

func TestGuardDetectors(t *testing.T) {
	want := []learner.DetectorConfig{
		{Detector: "adwin", Signal: "error", Set: map[string]string{"mode": "up", "delta": "0.01", "clock": "16"}},
		{Detector: "hddm_a", Signal: "error", At: "reference", Action: "freeze", Set: map[string]string{"two_sided_test": "true"}},
	}
	const list = "[{detector: adwin, signal: error, set: {mode: up, delta: 0.01, clock: 16}}, " +
		"{detector: hddm_a, signal: error, at: reference, action: freeze, set: {two_sided_test: true}}]"
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("models:\n  m:\n    source: {topic: t, label: y}\n    guard: {detectors: "+list+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Input{File: path})
	if err != nil {
		t.Fatal(err)
	}
	m, err := LoadModel([]string{"source.topic=t", "source.label=y", "guard.detectors=" + list})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []Model{c.Models["m"], m} {
		if diff := cmp.Diff(want, got.Guard.Detectors); diff != "" {
			t.Errorf("detectors: %s", diff)
		}
		const line = `guard.detectors=[{detector: "adwin", signal: "error", at: "live", action: "warn", set: {clock: "16", delta: "0.01", mode: "up"}}, ` +
			`{detector: "hddm_a", signal: "error", at: "reference", action: "freeze", set: {two_sided_test: "true"}}]` + "\n"
		if !strings.Contains(got.Settings(), line) {
			t.Errorf("settings lack %s", line)
		}
		if _, err := got.LearnerConfig("test"); err != nil {
			t.Error(err)
		}
	}
}

func TestGuardDetectorErrors(t *testing.T) {
	for list, want := range map[string]string{
		"[{detector: adwn, signal: loss}]":                                       `adwn(loss): detector "adwn": must be one of adwin`,
		"[{detector: ddm, signal: loss}]":                                        "ddm takes 0 or 1, and loss is any number",
		"[{detector: adwin, sgnal: loss}]":                                       `each element has no key "sgnal": it has detector, signal, at, action, set`,
		"[{detector: adwin, signal: loss, set: {delt: 1}}]":                      "delt: there is no such parameter; it has delta, clock",
		"[{detector: adwin, signal: loss, set: 1}]":                              "each element has set: 1, which must be names with values",
		"[{detector: adwin, signal: [loss]}]":                                    "each element has signal: [loss], which must be text",
		"adwin":                                                                  "each element must be a group of settings in braces",
		"[{detector: adwin, signal: loss, at: reference, set: {mode: sideway}}]": `mode: "sideway": must be up, down or both`,
	} {
		_, err := LoadModel([]string{"source.topic=t", "source.label=y", "guard.detectors=" + list})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", list, err, want)
		}
	}
	_, err := LoadModel([]string{"source.topic=t", "source.label=y", "learner.kind=bandit", "learner.bandit.arms=a,b", "source.arm=arm",
		"guard.detectors=[{detector: adwin, signal: error}]"})
	if err == nil || !strings.Contains(err.Error(), "the model predicts no classes") {
		t.Errorf("the errors of a bandit: %v", err)
	}
}
