//! A Redis of a test's own, which it may kill, pause and empty.

use super::process::wait_until;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Whether the tests were told that the servers of a cluster are there.
pub(crate) fn is_promised() -> bool {
    std::env::vars().any(|(name, _)| name == "COMPTOIR_TEST_REDIS")
}

/// Whether a program is there; the test is skipped where it is not, unless it was promised.
fn has(program: &str, version: &str) -> bool {
    let there = Command::new(program).arg(version).stdout(Stdio::null()).status().is_ok();
    if !there {
        assert!(!is_promised(), "COMPTOIR_TEST_REDIS is set, and there is no {program}");
        println!("SKIPPED: there is no {program} (a Debian package)");
    }
    there
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("an address").port()
}

/// A running Redis; killed when dropped.
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    dir: TempDir,
    words: Vec<String>,
    /// The file with the authority that its certificate is from, where it speaks TLS.
    ca_file: Option<String>,
}

impl RedisServer {
    /// Starts one; `None` where this machine has no `redis-server`.
    pub(crate) fn start() -> Option<Self> {
        let (port, dir) = (free_port(), tempfile::tempdir().expect("a folder"));
        Self::start_with(port, None, dir, &["--port", &port.to_string()])
    }

    /// Starts one that speaks TLS alone, with a certificate from an authority of its own.
    pub(crate) fn start_tls() -> Option<Self> {
        if !has("redis-server", "--version") || !has("openssl", "version") {
            return None;
        }
        let (port, dir) = (free_port(), tempfile::tempdir().expect("a folder"));
        make_certificates(dir.path());
        let (words, ca_file) = tls(port, dir.path());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Self::start_with(port, Some(ca_file), dir, &words)
    }

    fn start_with(
        port: u16,
        ca_file: Option<String>,
        dir: TempDir,
        words: &[&str],
    ) -> Option<Self> {
        if !has("redis-server", "--version") {
            return None;
        }
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let server = Self { child: spawn(&words, &dir), port, dir, words, ca_file };
        server.answers();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme(), self.port)
    }

    fn scheme(&self) -> &'static str {
        if self.ca_file.is_some() { "rediss" } else { "redis" }
    }

    /// The file with the authority that its certificate is from.
    pub(crate) fn ca_file(&self) -> String {
        self.ca_file.clone().expect("it speaks TLS")
    }

    /// Kills it with SIGKILL. What it held is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Writes what it holds to disk: that is what it begins with when it is started again.
    pub(crate) fn save(&self) {
        assert_eq!(self.ask(&["SAVE"]), "OK");
    }

    /// Starts it again where it was, with what it has saved: empty, where that is nothing.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.words, &self.dir);
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
        if let Some(ca_file) = &self.ca_file {
            cli.args(["--tls", "--cacert", ca_file]);
        }
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

fn spawn(words: &[String], dir: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.args(words).arg("--dir").arg(dir.path());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("redis-server starts")
}

/// The words of a server that speaks TLS alone with the certificates in a folder, and its authority's file.
fn tls(port: u16, folder: &Path) -> (Vec<String>, String) {
    let file = |name: &str| folder.join(name).display().to_string();
    let port = port.to_string();
    let words = ["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"];
    let files = [("cert", "server.pem"), ("key", "server.key"), ("ca-cert", "ca.pem")];
    let files = files.map(|(what, name)| [format!("--tls-{what}-file"), file(name)]);
    let words = words.iter().map(|word| (*word).to_owned()).chain(files.into_iter().flatten());
    (words.collect(), file("ca.pem"))
}

