package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"flightbench/bench"
	"flightbench/internal/target"
	"flightbench/results"
)

// inNamespace holds, in the environment of a flightbench that has a network
// namespace of its own, the name of the one that it was started from.
const inNamespace = "FLIGHTBENCH_NETWORK_NAMESPACE"

// ownNamespace names the network namespace of this process, see namespaces(7).
const ownNamespace = "/proc/self/ns/net"

// loses tells whether any of configs asks for packets to be lost.
func loses(configs []results.Config) bool {
	return slices.ContainsFunc(configs, func(c results.Config) bool { return c.Loss > 0 })
}

// checkLoss refuses what cannot be measured in a network namespace, which has
// no way out.
func (s *serverFlags) checkLoss(configs []results.Config) error {
	if loses(configs) && len(s.targets) > 0 {
		return errors.New("--loss has the kernel lose packets of a network of its own, in which --target is out of reach: measure the embedded server, or have flightbench start yours by --server-cmd")
	}
	return nil
}

// lossy has the kernel's netem imitate what each Config asks for before the
// Config is measured. Client and server share the loopback device of a network
// namespace, so every packet passes netem once.
type lossy struct{ bench.Targets }

func (l lossy) Resolve(ctx context.Context, c results.Config) (target.Target, error) {
	args := netem(c)
	out, err := exec.CommandContext(ctx, "tc", args...).CombinedOutput()
	if err != nil {
		return target.Target{}, fmt.Errorf("--loss needs the kernel's netem: tc %s: %w: %s", strings.Join(args, " "), err, strings.Join(strings.Fields(string(out)), " "))
	}
	return l.Targets.Resolve(ctx, c)
}

// netem is the command line of tc(8), after tc, for c: see tc-netem(8). Without
// loss the connections of c imitate the network by themselves.
func netem(c results.Config) []string {
	if c.Loss == 0 {
		return strings.Fields("qdisc replace dev lo root pfifo limit 1000")
	}
	const packet = 1500
	oneWay := time.Duration(c.RTT / 2 * float64(time.Second))
	// What does not fit is lost as well: twice what is under way at 10 Gbit/s or the asked bandwidth.
	rate := c.Bandwidth
	if rate == 0 {
		rate = 10e9 / 8
	}
	queue := 1000 + int(2*rate*oneWay.Seconds()/packet)
	args := append(strings.Fields("qdisc replace dev lo root netem"), "limit", strconv.Itoa(queue))
	if oneWay > 0 {
		args = append(args, "delay", strconv.FormatInt(oneWay.Microseconds(), 10)+"us")
	}
	args = append(args, "loss", strconv.FormatFloat(c.Loss*100, 'f', -1, 64)+"%")
	if c.Bandwidth > 0 {
		args = append(args, "rate", strconv.FormatInt(int64(c.Bandwidth*8), 10)+"bit")
	}
	return args
}

// shaped runs this command line in a network namespace of its own where configs
// ask for a lossy network, after leave, which lets go of what the other process
// needs. It tells whether the command line was run there.
func shaped(ctx context.Context, configs []results.Config, leave func() error) (ran bool, err error) {
	if !loses(configs) {
		return false, nil
	}
	if outer := os.Getenv(inNamespace); outer != "" {
		if own, err := os.Readlink(ownNamespace); err != nil || own == outer || !strings.HasPrefix(outer, "net:[") {
			return true, failed(fmt.Errorf("%s is set, and this is no network that flightbench made for itself, so --loss must not lose its packets: unset it", inNamespace))
		}
		return false, failed(bringUp(ctx))
	}
	if err := leave(); err != nil {
		return true, failed(err)
	}
	return true, failed(runInNamespace(ctx))
}

// bringUp readies the loopback device of this namespace, with the packets of a
// wide-area network.
func bringUp(ctx context.Context) error {
	for _, line := range [][]string{
		strings.Fields("ip link set dev lo up mtu 1500 gso_max_segs 1"),
		append([]string{"tc"}, netem(results.Config{Loss: 0.001})...),
	} {
		if out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("--loss needs ip(8), tc(8) and the kernel's netem (sch_netem): %s: %w: %s", strings.Join(line, " "), err, strings.Join(strings.Fields(string(out)), " "))
		}
	}
	return nil
}
