//! The types the checker reasons with, and their unification.
//!
//! The rules are those of CEL's gradual typing: `dyn` goes with everything, a type variable takes the most general
//! type it meets, and `null` goes with timestamps and durations.

use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    /// The type of a type.
    Meta(Box<Type>),
    /// A variable, bound by [`Unifier`].
    Var(usize),
}

impl Type {
    /// The number of types in this one.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::List(inner) | Self::Meta(inner) => 1 + inner.weight(),
            Self::Map(key, value) => 1 + key.weight() + value.weight(),
            _ => 1,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dyn | Self::Var(_) => "dyn",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::List(item) => return write!(f, "list({item})"),
            Self::Map(key, value) => return write!(f, "map({key}, {value})"),
            Self::Meta(inner) => return write!(f, "type({inner})"),
        })
    }
}

/// What the type variables stand for.
#[derive(Default)]
pub(crate) struct Unifier {
    bound: Vec<Option<Type>>,
    /// What was bound before, to go back to if an overload does not fit after all.
    trail: Vec<(usize, Option<Type>)>,
}

impl Unifier {
    pub(crate) fn fresh(&mut self) -> Type {
        self.bound.push(None);
        Type::Var(self.bound.len() - 1)
    }

    /// Whether `found` can stand where `wanted` is; variables are bound only if all of `pairs` go together.
    pub(crate) fn assign(&mut self, pairs: &[(&Type, &Type)]) -> bool {
        let fits = pairs.iter().all(|(found, wanted)| self.assignable(found, wanted));
        for (var, before) in self.trail.drain(..).rev() {
            if !fits {
                self.bound[var] = before;
            }
        }
        fits
    }

    /// `of` with its bound variables replaced, and, if `close`, the free ones by `dyn`.
    pub(crate) fn resolve(&self, of: &Type, close: bool) -> Type {
        match self.last(of) {
            Type::Var(var) => match &self.bound[*var] {
                Some(bound) => self.resolve(bound, close),
                None if close => Type::Dyn,
                None => of.clone(),
            },
            Type::List(item) => Type::List(Box::new(self.resolve(item, close))),
            Type::Map(key, value) => {
                Type::Map(Box::new(self.resolve(key, close)), Box::new(self.resolve(value, close)))
            }
            Type::Meta(inner) => Type::Meta(Box::new(self.resolve(inner, close))),
            _ => of.clone(),
        }
    }

    /// The type of a list of `a` and `b`.
    pub(crate) fn join(&mut self, a: &Type, b: &Type) -> Type {
        if self.assign(&[(a, b)]) { most_general(a, b) } else { Type::Dyn }
    }

    /// The end of a chain of variables, each bound to the next: walked, since a chain may be long.
    fn last<'t>(&'t self, mut of: &'t Type) -> &'t Type {
        while let Type::Var(var) = of
            && let Some(bound @ Type::Var(_)) = &self.bound[*var]
        {
            of = bound;
        }
        of
    }

