//! The program as it runs in earnest: a process of its own, which a test may kill.

use super::scratch::Scratch;
use super::{data, migrated};
use comptoir::config::Config;
use comptoir::storage::Db;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns when `done` says so; panics if that takes too long. Another process tells nothing by itself,
/// so it is asked again and again; the pause leaves the processor to it and decides nothing.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A data directory with a database, in which the program is run.
pub(crate) struct Home {
    dir: TempDir,
    settings: BTreeMap<String, String>,
    pub(crate) db: Db,
    _scratch: Option<Scratch>,
}

impl Home {
    /// A new one with `products` products.
    pub(crate) async fn new(extra: &[(&str, &str)], products: &[Value]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (mut settings, scratch) = migrated(dir.path()).await;
        settings.insert("COMPTOIR__TELEMETRY__LOG_FORMAT".to_owned(), "json".to_owned());
        for (key, value) in extra {
            settings.insert(format!("COMPTOIR__{key}"), (*value).to_owned());
        }
        let config = Config::load(None, &settings).unwrap_or_else(|problems| panic!("{problems}"));
        let db = Db::connect(&config.database.url, 2).await.expect("the database opens twice");
        let home = Self { dir, settings, db, _scratch: scratch };
        home.import("categories", &data::categories());
        home.import("products", products);
        home
    }

    /// Its settings as the program reads them.
    pub(crate) fn config(&self) -> Config {
        Config::load(None, &self.settings).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Sets a variable that is no setting for all that is started from now on.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Its data directory.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its journal's directory.
    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    /// Begins a command that gives way to whoever else wants to run, to a third of their time: on a busy machine it is
    /// not done before its test has looked.
    pub(crate) fn begin_yielding(&self, words: &[&str]) -> Child {
        let mut command = yielding(&self.settings);
        command.args(words).stderr(Stdio::null()).spawn().expect("it starts")
    }

    /// An admin token.
    pub(crate) fn admin_token(&self) -> String {
        self.run(&["token", "create", "--name", "test", "--role", "owner"])
    }

    /// Runs a command to its end and returns what it says on standard output.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        run(&self.settings, words)
    }

    /// Runs a command that must fail and returns its complaint.
    pub(crate) fn refused(&self, words: &[&str]) -> String {
        let mut command = command(&self.settings);
        let output = command.args(words).output().expect("the program runs");
        assert!(!output.status.success(), "comptoir {} should fail", words.join(" "));
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    /// Starts a command; it is killed when dropped, and by `kill`.
    pub(crate) fn start(&self, words: &[&str]) -> Running {
        let mut command = command(&self.settings);
        Running(command.args(words).stderr(Stdio::null()).spawn().expect("it starts"))
    }

    /// Another node on the same database, which needs `access.pepper` to be set; none where that is a file, which has one node.
    pub(crate) fn beside(&self) -> Option<Node> {
        self.settings.get("COMPTOIR__DATABASE__URL")?;
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut settings = self.settings.clone();
        let data_dir = dir.path().display().to_string();
        settings.insert("COMPTOIR__SERVER__DATA_DIR".to_owned(), data_dir);
        Some(Node { settings, _dir: dir })
    }

    /// Imports lines of a feed and expects that all are taken.
    pub(crate) fn import(&self, feed: &str, lines: &[Value]) {
        let path = self.dir.path().join(format!("{feed}.ndjson"));
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(&path, lines.join("\n")).expect("a feed is written");
        self.run(&["import", feed, &path.display().to_string()]);
    }

    /// A live key under a plan that admits everything.
    pub(crate) fn key(&self) -> String {
        let plan = self.run(&["plan", "create", "--name", "all", "--limit", "all:1000000:1"]);
        let partner = self.run(&["partner", "create", "--name", "partner"]);
        let app = ["app", "create", "--partner", &partner, "--plan", &plan, "--name", "app"];
        let app = self.run(&app);
        self.run(&["key", "create", "--app", &app])
    }

    /// Starts the server and returns when it serves.
    pub(crate) fn serve(&self) -> Server {
        serve(&self.settings)
    }

    /// Starts the server so that it gives way, as [`Self::begin_yielding`] does.
    pub(crate) fn serve_yielding(&self) -> Server {
        serve_by(yielding(&self.settings))
    }

    /// Starts the server as another node, with a data directory of its own.
    pub(crate) fn serve_in(&self, dir: &Path) -> Server {
        self.serve_as(dir, &[])
    }

    /// The same with settings of its own.
    pub(crate) fn serve_as(&self, dir: &Path, extra: &[(&str, &str)]) -> Server {
        let mut settings = self.settings.clone();
        settings.insert("COMPTOIR__SERVER__DATA_DIR".to_owned(), dir.display().to_string());
        for (key, value) in extra {
            settings.insert(format!("COMPTOIR__{key}"), (*value).to_owned());
        }
        serve(&settings)
    }
}

/// A node beside a [`Home`], with a data directory of its own.
pub(crate) struct Node {
    settings: BTreeMap<String, String>,
    _dir: TempDir,
}

impl Node {
    /// Starts the server and returns when it serves.
    pub(crate) fn serve(&self) -> Server {
        serve(&self.settings)
    }
}

/// A command that runs; killed when dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Kills it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(settings: &BTreeMap<String, String>) -> Server {
    serve_by(command(settings))
}

