package target

import (
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"flightbench/internal/wire"
)

// TestSecretsStaySecret prints what holds them in every way there is.
func TestSecretsStaySecret(t *testing.T) {
	at, err := Parse("grpc://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	at.Auth = Auth{Method: AuthBasic, User: user, Password: "hunter2"}
	at.Headers = []Header{{"x-key", "hunter2"}}
	at.Cookies = true
	s, err := at.Open(tuned(wire.Direct))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	conn, err := s.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.jar.learn(metadata.Pairs("set-cookie", "session=hunter2"))
	key := ed25519.NewKeyFromSeed([]byte("hunter2hunter2hunter2hunter2hunt")) // whose private key is plain bytes
	keyed := at
	keyed.trust.certs = []tls.Certificate{{PrivateKey: key}}
	number := fmt.Sprint([]byte("hunter2"))
	for _, v := range []any{at, &at, keyed, &keyed, at.Auth, at.Auth.Password, at.Headers, at.Headers[0], Auth{Payload: "hunter2", Token: "hunter2"}, s, conn, s.jar, s.credential()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "hunter2") || strings.Contains(got, "68756e74657232") || strings.Contains(got, strings.Trim(number, "[]")) || strings.Contains(got, "bWU6aHVudGVyMg") {
				t.Errorf("%s of %T gives it away: %s", verb, v, got)
			}
		}
	}
	for _, v := range []any{at.Auth, at.Headers, at.Auth.Password} {
		if got, err := json.Marshal(v); err != nil || strings.Contains(string(got), "hunter2") {
			t.Errorf("JSON of %T: %s, %v", v, got, err)
		}
	}
	if s := Secret(""); s.String() != "" {
		t.Error("no secret looks like one")
	}
	if s := Secret("hunter2"); s.Reveal() != "hunter2" || fmt.Sprint(s) != "***" {
		t.Error("Reveal or String")
	}
}
