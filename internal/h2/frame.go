package h2

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/http2"
)

const (
	frameHeader    = 9
	messagePrefix  = 5 // gRPC: a flag and the length
	initialWindow  = 65535
	maxWindow      = 1<<31 - 1
	minFrame       = 16384
	maxFrameLimit  = 1<<24 - 1
	tableSizeLimit = 4096 // HPACK, both directions
)

// A connError ends the connection with GOAWAY (RFC 9113 section 5.4.1).
type connError struct {
	code   http2.ErrCode
	reason string
}

func (e connError) Error() string {
	return fmt.Sprintf("http2 connection error %v: %s", e.code, e.reason)
}

// A streamError ends one stream with RST_STREAM (RFC 9113 section 5.4.2).
type streamError struct {
	id     uint32
	code   http2.ErrCode
	reason string
}

func (e streamError) Error() string {
	return fmt.Sprintf("http2 stream %d error %v: %s", e.id, e.code, e.reason)
}

func protocol(format string, a ...any) error {
	return connError{http2.ErrCodeProtocol, fmt.Sprintf(format, a...)}
}

func calm(format string, a ...any) error {
	return connError{http2.ErrCodeEnhanceYourCalm, fmt.Sprintf(format, a...)}
}

func parseFrameHeader(b []byte) http2.FrameHeader {
	_ = b[8]
	return http2.FrameHeader{
		Length:   uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]),
		Type:     http2.FrameType(b[3]),
		Flags:    http2.Flags(b[4]),
		StreamID: binary.BigEndian.Uint32(b[5:]) & (1<<31 - 1),
	}
}

func putFrameHeader(b []byte, length int, t http2.FrameType, f http2.Flags, id uint32) {
	_ = b[8]
	b[0], b[1], b[2] = byte(length>>16), byte(length>>8), byte(length)
	b[3], b[4] = byte(t), byte(f)
	binary.BigEndian.PutUint32(b[5:], id)
}

func appendFrameHeader(b []byte, length int, t http2.FrameType, f http2.Flags, id uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), byte(t), byte(f),
		byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

func appendSettings(b []byte, ss ...http2.Setting) []byte {
	b = appendFrameHeader(b, 6*len(ss), http2.FrameSettings, 0, 0)
	for _, s := range ss {
		b = binary.BigEndian.AppendUint16(b, uint16(s.ID))
		b = binary.BigEndian.AppendUint32(b, s.Val)
	}
	return b
}

func appendSettingsAck(b []byte) []byte {
	return appendFrameHeader(b, 0, http2.FrameSettings, http2.FlagSettingsAck, 0)
}

func appendWindowUpdate(b []byte, id, n uint32) []byte {
	b = appendFrameHeader(b, 4, http2.FrameWindowUpdate, 0, id)
	return binary.BigEndian.AppendUint32(b, n)
}

func appendReset(b []byte, id uint32, code http2.ErrCode) []byte {
	b = appendFrameHeader(b, 4, http2.FrameRSTStream, 0, id)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendPing(b []byte, ack bool, data [8]byte) []byte {
	var f http2.Flags
	if ack {
		f = http2.FlagPingAck
	}
	return append(appendFrameHeader(b, 8, http2.FramePing, f, 0), data[:]...)
}

func appendGoAway(b []byte, last uint32, code http2.ErrCode, debug string) []byte {
	debug = debug[:min(len(debug), 256)]
	b = appendFrameHeader(b, 8+len(debug), http2.FrameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, debug...)
}

// appendHeaderBlock splits an encoded header list into HEADERS and CONTINUATION frames of at most maxFrame.
func appendHeaderBlock(b, block []byte, id uint32, maxFrame int, end bool) []byte {
	t, first := http2.FrameHeaders, true
	for first || len(block) > 0 {
		n := min(len(block), maxFrame)
		var f http2.Flags
		if n == len(block) {
			f |= http2.FlagHeadersEndHeaders // the same bit as CONTINUATION's
		}
		if first && end {
			f |= http2.FlagHeadersEndStream
		}
		b = append(appendFrameHeader(b, n, t, f, id), block[:n]...)
		block, t, first = block[n:], http2.FrameContinuation, false
	}
	return b
}
