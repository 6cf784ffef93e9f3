//! The client's queue, looked at when it is asked for.

use std::fmt;

use apmt_client::Client;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

#[derive(Debug)]
pub(super) struct Queue(pub(super) Client);

impl Collector for Queue {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let waiting = ConstGauge::new(self.0.queued() as i64);
        let gauge = encoder.encode_descriptor(
            "queue_events",
            "Events in the client's queue",
            None,
            MetricType::Gauge,
        )?;
        waiting.encode(gauge)?;
        let help = "Events that the client's queue lost";
        let mut counter = encoder.encode_descriptor("queue_losses", help, None, MetricType::Counter)?;
        for (reason, count) in self.0.losses().by_reason() {
            ConstCounter::new(count).encode(counter.encode_family(&[("reason", reason)])?)?;
        }
        Ok(())
    }
}
