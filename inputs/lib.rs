//! The inputs, a folder each. Nothing here knows another plugin or the agent; the registry is the only way in.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "_child")]
mod child;
#[cfg(feature = "_dial")]
mod dial;
#[cfg(feature = "_documents")]
mod documents;
#[cfg(feature = "_encoding")]
mod encoding;
#[doc(hidden)]
pub mod fuzz;
#[cfg(feature = "_files")]
mod globpath;
#[cfg(feature = "_host")]
#[doc(hidden)]
pub mod host;
#[cfg(feature = "_influx")]
mod influx;
#[cfg(feature = "_pages")]
mod pages;
#[cfg(feature = "_parsers")]
mod parsers;
#[cfg(feature = "_sockets")]
mod sockets;
#[cfg(all(
    test,
    any(feature = "exec", feature = "execd", feature = "_listen", feature = "directory_monitor", feature = "pcap")
))]
mod testing;

#[cfg(feature = "apache")]
mod apache;
#[cfg(feature = "bond")]
mod bond;
#[cfg(feature = "cgroup")]
mod cgroup;
#[cfg(feature = "conntrack")]
mod conntrack;
#[cfg(feature = "cpu")]
mod cpu;
#[cfg(feature = "directory_monitor")]
mod directory_monitor;
#[cfg(feature = "disk")]
mod disk;
#[cfg(feature = "diskio")]
mod diskio;
#[cfg(feature = "exec")]
mod exec;
#[cfg(feature = "execd")]
mod execd;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "filecount")]
mod filecount;
#[cfg(feature = "filestat")]
mod filestat;
#[cfg(feature = "haproxy")]
mod haproxy;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http_listener_v2")]
mod http_listener_v2;
#[cfg(feature = "http_response")]
mod http_response;
#[cfg(feature = "hugepages")]
mod hugepages;
#[cfg(feature = "influxdb_listener")]
mod influxdb_listener;
#[cfg(feature = "influxdb_v2_listener")]
mod influxdb_v2_listener;
#[cfg(feature = "internal")]
mod internal;
#[cfg(feature = "interrupts")]
mod interrupts;
#[cfg(feature = "kernel")]
mod kernel;
#[cfg(feature = "kernel_vmstat")]
mod kernel_vmstat;
#[cfg(feature = "linux_cpu")]
mod linux_cpu;
#[cfg(feature = "linux_sysctl_fs")]
mod linux_sysctl_fs;
#[cfg(feature = "lustre2")]
mod lustre2;
#[cfg(feature = "mdstat")]
mod mdstat;
#[cfg(feature = "mem")]
mod mem;
#[cfg(feature = "memcached")]
mod memcached;
#[cfg(feature = "mock")]
mod mock;
#[cfg(feature = "multifile")]
mod multifile;
#[cfg(feature = "nats_consumer")]
mod nats_consumer;
#[cfg(feature = "net")]
mod net;
#[cfg(feature = "net_response")]
mod net_response;
#[cfg(feature = "netflow")]
mod netflow;
#[cfg(feature = "netstat")]
mod netstat;
#[cfg(feature = "nfsclient")]
mod nfsclient;
#[cfg(feature = "nginx")]
mod nginx;
#[cfg(feature = "nstat")]
mod nstat;
#[cfg(feature = "pcap")]
mod pcap;
#[cfg(feature = "ping")]
mod ping;
#[cfg(feature = "processes")]
mod processes;
#[cfg(feature = "procstat")]
mod procstat;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "slab")]
mod slab;
#[cfg(feature = "socket_listener")]
mod socket_listener;
#[cfg(feature = "statsd")]
mod statsd;
#[cfg(feature = "swap")]
mod swap;
#[cfg(feature = "synproxy")]
mod synproxy;
#[cfg(feature = "syslog")]
mod syslog;
#[cfg(feature = "system")]
mod system;
#[cfg(feature = "tail")]
mod tail;
#[cfg(feature = "temp")]
mod temp;
#[cfg(feature = "webhooks")]
mod webhooks;
#[cfg(feature = "wireless")]
mod wireless;
#[cfg(feature = "zfs")]
mod zfs;
