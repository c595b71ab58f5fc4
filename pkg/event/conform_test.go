package event_test

import (
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// made returns a decoder or fails the test.
func made[D event.Decoder](t testing.TB) func(D, error) event.Decoder {
	return func(d D, err error) event.Decoder {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

func values(texts ...string) [][]byte {
	var out [][]byte
	for _, s := range texts {
		out = append(out, []byte(s))
	}
	return out
}

func TestJSONConforms(t *testing.T) {
	s := event.Schema{Label: "y", Weight: "w", Time: "ts", Key: "card", ID: "id", Numeric: []string{"n", "list"}, Categorical: []string{"zip"}, Exclude: []string{"secret"}}
	conform.Decoder(t, conform.DecoderCase{
		New: func() event.Decoder { return made[*event.JSON](t)(event.NewJSON(s, true)) },
		Good: values(
			`{"y":1,"a":2}`,
			` { "y" : false , "w" : 0.5, "ts":"2026-01-02T03:04:05.678+05:30","card":"c1","id":17,"a":-0.5e-3,"c":"x"}`,
			`{"y":"0","n":"12.5","list":["1","2"],"zip":10115,"m":{"k":{"l":[1,[2,3],{"o":null}],"s":["é","\u00e9\ud83d\ude00","\ud800"]}}}`,
			`{"y":1,"big":1234567890123456789012,"small":1e-320,"deep":{"a":{"a":{"a":{"a":true}}}},"secret":{"x":1e999}}`,
		),
		Bad: values(`{"y":1,"a":1e999}`, `{"y":1,"a":2`, `{"a":2}`, `[1]`, `{"y":1}`, `{"y":1,"w":-1,"a":1}`, `{"y":1,"ts":"today","a":1}`, ``),
	})
}

// shapes has every kind of feature that is more than a field's value.
var shapes = event.Schema{
	Label: "y", Time: "ts", Text: []string{"msg", "notes"}, Ngrams: 2, Log1p: []string{"amount"}, Cyclic: []string{"ts", "due"},
	Missing: []string{"amount", "country", "due"}, Cross: [][]string{{"country", "msg"}, {"amount", "*"}, {"country", "amount", "tags"}},
}

func TestJSONShapesConform(t *testing.T) {
	conform.Decoder(t, conform.DecoderCase{
		New: func() event.Decoder { return made[*event.JSON](t)(event.NewJSON(shapes, true)) },
		Good: values(
			`{"y":1,"ts":"2026-01-02T03:04:05Z","due":1767323045,"msg":"Free entry, WIN a prize!","amount":12.5,"country":"DE","tags":["a","b"]}`,
			`{"y":0,"msg":"İstanbul’da çay \ud83d\ude00 1000","notes":["one two","two one two"],"amount":-1e300,"country":null}`,
			`{"y":0}`,
		),
		Bad: values(`{"y":1,"amount":1e999}`, `{"y":1,"due":"x"}`, `{"y":1,"ts":{}}`, `{"msg":"a"}`, `{"y":1,"amount":9,"x":1e308,"z":1e308,"msg":"`),
	})
}

func TestCSVShapesConform(t *testing.T) {
	columns := []string{"y", "ts", "due", "msg", "notes", "amount", "country", "tags"}
	conform.Decoder(t, conform.DecoderCase{
		New:  func() event.Decoder { return made[*event.CSV](t)(event.NewCSV(shapes, columns, ',', true)) },
		Good: values(`1,2026-01-02T03:04:05Z,1767323045,"Free entry, WIN a prize!",,12.5,DE,a`, `0,,,,"x ""y"" z",7,,`, `0,,,,,,,`),
		Bad:  values(`1,x,,,,1,,`, `1,,,,,nan,,`, `1,,,a,,,`, `,,,a,,,,`),
	})
}

func TestClassesConform(t *testing.T) {
	s := event.Schema{Label: "y", ID: "id", Classes: []string{"no", "yes"}, ClassWeights: []float64{0.5, 3}, SampleNegatives: 0.5}
	conform.Decoder(t, conform.DecoderCase{
		New:  func() event.Decoder { return made[*event.JSON](t)(event.NewJSON(s, true)) },
		Good: values(`{"y":"no","id":1,"a":2}`, `{"y":"no","id":2,"a":2}`, `{"y":"yes","a":2}`, `{"y":"no","a":2}`),
		Bad:  values(`{"y":"maybe","a":2}`, `{"y":0,"a":2}`),
	})
}

func TestJSONBanditConforms(t *testing.T) {
	s := event.Schema{Label: "click", Arm: "arm", Arms: []string{"a", "b"}, Probability: "p"}
	conform.Decoder(t, conform.DecoderCase{
		New:  func() event.Decoder { return made[*event.JSON](t)(event.NewJSON(s, true)) },
		Good: values(`{"click":1,"arm":"b","p":0.25}`, `{"click":0,"arm":1,"p":1,"user":{"age":30}}`),
		Bad:  values(`{"click":1,"arm":"c","p":0.25}`, `{"click":1,"arm":2,"p":0.25}`, `{"click":1,"arm":"b","p":0}`, `{"click":1,"p":0.2}`),
	})
}

func TestCSVConforms(t *testing.T) {
	s := event.Schema{Label: "y", Weight: "w", Categorical: []string{"zip"}, Numeric: []string{"n"}}
	columns := []string{"y", "w", "a", "zip", "n"}
	conform.Decoder(t, conform.DecoderCase{
		New:  func() event.Decoder { return made[*event.CSV](t)(event.NewCSV(s, columns, ',', true)) },
		Good: values(`1,,2.5,10115,3`, `0,0.5,"a ""b"", c",1.50,true`+"\r\n", `true, 1 , x ,,`, `-3e2,1,"",,7`),
		Bad:  values(`1,,nan,1,1`, `1,1`, `1,1,1,1,1,1`, `,1,2,3,4`, `1,-1,2,3,4`, `1,1,2,3,x`, `1,1,"a,2,3`, "1,1,2\n,3,4", ``),
	})
}

func TestLibSVMConforms(t *testing.T) {
	conform.Decoder(t, conform.DecoderCase{
		New: func() event.Decoder {
			return made[*event.LibSVM](t)(event.NewLibSVM(event.Schema{Exclude: []string{"7"}}, true))
		},
		Good: values(`1 3:1 11:0.5 7:9`, `-1 qid:4 3:1e-2  9:0 # note: x`+"\n", `+1`),
		Bad:  values(`3:1 4:1`, `one 3:1`, `1 3:x`, `1 3:inf`, `1 a:1`, `1 3`, `# nothing`, ``),
	})
}

func TestCrossedTextConforms(t *testing.T) {
	conform.Decoder(t, conform.DecoderCase{
		New: func() event.Decoder {
			return made[*event.VW](t)(event.NewVW(event.Schema{Cross: [][]string{{"f^*", "g^*"}}}, true))
		},
		Good: values(`1 |f a b:2 |g c d:-1`, `1 |f a`, `1 | `),
		Bad:  values(`1 |f a:1e200 |g c:1e200`, `1`),
	})
	conform.Decoder(t, conform.DecoderCase{
		New: func() event.Decoder {
			return made[*event.LibSVM](t)(event.NewLibSVM(event.Schema{Cross: [][]string{{"*", "*"}}}, true))
		},
		Good: values(`1 3:1 11:0.5 7:9`, `-1`),
		Bad:  values(`1 3:1e200 4:1e200`, `1 3`),
	})
}

func TestVWConforms(t *testing.T) {
	conform.Decoder(t, conform.DecoderCase{
		New: func() event.Decoder {
			return made[*event.VW](t)(event.NewVW(event.Schema{Include: []string{"f^*", "x"}}, true))
		},
		Good: values(`1 |f a b:2 c:0 |g d`, `0.52 2 PFF/1|T PFF |f:0.5 t1:-0.02 :3`, `-1 1 0 'tag | x y:.5`+"\n", `1 | `),
		Bad:  values(`1 2`, `| a`, `x | a`, `1 -1 | a`, `1 1 1 | a`, `1 1 0 0 0 | a`, `1 |:2 a`, `1 |f:x a`, `1 |f a:nan`, `1 |f:1e200 a:1e200`, ``),
	})
}

func TestJSONActionsConform(t *testing.T) {
	s := event.Schema{
		Label: "y", ID: "id", Arm: "arm", Arms: []string{"a", "b", "c"}, Probability: "p", Eligible: "eligible", Actions: "actions", Context: "context",
		Text: []string{"actions.title"}, Log1p: []string{"actions.price"},
	}
	conform.Decoder(t, conform.DecoderCase{
		New: func() event.Decoder { return made[*event.JSON](t)(event.NewJSON(s, true)) },
		Good: values(
			`{"id":"d","y":1,"arm":"a","p":0.5,"context":{"x":1,"c":"d"},"actions":[{"price":3.5,"title":"a b"},{"price":4},null]}`,
			`{"id":"d","y":1,"eligible":["c","a"],"arm":"a","p":0.5,"context":{"x":1},"actions":[{"price":3.5},{"title":"x","tags":["u","v"]}],"pmf":[1,2],"other":{"z":1e999}}`,
			`{"y":1,"eligible":[2,0],"arm":2,"p":1}`,
		),
		Bad: values(`{"y":1,"arm":"a","p":2,"context":{}}`, `{"y":1,"arm":"a","p":0.5,"actions":[{}]}`, `{"y":1,"arm":"a","p":1,"eligible":["x"]}`, `{"y":1,"arm":"a","p":0.5,"actions":[{"price":`),
	})
}
