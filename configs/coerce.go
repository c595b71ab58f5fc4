package configs

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
)

var durationType = reflect.TypeFor[time.Duration]()

// coerce turns what a layer gives for a setting into a value of its type. The
// error says what is allowed.
func coerce(t reflect.Type, v any) (any, error) {
	if t == durationType {
		return coerceDuration(v)
	}
	switch t.Kind() {
	case reflect.String:
		return coerceString(v)
	case reflect.Bool:
		return coerceBool(v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return coerceInt(t, v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return coerceUint(t, v)
	case reflect.Float32, reflect.Float64:
		return coerceFloat(v)
	case reflect.Slice:
		return coerceSlice(t, v)
	case reflect.Struct:
		return coerceStruct(t, v)
	case reflect.Map:
		return coerceMap(t, v)
	}
	return nil, fmt.Errorf("the type %s cannot be set", t)
}

func coerceString(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case nil:
		return "", nil
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), nil
	}
	return nil, fmt.Errorf("must be text")
}

func coerceBool(v any) (any, error) {
	switch fmt.Sprint(v) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return nil, fmt.Errorf("must be true or false")
}

func coerceInt(t reflect.Type, v any) (any, error) {
	f, err := number(v)
	x := reflect.New(t).Elem()
	// Bounds are compared as floats; settings are far below 2^53.
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 || x.OverflowInt(int64(f)) {
		return nil, fmt.Errorf("must be a whole number")
	}
	x.SetInt(int64(f))
	return x.Interface(), nil
}

func coerceUint(t reflect.Type, v any) (any, error) {
	f, err := number(v)
	x := reflect.New(t).Elem()
	if err != nil || f != math.Trunc(f) || f < 0 || f > 1<<53 || x.OverflowUint(uint64(f)) {
		return nil, fmt.Errorf("must be a whole number, not negative")
	}
	x.SetUint(uint64(f))
	return x.Interface(), nil
}

func coerceFloat(v any) (any, error) {
	f, err := number(v)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("must be a finite number")
	}
	return f, nil
}

// number accepts YAML numbers and their text, with _ between digits.
func number(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case uint64:
		return float64(v), nil
	case float64:
		return v, nil
	case string:
		return strconv.ParseFloat(strings.ReplaceAll(v, "_", ""), 64)
	}
	return 0, fmt.Errorf("not a number")
}

func coerceDuration(v any) (any, error) {
	if s, ok := v.(string); ok {
		if d, err := time.ParseDuration(s); err == nil {
			return d, nil
		}
	}
	return nil, fmt.Errorf("must be a time with its unit, such as 500ms, 30s or 10m")
}

// coerceSlice takes a YAML list; text is a YAML list in brackets or names
// separated by commas. In a list of lists, text separates the inner ones by "*":
// "country*merchant,country*hour".
func coerceSlice(t reflect.Type, v any) (any, error) {
	list, err := listOf(t, v)
	if err != nil {
		return nil, err
	}
	out := reflect.MakeSlice(t, 0, len(list))
	for _, e := range list {
		x, err := coerce(t.Elem(), e)
		if err != nil {
			return nil, fmt.Errorf("each element %w", err)
		}
		out = reflect.Append(out, reflect.ValueOf(x))
	}
	return out.Interface(), nil
}

func listOf(t reflect.Type, v any) ([]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	case string:
		return listOfText(t, v)
	}
	return nil, fmt.Errorf("must be a list")
}

func listOfText(t reflect.Type, s string) ([]any, error) {
	if s = strings.TrimSpace(s); s == "" {
		return nil, nil
	}
	if strings.HasPrefix(s, "[") {
		m, err := yaml.Parser().Unmarshal([]byte("list: " + s))
		if err != nil {
			return nil, fmt.Errorf("must be a list such as [a, b]")
		}
		list, _ := m["list"].([]any)
		return list, nil
	}
	nested := t.Elem().Kind() == reflect.Slice
	var out []any
	for part := range strings.SplitSeq(s, ",") {
		if nested {
			part = "[" + strings.ReplaceAll(part, "*", ", ") + "]"
		}
		out = append(out, strings.TrimSpace(part))
	}
	return out, nil
}
