//! The syntax tree of an expression.

use agent_golang::regexp::Regexp;

#[derive(Clone, Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Regex(Box<Regexp>),
    /// A member by its name.
    Name(String),
    /// `*`
    Wildcard,
    /// `**`
    Descendants,
    /// `$name`; `$` has an empty name, `$$` the name `$`.
    Variable(String),
    /// Steps joined by points.
    Path(Vec<Node>),
    /// `-`
    Negate(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    /// `[...]`
    Array(Vec<Node>),
    /// `from..to` in an array.
    Range(Box<Node>, Box<Node>),
    /// `{...}`, with what is grouped by it where that is given.
    Object(Option<Box<Node>>, Vec<(Node, Node)>),
    /// `(...; ...)`
    Block(Vec<Node>),
    /// `if ? then : else`
    Condition(Box<Node>, Box<Node>, Option<Box<Node>>),
    /// `$name := value`
    Assign(String, Box<Node>),
    /// `function($a, $b) { body }`
    Lambda(Vec<String>, Box<Node>),
    Call(Box<Node>, Vec<Node>),
    /// A call of which some arguments are left open by `?`.
    Partial(Box<Node>, Vec<Option<Node>>),
    /// `expression[filter]`
    Filter(Box<Node>, Box<Node>),
    /// `expression[]`: an array even of one value.
    Keep(Box<Node>),
    /// `expression^(terms)`; true for descending.
    Sort(Box<Node>, Vec<(bool, Node)>),
    /// `|pattern|update, delete|`
    Transform(Box<Node>, Box<Node>, Option<Box<Node>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Join,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    And,
    Or,
    /// `~>`
    Apply,
}
