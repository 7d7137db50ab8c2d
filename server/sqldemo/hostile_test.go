package sqldemo

import (
	"encoding/binary"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
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

// messages are a schema and a batch of 5000 rows, compressed, with the command in the first.
func messages(t *testing.T, cmd proto.Message) []*flight.FlightData {
	t.Helper()
	rows := make([][]int64, 5000)
	for i := range rows {
		rows[i] = []int64{7}
	}
	rec := params(t, rows...)
	var sent recorder
	w := flight.NewRecordWriter(&sent, ipc.WithSchema(rec.Schema()), ipc.WithLZ4())
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	wrapped, err := anypb.New(cmd)
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	sent.all[0].FlightDescriptor = &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: b}
	return sent.all
}

// put sends messages by DoPut and returns how the call ended.
func (d *demo) put(all []*flight.FlightData) error {
	d.Helper()
	stream, err := d.cl.Client.DoPut(d.ctx)
	if err != nil {
		d.Fatal(err)
	}
	for _, m := range all {
		if err := stream.Send(m); err != nil {
			break // Recv tells why
		}
	}
	_ = stream.CloseSend()
	for { // an ingest tells the rows before the error
		if _, err := stream.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func ingestInto(table string) *flightgen.CommandStatementIngest {
	return &flightgen.CommandStatementIngest{Table: table, TableDefinitionOptions: &flightgen.CommandStatementIngest_TableDefinitionOptions{IfNotExist: 1, IfExists: 3}}
}

// TestDecompressionBomb sends a batch that claims terabytes. Arrow-go would set them aside, and the process end.
func TestDecompressionBomb(t *testing.T) {
	d := newDemo(t, small())
	st, err := d.cl.Prepare(d.ctx, "SELECT ?")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close(d.ctx)
	for _, cmd := range []proto.Message{ingestInto("bomb"), &flightgen.CommandPreparedStatementQuery{PreparedStatementHandle: st.Handle()}} {
		all := messages(t, cmd)
		binary.LittleEndian.PutUint64(all[1].DataBody, 1<<45)
		if err := d.put(all); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%T: %v", cmd, err)
		}
	}
}

// TestMalformedMessages spoils each byte of the headers. Arrow-go's reader alone panics, and sets aside what schemas claim.
func TestMalformedMessages(t *testing.T) {
	d := newDemoIn(t, small(), memory.DefaultAllocator) // where arrow-go panics, it does not release
	good := messages(t, ingestInto("good"))
	if err := d.put(good); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for m := range good {
		for i := range good[m].DataHeader {
			bad := messages(t, ingestInto("bad"))
			bad[m].DataHeader[i] ^= 0x7f
			if err := d.put(bad); err != nil {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	if got := d.query("SELECT count(*) AS n FROM good"); got != `[{"n":5000}]` {
		t.Errorf("afterwards: %s", got)
	}
}
