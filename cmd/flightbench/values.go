package main

import (
	"strconv"

	"flightbench/bench"
)

// bytesValue is a flag of bytes: 2097152, 2MiB, 64k.
type bytesValue int

func (v *bytesValue) Set(s string) error {
	n, err := bench.ParseCount(s)
	*v = bytesValue(n)
	return err
}
func (v *bytesValue) String() string { return strconv.Itoa(int(*v)) }
func (v *bytesValue) Type() string   { return "bytes" }

// bytes64Value is bytesValue for the engine's Config.
type bytes64Value int64

func (v *bytes64Value) Set(s string) error {
	n, err := bench.ParseCount(s)
	*v = bytes64Value(n)
	return err
}
func (v *bytes64Value) String() string { return strconv.FormatInt(int64(*v), 10) }
func (v *bytes64Value) Type() string   { return "bytes" }
