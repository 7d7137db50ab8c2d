package h2

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/http2"
)

// frame handles a complete frame other than DATA.
func (r *reader) frame(h http2.FrameHeader, p []byte) error {
	c, id := r.c, h.StreamID
	switch h.Type {
	case http2.FrameHeaders:
		return r.headersFrame(h, p)
	case http2.FrameContinuation:
		if r.h.id == 0 {
			return protocol("CONTINUATION without HEADERS")
		}
		return r.fragment(p, h.Flags.Has(http2.FlagContinuationEndHeaders))
	case http2.FrameSettings:
		return r.settingsFrame(h, p)
	case http2.FramePushPromise:
		return protocol("PUSH_PROMISE, which is switched off")
	case http2.FramePriority:
		if id == 0 {
			return protocol("PRIORITY on stream 0")
		}
		if len(p) != 5 {
			return streamError{id, http2.ErrCodeFrameSize, "PRIORITY that is not 5 bytes"}
		}
		if binary.BigEndian.Uint32(p)&(1<<31-1) == id {
			return streamError{id, http2.ErrCodeProtocol, "a stream that depends on itself"}
		}
		return r.budget.spend(1)
	case http2.FrameRSTStream:
		if len(p) != 4 {
			return connError{http2.ErrCodeFrameSize, "RST_STREAM that is not 4 bytes"}
		}
		if id == 0 || !c.role.opened(id) {
			return protocol("RST_STREAM of stream %d, which is idle", id)
		}
		if err := r.budget.spend(1); err != nil {
			return err
		}
		if st := c.stream(id); st != nil {
			st.remoteEnd.Store(true)
			return c.role.remoteReset(st, http2.ErrCode(binary.BigEndian.Uint32(p)))
		}
		return nil
	case http2.FramePing:
		if len(p) != 8 {
			return connError{http2.ErrCodeFrameSize, "PING that is not 8 bytes"}
		}
		if id != 0 {
			return protocol("PING on stream %d", id)
		}
		if h.Flags.Has(http2.FlagPingAck) {
			c.pinged.Store(false)
			c.pong([8]byte(p))
			return r.budget.spend(1)
		}
		if err := r.budget.spend(1); err != nil {
			return err
		}
		return c.w.control(appendPing(nil, true, [8]byte(p)))
	case http2.FrameGoAway:
		if id != 0 {
			return protocol("GOAWAY on stream %d", id)
		}
		if len(p) < 8 {
			return connError{http2.ErrCodeFrameSize, "GOAWAY of less than 8 bytes"}
		}
		if err := r.budget.spend(10); err != nil {
			return err
		}
		c.role.goAway(binary.BigEndian.Uint32(p)&(1<<31-1), http2.ErrCode(binary.BigEndian.Uint32(p[4:])), fmt.Sprintf("%.200q", p[8:]))
		return nil
	default:
		return r.windowUpdate(id, p)
	}
}

