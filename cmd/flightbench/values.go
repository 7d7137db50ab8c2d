package main

import (
	"strconv"

	"flightbench/bench"
)

// bytesFlag is a flag of bytes, 2097152, 2MiB or 64k, that sets what it points to.
type bytesFlag[T int | int64] struct{ to *T }

// bytesOf makes a flag of the field at to, whose value is the default.
func bytesOf[T int | int64](to *T) bytesFlag[T] { return bytesFlag[T]{to} }

func (v bytesFlag[T]) Set(s string) error {
	n, err := bench.ParseCount(s)
	*v.to = T(n)
	return err
}
func (v bytesFlag[T]) String() string { return strconv.FormatInt(int64(*v.to), 10) }
func (v bytesFlag[T]) Type() string   { return "bytes" }
