//! Writing: a template for a metric, one for a batch.

use crate::templated::Templated;
use agent_api::*;
use agent_golang::template::{Limits, Template, Value};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::serializer::<Writer>());

/// The templates; at least one is needed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Go template of one metric: `{{ .Name }}`, `{{ .Tag "key" }}`, `{{ .Field "key" }}`, `{{ .Time }}` and the functions of Go and
    /// sprig. Line ends are written only where the template has them.
    template: String,
    /// Go template of a list of metrics, for outputs that write batches; without it the template of one metric is repeated.
    batch_template: String,
}

/// The serializer by templates.
pub struct Writer {
    one: Option<Template>,
    /// None to repeat the template of one metric.
    batch: Option<Template>,
    text: String,
}

/// A batch may hold tens of thousands of metrics.
const BATCH: Limits = Limits { output: 256 << 20, memory: 256 << 20, steps: 100_000_000 };

impl Plugin for Writer {
    const NAME: &'static str = "template";
    const ABOUT: &'static str = "Whatever a Go template makes of metrics.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let Settings { template, batch_template } = &settings;
        ensure!(!(template.is_empty() && batch_template.is_empty()), "neither template nor batch_template is set");
        let compile = |name: &'static str, source: &str| match source.is_empty() {
            true => Ok(None),
            false => Template::compile(source).map(Some).context(name),
        };
        let batch = compile("batch_template", batch_template)?.map(|template| template.with_limits(BATCH));
        Ok(Writer { one: compile("template", template)?, batch, text: String::new() })
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        let Writer { one, batch, text } = self;
        text.clear();
        let metric = Templated(metric);
        match (one, batch) {
            (Some(template), _) => template.render_into(Value::Object(&metric), text)?,
            (None, Some(template)) => template.render_into(Value::list([Value::Object(&metric)]), text)?,
            (None, None) => {}
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()> {
        let Some(template) = &self.batch else {
            return metrics.iter().try_for_each(|metric| self.serialize(metric, out));
        };
        self.text.clear();
        let shown: Vec<Templated<'_>> = metrics.iter().map(Templated).collect();
        let list = Value::list(shown.iter().map(|metric| Value::Object(metric)));
        template.render_into(list, &mut self.text)?;
        out.extend_from_slice(self.text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, text, write};

    fn metrics() -> Batch {
        let mut batch = Batch::new();
        batch.metric("tram").tag("line", "7").field("load", 0.75).field("doors", 4u64).time(1_600_000_000_000_000_000);
        batch.metric("bus").field("full", true).field("note", "late").field("n", -3i64).time(0);
        batch
    }

    fn write_batch(options: &[(&str, &str)]) -> Result<String> {
        let options: Vec<_> = options.iter().map(|(key, value)| (*key, text(value))).collect();
        let mut out = Vec::new();
        build::<Writer>(&options)?.serialize_batch(&Chunk::from(metrics()), &mut out)?;
        Ok(String::from_utf8(out)?)
    }

    #[test]
    fn a_template_is_filled_for_each_metric() {
        let one = |template: &str| write::<Writer>(&metrics(), &[("template", text(template))]);
        assert_eq!(one("{{ .Name | upper }} {{ .Tag \"line\" }};"), "TRAM 7;BUS ;");
        assert_eq!(
            one("{{ range $k, $v := .Fields }}{{ $k }}={{ $v }} {{ end }}\n"),
            "doors=4 load=0.75 \nfull=true n=-3 note=late \n"
        );
        assert_eq!(
            one("{{ .Time.Unix }},{{ .HasField \"n\" }},{{ .Field \"none\" }};"),
            "1600000000,false,<no value>;0,true,<no value>;"
        );
        assert_eq!(
            one("{{ . }};"),
            "tram map[line:7] map[doors:4 load:0.75] 1600000000000000000;bus map[] map[full:true n:-3 note:late] 0;"
        );
        assert_eq!(one("{{ range .TagList }}{{ .Key }}{{ .Value }}{{ end }}{{ len .FieldList }};"), "line72;3;");
        let batch = "{{ len . }}{{ range . }}{{ .Name }}{{ end }};";
        assert_eq!(write::<Writer>(&metrics(), &[("batch_template", text(batch))]), "1tram;1bus;");
    }

    #[test]
    fn a_batch_has_a_template_of_its_own() {
        let batch = "{{ range $i, $m := . }}{{ if $i }},{{ end }}{{ $m.Name }}{{ end }}\n";
        assert_eq!(write_batch(&[("batch_template", batch), ("template", "x")]).unwrap(), "tram,bus\n");
        assert_eq!(write_batch(&[("template", "{{ .Name }} ")]).unwrap(), "tram bus ");
    }

    #[test]
    fn mistakes() {
        assert!(build::<Writer>(&[]).is_err());
        assert!(build::<Writer>(&[("template", text("{{ .Name"))]).is_err());
        assert!(build::<Writer>(&[("batch_template", text("{{ nope . }}"))]).is_err());
        assert!(write_batch(&[("template", "{{ .Colour }}")]).is_err());
    }
}
