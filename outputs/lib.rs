//! The outputs, a folder each. Nothing here knows another plugin or the agent; the registry is the only way in.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "_bulk")]
mod bulk;
#[cfg(feature = "clickhouse")]
mod clickhouse;
#[cfg(feature = "datadog")]
mod datadog;
#[cfg(feature = "discard")]
mod discard;
#[cfg(feature = "elasticsearch")]
mod elasticsearch;
#[cfg(feature = "exec")]
mod exec;
#[cfg(feature = "execd")]
mod execd;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "graphite")]
mod graphite;
#[cfg(feature = "health")]
mod health;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "influxdb")]
mod influxdb;
#[cfg(feature = "influxdb_v2")]
mod influxdb_v2;
#[cfg(feature = "ipfix")]
mod ipfix;
#[cfg(feature = "_lines")]
mod lines;
#[cfg(feature = "loki")]
mod loki;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "opensearch")]
mod opensearch;
#[cfg(feature = "opentsdb")]
mod opentsdb;
#[cfg(feature = "_page")]
mod page;
#[cfg(feature = "prometheus_client")]
mod prometheus_client;
#[cfg(feature = "_socket")]
mod socket;
#[cfg(feature = "socket_writer")]
mod socket_writer;
#[cfg(feature = "sql")]
mod sql;
#[cfg(feature = "syslog")]
mod syslog;
#[cfg(test)]
mod testing;
#[cfg(feature = "websocket")]
mod websocket;
