package configs

import (
	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"
)

// lineNumbers maps the path of every key of a YAML document to its line.
func lineNumbers(data []byte) map[string]int {
	lines := map[string]int{}
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil {
		return lines // the parser of the values has reported it
	}
	for _, n := range doc.Content {
		addLines(lines, n, "", map[*yaml.Node]bool{})
	}
	return lines
}

// maxLines bounds what aliases can multiply.
const maxLines = 100_000

// addLines walks a node. open holds the mappings that it is inside of, since an
// alias may lead back to one of them.
func addLines(lines map[string]int, n *yaml.Node, path string, open map[*yaml.Node]bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode || open[n] || len(lines) > maxLines {
		return
	}
	open[n] = true
	defer delete(open, n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		p := join(path, n.Content[i].Value)
		if _, ok := lines[p]; !ok {
			lines[p] = n.Content[i].Line
		}
		addLines(lines, n.Content[i+1], p, open)
	}
}

// unmarshalConf makes koanf replace lists instead of merging their elements,
// and refuse what has not been checked.
func unmarshalConf(out any) koanf.UnmarshalConf {
	return koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		TagName:     "koanf",
		Result:      out,
		ZeroFields:  true,
		ErrorUnused: true,
	}}
}
