// Command bandits plays every policy on every data set and prints one table: multiclass
// sets with one bit of feedback a round, and generated click streams.
package main

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/bandit"
)

func main() {
	data := flag.String("data", "../shared/data/bandit", "folder of letter.csv.gz and satimage.csv.gz")
	seeds := flag.Uint64("seeds", 5, "permutations, or streams, that are averaged")
	first := flag.Uint64("first", 0, "first seed; settings were picked with those from 100 on")
	only := flag.String("only", ".", "regular expression: policies to play")
	on := flag.String("on", ".", "regular expression: sets to play on")
	set := flag.String("set", "", "settings as in learner.bandit, key=number,...")
	asJSON := flag.Bool("json", false, "print one JSON document")
	flag.Parse()
	if err := run(*data, *first, *seeds, *only, *on, *set, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bandits:", err)
		os.Exit(1)
	}
}

// game is a data set or a stream.
type game struct {
	name   string
	arms   []string
	rounds int
	play   func(seed uint64) sim.Rounds
	loss   func(sim.Played) float64
}

// row is what one policy reached, by the name of the game, without the exploration floor and with the default one.
type row struct {
	Policy  string             `json:"policy"`
	NoFloor map[string]float64 `json:"no_floor"`
	Floor   map[string]float64 `json:"default_floor"`
}

func run(data string, first, seeds uint64, only, on, set string, asJSON bool) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	places, err := regexp.Compile(on)
	if err != nil {
		return err
	}
	all, err := games(data)
	if err != nil {
		return err
	}
	var played []game
	for _, g := range all {
		if places.MatchString(g.name) {
			played = append(played, g)
		}
	}
	var rows []row
	for _, policy := range bandit.Policies() {
		if policy == bandit.Ladder || policy == bandit.Cats || !wanted.MatchString(policy) { // the arms of these games have no prices and are no numbers
			continue
		}
		r := row{policy, map[string]float64{}, map[string]float64{}}
		for _, g := range played {
			for _, floor := range []float64{0, bandit.Default().Floor} {
				fmt.Fprintf(os.Stderr, "\r\033[K%s on %s, floor %v", policy, g.name, floor)
				loss, err := mean(g, policy, floor, set, first, seeds)
				if err != nil {
					return fmt.Errorf("%s on %s: %w", policy, g.name, err)
				}
				if floor == 0 {
					r.NoFloor[g.name] = loss
				} else {
					r.Floor[g.name] = loss
				}
			}
		}
		rows = append(rows, r)
	}
	fmt.Fprint(os.Stderr, "\r\033[K")
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(rows)
	}
	print(played, rows)
	return nil
}

func games(data string) ([]game, error) {
	var out []game
	for name, label := range map[string]string{"letter": "lettr", "satimage": "classes"} {
		c, err := read(filepath.Join(data, name+".csv.gz"), label)
		if err != nil {
			return nil, err
		}
		out = append(out, game{name, c.Names, c.Len(), func(seed uint64) sim.Rounds { return c.Rounds(seed) },
			func(p sim.Played) float64 { return 1 - p.Reward }})
	}
	if out[0].name == "satimage" {
		out[0], out[1] = out[1], out[0]
	}
	regret := func(p sim.Played) float64 { return p.Regret }
	for _, s := range []struct{ arms, fields, rounds int }{{4, 3, 10000}, {10, 0, 10000}} {
		var arms []string
		for i := range s.arms {
			arms = append(arms, "a"+strconv.Itoa(i))
		}
		out = append(out, game{fmt.Sprintf("clicks %d/%d", s.arms, s.fields), arms, s.rounds,
			func(seed uint64) sim.Rounds { return sim.Clicks(seed, s.arms, s.fields) }, regret})
	}
	return out, nil
}

func read(path, label string) (*sim.Classes, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return sim.ReadClasses(z, label)
}

// mean plays a game with every seed.
func mean(g game, policy string, floor float64, set string, first, seeds uint64) (float64, error) {
	c := bandit.Default()
	c.Policy, c.Arms, c.Floor = policy, g.arms, floor
	if err := apply(&c, set); err != nil {
		return 0, err
	}
	sum := 0.0
	for seed := first; seed < first+seeds; seed++ {
		m, err := bandit.New(c)
		if err != nil {
			return 0, err
		}
		p, err := sim.Play(m, g.play(seed), g.rounds, seed)
		if err != nil {
			return 0, err
		}
		sum += g.loss(p)
	}
	return sum / float64(seeds), nil
}

// apply sets the settings of a study.
func apply(c *bandit.Config, set string) error {
	if set == "" {
		return nil
	}
	for _, s := range strings.Split(set, ",") {
		key, value, _ := strings.Cut(s, "=")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("-set %s: %w", s, err)
		}
		if err := c.Set(key, v); err != nil {
			return err
		}
	}
	return nil
}

func print(played []game, rows []row) {
	head, line := "| policy |", "|---|"
	for _, g := range played {
		head += fmt.Sprintf(" %s | with floor |", g.name)
		line += "---|---|"
	}
	fmt.Println(head + "\n" + line)
	for _, r := range rows {
		text := "| " + r.Policy + " |"
		for _, g := range played {
			text += fmt.Sprintf(" %.4f | %.4f |", r.NoFloor[g.name], r.Floor[g.name])
		}
		fmt.Println(text)
	}
	for _, r := range published {
		text := "| " + r.name + " |"
		for _, g := range played {
			text += " " + r.loss[g.name] + " | |"
		}
		fmt.Println(text)
	}
}

// published are figures of Vowpal Wabbit 9.11.2. Full information: the label is told after each row.
var published = []struct {
	name string
	loss map[string]string
}{
	{"VW cover 4, nounif, dr, default rate", map[string]string{"letter": ".6361", "satimage": ".2406"}},
	{"VW the same, best of 5 rates and 2 encodings", map[string]string{"letter": ".5096", "satimage": ".2260"}},
	{"VW one against all, full information, published", map[string]string{"letter": ".4595", "satimage": ".1922"}},
	{"VW the same, default rate, our standardisation", map[string]string{"letter": ".3533", "satimage": ".1952"}},
}
