package target

import (
	"fmt"

	"flightbench/internal/h2"
)

// dialDirect connects through our own HTTP/2.
func (t Target) dialDirect(tu Tuning) (*Conn, error) {
	o := h2.DefaultClientOptions()
	socks := &sockets{}
	o.Dial, o.TLS, o.Authority = socks.dialer(tu.line.dialer(t.dialer)), t.TLS, t.authority
	o.UserAgent = "flightbench"
	for _, f := range []struct {
		to    *int
		value int64
	}{{&o.Window, tu.Window}, {&o.ConnWindow, tu.ConnWindow}, {&o.ReadBuffer, tu.ReadBuffer}, {&o.WriteBuffer, tu.WriteBuffer},
		{&o.MaxFrame, tu.MaxFrame}, {&o.MaxRecvMsgSize, tu.MaxMessage}, {&o.MaxSendMsgSize, tu.MaxMessage}} {
		if f.value != 0 {
			*f.to = int(f.value)
		}
	}
	cc, err := h2.NewClient(o)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", t.URI, err)
	}
	return &Conn{ClientConnInterface: cc, Wire: cc.WireBytes, Inspect: cc.Inspect, TCP: socks.read, Close: cc.Close}, nil
}
