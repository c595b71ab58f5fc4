package drift

import "fmt"

// LossClip says how Score bounds the loss and the gradient of an event, so that
// a single event cannot carry a block.
type LossClip uint8

const (
	// ClipQuantile bounds the magnitudes of loss and gradient at 4 times the
	// 99th percentile of the first tenth of the reference window. For any loss.
	ClipQuantile LossClip = iota
	// ClipLogistic bounds the loss at 4; the gradient of the logistic loss in
	// the margin is within [-1, 1] by itself.
	ClipLogistic
)

// ScoreConfig are the settings of Score. All thresholds count events.
type ScoreConfig struct {
	// FalseFreezeEvery is the average run length: on a stationary stream at
	// most one false alarm in so many armed events. Default 100,000. Smaller
	// finds drift sooner and alarms more often without cause.
	FalseFreezeEvery float64 `koanf:"false_freeze_every"`
	// Window is how many events calibrate a reference. Default 10,000; 2,000
	// are enough where successive events are independent.
	Window int `koanf:"window"`
	// Block is how many events are averaged into one observation, at least.
	// Default 25. Averages keep the false-alarm bound where successive events
	// depend on each other: where blocks do, calibration makes them twice or four
	// times as long. An alarm comes at the end of a block.
	Block int `koanf:"block"`
	// Loss is set by the program, from the loss that the model minimises.
	Loss LossClip `koanf:"-"`
}

const (
	minBlock, maxBlock = 10, 10_000
	minRefBlocks       = 40    // fewer measure the standard deviation of a block too badly
	maxRefBlocks       = 4_000 // bounds the memory of a calibration
	maxARL             = 1e15
)

// DefaultScoreConfig returns the defaults.
func DefaultScoreConfig() ScoreConfig {
	return ScoreConfig{FalseFreezeEvery: 100_000, Window: 10_000, Block: 25}
}

// Validate returns an error that names the key, the value and what is allowed.
func (c *ScoreConfig) Validate() error {
	switch {
	case c.Block < minBlock || c.Block > maxBlock:
		return fmt.Errorf("guard.block: %d: must be between %d and %d events", c.Block, minBlock, maxBlock)
	case c.Window < minRefBlocks*c.Block || c.Window > maxRefBlocks*c.Block:
		return fmt.Errorf("guard.window: %d: must be between %d and %d events (%d to %d blocks of guard.block = %d)",
			c.Window, minRefBlocks*c.Block, maxRefBlocks*c.Block, minRefBlocks, maxRefBlocks, c.Block)
	case !(c.FalseFreezeEvery >= float64(10*c.Block) && c.FalseFreezeEvery <= maxARL):
		return fmt.Errorf("guard.false_freeze_every: %v: must be between %d (10 blocks) and %g events", c.FalseFreezeEvery, 10*c.Block, maxARL)
	case c.Loss > ClipLogistic:
		return fmt.Errorf("drift: unknown loss clip %d", c.Loss)
	}
	return nil
}
