package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"flightbench/bench"
)

// checkEmpty refuses flags that were given without a text, as by a variable of
// the shell that is not set: they are not to be taken for flags left out.
func checkEmpty(f *pflag.FlagSet) (err error) {
	f.Visit(func(fl *pflag.Flag) {
		if err == nil && fl.Value.Type() == "string" && fl.Value.String() == "" {
			err = fmt.Errorf("--%s is empty: give it a value, or leave it out", fl.Name)
		}
	})
	return err
}

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
