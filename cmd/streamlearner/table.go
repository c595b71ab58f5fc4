package main

import (
	"io"
	"os"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// newTable returns an empty table with these column headings.
func newTable(columns ...string) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Box.PaddingLeft = ""
	style.Box.PaddingRight = "  "
	style.Format = table.FormatOptions{Header: text.FormatDefault, Row: text.FormatDefault}
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	row := make(table.Row, len(columns))
	for i, c := range columns {
		row[i] = c
	}
	t.AppendHeader(row)
	return t
}

// rightAligned is a column of numbers; columns count from 1.
func rightAligned(column int) table.ColumnConfig {
	return table.ColumnConfig{Number: column, Align: text.AlignRight, AlignHeader: text.AlignRight}
}

// nameRoom is how many characters a name may take beside columns of others;
// 0 for any number, where the output is no terminal.
func nameRoom(w io.Writer, others int) int {
	width := terminalWidth(w)
	if c, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && c > 0 {
		width = c
	}
	if width == 0 {
		return 0
	}
	return max(fewestOfName, width-others)
}

// cutName leaves out the middle of a name that takes more than room; 0 for no bound.
func cutName(name string, room int) string {
	r := []rune(name)
	if room == 0 || len(r) <= room {
		return name
	}
	head := (room - 1) * 2 / 3
	return string(r[:head]) + "…" + string(r[len(r)-(room-1-head):])
}
