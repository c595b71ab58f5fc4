package ope_test

import (
	"compress/gzip"
	"encoding/csv"
	"os"
	"strconv"
	"testing"

	"github.com/streamlearner/streamlearner/internal/ope"
)

const items = 34

// logged is a row of the Open Bandit Dataset.
type logged struct {
	item, position int // the position counts from 0
	click          float64
	propensity     float64
}

func readLog(t *testing.T, name string) (log []logged) {
	t.Helper()
	f, err := os.Open(dataDir + "bandit/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all[1:] {
		v := make([]float64, 4) // item_id, position, click, propensity_score
		for i := range v {
			if v[i], err = strconv.ParseFloat(row[2+i], 64); err != nil {
				t.Fatal(err)
			}
		}
		log = append(log, logged{int(v[0]), int(v[1]) - 1, v[2], v[3]})
	}
	if len(log) != 10_000 {
		t.Fatalf("%s has %d rows, want 10000", name, len(log))
	}
	return log
}

// TestOpenBanditData: the estimates for the men's campaign match the Open Bandit Pipeline's. The target is Bernoulli
// Thompson sampling, whose probabilities for each item and position are given; the model is the mean click of an item.
func TestOpenBanditData(t *testing.T) {
	var file struct {
		Data struct {
			Values struct {
				Men struct {
					OnRandom    float64 `json:"on_policy_random"`
					OnBTS       float64 `json:"on_policy_bts"`
					Est         map[string]float64
					FromBTSIPW  float64 `json:"random_from_bts_ipw"`
					FromBTSSNIP float64 `json:"random_from_bts_snipw"`
				}
			}
		} `json:"open_bandit_dataset_small"`
	}
	readJSON(t, "ope_obp.json", &file)
	want := file.Data.Values.Men

	f, err := os.Open(dataDir + "bandit/bts_action_dist_men.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var bts [items][3]float64
	for i := range bts {
		for j := range bts[i] {
			if bts[i][j], err = strconv.ParseFloat(table[i][j], 64); err != nil {
				t.Fatal(err)
			}
		}
	}

	random := readLog(t, "obd_random_men.csv.gz")
	var clicks, shown, model [items]float64
	for _, l := range random {
		clicks[l.item] += l.click
		shown[l.item]++
	}
	for i := range model {
		model[i] = clicks[i] / max(1, shown[i])
	}
	e := newEvaluation(t, nil)
	for _, l := range random {
		d := ope.Decision{Reward: l.click, Propensity: l.propensity, Target: bts[l.item][l.position], Logged: model[l.item]}
		for i, q := range model {
			d.Expected += bts[i][l.position] * q
		}
		add(t, e, d)
	}
	for name, k := range map[string]ope.Estimator{
		"ipw": ope.IPS, "snipw": ope.SNIPS, "dm": ope.DM, "dr": ope.DR, "sndr": ope.SNDR,
		"switch-dr(lambda=10)": ope.SwitchDR, "dr-os(lambda=10)": ope.DROS,
	} {
		expected, listed := want.Est[name]
		got, ok := e.Value(k)
		if !listed || !ok {
			t.Errorf("%s: listed %v, has a value %v", name, listed, ok)
		}
		near(t, name, got, expected, 1e-9)
	}

	back, onRandom, onBTS := newEvaluation(t, nil), newEvaluation(t, nil), newEvaluation(t, nil)
	for _, l := range random {
		add(t, onRandom, ope.Decision{Reward: l.click, Propensity: l.propensity, Target: l.propensity})
	}
	for _, l := range readLog(t, "obd_bts_men.csv.gz") {
		add(t, back, ope.Decision{Reward: l.click, Propensity: l.propensity, Target: 1. / items})
		add(t, onBTS, ope.Decision{Reward: l.click, Propensity: l.propensity, Target: l.propensity})
	}
	for _, c := range []struct {
		what string
		e    *ope.Evaluation
		k    ope.Estimator
		want float64
	}{
		{"random from bts", back, ope.IPS, want.FromBTSIPW}, {"random from bts", back, ope.SNIPS, want.FromBTSSNIP},
		{"random on policy", onRandom, ope.IPS, want.OnRandom}, {"bts on policy", onBTS, ope.IPS, want.OnBTS},
	} {
		got, _ := c.e.Value(c.k)
		near(t, c.what, got, c.want, 1e-9)
	}
	// The reverse direction has far less information than decisions.
	if d := back.Diagnostics(); d.Rows != 10_000 || d.EffectiveSize > 1000 || d.MaxWeight < 100 {
		t.Errorf("random from bts: %+v", d)
	}
}
