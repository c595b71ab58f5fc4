package configs

import (
	"cmp"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// Input says where a configuration comes from.
type Input struct {
	File string   // path of the YAML file; empty for none
	Env  []string // "NAME=value", as os.Environ gives them; those of other programs are skipped
	Set  []string // "key=value", the strongest

	// NoModels allows a configuration without models, for commands that only
	// need to know where Kafka and Redis are.
	NoModels bool
}

// Load reads, merges and validates a configuration. An error that is about
// its content is of type Errors.
func Load(in Input) (*Config, error) {
	l := newLoader(reflect.TypeFor[Config]())
	if in.File != "" {
		data, err := os.ReadFile(in.File)
		if err != nil {
			return nil, Errors{{Where: in.File, Detail: err.Error()}}
		}
		if err := l.file(in.File, data); err != nil {
			return nil, err
		}
	}
	sets := l.splitSets(in.Set)
	l.environment(in.Env, sets)
	l.set(sets)

	c := l.config()
	if len(c.Models) == 0 && !in.NoModels {
		l.fail("", "models", "", "names no model; configs/fraud.yaml is an example")
	}
	l.errs = append(l.errs, l.locate(c.check())...)
	if len(l.errs) > 0 {
		return nil, l.errs
	}
	return &c, nil
}

// config returns the merged settings over the defaults.
func (l *loader) config() Config {
	c := Default()
	l.into(&c, "models")
	for _, name := range l.models() {
		m := DefaultModel()
		l.intoAt(&m, "models."+name)
		c.Models[name] = m
	}
	return c
}

// LoadModel returns the defaults of a model with "key=value" settings applied,
// validated. The keys are those below models.NAME.
func LoadModel(sets []string) (Model, error) { return DefaultModel().With(sets) }

// With returns m with "key=value" settings applied, validated. The keys are
// those below models.NAME.
func (m Model) With(sets []string) (Model, error) {
	l := newLoader(reflect.TypeFor[Model]())
	l.set(l.splitSets(sets))
	l.into(&m, "")
	l.errs = append(l.errs, l.locate(m.check(""))...)
	if len(l.errs) > 0 {
		return Model{}, l.errs
	}
	return m, nil
}

// loader merges the layers. Everything it puts into k exists and has its type.
type loader struct {
	keys  keys
	k     *koanf.Koanf
	where map[string]string // path -> the place that set it
	errs  Errors
}

func newLoader(t reflect.Type) *loader {
	return &loader{keys: keysOf(t), k: koanf.New("."), where: map[string]string{}}
}

// file takes the YAML layer. It returns an error only when there is nothing to look at.
func (l *loader) file(path string, data []byte) error {
	layer := koanf.New(".")
	if err := layer.Load(rawbytes.Provider(data), yaml.Parser()); err != nil {
		return Errors{{Where: path, Detail: "is not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}}
	}
	lines := lineNumbers(data)
	for p, n := range lines {
		l.where[p] = fmt.Sprintf("%s:%d", path, n)
	}
	flat := layer.All()
	paths := layer.Keys()
	slices.SortStableFunc(paths, func(a, b string) int { return lines[a] - lines[b] })
	for _, p := range paths {
		l.put(cmp.Or(l.where[p], path), p, flat[p])
	}
	return nil
}

// put takes one setting of a layer.
func (l *loader) put(where, path string, v any) {
	k, ok := l.keys.find(path)
	if !ok {
		if empty(v) && l.keys.inner(path) {
			l.putGroup(where, path)
			return
		}
		l.unknown(where, path, v)
		return
	}
	typed, err := coerce(k.typ, v)
	if err != nil {
		l.fail(where, path, show(v), err.Error())
		return
	}
	if err := l.k.Set(path, typed); err != nil {
		l.fail(where, path, show(v), err.Error())
		return
	}
	l.where[path] = where
}

// putGroup takes a group without settings, so that "fraud: {}" is a model with
// nothing but defaults.
func (l *loader) putGroup(where, path string) {
	if !l.k.Exists(path) {
		if err := l.k.Set(path, map[string]any{}); err != nil {
			l.fail(where, path, "", err.Error())
			return
		}
		l.where[path] = where
	}
}

func (l *loader) unknown(where, path string, v any) {
	switch near := l.keys.nearest(path); {
	case l.keys.inner(path):
		l.fail(where, path, show(v), "is a group of settings, not a value")
	case near == "":
		l.fail(where, path, "", "there is no such key; configs/streamlearner.yaml lists them all")
	default:
		l.fail(where, path, "", fmt.Sprintf("there is no such key; did you mean %s?", near))
	}
}

func (l *loader) fail(where, path, value, detail string) {
	l.errs = append(l.errs, Error{Where: where, Key: path, Value: value, Detail: detail})
}

func empty(v any) bool {
	if v == nil {
		return true
	}
	m, ok := v.(map[string]any)
	return ok && len(m) == 0
}

// assignment is one --set.
type assignment struct{ where, path, value string }

func (l *loader) splitSets(sets []string) []assignment {
	var out []assignment
	for _, s := range sets {
		path, value, ok := strings.Cut(s, "=")
		if !ok {
			l.fail("--set "+s, "", "", "must be key=value")
			continue
		}
		path = strings.TrimSpace(path)
		out = append(out, assignment{"--set " + path, path, value})
	}
	return out
}

func (l *loader) set(sets []assignment) {
	for _, a := range sets {
		l.put(a.where, a.path, a.value)
	}
}

// models returns the names of all models in alphabetical order.
func (l *loader) models() []string { return l.k.MapKeys("models") }

// into writes the merged settings over the defaults in out, without the group skip.
func (l *loader) into(out any, skip string) {
	k := l.k.Copy()
	if skip != "" {
		k.Delete(skip)
	}
	l.unmarshal(k, out)
}

func (l *loader) intoAt(out any, path string) { l.unmarshal(l.k.Cut(path), out) }

func (l *loader) unmarshal(k *koanf.Koanf, out any) {
	if err := k.UnmarshalWithConf("", out, unmarshalConf(out)); err != nil {
		l.fail("", "", "", err.Error())
	}
}

// locate adds to each fault the place that set the value, or else the group that
// it is missing from.
func (l *loader) locate(es Errors) Errors {
	for i := range es {
		for path := es[i].Key; path != "" && es[i].Where == ""; path, _ = splitLast(path) {
			es[i].Where = l.where[path]
		}
	}
	return es
}
