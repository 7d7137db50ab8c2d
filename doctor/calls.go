package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"flightbench/internal/target"
)

// verdict is what an answer says about a call.
type verdict string

const (
	has     verdict = "has"         // answered, also by an error about what was asked for
	lacks   verdict = "lacks"       // UNIMPLEMENTED
	refuses verdict = "refuses"     // UNAUTHENTICATED or PERMISSION_DENIED
	silent  verdict = "no answer"   // not in time
	down    verdict = "unavailable" // UNAVAILABLE, or the connection broke
	foreign verdict = "not gRPC"    // an answer that is not gRPC's
	skipped verdict = "skipped"     // it might write
)

// answer is how one call ended.
type answer struct {
	Verdict         verdict `json:"verdict"`
	Code            string  `json:"code,omitempty"`
	message         string
	header, trailer metadata.MD
}

type answers map[string]answer

// found is what calls have told besides that they exist.
type found struct {
	flights []*flight.FlightInfo
	more    bool // flights were left unread
	actions []*flight.ActionType
}

// nobody is a descriptor, ticket and action type that no server has.
const nobody = "flightbench.doctor"

// Bounds of what is listed.
const (
	maxFlights = 1000
	maxActions = 1000
	maxListed  = 64 << 20 // bytes
)

// collect receives up to most messages, and no more once they have maxListed bytes; more says that others may follow.
func collect[T proto.Message](recv func() (T, error), most int) (all []T, more bool, err error) {
	for size := 0; len(all) < most && size < maxListed; {
		m, err := recv()
		if errors.Is(err, io.EOF) {
			return all, false, nil
		}
		if err != nil {
			return all, false, err
		}
		all = append(all, m)
		size += proto.Size(m)
	}
	return all, true, nil
}

// callAll makes every call at the same time.
func callAll(ctx context.Context, l *link, writes bool) (answers, found) {
	all := make([]answer, len(methods))
	var f found // each call sets fields of its own
	var wg sync.WaitGroup
	for i, m := range methods {
		if m.writes && !writes {
			all[i].Verdict = skipped
			continue
		}
		wg.Go(func() {
			ctx, cancel := context.WithCancel(ctx) // ends streams that were not read out
			defer cancel()
			a := &all[i]
			var header, trailer metadata.MD
			var ended atomic.Bool // they are set by then, and not of calls that are left unread
			err := m.call(ctx, l, &f, grpc.Header(&header), grpc.Trailer(&trailer), grpc.OnFinish(func(error) { ended.Store(true) }))
			if ended.Load() {
				a.header, a.trailer = header, trailer
			}
			a.judge(ctx, err)
		})
	}
	wg.Wait()
	out := answers{}
	for i, m := range methods {
		out[m.name] = all[i]
	}
	if a := out["DoAction"]; a.Verdict == lacks && len(f.actions) > 0 { // it means the type
		a.Verdict = has
		out["DoAction"] = a
	}
	return out, f
}

// judge says what err means, which ended a call with ctx.
func (a *answer) judge(ctx context.Context, err error) {
	if err == nil || errors.Is(err, io.EOF) {
		a.Verdict, a.Code = has, target.CodeName(codes.OK)
		return
	}
	s := status.Convert(err)
	a.Code, a.message = target.CodeName(s.Code()), s.Message()
	switch c := s.Code(); {
	case ctx.Err() != nil, c == codes.DeadlineExceeded: // the server may notice the deadline before we do
		a.Verdict = silent
	case c == codes.Unimplemented && strings.Contains(s.Message(), nobody): // what was asked for is not there, but somebody looked
		a.Verdict = has
	case c == codes.Unimplemented:
		a.Verdict = lacks
	case c == codes.Unauthenticated, c == codes.PermissionDenied:
		a.Verdict = refuses
	case strings.Contains(s.Message(), "is no gRPC response"):
		a.Verdict = foreign
	case c == codes.Unavailable:
		a.Verdict = down
	default:
		a.Verdict = has
	}
}

// with lists the calls of a verdict, in the order of methods.
func (as answers) with(v verdict) []string {
	var names []string
	for _, m := range methods {
		if as[m.name].Verdict == v {
			names = append(names, m.name)
		}
	}
	return names
}

// serveNothing tells whether all calls that data needs are missing.
func (as answers) serveNothing() bool {
	for _, m := range []string{"GetFlightInfo", "DoGet", "DoPut", "DoExchange", "DoAction"} {
		if v := as[m].Verdict; v != lacks && v != skipped {
			return false
		}
	}
	return true
}

// open tells whether a call but Handshake is answered.
func (as answers) open() bool {
	return slices.ContainsFunc(as.with(has), func(m string) bool { return m != "Handshake" })
}

// answered tells whether the server answers calls at all, so that it is worth while to make more.
func (x *examiner) answered() bool { return x.calls.open() }

// listCalls tells which calls the server has.
func (x *examiner) listCalls(ctx context.Context) {
	as := x.calls
	have := as.with(has)
	level, advice := OK, ""
	var parts []string
	if len(have) > 0 {
		parts = append(parts, "has "+strings.Join(have, ", "))
	}
	for _, v := range []struct {
		verdict verdict
		words   string
	}{{lacks, "not implemented: "}, {refuses, "refused: "}, {silent, "no answer in " + span(x.o.Timeout) + ": "}, {down, "unavailable: "}, {foreign, "answered, but not by gRPC: "}, {skipped, "skipped, since they may write: "}} {
		if names := as.with(v.verdict); len(names) > 0 {
			parts = append(parts, v.words+strings.Join(names, ", "))
		}
	}
	switch {
	case len(as.with(silent)) > 0:
		level, advice = Problem, "look at what the server waits for: a lock, a full thread pool, something behind it"
	case len(as.with(foreign)) > 0:
		level, advice = Problem, "check the port, and a proxy's route for gRPC"
		parts = append(parts, "an HTTP server or a proxy answers there"+x.quote(as[as.with(foreign)[0]].message))
	case len(as.with(down)) > 0:
		level, advice = Problem, "look at the server's log"
		parts[len(parts)-1] += x.quote(as[as.with(down)[0]].message)
	case len(have) == 0 && len(as.with(refuses)) == 0 || as.serveNothing():
		level, advice = Problem, "this gRPC server has no Flight service worth the name: check the port, and that the service is registered"
	case !as.open() && len(as.with(refuses)) > 0:
		level = Info // the credentials are what is wrong, and were told
	case len(as.with(skipped)) > 0:
		advice = "--write-probe opens DoPut and DoExchange too, without sending data"
	}
	x.add(level, strings.Join(parts, "; "), advice, as)
}

// listActions tells the actions that ListActions told.
func (x *examiner) listActions(context.Context) {
	if x.calls["ListActions"].Verdict != has {
		return // the calls have been told
	}
	names := []string{}
	for _, a := range x.found.actions {
		names = append(names, x.clip(a.GetType(), 60))
	}
	if len(names) == 0 {
		x.add(Info, "none listed", "", names)
		return
	}
	x.add(Info, count(len(names), "action")+": "+some(names, 12), "", names)
}

// some joins the first n of names, fewer if they are long, and counts the others.
func some(names []string, n int) string {
	const room = 200
	n = min(n, len(names))
	for used, i := 0, 0; i < n; i++ {
		if used += utf8.RuneCountInString(names[i]) + 2; used > room {
			n = max(i, 1)
		}
	}
	if n == len(names) {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}
