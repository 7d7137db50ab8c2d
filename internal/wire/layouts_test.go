package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// layoutCase is a type and values of it, as JSON.
type layoutCase struct {
	name string
	typ  arrow.DataType
	json string
}

const longText = "a text that is too long to be inlined in a view"

// layoutCases has every layout of Columnar.rst, with and without nulls, flat
// and nested.
func layoutCases() []layoutCase {
	i32, i64, str := arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	pair := arrow.StructOf(
		arrow.Field{Name: "a", Type: i32, Nullable: true},
		arrow.Field{Name: "b", Type: str, Nullable: true},
	)
	unionFields := []arrow.Field{{Name: "i", Type: i32, Nullable: true}, {Name: "s", Type: str, Nullable: true}}
	codes := []arrow.UnionTypeCode{5, 9}
	dict := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: str}
	texts := `["a", null, "", "` + longText + `", "ccc", "dd", "eeee", null, "f", "` + longText + `2"]`
	lists := `[[1,2,3], null, [], [4], [5,null,7], [8], [], null, [9,10], [11]]`
	unions := `[[5,1], [9,"x"], [9,"yy"], [5,null], [5,3], [9,"zzz"], [5,4], [9,null], [5,6], [9,"last"]]`
	return []layoutCase{
		{"null", arrow.Null, `[null,null,null,null,null,null,null,null,null,null]`},
		{"bool", arrow.FixedWidthTypes.Boolean, `[true,false,null,true,true,false,true,null,false,true]`},
		{"int8", arrow.PrimitiveTypes.Int8, `[1,2,3,4,5,6,7,8,9,10]`},
		{"uint16", arrow.PrimitiveTypes.Uint16, `[1,2,null,4,5,6,7,8,9,10]`},
		{"int32", i32, `[1,null,3,4,5,6,7,null,9,10]`},
		{"int64", i64, `[1,2,3,4,5,6,7,8,9,10]`},
		{"float64", arrow.PrimitiveTypes.Float64, `[1.5,2,null,4,5,6,7,8,9,10.25]`},
		{"float16", arrow.FixedWidthTypes.Float16, `[1.5,2,null,4,5,6,7,8,9,10.25]`},
		{"timestamp", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, `[1,2,null,4,5,6,7,8,9,10]`},
		{"decimal128", &arrow.Decimal128Type{Precision: 20, Scale: 2}, `["1.50","2.25",null,"4.00","5.00","6.00","7.00","8.00","9.00","10.00"]`},
		{"fixed binary", &arrow.FixedSizeBinaryType{ByteWidth: 3}, `["AAEC","AwQF",null,"AAEC","AAEC","AwQF","AAEC","AAEC","AAEC","AwQF"]`},
		{"string", str, texts},
		{"large string", arrow.BinaryTypes.LargeString, texts},
		{"binary", arrow.BinaryTypes.Binary, `["AAEC",null,"AwQF","","AAEC","AwQF","AAEC","AAEC","AAEC","AwQF"]`},
		{"large binary", arrow.BinaryTypes.LargeBinary, `["AAEC",null,"AwQF","","AAEC","AwQF","AAEC","AAEC","AAEC","AwQF"]`},
		{"string view", arrow.BinaryTypes.StringView, texts},
		{"binary view", arrow.BinaryTypes.BinaryView, `["AAEC",null,"AwQF","","AAEC","AwQFAwQFAwQFAwQFAwQFAwQF","AAEC","AAEC","AAEC","AwQF"]`},
		{"list", arrow.ListOf(i32), lists},
		{"large list", arrow.LargeListOf(i64), lists},
		{"list view", arrow.ListViewOf(i32), lists},
		{"large list view", arrow.LargeListViewOf(i32), lists},
		{"fixed list", arrow.FixedSizeListOf(2, i32), `[[1,2],null,[3,null],[4,5],[6,7],[8,9],[10,11],null,[12,13],[14,15]]`},
		{"struct", pair, `[{"a":1,"b":"x"},null,{"a":null,"b":"yy"},{"a":4,"b":null},{"a":5,"b":"z"},{"a":6,"b":"z"},{"a":7,"b":"z"},null,{"a":9,"b":"z"},{"a":10,"b":"z"}]`},
		{"map", arrow.MapOf(str, i32), `[[{"key":"a","value":1}],null,[],[{"key":"b","value":2},{"key":"c","value":null}],[],[],[{"key":"d","value":4}],[],[],[{"key":"e","value":5}]]`},
		{"sparse union", arrow.SparseUnionOf(unionFields, codes), unions},
		{"dense union", arrow.DenseUnionOf(unionFields, codes), unions},
		{"run end encoded", arrow.RunEndEncodedOf(i32, str), `["a","a","a","b","b",null,null,"c","c","c"]`},
		{"run end encoded int16", arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int16, i64), `[1,1,2,2,2,2,3,3,4,4]`},
		{"dictionary", dict, texts},
		{"dictionary uint16", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint16, ValueType: i64}, `[1,2,1,2,3,null,1,2,3,1]`},
		{"list of struct", arrow.ListOf(pair), `[[{"a":1,"b":"x"}],null,[],[{"a":4,"b":null},{"a":5,"b":"z"}],[],[{"a":6,"b":"q"}],[],[],[{"a":7,"b":"r"},null],[]]`},
		{"list of dictionary", arrow.ListOf(dict), `[["a","b"],null,[],["c"],["a",null],["b"],[],null,["c","a"],["d"]]`},
		{"struct of dictionary and list view", arrow.StructOf(
			arrow.Field{Name: "d", Type: dict, Nullable: true},
			arrow.Field{Name: "l", Type: arrow.ListViewOf(arrow.BinaryTypes.StringView), Nullable: true},
		), `[{"d":"x","l":["p"]},null,{"d":null,"l":null},{"d":"y","l":["` + longText + `","q"]},{"d":"x","l":[]},{"d":"x","l":["r"]},{"d":"z","l":["s","t"]},null,{"d":"x","l":[]},{"d":"y","l":["u"]}]`},
		{"fixed list of list", arrow.FixedSizeListOf(2, arrow.ListOf(str)), `[[["a"],[]],[["b","c"],null],null,[[],[]],[["d"],["e"]],[["a"],[]],[["a"],["g"]],[["a"],[]],null,[["z"],["y"]]]`},
		{"extension", extensions.NewUUIDType(), `["00000000-0000-0000-0000-000000000001",null,"00000000-0000-0000-0000-000000000003","00000000-0000-0000-0000-000000000004","00000000-0000-0000-0000-000000000005","00000000-0000-0000-0000-000000000006","00000000-0000-0000-0000-000000000007","00000000-0000-0000-0000-000000000008","00000000-0000-0000-0000-000000000009","00000000-0000-0000-0000-00000000000a"]`},
		{"extension of bool8", extensions.NewBool8Type(), `[true,false,null,true,true,false,true,null,false,true]`},
	}
}

