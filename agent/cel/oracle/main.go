// Prints what cel-go makes of expressions, with the variables, functions and extensions Telegraf gives it:
//
//	cut -f1 cel-go.tsv | go run . > new.tsv
//
// The columns are expression, type and value; or expression and "compile error"; or expression, type and "run-time error".
// The metric is the one of tests/mod.rs. Maps are visited in no order, so a result must not depend on one.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
)

var metric = map[string]any{
	"name": "heat",
	"tags": map[string]string{"room": "hall", "floor": "2", "empty": "", "host": "a"},
	"fields": map[string]any{
		"temp": 21.5, "count": int64(3), "neg": int64(-7), "u": uint64(7), "ok": true, "off": false,
		"note": "Fan On", "big": uint64(18446744073709551615), "f": 2.0, "zero": int64(0),
	},
	"time": time.Unix(1700000000, 123456789).UTC(),
}

func main() {
	env, err := cel.NewEnv(
		cel.Variable("name", cel.StringType),
		cel.Variable("tags", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("fields", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("time", cel.TimestampType),
		cel.Function("now", cel.Overload("now", nil, cel.TimestampType,
			cel.FunctionBinding(func(...ref.Val) ref.Val { return types.Timestamp{Time: time.Now()} }))),
		ext.Encoders(), ext.Math(), ext.Strings(),
	)
	if err != nil {
		panic(err)
	}
	shorter := strings.NewReplacer("google.protobuf.Timestamp", "timestamp", "google.protobuf.Duration", "duration",
		"null_type", "null")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		source := lines.Text()
		ast, issues := env.Compile(source)
		var program cel.Program
		if issues.Err() == nil {
			program, err = env.Program(ast, cel.EvalOptions(cel.OptOptimize))
		}
		if issues.Err() != nil || err != nil {
			fmt.Printf("%s\tcompile error\n", source)
			continue
		}
		of := shorter.Replace(ast.OutputType().String())
		if value, _, err := program.Eval(metric); err != nil {
			fmt.Printf("%s\t%s\trun-time error\n", source, of)
		} else {
			fmt.Printf("%s\t%s\t%s\n", source, of, types.Format(value))
		}
	}
}
