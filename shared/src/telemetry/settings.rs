//! Whether and which traces are exported: the variables that OpenTelemetry has for that.
//!
//! Source: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

use std::fmt::{self, Display};
use std::str::FromStr;

use http::Uri;
use opentelemetry_sdk::trace::Sampler;

use crate::config::Source;

/// Where traces go, and which of them.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: a collector that takes OTLP over gRPC.
    pub collector: Uri,
    /// `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`.
    pub sampler: Sampler,
}

impl TraceSettings {
    /// Nothing unless there is a collector.
    pub fn read(source: &mut Source) -> Option<Self> {
        let collector = source.optional::<Collector>("otel.exporter.otlp.endpoint");
        let protocol = source.or("otel.exporter.otlp.protocol", "grpc".to_owned());
        let rule = source.or("otel.traces.sampler", Rule { heeds_parent: true, root: Root::On });
        let ratio = source.or("otel.traces.sampler.arg", 1.0);
        if !(0.0..=1.0).contains(&ratio) {
            source.refuse("otel.traces.sampler.arg", "must be a part of all traces, from 0 to 1");
        }
        let Collector(collector) = collector?;
        if protocol != "grpc" {
            source.refuse("otel.exporter.otlp.protocol", "must be grpc: traces are exported by no other");
        }
        Some(Self { collector, sampler: rule.sampler(ratio) })
    }
}

struct Collector(Uri);

impl FromStr for Collector {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "must be http:// or https:// and the address of a collector, e.g. http://127.0.0.1:4317";
        let uri = text.parse::<Uri>().map_err(|_| rule)?;
        let is_known = matches!(uri.scheme_str(), Some("http" | "https"));
        if is_known && uri.authority().is_some() { Ok(Self(uri)) } else { Err(rule) }
    }
}

/// Which traces are sampled.
struct Rule {
    /// Whether a trace that began elsewhere is sampled as it was there.
    heeds_parent: bool,
    /// What becomes of the others.
    root: Root,
}

enum Root {
    On,
    Off,
    Ratio,
}

impl Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = if self.heeds_parent { "parentbased_" } else { "" };
        let root = match self.root {
            Root::On => "always_on",
            Root::Off => "always_off",
            Root::Ratio => "traceidratio",
        };
        write!(out, "{parent}{root}")
    }
}

impl FromStr for Rule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (heeds_parent, root) = match text.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, text),
        };
        let root = match root {
            "always_on" => Root::On,
            "always_off" => Root::Off,
            "traceidratio" => Root::Ratio,
            _ => {
                return Err(
                    "must be always_on, always_off or traceidratio, or one of them after parentbased_",
                );
            }
        };
        Ok(Self { heeds_parent, root })
    }
}

impl Rule {
    fn sampler(self, ratio: f64) -> Sampler {
        let root = match self.root {
            Root::On => Sampler::AlwaysOn,
            Root::Off => Sampler::AlwaysOff,
            Root::Ratio => Sampler::TraceIdRatioBased(ratio),
        };
        if self.heeds_parent { Sampler::ParentBased(Box::new(root)) } else { root }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut source = Source::new(variables);
        let settings = TraceSettings::read(&mut source);
        source.finish(|| Some(settings)).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_collector_nothing_is_exported() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("OTEL_TRACES_SAMPLER", "always_on")]).unwrap().is_none());
        // Another program's.
        assert!(read(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]).unwrap().is_none());
    }

    #[test]
    fn every_sampler_is_understood() {
        for (name, ratio, sampler) in [
            ("", "", "ParentBased(AlwaysOn)"),
            ("always_on", "", "AlwaysOn"),
            ("always_off", "", "AlwaysOff"),
            ("traceidratio", "0.25", "TraceIdRatioBased(0.25)"),
            ("parentbased_always_on", "", "ParentBased(AlwaysOn)"),
            ("parentbased_always_off", "", "ParentBased(AlwaysOff)"),
            ("parentbased_traceidratio", "", "ParentBased(TraceIdRatioBased(1.0))"),
        ] {
            let settings = read(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317"),
                ("OTEL_TRACES_SAMPLER", name),
                ("OTEL_TRACES_SAMPLER_ARG", ratio),
            ]);
            assert_eq!(format!("{:?}", settings.unwrap().unwrap().sampler), sampler, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_rule() {
        for (name, value, rule) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317", "must be http:// or https://"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://localhost", "must be http:// or https://"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "must be grpc"),
            ("OTEL_TRACES_SAMPLER", "sometimes", "must be always_on"),
            ("OTEL_TRACES_SAMPLER_ARG", "2", "from 0 to 1"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN", "from 0 to 1"),
            ("OTEL_TRACES_SAMPLER_ARG", "half", "invalid float"),
        ] {
            let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector"), (name, value)]);
            let error = error.unwrap_err();
            assert!(error.contains(name) && error.contains(rule), "{error}");
        }
    }
}
