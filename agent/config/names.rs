//! The plugins of Telegraf 1.40 by name, to tell a plugin that is missing here from one that never was.

use agent_api::plugin::Family;

/// True if Telegraf has a plugin of this name.
pub(super) fn is_telegrafs(family: Family, name: &str) -> bool {
    let list = match family {
        Family::Inputs => INPUTS,
        Family::Processors => PROCESSORS,
        Family::Aggregators => AGGREGATORS,
        Family::Outputs => OUTPUTS,
        Family::SecretStores => SECRET_STORES,
        Family::Parsers => PARSERS,
        Family::Serializers => SERIALIZERS,
    };
    list.split_ascii_whitespace().any(|known| known == name)
}

const INPUTS: &str = "
    activemq aerospike aliyuncms amd_rocm_smi amqp_consumer apache apcupsd aurora azure_monitor azure_storage_queue bcache
    beanstalkd beat bind bond burrow ceph cgroup chrony cisco_telemetry_mdt clickhouse cloud_pubsub cloud_pubsub_push
    cloudwatch cloudwatch_metric_streams conntrack consul consul_agent couchbase couchdb cpu cpu_temperature csgo ctrlx_datalayer
    dcos directory_monitor disk diskio disque dmcache dns_query docker docker_log dovecot dpdk ecs elasticsearch
    elasticsearch_query ethtool eventhub_consumer example exec execd fail2ban fibaro file filecount filestat fireboard firehose
    fluentd fritzbox github gnmi google_cloud_storage graylog haproxy hddtemp http http_listener_v2 http_response
    huebridge hugepages icinga2 infiniband influxdb influxdb_listener influxdb_v2_listener intel_baseband intel_dlb intel_pmt
    intel_pmu intel_powerstat intel_rdt internal internet_speed interrupts ipmi_sensor ipset iptables ipvs jenkins jolokia2_agent
    jolokia2_proxy jti_openconfig_telemetry kafka_consumer kapacitor kernel kernel_vmstat kibana kinesis_consumer knx_listener
    kube_inventory kubernetes lanz ldap leofs libvirt linux_cpu linux_sysctl_fs logql logstash lustre2 lvm mailchimp marklogic
    mavlink mcrouter mdstat mem memcached mesos minecraft mock modbus mongodb monit mqtt_consumer multifile mysql nats
    nats_consumer neoom_beaam neptune_apex net net_response netflow netstat nfsclient nftables nginx nginx_plus nginx_plus_api
    nginx_sts nginx_upstream_check nginx_vts nomad nsd nsdp nsq nsq_consumer nstat ntpq nvidia_smi opcua opcua_listener openldap
    openntpd opensearch_query opensmtpd openstack opentelemetry openweathermap p4runtime passenger pf pgbouncer phpfpm ping
    postfix postgresql postgresql_extensible powerdns powerdns_recursor processes procstat prometheus promql proxmox puppetagent
    rabbitmq radius raindrops ras ravendb redfish redis redis_sentinel rethinkdb riak riemann_listener s7comm salesforce sensors
    sflow sip slab slurm smart smartctl snmp snmp_trap socket_listener socketstat solr sql sqlserver stackdriver statsd
    supervisor suricata swap synproxy syslog sysstat system systemd_units tacacs tail teamspeak temp tengine timex tomcat trig turbostat
    twemproxy unbound upsd uwsgi varnish vault vsphere webhooks whois win_eventlog win_perf_counters win_services win_wmi
    wireguard wireless x509_cert xtremio zfs zipkin zookeeper";
const PROCESSORS: &str = "
    aws_ec2 batch clone converter cumulative_sum date dedup defaults enum execd filepath filter ifname lookup noise override
    parser pivot port_name printer regex rename reverse_dns round s2geo scale snmp_lookup split starlark strings tag_limit
    template timestamp topk unpivot";
const AGGREGATORS: &str = "basicstats derivative final histogram merge minmax quantile starlark valuecounter";
const OUTPUTS: &str = "
    amqp application_insights arc azure_data_explorer azure_monitor bigquery clarify cloud_pubsub cloudwatch cloudwatch_logs
    cratedb datadog discard dynatrace elasticsearch event_hubs exec execd file graphite graylog groundwork health heartbeat
    http influxdb influxdb_v2 influxdb_v3 inlong instrumental iotdb kafka kinesis librato logzio loki microsoft_fabric mongodb
    mqtt nats nebius_cloud_monitoring newrelic nsq opensearch opentelemetry opentsdb parquet postgresql prometheus_client quix
    redistimeseries remotefile riemann sensu signalfx socket_writer sql stackdriver stomp sumologic syslog timestream warp10
    wavefront websocket yandex_cloud_monitoring zabbix zerobus";
const SECRET_STORES: &str = "docker googlecloud http jose oauth2 os systemd vault";
const PARSERS: &str = "
    avro binary collectd csv dropwizard form_urlencoded graphite grok influx influx_upstream json json_v2 logfmt nagios
    openmetrics opentsdb parquet prometheus prometheusremotewrite value wavefront xml xpath_cbor xpath_json xpath_msgpack
    xpath_protobuf";
const SERIALIZERS: &str = "
    binary carbon2 cloudevents csv graphite influx json msgpack nowmetric prometheus prometheusremotewrite splunkmetric
    template wavefront";
