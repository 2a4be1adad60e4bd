package main

import "regexp"

func regexps() {
	texts := []string{
		"", "a", "abc", "aab", "ab ab", "héllo wörld", "日本 x", "12 ٣", "a_1-b.2", "x\ny\nz", "A\tB\vC", "[a]b", "a{2}b", "(a)", "a.b", "\\d", "straße ſK K", "ab12cd345", "<i>t</i>", "a\\Eb", "a^b$",
		"Error WARN", "foo-bar_baz", "a,b", "aaa", "é", " é ", "{,3}", "a&&b", "]", "-", "x--y", "a~b", "\x07\x0c", "Ünder",
	}
	patterns := []string{
		"", "a", "a*", "a+?", "a??", "a{2}", "a{2,}", "a{1,2}", "a{,3}", "{,3}", "a{", "a{x}", "a{2", "a{01}", `\d`, `\D+`, `\w+`, `\W`, `\s`, `\S+`, `\b`, `\B`, `\bw`, `\Ba`, `[\d]`, `[^\d]`, `[\D]`, `[^\D\s]`, `[\w-]`, `[\s\d]+`,
		`[[:alpha:]]+`, `[[:^alpha:]]`, `[^[:space:]]`, `[[:word:]]`, `[[:foo:]]`, `[[:alpha:`, `\pL`, `\p{L}+`, `\PL`, `\p{^L}`, `\P{^L}`, `\p{Greek}`, `\p{Han}`, `[\p{Lu}\d]`, `[^\pL]`, `\p{Foo}`, `\p{`, `\p`,
		`\Qa.b\E`, `\Qa.b`, `\Q[a]\E+`, `\Q\E`, `\Qa\Eb*`, `\A`, `\z`, `\Z`, `\C`, `^a`, "a$", "(?m)^.", "(?m).$", "(?s).+", ".+", "(?i)STRASSE|k|ERROR", "(?i)s", "(?i:A)b", "(?-i)a", "(?i-s)A", "(?-)a", "(?)a", "(?i", "(?x)a", "(?u)a", "(?R)a",
		"(?U)a+", "(?U)a+?", "(a)(b)?", "(?P<n>a)", "(?<n>a)", "(?P<1x>a)", "(?P<a>a)(?P<a>b)", "(?P<>a)", "(?P<a-b>a)", "(?P<n", "(?P=n)", "(?=a)", "(?!a)", "(?<=a)", "(?:a|b)+", "()", "(|a)", "a|", "|a", "a||b", "(", ")", "a)", "(a",
		"*", "+a", "?", "|*", "(*)", "a**", "a*+", "a*??", "a+*", "a{2}{3}", "a{2}*", "a*{2}", "^*", "$+", `\b+`, "(?i)*", "a{1001}", "a{1000}", "a{3,2}", "(a{2}){2}", `\1`, `(a)\1`, `\01`, `\101`, `\141`, `\08`, `\x41`, `\x{61}`, `\x{}`, `\x6`, `\xg1`, `\x{110000}`, `\q`, `\_`, `\<`, `\>a`, `\-`, `\ `, `\é`, `\`, `a\`,
		`\a\f`, `\n`, `\v`, `[a]`, `[^a]`, `[]a]`, `[^]a]`, `[]`, `[`, `[a`, `[a-`, `[a-]`, `[-a]`, `[a-c-e]`, `[c-a]`, `[a\-c]`, `[\]]`, `[[]`, `[a[b]c]`, `[a&&b]`, `[a--b]`, `[a~~b]`, `[&&]`, `[\x41-\x43]`, `[\n]`, `[\b]`, `[é-ü]`, `[a\]`, `[\Q]`, `[.]`, `[^\n]`, `[*+?]`, `[$^]`, `[(|)]`, `[{}]`,
		"x*", `(\d+)-(\w)`, `<.+?>`, "a|ab", "ab|a", "(a|ab)(c|bcd)", `^\s*$`, `\Aab|yz\z`, "é", "[[:digit:]]+[[:alpha:]]", "a#b", "a b", "}", "]", "a-b", "~", "&&", "@", "/", `\/`, `\.`, `\$`, "(?s:.)", "((((a))))",
		"(?i)[k-l]", "(?i)[^k]", `(?i)\w`, `(?i)[[:lower:]]+`, `(?i)\p{Lu}+`,
	}
	templates := []string{"<$0>", "$1_x|${1}_x|$1", "[$n|${n}|$2]", "$$1$", "${", "$ a", "${0", "$00 $01", "$é", "${1x}$1x", "x"}
	var rows [][]any
	for _, pattern := range patterns {
		compiled, err := regexp.Compile(pattern)
		if err != nil {
			rows = append(rows, []any{pattern, nil})
			continue
		}
		replaced := []string{}
		for index, text := range texts {
			replaced = append(replaced, compiled.ReplaceAllString(text, "<$0>"), compiled.ReplaceAllString(text, templates[index%len(templates)]))
		}
		rows = append(rows, []any{pattern, replaced})
	}
	table("regexp", append([][]any{{texts, templates}}, rows...))
}
