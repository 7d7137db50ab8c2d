// Package workloads makes what a benchmark sends: record batches that are the
// same on every machine, sized by rows or by bytes, as compressible as asked,
// and able to check what came back.
//
// A [Spec] says what is wanted, [Generate] turns it into a [Set] of distinct
// batches that a stream sends in rotation, and [Set.Verify] compares a received
// batch with the one that was sent. A [Ticket] carries a Spec over the wire, so
// that a server can make the very batches that its client expects.
//
// The package is a leaf: of Arrow it needs arrays, IPC and Parquet files; it
// knows neither gRPC nor Flight. It prints nothing, and has no state.
package workloads
