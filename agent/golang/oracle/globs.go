package main

import "github.com/gobwas/glob"

func globs() {
	patterns := []string{
		"", "*", "**", "?", "abc", "a*", "*c", "*b*", "a*c", "a*b*c", "a**c", "a?c", "?*", "*?", "[abc]", "[!abc]", "[a-c]", "[!a-c]", "a[bc]d", "[a-z]*", "{a,b}", "{a,b*}c",
		"{ab,a}b", "a{b,c}", "a{b,{c,d}}", "{*a,b*}", "{,a}b", "{a,}", "{}", "{a", "a}", "a,b", "{a,b", `\*`, `a\*b`, `\\`, `a\`, `{a\,b}`, `{a\}}`, "[", "[a", "[a-", "[a-c",
		"[]", "[!]", "[a-z0-9]", "[c-a]", "[ab-c]", "[!!]", "[^a]", `[\]]`, "[a-]", "***", "a.b", "a.*", "*.b", "a.**", "**.b", "a.?", "*.*", "a.*.c", "a.**.c", "{a.*,b}", "[.]", "a[.]b", "a[!x]b",
		"日*", "?本", "[日本]", "*é", "{cpu,mem*,*disk}", "cpu_{user,system}", "x{a,b}{c,d}*", "{{a,b},c}d", "a|b", "a+", "(a)", "^a$", "a.c", "[a|b]", "[a&&b]", "[[a]", "[[:alpha:]]", "*{a,b}*", "?{a,b}?", "{a?,b}c",
		"*a*a*a*a*b", "{a*,*b}{c*,*d}",
	}
	texts := []string{
		"", "a", "b", "c", "ab", "abc", "abbc", "ac", "abcd", "acd", "xabcx", "*", "a*b", `\`, "a.b", "a.b.c", "a.c", ".", "a.", ".b", "a,b", "{a,b}", "}", "a}", "日本", "本", "日", "é", "aé", "cpu", "memory",
		"mem", "disk", "adisk", "cpu_user", "cpu_system", "cpu_", "xac", "xbdzz", "ad", "cd", "{}", "-", "]", "[", "!", "^", "5", "B", "x", "z", "a|b", "|", "&", "a+", "aa", "(a)", "^a$", "aaaaaaaaaaaaaaaaaaaaab",
		"aaaaaaaaaaaaaaaaaaaaaa", "a\nb", "bc", "axb", "xby", "acc", "a]", ":]", "a\\", "abcb", "bzcz", "{a", "a{",
	}
	var rows [][]any
	for _, pattern := range patterns {
		for _, separators := range []string{"", ".", "._"} {
			compiled, err := glob.Compile(pattern, []rune(separators)...)
			if err != nil {
				rows = append(rows, []any{pattern, separators, nil})
				continue
			}
			matched := []string{}
			for _, text := range texts {
				if compiled.Match(text) {
					matched = append(matched, text)
				}
			}
			rows = append(rows, []any{pattern, separators, matched})
		}
	}
	table("glob", append([][]any{{texts}}, rows...))
}
