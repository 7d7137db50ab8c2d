package workloads

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// LINEITEM of TPC-H at scale factor 1 (clauses 1.4.1 and 4.2.3). Dates are days
// since 1970-01-01.
const (
	tpchParts     = 200_000
	tpchSuppliers = 10_000
	tpchStart     = 8035  // 1992-01-01, STARTDATE
	tpchCurrent   = 9298  // 1995-06-17, CURRENTDATE
	tpchEnd       = 10591 // 1998-12-31, ENDDATE
)

var (
	shipInstructs = [...]string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}
	shipModes     = [...]string{"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"}
)

// Positions of the columns.
const (
	lOrderkey = iota
	lPartkey
	lSuppkey
	lLinenumber
	lQuantity
	lExtendedprice
	lDiscount
	lTax
	lReturnflag
	lLinestatus
	lShipdate
	lCommitdate
	lReceiptdate
	lShipinstruct
	lShipmode
	lComment
	lColumns
)

var lineitemSchema = func() *arrow.Schema {
	money := &arrow.Decimal128Type{Precision: 15, Scale: 2}
	i32, i64 := arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64
	date, str := arrow.FixedWidthTypes.Date32, arrow.BinaryTypes.String
	return arrow.NewSchema([]arrow.Field{
		{Name: "l_orderkey", Type: i64}, {Name: "l_partkey", Type: i64}, {Name: "l_suppkey", Type: i64}, {Name: "l_linenumber", Type: i32},
		{Name: "l_quantity", Type: money}, {Name: "l_extendedprice", Type: money}, {Name: "l_discount", Type: money}, {Name: "l_tax", Type: money},
		{Name: "l_returnflag", Type: str}, {Name: "l_linestatus", Type: str},
		{Name: "l_shipdate", Type: date}, {Name: "l_commitdate", Type: date}, {Name: "l_receiptdate", Type: date},
		{Name: "l_shipinstruct", Type: str}, {Name: "l_shipmode", Type: str}, {Name: "l_comment", Type: str},
	}, nil)
}()

func lineitemPlan(Spec) plan {
	return plan{
		schema:   lineitemSchema,
		mean:     171, // with a byte of scratch
		worst:    196,
		overhead: lColumns * bytesPerArray,
		maxRows:  (1<<31 - 1) / 43,
		batch:    lineitemBatch,
	}
}

// lineitem is a batch in the making. Rows come in the order of their orders, each
// of 1 to 7 lines; the last order may be cut short. Each batch has orders of its own.
type lineitem struct {
	rows    int
	buf     [lColumns][2]*memory.Buffer // values; or offsets and text
	i64     [3][]int64
	line    []int32
	money   [4][]decimal128.Num
	dates   [3][]arrow.Date32
	offsets [lColumns][]int32 // of the text columns
	choice  []byte            // of each row: instruct, mode<<2, and repeated<<7
}

const repeated = 1 << 7

func lineitemBatch(m *maker) []arrow.Array {
	l := newLineitem(m)
	l.draw(m)
	l.write(m)
	out := make([]arrow.Array, lColumns)
	for i := range out {
		bufs := []*memory.Buffer{nil, l.buf[i][0]}
		if l.offsets[i] != nil {
			bufs = append(bufs, l.buf[i][1])
		}
		out[i] = newArray(lineitemSchema.Field(i).Type, l.rows, 0, bufs)
	}
	return out
}

func newLineitem(m *maker) *lineitem {
	l := &lineitem{rows: m.rows, choice: make([]byte, m.rows)}
	for i := range lColumns {
		switch dt := lineitemSchema.Field(i).Type.(type) {
		case arrow.FixedWidthDataType:
			l.buf[i][0] = m.buffer(m.rows * dt.Bytes())
		default:
			l.buf[i][0] = m.buffer((m.rows + 1) * arrow.Int32SizeBytes)
			l.offsets[i] = arrow.Int32Traits.CastFromBytes(l.buf[i][0].Bytes())
			l.offsets[i][0] = 0
		}
	}
	values := func(i int) []byte { return l.buf[i][0].Bytes() }
	for i := range l.i64 {
		l.i64[i] = arrow.Int64Traits.CastFromBytes(values(lOrderkey + i))
	}
	l.line = arrow.Int32Traits.CastFromBytes(values(lLinenumber))
	for i := range l.money {
		l.money[i] = arrow.Decimal128Traits.CastFromBytes(values(lQuantity + i))
	}
	for i := range l.dates {
		l.dates[i] = arrow.Date32Traits.CastFromBytes(values(lShipdate + i))
	}
	l.buf[lReturnflag][1] = m.buffer(m.rows)
	l.buf[lLinestatus][1] = m.buffer(m.rows)
	return l
}

