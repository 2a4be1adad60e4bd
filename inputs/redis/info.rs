//! The answer to `INFO`: sections of `name:value`, some of whose values are lists.

use agent_api::{Collector, Value};

/// Fields that are floats even when they are whole.
const FLOATS: [&str; 14] = [
    "allocator_frag_bytes",
    "allocator_frag_ratio",
    "allocator_rss_ratio",
    "expired_stale_perc",
    "instantaneous_input_kbps",
    "instantaneous_output_kbps",
    "mem_fragmentation_ratio",
    "rss_overhead_ratio",
    "used_cpu_sys",
    "used_cpu_sys_children",
    "used_cpu_user",
    "used_cpu_user_children",
    "used_memory_dataset_perc",
    "used_memory_peak_perc",
];
/// Fields that are texts even when they are numbers.
const TEXTS: [&str; 5] = [
    "aof_last_bgrewrite_status",
    "aof_last_write_status",
    "maxmemory_policy",
    "rdb_last_bgsave_status",
    "redis_version",
];
/// What is told of the server itself.
const SERVER: [&str; 3] = ["lru_clock", "uptime_in_seconds", "redis_version"];

/// Adds the metrics; `now` is in seconds since the Unix epoch.
pub(super) fn add(info: &str, tags: &[(&'static str, String)], now: i64, out: &mut Collector) {
    let pairs = || {
        let mut section = "";
        info.lines().filter_map(move |line| {
            if let Some(title) = line.strip_prefix("# ") {
                section = title.trim();
            }
            let (name, value) = line.split_once(':').filter(|_| !line.starts_with('#'))?;
            Some((section, name, value.trim()))
        })
    };
    let role = pairs().find(|(_, name, _)| *name == "role").map(|(_, _, value)| value.to_owned());
    let mut tags: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (*k, v.as_str())).collect();
    if let Some(role) = &role {
        tags.push(("replication_role", role));
    }
    let (mut fields, mut hits, mut misses) = (Vec::<(&str, Value<'_>)>::new(), 0, 0);
    for (section, name, value) in pairs() {
        match section {
            "Keyspace" => keyspace(name, value, &tags, out),
            "Commandstats" => command(name, value, &tags, out),
            "Errorstats" => error(name, value, &tags, out),
            "Replication" if is_replica(name) => replica(name, value, &tags, out),
            "Server" if !SERVER.contains(&name) => {}
            _ if name == "role"
                || name == "mem_allocator"
                || name.starts_with("master_replid")
                || name.ends_with("_human") => {}
            _ => {
                let number = number(name, value);
                match (name, number) {
                    ("keyspace_hits", Value::Int(n)) => hits = n,
                    ("keyspace_misses", Value::Int(n)) => misses = n,
                    ("rdb_last_save_time", Value::Int(n)) => {
                        fields.push(("rdb_last_save_time_elapsed", Value::Int(now.saturating_sub(n))));
                    }
                    _ => {}
                }
                let name = match name {
                    "uptime_in_seconds" => "uptime",
                    "connected_clients" => "clients",
                    name => name,
                };
                fields.push((name, number));
            }
        }
    }
    let all = hits.saturating_add(misses);
    fields.push(("keyspace_hitrate", Value::Float(if all == 0 { 0.0 } else { hits as f64 / all as f64 })));
    drop(out.metric("redis").tags(tags).fields(fields));
}

/// A value as what it looks like: a whole number, a number, a percentage, or a text.
fn number<'v>(name: &str, value: &'v str) -> Value<'v> {
    let bare = value.strip_suffix('%').unwrap_or(value);
    match (bare.parse::<i64>(), bare.parse::<f64>()) {
        _ if TEXTS.contains(&name) => Value::Str(value),
        (_, Ok(float)) if FLOATS.contains(&name) && float.is_finite() => Value::Float(float),
        (Ok(int), _) => Value::Int(int),
        (_, Ok(float)) if float.is_finite() => Value::Float(float),
        _ => Value::Str(bare),
    }
}

/// `key=value` with commas between.
fn parts(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(',').filter_map(|part| part.split_once('='))
}

/// `db0:keys=2,expires=0,avg_ttl=0`
fn keyspace(name: &str, value: &str, tags: &[(&str, &str)], out: &mut Collector) {
    let fields = parts(value).filter_map(|(key, value)| Some((key, Value::Int(value.parse().ok()?))));
    drop(out.metric("redis_keyspace").tags(tags.iter().copied()).tag("database", name).fields(fields));
}

/// `cmdstat_get:calls=3,usec=20,usec_per_call=6.67`
fn command(name: &str, value: &str, tags: &[(&str, &str)], out: &mut Collector) {
    let Some(command) = name.strip_prefix("cmdstat_") else { return };
    let fields = parts(value).filter_map(|(key, value)| match key {
        "calls" | "usec" => Some((key, Value::Int(value.parse().ok()?))),
        "usec_per_call" => Some((key, Value::Float(value.parse().ok()?))),
        _ => None,
    });
    drop(out.metric("redis_cmdstat").tags(tags.iter().copied()).tag("command", command).fields(fields));
}

/// `errorstat_ERR:count=37`
fn error(name: &str, value: &str, tags: &[(&str, &str)], out: &mut Collector) {
    let Some(error) = name.strip_prefix("errorstat_") else { return };
    let fields = parts(value).filter_map(|(_, count)| Some(("total", Value::Int(count.parse().ok()?)))).take(1);
    drop(out.metric("redis_errorstat").tags(tags.iter().copied()).tag("err", error).fields(fields));
}

fn is_replica(name: &str) -> bool {
    name.strip_prefix("slave").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// `slave0:ip=127.0.0.1,port=7379,state=online,offset=4556468,lag=0`
fn replica(name: &str, value: &str, tags: &[(&str, &str)], out: &mut Collector) {
    let mut metric = out.metric("redis_replication").tags(tags.iter().copied());
    metric.add_tag("replica_id", name.trim_start_matches("slave"));
    metric.add_tag("replication_role", "slave");
    for (key, value) in parts(value) {
        match key {
            "ip" => metric.add_tag("replica_ip", value),
            "port" => metric.add_tag("replica_port", value),
            "state" => metric.add_tag("state", value),
            _ => {
                if let Ok(number) = value.parse::<i64>() {
                    metric.add_field(key, number);
                }
            }
        }
    }
}
