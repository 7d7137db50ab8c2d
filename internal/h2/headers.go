package h2

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// headerBlock is a decoded header list. Its fields are valid until the next one is decoded.
type headerBlock struct {
	fields   []hpack.HeaderField
	pseudo   int    // how many of them, all in front, are pseudo-header fields
	size     int    // as RFC 9113 section 6.5.2 counts
	tooLarge bool   // beyond our limit; the rest was dropped
	bad      string // why the list is malformed
}

// get returns the value of a pseudo-header field.
func (b *headerBlock) get(name string) string {
	for _, f := range b.fields[:b.pseudo] {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func (b *headerBlock) reset() {
	clear(b.fields)
	*b = headerBlock{fields: b.fields[:0]}
}

// add checks a field as RFC 9113 sections 8.2 and 8.3 ask, and keeps it if limit allows.
func (b *headerBlock) add(f hpack.HeaderField, limit int) {
	b.size += int(f.Size())
	if b.size > limit {
		b.tooLarge = true
		return
	}
	if b.bad == "" {
		b.bad = b.check(f)
	}
	if f.IsPseudo() && b.bad == "" {
		b.pseudo++
	}
	b.fields = append(b.fields, f)
}

func (b *headerBlock) check(f hpack.HeaderField) string {
	if f.IsPseudo() {
		if b.pseudo != len(b.fields) {
			return "a pseudo-header field after ordinary ones"
		}
		for _, g := range b.fields {
			if g.Name == f.Name {
				return fmt.Sprintf("%s twice", f.Name)
			}
		}
		return ""
	}
	if !httpguts.ValidHeaderFieldName(f.Name) || strings.ToLower(f.Name) != f.Name {
		return fmt.Sprintf("field name %.40q", f.Name)
	}
	if !httpguts.ValidHeaderFieldValue(f.Value) {
		return fmt.Sprintf("value of %s", f.Name)
	}
	switch f.Name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return fmt.Sprintf("the connection-specific field %s", f.Name)
	case "te":
		if f.Value != "trailers" {
			return fmt.Sprintf("te: %.40q", f.Value)
		}
	}
	return ""
}

const maxContinuations = 128

// headerReader puts header blocks together from HEADERS and CONTINUATION.
type headerReader struct {
	dec   *hpack.Decoder
	block headerBlock
	id    uint32 // of the block that is not complete; 0: none
	end   bool
	bytes int
	parts int
}

func (h *headerReader) init(limit int) {
	h.dec = hpack.NewDecoder(tableSizeLimit, func(f hpack.HeaderField) { h.block.add(f, limit) })
	h.dec.SetMaxStringLength(limit)
}

// fragment takes the next part of a block; done says that it was the last. No more than twice limit is read, so that a
// list that is too large can still be answered on its own stream.
func (h *headerReader) fragment(p []byte, last bool, limit int) (done bool, err error) {
	h.bytes += len(p)
	h.parts++
	if h.bytes > 2*limit+minFrame || h.parts > maxContinuations {
		return false, calm("a header block of more than %d bytes or %d frames", 2*limit+minFrame, maxContinuations)
	}
	if _, err = h.dec.Write(p); err == nil && last {
		err = h.dec.Close()
	}
	if err == hpack.ErrStringLength {
		return false, calm("a header field of more than %d bytes", limit)
	}
	if err != nil {
		return false, connError{http2.ErrCodeCompression, err.Error()}
	}
	return last, nil
}

func (h *headerReader) begin(id uint32, end bool) {
	h.block.reset()
	h.id, h.end, h.bytes, h.parts = id, end, 0, 0
}
