//go:build !linux

package main

import (
	"context"
	"errors"
)

func runInNamespace(context.Context) error {
	return errors.New("--loss needs Linux, whose netem loses the packets: leave it out")
}
