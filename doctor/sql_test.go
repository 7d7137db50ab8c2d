package doctor

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// one is a stream of one message.
type one struct {
	flight.FlightService_DoGetClient
	m *flight.FlightData
}

func (o one) Recv() (*flight.FlightData, error) { return o.m, nil }

// TestClaimsAreBounded meets a batch that claims terabytes, which arrow-go would set aside.
func TestClaimsAreBounded(t *testing.T) {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for range 5000 {
		b.Append(7)
	}
	last := encode(t, 1, b.NewArray(), ipc.WithLZ4())[1]
	if _, err := (&limited{one{m: last}, maxInfoBytes}).Recv(); err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint64(last.DataBody, 1<<45)
	if _, err := (&limited{one{m: last}, maxInfoBytes}).Recv(); err == nil || !strings.Contains(err.Error(), "bytes of SqlInfo") {
		t.Errorf("it was taken: %v", err)
	}
}
