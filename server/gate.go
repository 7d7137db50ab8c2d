package server

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A gate lets in who has credentials. It keeps no list of the tokens that it
// gave: each holds its own end, sealed with a key that only this server knows.
// Safe for concurrent use.
type gate struct {
	auth                  string
	user, password, token digest
	life                  time.Duration
	key                   [sha256.Size]byte
	now                   func() time.Time
}

// digest stands for a secret, so that comparing takes as long whatever its length.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

func (d digest) is(secret string) bool {
	other := digestOf(secret)
	return subtle.ConstantTimeCompare(d[:], other[:]) == 1
}

// newGate is nil where a asks for no credentials.
func newGate(a Access) *gate {
	if a.Auth == "" || a.Auth == AuthNone {
		return nil
	}
	g := &gate{auth: a.Auth, user: digestOf(a.User), password: digestOf(a.Password), token: digestOf(a.Token), life: a.TokenLife, now: time.Now}
	rand.Read(g.key[:]) // never fails
	return g
}

// admit is the gate's hook. A call with a good authorization: Basic is answered
// with a token in its headers and its trailers: clients look for it in either.
func (g *gate) admit(ctx context.Context, method string) error {
	scheme, credential := authorization(ctx)
	switch {
	case g.auth == AuthHandshake && method == handshakeMethod:
		return nil // the handler asks for the credentials
	case g.auth == AuthBasic && strings.EqualFold(scheme, "basic"):
		user, password, ok := basic(credential)
		if !ok {
			return status.Error(codes.Unauthenticated, "authorization: Basic is malformed: send the base64 of USER:PASSWORD")
		}
		if !g.knows(user, password) {
			return errWrong
		}
		answer := metadata.Pairs("authorization", "Bearer "+g.give())
		if err := grpc.SetHeader(ctx, answer); err != nil {
			return err
		}
		return grpc.SetTrailer(ctx, answer)
	}
	if !strings.EqualFold(scheme, "bearer") {
		credential = ""
		if vs := metadata.ValueFromIncomingContext(ctx, "auth-token-bin"); len(vs) > 0 {
			credential = vs[0]
		}
	}
	return g.check(credential)
}

var (
	errWrong = status.Error(codes.Unauthenticated, "wrong user or password")

	// errMissing tell how to be let in.
	errMissing = map[string]error{
		AuthToken:     status.Error(codes.Unauthenticated, "this server asks for a token: send authorization: Bearer TOKEN"),
		AuthBasic:     status.Error(codes.Unauthenticated, "this server asks for a user and a password: send authorization: Basic, best with Handshake, and then the token that answers it as authorization: Bearer"),
		AuthHandshake: status.Error(codes.Unauthenticated, "this server asks for a user and a password: call Handshake, and send the token that it answers as auth-token-bin"),
	}
)

// check says whether a token is good.
func (g *gate) check(token string) error {
	if token == "" {
		return errMissing[g.auth]
	}
	if g.auth == AuthToken {
		if !g.token.is(token) {
			return status.Error(codes.Unauthenticated, "wrong token")
		}
		return nil
	}
	until, ok := g.open(token)
	if !ok {
		return status.Error(codes.Unauthenticated, "the token is none that this server gave since it began: log in again")
	}
	if until != 0 && g.now().UnixNano() > until {
		return status.Errorf(codes.Unauthenticated, "the token has expired %s after it was given: log in again", g.life)
	}
	return nil
}

// knows compares both whatever the first comparison says.
func (g *gate) knows(user, password string) bool {
	u, p := g.user.is(user), g.password.is(password)
	return u && p
}

// A token is its end in nanoseconds since 1970 (0: none), 8 random bytes, and
// the first 16 bytes of their HMAC.
const (
	sealedBytes = 16
	tokenBytes  = sealedBytes + 16
)

// give makes a token.
func (g *gate) give() string {
	b := make([]byte, sealedBytes, tokenBytes)
	if g.life > 0 {
		binary.BigEndian.PutUint64(b, uint64(g.now().Add(g.life).UnixNano()))
	}
	rand.Read(b[8:])
	return base64.RawURLEncoding.EncodeToString(append(b, g.seal(b)...))
}

// open takes apart what give made.
func (g *gate) open(token string) (until int64, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != tokenBytes || !hmac.Equal(b[sealedBytes:], g.seal(b[:sealedBytes])) {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(b)), true
}

func (g *gate) seal(b []byte) []byte {
	h := hmac.New(sha256.New, g.key[:])
	h.Write(b)
	return h.Sum(nil)[:tokenBytes-sealedBytes]
}

// authorization takes the first such header apart.
func authorization(ctx context.Context) (scheme, credential string) {
	vs := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(vs) == 0 {
		return "", ""
	}
	scheme, credential, _ = strings.Cut(strings.TrimSpace(vs[0]), " ")
	return scheme, strings.TrimLeft(credential, " ")
}

// basic decodes HTTP's credentials, padded or not: arrow-go sends them unpadded.
func basic(credential string) (user, password string, ok bool) {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(credential, "="))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(b), ":")
}
