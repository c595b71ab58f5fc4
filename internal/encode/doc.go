// Package encode puts state in front of a model that the stateless decoder cannot
// have: what is known of categories by their labels and their numbers (target and
// count encodings), which sparse features came often enough to be learned, and
// which did not come for so long that their weights are dropped.
//
// A Model here is a model around another one, the inner. It changes the features
// of an event on the way in:
//
//	categories  ->  dense features, see table
//	sparse features seen too rarely  ->  left out, see sketch
//
// and after the inner model has learned the event it learns the event itself. So
// all that an event is encoded with comes from earlier events: no label leaks into
// its own features. What the inner model refuses changes nothing here either.
//
// References see the encodings as they were when the reference was frozen, and all
// sparse features: one that had no weight then has none in them. So a reference is a
// function of the event alone. A weight that expires stays in references.
//
// State, published model and hash of the parameters are one envelope that holds
// that of the inner model, so that readers compute the same features.
package encode
