package target

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// patience bounds each connection that Explain makes.
const patience = 3 * time.Second

// Explained is an error of Explain: in one line what is wrong, and what to do
// about it. To speak of the server What says "it".
type Explained struct {
	What   string
	Advice string // may be empty

	uri     string
	reached bool
	err     error
}

// Explain says in one line why a call to t failed and what to do about it. The
// error it returns wraps err: status.Code, errors.Is and errors.As see the same
// as before. What err quotes of t's secrets is left out. Only nil and what our
// own cancellation has caused stay as they are; all else becomes an *Explained.
//
// Transports hide why there is no connection in the text of an Unavailable
// status, each in its own way. So for Unavailable and DeadlineExceeded Explain looks for
// itself: it connects to t once or up to three times, each bounded by 3 s, and says
// what it found. It is for errors that end something, not for each failed call.
func Explain(t Target, err error) error { return explain(context.Background(), t, err, patience) }

// ExplainContext is Explain in the time that ctx leaves, of which each look at
// the server takes a third at most.
func ExplainContext(ctx context.Context, t Target, err error) error {
	most := patience
	if end, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(end)/3)
	}
	return explain(ctx, t, err, most)
}

func explain(ctx context.Context, t Target, err error, patience time.Duration) error {
	var done *Explained
	if err == nil || errors.As(err, &done) || errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled {
		return err
	}
	f, reached := t.explain(ctx, err, patience)
	return &Explained{What: f.what, Advice: f.do, uri: t.URI, reached: reached, err: err}
}

func (e *Explained) Error() string {
	head := e.uri + ": "
	if !e.reached {
		head = "cannot reach " + head
	}
	return head + finding{e.What, e.Advice}.Error()
}

// Unwrap is the error as it was.
func (e *Explained) Unwrap() error { return e.err }

// explain is what Explained holds; reached tells that it is not a connection
// that is missing.
func (t Target) explain(ctx context.Context, err error, patience time.Duration) (f finding, reached bool) {
	if f, ok := t.unreachable(err); ok {
		return f, false
	}
	call, st, ok := said(err)
	if code := st.Code(); code == codes.Unavailable || code == codes.DeadlineExceeded {
		if found := (looker{t, ctx, patience}).look(); found != nil && ctx.Err() == nil {
			if f, ok := t.unreachable(found); ok {
				return f, false
			}
			return finding{found.Error(), ""}, false
		}
		if ctx.Err() != nil && !isLogin(err) {
			return finding{fmt.Sprintf("no answer in time: %s%s", call, t.Brief(st.Message())), "allow more time, or see what the server waits for"}, true
		}
	}
	return t.refused(err, call, st, ok), true
}

// refused is what a server says that can be reached; ok is false where err has
// no status.
func (t Target) refused(err error, call string, st *status.Status, ok bool) finding {
	text := t.Brief(st.Message())
	notGRPC := strings.Contains(text, "content-type") && strings.Contains(text, "HTTP status")
	switch code := st.Code(); {
	case !ok:
		return finding{text, ""}
	case notGRPC:
		return finding{fmt.Sprintf("it speaks HTTP/2 but does not answer as a gRPC server does (%s)", text), "check the port, and any proxy in front of the server"}
	case code == codes.Unauthenticated:
		return t.unauthenticated(quoted(text))
	case code == codes.PermissionDenied:
		return finding{"it does not allow this call" + quoted(text), "use an account that may make it"}
	case tooLarge(text):
		return finding{"a message is larger than one end takes" + quoted(text), "raise --max-message here and the server's own limit, or use smaller batches"}
	case isLogin(err) && code != codes.ResourceExhausted && code != codes.Unavailable:
		return t.noLogin(err, code, text)
	case code == codes.ResourceExhausted:
		return finding{"it has run out of something" + quoted(text), "use fewer streams or connections, or raise the server's limits"}
	case code == codes.Unimplemented:
		return finding{fmt.Sprintf("it does not have this call: %s%s", call, text), ""}
	case code == codes.DeadlineExceeded:
		return finding{fmt.Sprintf("it is there but did not answer in time: %s%s", call, text), "allow more time, or see what the server waits for"}
	case code == codes.Unavailable:
		return finding{fmt.Sprintf("it is there, but not available or the connection was lost: %s%s", call, text), ""}
	default:
		return finding{fmt.Sprintf("%s%s: %s", call, CodeName(code), text), ""}
	}
}

