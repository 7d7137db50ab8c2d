//go:build !race

package model

const simulations = 1000
