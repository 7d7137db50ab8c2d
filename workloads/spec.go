package workloads

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a Spec. They keep one field from being absurd; what a whole Spec
// costs is told by [Spec.EstimateBytes].
const (
	MaxRows       = 1 << 28        // rows of a batch
	MaxBatchBytes = 1<<31 - 1<<16  // body bytes of a batch: it travels as one protobuf message, of less than 2 GiB
	MaxColumns    = 10_000         // columns of wide
	MaxDistinct   = 4096           // distinct batches of a generated workload
	maxFileSet    = 1 << 20        // distinct batches of a file
	maxPath       = 4096           // bytes of a path
	maxFileBytes  = int64(4) << 30 // body bytes kept of a file
	defaultRows   = int64(65_536)  // rows of a batch where nothing else is asked
	defaultWide   = 100            // columns of a bare "wide"
)

// Names of the workloads.
const (
	Perf     = "perf"
	Lineitem = "lineitem"
	Wide     = "wide"
	Strings  = "strings"
	Dict     = "dict"
	Nested   = "nested"
	Nulls    = "nulls"
	File     = "file"
)

// Spec says which batches a stream carries. The zero value is not valid: start
// from [Default] or [Parse].
type Spec struct {
	Name    string // one of the names above
	Columns int    // number of columns of wide, 1 to MaxColumns; 0 for all others
	Path    string // of file; empty for all others

	// Rows of a batch, 1 to MaxRows, or 0 where BatchBytes sizes it. With file,
	// both may be 0: the file's own batches are sent (for Parquet, which has none,
	// batches of 65,536 rows). A file's last batch may be shorter.
	Rows int64

	// BatchBytes is the body of a batch in bytes, before the codec, 1 to
	// MaxBatchBytes, or 0 where Rows sizes it. The first batch gets as many rows as
	// fit, estimated from 65,536 of them where it has more; the others have as many.
	// A file's batches have this size on average.
	BatchBytes int64

	// Entropy is the fraction of values that are drawn afresh, 0 to 1; the others
	// repeat the value before. 1 is the workload's natural distribution. A row of
	// lineitem repeats as a whole, so that its dependencies hold. A file is sent as
	// it is and must leave this at 1.
	Entropy float64

	Seed uint64 // of the generator; a file ignores it

	// Distinct batches in rotation, 1 to MaxDistinct; 0 is automatic: see
	// [AutoDistinct], and for a file all of its batches.
	Distinct int
}

// Default is 65,536 rows of perf at its natural entropy, from seed 1.
func Default() Spec {
	return Spec{Name: Perf, Rows: defaultRows, Entropy: 1, Seed: 1}
}

// Parse reads a workload's name and parameter, such as "perf", "wide:200" or
// "file:PATH", and returns [Default] with these set. A file's Rows are 0: its
// own batches. Path is not opened.
func Parse(s string) (Spec, error) {
	name, param, has := strings.Cut(s, ":")
	spec := Default()
	spec.Name = name
	w, err := lookup(name)
	if err != nil {
		return Spec{}, err
	}
	switch name {
	case Wide:
		spec.Columns = defaultWide
		if has {
			n, err := strconv.Atoi(param)
			if err != nil || n < 1 || n > MaxColumns {
				return Spec{}, fmt.Errorf("workload %q: columns %q: give a number from 1 to %d, as in wide:200", clip(s), clip(param), MaxColumns)
			}
			spec.Columns = n
		}
	case File:
		spec.Path = param
		spec.Rows = 0
		if err := checkPath(param); err != nil {
			return Spec{}, fmt.Errorf("workload %q: %w", clip(s), err)
		}
	default:
		if has {
			return Spec{}, fmt.Errorf("workload %q: %s takes no parameter, write %s", clip(s), name, w.name)
		}
	}
	return spec, nil
}

// String is the inverse of [Parse]: name and parameter, without the sizes.
func (s Spec) String() string {
	switch s.Name {
	case Wide:
		return Wide + ":" + strconv.Itoa(s.Columns)
	case File:
		return File + ":" + s.Path
	}
	return s.Name
}

// Validate checks every field by itself and against the others. It has no side
// effects: whether a file can be read is seen by [Generate].
func (s Spec) Validate() error {
	w, err := lookup(s.Name)
	if err != nil {
		return err
	}
	switch {
	case s.Name == Wide && (s.Columns < 1 || s.Columns > MaxColumns):
		return fmt.Errorf("columns %d: wide has 1 to %d of them", s.Columns, MaxColumns)
	case s.Name != Wide && s.Columns != 0:
		return fmt.Errorf("columns %d: only wide lets you choose them, leave it at 0 for %s", s.Columns, s.Name)
	case s.Name != File && s.Path != "":
		return fmt.Errorf("path %q: only file reads one, leave it empty for %s", clip(s.Path), s.Name)
	case s.Name == File:
		if err := checkPath(s.Path); err != nil {
			return err
		}
	}
	if err := s.validateSize(); err != nil {
		return err
	}
	if !(s.Entropy >= 0 && s.Entropy <= 1) {
		return fmt.Errorf("entropy %v: give a fraction from 0 (one value repeated) to 1 (all drawn afresh)", s.Entropy)
	}
	if s.Name == File && s.Entropy != 1 {
		return fmt.Errorf("entropy %v: a file is sent as it is, leave it at 1", s.Entropy)
	}
	limit := MaxDistinct
	if s.Name == File {
		limit = maxFileSet
	}
	if s.Distinct < 0 || s.Distinct > limit {
		return fmt.Errorf("distinct %d: give 1 to %d batches, or 0 to have it chosen", s.Distinct, limit)
	}
	if s.Name != File {
		if most := w.plan(s).maxRows; s.Rows > most {
			return fmt.Errorf("rows %d: a batch of %s holds at most %d", s.Rows, s, most)
		}
	}
	return nil
}

func (s Spec) validateSize() error {
	switch {
	case s.Rows < 0 || s.Rows > MaxRows:
		return fmt.Errorf("rows %d: a batch has 1 to %d", s.Rows, MaxRows)
	case s.BatchBytes < 0 || s.BatchBytes > MaxBatchBytes:
		return fmt.Errorf("batch bytes %d: a batch has 1 to %d", s.BatchBytes, MaxBatchBytes)
	case s.Rows > 0 && s.BatchBytes > 0:
		return fmt.Errorf("rows %d and batch bytes %d: a batch is sized by one of them, set the other to 0", s.Rows, s.BatchBytes)
	case s.Rows == 0 && s.BatchBytes == 0 && s.Name != File:
		return fmt.Errorf("rows 0: a batch needs at least 1 row, or its size in batch bytes")
	}
	return nil
}

func checkPath(path string) error {
	switch {
	case path == "":
		return fmt.Errorf("path is missing: write file:PATH, of an Arrow IPC file or stream or of Parquet")
	case len(path) > maxPath:
		return fmt.Errorf("path of %d bytes: at most %d are taken", len(path), maxPath)
	case !utf8.ValidString(path) || strings.ContainsRune(path, 0):
		return fmt.Errorf("path %q: it must be UTF-8 without NUL, for it travels as JSON", clip(path))
	}
	return nil
}

// clip keeps a value that is quoted in an error to one short line.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// satMul and satAdd saturate at the largest int64; their arguments are not negative.
func satMul(a, b int64) int64 {
	if a != 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}

func satAdd(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
