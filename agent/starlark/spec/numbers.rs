//! Integers, floats and their operators.

use super::{check, check_errors};

#[test]
fn arithmetic() {
    check(&[
        ("7 / 2, 6 / 2", "(3.5, 3.0)"),
        ("7 // 2, -7 // 2, 7 // -2", "(3, -4, -4)"),
        ("7 % 2, -7 % 2, 7 % -2, -7 % -2", "(1, 1, -1, -1)"),
        ("7.5 // 2, 7.5 % 2, -7.5 % 2", "(3.0, 1.5, 0.5)"),
        ("1 + 2.5, 2 * 2.5, 1 - 0.5", "(3.5, 5.0, 0.5)"),
        ("1 << 10, (1 << 70) // (1 << 60), 1 << 100", "(1024, 1024, 1267650600228229401496703205376)"),
        ("-8 >> 1, 5 & 3, 5 | 3, 5 ^ 3, ~5", "(-4, 1, 7, 6, -6)"),
        ("9223372036854775807 + 1, -9223372036854775808 - 1", "(9223372036854775808, -9223372036854775809)"),
        ("9223372036854775807 * 9223372036854775807", "85070591730234615847396907784232501249"),
        ("-(-9223372036854775808), abs(-9223372036854775808)", "(9223372036854775808, 9223372036854775808)"),
        ("0x1F, 0o17, 0b101, 1e3, .5, 1.", "(31, 15, 5, 1000.0, 0.5, 1.0)"),
        ("- 3 + + 4", "1"),
        ("2 - 3 - 4, 2 * 3 + 4, 2 + 3 * 4, (2 + 3) * 4", "(-5, 10, 14, 20)"),
        ("1 | 2 ^ 3 & 4 << 1", "3"),
    ]);
}

#[test]
fn comparison() {
    check(&[
        ("1 < 2.5, 2 == 2.0, 1 != 1.0, 2 >= 3", "(True, True, False, False)"),
        ("9007199254740993 == 9007199254740992.0, 9007199254740993 > 9007199254740992.0", "(False, True)"),
        ("float('nan') == float('nan'), float('nan') > float('inf')", "(True, True)"),
        ("1 == '1', 1 == True, None == False", "(False, False, False)"),
        ("True > False, 1 << 80 > 5", "(True, True)"),
        ("not 0, not 1, not ''", "(True, False, True)"),
    ]);
}

#[test]
fn text_of_floats() {
    check(&[
        ("1.0, 0.1, 1e21, 1e-7", "(1.0, 0.1, 1e+21, 1e-07)"),
        ("123456789.5, 1000000.0, 100000.0, 999999.5", "(1.234567895e+08, 1e+06, 100000.0, 999999.5)"),
        ("0.0001, 0.00001, -0.0, 1e300", "(0.0001, 1e-05, -0.0, 1e+300)"),
        ("float('inf'), float('-inf'), float('nan')", "(+inf, -inf, nan)"),
    ]);
}

#[test]
fn conversion() {
    check(&[
        ("int(3.99), int(-3.99), int('12'), int(True)", "(3, -3, 12, 1)"),
        ("int('ff', 16), int('0xff', 16), int('0x10', 0), int('-0b11', 0), int('z', 36)", "(255, 255, 16, -3, 35)"),
        ("int('170141183460469231731687303715884105727')", "170141183460469231731687303715884105727"),
        ("float('2.5'), float(1), float(False), float('1e3'), float('+Inf')", "(2.5, 1.0, 0.0, 1000.0, +inf)"),
        ("bool(0), bool(0.0), bool([]), bool('x'), bool(None), bool((0,))", "(False, False, False, True, False, True)"),
        ("abs(-4), abs(-0.5), max(1, 2.5, 2), min([3, 1, 2])", "(4, 0.5, 2.5, 1)"),
    ]);
}

#[test]
fn failures() {
    check_errors(&[
        ("1 / 0", "floating-point division by zero"),
        ("1.0 / 0.0", "floating-point division by zero"),
        ("1 // 0", "floored division by zero"),
        ("1 % 0", "integer modulo by zero"),
        ("1.5 % 0", "floating-point modulo by zero"),
        ("1 << -1", "negative shift count: -1"),
        ("1 << 600", "shift count too large: 600"),
        ("1 << 127", "integer overflow: only integers of up to 128 bits are supported"),
        ("'a' + 1", "unknown binary op: string + int"),
        ("1 < 'a'", "int < string not implemented"),
        ("-'a'", "unknown unary op: - string"),
        ("int('x')", "int: invalid literal with base 10: x"),
        ("int('08', 0)", "int: invalid literal with base 0: 08"),
        ("int(float('nan'))", "int: cannot convert float NaN to integer"),
        ("int([])", "int: cannot convert list to int"),
        ("float('x')", "invalid float literal: x"),
        ("float([])", "float got list, want number or string"),
    ]);
}
