package h2

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
)

// blob is a message for tests: it is sent from its own memory and received into memory that is used again.
type blob struct {
	data  []byte // received, or to be sent
	parts int    // pieces that it is sent in; 0: one
	count bool   // received bytes are counted, not kept
	n     int    // received bytes

	made      atomic.Int64 // sinks
	discarded atomic.Int64
}

func (b *blob) Segments(dst [][]byte) ([][]byte, int) {
	p := b.data
	for k := b.parts; k > 1; k-- {
		n := len(p) / k
		dst, p = append(dst, p[:n]), p[n:]
	}
	return append(dst, p), len(b.data)
}

func (b *blob) NewSink() Sink {
	b.made.Add(1)
	return &blobSink{of: b, count: b.count}
}

func (b *blob) Take(s Sink) Sink {
	k := s.(*blobSink)
	b.data, k.buf = k.buf, b.data
	b.n = k.got
	return k
}

type blobSink struct {
	of    *blob
	count bool
	buf   []byte
	got   int
	size  int
}

func (s *blobSink) Reset(size int) error {
	s.got, s.size = 0, size
	if s.count {
		return nil
	}
	if cap(s.buf) < size {
		s.buf = make([]byte, size)
	}
	s.buf = s.buf[:size]
	return nil
}

func (s *blobSink) Write(p []byte) (int, error) {
	if !s.count {
		copy(s.buf[s.got:], p)
	}
	s.got += len(p)
	return len(p), nil
}

func (s *blobSink) Direct() []byte {
	if s.count || s.got < 100 { // as if there were a header in front
		return nil
	}
	return s.buf[s.got:]
}

func (s *blobSink) Advance(n int) { s.got += n }

func (s *blobSink) Close() error {
	if s.got != s.size {
		return errors.New("sink closed early")
	}
	return nil
}

func (s *blobSink) Discard() { s.of.discarded.Add(1) }

// A package that declares the interfaces for itself satisfies them here.
type foreignSink = interface {
	Reset(size int) error
	Write(p []byte) (int, error)
	Direct() []byte
	Advance(n int)
	Close() error
}

type foreignMessage interface {
	NewSink() foreignSink
	Take(foreignSink) foreignSink
}

var _ SinkMessage = foreignMessage(nil)

// blobCodec moves blobs over grpc-go without copying what is sent.
type blobCodec struct{}

func (blobCodec) Name() string { return "blob" }

func (blobCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.(*blob).data)}, nil
}

func (blobCodec) Unmarshal(d mem.BufferSlice, v any) error {
	b := v.(*blob)
	b.n = d.Len()
	if !b.count {
		if cap(b.data) < b.n {
			b.data = make([]byte, b.n)
		}
		b.data = b.data[:b.n]
		d.CopyTo(b.data)
	}
	return nil
}

// get asks for n messages of size bytes in parts.
func getRequest(n, size, parts int) *blob {
	b := binary.BigEndian.AppendUint64(nil, uint64(n))
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	return &blob{data: binary.BigEndian.AppendUint64(b, uint64(parts))}
}

func recvRequest(s grpc.ServerStream) (n, size, parts int, err error) {
	var req blob
	if err := s.RecvMsg(&req); err != nil {
		return 0, 0, 0, err
	}
	u := func(i int) int { return int(binary.BigEndian.Uint64(req.data[8*i:])) }
	return u(0), u(1), u(2), nil
}

func fill(p []byte, seed int) {
	for i := range p {
		p[i] = byte(seed + i + i>>8)
	}
}

// blobService has Get (server streaming), Put (client streaming), Echo (both) and Stats.
var blobService = grpc.ServiceDesc{
	ServiceName: "test.Blob", HandlerType: (*any)(nil),
	Streams: []grpc.StreamDesc{
		{StreamName: "Get", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			n, size, parts, err := recvRequest(s)
			if err != nil {
				return err
			}
			m := &blob{data: make([]byte, size), parts: parts}
			fill(m.data, size)
			for range n {
				if err := s.SendMsg(m); err != nil {
					return err
				}
			}
			return nil
		}},
		{StreamName: "Put", ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			m := &blob{count: true}
			total := 0
			for {
				err := s.RecvMsg(m)
				if err == io.EOF {
					return s.SendMsg(getRequest(total, 0, 0))
				}
				if err != nil {
					return err
				}
				total += m.n
			}
		}},
		{StreamName: "Echo", ClientStreams: true, ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			var m blob
			for {
				if err := s.RecvMsg(&m); err != nil {
					if err == io.EOF {
						return nil
					}
					return err
				}
				if err := s.SendMsg(&m); err != nil {
					return err
				}
				if _, direct := s.(*serverStream); !direct { // grpc-go still holds it
					m.data = nil
				}
			}
		}},
		{StreamName: "CPU", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			if _, _, _, err := recvRequest(s); err != nil {
				return err
			}
			return s.SendMsg(getRequest(int(cpu()*1e9), 0, 0))
		}},
	},
}

func cpu() float64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

func openBlob(ctx context.Context, cc grpc.ClientConnInterface, method string) (grpc.ClientStream, error) {
	for i := range blobService.Streams {
		if d := &blobService.Streams[i]; d.StreamName == method {
			return cc.NewStream(ctx, d, "/test.Blob/"+method, grpc.ForceCodecV2(blobCodec{}), grpc.MaxCallRecvMsgSize(1<<30))
		}
	}
	panic("no method " + method)
}
