//! Adds the name of the service that a port number stands for, from the host's list of services.

mod services;

use crate::complaints::{Complaints, quoted};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use services::{Protocol, Services};
use std::path::PathBuf;

register!(Entry::processor::<PortName>());

/// Looks ports up.
struct PortName {
    settings: Settings,
    file: PathBuf,
    /// Read when the first metric comes.
    services: Option<Services>,
    complaints: Complaints,
    text: String,
}

/// Where ports stand and names go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Key of the tag with the port: a number, or a number and a protocol as in "80/tcp".
    tag: String,
    /// Key of the field with the port; it is used where both are there.
    field: String,
    /// Key of the tag or field (as the port's) that gets the name.
    dest: String,
    /// Protocol where none is given: "tcp", "udp", "sctp" or "dccp".
    default_protocol: String,
    /// Key of the tag with the protocol.
    protocol_tag: String,
    /// Key of the field with the protocol.
    protocol_field: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            tag: "port".to_owned(),
            field: "port".to_owned(),
            dest: "service".to_owned(),
            default_protocol: "tcp".to_owned(),
            protocol_tag: "proto".to_owned(),
            protocol_field: "proto".to_owned(),
        }
    }
}

impl Plugin for PortName {
    const NAME: &'static str = "port_name";
    const ABOUT: &'static str = "Adds the names of services by their ports.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let file = env.host.etc.join("services");
        let complaints = Complaints::new(&env.log);
        Ok(PortName { settings, file, services: None, complaints, text: String::new() })
    }
}

impl Processor for PortName {
    fn apply(&mut self, batch: &mut Batch) {
        let PortName { settings, file, services, complaints, text } = self;
        let services = services.get_or_insert_with(|| match std::fs::read(&*file) {
            Ok(list) => Services::parse(&String::from_utf8_lossy(&list)),
            Err(e) => {
                complaints.add(format_args!("read {}: {e}", file.display()));
                Services::default()
            }
        });
        batch.each(|m| {
            text.clear();
            let from_field = match m.field(&settings.field) {
                Some(value @ (Value::Int(_) | Value::Uint(_) | Value::Str(_))) => {
                    crate::scalar::append(value, agent_golang::number::FloatStyle::Plain, text);
                    true
                }
                Some(_) => return complaints.add(format_args!("field {:?} holds no port", settings.field)),
                None => {
                    text.push_str(m.tag(&settings.tag).unwrap_or_default());
                    false
                }
            };
            if text.is_empty() {
                return;
            }
            let (port, own) = text.split_once('/').unwrap_or((text, ""));
            let Ok(port) = port.parse::<u16>() else {
                return complaints.add(format_args!("look up port {}: no port number", quoted(text)));
            };
            let field = match m.field(&settings.protocol_field) {
                Some(Value::Str(protocol)) => Some(protocol),
                _ => None,
            };
            let given = field.or_else(|| m.tag(&settings.protocol_tag)).or((!own.is_empty()).then_some(own));
            let given = given.unwrap_or(&settings.default_protocol);
            let Some(protocol) = Protocol::parse(given) else {
                return complaints.add(format_args!("look up port {port}: unknown protocol {}", quoted(given)));
            };
            if let Some(name) = services.name(protocol, port) {
                match from_field {
                    true => m.set_field(&settings.dest, name),
                    false => m.set_tag(&settings.dest, name),
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{batch, lines};

    #[test]
    fn names_go_where_the_port_is() {
        let mut plugin = PortName::new(Settings::default(), &Env::new("processors.port_name")).unwrap();
        plugin.services = Some(Services::parse("http 80/tcp\ndomain 53/udp\nssh 22/tcp"));
        let mut metrics = batch(
            "m,port=80 v=1i 1\nm,port=53/udp v=1i 2\nm,proto=UDP port=53i 3\nm port=\"22\" 4\nm,port=99 v=1i 5\nm,port=x v=1i 6",
        );
        plugin.apply(&mut metrics);
        let expected = "m,port=80,service=http v=1i 1\nm,port=53/udp,service=domain v=1i 2\n\
            m,proto=UDP port=53i,service=\"domain\" 3\nm port=\"22\",service=\"ssh\" 4\nm,port=99 v=1i 5\nm,port=x v=1i 6";
        assert_eq!(lines(&metrics), expected);
    }
}
