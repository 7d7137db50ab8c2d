package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// sessionCookie is the name that Arrow's C++ and Go servers use.
const sessionCookie = "arrow_flight_session_id"

// Bounds of the sessions, since anybody may begin one.
const (
	maxSessions    = 4096     // the oldest goes first
	maxOptions     = 256      // of a session
	maxOptionName  = 256      // bytes
	maxOptionBytes = 64 << 10 // of all options of a session
)

// options are those of one session by name; never changed in place.
type options map[string]*flight.SessionOptionValue

// sessions are kept by the value of their cookie. Safe for concurrent use; the
// zero value is ready.
type sessions struct {
	mu   sync.Mutex
	byID map[string]options
	ids  []string // oldest first; may hold some that were closed
}

// of returns the session of a call's cookie.
func (s *sessions) of(ctx context.Context) (id string, o options, ok bool) {
	for _, line := range metadata.ValueFromIncomingContext(ctx, "cookie") {
		cookies, err := http.ParseCookie(line)
		if err != nil {
			continue // what is no cookie is no session
		}
		for _, c := range cookies {
			if c.Name != sessionCookie {
				continue
			}
			s.mu.Lock()
			o, ok = s.byID[c.Value]
			s.mu.Unlock()
			if ok {
				return c.Value, o, true
			}
		}
	}
	return "", nil, false
}

// begin makes a session and has the answer set its cookie.
func (s *sessions) begin(ctx context.Context) (id string, err error) {
	id = rand.Text()
	s.mu.Lock()
	if s.byID == nil {
		s.byID = make(map[string]options)
	}
	s.byID[id] = nil
	if s.ids = append(s.ids, id); len(s.ids) > maxSessions {
		delete(s.byID, s.ids[0])
		s.ids = s.ids[1:]
	}
	s.mu.Unlock()
	return id, setCookie(ctx, id, 0)
}

// setCookie sets it for maxAge seconds: 0 is for as long as the client runs, -1
// takes it away.
func setCookie(ctx context.Context, id string, maxAge int) error {
	c := http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, MaxAge: maxAge}
	return grpc.SetHeader(ctx, metadata.Pairs("set-cookie", c.String()))
}

// greet is the hook that gives every client a session.
func (s *sessions) greet(ctx context.Context, _ string) error {
	if _, _, ok := s.of(ctx); ok {
		return nil
	}
	_, err := s.begin(ctx)
	return err
}

// set changes the session of the call, which it begins if there is none. An
// option without a value is unset. What was wrong with others is told by name.
func (s *sessions) set(ctx context.Context, body []byte) ([]byte, error) {
	var req flight.SetSessionOptionsRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return nil, notA(flight.SetSessionOptionsActionType, &req, err)
	}
	id, _, ok := s.of(ctx)
	if !ok {
		var err error
		if id, err = s.begin(ctx); err != nil {
			return nil, err
		}
	}
	result := flight.SetSessionOptionsResult{Errors: make(map[string]*flight.SetSessionOptionsResultError)}
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.byID[id]
	if !ok {
		return nil, status.Error(codes.NotFound, "the session was closed meanwhile: begin another")
	}
	now := make(options, len(was))
	maps.Copy(now, was)
	held := 0
	for _, value := range now {
		held += proto.Size(value)
	}
	for name, value := range req.GetSessionOptions() {
		size := proto.Size(value)
		switch {
		case value.GetOptionValue() == nil:
			held -= proto.Size(now[name])
			delete(now, name)
		case name == "" || len(name) > maxOptionName || len(now) >= maxOptions && now[name] == nil:
			result.Errors[name] = &flight.SetSessionOptionsResultError{Value: flight.SetSessionOptionsResultErrorInvalidName}
		case held-proto.Size(now[name])+size > maxOptionBytes:
			result.Errors[name] = &flight.SetSessionOptionsResultError{Value: flight.SetSessionOptionsResultErrorInvalidValue}
		default:
			held += size - proto.Size(now[name])
			now[name] = value
		}
	}
	s.byID[id] = now
	return marshal(&result)
}

// get answers the options of the call's session: none where there is none.
func (s *sessions) get(ctx context.Context, body []byte) ([]byte, error) {
	var req flight.GetSessionOptionsRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return nil, notA(flight.GetSessionOptionsActionType, &req, err)
	}
	_, o, _ := s.of(ctx)
	return marshal(&flight.GetSessionOptionsResult{SessionOptions: o})
}

// end closes the call's session and takes its cookie away.
func (s *sessions) end(ctx context.Context, body []byte) ([]byte, error) {
	var req flight.CloseSessionRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return nil, notA(flight.CloseSessionActionType, &req, err)
	}
	id, _, ok := s.of(ctx)
	if !ok {
		return nil, status.Errorf(codes.NotFound, "there is no session to close: send the cookie %s that began one", sessionCookie)
	}
	s.mu.Lock()
	delete(s.byID, id)
	s.mu.Unlock()
	if err := setCookie(ctx, id, -1); err != nil {
		return nil, err
	}
	return marshal(&flight.CloseSessionResult{Status: flight.CloseSessionResultClosed})
}

// notA is the status for the body of an action that is not the message it takes.
func notA(action string, m proto.Message, err error) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf("%s: the body is no %s: %v", action, m.ProtoReflect().Descriptor().Name(), err))
}
