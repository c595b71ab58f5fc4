package python

import (
	"strings"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// schemas use every setting that a reader needs.
var schemas = []event.Schema{
	{},
	{
		Label: "label", Weight: "w", Time: "ts", Key: "card", ID: "id", Include: []string{"*"}, Exclude: []string{"skip", "geo.*"},
		Numeric: []string{"num", "tags"}, Categorical: []string{"zip", "ids"},
	},
	{Text: []string{"title", "geo.*"}, Ngrams: 3, Missing: []string{"title", "num", "tags", "absent"}, Numeric: []string{"num"}},
	{Log1p: []string{"a*", "geo"}, Cyclic: []string{"ts", "when"}, Time: "ts", Missing: []string{"when", "geo"}},
	{Key: "card", Categorical: []string{"card", "zip", "ids"}, Target: []string{"zip", "country"}, Count: []string{"zip", "ids"}},
	{
		Cross:   [][]string{{"country", "amount"}, {"*", "*"}, {"tags", "tags", "zip"}, {"geo*", "country", "tags", "new"}},
		Include: []string{"country", "amount", "tags", "zip", "geo", "new", "card"},
	},
	{Label: "label", LabelType: "multilabel", Classes: []string{"x", "y"}, Key: "geo.city", MaxFeatures: 12, Log1p: []string{"*"}},
	{Arm: "country", Arms: []string{"DE", "FR"}, Probability: "amount", Include: []string{"nothing"}},
	{
		Arm: "arm", Arms: []string{"DE", "FR", "1"}, Probability: "p", ID: "id", Context: "geo", Actions: "tags", Eligible: "ids", Categorical: []string{"tags.zip"},
		Log1p: []string{"tags.*"}, Missing: []string{"geo.city"}, Cross: [][]string{{"*", "geo.*"}}, MaxFeatures: 4,
	},
	{Include: []string{"é"}, Categorical: []string{"é*"}, Text: []string{"é.ö"}, Exclude: []string{"é.skip"}},
}

// records are ordinary ones and odd ones.
var records = []string{
	`{"card":"4711","amount":120.5,"country":"DE","new":true,"ts":"2024-02-29T23:59:58.1239+05:30","zip":10115,"tags":["sale","x","sale"],"label":1,"w":2,"id":"r1"}`,
	`{"card":4711,"amount":-0.75,"country":"FR","zip":"01234","tags":[1,"2",true,null,{"k":3},["n",4]],"ts":1700000000,"num":" 7.5 ","w":0}`,
	`{"card":true,"amount":0,"geo":{"city":"Köln","lat":50.9,"deep":{"x":"New York, new YORK"}},"ids":[12345678901234567890,7.0,7e0,-0.0,1e-7,1.5e300,123456789.125]}`,
	`{"title":"Eins zwei, EINS ZWEI drei! ÀÉ İstanbul ΣΑΣ 日本 x٣","num":"","when":"1969-12-31 23:59:60z","zip":1e21}`,
	`{"title":"...","num":null,"tags":[],"when":-86400000.5,"ts":99999999999,"absent":""}`,
	`{"a":{"b":1},"a.b":2,"c":"x"}`,
	`{"a":1,"a":2,"country":"DE","country":"FR","card":"k","b":{"x":1},"b":{"y":2}}`,
	`{"a":{"b":[1,{"c":2}]},"a":{"b":["t",3]},"a.b.0":5,"tags":["u","v"],"zip":0.000001}`,
	`{"title":"a\u0041\ud83d\ude00\ud83d \"q\" \\ \/ \n","é":{"ö":"Ä-b","skip":1,"n":5e-324},"x\u00e9":"\ud800"}`,
	"{\"title\":\"bad \xff\xc3( \xe2\x82 \xed\xa0\x80 bytes\",\"k\xff\":1}",
	`{"amount":1e400,"country":"DE"}`,
	`{"zip":1e400,"num":"1e5","amount":1}`,
	`{"zip":` + strings.Repeat("9", 400) + `,"country":"DE"}`,
	`{"num":"abc","amount":1}`,
	`{"num":true,"new":false,"amount":1e-5,"country":" ","w":" 3 "}`,
	`{"w":-1,"amount":1}`,
	`{"w":{},"ts":[],"amount":1}`,
	`{"ts":"2023-02-29T00:00:00Z","when":true,"amount":1}`,
	`{"ts":"0000-03-01T00:00:00.9999Z","amount":1}`,
	`{"ts":2.6e14,"amount":1}`,
	`{"ts":"  ","when":"\t","amount":1}`,
	`{"label":{"x":1},"amount":2}`,
	`{"label":["x"],"amount":2,"label.z":3}`,
	`{"label":["x"],"label":["y"],"amount":2}`,
	`{"geo":5,"amount":1}`,
	`{"geo":[1,2,{"city":"a"}],"amount":"12","country":7}`,
	`{"amount":1e200,"geo":{"b":1e200},"country":"DE"}`,
	`{"amount":3,"b":4,"c":0,"d":"e"}`,
	`{"tags":["a","b","c"],"zip":"z","country":"DE","new":true,"geo":{"x":2}}`,
	`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13}`,
	`{"id":"d","geo":{"city":"a","x":1},"tags":[{"zip":7,"p":-2.5},null,{"k":{"l":["u","v"]}}],"pmf":[1,2],"arm":"DE"}`,
	`{"tags":[{"zip":7},{"zip":8}],"geo":{"x":1},"ids":["1",0.0]}`,
	`{"tags":[{"a":1},{"a":2}],"ids":["FR","1"],"geo":{"x":1,"x":2}}`,
	`{"tags":[{"a":1,"a":2},{"a":2},{}],"tags":[null,{"b":3,"a":1},{}],"geo":{"x":1}}`,
	`{"ids":[]}`, `{"ids":["DE","DE"]}`, `{"ids":["XX"]}`, `{"ids":[3]}`, `{"ids":[true]}`, `{"ids":[null]}`, `{"ids":[["DE"]]}`, `{"ids":"DE"}`, `{"ids":{"DE":1}}`, `{"ids":null,"tags":null}`,
	`{"tags":[]}`, `{"tags":[{},{}]}`, `{"tags":[{},{},{},{}]}`, `{"tags":[{},1,{}]}`, `{"tags":[{},{}],"ids":[0]}`, `{"tags":{"a":1}}`, `{"tags":"x"}`, `{"tags":7}`,
	`{"tags":[{"a":1,"b":2,"c":3,"d":4,"e":5},{},{}]}`, `{"tags":[{"a":1e400},{},{}],"geo":{"x":3}}`,
	`{}`, `[]`, ``, `{"a":01}`, `{"a":1.}`, `{"a":NaN}`, `{"a":1}x`, `{"a":"` + "\n" + `"}`, `{"a":1,}`, ` {"a" : -1.5E+2 } `,
	strings.Repeat(`{"a":`, 64) + `1` + strings.Repeat(`}`, 64),
	strings.Repeat(`{"a":`, 65) + `1` + strings.Repeat(`}`, 65),
}
