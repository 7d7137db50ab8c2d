package target

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/protobuf/proto"
)

// Names of Auth.Method.
const (
	AuthNone           = "none"
	AuthToken          = "token"
	AuthBasic          = "basic"
	AuthHandshake      = "handshake"
	AuthHandshakePlain = "handshake-plain"
)

// Auth is how a client proves who it is; the zero value: not at all. Client
// certificates are Trust's.
//
//   - token: Token is sent as authorization: Bearer.
//   - basic: the Handshake RPC carries authorization: Basic, and the bearer
//     token of its answer is sent from then on (AuthenticateBasicToken of
//     arrow-go and C++, CredentialCallOption of Java). A server without that RPC
//     gets Basic with each call until an answer brings a bearer token.
//   - handshake: the Handshake RPC carries a BasicAuth message, or Payload; what
//     it answers is sent as auth-token-bin (ClientAuthHandler of arrow-go and C++).
//   - handshake-plain: the same with two payloads, user and password, as
//     pyarrow's examples write them.
type Auth struct {
	Method   string // "" is none
	User     string
	Password Secret // basic, handshake, handshake-plain
	Token    Secret // token
	Payload  Secret // handshake: instead of User and Password
}

// Names of the headers that carry credentials.
const (
	authHeader  = "authorization"
	tokenHeader = "auth-token-bin"
)

// none tells whether nothing is sent.
func (a Auth) none() bool { return a.Method == "" || a.Method == AuthNone }

// logsIn tells whether there is something to obtain before the first call.
func (a Auth) logsIn() bool { return !a.none() && a.Method != AuthToken }

// Validate says what is missing, or was given and would not be sent.
func (a Auth) Validate() error {
	user, password, token, payload := a.User != "", a.Password != "", a.Token != "", a.Payload != ""
	name := a.Method
	switch a.Method {
	case "", AuthNone:
		name = AuthNone
		if user || password || token || payload {
			return fmt.Errorf("credentials were given, but --auth none sends none: use --auth basic, handshake or handshake-plain with a user, or a token alone")
		}
	case AuthToken:
		if !token || user || password || payload {
			return fmt.Errorf("--auth token takes a token and nothing else")
		}
		if !printable(a.Token.Reveal()) {
			return fmt.Errorf("the token holds other than printable ASCII, which no header carries: was it read from the wrong file?")
		}
	case AuthBasic:
		if strings.Contains(a.User, ":") {
			return fmt.Errorf("user %q has a colon, which HTTP Basic cannot carry: use --auth handshake", a.User)
		}
	case AuthHandshake:
		if payload {
			if user || password {
				return fmt.Errorf("--auth handshake sends either a payload or a user and a password: give one of them")
			}
			return nil
		}
	case AuthHandshakePlain:
	default:
		return fmt.Errorf("--auth %q: use none, token, basic, handshake or handshake-plain", a.Method)
	}
	if a.logsIn() && !user {
		return fmt.Errorf("--auth %s needs a user: give --user", name)
	}
	if token && a.Method != AuthToken {
		return fmt.Errorf("a token and --auth %s were given: give one of them", name)
	}
	if payload && a.Method != AuthHandshake {
		return fmt.Errorf("a payload is for --auth handshake, not for %s", name)
	}
	return nil
}

// basic is the value of authorization: padded base64, since a server was seen
// to refuse arrow-go's unpadded one.
func (a Auth) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Password.Reveal()))
}

// payloads are what the Handshake RPC sends.
func (a Auth) payloads() ([][]byte, error) {
	switch {
	case a.Method == AuthHandshakePlain:
		return [][]byte{[]byte(a.User), []byte(a.Password.Reveal())}, nil
	case a.Payload != "":
		return [][]byte{[]byte(a.Payload.Reveal())}, nil
	}
	b, err := proto.Marshal(&flight.BasicAuth{Username: a.User, Password: a.Password.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("handshake payload: %w", err)
	}
	return [][]byte{b}, nil
}

// credential is one state of what calls carry. It never changes; a session
// replaces it.
type credential struct {
	header string // "": nothing is sent
	value  string
	token  bool // the server gave it, and may refuse it some day
	final  bool // another login would bring nothing else
}

// Format implements fmt.Formatter: every verb prints the header's name alone.
func (c *credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.header+": "+masked) }

// initial is what is sent before anybody logged in.
func (a Auth) initial() *credential {
	switch a.Method {
	case AuthToken:
		return &credential{header: authHeader, value: "Bearer " + a.Token.Reveal(), final: true}
	case AuthBasic:
		return &credential{header: authHeader, value: a.basic()}
	}
	return &credential{final: !a.logsIn()}
}

// bearer finds a token in what a server sent, nil if there is none.
func bearer(values []string) *credential {
	for _, v := range values {
		if scheme, rest, _ := strings.Cut(strings.TrimSpace(v), " "); len(v) <= maxToken && strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(rest) != "" && printable(v) {
			return &credential{header: authHeader, value: v, token: true}
		}
	}
	return nil
}
