//! Which addresses are nobody's business: everything that is not plainly the public Internet.
//!
//! IPv6 is judged by what is allowed (global unicast, `2000::/3`, and the forms that carry a public IPv4 address), since the
//! rest of its space only ever means "here" or "not yet assigned". An IPv4 address inside an IPv6 one is judged as itself:
//! a translator on the way would deliver it there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks by first address and prefix length, from the special-purpose registry (RFC 6890) and one cloud's habit.
/// The documentation ranges are not among them: nothing answers there.
const FORBIDDEN_V4: [(Ipv4Addr, u32); 13] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Azure's host agent: metadata at a public address.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    // Link-local, and with it most clouds' metadata service.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // The anycast of 6to4 relays (RFC 7526 retired it).
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Whether an address must not be connected to on somebody's word.
pub(super) fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_forbidden_v4(v4),
        IpAddr::V6(v6) => is_forbidden_v6(v6),
    }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    FORBIDDEN_V4
        .iter()
        .any(|(net, length)| (address.to_bits() ^ net.to_bits()) >> (32 - length) == 0)
}

fn is_forbidden_v6(address: Ipv6Addr) -> bool {
    match (embedded_v4(address), address.segments()) {
        (Some(v4), _) => is_forbidden_v4(v4),
        // IETF protocol assignments: Teredo, benchmarking, ORCHID; none has a mail server.
        (None, [0x2001, 0..=0x1ff, ..]) => true,
        (None, [first, ..]) => !(0x2000..=0x3fff).contains(&first),
    }
}

/// The IPv4 address that a translator or tunnel would take out of an IPv6 one.
///
/// NAT64's local prefix (`64:ff9b:1::/48`) hides it at a place that only its operator knows; such an address is not global
/// unicast, and so refused as a whole.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // v4-mapped; NAT64 (RFC 6052 §2.1); ISATAP under any prefix (RFC 5214 §6.1); 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2000..=0x3fff, _, _, _, 0 | 0x200, 0x5efe, high, low]
        | [0x2002, high, low, ..] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
