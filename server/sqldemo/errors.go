package sqldemo

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/server/sqldemo/internal/sqlite"
)

// errShut answers calls that come after Close, or that it ends.
var errShut = status.Error(codes.Unavailable, "the SQL demo is shutting down")

// explain makes a gRPC status of err, in the statement's terms. A status stays as
// it is, and nil nil.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(context.Cause(ctx), errShut) {
		return errShut
	}
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	switch e.Code {
	case sqlite.Busy:
		return status.Error(codes.Aborted, "the transaction has read what another has changed since: roll it back and begin again")
	case sqlite.Locked:
		return status.Errorf(codes.FailedPrecondition, "%s: read the transaction's other results to their end first", e.Msg)
	case sqlite.Full:
		return status.Error(codes.ResourceExhausted, "the demo's database is full: drop a table, or delete rows")
	case sqlite.NoMemory:
		return status.Error(codes.ResourceExhausted, "SQLite has no memory for the statement")
	case sqlite.Constraint:
		code := codes.FailedPrecondition
		if strings.HasPrefix(e.Msg, "UNIQUE") {
			code = codes.AlreadyExists
		}
		return status.Error(code, e.Msg)
	case sqlite.Auth:
		return status.Errorf(codes.PermissionDenied,
			"%s: the demo takes transactions as Flight SQL actions only, and has no temporary objects, no other files and no settings to change", e.Msg)
	case sqlite.Generic, sqlite.TooBig, sqlite.Mismatch:
		code := codes.InvalidArgument
		if strings.HasPrefix(e.Msg, "no such table") {
			code = codes.NotFound
		}
		return status.Error(code, e.Msg)
	}
	return status.Errorf(codes.Internal, "SQLite failed with code %d: %s", e.Extended, e.Msg)
}
