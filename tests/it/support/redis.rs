//! A Redis of a test's own, which it may kill, pause and empty.

use super::process::wait_until;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Whether the tests were told that the servers of a cluster are there.
pub(crate) fn is_promised() -> bool {
    std::env::vars().any(|(name, _)| name == "COMPTOIR_TEST_REDIS")
}

/// A running Redis; killed when dropped.
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl RedisServer {
    /// Starts one; `None` where this machine has no `redis-server`, unless it was promised.
    pub(crate) fn start() -> Option<Self> {
        let there = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if there.is_err() {
            assert!(!is_promised(), "COMPTOIR_TEST_REDIS is set, and there is no redis-server");
            println!("SKIPPED: there is no redis-server (a Debian package)");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let child = spawn(port, &dir);
        let server = Self { child, port, dir };
        server.answers();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it with SIGKILL. What it held is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Starts it again, empty, where it was.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port, &self.dir);
        self.answers();
    }

    /// Lets it hang: connections stay, answers do not come.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    fn answers(&self) {
        let at = SocketAddr::from(([127, 0, 0, 1], self.port));
        wait_until("Redis answers", || TcpStream::connect(at).is_ok());
    }

    /// What it would write to disk, as it writes it.
    pub(crate) fn dump(&self) -> Vec<u8> {
        self.ask(&["CONFIG", "SET", "rdbcompression", "no"]);
        self.ask(&["SAVE"]);
        std::fs::read(self.dir.path().join("dump.rdb")).expect("a dump")
    }

    /// What it answers to a command.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &self.port.to_string()]).args(words);
        let output = cli.output().expect("redis-cli runs");
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, dir: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
    command.args(["--appendonly", "no", "--dir"]).arg(dir.path());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("redis-server starts")
}
