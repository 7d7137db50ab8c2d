//go:build race

package wire

// raceEnabled tells that sync.Pool drops things at random, so that no bound
// holds on what is allocated.
const raceEnabled = true
