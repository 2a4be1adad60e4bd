//! The stream that messages are published into: made as the settings say, changed where it is another, or taken as it is.

use super::settings::{External, StreamSettings};
use agent_api::*;
use agent_net::nats::causes;
use agent_net::nats::client::Client;
use agent_net::nats::client::jetstream::context::ContextBuilder;
use agent_net::nats::client::jetstream::response::Response;
use agent_net::nats::client::jetstream::{Context as JetStream, ErrorCode};

/// Acknowledgements are waited for as long, where the user does not say it.
const ACK_TIMEOUT: Duration = Duration::secs(5);

impl StreamSettings {
    /// Checks them, without I/O. Subjects that are made of metrics are not known to the stream by themselves.
    pub(super) fn check(&self, one_subject: bool) -> Result<()> {
        ensure!(!self.name.is_empty(), "jetstream: name is required");
        ensure!(
            !self.name.contains(|c: char| c.is_whitespace() || matches!(c, '.' | '*' | '>' | '/' | '\\')),
            "jetstream: {:?} is no name of a stream",
            self.name
        );
        ensure!(
            one_subject || self.disable_stream_creation || !self.subjects.is_empty(),
            "jetstream: subjects are required where subject is a template"
        );
        ensure!(!self.no_ack, "jetstream: no_ack leaves nobody who says that a metric was written");
        ensure!(
            matches!(self.compression.as_str(), "" | "none" | "s2"),
            "jetstream: compression {:?} is unknown, expected none or s2",
            self.compression
        );
        for source in self.mirror.iter().chain(&self.sources) {
            ensure!(
                source.domain.is_empty() || source.external.is_none(),
                "jetstream: domain and external of {:?} are two ways to say the same",
                source.name
            );
        }
        Ok(())
    }

    /// How it is published into.
    pub(super) fn context(&self, client: Client) -> JetStream {
        let timeout = if self.async_ack_timeout.is_zero() { ACK_TIMEOUT } else { self.async_ack_timeout };
        ContextBuilder::new().ack_timeout(*timeout).build(client)
    }

    /// Sees to it that the stream is there and as it is wanted. `subject` is the one that is published on, if there is one.
    pub(super) async fn ensure(&self, context: &JetStream, subject: Option<&str>) -> Result<()> {
        let name = &self.name;
        if self.disable_stream_creation {
            let found = context.get_stream(name).await;
            return found.map(drop).map_err(|e| anyhow!("look for stream {name:?}: {}", causes(&e)));
        }
        let wanted = self.request(subject);
        match ask(context, &format!("STREAM.UPDATE.{name}"), &wanted).await? {
            Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
            Response::Err { error } => bail!("change stream {name:?}: {}", causes(&error)),
            Response::Ok(_) => return Ok(()),
        }
        match ask(context, &format!("STREAM.CREATE.{name}"), &wanted).await? {
            Response::Err { error } => bail!("make stream {name:?}: {}", causes(&error)),
            Response::Ok(_) => Ok(()),
        }
    }

    /// The stream in the words of the servers' interface.
    fn request(&self, subject: Option<&str>) -> StreamSettings {
        let mut wanted = self.clone();
        if let Some(subject) = subject
            && self.mirror.is_none()
            && !self.subjects.iter().any(|pattern| holds(pattern, subject))
        {
            wanted.subjects.push(subject.to_owned());
        }
        for source in wanted.mirror.iter_mut().chain(&mut wanted.sources) {
            if !source.domain.is_empty() {
                source.external = Some(External { api: format!("$JS.{}.API", source.domain), deliver: String::new() });
            }
        }
        wanted
    }
}

async fn ask(context: &JetStream, subject: &str, request: &StreamSettings) -> Result<Response<serde_json::Value>> {
    let answer = context.request(subject.to_owned(), request).await;
    answer.map_err(|e| anyhow!("ask JetStream ({subject}): {}", causes(&e)))
}

/// True if a pattern with the servers' wildcards holds a subject.
fn holds(pattern: &str, subject: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('.'), subject.split('.'));
    loop {
        match (patterns.next(), parts.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some(want), Some(part)) if want == "*" || want == part => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, subject, held) in [
            ("a.b", "a.b", true),
            ("a.*", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            ("a.*", "a.b.c", false),
            ("a.b", "a", false),
        ] {
            assert_eq!(holds(pattern, subject), held, "{pattern} {subject}");
        }
    }

    #[test]
    fn settings_in_the_words_of_the_servers() {
        let settings: StreamSettings = serde_json::from_str(
            r#"{"name": "own", "subjects": ["other"], "max_age": "1500ms", "max_msgs": -1, "async_publish": true,
                "sources": [{"name": "s", "domain": "d"}]}"#,
        )
        .unwrap();
        let text = serde_json::to_string(&settings.request(Some("mine"))).unwrap();
        assert_eq!(
            text,
            r#"{"name":"own","subjects":["other","mine"],"retention":"limits","max_msgs":-1,"max_age":1500000000,"storage":"file","discard":"old","num_replicas":1,"sources":[{"name":"s","external":{"api":"$JS.d.API"}}]}"#
        );
    }
}
