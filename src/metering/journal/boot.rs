//! Which boot of the machine this is.

/// The machine's boot: a random number that each boot gets. What a process wrote into a file survives
/// its death while the boot lasts; a power cut ends the boot. Where it is not known, it is the same
/// as no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Boot(Option<u128>);

impl Boot {
    /// The boot that this process runs in.
    pub(crate) fn current() -> Self {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self::parse(&id)
    }

    fn parse(id: &str) -> Self {
        let digits: String = id.trim().chars().filter(|c| *c != '-').collect();
        let number = u128::from_str_radix(&digits, 16).ok();
        Self(number.filter(|n| *n != 0 && digits.len() == 32))
    }

    /// Whether both are known and one.
    pub(crate) fn is(self, other: Self) -> bool {
        self.0.is_some() && self == other
    }

    /// As it is stored; empty where it is not known.
    pub(crate) fn text(self) -> String {
        self.0.map_or_else(String::new, |id| format!("{id:032x}"))
    }

    /// The bytes in a header; zeros where it is not known.
    pub(super) fn to_bytes(self) -> [u8; 16] {
        self.0.unwrap_or(0).to_le_bytes()
    }

    /// The boot of a header's bytes.
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Some(u128::from_le_bytes(bytes)).filter(|n| *n != 0))
    }
}

#[cfg(test)]
impl Boot {
    pub(crate) const UNKNOWN: Self = Self(None);

    /// A boot that was, or will be.
    pub(crate) const fn other(n: u128) -> Self {
        Self(Some(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_boot_is_never_the_same() {
        let known = Boot::parse("2f9c1d1e-0f3a-4b0e-9d51-4f6a8c2b7e10\n");
        assert!(known.is(Boot::from_bytes(known.to_bytes())));
        assert!(!known.is(Boot::UNKNOWN) && !Boot::UNKNOWN.is(Boot::UNKNOWN));
        for text in ["", "x", "2f9c1d1e", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(Boot::parse(text), Boot::UNKNOWN, "{text}");
        }
        assert_eq!(Boot::from_bytes(Boot::UNKNOWN.to_bytes()), Boot::UNKNOWN);
    }
}
