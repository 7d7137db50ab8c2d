package target

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// patience bounds each connection that Explain makes.
const patience = 3 * time.Second

// Explain says in one line why a call to t failed and what to do about it. The
// error it returns wraps err: status.Code, errors.Is and errors.As see the same
// as before. What err quotes of t's secrets is left out.
//
// Transports hide why there is no connection in the text of an Unavailable
// status, each in its own way. So for Unavailable and DeadlineExceeded Explain looks for
// itself: it connects to t once or a few times, each bounded by 3 s, and says
// what it found. It is for errors that end something, not for each failed call.
func Explain(t Target, err error) error { return explain(t, err, patience) }

func explain(t Target, err error, patience time.Duration) error {
	var done *explained
	if err == nil || errors.As(err, &done) || errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled {
		return err
	}
	return &explained{line: t.line(err, patience), err: err}
}

// explained is an error in other words.
type explained struct {
	line string
	err  error
}

func (e *explained) Error() string { return e.line }
func (e *explained) Unwrap() error { return e.err }

// line is the text of Explain.
func (t Target) line(err error, patience time.Duration) string {
	if why := t.unreachable(err); why != "" {
		return t.reach(why)
	}
	call, st, ok := said(err)
	text := t.scrub(st.Message())
	notGRPC := strings.Contains(text, "content-type") && strings.Contains(text, "HTTP status")
	switch code := st.Code(); {
	case !ok:
		return fmt.Sprintf("%s: %s", t.URI, text)
	case notGRPC:
		return fmt.Sprintf("%s speaks HTTP/2 but does not answer as a gRPC server does (%s): check the port, and any proxy in front of the server", t.URI, text)
	case code == codes.Unauthenticated:
		return t.unauthenticated(text)
	case code == codes.PermissionDenied:
		return fmt.Sprintf("%s does not allow this call%s: use an account that may make it", t.URI, quoted(text))
	case tooLarge(text):
		return fmt.Sprintf("a message is larger than one end takes%s: raise --max-message here and the server's own limit, or use smaller batches", quoted(text))
	case code == codes.ResourceExhausted:
		return fmt.Sprintf("%s has run out of something%s: use fewer streams or connections, or raise the server's limits", t.URI, quoted(text))
	case code == codes.Unimplemented:
		return fmt.Sprintf("%s does not have this call: %s%s", t.URI, call, text)
	case code == codes.Unavailable || code == codes.DeadlineExceeded:
		if found := t.look(patience); found != nil {
			if why := t.unreachable(found); why != "" {
				return t.reach(why)
			}
			return t.reach(found.Error())
		}
		if code == codes.DeadlineExceeded {
			return fmt.Sprintf("%s is there but did not answer in time: %s%s: allow more time, or see what the server waits for", t.URI, call, text)
		}
		return fmt.Sprintf("%s is there, but not available or the connection was lost: %s%s", t.URI, call, text)
	default:
		return fmt.Sprintf("%s: %s%v: %s", t.URI, call, code, text)
	}
}

func (t Target) reach(why string) string { return "cannot reach " + t.URI + ": " + why }

// said splits err into what wraps the status, such as the call's name, and the
// status itself; ok is false where err has none.
func said(err error) (call string, st *status.Status, ok bool) {
	var has interface {
		error
		GRPCStatus() *status.Status
	}
	switch {
	case errors.As(err, &has):
		call, _ = strings.CutSuffix(err.Error(), has.Error())
		if call == err.Error() {
			call = ""
		}
		return call, has.GRPCStatus(), true
	case errors.Is(err, context.DeadlineExceeded):
		return "", status.New(codes.DeadlineExceeded, err.Error()), true
	}
	return "", status.New(codes.Unknown, err.Error()), false
}

// unauthenticated says which --auth to try.
func (t Target) unauthenticated(text string) string {
	text = quoted(text)
	switch t.Auth.Method {
	case AuthToken:
		return fmt.Sprintf("%s refuses the token%s: it is wrong or has expired, and a token that was given cannot be renewed: get another one", t.URI, text)
	case AuthBasic:
		return fmt.Sprintf("%s refuses user %q by --auth basic%s: check user and password, or try --auth handshake", t.URI, t.Auth.User, text)
	case AuthHandshake, AuthHandshakePlain:
		other := AuthHandshakePlain
		if t.Auth.Method == other {
			other = AuthHandshake
		}
		return fmt.Sprintf("%s refuses what --auth %s sent%s: check user and password, or try --auth basic or %s", t.URI, t.Auth.Method, text, other)
	}
	for _, h := range t.Headers {
		if h.Name == authHeader || h.Name == tokenHeader {
			return fmt.Sprintf("%s refuses what the header %s says%s: it is wrong or has expired", t.URI, h.Name, text)
		}
	}
	return fmt.Sprintf("%s asks who calls%s: try --auth basic or --auth handshake with a user, or give a token", t.URI, text)
}

// quoted is a server's text as part of a sentence.
func quoted(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" (it says %q)", text)
}

var largeText = regexp.MustCompile(`(?i)message (larger than|exceeds maximum|length too large)|larger than max|message too large`)

// tooLarge recognises a message limit in the words of grpc-go, C++, Java and
// Rust (which call it RESOURCE_EXHAUSTED, and OUT_OF_RANGE).
func tooLarge(text string) bool { return largeText.MatchString(text) }

// maxText is how much of a server's text is quoted.
const maxText = 300

// scrub makes one line of what a server said, without secrets of ours that it
// may repeat.
func (t Target) scrub(text string) string {
	text = t.Conceal(text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}
