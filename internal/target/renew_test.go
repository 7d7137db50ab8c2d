package target

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flightbench/internal/wire"
)

// TestDoWithoutLogin logs in when the first call is refused, which renews nothing.
func TestDoWithoutLogin(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		for _, auth := range []Auth{{Method: AuthBasic, User: user, Password: password}, {Method: AuthHandshake, Payload: "x"}} {
			d := &door{shake: basicBy(inHeader), enter: wants("authorization", "Bearer %s")}
			if auth.Method == AuthHandshake {
				d.enter = wants("auth-token-bin", "%s")
				d.shake = func(d *door, stream flight.FlightService_HandshakeServer) error {
					return stream.Send(&flight.HandshakeResponse{Payload: []byte(d.token())})
				}
			}
			s := open(t, d.serve(t), transport, func(at *Target) { at.Auth = auth })
			if err := s.Do(bound(t), func(ctx context.Context) error { return callList(ctx, s) }); err != nil || s.Renewals() != 0 || d.handshakes() != 1 {
				t.Errorf("%s: %v, %d renewals, %d handshakes", auth.Method, err, s.Renewals(), d.handshakes())
			}
		}
	})
}

// TestRenewalIsShared has many streams refused at once.
func TestRenewalIsShared(t *testing.T) {
	each(t, func(t *testing.T, transport wire.Transport) {
		for name, refuse := range map[string]bool{"renewed": false, "refused": true} {
			d := &door{enter: wants("authorization", "Bearer %s")}
			var refusing atomic.Bool
			d.shake = func(d *door, stream flight.FlightService_HandshakeServer) error {
				if refusing.Load() {
					d.expire()
					return status.Error(codes.Unauthenticated, "the account is gone")
				}
				return basicBy(inTrailer)(d, stream)
			}
			s := open(t, d.serve(t), transport, func(at *Target) { at.Auth = Auth{Method: AuthBasic, User: user, Password: password} })
			ctx := bound(t)
			if err := s.Login(ctx); err != nil {
				t.Fatal(err)
			}
			conn, err := s.Dial()
			if err != nil {
				t.Fatal(err)
			}
			d.expire()
			refusing.Store(refuse)
			const slots = 24
			var refused, ended sync.WaitGroup
			refused.Add(slots)
			errs := make([]error, slots)
			for i := range slots {
				ended.Go(func() {
					tries := 0
					errs[i] = s.Do(ctx, func(ctx context.Context) error {
						err := list(ctx, conn)
						if tries++; tries == 1 {
							refused.Done()
							refused.Wait()
						}
						return err
					})
					if !refuse && tries != 2 || refuse && tries != 1 {
						t.Errorf("%s: %d tries", name, tries)
					}
				})
			}
			ended.Wait()
			_ = conn.Close()
			renewals := int64(1)
			if refuse {
				renewals = 0
			}
			if d.handshakes() != 2 || s.Renewals() != renewals {
				t.Errorf("%s: %d handshakes after the first, %d renewals: want one handshake", name, d.handshakes()-1, s.Renewals())
			}
			for _, err := range errs {
				if refuse != (status.Code(err) == codes.Unauthenticated) || refuse != (err != nil) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}

// TestDoRetriesOnce gives up when the new token is refused, too, and passes on what is no matter of tokens.
func TestDoRetriesOnce(t *testing.T) {
	d := &door{shake: basicBy(inHeader)}
	s := open(t, d.serve(t), wire.Direct, func(at *Target) { at.Auth = Auth{Method: AuthBasic, User: user, Password: password} })
	if err := s.Login(bound(t)); err != nil {
		t.Fatal(err)
	}
	for code, want := range map[codes.Code]int{codes.Unauthenticated: 2, codes.PermissionDenied: 1, codes.Unavailable: 1} {
		tries := 0
		err := s.Do(bound(t), func(context.Context) error {
			tries++
			return fmt.Errorf("DoGet: %w", status.Error(code, "no"))
		})
		if tries != want || status.Code(err) != code {
			t.Errorf("%v: %d tries, want %d, %v", code, tries, want, err)
		}
	}
}

// TestRenewalOutlivesItsCaller has the one who logs in give up while another waits.
func TestRenewalOutlivesItsCaller(t *testing.T) {
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	d := &door{}
	d.shake = func(d *door, stream flight.FlightService_HandshakeServer) error {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-stream.Context().Done():
		}
		return basicBy(inHeader)(d, stream)
	}
	s := open(t, d.serve(t), wire.Direct, func(at *Target) { at.Auth = Auth{Method: AuthBasic, User: user, Password: password} })
	first, giveUp := context.WithCancel(t.Context())
	ends := make(chan error, 2)
	go func() { ends <- s.Login(first) }()
	<-arrived
	go func() { ends <- s.Login(bound(t)) }()
	giveUp()
	if err := <-ends; status.Code(err) != codes.Canceled {
		t.Errorf("who gave up: %v", err)
	}
	<-arrived
	close(release)
	if err := <-ends; err != nil {
		t.Errorf("who waited: %v", err)
	}
}
