//! From a bucket as sent (`web.hits,host=a`) to measurement, field and tags.

use agent_api::{Result, bail};
use agent_formats::templates::{Applied, Line, Templates};

/// The rules that names obey.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    templates: Templates,
    sanitize: bool,
    convert: bool,
}

/// The field of a value where no template names one.
pub(super) const FIELD: &str = "value";

impl Naming {
    pub(super) fn new(templates: &[String], separator: &str, sanitize_method: &str, convert: bool) -> Result<Self> {
        let sanitize = match sanitize_method {
            "" => false,
            "upstream" => true,
            other => bail!("sanitize_name_method {other:?} is unknown, expected \"\" or \"upstream\""),
        };
        // Unlike those of the formats, these templates may leave the measurement out, and tags may be empty.
        let mut all = Templates::new(separator);
        for text in templates {
            all.add(Line::parse(text)?);
        }
        Ok(Naming { templates: all, sanitize, convert })
    }

    /// Reads a bucket. The measurement is empty where nothing is left of the name.
    pub(super) fn read(&self, bucket: &str) -> Applied {
        let mut parts = bucket.split(',');
        let name = parts.next().unwrap_or_default();
        let cleaned = self.sanitize.then(|| sanitize(name));
        // A name ends at its first space, as in Graphite.
        let name = cleaned.as_deref().unwrap_or(name).split_whitespace().next().unwrap_or_default();
        let mut cut = if name.is_empty() { Applied::default() } else { self.templates.apply(name) };
        let from_template = cut.tags.len();
        for part in parts {
            // What is no pair has always been passed over.
            if let Some((key, value)) = part.split_once('=')
                && !key.is_empty()
                && !value.contains('=')
            {
                // What the template says holds, else what comes last.
                match cut.tags.iter().position(|(k, _)| k == key) {
                    Some(at) if at < from_template => {}
                    Some(at) => value.clone_into(&mut cut.tags[at].1),
                    None => cut.tags.push((key.to_owned(), value.to_owned())),
                }
            }
        }
        if self.convert {
            cut.name = cut.name.replace('.', "_").replace('-', "__");
        }
        if cut.field.is_empty() {
            FIELD.clone_into(&mut cut.field);
        }
        cut
    }
}

/// What statsd itself does to names: white space to `_`, `/` to `-`, then only letters, digits and `_-.;=` stay.
fn sanitize(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut in_space = false;
    for c in name.chars() {
        let space = matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c');
        match c {
            _ if space && in_space => {}
            _ if space => out.push('_'),
            '/' => out.push('-'),
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | ';' | '=' => out.push(c),
            _ => {}
        }
        in_space = space;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets() {
        let read = |method, convert, bucket: &str| {
            let cut = Naming::new(&[], "_", method, convert).unwrap().read(bucket);
            let tags: Vec<String> = cut.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("{} {} {}", cut.name, tags.join(","), cut.field)
        };
        assert_eq!(read("", false, "a.b,host=x,flag,=y,z=1=2,a b=c d"), "a_b host=x,a b=c d value");
        assert_eq!(read("", false, "a,x=1,y=2,x=3"), "a x=3,y=2 value");
        assert_eq!(read("", false, "a b/c"), "a  value");
        assert_eq!(read("upstream", false, "a  b/c(d).e"), "a_b-cd_e  value");
        assert_eq!(read("", true, "a.b-c"), "a_b__c  value");
        assert_eq!(read("", false, ",x=1"), " x=1 value");
        assert!(Naming::new(&[], "_", "own", false).is_err());
    }

    #[test]
    fn templates() {
        let naming = |template: &str| Naming::new(&[template.to_owned()], "_", "", false);
        let cut = naming("host.measurement.field dc=").unwrap().read("web1,host=other,dc=1");
        assert_eq!((cut.name.as_str(), cut.field.as_str()), ("", FIELD));
        assert_eq!(cut.tags, [("dc".to_owned(), String::new()), ("host".to_owned(), "web1".to_owned())]);
        assert_eq!(naming("host.field").unwrap().read("web1.idle").field, "idle");
        for bad in ["", "a b c d e", "field*.measurement*", "measurement =x"] {
            assert!(naming(bad).is_err(), "{bad:?}");
        }
    }
}
