package sqldemo

import (
	"encoding/binary"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// recorder keeps what a writer sends.
type recorder struct{ all []*flight.FlightData }

func (r *recorder) Send(m *flight.FlightData) error {
	r.all = append(r.all, proto.Clone(m).(*flight.FlightData))
	return nil
}

// TestDecompressionBomb sends a batch that claims terabytes. Arrow-go would set them aside, and the process end.
func TestDecompressionBomb(t *testing.T) {
	d := newDemo(t, small())
	st, err := d.cl.Prepare(d.ctx, "SELECT ?")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close(d.ctx)
	rows := make([][]int64, 5000)
	for i := range rows {
		rows[i] = []int64{7}
	}
	rec := params(t, rows...)
	for name, cmd := range map[string]proto.Message{
		"ingest": &flightgen.CommandStatementIngest{Table: "bomb", TableDefinitionOptions: &flightgen.CommandStatementIngest_TableDefinitionOptions{IfNotExist: 1, IfExists: 1}},
		"bind":   &flightgen.CommandPreparedStatementQuery{PreparedStatementHandle: st.Handle()},
	} {
		var sent recorder
		w := flight.NewRecordWriter(&sent, ipc.WithSchema(rec.Schema()), ipc.WithLZ4())
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		binary.LittleEndian.PutUint64(sent.all[1].DataBody, 1<<45)
		wrapped, err := anypb.New(cmd)
		if err != nil {
			t.Fatal(err)
		}
		b, err := proto.Marshal(wrapped)
		if err != nil {
			t.Fatal(err)
		}
		sent.all[0].FlightDescriptor = &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: b}
		stream, err := d.cl.Client.DoPut(d.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range sent.all {
			if err := stream.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		_ = stream.CloseSend()
		for err == nil { // an ingest tells the rows before the error
			_, err = stream.Recv()
		}
		if status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: %v", name, err)
		}
	}
}
