//! Who asks, as far as the network tells.

use std::net::{IpAddr, Ipv6Addr};

/// A client, for limits that hold for each one: an IPv4 address, or the /64 that an IPv6 address is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Origin(IpAddr);

/// The part of an IPv6 address that one client cannot choose. A machine has a whole /64 to itself (RFC 4291, section 2.5.1):
/// limits by single address would hold nothing back.
const NETWORK: u128 = u128::MAX << 64;

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_a_64_of_ipv6() {
        let cases = [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ];
        for (one, other, same) in cases {
            let [one, other] =
                [one, other].map(|text| Origin::from(text.parse::<IpAddr>().unwrap()));
            assert_eq!(one == other, same, "case {one:?} and {other:?}");
        }
    }
}
