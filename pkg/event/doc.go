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
//	a libsvm feature                   its index        13
//	a Vowpal Wabbit feature            namespace^name, or name in the namespace without a name
//
// A numeric field has its number as value and is dense; every other feature is
// sparse, and has the value 1 unless the format gives one.
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
// The hashes of some names, to check a reader against:
//
//	amount        5b2d12cd16c20179
//	order.amount  d1797661725f40c2
//	country=DE    7ae3674c8475273f
//	café=☕        110075c7bcc5efb5
//
// # Decoders
//
// A Schema says which field is the label, the weight, the time and so on, and
// which fields are features. Each format has one decoder, in one file: JSON,
// CSV, LibSVM and VW. They share the Schema's rules, reuse their memory, and
// refuse a record with a *Rejection that says why. A decoder is not safe for
// concurrent use: every partition has its own.
package event
