//! The grammar: XPath 1.0, section 3, by recursive descent.
//!
//! Beyond it a step may be a list of steps in parentheses, `a/(b, c)`, which Telegraf's library takes.

use super::expression::{Axis, Call, CompileError, Expr, Operator, Path, Start, Step, Test};
use super::functions::Function;
use super::lex::{Lexer, Token};
use agent_golang::regexp::Regexp;

/// An expression may be so long, in bytes.
const LONGEST: usize = 64 << 10;
/// Parentheses, brackets and calls may be nested so deep.
const DEEPEST: usize = 100;
/// A path may have so many steps, which are evaluated by recursion.
const STEPS: usize = 200;

type Result<T> = std::result::Result<T, CompileError>;

/// Compiles a text.
pub(crate) fn parse(text: &str) -> Result<Expr> {
    if text.len() > LONGEST {
        return Err(CompileError { at: LONGEST, cause: "expression longer than 64 KiB".to_owned() });
    }
    let mut parser = Parser { lexer: Lexer::new(text)?, depth: 0 };
    let expr = parser.expression()?;
    match parser.lexer.token {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    depth: usize,
}

/// The operators of each level, loosest first.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[("=", Operator::Equal), ("!=", Operator::NotEqual)],
    &[("<", Operator::Less), ("<=", Operator::LessEqual), (">", Operator::Greater), (">=", Operator::GreaterEqual)],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("div", Operator::Divide), ("mod", Operator::Modulo)],
];

