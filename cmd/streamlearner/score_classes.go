package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
)

// classScore is what a model of several classes says of one of them.
type classScore struct {
	Class     int      `json:"class"`
	Name      string   `json:"name,omitempty"`
	Prob      *float64 `json:"probability,omitempty"`
	Cost      *float64 `json:"cost,omitempty"`
	Predicted bool     `json:"predicted"`
}

func (c *classScore) label() string {
	if c.Name != "" {
		return c.Name
	}
	return strconv.Itoa(c.Class)
}

// classes adds what the model says of each of several classes, and the class it decides for.
func (r *scoreReport) classes(client *serve.Client, e *event.Event, s *serve.Score) error {
	all, err := client.ScoreClassesIn(s.Partition, e, nil)
	if errors.Is(err, serve.ErrKind) {
		if s.Classifier {
			r.Class = &s.Class
		}
		return nil // a model of one number
	}
	if err != nil {
		return err
	}
	r.take(&all)
	return nil
}

func (r *scoreReport) take(all *serve.Classes) {
	if !all.Labels {
		r.Class = &all.Class
	}
	for k := range all.Probs {
		c := classScore{Class: k, Predicted: k == all.Class}
		switch {
		case all.Costs:
			c.Cost = &all.Probs[k]
		case all.Labels:
			c.Prob, c.Predicted = &all.Probs[k], all.Probs[k] >= 0.5
		default:
			c.Prob = &all.Probs[k]
		}
		if k < len(all.Names) {
			c.Name = all.Names[k]
		}
		r.Classes = append(r.Classes, c)
	}
}

// decision names the predicted classes.
func (r *scoreReport) decision() string {
	var names []string
	for i := range r.Classes {
		if r.Classes[i].Predicted {
			names = append(names, r.Classes[i].label())
		}
	}
	if len(names) == 0 {
		return "no label"
	}
	return strings.Join(names, ", ")
}

func (r *scoreReport) printClasses(w io.Writer) error {
	figure := "probability"
	if r.Classes[0].Cost != nil {
		figure = "cost"
	}
	t := newTable("class", figure)
	for i := range r.Classes {
		c := &r.Classes[i]
		v := c.Prob
		if v == nil {
			v = c.Cost
		}
		t.AppendRow(table.Row{c.label(), fmt.Sprintf("%.6g", *v)})
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}