/// An authority, and a certificate from it for 127.0.0.1.
fn make_certificates(dir: &Path) {
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let script = format!(
        "openssl req -x509 {new} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority && \
         openssl req {new} -keyout server.key -out server.csr -subj /CN=redis && \
         echo subjectAltName=IP:127.0.0.1 > names && \
         openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
         -extfile names -out server.pem"
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(dir).output();
    let output = output.expect("a shell");
    assert!(output.status.success(), "{output:?}");
}

/// A Redis Cluster of three masters without replicas. One that is lost takes its slots with it, and no more.
pub(crate) struct RedisCluster {
    pub(crate) servers: Vec<RedisServer>,
    _certificates: Option<TempDir>,
}

impl RedisCluster {
    /// Starts one; `None` where this machine has no `redis-server`.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// Starts one that speaks TLS alone, to its callers and among its servers.
    pub(crate) fn start_tls() -> Option<Self> {
        if !has("redis-server", "--version") || !has("openssl", "version") {
            return None;
        }
        let certificates = tempfile::tempdir().expect("a folder");
        make_certificates(certificates.path());
        Self::start_with(Some(certificates))
    }

    fn start_with(certificates: Option<TempDir>) -> Option<Self> {
        let mut servers = Vec::new();
        let mut buses = Vec::new();
        for _ in 0..3 {
            let (port, bus) = (free_port(), free_port().to_string());
            let (mut words, ca_file) = match &certificates {
                Some(folder) => {
                    let (words, ca_file) = tls(port, folder.path());
                    let among = ["--tls-cluster", "yes"].map(str::to_owned);
                    (words.into_iter().chain(among).collect(), Some(ca_file))
                }
                None => (vec!["--port".to_owned(), port.to_string()], None),
            };
            let cluster = ["--cluster-enabled", "yes", "--cluster-port", &bus];
            let more = ["--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no"];
            words.extend(cluster.iter().chain(&more).map(|word| (*word).to_owned()));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let dir = tempfile::tempdir().expect("a folder");
            servers.push(RedisServer::start_with(port, ca_file, dir, &words)?);
            buses.push(bus);
        }
        let spans = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
        for (n, (server, (first, last))) in servers.iter().zip(spans).enumerate() {
            server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()]);
            server.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
            let at = server.port.to_string();
            servers[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &at, &buses[n]]);
        }
        let cluster = Self { servers, _certificates: certificates };
        cluster.is_whole();
        Some(cluster)
    }

    /// Waits until every server knows that all are there.
    pub(crate) fn is_whole(&self) {
        wait_until("the cluster is whole", || {
            self.servers.iter().all(|server| {
                let info = server.ask(&["CLUSTER", "INFO"]);
                let is = |words: &str| info.lines().any(|line| line.trim_end() == words);
                is("cluster_state:ok")
                    && is("cluster_known_nodes:3")
                    && is("cluster_slots_ok:16384")
            })
        });
    }

    /// Two of its servers: those tell of the third.
    pub(crate) fn url(&self) -> String {
        let [first, second] = [0, 1].map(|n| format!("127.0.0.1:{}", self.servers[n].port));
        format!("{}+cluster://{first},{second}", self.servers[0].scheme())
    }

    /// The place of the server that holds counters of an app.
    pub(crate) fn holder(&self, app: &str) -> Option<usize> {
        self.servers
            .iter()
            .position(|server| !server.ask(&["KEYS", &format!("*{app}*")]).is_empty())
    }

    /// Moves the slot that holds counters of an app from one server to another.
    pub(crate) fn move_slot(&self, app: &str, from: usize, to: usize) {
        let (old, new) = (&self.servers[from], &self.servers[to]);
        let keys = old.ask(&["KEYS", &format!("*{app}*")]);
        let keys: Vec<&str> = keys.lines().collect();
        let slot = old.ask(&["CLUSTER", "KEYSLOT", keys[0]]);
        let [old_id, new_id] = [old, new].map(|server| server.ask(&["CLUSTER", "MYID"]));
        new.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &old_id]);
        old.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &new_id]);
        let port = new.port.to_string();
        let migrate = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        assert_eq!(old.ask(&[&migrate[..], &keys].concat()), "OK");
        for server in [new, old] {
            assert_eq!(server.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &new_id]), "OK");
        }
    }
}