impl Parser<'_> {
    fn expression(&mut self) -> Result<Expr> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.lexer.error(format!("nested deeper than {DEEPEST} levels")));
        }
        let expr = self.level(0);
        self.depth -= 1;
        expr
    }

    fn level(&mut self, level: usize) -> Result<Expr> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let first = self.level(level + 1)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            self.lexer.next()?;
            rest.push((operator, self.level(level + 1)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Chain(Box::new(first), rest) })
    }

    fn operator(&self, operators: &[(&str, Operator)]) -> Option<Operator> {
        let sign = match self.lexer.token {
            Token::Sign(sign) => sign,
            Token::Name { prefix: "", local } => local,
            _ => return None,
        };
        operators.iter().find(|(name, _)| *name == sign).map(|(_, operator)| *operator)
    }

    fn unary(&mut self) -> Result<Expr> {
        let mut negative = false;
        while self.is("-") {
            self.lexer.next()?;
            negative = !negative;
        }
        let first = self.path()?;
        let mut parts = vec![first];
        while self.is("|") {
            self.lexer.next()?;
            parts.push(self.path()?);
        }
        let expr = if parts.len() > 1 { Expr::Union(parts) } else { parts.swap_remove(0) };
        Ok(if negative { Expr::Negate(Box::new(expr)) } else { expr })
    }

    fn path(&mut self) -> Result<Expr> {
        let Some(primary) = self.primary()? else { return self.location() };
        let mut predicates = Vec::new();
        while self.is("[") {
            predicates.push(self.predicate()?);
        }
        let mut steps = Vec::new();
        if self.is("/") || self.is("//") {
            self.steps_behind(&mut steps)?;
        } else if predicates.is_empty() {
            return Ok(primary);
        }
        Ok(path(Start::Nodes(Box::new(primary), predicates), steps))
    }

    /// A text, number, call or expression in parentheses; None if a path begins here.
    fn primary(&mut self) -> Result<Option<Expr>> {
        Ok(Some(match self.lexer.token {
            Token::Literal(text) => {
                self.lexer.next()?;
                Expr::Text(text.into())
            }
            Token::Number(number) => {
                self.lexer.next()?;
                Expr::Number(number)
            }
            Token::Sign("(") => {
                self.lexer.next()?;
                let inner = self.expression()?;
                self.expect(")")?;
                // Positions after it count through the whole of what stands in it.
                inner
            }
            Token::Sign("$") => return Err(self.lexer.error("variables are not known")),
            Token::Name { local, prefix } if self.lexer.before_parenthesis() && !is_node_type(local) => {
                if !prefix.is_empty() {
                    return Err(self.lexer.error(format!("unknown function {prefix}:{local}()")));
                }
                self.call(local)?
            }
            _ => return Ok(None),
        }))
    }

    fn call(&mut self, name: &str) -> Result<Expr> {
        let unknown = || format!("unknown function {name}()");
        let function = Function::named(name).ok_or_else(|| self.lexer.error(unknown()))?;
        let at = self.lexer.at;
        self.lexer.next()?;
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.is(")") {
            if !arguments.is_empty() {
                if !self.is(",") {
                    return Err(self.unexpected("\",\" or \")\""));
                }
                self.lexer.next()?;
            }
            arguments.push(self.expression()?);
        }
        self.lexer.next()?;
        function.check(&arguments).map_err(|cause| CompileError { at, cause: format!("{name}() {cause}") })?;
        let mut pattern = None;
        if let (Function::Matches | Function::Replace, Some(Expr::Text(text))) = (function, arguments.get(1)) {
            pattern = Some(Regexp::compile(text).map_err(|e| CompileError { at, cause: e.to_string() })?);
        }
        Ok(Expr::Call(Call { function, arguments, pattern }))
    }

    fn location(&mut self) -> Result<Expr> {
        let mut steps = Vec::new();
        if self.is("/") || self.is("//") {
            if self.is("/") {
                self.lexer.next()?;
                if self.begins_step() {
                    self.steps(&mut steps)?;
                }
            } else {
                self.steps_behind(&mut steps)?;
            }
            return Ok(path(Start::Root, steps));
        }
        self.steps(&mut steps)?;
        Ok(path(Start::Here, steps))
    }

    /// Steps behind `/` or `//`.
    fn steps_behind(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        if self.is("//") {
            steps.push(step(Axis::DescendantOrSelf, Test::Node, Vec::new()));
        }
        self.lexer.next()?;
        self.steps(steps)
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        loop {
            let next = self.step()?;
            steps.push(next);
            if steps.len() > STEPS {
                return Err(self.lexer.error(format!("more than {STEPS} steps")));
            }
            if self.is("//") {
                steps.push(step(Axis::DescendantOrSelf, Test::Node, Vec::new()));
            } else if !self.is("/") {
                return Ok(());
            }
            self.lexer.next()?;
        }
    }

    fn begins_step(&self) -> bool {
        match self.lexer.token {
            Token::Name { .. } | Token::Axis(_) => true,
            Token::Sign(sign) => matches!(sign, "." | ".." | "@" | "*" | "("),
            _ => false,
        }
    }

    fn step(&mut self) -> Result<Step> {
        if self.is("(") {
            return self.choice();
        }
        let (axis, test) = match self.lexer.token {
            Token::Sign(".") => {
                self.lexer.next()?;
                (Axis::Itself, Test::Node)
            }
            Token::Sign("..") => {
                self.lexer.next()?;
                (Axis::Parent, Test::Node)
            }
            Token::Sign("@") => {
                self.lexer.next()?;
                (Axis::Attribute, self.test()?)
            }
            Token::Axis(name) => {
                let axis = axis(name).ok_or_else(|| self.lexer.error(format!("unknown axis {name:?}")))?;
                self.lexer.next()?;
                (axis, self.test()?)
            }
            _ => (Axis::Child, self.test()?),
        };
        let mut predicates = Vec::new();
        while self.is("[") {
            predicates.push(self.predicate()?);
        }
        Ok(step(axis, test, predicates))
    }

    /// `(a, b)`.
    fn choice(&mut self) -> Result<Step> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.lexer.error(format!("nested deeper than {DEEPEST} levels")));
        }
        let mut any = Vec::new();
        loop {
            self.lexer.next()?;
            let mut steps = Vec::new();
            self.steps(&mut steps)?;
            any.push(tidy(steps, true));
            if !(self.is(",") || self.is("|")) {
                break;
            }
        }
        self.expect(")")?;
        self.depth -= 1;
        Ok(Step::Any(any))
    }

    fn test(&mut self) -> Result<Test> {
        let test = match self.lexer.token {
            Token::Sign("*") => Test::Any,
            Token::Name { prefix: "", local } if is_node_type(local) && self.lexer.before_parenthesis() => {
                self.lexer.next()?;
                self.expect("(")?;
                if local == "processing-instruction" && matches!(self.lexer.token, Token::Literal(_)) {
                    self.lexer.next()?;
                }
                self.expect(")")?;
                return Ok(match local {
                    "node" => Test::Node,
                    "text" => Test::Text,
                    "comment" => Test::Comment,
                    _ => Test::Nothing,
                });
            }
            Token::Name { prefix, local: "*" } => Test::Prefix(prefix.into()),
            Token::Name { prefix, local } => Test::Name { prefix: prefix.into(), local: local.into() },
            _ => return Err(self.unexpected("a name or a value")),
        };
        self.lexer.next()?;
        Ok(test)
    }

    fn predicate(&mut self) -> Result<Expr> {
        self.expect("[")?;
        let expr = self.expression()?;
        self.expect("]")?;
        Ok(expr)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.lexer.token, Token::Sign(own) if own == sign)
    }

    fn expect(&mut self, sign: &str) -> Result<()> {
        if !self.is(sign) {
            return Err(self.unexpected(&format!("{sign:?}")));
        }
        self.lexer.next()
    }

    fn unexpected(&self, wanted: &str) -> CompileError {
        let found = match &self.lexer.token {
            Token::Name { prefix: "", local } => format!("{local:?}"),
            Token::Name { prefix, local } => format!("\"{prefix}:{local}\""),
            Token::Axis(name) => format!("\"{name}::\""),
            Token::Literal(text) => format!("the text {text:?}"),
            Token::Number(number) => format!("the number {number}"),
            Token::Sign(sign) => format!("{sign:?}"),
            Token::End => "the end".to_owned(),
        };
        self.lexer.error(format!("expected {wanted}, not {found}"))
    }
}

