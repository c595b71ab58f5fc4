package main

import (
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

// progress shows how far a file or a topic has been read.
type progress struct {
	bar  *progressbar.ProgressBar // nil when there is nobody to see it
	next time.Time
}

// refresh is the time between two pictures.
const refresh = 100 * time.Millisecond

// newProgress returns the progress towards total bytes, -1 for an unknown
// number. Unless w is a terminal nothing is shown.
func newProgress(w io.Writer, what string, total int64) *progress {
	return startProgress(w, what, total, progressbar.OptionShowBytes(true))
}

// newSteps is newProgress for what is not counted in bytes.
func newSteps(w io.Writer, what string, total int64) *progress {
	return startProgress(w, what, total, progressbar.OptionShowCount())
}

func startProgress(w io.Writer, what string, total int64, count progressbar.Option) *progress {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return &progress{}
	}
	return &progress{bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), count,
		progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth(),
	)}
}

// set says how much has been read. It may be called for every record.
func (p *progress) set(done int64) {
	if p.bar == nil {
		return
	}
	if now := time.Now(); now.After(p.next) {
		p.next = now.Add(refresh)
		_ = p.bar.Set64(done) // a picture that cannot be drawn is no reason to stop
	}
}

// close removes the picture.
func (p *progress) close() {
	if p.bar != nil {
		_ = p.bar.Finish() // as in set
	}
}
