package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/metric"
)

// replaySource is a model with the open files that it is to learn from.
type replaySource struct {
	name  string
	model configs.Model
	files []*dataset.File
}

func (s *replaySource) close() { closeAll(s.files) }

// names are the names of the files.
func (s *replaySource) names() []string {
	var names []string
	for _, f := range s.files {
		names = append(names, f.Name)
	}
	return names
}

// source opens the files and completes the settings by what they hold.
func (in *replayInput) source(stdin io.Reader, log *slog.Logger) (*replaySource, error) {
	name, m, err := in.baseModel()
	if err != nil {
		return nil, err
	}
	s := &replaySource{name: name}
	if s.files, err = openAll(in.files, stdin, in.options); err != nil {
		return nil, err
	}
	if s.model, err = in.complete(s.files, m, in.set, log); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// complete returns the model's settings: those of the configuration, what the
// files say of themselves, and set, each stronger than the one before.
func (in *replayInput) complete(files []*dataset.File, m configs.Model, set []string, log *slog.Logger) (configs.Model, error) {
	if err := alike(files); err != nil {
		return m, err
	}
	first := files[0]
	takeFormat(&m, first)
	if first.Decisions != "" && in.file == "" {
		if err := banditFor(&m, files, in.options, log); err != nil {
			return m, err
		}
	}
	if in.label != "" {
		m.Source.Label = in.label
	}
	m, err := m.With(set)
	if err != nil {
		return m, err
	}
	if m, err = resolveLabel(m, first); err != nil {
		return m, err
	}
	withoutHeaders(&m, log)
	if first.Format == dataset.CSV {
		warnUnknown(log, first.Columns, m.Features)
	}
	if in.file == "" && m.Learner.Compat == "vw" && !chosen(set, "learner.bits") {
		m.Learner.Bits = vwBits
	}
	return in.judgeLabels(files, m, set, log)
}

// withoutHeaders drops what needs the headers of Kafka records, which files do not have.
func withoutHeaders(m *configs.Model, log *slog.Logger) {
	g := &m.Guard
	if !g.Source.NeedsHeaders() {
		return
	}
	log.Warn("files have no headers, so sources are not told apart; name them by guard.source.field", "guard.source.header", g.Source.Header, "guard.source.topic", g.Source.Topic)
	g.Source.Header, g.Source.Topic, g.Inputs.MaxSourceShare, g.Trusted.Sources = "", false, 1, nil
}

// alike refuses files of different formats or columns.
func alike(files []*dataset.File) error {
	first := files[0]
	for _, f := range files[1:] {
		if f.Format != first.Format || f.Decisions != first.Decisions || f.Comma != first.Comma || !slices.Equal(f.Columns, first.Columns) {
			return fmt.Errorf("%s: is %s; all files must be alike, and %s is %s", f.Name, shape(f), first.Name, shape(first))
		}
	}
	return nil
}

// takeFormat makes the records of a model those of a file.
func takeFormat(m *configs.Model, f *dataset.File) {
	m.Source.Format, m.Source.Columns = f.Format, f.Columns
	if f.Format == dataset.CSV {
		m.Source.Delimiter = string(f.Comma)
	}
	if f.Decisions != "" {
		takeDecisions(m, f)
	}
}

// vwBits makes it unlikely that two features share a weight. Which ones do
// depends on the hash, and Vowpal Wabbit has another, so that with fewer bits
// its losses would be reproduced to fewer digits.
const vwBits = 24

func shape(f *dataset.File) string {
	if f.Decisions != "" {
		return f.Decisions
	}
	if f.Format != dataset.CSV {
		return f.Format
	}
	return fmt.Sprintf("csv with columns %s", strings.Join(f.Columns, string(f.Comma)))
}

// resolveLabel makes the label the name of a field.
func resolveLabel(m configs.Model, f *dataset.File) (configs.Model, error) {
	switch f.Format {
	case dataset.LibSVM, dataset.VW, dataset.VWJSON:
		return m, nil
	case dataset.CSV:
		if m.Source.Label == "" {
			return m, fmt.Errorf("--label FIELD: must name the column to predict: last, or one of %s", strings.Join(f.Columns, ", "))
		}
		i, err := f.Column(m.Source.Label)
		if err != nil {
			return m, err
		}
		m.Source.Label = f.Columns[i]
	default:
		if m.Source.Label == "" {
			return m, errors.New("--label FIELD: must name the field to predict")
		}
	}
	return m, nil
}

// judgeLabels chooses the loss, unless it is given, and the positive class,
// unless it or all classes are given or the labels are 0 and 1 or -1 and 1.
func (in *replayInput) judgeLabels(files []*dataset.File, m configs.Model, set []string, log *slog.Logger) (configs.Model, error) {
	key, loss := lossKey(&m.Learner)
	open := in.file == "" && loss != nil && !chosen(set, key)
	if open && key == "learner.loss" && m.Learner.Compat == "vw" {
		*loss, open = "squared", false
	}
	if m.Source.Join.On() { // the labels are in records of their own
		return m, nil
	}
	classes := open || catalog.Task(m.Learner) == metric.Classification
	if !classes || m.Source.Positive != "" || len(m.Source.Classes) > 0 {
		return m, nil
	}
	values, err := in.labelValues(files, m.Source.Label)
	if err != nil {
		return m, err
	}
	if open {
		*loss = lossFor(values)
		log.Info("chose the loss by the labels; --set overrides it", "key", key, "loss", *loss, "labels", strings.Join(values, " "))
	}
	if catalog.Task(m.Learner) != metric.Classification || dataset.Binary(values) {
		return m, nil
	}
	positive, err := dataset.Positive(values)
	if err != nil {
		return m, fmt.Errorf("label %s: %w; set %s to squared for numbers, learner.loss to ova or softmax with learner.classes for classes, or source.positive to the positive class", m.Source.Label, err, key)
	}
	m.Source.Positive = positive
	log.Info("chose the larger label as the positive class; --set source.positive=... sets it", "positive", positive)
	return m, nil
}

// lossKey returns the key of the loss of a learner and where it is; nil for a
// learner that has none.
func lossKey(l *catalog.Learner) (key string, loss *string) {
	switch l.Kind {
	case "sgd":
		return "learner.loss", &l.Loss
	case "factor":
		return "learner.factor.loss", &l.Factor.Loss
	}
	return "", nil
}

// lossName is the loss of a learner, empty for one that has none.
func lossName(l *catalog.Learner) string {
	if _, loss := lossKey(l); loss != nil {
		return *loss
	}
	return ""
}

// labelValues returns the labels of a field in the files, of which there are
// more when there are three. It reads the files once for each field.
func (in *replayInput) labelValues(files []*dataset.File, field string) ([]string, error) {
	if values, ok := in.labels[field]; ok {
		return values, nil
	}
	labels := dataset.NewLabels(field, 3)
	for _, f := range files {
		if err := scan(labels, f, in.options); err != nil {
			return nil, err
		}
	}
	if in.labels == nil {
		in.labels = map[string][]string{}
	}
	in.labels[field] = labels.Values()
	return in.labels[field], nil
}

// lossFor is the loss for labels, of which there are more when there are three.
func lossFor(labels []string) string {
	if len(labels) <= 2 {
		return "logistic"
	}
	return "squared"
}

// scan reads the labels of a file by opening it anew, of standard input those
// of its beginning.
func scan(labels *dataset.Labels, f *dataset.File, o dataset.Options) error {
	if labels.Full() {
		return nil
	}
	if f.Name == "-" {
		return labels.ScanSample(f)
	}
	again, err := dataset.Open(f.Name, nil, o)
	if err != nil {
		return err
	}
	defer func() { _ = again.Close() }() // only read
	return labels.Scan(again)
}
