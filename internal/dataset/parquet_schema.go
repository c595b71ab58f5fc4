package dataset

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// newRowObject compiles the schema of a file.
func newRowObject(file *parquet.File) (*rowObject, error) {
	c := compiler{}
	for _, e := range file.Metadata().Schema {
		if e.Type.Valid {
			c.leaves = append(c.leaves, e)
		}
	}
	fields, err := c.group(file.Schema().Fields(), 0, 0)
	if err != nil {
		return nil, err
	}
	return &rowObject{fields: fields, next: make([]int, c.leaf), end: make([]int, c.leaf)}, nil
}

// compiler makes columns of the nodes of a schema.
type compiler struct {
	leaves []format.SchemaElement
	leaf   int // next leaf column
}

// group compiles the fields of a group whose levels are def and rep.
func (c *compiler) group(fields []parquet.Field, def, rep int) ([]*column, error) {
	var out []*column
	for _, f := range fields {
		col, err := c.column(f, def, rep)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name(), err)
		}
		if col.last > col.first { // a group without leaves has no values
			out = append(out, col)
		}
	}
	return out, nil
}

// column compiles a node in a group whose levels are def and rep.
func (c *compiler) column(n parquet.Field, def, rep int) (*column, error) {
	col := &column{key: append(appendString(nil, []byte(n.Name())), ':'), first: c.leaf, optional: n.Optional()}
	if n.Optional() || n.Repeated() {
		def++
	}
	if n.Repeated() {
		rep++
		col.shape = shapeList
	}
	col.def, col.rep = def, rep
	var err error
	if n.Leaf() {
		col.append, err = appenderOf(n.Type(), &c.leaves[c.leaf])
		c.leaf++
	} else {
		err = c.content(col, n)
	}
	col.last = c.leaf
	return col, err
}

// content compiles what is in a group.
func (c *compiler) content(col *column, n parquet.Field) (err error) {
	fields := n.Fields()
	only := len(fields) == 1 && fields[0].Repeated()
	switch logical(n.Type()).(type) {
	case *format.ListType:
		if only {
			return c.list(col, fields[0], n.Name())
		}
	case *format.MapType:
		if only && len(fields[0].Fields()) == 2 && fields[0].Fields()[0].Leaf() {
			return c.mapping(col, fields[0])
		}
	case *format.VariantType:
		return errors.New("is a Variant, which is not supported; write its parts as columns of their own")
	}
	col.fields, err = c.group(fields, col.def, col.rep)
	return err
}

// list makes the value of col the list in its repeated child. The elements are
// the only field of the child or, by the rules for older files, the child itself
// (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists).
func (c *compiler) list(col *column, child parquet.Field, name string) error {
	elements, err := c.column(child, col.def, col.rep)
	if err != nil {
		return err
	}
	if len(elements.fields) == 1 && child.Name() != "array" && child.Name() != name+"_tuple" {
		elements.wrapper = true
	}
	col.wrapper, col.fields = true, []*column{elements}
	return nil
}

// mapping makes the value of col the map in its repeated child.
func (c *compiler) mapping(col *column, child parquet.Field) error {
	pairs, err := c.column(child, col.def, col.rep)
	if err != nil {
		return err
	}
	if len(pairs.fields) == 2 {
		pairs.shape = shapeMap
	}
	col.wrapper, col.fields = true, []*column{pairs}
	return nil
}

// logical returns the logical type of t, nil when it has none.
func logical(t parquet.Type) format.LogicalTypeValue {
	if l := t.LogicalType(); l != nil {
		return l.Value
	}
	return nil
}
