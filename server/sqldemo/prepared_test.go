package sqldemo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// params is a batch of int64 columns.
func params(t *testing.T, rows ...[]int64) arrow.RecordBatch {
	t.Helper()
	var fields []arrow.Field
	for i := range rows[0] {
		fields = append(fields, arrow.Field{Name: fmt.Sprint(i), Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for _, row := range rows {
		for i, v := range row {
			b.Field(i).(*array.Int64Builder).Append(v)
		}
	}
	return b.NewRecordBatch()
}

// bind sets a statement's parameters; nil takes them away. With SetParameters,
// arrow-go's client sends none where there are no rows.
func bind(t *testing.T, st *flightsql.PreparedStatement, rec arrow.RecordBatch) {
	t.Helper()
	if rec == nil {
		st.SetParameters(nil)
		return
	}
	rdr, err := array.NewRecordReader(rec.Schema(), []arrow.RecordBatch{rec})
	if err != nil {
		t.Fatal(err)
	}
	defer rdr.Release()
	st.SetRecordReader(rdr)
}

func TestPreparedQuery(t *testing.T) {
	d := newDemo(t, small())
	st, err := d.cl.Prepare(d.ctx, "SELECT r_name FROM region WHERE r_regionkey BETWEEN ? AND :to")
	if err != nil {
		t.Fatal(err)
	}
	if got := st.ParameterSchema().String(); !strings.Contains(got, "?: type=null") || !strings.Contains(got, ":to: type=null") {
		t.Errorf("parameters: %s", got)
	}
	if got := st.DatasetSchema(); got == nil || typeNames(got) != "utf8" {
		t.Errorf("results: %v", got)
	}
	if _, err := d.read(st.Execute(d.ctx)); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "2 parameters and none are bound") {
		t.Errorf("without parameters: %v", err)
	}
	for _, tt := range []struct {
		rec  arrow.RecordBatch
		want string
	}{
		{params(t, []int64{0, 1}), `[{"r_name":"AFRICA"},{"r_name":"AMERICA"}]`},
		{params(t, []int64{3, 3}, []int64{9, 9}, []int64{0, 0}), `[{"r_name":"EUROPE"},{"r_name":"AFRICA"}]`}, // a run for each row
		{params(t, []int64{1, 0}).NewSlice(0, 0), `[]`},
	} {
		bind(t, st, tt.rec)
		table, err := d.read(st.Execute(d.ctx))
		if err != nil {
			t.Fatal(err)
		}
		if got := rows(t, table); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.rec, got, tt.want)
		}
		if res, err := st.GetSchema(d.ctx); err != nil {
			t.Error(err)
		} else if s, err := flight.DeserializeSchema(res.GetSchema(), memory.DefaultAllocator); err != nil || !s.Equal(table.Schema()) {
			t.Errorf("its schema is %v, %v", s, err)
		}
	}
	st.SetParameters(params(t, []int64{1}))
	if _, err := st.Execute(d.ctx); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "2 parameters, and rows of 1 columns") {
		t.Errorf("too few parameters: %v", err)
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "pair", Type: arrow.StructOf()}}, nil)
	st.SetParameters(array.NewRecordBatch(schema, []arrow.Array{array.MakeArrayOfNull(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64, 1), array.MakeArrayOfNull(memory.DefaultAllocator, arrow.StructOf(), 1)}, 1))
	if _, err := st.Execute(d.ctx); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "column pair: SQLite has no type for") {
		t.Errorf("a struct as parameter: %v", err)
	}
	if err := st.Close(d.ctx); err != nil {
		t.Error(err)
	}
	if n := len(d.srv.sql.prepared.open); n != 0 {
		t.Errorf("%d prepared statements are left", n)
	}
}

