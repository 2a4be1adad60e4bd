//! Links the names of types to what they mean.
//!
//! Source: the language guides, "packages and name resolution": a name is looked for from the innermost scope outwards; one that begins
//! with a point is full.

use super::definition::{DeclaredField, DeclaredKind, Field, File, Kind, Message, Schema};
use agent_api::{Result, bail, ensure};
use std::collections::HashMap;

enum Named {
    Message(usize),
    Enum,
}

/// Links the messages of all files.
pub(super) fn link(files: Vec<File>) -> Result<Schema> {
    let mut names: HashMap<String, Named> = HashMap::new();
    let mut schema = Schema::default();
    for file in &files {
        for message in &file.messages {
            let place = schema.messages.len();
            schema.messages.push(Message { name: message.name.clone(), ..Message::default() });
            let before = names.insert(message.name.clone(), Named::Message(place));
            ensure!(before.is_none(), "{:?}: {:?} is defined twice", file.name, message.name);
        }
        for name in &file.enums {
            let before = names.insert(name.clone(), Named::Enum);
            ensure!(before.is_none(), "{:?}: {name:?} is defined twice", file.name);
        }
    }
    let mut place = 0;
    for file in &files {
        for message in &file.messages {
            for field in &message.fields {
                add(&mut schema, &names, place, &message.name, field, &file.name)?;
            }
            place += 1;
        }
    }
    for file in &files {
        for extension in &file.extensions {
            match resolve(&names, &extension.scope, &extension.target) {
                Some(Named::Message(target)) => {
                    let target = *target;
                    add(&mut schema, &names, target, &extension.scope, &extension.field, &file.name)?;
                }
                // Options of the definitions themselves.
                None if extension.target.trim_start_matches('.').starts_with("google.protobuf.") => {}
                _ => bail!("{:?}: line {}: no message {:?} to extend", file.name, extension.line, extension.target),
            }
        }
    }
    Ok(schema)
}

fn add(
    schema: &mut Schema,
    names: &HashMap<String, Named>,
    message: usize,
    scope: &str,
    field: &DeclaredField,
    file: &str,
) -> Result<()> {
    let of = |name: &str| match (Kind::scalar(name), resolve(names, scope, name)) {
        (Some(kind), _) => Ok(kind),
        (None, Some(Named::Message(place))) => Ok(Kind::Message(*place)),
        (None, Some(Named::Enum)) => Ok(Kind::Enum),
        (None, None) => bail!("{file:?}: line {}: unknown type {name:.60?} of {:?}", field.line, field.name),
    };
    let kind = match &field.kind {
        DeclaredKind::Named(name) => of(name)?,
        DeclaredKind::Group(name) => match of(name)? {
            Kind::Message(place) => Kind::Group(place),
            _ => bail!("{file:?}: line {}: {:?} is no message", field.line, field.name),
        },
        DeclaredKind::Map(key, value) => {
            let entry = Message {
                name: format!("{scope}.{}", field.name),
                fields: vec![
                    Field { name: "key".to_owned(), kind: of(key)?, repeated: false, explicit: true },
                    Field { name: "value".to_owned(), kind: of(value)?, repeated: false, explicit: true },
                ],
                by_number: HashMap::from([(1, 0), (2, 1)]),
            };
            schema.messages.push(entry);
            Kind::Map(schema.messages.len() - 1)
        }
    };
    let target = &mut schema.messages[message];
    let place = target.fields.len();
    target.fields.push(Field { name: field.name.clone(), kind, repeated: field.repeated, explicit: field.explicit });
    let before = target.by_number.insert(field.number, place);
    ensure!(
        before.is_none(),
        "{file:?}: line {}: number {} of {:?} is used twice",
        field.line,
        field.number,
        target.name
    );
    Ok(())
}

fn resolve<'n>(names: &'n HashMap<String, Named>, scope: &str, name: &str) -> Option<&'n Named> {
    if let Some(full) = name.strip_prefix('.') {
        return names.get(full);
    }
    let mut scope = scope;
    while !scope.is_empty() {
        if let Some(found) = names.get(&format!("{scope}.{name}")) {
            return Some(found);
        }
        scope = scope.rsplit_once('.').map_or("", |(outer, _)| outer);
    }
    names.get(name)
}
