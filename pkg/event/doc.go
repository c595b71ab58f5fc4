// Package event is the vocabulary of streamlearner: the decoded Event, the
// Step a model takes on it, and the decoders that turn records into events.
//
// # Features and their hashes
//
// Every feature has a name, and its identity is the 64-bit xxHash (XXH64, seed
// 0) of the UTF-8 bytes of that name. A model with b bits keeps the feature in
// slot hash & (1<<b - 1). A reader in any language that follows these rules can
// score with a published model.
//
// A field has a path. At the top of a record it is the field's key, or the name
// of a column; below, the keys from the outside in, joined by dots. An element
// of an array has its index, from 0, as key. Names are made so:
//
//	a numeric field                    path             order.amount, items.0.price
//	a string                           path=value       country=DE
//	a boolean                          path=true/false  new=true
//	a string or boolean of an array    path=value       tags=sale (the array's path, without the index)
//	a number listed as categorical     path=text        zip=10115
//	a word of a text                   path=word        title=new
//	successive words of a text         path=word word   title=new york
//	an absent field                    path?            income?
//	a time's place in the day          path#hour_sin, path#hour_cos
//	a time's place in the week         path#weekday_sin, path#weekday_cos
//	a libsvm feature                   its index        13
//	a Vowpal Wabbit feature            namespace^name, or name in the namespace without a name
//
// A numeric field has its number as value, or sign(x) log(1+|x|) of the number x
// when Schema.Log1p lists it, and is dense, as are the four features of a time;
// every other feature is sparse, and has the value 1 unless the format gives
// one.
//
// The text of a number listed as categorical is the number as ECMAScript writes
// it: the shortest decimal that reads back as the same 64-bit float, without
// exponent from 1e-6 up to below 1e21, else as in 1e-7 and 1e+21. So 7, 7.0 and
// 7e0 are one category. Only a number written as digits alone (with a minus
// sign or not) keeps these digits, so that long identifiers, which a float
// would round, stay distinct.
//
// The field of a feature, Feature.Field, is the low 32 bits of the hash of its
// path: of "country" for country=DE, and of an array's path for the elements of
// a bag. In Vowpal Wabbit's text it is that of the namespace, the empty name
// included; in libsvm it is 0.
//
// Names are not escaped: {"a":{"b":1}} and {"a.b":1} have the same feature.
//
// # Words, times and products
//
// The words of a text (Schema.Text) are its longest runs of code points of the
// Unicode categories L, M and Nd, each code point in its simple lower case; what
// is not UTF-8 separates. Up to Schema.Ngrams successive words are a feature too,
// with one space between them. A text gives each of its features once, with the
// value 1. In an array each string is a text. A language that writes no spaces
// between words needs them put there.
//
// The time of day is an angle that grows from 0 to 2 pi from midnight to
// midnight, UTC, and that of the week from Monday's midnight on; the features
// are their sines and cosines.
//
// A product (Schema.Cross) has the hash of the hashes of its 2 to 4 features, as
// 8 bytes each, little endian, in ascending order of the hashes as unsigned
// numbers. So it depends neither on the order of fields in the record nor on
// that in the configuration. Its value is the product of the values as the
// features have them, not standardised, multiplied in the same order; it is
// sparse, and left out when 0. Its field is the sum of their fields modulo 2^32.
// Features of absent fields and of times have no products.
//
// The hashes of some names, to check a reader against:
//
//	amount          5b2d12cd16c20179
//	order.amount    d1797661725f40c2
//	country=DE      7ae3674c8475273f
//	café=☕          110075c7bcc5efb5
//	title=new york  ca3aa935d820ac06
//	income?         d2e6ee5b59ab88a2
//	ts#hour_sin     bc8d62dfb6492c3e
//
// and that of the product of country=DE and amount: acbecafa93755344.
//
// # Decoders
//
// A Schema says which field is the label, the weight, the time and so on, and
// which fields are features. Each format has one decoder, in one file: JSON,
// CSV, LibSVM and VW. They share the Schema's rules, reuse their memory, and
// refuse a record with a *Rejection that says why. A decoder is not safe for
// concurrent use: every partition has its own.
package event
