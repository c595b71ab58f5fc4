package main

import (
	"path/filepath"
	"strconv"
)

// contender is one way to learn the events. Each of its commands runs on a core
// of its own, all at the same time.
type contender struct {
	name     string
	input    string
	commands [][]string
	decode   func([]byte) (outcome, error) // of the output of one command
}

// vwJSON is the contender that the others are compared with.
const vwJSON = "vw, json"

// vwOptions are Vowpal Wabbit's defaults (adaptive, normalized, invariant) for
// classification, with the number of weights that streamlearner has.
var vwOptions = []string{"--loss_function", "logistic", "--link", "logistic", "-b", "18", "--quiet"}

// contenders lists what is measured, in the order of the table.
func (o *options) contenders() []contender {
	jsonl, text := filepath.Join(o.data, "events.jsonl"), filepath.Join(o.data, "events.vw")
	parts := []string{filepath.Join(o.data, "part-0.jsonl"), filepath.Join(o.data, "part-1.jsonl")}
	var all []contender
	for _, optimizer := range []string{"nag", "auto", "adagrad"} {
		all = append(all,
			o.replay(optimizer+", guard off", optimizer, false, jsonl),
			o.replay(optimizer+", guard on", optimizer, true, jsonl))
	}
	all = append(all,
		bare(o.replay("nag, learning alone", "nag", false, jsonl)),
		bare(o.replay("nag, learning alone, 2 partitions", "nag", false, parts...)),
		o.replay("nag, guard off, 2 partitions", "nag", false, parts...),
		o.replay("nag, guard on, 2 partitions", "nag", true, parts...),
		o.replay("auto, guard on, 2 partitions", "auto", true, parts...),
		o.vw(vwJSON, "json", "--json", "-d", jsonl),
		o.vw("vw, text", "vw text", "-d", text),
		o.vw("vw, cache", "vw cache", "-d", text, "--cache_file", filepath.Join(o.data, "events.cache")))
	river := []string{o.python, filepath.Join(o.scripts, "river_run.py"), jsonl, strconv.Itoa(min(o.riverEvents, o.events))}
	return append(all, contender{name: "river", input: "json", commands: [][]string{river}, decode: decodeScript})
}

// bare takes no checkpoints: Vowpal Wabbit and River make none either.
func bare(c contender) contender {
	for i, command := range c.commands {
		last := len(command) - 1
		c.commands[i] = append(command[:last:last], "--set", "snapshot.every=1000000000", "--set", "snapshot.quarantine=1000000000", command[last])
	}
	return c
}

// replay learns each of the files in a process of its own. Loss and positive
// class are given, as they are to Vowpal Wabbit, so that replay need not read
// the labels beforehand to choose them.
func (o *options) replay(name, optimizer string, guard bool, files ...string) contender {
	c := contender{name: "streamlearner " + name, input: "json", decode: decodeReplay}
	for _, file := range files {
		c.commands = append(c.commands, []string{
			o.streamlearner, "replay", "--json", "--format", "json", "--label", "_label",
			"--set", "learner.loss=logistic", "--set", "source.positive=1", "--set", "learner.bits=18",
			"--set", "learner.optimizer=" + optimizer, "--set", "guard.enabled=" + strconv.FormatBool(guard), file,
		})
	}
	return c
}

func (o *options) vw(name, input string, args ...string) contender {
	command := append([]string{o.python, filepath.Join(o.scripts, "vw_run.py")}, args...)
	return contender{name: name, input: input, commands: [][]string{append(command, vwOptions...)}, decode: decodeScript}
}