func TestPreparedUpdate(t *testing.T) {
	d := newDemo(t, small())
	d.update("CREATE TABLE u (a INTEGER PRIMARY KEY, b INTEGER)")
	st, err := d.cl.Prepare(d.ctx, "INSERT INTO u VALUES (?, ?)")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rec  arrow.RecordBatch
		n    int64
		code codes.Code
	}{
		{params(t, []int64{1, 10}, []int64{2, 20}), 2, codes.OK},
		{params(t, []int64{3, 30}, []int64{1, 40}), 0, codes.AlreadyExists}, // all or nothing
		{params(t, []int64{3, 30}).NewSlice(0, 0), 0, codes.OK},
		{nil, 0, codes.InvalidArgument},
	} {
		bind(t, st, tt.rec)
		n, err := st.ExecuteUpdate(d.ctx)
		if n != tt.n || status.Code(err) != tt.code {
			t.Errorf("%v: %d rows, %v, want %d, %v", tt.rec, n, err, tt.n, tt.code)
		}
	}
	if got := d.query("SELECT * FROM u"); got != `[{"a":1,"b":10},{"a":2,"b":20}]` {
		t.Errorf("afterwards: %s", got)
	}
	st, err = d.cl.Prepare(d.ctx, "UPDATE u SET b = 0")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := st.ExecuteUpdate(d.ctx); n != 2 || err != nil {
		t.Errorf("without parameters: %d, %v", n, err)
	}
	st, err = d.cl.Prepare(d.ctx, "DELETE FROM u WHERE a = ? RETURNING a")
	if err != nil {
		t.Fatal(err)
	}
	st.SetParameters(params(t, []int64{2}, []int64{1}))
	table, err := d.read(st.Execute(d.ctx))
	if err != nil {
		t.Fatal(err)
	}
	if got := rows(t, table); got != `[{"a":2},{"a":1}]` {
		t.Errorf("RETURNING: %s", got)
	}
}

func TestPreparedLimits(t *testing.T) {
	o := small()
	o.Prepared, o.ParameterBytes = 2, 1000
	d := newDemo(t, o)
	st, err := d.cl.Prepare(d.ctx, "SELECT ?")
	if err != nil {
		t.Fatal(err)
	}
	many := make([][]int64, 200)
	for i := range many {
		many[i] = []int64{int64(i)}
	}
	st.SetParameters(params(t, many...))
	if _, err := st.Execute(d.ctx); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "1000 bytes") {
		t.Errorf("too many parameters: %v", err)
	}
	if _, err := d.cl.Prepare(d.ctx, "SELECT 1"); err != nil {
		t.Error(err)
	}
	if _, err := d.cl.Prepare(d.ctx, "SELECT 1"); status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "2 prepared statements are open") {
		t.Errorf("a third: %v", err)
	}
	if _, err := d.cl.Prepare(d.ctx, "SELEC"); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a bad one: %v", err)
	}
	if err := st.Close(d.ctx); err != nil {
		t.Error(err)
	}
	if _, err := st.GetSchema(d.ctx); err == nil {
		t.Error("a closed one answers")
	}
	if _, err := d.cl.Prepare(d.ctx, "SELECT 1"); err != nil {
		t.Errorf("after one was closed: %v", err)
	}
}

// TestParametersAreBounded binds what each statement may have to many of them.
func TestParametersAreBounded(t *testing.T) {
	o := small()
	o.ParameterBytes = 1000
	d := newDemo(t, o)
	many := make([][]int64, 100)
	for i := range many {
		many[i] = []int64{int64(i)}
	}
	var open []*flightsql.PreparedStatement
	for {
		st, err := d.cl.Prepare(d.ctx, "SELECT ?")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, st)
		st.SetParameters(params(t, many...))
		if _, err = st.Execute(d.ctx); err == nil && len(open) < 2*boundTimes {
			continue
		}
		if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "all prepared statements take more than the 16000 bytes") {
			t.Errorf("statement %d: %v", len(open), err)
		}
		break
	}
	if len(open) <= 10 {
		t.Errorf("only %d were bound", len(open))
	}
	for _, st := range open {
		if err := st.Close(d.ctx); err != nil {
			t.Error(err)
		}
	}
	if n := d.srv.sql.bound.Load(); n != 0 {
		t.Errorf("%d bytes are counted once all are closed", n)
	}
	p := &prepared{bound: &d.srv.sql.bound}
	p.drop()
	p.set([]arrow.RecordBatch{params(t, many...)}, 800)
	if p.params != nil || p.bound.Load() != 0 {
		t.Error("a closed statement keeps parameters that came late")
	}
}

// TestReturnedRowsAreBounded has a statement that writes return more than is kept.
func TestReturnedRowsAreBounded(t *testing.T) {
	o := small()
	o.ParameterBytes = 1000
	d := newDemo(t, o)
	d.update("CREATE TABLE r (a INTEGER)")
	const insert = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < %d) INSERT INTO r SELECT x FROM n RETURNING a"
	if _, err := d.read(d.cl.Execute(d.ctx, fmt.Sprintf(insert, 5000))); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("too many rows: %v", err)
	}
	if got := d.query("SELECT count(*) AS n FROM r"); got != `[{"n":0}]` {
		t.Errorf("it was undone: %s", got)
	}
	if got := d.query(fmt.Sprintf(insert, 1)); got != `[{"a":1}]` {
		t.Errorf("one row: %s", got)
	}
}
