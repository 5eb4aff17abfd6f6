//! Which addresses are public.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 blocks that no public service has (IANA special-purpose address registry, RFC 6890).
const RESERVED_V4: [(Ipv4Addr, u8); 14] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, and everything reserved above it.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// The only IPv6 block from which public addresses are given out (RFC 4291 §2.4).
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// What of it is not public, or leads to an IPv4 address of somebody's choice: Teredo, benchmarking
/// and other special blocks of 2001::/23, documentation, 6to4.
const RESERVED_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn v4_in(ip: Ipv4Addr, (net, prefix): (Ipv4Addr, u8)) -> bool {
    Ipv4Net::new(net, prefix).is_ok_and(|net| net.contains(&ip))
}

fn v6_in(ip: Ipv6Addr, (net, prefix): (Ipv6Addr, u8)) -> bool {
    Ipv6Net::new(net, prefix).is_ok_and(|net| net.contains(&ip))
}

/// Whether an address belongs to the public Internet.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !RESERVED_V4.iter().any(|net| v4_in(ip, *net)),
        IpAddr::V6(ip) => v6_in(ip, GLOBAL_V6) && !RESERVED_V6.iter().any(|net| v6_in(ip, *net)),
    }
}
