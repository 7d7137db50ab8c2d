package h2

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec of generated code
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// oldCodec makes a CodecV2 of either earlier kind.
type oldCodec struct {
	marshal   func(any) ([]byte, error)
	unmarshal func([]byte, any) error
	name      string
}

func (c oldCodec) Name() string { return c.name }

func (c oldCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, err := c.marshal(v)
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

func (c oldCodec) Unmarshal(d mem.BufferSlice, v any) error { return c.unmarshal(d.Materialize(), v) }

func codecV1(c encoding.Codec) encoding.CodecV2 { return oldCodec{c.Marshal, c.Unmarshal, c.Name()} }

// lookCodec finds the registered codec of a content subtype; "" is proto.
func lookCodec(sub string) encoding.CodecV2 {
	if sub == "" {
		sub = "proto"
	}
	sub = strings.ToLower(sub)
	if c := encoding.GetCodecV2(sub); c != nil {
		return c
	}
	if c := encoding.GetCodec(sub); c != nil {
		return codecV1(c)
	}
	return nil
}

// compressor returns the registered one; nil for none and identity.
func compressor(name string) (encoding.Compressor, bool) {
	if name == "" || name == encoding.Identity {
		return nil, true
	}
	c := encoding.GetCompressor(name)
	return c, c != nil
}

// acceptEncoding lists what of the usual compressors is registered.
func acceptEncoding() string {
	var names []string
	for _, n := range []string{"gzip", "zstd", "snappy", "deflate", "lz4"} {
		if encoding.GetCompressor(n) != nil {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}

// coding is how one call's messages are encoded.
type coding struct {
	codec   encoding.CodecV2
	comp    encoding.Compressor // of what is sent; nil: none
	maxSend int
}

// encode makes m the stream's next message to be sent. A marshalled one is held until forget.
func (st *stream) encode(cd *coding, m any, keep *replay) error {
	size := 0
	if s, ok := m.(Segmented); ok {
		st.segs, size = s.Segments(st.segs[:0])
	} else if m != nil {
		var err error
		if st.bufs, err = cd.codec.Marshal(m); err != nil {
			return status.Errorf(codes.Internal, "message cannot be encoded: %v", err)
		}
		for _, b := range st.bufs {
			st.segs = append(st.segs, b.ReadOnlyData())
		}
		size = st.bufs.Len()
	}
	st.prefix[0] = 0
	if cd.comp != nil && size > 0 {
		b, err := deflate(cd.comp, st.segs)
		if err != nil {
			return status.Errorf(codes.Internal, "message cannot be compressed: %v", err)
		}
		st.segs, size = append(st.segs[:0], b), len(b)
		st.prefix[0] = 1
	}
	if size > cd.maxSend || size > math.MaxUint32 {
		return status.Errorf(codes.ResourceExhausted, "trying to send message larger than max (%d vs. %d)", size, cd.maxSend)
	}
	binary.BigEndian.PutUint32(st.prefix[1:], uint32(size))
	st.size = size
	if keep != nil {
		keep.add(st.prefix[:], st.segs, size)
	}
	return nil
}

// dispatch sends what encode made; see writer.message for when it returns. The first message after the receiver has
// waited is likely to be waited for at the other end, so it goes at once; later ones may wait for company.
func (st *stream) dispatch(u urgency, end bool) error {
	if u == soon && st.burst.Add(1) == 1 || end {
		u = now
	}
	return st.c.w.message(st, st.prefix[:], st.segs, st.size, u, end)
}

// forget lets go of the message that was sent.
func (st *stream) forget() {
	clear(st.segs[:cap(st.segs)])
	st.segs = st.segs[:0]
	if st.bufs != nil {
		st.bufs.Free()
		st.bufs = nil
	}
}

func deflate(c encoding.Compressor, segs [][]byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := c.Compress(&b)
	if err != nil {
		return nil, err
	}
	for _, s := range segs {
		if _, err := z.Write(s); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func inflate(c encoding.Compressor, p []byte, limit int) ([]byte, error) {
	r, err := c.Decompress(bytes.NewReader(p))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "message cannot be decompressed: %v", err)
	}
	if rc, ok := r.(io.Closer); ok {
		defer rc.Close()
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "message cannot be decompressed: %v", err)
	}
	if len(b) > limit {
		return nil, status.Errorf(codes.ResourceExhausted, "received message after decompression larger than max %d", limit)
	}
	return b, nil
}

// recv takes the next message into m.
func (st *stream) recv(cd *coding, m any) error {
	sm, _ := m.(SinkMessage)
	if sm != nil && st.factory == nil {
		st.mu.Lock()
		st.factory = sm
		st.mu.Unlock()
	}
	msg, err := st.take()
	if err != nil {
		st.untake()
		return err
	}
	if msg.sink != nil {
		if sm == nil {
			msg.drop()
			return status.Errorf(codes.Internal, "RecvMsg given %T after it was given a SinkMessage", m)
		}
		if s := sm.Take(msg.sink); s != nil {
			st.spare = append(st.spare, s)
		}
		return nil
	}
	data := mem.NewBuffer(msg.buf, &buffers) // the codec may keep a reference
	defer func() { data.Free() }()
	if msg.compressed {
		if st.decomp == nil {
			return status.Errorf(codes.Internal, "a compressed message where grpc-encoding is %q", st.encoding)
		}
		b, err := inflate(st.decomp, data.ReadOnlyData(), st.limit)
		data.Free()
		data = mem.SliceBuffer(b)
		if err != nil {
			return err
		}
	}
	if sm != nil {
		return st.replay(sm, data.ReadOnlyData())
	}
	if err := cd.codec.Unmarshal(mem.BufferSlice{data}, m); err != nil {
		return status.Errorf(codes.Internal, "message cannot be decoded: %v", err)
	}
	return nil
}

// replay puts a message that was held as bytes through a sink.
func (st *stream) replay(sm SinkMessage, data []byte) error {
	s := st.idleSink()
	if s == nil {
		s = sm.NewSink()
	}
	err := s.Reset(len(data))
	if err == nil {
		_, err = s.Write(data)
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		if _, ok := status.FromError(err); !ok {
			err = status.Errorf(codes.Internal, "message cannot be taken apart: %v", err)
		}
		return err
	}
	if s = sm.Take(s); s != nil {
		st.spare = append(st.spare, s)
	}
	return nil
}
