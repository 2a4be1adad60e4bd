// Prints what Go answers to the questions that the unit tests of this crate ask, one JSON array a line:
// `go run .` in this folder rewrites the *.jsonl files.
package main

import (
	"encoding/json"
	"os"
)

// table writes rows to <name>.jsonl.
func table(name string, rows [][]any) {
	file, err := os.Create(name + ".jsonl")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	encoder := json.NewEncoder(file)
	encoder.SetEscapeHTML(false)
	for _, row := range rows {
		if err := encoder.Encode(row); err != nil {
			panic(err)
		}
	}
}

func main() {
	times()
	durations()
	numbers()
	functions()
	globs()
	regexps()
	templates()
}
