//! What an operator can set about the gateway.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use truyvet_schemas::limits::{FRAME_BYTES_MAX, WINDOW_BYTES};

/// The gateway's settings. Every one has a default; unknown names are an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// UDP address to listen on. Default `0.0.0.0:4433`; port 0 takes any free one.
    pub listen: SocketAddr,
    /// UDP address for browsers, which send scans over WebTransport where they can reach it, and over HTTPS
    /// where not: an address, `off`, or `auto`. Default `auto`: `127.0.0.1`, at the port after that of
    /// `listen` (any free one where that is 0); where it is taken there is none. Name one that phones reach
    /// (`0.0.0.0:4434`) where `allow_remote` is set; its port is to be the same from outside.
    pub web_listen: WebListen,
    /// Browsers connected at once. Default 2,000, at about 64 KiB each when they are quiet, and a frame
    /// while one is sent. Others send over HTTPS.
    pub web_connections_max: usize,
    /// UDP sockets on `listen`, the kernel spreading connections over them (SO_REUSEPORT).
    /// Default 0: one per four cores, at least one. More lift the limit that one socket's driver task
    /// is; but a device whose address changes may then land on another socket, and must reconnect.
    pub endpoints: usize,
    /// Send and receive buffer of each UDP socket, bytes. Default 4 MiB; the kernel may give less
    /// (`net.core.rmem_max`, `wmem_max`). Larger rides out longer bursts, in kernel memory.
    pub udp_buffer_bytes: usize,
    /// Largest UDP payload taken, bytes. Default 1472, an Ethernet's. Larger only where every device's
    /// path carries it (loopback, jumbo frames): each socket reserves 2,048 times as much.
    pub udp_payload_bytes_max: u16,
    /// First size of the packets sent, bytes. Default 1200, which every path carries. Larger saves
    /// packets from the start, and breaks on paths that do not carry it.
    pub initial_mtu: u16,
    /// Largest size of packets that path discovery tries, bytes. Default 1452.
    pub discovered_mtu_max: u16,
    /// Silence after which a connection is dropped, milliseconds. Default 30,000. Shorter frees memory
    /// earlier; longer spares devices on poor links a reconnection. Devices are told.
    pub idle_timeout_ms: u64,
    /// Time from a handshake's turn to the end of the hello, milliseconds. Default 5,000. Shorter frees
    /// half-open connections earlier; longer suits slow links.
    pub hello_timeout_ms: u64,
    /// Time from a frame's first byte to its last, milliseconds. Default 10,000: the largest frame at
    /// 1 Mbit/s. Longer suits slower links, and lets a peer hold memory longer.
    pub frame_timeout_ms: u64,
    /// Time in which a peer must take what is sent to it, milliseconds. Default 10,000.
    pub write_timeout_ms: u64,
    /// Connections at once. Default 20,000, at about 64 KiB each when they are quiet. The gateway
    /// refuses others.
    pub connections_max: usize,
    /// Half-open connections at once: from the first packet to a good hello. Default 0: 64 per core.
    /// A handshake takes about a millisecond of a core; more at once only make established
    /// connections wait.
    pub handshakes_max: usize,
    /// Half-open connections at once from one address (IPv6: one /64). Default 0: half of
    /// `handshakes_max`. Fewer keep one bad address from delaying others; many devices behind one
    /// address then connect more slowly.
    pub handshakes_per_address_max: usize,
    /// Connections that wait for a handshake's turn. Default 4,096, about 4 KiB each; only proved
    /// addresses wait, and half of the room is for addresses that have nobody in it. Beyond, packets
    /// are ignored and devices try again by themselves.
    pub handshakes_waiting_max: usize,
    /// Bytes of batches between the sockets and the disk, of all connections together. Default
    /// 256 MiB. Beyond, connections are not read, and devices wait.
    pub in_flight_bytes_max: usize,
    /// Difference between a device's clock and the gateway's from which the device is told,
    /// milliseconds. Default 60,000.
    pub clock_skew_notice_ms: u64,
    /// What devices are told to wait before they reconnect, when the gateway stops, milliseconds.
    /// Default 1,000. Longer gives a restart more time; shorter shortens the gap.
    pub reconnect_after_ms: u32,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 4433)),
            web_listen: WebListen::Auto,
            web_connections_max: 2_000,
            endpoints: 0,
            udp_buffer_bytes: 4 << 20,
            udp_payload_bytes_max: 1_472,
            initial_mtu: 1_200,
            discovered_mtu_max: 1_452,
            idle_timeout_ms: 30_000,
            hello_timeout_ms: 5_000,
            frame_timeout_ms: 10_000,
            write_timeout_ms: 10_000,
            connections_max: 20_000,
            handshakes_max: 0,
            handshakes_per_address_max: 0,
            handshakes_waiting_max: 4_096,
            in_flight_bytes_max: 256 << 20,
            clock_skew_notice_ms: 60_000,
            reconnect_after_ms: 1_000,
        }
    }
}

