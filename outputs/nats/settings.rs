//! The settings of a stream. They go to the servers as they stand, in the words of their interface
//! (docs.nats.io/reference/reference-protocols/nats_api_reference), so servers may know more of them than this client.

use agent_api::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// A stream, and how it is published into. What is left out is as the servers have it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct StreamSettings {
    /// Name of the stream; required.
    pub(super) name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "no_text")]
    description: String,
    /// Subjects that it keeps, `*` and `>` included; `subject` is added if none of them holds it.
    pub(super) subjects: Vec<String>,
    /// Publish further messages before the one before is acknowledged: faster, but after a failure they may stand in another order.
    #[serde(skip_serializing)]
    pub(super) async_publish: bool,
    /// How long an acknowledgement may take; 0 means 5s.
    #[serde(skip_serializing)]
    pub(super) async_ack_timeout: Duration,
    /// Take the stream as it is; it is an error if there is none.
    #[serde(skip_serializing)]
    pub(super) disable_stream_creation: bool,
    /// When messages go: by the limits below (`limits`), when all consumers have them (`interest`), or when one has (`workqueue`).
    retention: Retention,
    /// Most consumers; -1 is no limit, as in the following.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_consumers: Option<i64>,
    /// Most messages of one subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_msgs_per_subject: Option<i64>,
    /// Most messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_msgs: Option<i64>,
    /// Most bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<i64>,
    /// Oldest message: a duration, or nanoseconds; 0 is no limit.
    #[serde(skip_serializing_if = "Nanos::is_none")]
    max_age: Nanos,
    /// Largest message in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_msg_size: Option<i64>,
    /// Where messages are kept: `file` or `memory`.
    storage: Storage,
    /// What goes when the stream is full: `old` messages or `new` ones, which are refused then.
    discard: Discard,
    /// Refuse new messages of a subject that is full.
    #[serde(skip_serializing_if = "is_false")]
    discard_new_per_subject: bool,
    /// So many servers keep each message; 0 means 1.
    #[serde(serialize_with = "at_least_one")]
    num_replicas: u32,
    /// Do not acknowledge messages; nothing is written then as far as this output knows, so it is refused.
    #[serde(skip_serializing)]
    pub(super) no_ack: bool,
    /// For so long a message that comes twice is known again: a duration, or nanoseconds.
    #[serde(skip_serializing_if = "Nanos::is_none")]
    duplicate_window: Nanos,
    /// Where in a cluster it is placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<Placement>,
    /// The stream that it is a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mirror: Option<Source>,
    /// Streams that it also takes from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) sources: Vec<Source>,
    /// Take no more messages.
    #[serde(skip_serializing_if = "is_false")]
    sealed: bool,
    /// Let nobody delete a message.
    #[serde(skip_serializing_if = "is_false")]
    deny_delete: bool,
    /// Let nobody empty it.
    #[serde(skip_serializing_if = "is_false")]
    deny_purge: bool,
    /// Let a header of a message replace all before it.
    #[serde(skip_serializing_if = "is_false")]
    allow_rollup_hdrs: bool,
    /// How files are packed: `s2` or `none` (servers from 2.10).
    #[serde(skip_serializing_if = "no_text")]
    pub(super) compression: String,
    /// Number of the first message (servers from 2.10).
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seq: Option<u64>,
    /// Another subject for what comes (servers from 2.10).
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_transform: Option<Transform>,
    /// Another subject on which what is kept is published again.
    #[serde(skip_serializing_if = "Option::is_none")]
    republish: Option<Republish>,
    /// Let every server that keeps a message be asked for it.
    #[serde(skip_serializing_if = "is_false")]
    allow_direct: bool,
    /// The same for copies of the stream.
    #[serde(skip_serializing_if = "is_false")]
    mirror_direct: bool,
    /// Limits of its consumers (servers from 2.10).
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer_limits: Option<ConsumerLimits>,
    /// Notes of one's own (servers from 2.10).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

/// When messages go.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Retention {
    #[default]
    #[serde(alias = "")]
    Limits,
    Interest,
    Workqueue,
}

