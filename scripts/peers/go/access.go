package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// What every peer asks for: see scripts/peers/README.md.
const user, password, token = "bench", "open sesame", "let-me-in"

// access is who may call, and over what.
type access struct {
	tls  string
	mtls bool
	auth string
}

// server is arrow-go's, with the handshake's handler put on service.
func (a access) server(service flight.FlightServer) (flight.Server, error) {
	middleware := []flight.ServerMiddleware{flight.CreateServerMiddleware(cookies{})}
	switch a.auth {
	case "none":
	case "basic":
		middleware = append(middleware, flight.CreateServerBasicAuthMiddleware(bearer(rand.Text())))
	case "token":
		middleware = append(middleware, flight.CreateServerBasicAuthMiddleware(bearer(token)))
	case "handshake", "handshake-plain":
		base, ok := service.(interface {
			SetAuthHandler(flight.ServerAuthHandler)
		})
		if !ok {
			return nil, fmt.Errorf("--auth %s: %T takes no handler", a.auth, service)
		}
		base.SetAuthHandler(handshake{token: rand.Text(), plain: a.auth == "handshake-plain"})
	default:
		return nil, fmt.Errorf("--auth %s: use none, token, basic, handshake or handshake-plain", a.auth)
	}
	var opts []grpc.ServerOption
	if a.tls != "" {
		config, err := a.config()
		if err != nil {
			return nil, err
		}
		opts = append(opts, grpc.Creds(credentials.NewTLS(config)))
	}
	return flight.NewServerWithMiddleware(middleware, opts...), nil
}

func (a access) config() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(a.tls, "cert.pem"), filepath.Join(a.tls, "key.pem"))
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if a.mtls {
		pem, err := os.ReadFile(filepath.Join(a.tls, "ca.pem"))
		if err != nil {
			return nil, err
		}
		config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		config.ClientCAs.AppendCertsFromPEM(pem)
	}
	return config, nil
}

// bearer is the token that Basic credentials are answered with, in the trailers.
type bearer string

func (b bearer) Validate(u, p string) (string, error) {
	if u != user || p != password {
		return "", status.Error(codes.Unauthenticated, "wrong user or password")
	}
	return string(b), nil
}

func (b bearer) IsValid(got string) (any, error) {
	if got != string(b) {
		return nil, status.Error(codes.Unauthenticated, "invalid token")
	}
	return user, nil
}

// handshake takes a BasicAuth message, or plainly two payloads, and answers with a token.
type handshake struct {
	token string
	plain bool
}

func (h handshake) Authenticate(c flight.AuthConn) error {
	first, err := c.Read()
	if err != nil {
		return err
	}
	var got flightgen.BasicAuth
	if h.plain {
		second, err := c.Read()
		if err != nil {
			return err
		}
		got.Username, got.Password = string(first), string(second)
	} else if err := proto.Unmarshal(first, &got); err != nil {
		return status.Errorf(codes.InvalidArgument, "the payload is no BasicAuth: %v", err)
	}
	if got.Username != user || got.Password != password {
		return status.Error(codes.Unauthenticated, "wrong user or password")
	}
	return c.Send([]byte(h.token))
}

func (h handshake) IsValid(got string) (any, error) {
	if got != h.token {
		return nil, status.Error(codes.Unauthenticated, "invalid token")
	}
	return user, nil
}

// cookies sets one on each answer.
type cookies struct{}

func (cookies) StartCall(ctx context.Context) context.Context {
	_ = grpc.SetHeader(ctx, metadata.Pairs("set-cookie", "peer=crumb"))
	return ctx
}

func (cookies) CallCompleted(context.Context, error) {}
