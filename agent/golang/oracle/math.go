package main

import (
	"math"
	"math/rand"
	"strconv"
)

// functions asks for values of package math; bits as text keep every digit.
func functions() {
	bits := func(x float64) string { return strconv.FormatUint(math.Float64bits(x), 10) }
	random := rand.New(rand.NewSource(11))
	edges := []float64{
		0, math.Copysign(0, -1), 1, -1, 0.5, -0.5, 2, -2, 3, 10, 0.1, 0.625, 0.66, 0.7, 0.71, 1e-9, -1e-9, 1e-300, 21, 21.5, 44, 45, 100, -100, 708, 709.8, 710, -745, -746, -800,
		1e9, -1e9, 1e300, math.Pi, math.Pi / 2, math.Pi / 4, -math.Pi, math.E, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 2.4142135623730951, 0.99, -0.99, 0.9999999999,
	}
	var rows [][]any
	one := func(name string, function func(float64) float64, spread float64) {
		for _, x := range edges {
			if math.Abs(x) >= 1<<29 && (name == "sin" || name == "cos" || name == "tan") {
				continue
			}
			rows = append(rows, []any{name, bits(x), bits(0), bits(function(x))})
		}
		for range 40 {
			x := random.NormFloat64() * spread
			if name == "log" {
				x = math.Abs(x)
			}
			rows = append(rows, []any{name, bits(x), bits(0), bits(function(x))})
		}
	}
	one("sin", math.Sin, 10)
	one("cos", math.Cos, 10)
	one("tan", math.Tan, 10)
	one("asin", math.Asin, 0.4)
	one("acos", math.Acos, 0.4)
	one("atan", math.Atan, 3)
	one("sinh", math.Sinh, 3)
	one("cosh", math.Cosh, 3)
	one("tanh", math.Tanh, 1)
	one("exp", math.Exp, 30)
	one("log", math.Log, 1000)

	two := func(name string, function func(x, y float64) float64, spread float64) {
		for range 300 {
			x, y := edges[random.Intn(len(edges))], edges[random.Intn(len(edges))]
			rows = append(rows, []any{name, bits(x), bits(y), bits(function(x, y))})
		}
		for range 150 {
			x, y := random.NormFloat64()*spread, random.NormFloat64()*10
			if name == "pow" && random.Intn(2) == 0 {
				x = math.Abs(x)
			} else if name == "pow" {
				y = math.Round(y)
			}
			rows = append(rows, []any{name, bits(x), bits(y), bits(function(x, y))})
		}
	}
	two("pow", math.Pow, 5)
	two("atan2", math.Atan2, 10)
	two("hypot", math.Hypot, 10)
	table("math", rows)
}