fn is_node_type(name: &str) -> bool {
    matches!(name, "node" | "text" | "comment" | "processing-instruction")
}

fn axis(name: &str) -> Option<Axis> {
    Some(match name {
        "ancestor" => Axis::Ancestor,
        "ancestor-or-self" => Axis::AncestorOrSelf,
        "attribute" => Axis::Attribute,
        "child" => Axis::Child,
        "descendant" => Axis::Descendant,
        "descendant-or-self" => Axis::DescendantOrSelf,
        "following" => Axis::Following,
        "following-sibling" => Axis::FollowingSibling,
        "parent" => Axis::Parent,
        "preceding" => Axis::Preceding,
        "preceding-sibling" => Axis::PrecedingSibling,
        "self" => Axis::Itself,
        _ => return None,
    })
}

fn step(axis: Axis, test: Test, predicates: Vec<Expr>) -> Step {
    let positional = predicates.iter().any(Expr::is_positional);
    Step::Axis { axis, test, predicates, positional, distinct: false }
}

fn path(start: Start, steps: Vec<Step>) -> Expr {
    let nested = matches!(start, Start::Nodes(..));
    Expr::Path(Path { start, steps: tidy(steps, nested) })
}

/// Makes one step of `//name` where no position within the parent is asked for, and finds out which steps may reach a node twice;
/// `nested` says whether the nodes that the first step begins at may lie within each other.
///
/// The parent axis is left as it is: in Telegraf's library `//bed/..` gives the parent once for each bed.
fn tidy(steps: Vec<Step>, mut nested: bool) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::with_capacity(steps.len());
    for mut step in steps {
        if let Step::Axis { axis: axis @ Axis::Child, positional: false, .. } = &mut step
            && let Some(Step::Axis { axis: Axis::DescendantOrSelf, test: Test::Node, predicates, .. }) = out.last()
            && predicates.is_empty()
        {
            *axis = Axis::Descendant;
            out.pop();
        }
        out.push(step);
    }
    for step in &mut out {
        let Step::Axis { axis, distinct, .. } = step else {
            nested = true;
            continue;
        };
        match axis {
            Axis::Child | Axis::Attribute | Axis::Itself => {}
            Axis::Parent => nested = true,
            Axis::Descendant | Axis::DescendantOrSelf => {
                *distinct = nested;
                nested = true;
            }
            _ => {
                *distinct = true;
                nested = true;
            }
        }
    }
    out
}
