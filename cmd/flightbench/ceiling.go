package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flightbench/bench"
)

// ceilingVerb measures what the flags say, with all of its ceilings.
var ceilingVerb = verb{name: "ceiling", suite: "ceiling", begin: beginCeiling, omit: []string{"rps", "rate", "schedule", "arrival", "cancel-after", "provoke"}}

func ceilingCommand() *cobra.Command {
	return ceilingVerb.command(&cobra.Command{
		Use:   "ceiling [[NAME=]URI...]",
		Short: "measure what the same bytes do without Flight",
		Long: `Measures a Flight operation, and in the same rounds what its bytes do with less on their way: a memory copy, a plain socket, TLS,
gRPC with opaque bytes, IPC encoding and decoding, the codec alone. The ladder tells what each of them costs. The other end of the socket
and of gRPC is flightbench's own server, the embedded one or ` + "`flightbench serve`" + ` behind a URI; of another server the rungs without
a network are measured, and the others named. docs/ceilings.md explains the figures.`,
		Example: `  flightbench ceiling
  flightbench ceiling --op get --rows 4096 --tls on -c 4 --connections 2
  flightbench ceiling grpc://db.example:31337 --op exchange --compression zstd --decode batch
  flightbench run -f batch-size --ceiling`,
	})
}

func beginCeiling(*pflag.FlagSet) measurer {
	return measurer{complete: withCeilings}
}

// beginRun gives run the flag that adds ceilings.
func beginRun(f *pflag.FlagSet) measurer {
	ceiling := false
	f.BoolVar(&ceiling, "ceiling", false, "measure in the same rounds what the bytes do without Flight: flightbench help ceiling")
	return measurer{complete: func(p *bench.Plan) error {
		if !ceiling {
			return nil
		}
		return withCeilings(p)
	}}
}

// withCeilings adds the rungs of p's ladders to it.
func withCeilings(p *bench.Plan) error {
	if err := bench.AddCeilings(p); err != nil {
		return err
	}
	return p.CheckUntil() // there are more trials in a round
}