func (r *reader) windowUpdate(id uint32, p []byte) error {
	c := r.c
	if len(p) != 4 {
		return connError{http2.ErrCodeFrameSize, "WINDOW_UPDATE that is not 4 bytes"}
	}
	if id != 0 && !c.role.opened(id) {
		return protocol("WINDOW_UPDATE of stream %d, which is idle", id)
	}
	n := int64(binary.BigEndian.Uint32(p) & (1<<31 - 1))
	cost := 1
	if n < 256 { // small change costs more to use than to give
		cost = 4
	}
	if err := r.budget.spend(cost); err != nil {
		return err
	}
	w := &c.w
	if id == 0 {
		if n == 0 {
			return protocol("WINDOW_UPDATE of 0")
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.connWin+n > maxWindow {
			return connError{http2.ErrCodeFlowControl, "the connection's window overflows"}
		}
		w.connWin += n
		if len(w.waiting) > 0 {
			w.waiting[0].sendCond.Signal()
		}
		return nil
	}
	st := c.stream(id)
	if st == nil {
		return nil
	}
	if n == 0 {
		return streamError{id, http2.ErrCodeProtocol, "WINDOW_UPDATE of 0"}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if st.sendWin+n > maxWindow {
		return streamError{id, http2.ErrCodeFlowControl, "the stream's window overflows"}
	}
	st.sendWin += n
	st.sendCond.Signal()
	return nil
}

func (r *reader) headersFrame(h http2.FrameHeader, p []byte) error {
	id := h.StreamID
	if id == 0 {
		return protocol("HEADERS on stream 0")
	}
	pad := 0
	if h.Flags.Has(http2.FlagHeadersPadded) {
		if len(p) == 0 {
			return connError{http2.ErrCodeFrameSize, "a padded frame without a pad length"}
		}
		pad, p = int(p[0]), p[1:]
	}
	self := false
	if h.Flags.Has(http2.FlagHeadersPriority) {
		if len(p) < 5 {
			return connError{http2.ErrCodeFrameSize, "HEADERS too short for its priority"}
		}
		self = binary.BigEndian.Uint32(p)&(1<<31-1) == id
		p = p[5:]
	}
	if pad > len(p) {
		return protocol("padding that is longer than its frame")
	}
	r.h.begin(id, h.Flags.Has(http2.FlagHeadersEndStream))
	if self {
		r.h.block.bad = "a stream that depends on itself"
	}
	return r.fragment(p[:len(p)-pad], h.Flags.Has(http2.FlagHeadersEndHeaders))
}

func (r *reader) fragment(p []byte, last bool) error {
	done, err := r.h.fragment(p, last, r.c.t.MaxHeaderList)
	if err != nil || !done {
		return err
	}
	id := r.h.id
	r.h.id = 0
	return r.c.role.headers(id, &r.h.block, r.h.end)
}

func (r *reader) settingsFrame(h http2.FrameHeader, p []byte) error {
	ack := h.Flags.Has(http2.FlagSettingsAck)
	switch {
	case h.StreamID != 0:
		return protocol("SETTINGS on stream %d", h.StreamID)
	case ack && len(p) > 0 || len(p)%6 != 0:
		return connError{http2.ErrCodeFrameSize, fmt.Sprintf("SETTINGS of %d bytes", len(p))}
	}
	if err := r.budget.spend(20 + len(p)/6); err != nil {
		return err
	}
	r.setOne = true
	if ack {
		return nil
	}
	for ; len(p) > 0; p = p[6:] {
		if err := r.c.setting(http2.Setting{ID: http2.SettingID(binary.BigEndian.Uint16(p)), Val: binary.BigEndian.Uint32(p[2:])}); err != nil {
			return err
		}
	}
	r.c.settled.Store(true)
	r.c.role.settings()
	return r.c.w.control(appendSettingsAck(nil))
}

// setting applies one of the peer's settings.
func (c *conn) setting(s http2.Setting) error {
	w := &c.w
	w.mu.Lock()
	defer w.mu.Unlock()
	switch s.ID {
	case http2.SettingEnablePush:
		if s.Val > 1 {
			return protocol("ENABLE_PUSH of %d", s.Val)
		}
	case http2.SettingHeaderTableSize:
		w.henc.SetMaxDynamicTableSize(min(s.Val, tableSizeLimit))
	case http2.SettingMaxFrameSize:
		if s.Val < minFrame || s.Val > maxFrameLimit {
			return protocol("MAX_FRAME_SIZE of %d", s.Val)
		}
		w.peerMax = min(int(s.Val), 1<<20)
		w.maxFrame = min(int(s.Val), c.t.SendFrame)
	case http2.SettingInitialWindowSize:
		if s.Val > maxWindow {
			return connError{http2.ErrCodeFlowControl, fmt.Sprintf("INITIAL_WINDOW_SIZE of %d", s.Val)}
		}
		delta := int64(s.Val) - w.initWin
		w.initWin = int64(s.Val)
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, st := range c.streams {
			if st.sendWin += delta; st.sendWin > maxWindow {
				return connError{http2.ErrCodeFlowControl, "a stream's window overflows"}
			}
			st.sendCond.Signal()
		}
	case http2.SettingMaxHeaderListSize:
		w.peerHeaders = int64(s.Val)
	case http2.SettingMaxConcurrentStreams:
		w.peerStreams = int64(s.Val)
	default:
		return nil
	}
	c.announced[s.ID] = s.Val
	return nil
}
