//go:build !race

package capacity

const simulations = 10 // of each server