impl GatewayConfig {
    /// Whether the settings can work together.
    ///
    /// # Errors
    /// Names the setting and what it must be.
    pub fn validate(&self) -> Result<(), String> {
        let ranges = [
            ("endpoints", self.endpoints, 0..=64),
            ("udp_buffer_bytes", self.udp_buffer_bytes, 64 << 10..=1 << 30),
            ("udp_payload_bytes_max", self.udp_payload_bytes_max.into(), 1_200..=65_527),
            ("initial_mtu", self.initial_mtu.into(), 1_200..=65_527),
            ("discovered_mtu_max", self.discovered_mtu_max.into(), 1_200..=65_527),
            ("idle_timeout_ms", self.idle_timeout_ms as usize, 100..=3_600_000),
            ("hello_timeout_ms", self.hello_timeout_ms as usize, 100..=600_000),
            ("frame_timeout_ms", self.frame_timeout_ms as usize, 100..=3_600_000),
            ("write_timeout_ms", self.write_timeout_ms as usize, 100..=3_600_000),
            ("web_connections_max", self.web_connections_max, 1..=1_000_000),
            ("connections_max", self.connections_max, 1..=1_000_000),
            ("handshakes_max", self.handshakes_max, 0..=1_000_000),
            ("handshakes_per_address_max", self.handshakes_per_address_max, 0..=1_000_000),
            ("handshakes_waiting_max", self.handshakes_waiting_max, 1..=1_000_000),
            ("in_flight_bytes_max", self.in_flight_bytes_max, WINDOW_BYTES as usize..=64 << 30),
            ("clock_skew_notice_ms", self.clock_skew_notice_ms as usize, 1..=usize::MAX),
        ];
        for (name, value, range) in ranges {
            if !range.contains(&value) {
                let (least, most) = range.into_inner();
                return Err(format!("{name} is {value}; it must be from {least} to {most}"));
            }
        }
        Ok(())
    }

    /// How many sockets to open on a machine with `cores`.
    pub(crate) fn endpoint_count(&self, cores: usize) -> usize {
        if self.endpoints > 0 { self.endpoints } else { (cores / 4).max(1) }
    }

    /// Where to listen for browsers, if at all.
    pub(crate) fn web_address(&self) -> Option<SocketAddr> {
        match self.web_listen {
            WebListen::Off => None,
            WebListen::At(address) => Some(address),
            WebListen::Auto => {
                let port = match self.listen.port() {
                    0 => 0,
                    port => port.checked_add(1).unwrap_or(0),
                };
                Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            }
        }
    }

    /// Silence after which a connection is dropped.
    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// Time from a handshake's turn to the end of the hello.
    pub(crate) fn hello_timeout(&self) -> Duration {
        Duration::from_millis(self.hello_timeout_ms)
    }

    /// Time from a frame's first byte to its last.
    pub(crate) fn frame_timeout(&self) -> Duration {
        Duration::from_millis(self.frame_timeout_ms)
    }

    /// Time in which a peer must take what is sent to it.
    pub(crate) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }
}

/// Where to listen for browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum WebListen {
    /// On loopback, beside the devices.
    Auto,
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

impl TryFrom<String> for WebListen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            address => address
                .parse()
                .map(Self::At)
                .map_err(|_| format!("`{address}` is neither `auto`, `off` nor an address with a port")),
        }
    }
}

impl From<WebListen> for String {
    fn from(listen: WebListen) -> Self {
        match listen {
            WebListen::Auto => "auto".to_owned(),
            WebListen::Off => "off".to_owned(),
            WebListen::At(address) => address.to_string(),
        }
    }
}

// A batch must always find room, or its device waits for ever.
const _: () = assert!(WINDOW_BYTES as usize > FRAME_BYTES_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_survive_toml() {
        let config = GatewayConfig::default();
        assert_eq!(config.validate(), Ok(()));
        let text = toml::to_string(&config).expect("plain values");
        assert_eq!(toml::from_str(&text), Ok(config));
    }

    #[test]
    fn browsers_have_the_port_after_that_of_devices_unless_it_is_said_otherwise() {
        let with = |listen: &str, web: &str| {
            let text = format!("listen = {listen:?}\nweb_listen = {web:?}");
            toml::from_str::<GatewayConfig>(&text).map(|config| config.web_address().map(|a| a.to_string()))
        };
        assert_eq!(with("0.0.0.0:4433", "auto"), Ok(Some("127.0.0.1:4434".into())));
        for any in ["0.0.0.0:0", "0.0.0.0:65535"] {
            assert_eq!(with(any, "auto"), Ok(Some("127.0.0.1:0".into())));
        }
        assert_eq!(with("0.0.0.0:4433", "off"), Ok(None));
        assert_eq!(with("0.0.0.0:4433", "[::]:9"), Ok(Some("[::]:9".into())));
        assert!(with("0.0.0.0:4433", "4434").is_err_and(|e| e.to_string().contains("nor an address")));
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        let config = GatewayConfig { in_flight_bytes_max: 1, ..GatewayConfig::default() };
        assert!(config.validate().is_err_and(|why| why.starts_with("in_flight_bytes_max")));
        assert!(toml::from_str::<GatewayConfig>("handshake_max = 3").is_err());
    }
}
