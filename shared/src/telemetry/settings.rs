//! Whether and which traces are exported: the variables that OpenTelemetry has for that.
//!
//! Source: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use http::header::{HeaderName, HeaderValue};
use opentelemetry_sdk::trace::Sampler;
use percent_encoding::percent_decode_str;

use crate::config::Source;

/// Where traces go, and which of them.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: a collector that takes OTLP over gRPC.
    pub collector: Uri,
    /// `OTEL_EXPORTER_OTLP_HEADERS`: what a hosted collector wants to know, such as a key. Marked as sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`.
    pub sampler: Sampler,
    /// Where spans wait.
    pub queue: QueueSettings,
}

/// How many spans wait, for how long, and how many are sent at once.
#[derive(Clone, Copy, Debug)]
pub struct QueueSettings {
    /// `OTEL_BSP_SCHEDULE_DELAY`: how long a span waits at most for others to be sent with.
    pub delay: Duration,
    /// `OTEL_BSP_MAX_QUEUE_SIZE`: how many wait at most; what ends meanwhile is dropped.
    pub length: usize,
    /// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`: how many are sent at once, and when that many wait, at once.
    pub batch: usize,
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
        let headers = headers(source);
        let queue = QueueSettings::read(source);
        let Collector(collector) = collector?;
        if protocol != "grpc" {
            source.refuse("otel.exporter.otlp.protocol", "must be grpc: traces are exported by no other");
        }
        Some(Self { collector, headers, sampler: rule.sampler(ratio), queue })
    }
}

impl QueueSettings {
    fn read(source: &mut Source) -> Self {
        let delay = Duration::from_millis(source.or("otel.bsp.schedule.delay", 5000));
        let mut count = |key, default| {
            let count = source.or(key, default);
            if count == 0 {
                source.refuse(key, "must be at least 1");
            }
            count
        };
        let length = count("otel.bsp.max.queue.size", 2048);
        Self { delay, length, batch: count("otel.bsp.max.export.batch.size", 512) }
    }
}

/// Written as the specification writes them, `NAME=VALUE,…`, in which a value may be percent-encoded.
fn headers(source: &mut Source) -> Vec<(HeaderName, HeaderValue)> {
    let key = "otel.exporter.otlp.headers";
    let Some(text) = source.optional_secret(key, 1) else { return Vec::new() };
    let pairs = text.expose().split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let Some(headers) = pairs.map(header).collect() else {
        source.refuse(
            key,
            "must be names and values of headers, NAME=VALUE,…, a value percent-encoded where it has to be",
        );
        return Vec::new();
    };
    headers
}

fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let value: Vec<u8> = percent_decode_str(value.trim()).collect();
    let mut value = HeaderValue::from_bytes(&value).ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
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
    fn headers_are_read_as_they_are_written_in_a_url_and_never_shown() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20QUI=, x-team = mesh ,"),
        ]);
        let settings = settings.unwrap().unwrap();
        let headers: Vec<_> =
            settings.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(headers, [("authorization", &b"Basic QUI="[..]), ("x-team", b"mesh")]);
        assert!(!format!("{settings:?}").contains("QUI"), "{settings:?}");
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
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key", "NAME=VALUE"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api key=0123", "NAME=VALUE"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=%0A", "NAME=VALUE"),
            ("OTEL_BSP_SCHEDULE_DELAY", "5s", "invalid digit"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "must be at least 1"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0", "must be at least 1"),
        ] {
            let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector"), (name, value)]);
            let error = error.unwrap_err();
            assert!(error.contains(name) && error.contains(rule), "{error}");
        }
    }
}
