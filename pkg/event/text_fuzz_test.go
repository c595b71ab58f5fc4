package event_test

import (
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// fuzzDecoder fuzzes that a decoder accepts only what is fit to be learned
// from, says why it refuses, and gives the same event a second time.
func fuzzDecoder(f *testing.F, d, again event.Decoder, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	var first, second event.Event
	f.Fuzz(func(t *testing.T, value []byte) {
		err := d.Decode(value, &first)
		if err != nil {
			conform.CheckRejection(t, value, err)
			return
		}
		conform.CheckEvent(t, value, &first)
		if err := again.Decode(value, &second); err != nil {
			t.Fatalf("%q: accepted once, then: %v", value, err)
		}
		conform.CheckEqual(t, value, &first, &second)
	})
}

func FuzzCSV(f *testing.F) {
	s := event.Schema{Label: "y", Time: "t", Numeric: []string{"n"}, Categorical: []string{"c"}}
	create := func() event.Decoder {
		return made[*event.CSV](f)(event.NewCSV(s, []string{"y", "t", "n", "c", "a"}, ',', true))
	}
	fuzzDecoder(f, create(), create(), `1,2,3,4,5`, `1,,,"a ""b""",`, `true,2026-01-02T03:04:05Z,"1", 1.0 ,nan`, `1,"`, "1,2,3,4,5\r\n")
}

func FuzzJSONShapes(f *testing.F) {
	create := func() event.Decoder { return made[*event.JSON](f)(event.NewJSON(shapes, true)) }
	fuzzDecoder(f, create(), create(), `{"y":1,"ts":5,"due":"2026-01-02T03:04:05Z","msg":"Free £ entry","amount":1e300,"country":"DE","tags":["a",{"b":7}]}`,
		`{"y":1,"msg":["a b",["c"],null],"notes":{"x":"p q"},"amount":"12"}`, `{"y":1,"due":[],"ts":{}}`)
}

func FuzzCSVShapes(f *testing.F) {
	columns := []string{"y", "ts", "due", "msg", "amount", "country"}
	create := func() event.Decoder { return made[*event.CSV](f)(event.NewCSV(shapes, columns, ',', true)) }
	fuzzDecoder(f, create(), create(), `1,5,2026-01-02T03:04:05Z,"Free £ entry",-3,DE`, `0,,,,,`)
}

func FuzzCSVSpaces(f *testing.F) {
	create := func() event.Decoder {
		return made[*event.CSV](f)(event.NewCSV(event.Schema{Label: "y"}, []string{"a", "b", "y"}, ' ', true))
	}
	fuzzDecoder(f, create(), create(), `1 2 3`, ` 1  2	3 `, `"a b" "" 1`, `1 2`)
}

func FuzzLibSVM(f *testing.F) {
	create := func() event.Decoder {
		return made[*event.LibSVM](f)(event.NewLibSVM(event.Schema{Exclude: []string{"7"}}, true))
	}
	fuzzDecoder(f, create(), create(), `1 3:1 11:0.5 7:9`, `-1 qid:4 3:1e-2 # note`, `+1 1:0`, `1 1:nan`)
}

func FuzzVW(f *testing.F) {
	create := func() event.Decoder {
		return made[*event.VW](f)(event.NewVW(event.Schema{Exclude: []string{"f^x*"}, Cross: [][]string{{"f^*", "*"}}}, true))
	}
	fuzzDecoder(f, create(), create(), `1 |f a b:2 |g:0.5 c`, `0.52 2 PFF/1|T PFF |f :3`, `-1 1 0 'tag | x y:.5`, `1|`)
}