    fn assignable(&mut self, a: &Type, b: &Type) -> bool {
        let (a, b) = (&self.last(a).clone(), &self.last(b).clone());
        if let Type::Var(var) = b {
            let known = self.bound[*var].is_some();
            if self.bind(a, *var) {
                return true;
            }
            if known {
                return false;
            }
        }
        match (a, b) {
            (Type::Var(var), _) => self.bind(b, *var),
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::Null, other) | (other, Type::Null) => {
                matches!(other, Type::Null | Type::Timestamp | Type::Duration)
            }
            (Type::Meta(_), Type::Meta(_)) => true,
            (Type::List(a), Type::List(b)) => self.assignable(a, b),
            (Type::Map(a_key, a_value), Type::Map(b_key, b_value)) => {
                self.assignable(a_key, b_key) && self.assignable(a_value, b_value)
            }
            _ => a == b,
        }
    }

    fn bind(&mut self, of: &Type, var: usize) -> bool {
        if *of == Type::Var(var) {
            return true;
        }
        match self.bound[var].clone() {
            Some(bound) if bound == *of => true,
            Some(bound) => {
                if !self.assignable(of, &bound) {
                    return false;
                }
                let general = most_general(of, &bound);
                if !self.mentions(&general, var) {
                    self.set(var, general);
                }
                true
            }
            None if self.mentions(of, var) => false,
            None => {
                self.set(var, of.clone());
                true
            }
        }
    }

    fn set(&mut self, var: usize, to: Type) {
        let before = self.bound[var].replace(to);
        self.trail.push((var, before));
    }

    /// Whether `var` occurs in `of`, which would make it infinite.
    fn mentions(&self, of: &Type, var: usize) -> bool {
        match self.last(of) {
            Type::Var(other) if *other == var => true,
            Type::Var(other) => self.bound[*other].as_ref().is_some_and(|bound| self.mentions(bound, var)),
            Type::List(item) => self.mentions(item, var),
            Type::Map(key, value) => self.mentions(key, var) || self.mentions(value, var),
            Type::Meta(inner) => self.mentions(inner, var),
            _ => false,
        }
    }
}

fn most_general(a: &Type, b: &Type) -> Type {
    if at_least_as_general(a, b) { a.clone() } else { b.clone() }
}

fn at_least_as_general(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Var(_), _) => true,
        (_, Type::Dyn | Type::Var(_)) => false,
        (Type::List(a), Type::List(b)) => at_least_as_general(a, b),
        (Type::Map(a_key, a_value), Type::Map(b_key, b_value)) => {
            at_least_as_general(a_key, b_key) && at_least_as_general(a_value, b_value)
        }
        (Type::Meta(_), Type::Meta(_)) => true,
        _ => a == b,
    }
}

/// One overload of a function, as written in the tables: `string.(int) -> string`, `(list(A)) -> int`.
pub(crate) struct Signature {
    pub(crate) method: bool,
    /// The parameters, that before the dot first.
    pub(crate) parameters: Vec<Type>,
    pub(crate) result: Type,
}

impl Signature {
    /// Reads a signature, with variables of its own in `unifier`.
    pub(crate) fn read(text: &str, unifier: &mut Unifier) -> Self {
        let mut reader = Reader { rest: text, variables: Vec::new(), unifier };
        let mut parameters = Vec::new();
        let method = !reader.rest.starts_with('(');
        if method {
            parameters.push(reader.read());
            reader.skip(".");
        }
        reader.skip("(");
        while !reader.skip(")") {
            parameters.push(reader.read());
            reader.skip(", ");
        }
        reader.skip(" -> ");
        Self { method, parameters, result: reader.read() }
    }
}

struct Reader<'t, 'u> {
    rest: &'t str,
    variables: Vec<(&'t str, Type)>,
    unifier: &'u mut Unifier,
}

impl Reader<'_, '_> {
    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn read(&mut self) -> Type {
        let end = self.rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        match name {
            "null" => Type::Null,
            "bool" => Type::Bool,
            "int" => Type::Int,
            "uint" => Type::Uint,
            "double" => Type::Double,
            "string" => Type::String,
            "bytes" => Type::Bytes,
            "timestamp" => Type::Timestamp,
            "duration" => Type::Duration,
            "list" => Type::List(Box::new(self.inner())),
            "type" => Type::Meta(Box::new(self.inner())),
            "map" => {
                self.skip("(");
                let key = self.read();
                self.skip(", ");
                let value = self.read();
                self.skip(")");
                Type::Map(Box::new(key), Box::new(value))
            }
            "A" | "B" => match self.variables.iter().find(|(known, _)| *known == name) {
                Some((_, variable)) => variable.clone(),
                None => {
                    let variable = self.unifier.fresh();
                    self.variables.push((name, variable.clone()));
                    variable
                }
            },
            _ => Type::Dyn,
        }
    }

    fn inner(&mut self) -> Type {
        self.skip("(");
        let inner = self.read();
        self.skip(")");
        inner
    }
}
