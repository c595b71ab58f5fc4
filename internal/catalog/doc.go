// Package catalog maps the names that a configuration may use to constructors:
// models, decoders and detectors. Adding one is its own file and one line here.
package catalog
