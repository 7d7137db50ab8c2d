package target

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Secret is a password or token. However it is printed or marshalled it shows
// at most that there is one; only Reveal gives it away.
//
// Note: package fmt prints unexported fields without asking their methods, so
// a Secret belongs in exported fields, or behind a pointer.
type Secret string

const masked = "***"

// String is *** unless s is empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// Format implements fmt.Formatter: every verb prints String.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText is String, for JSON, YAML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal is the secret itself, for the wire alone.
func (s Secret) Reveal() string { return string(s) }

// Header is metadata sent with every call. Name is in lower case; the Value of
// a -bin header is the raw bytes. Values may be secrets and are not printed.
type Header struct{ Name, Value string }

// Format implements fmt.Formatter: every verb prints the name alone.
func (h Header) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.Name+": "+masked) }

// MarshalText prints the name alone, for JSON, YAML and the like.
func (h Header) MarshalText() ([]byte, error) { return []byte(h.Name + ": " + masked), nil }

// leastSecret keeps a value such as "1" from being cut out of every text.
const leastSecret = 4

var credentialText = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{12,}`)

// Conceal returns text, which a server may have said, without what it repeats of
// t's secrets, as they are or in base64, of the values of t's headers, and of
// tokens that follow Bearer or Basic.
func (t Target) Conceal(text string) string {
	secrets := []string{t.Auth.Password.Reveal(), t.Auth.Token.Reveal(), t.Auth.Payload.Reveal()}
	if t.Auth.Password != "" {
		_, encoded, _ := strings.Cut(t.Auth.basic(), " ")
		secrets = append(secrets, encoded, strings.TrimRight(encoded, "="))
	}
	for _, h := range t.Headers {
		_, credential, _ := strings.Cut(h.Value, " ") // of "Bearer TOKEN"
		secrets = append(secrets, h.Value, credential)
	}
	// The longest first: others may be part of it.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, s := range secrets {
		if len(s) >= leastSecret {
			text = strings.ReplaceAll(text, s, masked)
		}
	}
	return credentialText.ReplaceAllString(text, "$1 "+masked)
}

// Format implements fmt.Formatter: every verb prints the address alone, and not
// the private key of a client's certificate.
func (t Target) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "target "+t.URI) }

// validate says why gRPC could not carry the header as it is.
func (h Header) validate() error {
	for _, c := range []byte(h.Name) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return fmt.Errorf("header %q: a name has letters in lower case, digits, '-', '_' and '.'", h.Name)
		}
	}
	switch h.Name {
	case "":
		return fmt.Errorf("a header has no name: write 'name: value'")
	case "content-type", "content-length", "user-agent", "te", "connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return fmt.Errorf("header %s belongs to the protocol and cannot be set", h.Name)
	}
	if strings.HasPrefix(h.Name, "grpc-") {
		return fmt.Errorf("header %s: names that begin with grpc- belong to gRPC", h.Name)
	}
	if !strings.HasSuffix(h.Name, "-bin") && !printable(h.Value) {
		return fmt.Errorf("header %s: its value holds other than printable ASCII: name it %s-bin and give base64", h.Name, h.Name)
	}
	return nil
}

// printable tells whether s can be the value of a header that is not -bin.
func printable(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
