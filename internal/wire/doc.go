// Package wire moves Flight data without copies: it encodes record batches to
// FlightData messages whose bodies stay the batches' own buffers, and takes
// received messages apart in the frames they arrived in.
//
// A stream is written by a [Writer] from [Prepared] messages and read by a
// [Reader], both over the SendMsg and RecvMsg of a grpc.ClientStream or
// grpc.ServerStream. Three transports carry them (see [Transport]); for Direct
// and GRPC the same message types are used:
//
//   - sending, a message is a small prefix built for it (protobuf tags, IPC
//     header, application metadata) followed by the prepared body pieces;
//   - receiving, one incremental parser (see [Sink]) counts bodies where they
//     lie, or lands each once in a pooled, 64-byte aligned buffer.
//
// Sources: Arrow's format/Flight.proto, format/Message.fbs, format/Schema.fbs
// and docs/source/format/Columnar.rst.
//
// Nothing received is trusted: every length is checked against what arrived,
// and what a message may decompress to is bounded (see [Limits]).
package wire
