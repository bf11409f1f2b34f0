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
mod tests {
    use super::*;

    fn forbidden(text: &str) -> bool {
        is_forbidden(text.parse().unwrap())
    }

    #[test]
    fn every_address_that_means_here_is_forbidden() {
        for inside in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::10.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "2002:a9fe:a9fe::1",
            "2606:4700::5efe:127.0.0.1",
            "2606:4700::200:5efe:10.0.0.1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            assert!(forbidden(inside), "{inside} was let through");
        }
    }

    #[test]
    fn public_addresses_pass_and_so_do_their_translated_forms() {
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.2.1",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.113.7",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2001:db8::1",
            "2002:808:808::1",
            "2606:4700::1111",
            "2a00:1450:4001::1a",
        ] {
            assert!(!forbidden(outside), "{outside} was refused");
        }
    }
}
