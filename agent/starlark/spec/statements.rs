//! Statements: loops, conditions, assignments, scopes.

use super::check_scripts;

#[test]
fn loops() {
    check_scripts(&[
        (
            "out = []\nfor i in range(10):\n  if i == 3:\n    continue\n  if i == 6:\n    break\n  out.append(i)",
            "[0, 1, 2, 4, 5]",
        ),
        ("i = 0\nwhile i < 5:\n  i += 1\n  if i == 3: continue\n  if i == 4: break\nout = i", "4"),
        ("out = []\nfor a, (b, c) in [(1, (2, 3)), (4, [5, 6])]:\n  out += [a, b, c]", "[1, 2, 3, 4, 5, 6]"),
        (
            "def f():\n  for i in range(3):\n    for j in range(3):\n      if i * j == 2:\n        return (i, j)\nout = f()",
            "(1, 2)",
        ),
        ("l = [1, 2]\ndef f():\n  for x in l:\n    return x\nf()\nl.append(3)\nout = l", "[1, 2, 3]"),
        ("out = [(x, y) for x in range(2) for y in range(x + 1)]", "[(0, 0), (1, 0), (1, 1)]"),
        ("out = 0\nfor k in {'a': 1, 'b': 2}:\n  out += {'a': 1, 'b': 2}[k]", "3"),
    ]);
}

#[test]
fn conditions() {
    check_scripts(&[
        (
            "def f(x):\n  if x < 0: return 'neg'\n  elif x == 0: return 'zero'\n  else: return 'pos'\nout = [f(-1), f(0), f(1)]",
            r#"["neg", "zero", "pos"]"#,
        ),
        ("out = [1 if x else 2 for x in (0, 1)]", "[2, 1]"),
        ("out = [0 or 'a', 1 or 'a', 0 and 'a', 1 and 'a', None or 0]", r#"["a", 1, 0, "a", 0]"#),
        ("def f(a):\n  a = 5 or a\n  a = a and a + 1\n  return a\nout = f(1)", "6"),
        (
            "def f(a):\n  a = [a, a]\n  a = {'a': a}\n  a = a if a['a'] else 0\n  return a\nout = f(1)",
            r#"{"a": [1, 1]}"#,
        ),
        ("x = 3\nout = not x == 3 and not (x in [4]) or x not in [3]", "False"),
        ("if 1 < 2 and 'a' in 'abc' and not False:\n  out = 'yes'\nelse:\n  out = 'no'", r#""yes""#),
    ]);
}

#[test]
fn layout() {
    check_scripts(&[
        (
            "\"\"\"doc\"\"\"\n# comment\nA = 1; B = 2;\n\n\nx = (A +\n   B)\ny = A + \\\n  B\nout = [x,\n  y,\n]",
            "[3, 3]",
        ),
        ("def f():\n\n  # inside\n  pass\n# at the margin\n\n  return 1\nout = f()", "1"),
        ("if True:\n\tout = 1\n", "1"),
        ("out = 1 # end", "1"),
        ("def f(): return 1\nout = f()", "1"),
        ("out = {\n  'a': 1,\n  'b': [\n1, 2],\n}", r#"{"a": 1, "b": [1, 2]}"#),
        ("\u{feff}out = 1\r\nif out:\r\n  out = 2\r\n", "2"),
    ]);
}

#[test]
fn assignment() {
    check_scripts(&[
        (
            "a, b = 1, 2\na, b = b, a\n[c, d] = (3, 4)\n(e, (f,)) = [5, [6]]\nout = [a, b, c, d, e, f]",
            "[2, 1, 3, 4, 5, 6]",
        ),
        (
            "def f():\n  a, b = 1, 2\n  a, b = b, a\n  a += 10; b -= 1; a *= 2; b //= 1; a /= 4; b %= 5; b |= 4; b &= 6; b ^= 1; b <<= 2; b >>= 1\n  return a, b\nout = f()",
            "(6.0, 10)",
        ),
        (
            "d = {'k': {'n': 1}}\nd['k']['n'] += 1\nd['k']['m'] = [1]\nd['k']['m'] += [2]\nout = d",
            r#"{"k": {"n": 2, "m": [1, 2]}}"#,
        ),
        ("t = (1,)\nt += (2,)\nd = {1: 2}\nd |= {3: 4}\nout = (t, d)", "((1, 2), {1: 2, 3: 4})"),
        ("x = 1\nx = x + 1\nx = 'again'\nout = x", r#""again""#),
    ]);
}
