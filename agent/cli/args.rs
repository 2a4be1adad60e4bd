//! The definition of the command line.

use super::watch::period;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

/// Turns `-config` into `--config`, as Telegraf takes both; single letters stay.
pub(super) fn normalise(arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    arguments
        .into_iter()
        .enumerate()
        .map(|(i, a)| match a.strip_prefix('-') {
            Some(rest) if i > 0 && rest.len() > 1 && rest.starts_with(|c: char| c.is_ascii_lowercase()) => {
                format!("--{rest}")
            }
            _ => a,
        })
        .collect()
}

/// How a switch is said to be on, as Go's flags are.
const ON: [&str; 6] = ["true", "1", "t", "T", "TRUE", "True"];

/// A switch that also takes `=true` and `=false`.
pub(super) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_parser(clap::builder::PossibleValuesParser::new(
            ON.into_iter().chain(["false", "0", "f", "F", "FALSE", "False"]),
        ))
        .hide_possible_values(true)
        .value_name("BOOL")
}

/// True if a switch is on.
pub(super) fn flag(matches: &ArgMatches, id: &str) -> bool {
    let given = matches.try_get_one::<String>(id).ok().flatten();
    given.is_some_and(|v| ON.contains(&v.as_str()))
}

/// All values of an option, or none where the command does not have it.
pub(super) fn all(matches: &ArgMatches, id: &str) -> Vec<String> {
    matches.try_get_many::<String>(id).ok().flatten().map(|v| v.cloned().collect()).unwrap_or_default()
}

pub(super) fn value(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).value_name(value)
}

fn list(name: &'static str, value_name: &'static str, help: &'static str) -> Arg {
    value(name, value_name, help).action(ArgAction::Append)
}

/// Where the configuration is.
pub(super) fn sources() -> Vec<Arg> {
    vec![
        list("config", "FILE", "Configuration file or http(s) address; may be given several times")
            .value_hint(ValueHint::FilePath),
        list("config-directory", "DIR", "Directory whose *.conf files are read, too; may be given several times")
            .value_hint(ValueHint::DirPath),
        switch("strict-env-handling", "Fill in environment variables in values only (the default)")
            .conflicts_with("non-strict-env-handling"),
        switch("non-strict-env-handling", "Fill in environment variables everywhere before the file is parsed"),
        switch("old-env-behavior", "Take \"$$\" as it is instead of as one dollar sign"),
        list("select", "K=V[;K=V]", "Use only plugins whose labels match; may be given several times"),
        value(
            "password",
            "TEXT",
            "Password of secret stores without one in their settings; others may see it in the list of processes",
        ),
    ]
}

/// Which plugins are meant.
fn filters() -> Vec<Arg> {
    vec![
        value("input-filter", "NAMES", "Only these inputs, separated by colons"),
        value("output-filter", "NAMES", "Only these outputs, separated by colons"),
        value("processor-filter", "NAMES", "Only these processors in a sample configuration"),
        value("aggregator-filter", "NAMES", "Only these aggregators in a sample configuration"),
        value("secretstore-filter", "NAMES", "Only these secret stores, separated by colons"),
        value("section-filter", "NAMES", "Only these sections in a sample configuration"),
    ]
}

/// What `flows` takes.
fn flows() -> Vec<Arg> {
    let number = || clap::builder::RangedU64ValueParser::<usize>::new().range(1..);
    vec![
        Arg::new("FILE")
            .help("pcap or pcapng, also packed with gzip or zstd; - is standard input")
            .required(true)
            .action(ArgAction::Append)
            .num_args(1..)
            .value_hint(ValueHint::FilePath),
        value("format", "FORMAT", "How to print [default: text]").value_parser(["text", "json", "csv"]),
        switch(
            "summary",
            "Print a last line with packets read, in flows and not counted, by cause; text always has it",
        ),
        value("top", "N", "Only the N largest [default: 20 in text, else all]").value_parser(number()),
        value("idle-timeout", "TIME", "End flows without a packet for so long, as 30s [default: never]"),
        value("active-timeout", "TIME", "Report flows that last longer than this piece by piece [default: never]"),
        switch("metadata", "Also look into the first packets: DNS, TLS with JA3 and JA4, QUIC, HTTP/1"),
        switch("by-vlan", "Tell flows apart by their VLANs, too"),
        value("max-flows", "N", "Flows held at once; then old ones end [default: 1048576]").value_parser(number()),
    ]
}

