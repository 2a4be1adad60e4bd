//! A document of any format as XML, for people who write queries.

use agent_xpath::{Document, Kind, NodeId};

/// So much of a document is printed, in bytes.
const LONGEST: usize = 1 << 20;

/// The document as XML without declaration, cut at 1 MiB.
pub(super) fn print(document: &Document) -> String {
    let mut out = String::new();
    for child in document.children(document.root()) {
        element(document, child, &mut out);
    }
    out
}

fn element(document: &Document, node: NodeId, out: &mut String) {
    if out.len() > LONGEST {
        return;
    }
    match document.kind(node) {
        Kind::Text => escape(&document.text(node), out),
        Kind::Comment => {
            out.push_str("<!--");
            out.push_str(document.name(node));
            out.push_str("-->");
        }
        Kind::Root | Kind::Attribute => {}
        Kind::Element => {
            let name = name(document, node);
            out.push('<');
            out.push_str(&name);
            for attribute in document.attributes(node) {
                out.push(' ');
                out.push_str(&self::name(document, attribute));
                out.push_str("=\"");
                escape(&document.text(attribute), out);
                out.push('"');
            }
            out.push('>');
            for child in document.children(node) {
                element(document, child, out);
            }
            out.push_str("</");
            out.push_str(&name);
            out.push('>');
        }
    }
}

/// The name with its prefix; elements of arrays have none and are called `element`.
fn name(document: &Document, node: NodeId) -> String {
    match (document.prefix(node), document.name(node)) {
        ("", "") => "element".to_owned(),
        ("", name) => name.to_owned(),
        (prefix, name) => format!("{prefix}:{name}"),
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}
