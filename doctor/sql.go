package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	flightgen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"flightbench/internal/target"
	"flightbench/internal/wire"
)

func unmarshal(b []byte, m proto.Message) error { return proto.Unmarshal(b, m) }

// Bounds of what is read of a server's SqlInfo.
const (
	maxInfoRows  = 4096
	maxInfoBytes = 16 << 20
)

type sqlData struct {
	Name         string `json:"name,omitempty"`
	Version      string `json:"version,omitempty"`
	Arrow        string `json:"arrow_version,omitempty"`
	ReadOnly     string `json:"read_only,omitempty"` // true or false
	Transactions string `json:"transactions,omitempty"`
	Ingest       string `json:"bulk_ingestion,omitempty"`
	Infos        int    `json:"sql_infos"`
}

// flightSQL asks for the SqlInfo that every Flight SQL server has.
func (x *examiner) flightSQL(ctx context.Context) {
	info, err := x.sqlInfo(ctx)
	if err != nil {
		switch status.Code(err) {
		case codes.DeadlineExceeded, codes.Unavailable:
			x.add(Problem, fmt.Sprintf("CommandGetSqlInfo is not answered: %s", target.CodeName(status.Code(err))), "look at the server's log", nil)
		case codes.NotFound, codes.InvalidArgument, codes.Unimplemented:
			x.add(Info, fmt.Sprintf("no: GetFlightInfo does not know CommandGetSqlInfo (%s)", target.CodeName(status.Code(err))), "", nil)
		default:
			x.add(Info, fmt.Sprintf("cannot be told: GetFlightInfo of CommandGetSqlInfo ended with %s", target.CodeName(status.Code(err))), "", nil)
		}
		return
	}
	values, err := x.readInfo(ctx, info)
	if err != nil {
		if errors.Is(err, errNoSQLInfo) {
			x.add(Info, "no: CommandGetSqlInfo is answered with other data", "", nil)
			return
		}
		x.add(Problem, fmt.Sprintf("it knows CommandGetSqlInfo, but its answer cannot be read: %s%s", target.CodeName(status.Code(err)), x.quote(status.Convert(err).Message())),
			"clients such as ADBC and JDBC read it when they connect: mend it", nil)
		return
	}
	get := func(i flightsql.SqlInfo) string { return x.clip(values[uint32(i)], 60) }
	d := sqlData{Name: get(flightsql.SqlInfoFlightSqlServerName), Version: get(flightsql.SqlInfoFlightSqlServerVersion),
		Arrow: get(flightsql.SqlInfoFlightSqlServerArrowVersion), ReadOnly: get(flightsql.SqlInfoFlightSqlServerReadOnly),
		Transactions: transactions(values[uint32(flightsql.SqlInfoFlightSqlServerTransaction)]),
		Ingest:       get(flightsql.SqlInfoFlightSqlServerBulkIngestion), Infos: len(values)}
	x.tellSQL(d)
}

func (x *examiner) tellSQL(d sqlData) {
	parts := []string{"yes"}
	if s := strings.TrimSpace(d.Name + " " + d.Version); s != "" {
		parts[0] = "yes: " + s
	}
	if d.Arrow != "" {
		parts = append(parts, "Arrow "+d.Arrow)
	}
	parts = append(parts, choose(d.ReadOnly, "read-only", "may write", "does not say whether it may write"))
	if d.Transactions != "" {
		parts = append(parts, d.Transactions)
	}
	parts = append(parts, choose(d.Ingest, "bulk ingest", "no bulk ingest", ""))
	text := strings.Join(slicesNonEmpty(parts), ", ")
	if d.Name == "" {
		x.add(Warning, text+"; its SqlInfo has no server name", "register FLIGHT_SQL_SERVER_NAME, _VERSION and _ARROW_VERSION: drivers ask for them", d)
		return
	}
	x.add(OK, text, "", d)
}

func choose(v, yes, no, other string) string {
	switch v {
	case "true":
		return yes
	case "false":
		return no
	}
	return other
}

func slicesNonEmpty(in []string) (out []string) {
	for _, s := range in {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func transactions(v string) string {
	switch v {
	case "0":
		return "no transactions"
	case "1":
		return "transactions"
	case "2":
		return "transactions with savepoints"
	}
	return ""
}

// sqlInfo asks for every info: naming some is an error to servers that lack one of them.
func (x *examiner) sqlInfo(ctx context.Context) (*flight.FlightInfo, error) {
	var cmd anypb.Any
	if err := cmd.MarshalFrom(&flightgen.CommandGetSqlInfo{}); err != nil {
		return nil, err
	}
	b, err := proto.Marshal(&cmd)
	if err != nil {
		return nil, err
	}
	return x.link.GetFlightInfo(ctx, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: b})
}

var errNoSQLInfo = errors.New("not the schema of SqlInfo")

// readInfo reads info_name and value, as text, of the first endpoint over the same connection.
func (x *examiner) readInfo(ctx context.Context, info *flight.FlightInfo) (map[uint32]string, error) {
	if len(info.GetEndpoint()) == 0 {
		return nil, errNoSQLInfo
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := x.link.DoGet(ctx, info.Endpoint[0].GetTicket())
	if err != nil {
		return nil, err
	}
	r, err := flight.NewRecordReader(&limited{s, maxInfoBytes})
	if err != nil {
		return nil, err
	}
	defer r.Release()
	values := map[uint32]string{}
	for len(values) < maxInfoRows && r.Next() {
		if err := readValues(r.RecordBatch(), values); err != nil {
			return nil, err
		}
	}
	if err := r.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return values, nil
}

// limited ends a stream that is longer than it may be.
type limited struct {
	flight.FlightService_DoGetClient
	left int64
}

func (l *limited) Recv() (*flight.FlightData, error) {
	d, err := l.FlightService_DoGetClient.Recv()
	if err != nil {
		return nil, err
	}
	n, err := wire.Check(d) // arrow-go sets aside what a compressed body claims
	if err != nil {
		return nil, err
	}
	if n = max(n, int64(len(d.GetDataBody()))); n > l.left {
		return nil, fmt.Errorf("more than %d bytes of SqlInfo", maxInfoBytes)
	}
	l.left -= n
	return d, nil
}

func readValues(rec arrow.RecordBatch, values map[uint32]string) error {
	if rec.NumCols() != 2 {
		return errNoSQLInfo
	}
	names, ok := rec.Column(0).(*array.Uint32)
	union, ok2 := rec.Column(1).(*array.DenseUnion)
	if !ok || !ok2 {
		return errNoSQLInfo
	}
	for i := range min(int(rec.NumRows()), maxInfoRows) {
		child, at := union.Field(union.ChildID(i)), int(union.ValueOffset(i))
		if names.IsNull(i) || at < 0 || at >= child.Len() || child.IsNull(at) {
			continue
		}
		switch v := child.(type) { // only what is shown
		case *array.String:
			values[names.Value(i)] = v.Value(at)
		case *array.Boolean:
			values[names.Value(i)] = fmt.Sprint(v.Value(at))
		case *array.Int64:
			values[names.Value(i)] = fmt.Sprint(v.Value(at))
		case *array.Int32:
			values[names.Value(i)] = fmt.Sprint(v.Value(at))
		default:
			values[names.Value(i)] = ""
		}
	}
	return nil
}
