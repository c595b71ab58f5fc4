package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const sample = 5_000

func TestSameSeedSameEvents(t *testing.T) {
	a, b, other := newStream(7), newStream(7), newStream(8)
	var differ bool
	for i := range 100 {
		a.next()
		b.next()
		other.next()
		line := a.appendJSON(nil)
		if !bytes.Equal(line, b.appendJSON(nil)) {
			t.Fatalf("event %d differs between two streams of one seed", i)
		}
		differ = differ || !bytes.Equal(line, other.appendJSON(nil))
	}
	if !differ {
		t.Error("two seeds draw the same events")
	}
}

// TestBothFormatsHoldTheSameFeatures reads both lines with a reader of their
// own and compares label, 10 numbers and 20 strings.
func TestBothFormatsHoldTheSameFeatures(t *testing.T) {
	s := newStream(1)
	var size, frauds int
	for range sample {
		s.next()
		line, text := s.appendJSON(nil), string(s.appendText(nil))
		size += len(line)
		fromJSON, label, numbers := featuresOfJSON(t, line)
		fromText := featuresOfText(text)
		if slices.Sort(fromJSON); len(fromJSON) != 30 || numbers != 10 {
			t.Fatalf("%d features, %d of them numbers, want 30 and 10: %s", len(fromJSON), numbers, line)
		}
		if slices.Sort(fromText); !slices.Equal(fromJSON, fromText) {
			t.Fatalf("features differ:\n%s%s", line, text)
		}
		if first, _, _ := strings.Cut(text, " "); first != label {
			t.Fatalf("label %s in text, %s in JSON", first, label)
		}
		if label == "1" {
			frauds++
		}
	}
	if mean := float64(size) / sample; mean < 480 || mean > 500 {
		t.Errorf("an event has %.0f bytes on average, want about 490", mean)
	}
	if share := float64(frauds) / sample; share < 0.15 || share > 0.25 {
		t.Errorf("%.3f of the events are positive, want about a fifth", share)
	}
}

func featuresOfJSON(t *testing.T, line []byte) (features []string, label string, numbers int) {
	t.Helper()
	var event map[string]json.RawMessage
	if err := json.Unmarshal(line, &event); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	label = string(event["_label"])
	delete(event, "_label")
	for name, raw := range event {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		for key, value := range fields {
			var text string
			if json.Unmarshal(value, &text) == nil {
				features = append(features, fmt.Sprintf("%s %s=%s", name, key, text))
				continue
			}
			numbers++
			features = append(features, fmt.Sprintf("%s %s:%s", name, key, value))
		}
	}
	return features, label, numbers
}

func featuresOfText(line string) (features []string) {
	for _, space := range strings.Split(strings.TrimSpace(line), "|")[1:] {
		words := strings.Fields(space)
		for _, word := range words[1:] {
			features = append(features, words[0]+" "+word)
		}
	}
	return features
}

func TestNoNumberIsZero(t *testing.T) {
	n := number{shift: 0, scale: 1, digits: 1}
	for z, want := range map[float64]string{0: "0.1", 0.04: "0.1", -0.01: "0.1", 2.04: "2.0", -1.5: "-1.5"} {
		if got := string(n.append(nil, z)); got != want {
			t.Errorf("%v is written as %s, want %s", z, got, want)
		}
	}
}
