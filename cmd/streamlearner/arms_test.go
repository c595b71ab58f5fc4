package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// arms changes the arms of the bandit banner/0, which has red and blue and runs.
func (in *installation) arms(t *testing.T) {
	in.order("arms", "add", "banner", "green", "--like", "blue", "--cap", "0.3", "--price", "2.5")
	in.order("arms", "cap", "banner/0", "blue", "0.8")
	in.order("arms", "remove", "banner/0", "blue")
	in.order("arms", "add", "banner/0", "blue", "--cap", "0.9")
	in.order("arms", "price", "banner/0", "green", "3")
	list := document[[]armReport](in, "arms", "list", "banner", "-c", in.config)
	var got []string
	for _, a := range list {
		got = append(got, fmt.Sprintf("%s %s %v %g %g", a.Arm, a.Status, a.Baseline, a.Cap, a.Price))
	}
	if s, want := strings.Join(got, ", "), "red active true 1 0, blue active false 0.9 0, green new false 0.3 3"; s != want {
		t.Errorf("readers have the arms %s; want %s", s, want)
	}
	if r := list[0].Reward; list[0].Events == 0 || r == nil || *r <= 0.4 || *r >= 0.6 || list[2].Reward != nil {
		t.Errorf("arms %+v", list)
	}
	out := in.must("arms", "list", "banner/0", "-c", in.config)
	for _, want := range []string{"red *", "mean reward", "green", "new", "online"} {
		if !strings.Contains(out, want) {
			t.Errorf("arms list lacks %q:\n%s", want, out)
		}
	}
	for _, c := range []struct {
		code       int
		want, args string
	}{
		{exitFailed, "is the baseline", "arms remove banner red"},
		{exitFailed, "is there already", "arms add banner red"},
		{exitFailed, `arm "pink" is not there`, "arms cap banner pink 0.5"},
		{exitFailed, `no arm "pink" to be like`, "arms add banner white --like pink"},
		{exitUsage, "SHARE", "arms cap banner red 1.5"},
		{exitUsage, "SHARE", "arms cap banner red 0"},
		{exitUsage, "PRICE", "arms price banner red free"},
		{exitUsage, "must be one of", "policy off banner"},
	} {
		args := append(strings.Fields(c.args), "-c", in.config, "--who", "ann", "--why", "test")
		code, out, errs := in.call(args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%s: exit code %d, %q, %q; want %d, %q", c.args, code, out, errs, c.code, c.want)
		}
	}
}

// policy puts readers to the baseline and back, with the daemon and, by force, without it.
func (in *installation) policy(t *testing.T) {
	reads := func(want string) {
		t.Helper()
		if list := document[[]armReport](in, "arms", "list", "banner/0", "-c", in.config); list[0].Policy != want {
			t.Errorf("readers are told %q, want %q", list[0].Policy, want)
		}
	}
	in.order("policy", state.PolicyShadow, "banner")
	reads(state.PolicyShadow)
	open := fmt.Sprint(in.green().Version)
	in.order("arms", "remove", "banner", "green")
	in.stop()
	code, out, _ := in.call("policy", "baseline", "banner", "-c", in.config, "--who", "ann", "--why", "test", "--timeout", "100ms")
	if code != exitFailed || !strings.Contains(out, "add --force") {
		t.Errorf("without an owner: exit code %d, %q", code, out)
	}
	reads(state.PolicyShadow)
	if a := in.order("policy", "baseline", "banner", "--force", "--timeout", "100ms"); !a.Forced || a.Offset != -1 {
		t.Errorf("answer %+v", a)
	}
	reads(state.PolicyBaseline)
	in.armsStayOut(t, open)
	in.run()
	in.order("policy", "online", "banner")
	reads(state.PolicyOnline)
	if green := in.green(); green.Status != "draining" {
		t.Errorf("after an owner took the order green is %s", green.Status)
	}
}

// armsStayOut moves readers by force to a version that has the arm green, which was removed since.
func (in *installation) armsStayOut(t *testing.T, open string) {
	served := in.green()
	args := []string{"snapshot", "rollback", "banner/0", open, "--timeout", "100ms", "--force"}
	for _, more := range [][]string{nil, {"--with-arms", "blue"}} {
		code, out, errs := in.call(append(append(args, more...), "-c", in.config, "--who", "ann", "--why", "test")...)
		if code != exitFailed || !strings.Contains(out+errs, `"green" (was removed)`) || strings.Contains(out+errs, `"red"`) {
			t.Errorf("%v: exit code %d, %q, %q", more, code, out, errs)
		}
	}
	if green := in.green(); green != served {
		t.Errorf("refused, and readers have %+v instead of %+v", green, served)
	}
	live := "sl:{banner/0}:b:" + document[stateReport](in, "snapshot", "show", "banner/0", "-c", in.config).Live
	in.tamper("RENAME", live, "away")
	code, out, errs := in.call(append(args, "-c", in.config, "--who", "ann", "--why", "test")...)
	if code != exitFailed || !strings.Contains(out+errs, `"red" (may be out by now)`) || !strings.Contains(out+errs, "cannot be read") {
		t.Errorf("without the arms of now: exit code %d, %q, %q", code, out, errs)
	}
	in.tamper("RENAME", "away", live)
	in.order("snapshot", "rollback", "banner/0", fmt.Sprint(served.Version), "--timeout", "100ms", "--force") // which has it closed
	if a := in.order(append(args, "--with-arms", "green")...); !a.Forced {
		t.Errorf("answer %+v", a)
	}
	if green := in.green(); green.Status != "new" || fmt.Sprint(green.Version) != open {
		t.Errorf("readers have %+v", green)
	}
}

// standing is what readers of banner/0 know of an arm.
type standing struct {
	Status  string
	Version uint64
}

func (in *installation) green() standing {
	in.t.Helper()
	for _, a := range document[[]armReport](in, "arms", "list", "banner/0", "-c", in.config) {
		if a.Arm == "green" {
			return standing{a.Status, a.Version}
		}
	}
	in.t.Fatal("readers have no arm green")
	return standing{}
}