/// The whole command line.
pub(super) fn command() -> Command {
    let command = everywhere();
    #[cfg(windows)]
    let command = command.args(super::service::flags()).subcommand(super::service::command());
    command
}

/// What there is on every system.
pub(super) fn everywhere() -> Command {
    Command::new("agent")
        .about("Collects metrics, logs and flows, processes them and writes them elsewhere")
        .long_about(
            "Collects metrics, logs and flows, processes and aggregates them and writes them elsewhere.\n\n\
             Reads telegraf.conf files as they are. Without a command it runs until it is stopped.",
        )
        .disable_version_flag(true)
        .args_override_self(true)
        .args(sources())
        .args(filters())
        .args([
            switch("test", "Collect once and print the metrics, writing nothing"),
            value("test-wait", "SECONDS", "Wait so long for inputs that listen; implies --test unless --once is given")
                .value_parser(clap::value_parser!(u64)),
            switch("once", "Collect once, write once, end"),
            switch("debug", "Log more"),
            switch("quiet", "Log errors only"),
            value(
                "config-url-retry-attempts",
                "N",
                "Try again so often where an address does not answer, -1 for ever [default: 3]",
            )
            .allow_negative_numbers(true)
            .value_parser(clap::value_parser!(i64)),
            value("watch-config", "HOW", "Reload when a local configuration changes: notify, or poll to look at it"),
            value("watch-interval", "TIME", "With poll: look so often [default: 250ms]").value_parser(period),
            value("watch-debounce-interval", "TIME", "Wait so long after the last change").value_parser(period),
            value("config-url-watch-interval", "TIME", "Reload when what is at an address has a new date; ask so often")
                .value_parser(period),
            value("pidfile", "FILE", "Write the process id to a file").value_hint(ValueHint::FilePath),
            switch("print-plugin-config-source", "Log which file each plugin comes from"),
            switch("unprotected", "Accepted for compatibility: secrets need no locked memory here"),
            value("usage", "NAME", "Print the sample configuration of an input or output"),
            switch("input-list", "List the inputs"),
            switch("output-list", "List the outputs"),
            switch("deprecation-list", "List the plugins that are going to be removed"),
            switch("sample-config", "Print a sample configuration"),
            switch("version", "Print the version"),
        ])
        .subcommands([
            Command::new("version").about("Prints the version"),
            Command::new("config").about("Makes and checks configurations").args(filters()).subcommands([
                Command::new("create").about("Prints a sample configuration").args(filters()),
                Command::new("check")
                    .about("Checks a configuration without starting anything")
                    .args(sources())
                    .args(filters()),
                Command::new("explain")
                    .about("Prints the configuration as it comes to be, with where each value is from")
                    .args(sources())
                    .args(filters()),
                Command::new("migrate")
                    .about("Writes FILE.migrated beside each file that has names of older versions, with those of today")
                    .args(sources())
                    .arg(switch("force", "Overwrite files that are there")),
                Command::new("compat")
                    .about("Says line by line what of a telegraf.conf is supported")
                    .arg(required("FILE", "The file to look at").value_hint(ValueHint::FilePath)),
            ]),
            Command::new("plugins")
                .about("Lists the plugins")
                .arg(
                    Arg::new("FAMILY")
                        .help("inputs, outputs, processors, aggregators, secretstores, parsers or serializers"),
                )
                .arg(switch("deprecated", "Only those that are going to be removed")),
            Command::new("secrets")
                .about("Looks at and changes secret stores")
                .args(sources())
                .subcommand_required(true)
                .subcommands([
                    Command::new("list")
                        .about("Lists the keys of secret stores")
                        .arg(switch("reveal-secret", "Also show the values"))
                        .arg(Arg::new("STORE").num_args(0..).help("Ids of the stores; all if none is given")),
                    Command::new("get").about("Prints a secret").args([store(), key()]),
                    Command::new("set").about("Sets a secret; asks for it if it is not given").args([
                        store(),
                        key(),
                        Arg::new("VALUE").help("The value; others may see it in the list of processes"),
                    ]),
                    Command::new("remove").about("Removes a secret").args([store(), key()]),
                ]),
            Command::new("queue")
                .about("Looks at what waits on disk for outputs, and changes it while no agent runs")
                .args(sources())
                .subcommand_required(true)
                .subcommands([
                    Command::new("list").about("Lists the queues on disk"),
                    Command::new("inspect").about("Shows the files of a queue").arg(output()),
                    Command::new("verify").about("Reads all of a queue; ends with 1 if something is damaged").arg(output()),
                    Command::new("repair").about("Writes damaged files anew with what is whole in them").arg(output()),
                    Command::new("export").about("Prints what waits as line protocol").arg(output()),
                    Command::new("drop")
                        .about("Removes all that waits")
                        .args([output(), switch("yes", "Do not ask back")]),
                ]),
            Command::new("dlq")
                .about("Looks at metrics that outputs have refused for good, sends them again or drops them")
                .args(sources())
                .subcommand_required(true)
                .subcommands([
                    Command::new("list").about("Counts the dead letters of every output"),
                    Command::new("show").about("Prints dead letters").args([output(), ids()]),
                    Command::new("replay")
                        .about("Sends dead letters again and removes those that are written")
                        .args([output(), ids()]),
                    Command::new("drop")
                        .about("Removes dead letters")
                        .args([output(), ids(), switch("all", "All of them")]),
                ]),
            Command::new("flows").about("Reads packet captures and prints who talked to whom").args(flows()),
            Command::new("status")
                .about("Shows what a running agent has taken in and where it went")
                .args(sources())
                .args([
                    value(
                        "address",
                        "ADDRESS",
                        "Where it answers: unix:///path, tcp://host:port or an address of HTTP [default: as the configuration or \
                         $AGENT_API says, else the socket in /run/agent]",
                    ),
                    value("token", "TOKEN", "Token that it asks for [default: as the configuration or $AGENT_API_TOKEN says]"),
                    value("tls-ca", "FILE", "Certificates that its own is verified against"),
                    value("tls-cert", "FILE", "Certificate to show"),
                    value("tls-key", "FILE", "Key of the certificate to show"),
                    switch("json", "Print all of it as JSON"),
                ]),
            Command::new("schema").about("Prints the JSON Schema of the configuration, for editors"),
            Command::new("completions")
                .about("Prints completions for a shell")
                .arg(required("SHELL", "The shell").value_parser(clap::value_parser!(clap_complete::Shell))),
            Command::new("man").about("Prints the man page"),
        ])
}

fn required(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).required(true).help(help)
}

fn output() -> Arg {
    required("OUTPUT", "Alias of the output, or the name of its plugin")
}

fn ids() -> Arg {
    Arg::new("ID").num_args(0..).help("Numbers of the letters; all if none is given")
}

fn store() -> Arg {
    required("STORE", "Id of the store")
}

fn key() -> Arg {
    required("KEY", "Name of the secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn single_dashes_and_values_of_switches() {
        let given = ["agent", "-config=a.toml", "--once=true", "-test=false", "--config", "b.toml"].map(str::to_owned);
        let matches = command().try_get_matches_from(normalise(given)).expect("Telegraf takes it");
        assert_eq!(all(&matches, "config"), ["a.toml", "b.toml"]);
        assert!(flag(&matches, "once") && !flag(&matches, "test") && !flag(&matches, "debug"));
    }
}
