package event

import "testing"

func TestCSVFeatures(t *testing.T) {
	for _, c := range []struct {
		name, line    string
		columns       []string
		comma         byte
		schema        Schema
		dense, sparse []Feature
	}{
		{name: "types", line: `1.5,x,true,-2e3,.5,`, dense: []Feature{num("c0", 1.5), num("c3", -2000), num("c4", 0.5)}, sparse: []Feature{cat("c1=x"), cat("c2=true")}},
		{name: "spaces around", line: ` 1 , x y ,	2	`, dense: []Feature{num("c0", 1), num("c2", 2)}, sparse: []Feature{cat("c1=x y")}},
		{name: "quotes", line: `"1","a,""b""", "c`, dense: []Feature{num("c0", 1)}, sparse: []Feature{cat(`c1=a,"b"`), cat(`c2="c`)}},
		{name: "spaces in quotes", line: `" x ",1`, dense: []Feature{num("c1", 1)}, sparse: []Feature{cat("c0= x ")}},
		{name: "empty quotes", line: `"",1`, dense: []Feature{num("c1", 1)}},
		{name: "line break at the end", line: "1,2\r\n", dense: []Feature{num("c0", 1), num("c1", 2)}},
		{name: "semicolon", comma: ';', line: `1;a,b`, dense: []Feature{num("c0", 1)}, sparse: []Feature{cat("c1=a,b")}},
		{name: "tab", comma: '\t', line: "1\t\"a\" b\t", columns: []string{"u", "v", "w"}, dense: []Feature{num("u", 1)}, sparse: []Feature{cat(`v="a" b`)}},
		{name: "space", comma: ' ', line: "  1  2 \t x ", columns: []string{"u", "v", "w"}, dense: []Feature{num("u", 1), num("v", 2)}, sparse: []Feature{cat("w=x")}},
		{name: "space with quotes", comma: ' ', line: `"a b" 2 "c"`, columns: []string{"u", "v", "w"}, dense: []Feature{num("v", 2)}, sparse: []Feature{cat("u=a b"), cat("w=c")}},
		{name: "names of the columns", columns: []string{"geo.lat", "geo.zip"}, schema: Schema{Categorical: []string{"geo.zip"}}, line: `52.5,01067`,
			dense: []Feature{num("geo.lat", 52.5)}, sparse: []Feature{cat("geo.zip=01067")}},
		{name: "categorical", schema: Schema{Categorical: []string{"*"}}, line: `1.0,1e3,nan,x,12345678901234567890,1e999`,
			sparse: []Feature{cat("c0=1"), cat("c1=1000"), cat("c2=nan"), cat("c3=x"), cat("c4=12345678901234567890"), cat("c5=1e999")}},
		{name: "numeric", schema: Schema{Numeric: []string{"c*"}}, line: `true,false,3,"4"`, dense: []Feature{num("c0", 1), num("c1", 0), num("c2", 3), num("c3", 4)}},
		{name: "include and exclude", schema: Schema{Include: []string{"c0", "c1*", "c2"}, Exclude: []string{"c1"}}, line: `1,nan,3,inf`, dense: []Feature{num("c0", 1), num("c2", 3)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.comma == 0 {
				c.comma = ','
			}
			if c.columns == nil {
				c.columns = []string{"c0", "c1", "c2", "c3", "c4", "c5"}[:countColumns(c.line, c.comma)]
			}
			d, err := NewCSV(c.schema, c.columns, c.comma, false)
			if err != nil {
				t.Fatal(err)
			}
			var e Event
			if err := d.Decode([]byte(c.line), &e); err != nil {
				t.Fatal(err)
			}
			if diff := diffEvent(&Event{X: Vector{Dense: c.dense, Sparse: c.sparse}}, &Event{X: e.X}); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// countColumns counts delimiters outside of quotes.
func countColumns(line string, comma byte) int {
	n, quoted := 1, false
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == comma && !quoted:
			n++
		}
	}
	return n
}

func TestCSVConfiguredFields(t *testing.T) {
	s := Schema{Label: "y", Positive: "UP", Weight: "w", Time: "t", Key: "k", ID: "i", Arm: "arm", Arms: []string{"l", "r"}, Probability: "p"}
	d, err := NewCSV(s, []string{"t", "k", "i", "w", "arm", "p", "a", "y"}, ',', true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := d.Decode([]byte(`2026-01-02T03:04:05Z,"c,1",7,0.5,r,0.25,3,UP`), &e); err != nil {
		t.Fatal(err)
	}
	want := Event{Time: 1767323045000, Key: []byte("c,1"), ID: []byte("7"), Weight: 0.5, Arm: 1, Prob: 0.25, Label: 1, Labelled: true, X: Vector{Dense: []Feature{num("a", 3)}}}
	if diff := diffEvent(&want, &e); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := d.Decode([]byte(`,,,,0,1,3,DOWN`), &e); err != nil {
		t.Fatal(err)
	}
	want = Event{Weight: 1, Prob: 1, Labelled: true, X: want.X}
	if diff := diffEvent(&want, &e); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCSVRejections(t *testing.T) {
	s := Schema{Label: "y", Weight: "w", Numeric: []string{"n"}, MaxFeatures: 2}
	d, err := NewCSV(s, []string{"y", "w", "n", "a", "b"}, ',', true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, line string
		reason     Reason
		field      string
	}{
		{"few columns", `1,1,1,1`, Syntax, ""},
		{"many columns", `1,1,1,1,1,1`, Syntax, ""},
		{"no line", ``, Syntax, ""},
		{"two lines", "1,1,1\n,1,1", Syntax, ""},
		{"open quote", `1,1,1,"x,1`, Syntax, "a"},
		{"text after quote", `1,1,1,"x"y,1`, Syntax, "a"},
		{"no label", `,1,1,1,`, LabelMissing, "y"},
		{"blank label", `" ",1,1,1,`, LabelMissing, "y"},
		{"text label", `UP,1,1,1,`, LabelInvalid, "y"},
		{"infinite label", `inf,1,1,1,`, LabelInvalid, "y"},
		{"huge label", `1e999,1,1,1,`, LabelInvalid, "y"},
		{"bad weight", `1,-1,1,1,`, WeightInvalid, "w"},
		{"nan weight", `1,nan,1,1,`, WeightInvalid, "w"},
		{"nan", `1,1,1,NaN,`, NonFinite, "a"},
		{"infinity", `1,1,1,-Infinity,`, NonFinite, "a"},
		{"huge", `1,1,1,1e999,`, NonFinite, "a"},
		{"numeric text", `1,1,N/A,1,`, NonFinite, "n"},
		{"too many", `1,1,1,1,x`, TooManyFeatures, ""},
		{"nothing", `1,1,,,`, NoFeatures, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e Event
			wantRejection(t, d.Decode([]byte(c.line), &e), c.reason, c.field)
		})
	}
}
