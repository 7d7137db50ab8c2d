package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"flightbench/results"
)

// The operations that move batches of a workload.
const (
	OpGet      = "get"
	OpPut      = "put"
	OpExchange = "exchange"
	OpIngest   = "ingest"
)

// opAction begins the operations action:NAME and action:NAME:BODY.
const opAction = "action:"

// operation is what the slots of a trial do again and again, an iteration a
// call of run. One value serves all slots at a time: what an iteration knows
// lives in run, what a slot keeps in the slot.
type operation interface {
	run(ctx context.Context, s *slot) error
}

// opKind is a kind of operation.
type opKind struct {
	name, doc string
	latencies []metric // what it can record; nothing else is kept
	primary   metric   // shown while it runs
	calls     bool     // it moves no batches: calls are counted, not bytes
	rung      bool     // of a ladder of ceilings: see results.Config.Rungs
	alone     bool     // it needs no server
	// setUp makes the operation of a trial whose connections are there. What it
	// returns is released with the trial if it is an io.Closer.
	setUp func(ctx context.Context, t *trial) (operation, error)
}

// opKinds lists what --op takes, in the order in which help names it.
var opKinds []opKind

func init() { // not a literal: the kinds' set-up functions look themselves up
	opKinds = slices.Concat(dataKinds(), callKinds(), sqlKinds(), ceilingKinds())
}

// kindOf is the kind of the operation called op.
func kindOf(op string) (opKind, error) {
	name := op
	if rung, _, ok := (results.Config{Op: op}).Rung(); ok {
		name = rung
	}
	if strings.HasPrefix(op, opAction) {
		name = opAction + "NAME"
		if rest, _, _ := strings.Cut(op[len(opAction):], ":"); rest == "" {
			return opKind{}, fmt.Errorf("--op %q names no action: write action:NAME or action:NAME:BODY", op)
		}
	}
	i := slices.IndexFunc(opKinds, func(k opKind) bool { return k.name == name })
	if i < 0 {
		return opKind{}, fmt.Errorf("--op %q is unknown: use %s", op, strings.Join(OperationNames(), ", "))
	}
	return opKinds[i], nil
}

// OperationNames lists what Config.Op may be; action:NAME stands for any. Rungs
// are not among them: AddCeilings makes their Configs.
func OperationNames() []string {
	var names []string
	for _, k := range opKinds {
		if !k.rung {
			names = append(names, k.name)
		}
	}
	return names
}
