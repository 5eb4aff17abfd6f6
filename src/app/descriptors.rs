//! How the files that this process may have open are shared out: connections leave enough of them to the journal,
//! the database and whatever else the calls need.

use crate::config::Server;

/// Most connections to the partner API, where no setting says less.
const PUBLIC_MOST: u64 = 20_000;
/// Most connections to the admin API.
const ADMIN_MOST: u64 = 2_000;
/// The files that are reckoned with where the system tells no limit.
const UNTOLD: u64 = 65_536;

/// How many connections each listener takes at a time; more of them wait until one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Partners.
    pub public: u32,
    /// Admins and operators.
    pub admin: u32,
}

impl Connections {
    /// What the settings ask for, as far as the limit of open files allows.
    #[must_use]
    pub fn of(settings: &Server) -> Self {
        Self::within(open_files().unwrap_or(UNTOLD), settings.max_connections)
    }

    /// Three quarters of the files for partners and an eighth for admins, at most.
    fn within(files: u64, asked: u32) -> Self {
        let asked = if asked == 0 { PUBLIC_MOST } else { u64::from(asked) };
        let number = |most: u64| u32::try_from(most.max(1)).unwrap_or(u32::MAX);
        Self { public: number(asked.min(files / 4 * 3)), admin: number(ADMIN_MOST.min(files / 8)) }
    }
}

/// Most files that this process may have open, where the system tells.
#[must_use]
pub fn open_files() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_all_files() {
        for (files, asked, public, admin) in [
            (1_024, 0, 768, 128),
            (20_000, 0, 15_000, 2_000),
            (1_048_576, 0, 20_000, 2_000),
            (1_048_576, 100_000, 100_000, 2_000),
            (1_024, 100_000, 768, 128),
            (1_024, 10, 10, 128),
            (4, 0, 3, 1),
        ] {
            assert_eq!(Connections::within(files, asked), Connections { public, admin });
        }
    }
}
