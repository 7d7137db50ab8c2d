package target

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"
)

// Bounds of a jar, since a server may set cookies with every answer: what RFC
// 6265 section 6.1 asks of clients at least.
const (
	maxCookies     = 50
	maxCookieBytes = 4096 // of name and value
)

// jar keeps the cookies of one session: set-cookie of RFC 6265 without domains
// and paths, as the cookie middlewares of arrow-go and C++ do it. Cookies above
// its bounds are not kept, as browsers do. A nil jar keeps none.
type jar struct {
	now func() time.Time

	mu      sync.Mutex
	cookies map[string]cookie // by name
}

type cookie struct {
	value   string
	expires time.Time // zero: with the session
}

func newJar() *jar { return &jar{now: time.Now, cookies: map[string]cookie{}} }

// Format implements fmt.Formatter: cookies are secrets.
func (j *jar) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "cookies "+masked) }

// clone is a jar that begins with the same cookies, for another server of the
// same service.
func (j *jar) clone() *jar {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return &jar{now: j.now, cookies: maps.Clone(j.cookies)}
}

// learn takes the set-cookie values of a call's headers or trailers. What is no
// cookie is ignored, as RFC 6265 section 5.2 asks.
func (j *jar) learn(md metadata.MD) {
	set := md.Get("set-cookie")
	if j == nil || len(set) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.now()
	for _, line := range set {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			continue
		}
		expires := c.Expires
		if c.MaxAge > 0 { // it has precedence over Expires
			expires = now.Add(time.Duration(min(int64(c.MaxAge), math.MaxInt64/int64(time.Second))) * time.Second)
		}
		if c.MaxAge < 0 || !expires.IsZero() && !expires.After(now) {
			delete(j.cookies, c.Name)
			continue
		}
		value := c.Value
		if c.Quoted {
			value = `"` + value + `"`
		}
		if _, ok := j.cookies[c.Name]; len(c.Name)+len(value) > maxCookieBytes || !ok && len(j.cookies) >= maxCookies {
			continue
		}
		j.cookies[c.Name] = cookie{value, expires}
	}
}

// header is the value of cookie, "" for none.
func (j *jar) header() string {
	if j == nil {
		return ""
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.cookies) == 0 {
		return ""
	}
	now := j.now()
	maps.DeleteFunc(j.cookies, func(_ string, c cookie) bool { return !c.expires.IsZero() && !c.expires.After(now) })
	pairs := make([]string, 0, len(j.cookies))
	for _, name := range slices.Sorted(maps.Keys(j.cookies)) {
		pairs = append(pairs, name+"="+j.cookies[name].value)
	}
	return strings.Join(pairs, "; ")
}