// draw fills everything but the texts of more than a letter, of which it draws
// choices and lengths.
func (l *lineitem) draw(m *maker) {
	src, rep := m.source(0, laneValue), m.repeats(0)
	flags, states := l.buf[lReturnflag][1].Bytes(), l.buf[lLinestatus][1].Bytes()
	order := int64(m.batch) * int64(m.rows) // orders before this batch, at most
	var orderdate, lines, line int64
	var instruct, mode, comment int32
	for i := range l.rows {
		if !rep.fresh() {
			for c := range l.i64 {
				l.i64[c][i] = l.i64[c][i-1]
			}
			l.line[i] = l.line[i-1]
			for c := range l.money {
				l.money[c][i] = l.money[c][i-1]
			}
			for c := range l.dates {
				l.dates[c][i] = l.dates[c][i-1]
			}
			flags[i], states[i] = flags[i-1], states[i-1]
			l.choice[i] = l.choice[i-1] | repeated
			l.lengths(i, instruct, mode, comment)
			continue
		}
		if line == lines {
			order++
			line, lines = 0, src.between(1, 7)
			orderdate = src.between(tpchStart, tpchEnd-151)
		}
		line++

		part := src.between(1, tpchParts)
		nth := src.between(0, 3) // of the part's four suppliers
		l.i64[lOrderkey][i] = order>>3<<5 | order&7
		l.i64[lPartkey][i] = part
		l.i64[lSuppkey][i] = (part+nth*(tpchSuppliers/4+(part-1)/tpchSuppliers))%tpchSuppliers + 1
		l.line[i] = int32(line)

		quantity := src.between(1, 50)
		price := 90_000 + part/10%20_001 + 100*(part%1_000) // P_RETAILPRICE in cents
		for c, v := range [4]int64{100 * quantity, quantity * price, src.between(0, 10), src.between(0, 8)} {
			l.money[c][i] = decimal128.FromI64(v)
		}

		ship := orderdate + src.between(1, 121)
		commit := orderdate + src.between(30, 90)
		receipt := ship + src.between(1, 30)
		for c, v := range [3]int64{ship, commit, receipt} {
			l.dates[c][i] = arrow.Date32(v)
		}
		flags[i], states[i] = 'N', 'F'
		if receipt <= tpchCurrent {
			flags[i] = "RA"[src.below(2)]
		}
		if ship > tpchCurrent {
			states[i] = 'O'
		}

		in, mo := src.below(uint64(len(shipInstructs))), src.below(uint64(len(shipModes)))
		l.choice[i] = byte(in | mo<<2)
		instruct, mode = int32(len(shipInstructs[in])), int32(len(shipModes[mo]))
		comment = int32(src.between(10, 43))
		l.lengths(i, instruct, mode, comment)
	}
}

// lengths sets the ends of row i's texts.
func (l *lineitem) lengths(i int, instruct, mode, comment int32) {
	l.offsets[lReturnflag][i+1] = int32(i + 1)
	l.offsets[lLinestatus][i+1] = int32(i + 1)
	l.offsets[lShipinstruct][i+1] = l.offsets[lShipinstruct][i] + instruct
	l.offsets[lShipmode][i+1] = l.offsets[lShipmode][i] + mode
	l.offsets[lComment][i+1] = l.offsets[lComment][i] + comment
}

// write fills the texts.
func (l *lineitem) write(m *maker) {
	for _, c := range []int{lShipinstruct, lShipmode, lComment} {
		l.buf[c][1] = m.buffer(int(l.offsets[c][l.rows]))
	}
	instructs, modes, comments := l.buf[lShipinstruct][1].Bytes(), l.buf[lShipmode][1].Bytes(), l.buf[lComment][1].Bytes()
	fill := proseFiller(m.source(lComment, laneValue))
	var last []byte
	for i, c := range l.choice {
		instructs = instructs[copy(instructs, shipInstructs[c&3]):]
		modes = modes[copy(modes, shipModes[c>>2&7]):]
		comment := comments[l.offsets[lComment][i]:l.offsets[lComment][i+1]]
		if c&repeated == 0 {
			fill(comment)
		} else {
			copy(comment, last)
		}
		last = comment
	}
}
