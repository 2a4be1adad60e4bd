//! Strings, bytes and formatting.

use super::{check, check_errors};

#[test]
fn methods() {
    check(&[
        (
            "'hello World'.upper(), 'ABC'.lower(), 'hello world'.title(), 'hELLO'.capitalize()",
            r#"("HELLO WORLD", "abc", "Hello World", "Hello")"#,
        ),
        (
            "'a,b,c'.split(','), 'a,b,c'.rsplit(',', 1), 'a,b,c'.split(',', 1)",
            r#"(["a", "b", "c"], ["a,b", "c"], ["a", "b,c"])"#,
        ),
        (
            "' a  b '.split(), ' a  b c '.split(None, 1), ' a  b c '.rsplit(None, 1), ''.split()",
            r#"(["a", "b"], ["a", "b c "], [" a  b", "c"], [])"#,
        ),
        (
            "' a b '.split(None, 2), ' a b '.rsplit(None, 0), ' x '.strip(''), '\\tx\\n'.rstrip('')",
            r#"(["a", "b"], [" a b"], "x", "\tx")"#,
        ),
        ("' x '.strip(), 'xxaxx'.strip('x'), '  l'.lstrip(), 'r  '.rstrip()", r#"("x", "a", "l", "r")"#),
        (
            "'hello'.replace('l', 'L'), 'hello'.replace('l', 'L', 1), 'ab'.replace('', '-')",
            r#"("heLLo", "heLlo", "-a-b-")"#,
        ),
        ("'hello'.startswith('he'), 'hello'.endswith(('x', 'lo')), 'hello'.startswith('l', 2)", "(True, True, True)"),
        (
            "'hello'.find('l'), 'hello'.rfind('l'), 'hello'.find('z'), 'hello'.index('e'), 'hello'.find('l', 3)",
            "(2, 3, -1, 1, 3)",
        ),
        ("'hello'.count('l'), 'hello'.count(''), 'aaaa'.count('aa')", "(2, 6, 2)"),
        (
            "'a=b=c'.partition('='), 'a=b=c'.rpartition('='), 'x'.partition('='), 'x'.rpartition('=')",
            r#"(("a", "=", "b=c"), ("a=b", "=", "c"), ("x", "", ""), ("", "", "x"))"#,
        ),
        (
            "'prefix-x'.removeprefix('prefix-'), 'x.tmp'.removesuffix('.tmp'), 'x'.removeprefix('y')",
            r#"("x", "x", "x")"#,
        ),
        ("'a\\nb\\n'.splitlines(), 'a\\nb'.splitlines(True), ''.splitlines()", r#"(["a", "b"], ["a\n", "b"], [])"#),
        ("','.join(['a', 'b']), ''.join([]), '-'.join(('x',))", r#"("a,b", "", "x")"#),
        (
            "'12'.isdigit(), 'ab'.isalpha(), 'a1'.isalnum(), ' '.isspace(), 'Ab'.istitle(), ''.isdigit()",
            "(True, True, True, True, True, False)",
        ),
        ("'ab'.islower(), 'AB'.isupper(), 'A1'.isupper(), '1'.isupper()", "(True, True, True, False)"),
        (
            "list('ab'.elems()), list('ab'.elem_ords()), list('aé'.codepoints()), list('é'.codepoint_ords())",
            r#"(["a", "b"], [97, 98], ["a", "é"], [233])"#,
        ),
        ("'ab'.elems(), 'é'.codepoints()", r#"("ab".elems(), "é".codepoints())"#),
    ]);
}

#[test]
fn indexing() {
    check(&[
        ("'hello'[0] + 'hello'[-1] + 'hello'[1:3] + 'hello'[::-1] + 'hello'[:2] + 'hello'[-2:]", r#""hoelollehhelo""#),
        ("'hello'[10:], 'hello'[3:1], 'hello'[::2], 'hello'[-100:2]", r#"("", "", "hlo", "he")"#),
        ("len('é'), 'é'[0:1], 'ell' in 'hello', '' in 'x', 'x' not in 'y'", r#"(2, "\xc3", True, True, True)"#),
        ("'a' * 3, 3 * 'ab', 'a' * 0, 'a' * -1", r#"("aaa", "ababab", "", "")"#),
        ("ord('a'), chr(98), ord('é'), chr(128512)", r#"(97, "b", 233, "😀")"#),
        ("hash('abc'), hash(b'abc')", "(96354, 440920331)"),
        ("'a' < 'b', 'ab' < 'abc', 'B' < 'a'", "(True, True, True)"),
    ]);
}

#[test]
fn literals_and_repr() {
    check(&[
        (
            r#"r"a\d" + 'single' + """two
lines""""#,
            r#""a\\dsingletwo\nlines""#,
        ),
        (r#""\x41\u00e9\U0001F600\101\t\"\'\\""#, r#""Aé😀A\t\"'\\""#),
        ("'\\a\\b\\f\\v\\x7f\\0'", r#""\a\b\f\v\x7f\x00""#),
        ("'\\u00a0\\u200b'", r#""\u00a0\u200b""#),
        (
            "b'ab\\xff', b'abc'[0], b'abc'[1:], len(b'ab'), list(b'ab'.elems())",
            r#"(b"ab\xff", b"a", b"bc", 2, [97, 98])"#,
        ),
        (
            "bytes('é'), bytes([65, 66]), str(b'ab'), b'a' + b'b', b'a' in b'ba', 97 in b'ba'",
            r#"(b"é", b"AB", "ab", b"ab", True, True)"#,
        ),
        (
            "str('q'), repr('q'), str(['q']), str(1.0), str(None), str(True)",
            r#"("q", "\"q\"", "[\"q\"]", "1.0", "None", "True")"#,
        ),
    ]);
}

#[test]
fn interpolation() {
    check(&[
        ("'%s %d %f %r %x %o %%' % ('s', 7, 1.5, 'q', 255, 8)", r#""s 7 1.500000 \"q\" ff 10 %""#),
        ("'%s' % 'x', '%s' % [1, 2], '%d' % 1.9, '%X' % 255, '%x' % -255", r#"("x", "[1, 2]", "1", "FF", "-ff")"#),
        (
            "'%e' % 1500, '%g' % 1.0, '%g' % 1e10, '%E' % 0.0015, '%G' % 1e-7",
            r#"("1.500000e+03", "1.0", "1e+10", "1.500000E-03", "1E-07")"#,
        ),
        (
            "'%(a)s-%(b)d' % {'a': 'x', 'b': 2}, '%c%c' % ('x', 121), '%s' % (None,), '%i' % 3",
            r#"("x-2", "xy", "None", "3")"#,
        ),
        ("'{}-{}-{}'.format(1, 'b', 2.5), '{1}{0}'.format('x', 'y'), '{a}'.format(a='k')", r#"("1-b-2.5", "yx", "k")"#),
        ("'{!r} {{}}'.format('x'), 'a{}b'.format([1])", r#"("\"x\" {}", "a[1]b")"#),
    ]);
    check_errors(&[
        ("'%d' % 'x'", "%d format requires integer: cannot convert string to int"),
        ("'%s %s' % 'x'", "not enough arguments for format string"),
        ("'%s' % (1, 2)", "too many arguments for format string"),
        ("'%' % 1", "incomplete format"),
        ("'%z' % 1", "unknown conversion %z"),
        ("'%(x)s' % {}", "key not found: x"),
        ("'{'.format(1)", "format: unmatched '{' in format"),
        ("'}'.format(1)", "format: single '}' in format"),
        ("'{}'.format()", "format: tuple index out of range"),
        ("'{a}'.format()", "format: keyword a not found"),
    ]);
}

#[test]
fn failures() {
    check_errors(&[
        ("'abc'[3]", "string index 3 out of range [-3:2]"),
        ("'abc'['x']", "string index: got string, want int"),
        ("'abc'.index('z')", "index: substring not found"),
        ("'abc'.split('')", "split: empty separator"),
        ("'abc'.nope", "string has no .nope field or method"),
        ("'abc'.uper()", "string has no .uper field or method (did you mean .upper?)"),
        ("','.join([1])", "join: in list, want string, got int"),
        ("1 in 'abc'", "'in <string>' requires string as left operand, not int"),
        ("[x for x in 'abc']", "string value is not iterable"),
        ("'x' * (1 << 40)", "excessive repeat (1 * 1099511627776 elements)"),
        ("chr(-1)", "chr: Unicode code point -1 out of range (<0)"),
        ("ord('ab')", "ord: string encodes 2 Unicode code points, want 1"),
        ("bytes([256])", "bytes: at index 0, 256 out of range (want value in unsigned 8-bit range)"),
        ("'x'.upper(1)", "upper: got 1 arguments, want 0"),
    ]);
}
