package sqldemo

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestHandles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dropped []string
		h := handles[string]{what: "thing", max: 2, idle: time.Minute, drop: func(v string) { dropped = append(dropped, v) }}
		a, err := h.add("a")
		if err != nil {
			t.Fatal(err)
		}
		b, err := h.add("b")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.add("c"); status.Code(err) != codes.ResourceExhausted || status.Convert(err).Message() != "2 things are open, the most there may be: close some" {
			t.Errorf("a third: %v", err)
		}
		v, done, err := h.use(a)
		if v != "a" || err != nil {
			t.Fatal(v, err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if !slices.Equal(dropped, []string{"b"}) {
			t.Errorf("after an hour %v were dropped, want b, which nobody used", dropped)
		}
		if _, _, err := h.use(b); status.Code(err) != codes.NotFound {
			t.Errorf("b, dropped: %v", err)
		}
		done()
		time.Sleep(59 * time.Second)
		if _, done, err = h.use(a); err != nil {
			t.Errorf("a, 59 s after its use: %v", err)
		}
		if _, err := h.remove(a); err != nil {
			t.Error(err)
		}
		done() // of what has been removed
		if _, err := h.remove(a); status.Code(err) != codes.NotFound {
			t.Errorf("a, removed: %v", err)
		}
		time.Sleep(time.Hour)
		if _, err := h.add("d"); err != nil {
			t.Error(err)
		}
		h.close()
		if !slices.Equal(dropped, []string{"b", "d"}) {
			t.Errorf("dropped %v, want b and, by close, d", dropped)
		}
		if _, err := h.add("e"); err != errShut {
			t.Errorf("after close: %v", err)
		}
		if _, _, err := h.use(a); err != errShut {
			t.Errorf("after close: %v", err)
		}
	})
}
