package suites

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// node is a value of a suite with its place. Scalars keep the words they were
// written with: off is no boolean, and 1e3 no number, before a field says so.
type node struct {
	line, column int
	text         string  // of a scalar
	list         []*node // of a list, not nil
	entries      []entry // of a mapping, not nil
	empty        bool    // nothing was written, or null
}

// entry is one key of a mapping with its value.
type entry struct {
	key   *node
	value *node
}

// file is where errors are: they begin with FILE:LINE:COLUMN.
type file string

func (f file) errorf(n *node, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", f, n.line, n.column, fmt.Sprintf(format, args...))
}

// read parses the text of a suite into its top mapping. What YAML has beside
// mappings, lists and scalars is refused, and so is a key given twice.
func (f file) read(text []byte) (*node, error) {
	parsed, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			// Its own text would show the lines around, whatever they hold.
			return nil, f.errorf(nodeAt(at.GetToken()), "no YAML: %s", at.GetMessage())
		}
		return nil, fmt.Errorf("%s: no YAML: %w", f, err)
	}
	top := &node{line: 1, column: 1}
	switch {
	case len(parsed.Docs) > 1:
		return nil, f.errorf(top, "a suite is one YAML document, and there are %d: leave out what begins with --- or %%", len(parsed.Docs))
	case len(parsed.Docs) == 0 || parsed.Docs[0].Body == nil:
		return nil, f.errorf(top, "the suite is empty: `flightbench suites batch-size` prints one to begin with")
	}
	n, err := f.convert(parsed.Docs[0].Body)
	if err == nil && n.entries == nil {
		err = f.errorf(n, "a suite is made of keys and their values: `flightbench suites batch-size` prints one to begin with")
	}
	return n, err
}

func nodeAt(t *token.Token) *node {
	return &node{line: t.Position.Line, column: max(t.Position.Column, 1)}
}

func (f file) convert(a ast.Node) (*node, error) {
	n := nodeAt(a.GetToken())
	switch a := a.(type) {
	case *ast.NullNode:
		n.empty = true
	case *ast.LiteralNode:
		n.text = strings.TrimRight(a.Value.Value, "\n")
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		n.text = a.GetToken().Value
	case *ast.SequenceNode:
		n.list = []*node{}
		for _, v := range a.Values {
			item, err := f.convert(v)
			if err != nil {
				return nil, err
			}
			n.list = append(n.list, item)
		}
	case *ast.MappingNode:
		n.entries = []entry{}
		for _, v := range a.Values {
			e, err := f.entry(v)
			if err != nil {
				return nil, err
			}
			if i := slices.IndexFunc(n.entries, func(o entry) bool { return same(o.key.text, e.key.text) }); i >= 0 {
				return nil, f.errorf(e.key, "%s is given twice, first in line %d: leave one out", e.key.text, n.entries[i].key.line)
			}
			n.entries = append(n.entries, e)
		}
		if len(n.entries) > 0 {
			n.line, n.column = n.entries[0].key.line, n.entries[0].key.column
		}
	case *ast.MappingValueNode:
		e, err := f.entry(a)
		if err != nil {
			return nil, err
		}
		n.entries = []entry{e}
		n.line, n.column = e.key.line, e.key.column
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return nil, f.errorf(n, "a suite has no anchors and aliases: write the value out, within quotes if it begins with & or *")
	case *ast.TagNode:
		return nil, f.errorf(n, "a suite has no tags: leave %s out, or write it within quotes", a.GetToken().Value)
	default:
		return nil, f.errorf(n, "%s has no place in a suite", strings.ToLower(a.Type().String()))
	}
	return n, nil
}

func (f file) entry(v *ast.MappingValueNode) (entry, error) {
	key := nodeAt(v.Key.GetToken())
	switch v.Key.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		key.text = v.Key.GetToken().Value
	default:
		return entry{}, f.errorf(key, "a key of a suite is a word: anchors, merges and compound keys have no place in one")
	}
	value, err := f.convert(v.Value)
	if err == nil && value.empty {
		value.line, value.column = key.line, key.column
	}
	return entry{key, value}, err
}

// same tells whether two keys are one, with dashes or underscores.
func same(a, b string) bool { return underscored(a) == underscored(b) }

func underscored(s string) string { return strings.ReplaceAll(s, "-", "_") }