// CodeName is how gRPC's documents spell a code: NOT_FOUND.
func CodeName(c codes.Code) string {
	if c == codes.Canceled {
		return "CANCELLED" // Go writes it with one L
	}
	var b strings.Builder
	name := c.String()
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) && unicode.IsLower(rune(name[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

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
func (t Target) unauthenticated(says string) finding {
	switch t.Auth.Method {
	case AuthToken:
		return finding{fmt.Sprintf("it refuses the token%s: it is wrong or has expired", says), "get another one: a token that was given cannot be renewed"}
	case AuthBasic:
		return finding{fmt.Sprintf("it refuses user %q by --auth basic%s", t.Auth.User, says), "check user and password, or " + tryInstead(AuthBasic)}
	case AuthHandshake, AuthHandshakePlain:
		return finding{fmt.Sprintf("it refuses what --auth %s sent%s", t.Auth.Method, says), "check user and password, or " + tryInstead(t.Auth.Method)}
	}
	for _, h := range t.Headers {
		if h.Name == authHeader || h.Name == tokenHeader {
			return finding{fmt.Sprintf("it refuses what the header %s says%s", h.Name, says), "give another: it is wrong or has expired"}
		}
	}
	return finding{"it asks who calls" + says, "try --auth basic or --auth handshake with a user, or give a token"}
}

func isLogin(err error) bool {
	var login *loginError
	return errors.As(err, &login)
}

// noLogin is a Handshake that failed otherwise than by a refusal. A server that
// expects another way of logging in answers by all sorts of codes, or waits for
// what never comes.
func (t Target) noLogin(err error, code codes.Code, text string) finding {
	if errors.Is(err, errNoToken) {
		return finding{fmt.Sprintf("it accepted the login by --auth %s, but answered without a token", t.Auth.Method), "use --auth basic, or none: it may ask for nothing"}
	}
	what := fmt.Sprintf("the login by --auth %s failed: %s%s", t.Auth.Method, CodeName(code), quoted(text))
	switch code {
	case codes.DeadlineExceeded:
		what = fmt.Sprintf("the login by --auth %s was not answered in time", t.Auth.Method)
	case codes.Unimplemented:
		return finding{what, "the server has no Handshake: use --auth basic, which does without, or a token"}
	}
	return finding{what, tryInstead(t.Auth.Method) + ", or see what the server logs"}
}

// tryInstead names the other ways of logging in.
func tryInstead(method string) string {
	switch method {
	case AuthBasic:
		return "try --auth handshake or handshake-plain"
	case AuthHandshake:
		return "try --auth handshake-plain or basic"
	}
	return "try --auth handshake or basic"
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

// Traces that servers append to what they have to say, and C++'s name of the
// kind of error, which the code tells as well.
var (
	traceText  = regexp.MustCompile(`(?s)(?:[.\s]*Detail: Python exception:)?\s*Traceback \(most recent call last\):(.*)$`)
	detailText = regexp.MustCompile(`\.? Detail: (Internal|TimedOut|Cancelled|Unauthenticated|Unauthorized|Unavailable|Failed)\s*$`)
)

// Brief is a text of the server in one line that can be quoted: without
// secrets of ours that it may repeat, without tracebacks, cut after 300 bytes.
// What is longer and has several lines is cut after the first.
func (t Target) Brief(text string) string {
	text = t.Conceal(text)
	if m := traceText.FindStringSubmatchIndex(text); m != nil {
		before, trace := text[:m[0]], strings.TrimSpace(text[m[2]:m[3]])
		if text = before; strings.TrimSpace(before) == "" { // the last line names the exception
			text = trace[strings.LastIndexByte(trace, '\n')+1:]
		}
	}
	text = detailText.ReplaceAllString(strings.TrimSpace(text), "")
	if len(text) > maxText {
		text, _, _ = strings.Cut(text, "\n")
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}
