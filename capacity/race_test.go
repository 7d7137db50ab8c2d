//go:build race

package capacity

// simulations are few where the race detector makes each of them slow: there is
// nothing concurrent to find.
const simulations = 1
