package server

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// How clients prove who they are.
const (
	AuthNone      = "none"
	AuthToken     = "token"     // authorization: Bearer with Access.Token
	AuthBasic     = "basic"     // authorization: Basic, answered by a token
	AuthHandshake = "handshake" // Handshake with a BasicAuth message, or with the user and then the password, answered by a token
)

// Access says who may call, and what each call passes through. The zero value
// lets everybody in and puts nothing on the path. Its secrets are never told.
type Access struct {
	// Auth is one of the words above; empty is none. With any other, each call but
	// Handshake needs credentials, else it is UNAUTHENTICATED.
	Auth string
	// User and Password are those of basic and handshake.
	User, Password string
	// Token is that of token.
	Token string
	// TokenLife is how long a token is good that was given for a password; 0: for
	// as long as the server runs.
	TokenLife time.Duration
	// Middleware is how many interceptors each call passes, of which the nth reads
	// the request header x-flightbench-mw-n and answers with a header of that name.
	Middleware int
	// Cookies gives each client without one a session cookie. No call is refused
	// for want of it.
	Cookies bool
}

// maxMiddleware keeps the headers of an answer in what HTTP/2 peers accept.
const maxMiddleware = 200

// Validate says which field can't be used, and what to do. It tells no secret.
func (a Access) Validate() error {
	password := a.Auth == AuthBasic || a.Auth == AuthHandshake
	switch {
	case a.Auth != "" && a.Auth != AuthNone && a.Auth != AuthToken && !password:
		return fmt.Errorf("auth %q is unknown: use %s, %s, %s or %s", a.Auth, AuthNone, AuthToken, AuthBasic, AuthHandshake)
	case a.Auth == AuthToken && a.Token == "":
		return fmt.Errorf("auth token: there is no token: give the one that clients shall send")
	case a.Auth != AuthToken && a.Token != "":
		return fmt.Errorf("a token is set but auth is %q and nothing would ask for it: choose auth %s", a.Auth, AuthToken)
	case strings.ContainsFunc(a.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("auth token: the token holds characters that no header carries: use printable ASCII without spaces")
	case password && (a.User == "" || a.Password == ""):
		return fmt.Errorf("auth %s: it needs a user and a password: give both", a.Auth)
	case !password && (a.User != "" || a.Password != ""):
		return fmt.Errorf("a user or password is set but auth is %q and nothing would ask for it: choose auth %s or %s", a.Auth, AuthBasic, AuthHandshake)
	case a.Auth == AuthBasic && strings.Contains(a.User, ":"):
		return fmt.Errorf("auth basic: user %q holds a colon, which ends the user in HTTP's Basic: choose another", a.User)
	case a.TokenLife < 0:
		return fmt.Errorf("token life is %s: choose 0 for ever, or more", a.TokenLife)
	case a.TokenLife > 0 && !password:
		return fmt.Errorf("token life is %s but auth is %q, which gives no tokens: choose auth %s or %s", a.TokenLife, a.Auth, AuthBasic, AuthHandshake)
	case a.Middleware < 0 || a.Middleware > maxMiddleware:
		return fmt.Errorf("middleware is %d: choose 0 to %d", a.Middleware, maxMiddleware)
	}
	return nil
}

// Query says how GetFlightInfo and its like answer for generated data.
type Query struct {
	// Locations are listed in every endpoint, as they stand. None: the connection
	// that was asked.
	Locations []string
	// Expiry is how long a ticket may be used; RenewFlightEndpoint gives another
	// that may be used as long again. 0: for ever, and endpoints say a day.
	Expiry time.Duration
	// Polls is how often PollFlightInfo is to be asked until all endpoints are
	// known. 0 and 1: once.
	Polls int
}

const maxPolls = 1 << 20

// Validate says which field can't be used, and what to do.
func (q Query) Validate() error {
	for i, l := range q.Locations {
		if u, err := url.Parse(l); l != "" && (err != nil || u.Scheme == "" || u.Opaque != "") {
			return fmt.Errorf("location %d is %q, which is no URI: write grpc://HOST:PORT, grpc+tls://HOST:PORT or grpc+unix://PATH", i, l)
		}
	}
	switch {
	case q.Expiry != 0 && q.Expiry < time.Millisecond:
		return fmt.Errorf("expiry is %s: choose 0 for ever, or 1ms and more", q.Expiry)
	case q.Polls < 0 || q.Polls > maxPolls:
		return fmt.Errorf("polls is %d: choose 0 to %d", q.Polls, maxPolls)
	}
	return nil
}