fn serve_by(mut command: Command) -> Server {
    let mut child = command.arg("serve").stderr(Stdio::piped()).spawn().expect("it starts");
    let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let (found, at) = mpsc::channel();
    let log = Arc::new(Mutex::new(String::new()));
    let said = Arc::clone(&log);
    let listener = std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            let address = |name: &str| entry[name].as_str()?.parse::<SocketAddr>().ok();
            if let (Some(public), Some(admin)) = (address("public"), address("admin")) {
                let _ = found.send((public, admin));
            }
            said.lock().push_str(&(line + "\n"));
        }
    });
    let listener = Some(listener);
    match at.recv_timeout(PATIENCE) {
        Ok((public, admin)) => Server { child, public, admin, log, listener },
        Err(_) => panic!("the server does not serve: {}", log.lock()),
    }
}

fn command(settings: &BTreeMap<String, String>) -> Command {
    command_of(Command::new(env!("CARGO_BIN_EXE_comptoir")), settings)
}

fn yielding(settings: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "5", env!("CARGO_BIN_EXE_comptoir")]);
    command_of(command, settings)
}

fn command_of(mut command: Command, settings: &BTreeMap<String, String>) -> Command {
    command.envs(settings).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn run(settings: &BTreeMap<String, String>, words: &[&str]) -> String {
    let mut command = command(settings);
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output().expect("the program runs");
    let said = String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "comptoir {}: {said} {complaint}", words.join(" "));
    said
}

/// A serving process; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    log: Arc<Mutex<String>>,
    /// Reads the log to its end.
    listener: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// Kills it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Tells it to stop with SIGTERM.
    pub(crate) fn begin_stop(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    /// Tells it to stop with SIGTERM and expects that it ends well. Returns all that it has said.
    pub(crate) fn terminate(self) -> String {
        self.begin_stop();
        self.stopped()
    }

    /// Waits until it has ended well. Returns all that it has said.
    pub(crate) fn stopped(self) -> String {
        let (status, said) = self.ended();
        assert!(status.success(), "{status}: {said}");
        said
    }

    /// Waits until it has ended. Returns how, and all that it has said.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        wait_until("the server stops", || self.child.try_wait().expect("a status").is_some());
        let status = self.child.wait().expect("a status");
        if let Some(listener) = self.listener.take() {
            listener.join().expect("no panic");
        }
        let said = self.log.lock().clone();
        (status, said)
    }

    /// Whether it has said so in its log.
    pub(crate) fn has_said(&self, words: &str) -> bool {
        self.log.lock().contains(words)
    }

    /// The most memory that it has held so far, in kB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).expect("a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let words = line.expect("a peak").split_whitespace().next();
        words.and_then(|kb| kb.parse().ok()).expect("a number")
    }

    /// How much more that is than it was, in kB. The kernel adds up by processor now and then, so a peak may be told a
    /// little lower later: then it is none.
    pub(crate) fn peak_memory_over(&self, before: u64) -> u64 {
        self.peak_memory().saturating_sub(before)
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_none()
    }

    /// Status and body of an operator's endpoint.
    pub(crate) fn operator(&self, path: &str) -> (u16, String) {
        let mut wire = Wire::connect(self.admin).expect("the admin listener takes connections");
        let reply = wire.get("none", path).expect("an answer");
        (reply.status, reply.body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that sends one call at a time and never tries twice, so that what it has received is
/// known to the byte.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
    /// Whether any of the answer under way has come.
    pub(crate) begun: bool,
}

/// An answer that was received in full.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// `Usage-Event-Id`; empty where there is none.
    pub(crate) id: String,
    pub(crate) body: String,
}

/// The head of an answer.
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) id: String,
    pub(crate) length: usize,
}

impl Wire {
    pub(crate) fn connect(at: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&at, PATIENCE)?)
    }

    pub(crate) fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), begun: false })
    }

    /// Sends a call.
    pub(crate) fn send(&mut self, key: &str, path: &str) -> io::Result<()> {
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\n\r\n");
        self.stream.get_mut().write_all(head.as_bytes())
    }

    /// Reads the head of the answer.
    pub(crate) fn head(&mut self) -> io::Result<Head> {
        let mut head = Head { status: 0, id: String::new(), length: 0 };
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.begun = true;
            let line = line.trim_end();
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                head.status = rest[..3].parse().map_err(io::Error::other)?;
            }
            match line.split_once(": ") {
                Some(("usage-event-id", id)) => id.clone_into(&mut head.id),
                Some(("content-length", length)) => {
                    head.length = length.parse().map_err(io::Error::other)?;
                }
                _ if line.is_empty() => return Ok(head),
                _ => {}
            }
        }
    }

    /// Reads `length` bytes of the body.
    pub(crate) fn body(&mut self, length: usize) -> io::Result<String> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Sends a call and reads its whole answer.
    pub(crate) fn get(&mut self, key: &str, path: &str) -> io::Result<Reply> {
        self.begun = false;
        self.send(key, path)?;
        let Head { status, id, length } = self.head()?;
        Ok(Reply { status, id, body: self.body(length)? })
    }
}

/// A small file system of its own; gone when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at `dir`; `None` where this process may not.
    pub(crate) fn mount(dir: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(dir).expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(dir);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then(|| Self(dir.to_owned()))
    }

    /// Gives it another size.
    pub(crate) fn resize(&self, size: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}")]).arg(&self.0);
        assert!(mount.status().expect("mount runs").success());
    }

    /// Takes all space that is left, in a file.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        std::fs::File::create(&path).expect("a file");
        Self::fill_again(&path);
        path
    }

    /// Takes what has become free since.
    pub(crate) fn fill_again(filler: &Path) {
        let mut file = std::fs::OpenOptions::new().append(true).open(filler).expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
