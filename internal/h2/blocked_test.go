package h2

import (
	"testing"
)

func TestMeter(t *testing.T) {
	var m Meter
	total := func(now, want int64) {
		t.Helper()
		if got := m.Total(now); got != want {
			t.Errorf("at %d: %d, want %d", now, got, want)
		}
	}
	total(5, 0)
	m.Enter(10)
	total(25, 15) // under way
	m.Enter(20)
	total(25, 20) // two at a time
	m.Leave(10, 30)
	total(40, 50)
	m.Leave(20, 5) // of which less counts than went by
	total(100, 35)
}

func TestIdleClock(t *testing.T) {
	var c idleClock
	total := func(now, want int64) {
		t.Helper()
		if got := c.total(now); got != want {
			t.Errorf("at %d: %d, want %d", now, got, want)
		}
	}
	total(7, 0)
	c.begin(10)
	total(10, 0)
	total(14, 4)
	c.end(15)
	total(99, 5)
	c.end(30) // it was not begun
	total(99, 5)
	c.begin(100)
	c.end(103)
	total(200, 8)
}

// BenchmarkWait is what it costs to time a wait.
func BenchmarkWait(b *testing.B) {
	var m Meter
	var c idleClock
	for b.Loop() {
		began := Nanos()
		idle := c.total(began)
		m.Enter(began)
		now := Nanos()
		m.Leave(began, min(now-began, max(0, c.total(now)-idle)))
	}
}