// build makes the array of the case.
func (c layoutCase) build(tb testing.TB, mem memory.Allocator) arrow.Array {
	tb.Helper()
	if ree, ok := c.typ.(*arrow.RunEndEncodedType); ok {
		return buildRuns(tb, mem, ree, c.json)
	}
	a, _, err := array.FromJSON(mem, c.typ, strings.NewReader(c.json))
	if err != nil {
		tb.Fatalf("%s: %v", c.name, err)
	}
	return a
}

// buildRuns encodes JSON values run by run.
func buildRuns(tb testing.TB, mem memory.Allocator, typ *arrow.RunEndEncodedType, json string) arrow.Array {
	tb.Helper()
	flat, _, err := array.FromJSON(mem, typ.Encoded(), strings.NewReader(json))
	if err != nil {
		tb.Fatal(err)
	}
	defer flat.Release()
	b := array.NewRunEndEncodedBuilder(mem, typ.RunEnds(), typ.Encoded())
	defer b.Release()
	prev := ""
	for i := range flat.Len() {
		if v := flat.ValueStr(i); i > 0 && v == prev {
			b.ContinueRun(1)
			continue
		} else {
			prev = v
		}
		b.Append(1)
		if err := b.ValueBuilder().AppendValueFromString(prev); err != nil {
			tb.Fatal(err)
		}
	}
	return b.NewArray()
}

// recordOf makes a batch of one column from each array.
func recordOf(names []string, arrays []arrow.Array) arrow.RecordBatch {
	fields := make([]arrow.Field, len(arrays))
	for i, a := range arrays {
		fields[i] = arrow.Field{Name: names[i], Type: a.DataType(), Nullable: true}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, int64(arrays[0].Len()))
}

// layoutRecord is one batch with a column of every layout.
func layoutRecord(tb testing.TB, mem memory.Allocator, cases []layoutCase) arrow.RecordBatch {
	var names []string
	var arrays []arrow.Array
	for _, c := range cases {
		a := c.build(tb, mem)
		defer a.Release()
		names, arrays = append(names, c.name), append(arrays, a)
	}
	return recordOf(names, arrays)
}

// intRecord has cols int64 columns, as Arrow's own benchmark sends.
func intRecord(mem memory.Allocator, cols, rows int) arrow.RecordBatch {
	var names []string
	var arrays []arrow.Array
	for c := range cols {
		b := array.NewInt64Builder(mem)
		b.Reserve(rows)
		for i := range rows {
			b.UnsafeAppend(int64(c*rows + i))
		}
		a := b.NewArray()
		defer a.Release()
		b.Release()
		names, arrays = append(names, fmt.Sprint("c", c)), append(arrays, a)
	}
	return recordOf(names, arrays)
}
