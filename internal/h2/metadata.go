package h2

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// reserved are fields that belong to the protocol: the application neither sets nor sees them as metadata.
func reserved(k string) bool {
	switch k {
	case "content-type", "user-agent", "te", "grpc-message-type", "grpc-encoding", "grpc-accept-encoding", "grpc-message",
		"grpc-status", "grpc-timeout", "content-length", "connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return true
	}
	return k == "" || k[0] == ':'
}

func appendMetadata(fs []hpack.HeaderField, md metadata.MD) []hpack.HeaderField {
	for k, vs := range md {
		if k = strings.ToLower(k); reserved(k) {
			continue
		}
		for _, v := range vs {
			fs = append(fs, field(k, v))
		}
	}
	return fs
}

// field encodes one metadata value; k is in lower case.
func field(k, v string) hpack.HeaderField {
	if strings.HasSuffix(k, "-bin") {
		v = base64.RawStdEncoding.EncodeToString([]byte(v))
	}
	return hpack.HeaderField{Name: k, Value: v}
}

// incoming turns a header list into metadata. Undecodable -bin values are left out.
func incoming(fs []hpack.HeaderField) metadata.MD {
	md := make(metadata.MD, len(fs))
	for _, f := range fs {
		switch k := f.Name; {
		case k == "content-type" || k == "user-agent" || k == ":authority":
			md[k] = append(md[k], f.Value)
		case reserved(k):
		case strings.HasSuffix(k, "-bin"):
			for v := range strings.SplitSeq(f.Value, ",") {
				if b, err := decodeBin(strings.TrimSpace(v)); err == nil {
					md[k] = append(md[k], string(b))
				}
			}
		default:
			md[k] = append(md[k], f.Value)
		}
	}
	return md
}

// decodeBin decodes base64 with or without padding, as gRPC asks.
func decodeBin(v string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(v, "="))
}

// mdSize is the size of a header list as RFC 9113 counts.
func listSize(fs []hpack.HeaderField) (n int64) {
	for _, f := range fs {
		n += int64(f.Size())
	}
	return n
}

const hexDigits = "0123456789ABCDEF"

// encodeMessage percent-encodes a grpc-message.
func encodeMessage(s string) string {
	plain := func(c byte) bool { return c >= ' ' && c <= '~' && c != '%' }
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), s[:i]...)
	for s = strings.ToValidUTF8(s[i:], "\uFFFD"); len(s) > 0; s = s[1:] {
		if c := s[0]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// decodeMessage undoes encodeMessage; what is no valid escape stays as it is.
func decodeMessage(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(v))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// statusDetails is a google.rpc.Status, or in a C++ server's answer the bare extra info of a FlightServerError: as with grpc-go the
// application sees it among the trailers.
const statusDetails = "grpc-status-details-bin"

// appendStatus encodes a call's end, after its other trailers. Details of the status replace those of the trailers.
func appendStatus(fs []hpack.HeaderField, st *status.Status) []hpack.HeaderField {
	fs = append(fs, hpack.HeaderField{Name: "grpc-status", Value: strconv.Itoa(int(st.Code()))})
	if m := st.Message(); m != "" {
		fs = append(fs, hpack.HeaderField{Name: "grpc-message", Value: encodeMessage(m)})
	}
	if p := st.Proto(); p != nil && len(p.Details) > 0 {
		if b, err := proto.Marshal(p); err == nil {
			fs = slices.DeleteFunc(fs, func(f hpack.HeaderField) bool { return f.Name == statusDetails })
			fs = append(fs, field(statusDetails, string(b)))
		}
	}
	return fs
}

// parseStatus reads a call's end; ok is false when there is none.
func parseStatus(fs []hpack.HeaderField) (st *status.Status, ok bool) {
	code, msg := codes.Unknown, ""
	var details []byte
	for _, f := range fs {
		switch f.Name {
		case "grpc-status":
			n, err := strconv.ParseUint(f.Value, 10, 32)
			if err != nil {
				return status.Newf(codes.Unknown, "malformed grpc-status %.40q", f.Value), true
			}
			code, ok = codes.Code(n), true
		case "grpc-message":
			msg = decodeMessage(f.Value)
		case statusDetails:
			details, _ = decodeBin(f.Value)
		}
	}
	if !ok {
		return nil, false
	}
	if details != nil {
		var p spb.Status
		if proto.Unmarshal(details, &p) == nil && p.Code == int32(code) {
			return status.FromProto(&p), true
		}
	}
	return status.New(code, msg), true
}

// httpCode maps an HTTP status to a gRPC code as http-grpc-status-mapping.md says.
func httpCode(s int) codes.Code {
	switch s {
	case http.StatusBadRequest:
		return codes.Internal
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.Unimplemented
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return codes.Unavailable
	}
	return codes.Unknown
}

// resetCode maps RST_STREAM's code as PROTOCOL-HTTP2.md says.
func resetCode(c http2.ErrCode) codes.Code {
	switch c {
	case http2.ErrCodeNo, http2.ErrCodeProtocol, http2.ErrCodeInternal, http2.ErrCodeFlowControl, http2.ErrCodeSettingsTimeout,
		http2.ErrCodeFrameSize, http2.ErrCodeCompression, http2.ErrCodeConnect:
		return codes.Internal
	case http2.ErrCodeRefusedStream:
		return codes.Unavailable
	case http2.ErrCodeCancel:
		return codes.Canceled
	case http2.ErrCodeEnhanceYourCalm:
		return codes.ResourceExhausted
	case http2.ErrCodeInadequateSecurity:
		return codes.PermissionDenied
	}
	return codes.Unknown
}

var timeoutUnits = []struct {
	c byte
	d time.Duration
}{{'n', time.Nanosecond}, {'u', time.Microsecond}, {'m', time.Millisecond}, {'S', time.Second}, {'M', time.Minute}, {'H', time.Hour}}

// encodeTimeout writes a grpc-timeout: at most eight digits, rounded up.
func encodeTimeout(d time.Duration) string {
	if d <= 0 {
		return "0n"
	}
	for _, u := range timeoutUnits {
		if n := (d + u.d - 1) / u.d; n < 1e8 {
			return strconv.FormatInt(int64(n), 10) + string(u.c)
		}
	}
	return "99999999H"
}

func decodeTimeout(s string) (time.Duration, bool) {
	if len(s) < 2 || len(s) > 9 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 64)
	if err != nil {
		return 0, false
	}
	for _, u := range timeoutUnits {
		if u.c == s[len(s)-1] {
			if n > uint64((1<<63-1)/u.d) {
				return 1<<63 - 1, true
			}
			return time.Duration(n) * u.d, true
		}
	}
	return 0, false
}

// subtype returns what follows application/grpc in a content type.
func subtype(contentType string) (sub string, ok bool) {
	t := strings.ToLower(contentType)
	t, ok = strings.CutPrefix(t, "application/grpc")
	switch {
	case !ok:
		return "", false
	case t == "" || t[0] == ';':
		return "", true
	case t[0] == '+':
		t, _, _ = strings.Cut(t[1:], ";")
		return t, true
	}
	return "", false
}

func contentType(sub string) string {
	if sub == "" {
		return "application/grpc"
	}
	return "application/grpc+" + sub
}
