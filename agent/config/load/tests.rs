//! Whole configurations, over plugins of our own that stand for each family.

use crate::config::{Config, Errors, Sources, StartupError, Surroundings, TimeSource};
use agent_api::log::Level;
use agent_api::options::{Secret, Table};
use agent_api::{
    Aggregator, Batch, Body, Chunk, Collector, Duration, Entry, Env, Format, Input, MetricRef, Output, ParseError,
    Parser, Plugin, Processor, Result, SecretStore, Serializer, StartError, WriteError,
};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Which files.
    files: Vec<String>,
    timeout: Duration,
    password: Secret,
    tags: serde_json::Value,
    replace: Vec<Replace>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Replace {
    dest: String,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Plain {
    plain_depth: u32,
    plain_indent: String,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Fancy {
    fancy_depth: u32,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Empty {}

/// A plugin that does nothing but take its settings; a file called "refused" is refused.
struct Probe<const KIND: u8>;

macro_rules! probe {
    ($kind:literal, $name:literal, $format:expr, $settings:ty, $check:expr) => {
        impl Plugin for Probe<$kind> {
            const NAME: &'static str = $name;
            const ABOUT: &'static str = "Stands for a plugin in tests.";
            const FORMAT: Format = $format;
            type Settings = $settings;
            fn new(settings: Self::Settings, _: &Env) -> Result<Self> {
                let check: fn(&$settings) -> Result<()> = $check;
                check(&settings)?;
                Ok(Probe)
            }
            fn migrate(table: &mut Table, notes: &mut Vec<String>) {
                if table.rename("old_files", "files") {
                    notes.push("old_files is now spelled files".to_owned());
                }
            }
        }
    };
}

fn files(settings: &Settings) -> Result<()> {
    agent_api::ensure!(!settings.files.iter().any(|f| f == "refused"), "open \"refused\": not that one");
    Ok(())
}

probe!(0, "probe", Format::Parses("plain"), Settings, files);
probe!(1, "probe", Format::Both("plain"), Settings, files);
probe!(2, "probe", Format::None, Empty, |_| Ok(()));
probe!(3, "probe", Format::Serializes("plain"), Settings, files);
probe!(4, "probe", Format::None, Empty, |_| Ok(()));
probe!(5, "plain", Format::None, Plain, |_| Ok(()));
probe!(6, "plain", Format::None, Plain, |_| Ok(()));
probe!(7, "fancy", Format::None, Fancy, |_| Ok(()));
probe!(8, "diskio", Format::None, Settings, files);

impl Input for Probe<0> {
    async fn gather(&mut self, _: &mut Collector) -> Result<()> {
        Ok(())
    }
}
impl Input for Probe<8> {
    async fn gather(&mut self, _: &mut Collector) -> Result<()> {
        Ok(())
    }
}
impl Processor for Probe<1> {
    fn apply(&mut self, _: &mut Batch) {}
}
impl Aggregator for Probe<2> {
    fn add(&mut self, _: MetricRef<'_>) {}
    fn flush(&mut self, _: &mut Collector) {}
}
impl Output for Probe<3> {
    async fn open(&mut self) -> Result<(), StartError> {
        Ok(())
    }
    async fn write(&mut self, _: &Chunk) -> Result<(), WriteError> {
        Ok(())
    }
}
impl SecretStore for Probe<4> {
    async fn get(&self, key: &str) -> Result<Secret> {
        agent_api::ensure!(key != "gone", "no secret {key:?}");
        Ok(Secret::new(key))
    }
    fn at_hand(&self) -> bool {
        true
    }
    async fn keys(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    async fn set(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
    async fn remove(&self, _: &str) -> Result<()> {
        Ok(())
    }
}
impl Parser for Probe<5> {
    fn parse(&mut self, _: &Body, _: &mut Collector) -> Result<(), ParseError> {
        Ok(())
    }
}
impl Parser for Probe<7> {
    fn parse(&mut self, _: &Body, _: &mut Collector) -> Result<(), ParseError> {
        Ok(())
    }
}
impl Serializer for Probe<6> {
    fn serialize(&mut self, _: MetricRef<'_>, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

agent_api::register!(
    Entry::input::<Probe<0>>(),
    Entry::input::<Probe<8>>(),
    Entry::processor::<Probe<1>>(),
    Entry::aggregator::<Probe<2>>(),
    Entry::output::<Probe<3>>(),
    Entry::secret_store::<Probe<4>>(),
    Entry::parser::<Probe<5>>(),
    Entry::parser::<Probe<7>>(),
    Entry::serializer::<Probe<6>>()
);

/// Sources that are these texts, named `a.conf`, `b.conf` and so on, with one variable in the environment.
pub(in crate::config) fn sources(texts: &[&str]) -> Sources {
    let name = |i: usize| format!("http://{}.conf", char::from(b'a' + i as u8));
    let files: Vec<String> = (0..texts.len()).map(name).collect();
    let pairs: Vec<(String, String)> = files.iter().cloned().zip(texts.iter().map(|t| (*t).to_owned())).collect();
    Sources {
        files,
        fetch: Some(Box::new(move |address| {
            Ok(pairs.iter().find(|p| p.0 == address).map(|p| p.1.clone()).unwrap_or_default())
        })),
        environment: Box::new(|name| match name {
            "SITE" => Some("mill".to_owned()),
            "NUMBER" => Some("7".to_owned()),
            "PLUGIN" => Some("probe".to_owned()),
            _ => None,
        }),
        ..Sources::default()
    }
}

#[track_caller]
fn load(texts: &[&str]) -> Config {
    Config::load(&sources(texts)).unwrap_or_else(|e| panic!("{e}"))
}

/// What is said of a text that does not load or does not check.
#[track_caller]
fn refused(text: &str) -> String {
    match Config::load(&sources(&[text])) {
        Ok(config) => config.check(&Surroundings::default()).expect_err(text),
        Err(errors) => errors,
    }
    .to_string()
}

fn keys(table: &Table) -> Vec<&str> {
    table.entries().iter().map(|e| e.key.as_str()).collect()
}

#[test]
fn agent_settings_of_all_files_are_merged() {
    let config = load(&[
        "[agent]\n interval = \"1d\"\n FlushInterval = 5\n precision = \"0s\"\n omit_hostname = true\n metric_batch_size = 7",
        "[agent]\n interval = 2.5\n debug = true\n[[outputs.probe]]\n[[outputs.probe]]\n metric_batch_size = 3",
    ]);
    let agent = &config.agent;
    assert_eq!((agent.interval.as_millis(), agent.flush_interval.as_secs()), (2500, 5));
    assert_eq!((agent.precision, agent.debug, agent.metric_buffer_limit), (None, true, 10_000));
    let sizes: Vec<usize> = config.outputs.iter().map(|o| o.metric_batch_size).collect();
    assert_eq!(sizes, [7, 3]);
    assert_eq!(config.notes, ["several [agent] tables are merged: http://a.conf:1, http://b.conf:1"]);
}

#[test]
fn global_tags() {
    let config = load(&[
        "[agent]\nhostname = \"h\"\n[tags]\ndc = \"old\"\nrow = \"1\"\n[global_tags]\ndc = \"new\"\nsite = \"$SITE\"",
        "global_tags = { row = \"2\", host = \"own\" }",
    ]);
    let tags: Vec<String> = config.global_tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(tags, ["dc=new", "host=h", "row=2", "site=mill"]);
}

#[test]
fn plugins_stand_in_the_order_of_the_files() {
    let config = load(&[
        "[[inputs.probe]]\nalias = \"1\"\n[inputs.diskio]\nalias = \"2\"\n[[inputs.probe]]\nalias = \"3\"\n[probe]\nalias = \"4\"",
        "[plugins.probe]\nalias = \"5\"\n[[processors.probe]]\nalias = \"late\"\norder = 2\n[[processors.probe]]\nalias = \"a\"\n\
         [[processors.probe]]\nalias = \"early\"\norder = -1\n[[processors.probe]]\nalias = \"b\"",
    ]);
    let inputs: Vec<&str> = config.inputs.iter().map(|p| p.plugin.alias.as_str()).collect();
    assert_eq!(inputs, ["1", "2", "3", "4", "5"]);
    let processors: Vec<&str> = config.processors.iter().map(|p| p.plugin.alias.as_str()).collect();
    assert_eq!(processors, ["early", "a", "b", "late"]);
    assert_eq!(
        (config.inputs[1].plugin.log_name(), config.inputs[4].plugin.source),
        ("inputs.diskio::2".to_owned(), 1)
    );
}

#[test]
fn options_go_to_the_agent_the_plugin_and_its_format() {
    let config = load(&[r#"
[[inputs.probe]]
  files = ["x"]
  interval = 5
  precision = "0s"
  collection_jitter = "0s"
  name_override = "n"
  log_level = "DEBUG"
  startup_error_behavior = "retry"
  time_source = "collection_start"
  lvm = "tolerated"
  plain_depth = 2
  data_format = "plain"
  tags = { own = "1" }
  namepass = ["x*"]
[[processors.probe]]
  data_format = ""
  plain_indent = " "
  files = ["y"]
[[outputs.probe]]
  flush_interval = "1d"
  plain_indent = ""
[[aggregators.probe]]
  drop_original = "T"
  period = "1m"
"#]);
    let received = load(&["[[inputs.probe]]\nfiles = [\"x\"]\ntime_source = \"receive_time\"\n"]);
    assert_eq!(received.inputs[0].time_source, TimeSource::CollectionEnd);
    let input = &config.inputs[0];
    assert_eq!(keys(&input.plugin.table), ["files", "tags"], "tags are both common and the plugin's own");
    assert_eq!(input.plugin.parser.as_ref().map(|(e, t)| (e.name, keys(t))), Some(("plain", vec!["plain_depth"])));
    assert_eq!((input.interval, input.precision), (Some(std::time::Duration::from_secs(5)), None));
    assert_eq!(input.collection_jitter, Some(std::time::Duration::ZERO));
    assert_eq!((input.naming.name.as_str(), input.tags["own"].as_str()), ("n", "1"));
    assert_eq!((input.startup_error_behavior, input.time_source), (StartupError::Retry, TimeSource::CollectionStart));
    assert_eq!(input.plugin.log_level, Some(Level::Debug));
    assert!(!input.filter.selects_all());
    let both = &config.processors[0].plugin;
    let of = |format: &Option<(&'static Entry, Table)>| format.as_ref().map(|(_, t)| keys(t).len());
    assert_eq!((of(&both.parser), of(&both.serializer)), (Some(1), Some(1)));
    assert_eq!(config.outputs[0].flush_interval, Some(std::time::Duration::from_secs(86_400)));
    let aggregator = &config.aggregators[0];
    assert_eq!((aggregator.period.as_secs(), aggregator.delay.as_millis(), aggregator.drop_original), (60, 100, true));
    config.check(&Surroundings::default()).unwrap();
}

#[test]
fn filtered_and_deselected_plugins_are_not_looked_at() {
    let text = "[[inputs.nosuch]]\nx = 1\n[[inputs.probe]]\n[[outputs.nosuch]]\n[[outputs.probe]]\nalias = \"web\"\nlabels = { app = \"web\" }\n\
                [[outputs.probe]]\nlabels = { app = \"api\" }\nbad = 1\n[[outputs.probe]]\nalias = \"free\"";
    let mut from = sources(&[text]);
    from.inputs = vec!["probe".into(), "cpu".into()];
    from.outputs = vec!["probe".into()];
    from.select = vec!["app=w*".into()];
    let config = Config::load(&from).unwrap();
    let outputs: Vec<&str> = config.outputs.iter().map(|p| p.plugin.alias.as_str()).collect();
    assert_eq!((config.inputs.len(), outputs), (1, vec!["web", "free"]));
}

#[test]
fn variables_are_filled_in_values_only_or_before_all() {
    let config = load(&[
        "[[inputs.probe]]\nalias = \"$SITE\"\nfiles = [\"${SITE}\", \"$$SITE\"]\n[inputs.probe.tags]\n\"$SITE\" = '$SITE'",
    ]);
    let input = &config.inputs[0];
    assert_eq!((input.plugin.alias.as_str(), input.tags["$SITE"].as_str()), ("mill", "mill"));
    let text = "# ${NONE:?not in a comment}\n[agent]\n metric_batch_size = $NUMBER\n[[inputs.$PLUGIN]]\n alias = \"$SITE\"\n  oops = 1\n";
    let mut from = sources(&[text]);
    from.non_strict = true;
    let said = Config::load(&from).unwrap_err().to_string();
    assert!(
        said.starts_with(
            "http://a.conf:6:3: plugin inputs.probe: line 6: configuration specified the fields [\"oops\"]"
        ),
        "{said}"
    );
    from = sources(&[&text.replace("oops = 1", "")]);
    from.non_strict = true;
    let config = Config::load(&from).unwrap();
    assert_eq!((config.agent.metric_batch_size, config.inputs[0].plugin.alias.as_str()), (7, "mill"));
    assert!(
        refused("[agent]\nhostname = \"${NONE:?set it}\"")
            .contains("required variable NONE is missing a value: set it")
    );
}

#[test]
fn older_options_are_translated_with_a_note() {
    let config =
        load(&["[[inputs.probe]]\n old_files = [\"x\"]\n fieldpass = [\"a\"]\n[[inputs.io]]\nfiles = [\"y\"]"]);
    assert_eq!(keys(&config.inputs[0].plugin.table), ["files"]);
    assert_eq!(config.inputs[1].plugin.name(), "inputs.diskio");
    assert_eq!(
        config.notes,
        [
            "http://a.conf:1: plugin inputs.probe: old_files is now spelled files",
            "http://a.conf:1: plugin inputs.probe: option \"fieldpass\" is now spelled \"fieldinclude\"",
            "http://a.conf:4: plugin inputs.io: it is now called inputs.diskio",
        ]
    );
}

#[test]
fn mistakes_name_their_place() {
    for (text, want) in [
        ("interval = \"10s\"", "http://a.conf:1:1: invalid configuration, \"interval\" is not a table"),
        ("[[agent]]", "http://a.conf:1:3: invalid configuration, \"agent\" is not a table"),
        ("[agent]\nintervall = 1", "http://a.conf:2:1: agent: unknown option \"intervall\""),
        (
            "[agent]\nmetric_batch_size = \"1\"",
            "http://a.conf:2:21: agent: metric_batch_size: expected a whole number, found string",
        ),
        ("[agent]\ninterval = true", "agent: interval: expected a duration such as \"10s\", found boolean"),
        ("[agent]\ninterval = \"-5s\"", "agent: interval: negative duration \"-5s\""),
        ("[agent]\nflush_interval = \"0s\"", "agent: flush_interval must be positive"),
        ("[agent]\nprecision = \"3 parsecs\"", "precision: unknown unit \" parsecs\" in duration \"3 parsecs\""),
        ("[global_tags]\nrow = 5", "http://a.conf:2:7: global_tags.row: expected a string, found integer"),
        ("[[inputs.prob]]", "http://a.conf:1:1: undefined but requested input: prob"),
        ("[[inputs.prob]]", "hint: did you mean \"probe\"?"),
        ("[[inputs.gnmi]]", "hint: inputs.gnmi is a plugin of Telegraf that is not supported yet"),
        ("[[output.file]]", "hint: did you mean \"outputs\"?"),
        ("[[inputs.httpjson]]", "hint: use inputs.http"),
        ("[processors.probe]", "unsupported config format: processors.probe"),
        ("processors = 5", "\"processors\" is not a table"),
        (
            "[[inputs.probe]]\nfile = [\"x\"]",
            "http://a.conf:2:1: plugin inputs.probe: line 2: configuration specified the fields [\"file\"], but they were not used",
        ),
        ("[[inputs.probe]]\nfile = [\"x\"]", "hint: did you mean \"files\"?"),
        ("[[inputs.probe]]\nintervall = 1", "hint: did you mean \"interval\"?"),
        ("[[inputs.probe]]\nfancy_depth = 1", "hint: \"fancy_depth\" is an option of data_format = \"fancy\""),
        (
            "[[inputs.probe]]\ndata_format = \"plane\"",
            "http://a.conf:2:15: plugin inputs.probe: undefined but requested parser: plane",
        ),
        ("[[outputs.probe]]\ndata_format = \"fancy\"", "undefined but requested serializer: fancy"),
        (
            "[[inputs.probe]]\nfiles = [\"x\", 5]",
            "http://a.conf:2:15: plugin inputs.probe: files[1]: invalid type: integer `5`, expected a string",
        ),
        (
            "[[inputs.probe]]\nfiles = [\"refused\"]",
            "http://a.conf:1:1: plugin inputs.probe: open \"refused\": not that one",
        ),
        ("[[inputs.probe]]\nplain_depth = \"1\"", "http://a.conf:2:15: plugin inputs.probe: plain_depth: invalid type"),
        (
            "[[inputs.probe]]\n[[inputs.probe.replace]]\ndestination = 1",
            "http://a.conf:3:1: plugin inputs.probe: replace[0]: unknown option \"destination\"",
        ),
        ("[[inputs.probe]]\nname_prefix = 5", "plugin inputs.probe: name_prefix: expected a string, found integer"),
        (
            "[[inputs.probe]]\nnamepass = \"x\"",
            "plugin inputs.probe: namepass: expected a list of strings, found string",
        ),
        (
            "[[inputs.probe]]\nnamepass = [\"cpu[\"]",
            "http://a.conf:2:12: plugin inputs.probe: namepass: compile pattern \"cpu[\"",
        ),
        (
            "[[inputs.probe]]\ntagpass = [\"x\"]",
            "plugin inputs.probe: tagpass: expected a table of lists of strings, found array",
        ),
        ("[[inputs.probe]]\nmetricpass = \"name\"", "metricpass: 1:1: expression must return a bool"),
        ("[[inputs.probe]]\nstartup_error_behavior = \"panic\"", "startup_error_behavior: unknown value \"panic\""),
        ("[[outputs.probe]]\nstartup_error_behavior = \"probe\"", "startup_error_behavior: unknown value \"probe\""),
        (
            "[[processors.probe]]\norder = \"first\"",
            "plugin processors.probe: order: expected a whole number, found string",
        ),
        ("[[inputs.probe]]\nlabels = { app = \"web*\" }", "plugin inputs.probe: invalid label \"app\" = \"web*\""),
        ("[[secretstores.probe]]", "plugin secretstores.probe: an id is required"),
        ("[[secretstores.probe]]\nid = \"a b\"", "plugin secretstores.probe: invalid id \"a b\""),
        ("[[secretstores.probe]]\nid = \"a\"\n[[secretstores.probe]]\nid = \"a\"", "id \"a\" is given twice"),
        (
            "[[inputs.probe]]\npassword = \"@{vault:key}\"",
            "plugin inputs.probe: unknown secret store for \"@{vault:key}\"",
        ),
        (
            "[[secretstores.probe]]\nid = \"vault\"\n[[inputs.probe]]\npassword = \"@{vault:gone}\"",
            "plugin inputs.probe: secret store \"vault\": no secret \"gone\"",
        ),
        ("[agent]\na = \"x", "http://a.conf:2:5: text without end"),
    ] {
        let said = refused(text);
        assert!(said.contains(want), "{text}\n---\n{said}");
    }
    load(&["[[secretstores.probe]]\nid = \"vault\"\n[[inputs.probe]]\npassword = \"@{vault:key}\""])
        .check(&Surroundings::default())
        .unwrap();
}

#[tokio::test]
async fn all_mistakes_of_all_files_are_told_together() {
    let texts = ["[agent]\nx = 1\n[[inputs.probe]]\nfiles = [1]\ny = 2\n[[inputs.probe", "[[outputs.probe]]\nz = 3"];
    let errors: Errors = Config::load(&sources(&texts)).unwrap_err();
    let lines: Vec<&str> = errors.problems().iter().map(|p| p.message.as_str()).collect();
    assert_eq!(lines.len(), 5, "{errors}");
    assert!(errors.to_string().ends_with("5 mistakes in the configuration"));
}

#[test]
fn identical_plugins_have_states_of_their_own() {
    let config = load(&[
        "[[inputs.probe]]\nfiles = [\"x\"]\n[[inputs.probe]]\nfiles = [\"x\"]\n[[inputs.probe]]\nfiles = [\"$SITE\"]",
    ]);
    let ids: Vec<&str> = config.inputs.iter().map(|i| i.plugin.id.as_str()).collect();
    assert_eq!(ids[1], format!("{}#2", ids[0]));
    assert_eq!((ids[0].len(), ids[2].len()), (64, 64));
    assert_ne!(ids[0], ids[2]);
}

/// Configurations made of sections and options in random order: each loads or is refused, without a panic.
#[test]
fn random_configurations_are_loaded_or_refused() {
    const PIECES: [&str; 30] = [
        "[agent]\n",
        "[[inputs.probe]]\n",
        "[inputs.probe.tags]\n",
        "[[processors.probe]]\n",
        "[[outputs.probe]]\n",
        "[[aggregators.probe]]\n",
        "[[secretstores.probe]]\n",
        "[global_tags]\n",
        "[[inputs.logparser.grok]]\n",
        "[inputs.tcp_listener]\n",
        "interval = ",
        "alias = ",
        "files = ",
        "tags = ",
        "namepass = ",
        "tagpass = ",
        "metricpass = ",
        "labels = ",
        "data_format = ",
        "id = ",
        "order = ",
        "\"10s\"\n",
        "[\"a*\", \"${SITE}\"]\n",
        "{ a = \"b\", c = [\"d\"] }\n",
        "5\n",
        "true\n",
        "\"name == 'x'\"\n",
        "\"fancy\"\n",
        "[",
        "\"",
    ];
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    for round in 0..2_000 {
        let mut text = String::new();
        for _ in 0..round % 30 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            text.push_str(PIECES[(seed % PIECES.len() as u64) as usize]);
        }
        let mut from = sources(&[&text]);
        from.non_strict = round % 2 == 0;
        if let Err(errors) = Config::load(&from) {
            assert!(!errors.problems().is_empty() && !errors.to_string().is_empty(), "{text}");
        }
        assert!(!Config::compat("x.conf", &text).is_empty());
    }
}
