package target

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/metadata"
)

func TestCookieJar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJar()
		step := func(want string, set ...string) {
			t.Helper()
			j.learn(metadata.MD{"set-cookie": set})
			if got := j.header(); got != want {
				t.Errorf("after %q: %q, want %q", set, got, want)
			}
		}
		step("")
		step("a=1", "a=1; Path=/x; Secure")
		step(`a=2; b="x y"`, "a=2", `b="x y"`)
		step(`a=2; b="x y"; c=3`, "c=3; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
		step(`a=2; c=3; d=4`, "b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "d=4; Expires="+time.Now().Add(time.Minute).UTC().Format(time.RFC1123))
		step(`a=2; c=3; d=4`, "no cookie", "", "=x", "a b=1")
		time.Sleep(11 * time.Second)
		step(`a=2; d=4`)
		other := j.clone()
		other.learn(metadata.Pairs("set-cookie", "e=5"))
		time.Sleep(time.Minute)
		step(`a=2`)
		if got := other.header(); got != "a=2; e=5" {
			t.Errorf("the clone has %q", got)
		}
		step("", "a=; Max-Age=0")
		step("a=1", "a=1; Max-Age=99999999999")
		step("", "a=; Max-Age=0")
	})
	var none *jar
	none.learn(metadata.Pairs("set-cookie", "a=1"))
	if none.header() != "" || none.clone() != nil {
		t.Error("a jar that is not there keeps cookies")
	}
}

// TestCookieJarIsBounded meets a server that sets cookies without end.
func TestCookieJarIsBounded(t *testing.T) {
	j := newJar()
	for i := range 2 * maxCookies {
		j.learn(metadata.Pairs("set-cookie", fmt.Sprintf("c%d=1", i)))
	}
	j.learn(metadata.Pairs("set-cookie", "c0=2", "set-cookie", "c1="+strings.Repeat("x", maxCookieBytes)))
	if got := j.header(); len(j.cookies) != maxCookies || !strings.HasPrefix(got, "c0=2; c1=1; ") {
		t.Errorf("%d cookies are kept: %.40s", len(j.cookies), got)
	}
}