/// Where messages are kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Storage {
    #[default]
    #[serde(alias = "")]
    File,
    Memory,
}

/// What goes when a stream is full.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Discard {
    #[default]
    #[serde(alias = "")]
    Old,
    New,
}

/// Where in a cluster a stream is placed.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Placement {
    /// Name of the cluster.
    cluster: String,
    /// Tags that its servers have.
    tags: Vec<String>,
}

/// A stream that another takes from.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Source {
    /// Its name.
    pub(super) name: String,
    /// Number of the first message that is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_start_seq: Option<u64>,
    /// Time of the first message that is taken, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    opt_start_time: Option<String>,
    /// Only messages of this subject.
    #[serde(skip_serializing_if = "no_text")]
    filter_subject: String,
    /// Changes of subjects, in place of `filter_subject`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subject_transforms: Vec<Transform>,
    /// Where it is asked for, if it is of another account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) external: Option<External>,
    /// Domain of JetStream that it is of, in place of `external`.
    #[serde(skip_serializing)]
    pub(super) domain: String,
}

/// Where a stream of another account is asked for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct External {
    /// Prefix of the subjects of its interface.
    #[serde(alias = "api_prefix")]
    pub(super) api: String,
    /// Prefix of the subjects on which it delivers.
    #[serde(alias = "deliver_prefix", skip_serializing_if = "no_text")]
    pub(super) deliver: String,
}

/// A change of subjects.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Transform {
    /// Subjects that are changed.
    #[serde(alias = "source")]
    src: String,
    /// What they are changed to.
    #[serde(alias = "destination")]
    dest: String,
}

/// What is published again.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Republish {
    /// Subjects that are published again.
    #[serde(alias = "source")]
    src: String,
    /// On which.
    #[serde(alias = "destination")]
    dest: String,
    /// Headers without what they belong to.
    headers_only: bool,
}

/// Limits of consumers.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ConsumerLimits {
    /// A consumer that is not used for so long goes.
    #[serde(skip_serializing_if = "Nanos::is_none")]
    inactive_threshold: Nanos,
    /// Most messages of one consumer that are not acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ack_pending: Option<i64>,
}

/// A time that users write as a duration or, as the samples of Telegraf have it, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Nanos(u64);

/// A bare number from here on means nanoseconds: as seconds it would be more than thirty years.
const SURELY_NANOS: u64 = 1_000_000_000;

impl Nanos {
    fn is_none(&self) -> bool {
        self.0 == 0
    }
}

impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let time = Duration::deserialize(reader)?;
        let nanos = if time.as_secs() >= SURELY_NANOS { u128::from(time.as_secs()) } else { time.as_nanos() };
        // The servers' numbers are signed.
        match i64::try_from(nanos) {
            Ok(nanos) => Ok(Nanos(nanos.unsigned_abs())),
            Err(_) => Err(serde::de::Error::custom("duration out of range")),
        }
    }
}

impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_u64(self.0)
    }
}

impl JsonSchema for Nanos {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Duration::schema_name()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Duration::json_schema(generator)
    }
}

fn no_text(text: &str) -> bool {
    text.is_empty()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn at_least_one<S: Serializer>(number: &u32, writer: S) -> Result<S::Ok, S::Error> {
    writer.serialize_u32((*number).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_durations_or_nanoseconds() {
        use serde::de::IntoDeserializer;
        use serde::de::value::{Error, I64Deserializer, StrDeserializer};
        let text = |text: &'static str| {
            let reader: StrDeserializer<'_, Error> = text.into_deserializer();
            Nanos::deserialize(reader).map(|nanos| nanos.0)
        };
        let number = |number: i64| {
            let reader: I64Deserializer<Error> = number.into_deserializer();
            Nanos::deserialize(reader).map(|nanos| nanos.0)
        };
        assert_eq!(text("2m"), Ok(120_000_000_000));
        assert_eq!(number(120), Ok(120_000_000_000));
        assert_eq!(number(120_000_000_000), Ok(120_000_000_000));
        assert!(number(-1).is_err());
    }
}
