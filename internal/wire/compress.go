package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// A frameWriter compresses one buffer at a time, appending to dst.
type frameWriter interface {
	compress(dst, src []byte) ([]byte, error)
}

// A compressor is its user's until it is closed.
type compressor struct {
	frameWriter
	pool *sync.Pool // that it goes back to
}

func (c *compressor) close() { c.pool.Put(c.frameWriter) }

// frameWriters are a *sync.Pool by Compression: to make one of ZSTD costs as
// much as to compress some megabytes.
var frameWriters sync.Map

// newCompressor also gives the codec's number in Arrow's format. Without a
// codec the compressor is nil.
func newCompressor(c Compression) (*compressor, int8, error) {
	codec := map[string]int8{LZ4: codecLZ4, ZSTD: codecZSTD}
	number, ok := codec[c.Name]
	if !ok {
		return nil, codecNone, nil
	}
	kept, _ := frameWriters.LoadOrStore(c, &sync.Pool{})
	pool := kept.(*sync.Pool)
	w, ok := pool.Get().(frameWriter)
	if !ok {
		var err error
		if w, err = newFrameWriter(c); err != nil {
			return nil, codecNone, fmt.Errorf("compression %s: %w", c, err)
		}
	}
	return &compressor{w, pool}, number, nil
}

func newFrameWriter(c Compression) (frameWriter, error) {
	if c.Name == LZ4 {
		w := lz4.NewWriter(nil)
		level := lz4.Fast
		if c.Level > 0 {
			level = lz4.CompressionLevel(1 << (8 + c.Level)) // lz4.Level1..Level9
		}
		// without checksums, and in blocks of 64 KiB, as Arrow's C++ writes them
		err := w.Apply(lz4.ChecksumOption(false), lz4.BlockSizeOption(lz4.Block64Kb), lz4.CompressionLevelOption(level), lz4.ConcurrencyOption(1))
		return &lz4Compressor{w: w}, err
	}
	level := zstd.SpeedDefault
	if c.Level > 0 {
		level = zstd.EncoderLevelFromZstd(c.Level)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	return zstdCompressor{enc}, err
}

type lz4Compressor struct {
	w   *lz4.Writer
	buf bytes.Buffer
}

func (c *lz4Compressor) compress(dst, src []byte) ([]byte, error) {
	c.buf.Reset()
	c.w.Reset(&c.buf)
	if _, err := c.w.Write(src); err != nil {
		return nil, fmt.Errorf("lz4: %w", err)
	}
	if err := c.w.Close(); err != nil {
		return nil, fmt.Errorf("lz4: %w", err)
	}
	return append(dst, c.buf.Bytes()...), nil
}

type zstdCompressor struct{ enc *zstd.Encoder }

func (c zstdCompressor) compress(dst, src []byte) ([]byte, error) {
	return c.enc.EncodeAll(src, dst), nil
}

// Most that one byte of a frame can inflate to: LZ4 spends a byte per 255 of a
// match; a ZSTD block of 128 KiB of one byte takes 4.
const (
	lz4Ratio  = 255
	zstdRatio = 128 << 10 / 4
)

// checkInflated refuses a claim that the frame of stored bytes can't keep, so
// that no memory is set aside for it.
func checkInflated(codec int8, stored, claimed int64) error {
	ratio := int64(lz4Ratio)
	if codec == codecZSTD {
		ratio = zstdRatio
	}
	if claimed > stored*ratio {
		return fmt.Errorf("record batch: a compressed buffer of %d bytes claims to be %d", stored, claimed)
	}
	return nil
}

// sharedZSTD decodes for all readers: it keeps as many decoders as run at once.
var sharedZSTD = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithDecodeAllCapLimit(true), // never more than the destination holds
	)
})

// inflate decompresses src into all of dst.
func inflate(codec int8, dst, src []byte) error {
	if codec == codecZSTD {
		dec, err := sharedZSTD()
		if err != nil {
			return fmt.Errorf("zstd: %w", err)
		}
		out, err := dec.DecodeAll(src, dst[:0:len(dst)])
		if err != nil {
			return fmt.Errorf("zstd: %w", err)
		}
		if len(out) != len(dst) {
			return fmt.Errorf("zstd: %d bytes instead of %d", len(out), len(dst))
		}
		return nil
	}
	return inflateLZ4(dst, src)
}

// inflateLZ4 decodes an LZ4 frame straight into dst, block by block. Frames
// with checksums or dictionaries, which no Arrow writer makes, take the
// library's reader.
func inflateLZ4(dst, src []byte) error {
	const magic = 0x184D2204
	if len(src) < 7 || binary.LittleEndian.Uint32(src) != magic {
		return fmt.Errorf("lz4: no frame at the start of %d bytes", len(src))
	}
	flags := src[4]
	if flags>>6 != 1 {
		return fmt.Errorf("lz4: frame version %d", flags>>6)
	}
	if flags&0b10111 != 0 { // block checksums, content checksum, reserved, dictionary
		return inflateLZ4Slow(dst, src)
	}
	linked := flags&0x20 == 0
	pos := 7 // magic, flags, block size, header checksum
	if flags&0x08 != 0 {
		pos += 8
	}
	done := 0
	for {
		if len(src)-pos < 4 {
			return fmt.Errorf("lz4: the frame ends without its end mark")
		}
		size := int(binary.LittleEndian.Uint32(src[pos:]))
		pos += 4
		if size == 0 {
			break
		}
		raw := size>>31 != 0
		size &= 1<<31 - 1
		if size > len(src)-pos {
			return fmt.Errorf("lz4: a block of %d bytes, but %d are left", size, len(src)-pos)
		}
		block := src[pos : pos+size]
		pos += size
		if raw {
			if size > len(dst)-done {
				return fmt.Errorf("lz4: more than the %d bytes announced", len(dst))
			}
			done += copy(dst[done:], block)
			continue
		}
		var dict []byte
		if linked {
			dict = dst[max(0, done-64<<10):done]
		}
		n, err := lz4.UncompressBlockWithDict(block, dst[done:], dict)
		if err != nil {
			return fmt.Errorf("lz4: block at byte %d: %w", pos-size, err)
		}
		done += n
	}
	if done != len(dst) {
		return fmt.Errorf("lz4: %d bytes instead of %d", done, len(dst))
	}
	return nil
}

func inflateLZ4Slow(dst, src []byte) error {
	r := lz4.NewReader(bytes.NewReader(src))
	if _, err := io.ReadFull(r, dst); err != nil {
		return fmt.Errorf("lz4: %w", err)
	}
	var one [1]byte
	if _, err := io.ReadFull(r, one[:]); err != io.EOF {
		return fmt.Errorf("lz4: more than the %d bytes announced", len(dst))
	}
	return nil
}
