package results

import (
	"slices"
	"strings"
)

// The rungs of a ladder of ceilings: operations that move the bytes of a Flight
// operation with less on their way, so that each tells what the rest costs. All
// but RungCopy, RungEncode and RungDecode are followed by a colon and the way of
// the bytes, as in ceiling:socket:get; of RungCodec a put compresses, a get
// decompresses.
const (
	RungPrefix = "ceiling:"
	RungCopy   = RungPrefix + "copy"   // memory copy of the bodies
	RungSocket = RungPrefix + "socket" // bytes of bodies through a socket
	RungTLS    = RungPrefix + "tls"    // the same with TLS
	RungGRPC   = RungPrefix + "grpc"   // gRPC messages of opaque bytes
	RungEncode = RungPrefix + "encode" // IPC encoding alone
	RungDecode = RungPrefix + "decode" // IPC decoding alone
	RungCodec  = RungPrefix + "codec"  // compressing or decompressing alone
)

// StatusUnavailable is of a rung that the server cannot answer, which is no
// failure: Trial.Error says why.
const StatusUnavailable = "unavailable"

// Rung is the rung that c measures, and the way of its bytes, which may be
// empty; ok is false where c is no rung.
func (c Config) Rung() (name, way string, ok bool) {
	rest, ok := strings.CutPrefix(c.Op, RungPrefix)
	if !ok {
		return "", "", false
	}
	rest, way, _ = strings.Cut(rest, ":")
	return RungPrefix + rest, way, true
}

// WithoutRungs are the trials that are no rungs.
func WithoutRungs(trials []*Trial) []*Trial {
	return slices.DeleteFunc(slices.Clone(trials), func(t *Trial) bool { return strings.HasPrefix(t.Config.Op, RungPrefix) })
}

// rungsOf are the trials that are rungs which the server has.
func rungsOf(trials []*Trial) []*Trial {
	return slices.DeleteFunc(slices.Clone(trials), func(t *Trial) bool {
		return !strings.HasPrefix(t.Config.Op, RungPrefix) || t.Status == StatusUnavailable
	})
}

// ways are the operations that have a ladder, and how their bytes go.
var ways = map[string]string{"get": "get", "put": "put", "exchange": "exchange", "ingest": "put"}

// NoRungs says why c has no ladder; "" where it has one.
func (c Config) NoRungs() string {
	switch _, moves := ways[c.Op]; {
	case !moves:
		return "it moves no batches that flightbench knows"
	case c.Path != "" || c.Cmd != "" || c.Ticket != "" || c.SQL != "":
		return "its batches are the server's own, which flightbench does not know"
	case c.Open():
		return "its load is asked for, and a ceiling is what a closed loop reaches"
	case c.CancelAfter != "" || c.Provoke != "":
		return "its streams are made to fail"
	}
	return ""
}

// Rungs are the Configs of the ladder of c, in the order of the ladder; none
// where NoRungs has a reason. What does not matter to a rung has a fixed value
// in its Config, so that Configs that share a rung have it once. Where c is as a
// trial resolved it, so are they.
func (c Config) Rungs() (out []Config) {
	if c.NoRungs() != "" {
		return nil
	}
	way := ways[c.Op]
	local, remote := c.rungHere(), c.rungThere()
	add := func(base Config, op string) { base.Op = op; out = append(out, base) }

	add(local, RungCopy)
	socket := remote
	socket.Transport, socket.ServerTransport, socket.Concurrency = "direct", "", c.Connections
	socket.Headers, socket.Middleware, socket.Decode = 0, 0, ""
	socket.Window, socket.ConnWindow, socket.ReadBuffer, socket.WriteBuffer, socket.MaxFrame = 0, 0, 0, 0, 0
	plain := socket
	plain.TLS, plain.TLSMin, plain.TLSSkipVerify = "off", "", false
	add(plain, RungSocket+":"+way)
	if c.TLS != "off" {
		add(socket, RungTLS+":"+way)
	}
	add(remote, RungGRPC+":"+way)
	if c.Transport == "stock" { // whose encoder and decoder are arrow-go's
		local.Transport = "stock"
	}
	add(local, RungEncode)
	decode := local
	if decode.Decode = c.Decode; c.Transport == "stock" && c.Decode == "count" {
		decode.Decode = "batch" // it knows no other way
	}
	add(decode, RungDecode)
	if c.Compression != "none" {
		local.Transport = ""
		if way != "get" {
			add(local, RungCodec+":put")
		}
		if way != "put" {
			add(local, RungCodec+":get")
		}
	}
	return out
}

// rungHere is what matters to a rung without a network. It has no target.
func (c Config) rungHere() Config {
	return Config{
		Workload: c.Workload, Rows: c.Rows, BatchBytes: c.BatchBytes, Entropy: c.Entropy, Distinct: c.Distinct, Seed: c.Seed, Compression: c.Compression,
		Concurrency: c.streams(), Connections: 1, Total: c.Total, Duration: c.Duration, Warmup: c.Warmup, MaxMessage: c.MaxMessage, GOMAXPROCS: c.GOMAXPROCS,
	}
}

// rungThere is c without what does not matter to any rung that goes to the
// server.
func (c Config) rungThere() Config {
	c.Concurrency, c.Endpoints = c.streams(), 1
	c.PutAck, c.Request, c.Table, c.IngestMode, c.Params, c.Location = "", "", "", "", "", ""
	c.Transaction, c.Poll, c.Ordered = false, false, false
	c.Timeout, c.Stall = 0, 0
	if c.Decode != "count" || c.Transport == "stock" {
		c.Decode = "batch" // landed in memory
	}
	return c
}

// streams is how many streams of batches are in flight at a time.
func (c Config) streams() int {
	if c.Ordered || c.Op != "get" {
		return c.Concurrency
	}
	return c.Concurrency * max(c.Endpoints, 1)
}

// rungKey identifies a rung. Where a server that is not ours left open how many
// batches rotate, and so how many a stream has, or how large they are, any will
// do.
func (c Config) rungKey(distinct, rows bool) string {
	if !distinct {
		c.Distinct, c.Batches = 0, 0
	}
	if !rows {
		c.Rows = 0
	}
	return c.Key()
}
