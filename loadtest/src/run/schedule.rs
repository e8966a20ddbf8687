//! When batches are due. Pure arithmetic: no clock is read here.

use std::time::Duration;

/// Even arrivals: all devices together send `rate` scans a second, each device the same share, one
/// device's batches midway between the others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    devices: u32,
    batch_scans: u32,
    rate: u64,
}

impl Schedule {
    /// A schedule; at least one device, one scan a batch, one scan a second.
    pub(crate) fn new(devices: u32, batch_scans: u32, rate: u64) -> Self {
        Self { devices: devices.max(1), batch_scans: batch_scans.max(1), rate: rate.max(1) }
    }

    /// How long after the start a device's batch is due, counted from 0.
    pub(crate) fn due(&self, device: u32, batch: u64) -> Duration {
        let before = u128::from(batch) * u128::from(self.devices) + u128::from(device);
        let nanos = before * u128::from(self.batch_scans) * NANOS / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Between two batches of one device.
    pub(crate) fn interval(&self) -> Duration {
        self.due(0, 1)
    }
}

/// When the `number`th of `count` things that are spread evenly over a time happens.
pub(crate) fn spread(number: u32, count: u32, over: Duration) -> Duration {
    let nanos = over.as_nanos() * u128::from(number) / u128::from(count.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

const NANOS: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thousand_devices_send_one_batch_of_fifty_a_second() {
        let schedule = Schedule::new(2_000, 50, 100_000);
        assert_eq!(schedule.interval(), Duration::from_secs(1));
        assert_eq!(schedule.due(0, 0), Duration::ZERO);
        assert_eq!(schedule.due(1_000, 3), Duration::from_millis(3_500));
    }

    #[test]
    fn a_second_brings_exactly_the_rate() {
        let schedule = Schedule::new(7, 30, 12_345);
        let due = |limit: Duration| {
            (0..7).map(|d| (0..).take_while(|b| schedule.due(d, *b) < limit).count() as u64).sum::<u64>()
        };
        let scans = due(Duration::from_secs(100)) * 30;
        assert!(scans.abs_diff(1_234_500) <= 30, "{scans}");
    }

    #[test]
    fn a_schedule_does_not_drift_after_years() {
        let schedule = Schedule::new(3, 1, 3);
        let year = 365 * 86_400;
        assert_eq!(schedule.due(0, 10 * year), Duration::from_secs(10 * year));
        assert_eq!(Schedule::new(1, 4_096, 1).due(0, u64::MAX), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn a_ramp_is_even() {
        assert_eq!(spread(0, 4, Duration::from_secs(2)), Duration::ZERO);
        assert_eq!(spread(3, 4, Duration::from_secs(2)), Duration::from_millis(1_500));
    }
}
