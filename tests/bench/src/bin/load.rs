//! Calls a server on 127.0.0.1 as fast as it answers, and says in one line of JSON what came of it.

use comptoir_bench::args::{Args, Fault};
use comptoir_bench::load::{Plan, Servers, Tally, Target, Until, requests, run};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

const KNOWN: &[&str] = &[
    "port", "ids", "keys", "conns", "seconds", "count", "timeout", "record", "seed", "requests",
    "prefix", "paths", "rate", "turn",
];

fn main() -> Result<(), Fault> {
    let args = Args::parse(std::env::args().skip(1), KNOWN)?;
    let until = match args.text("count") {
        Some(_) => Until::Count(args.value("count", 0)?),
        None => Until::Seconds(args.value("seconds", 1.0)?),
    };
    let (targets, keys) = (targets(&args)?, read(args.required("keys")?)?);
    let keys: Vec<&str> = keys.lines().collect();
    let plan = Plan {
        servers: Servers {
            addresses: addresses(args.required("port")?)?,
            turn: optional(&args, "turn")?,
        },
        conns: args.value("conns", 64)?,
        until,
        timeout: Duration::from_secs(args.value("timeout", 600)?),
        rate: optional(&args, "rate")?,
        requests: requests(
            &targets,
            &keys,
            args.value("requests", 16_384)?,
            args.value("seed", 1)?,
        ),
    };
    let mut tally = Tally::recording(args.text("record").map(Path::new))?;
    let result = run(&plan, &mut tally);
    writeln!(std::io::stdout(), "{}", tally.report())?;
    result
}

/// What is asked for: `--paths` has lines of an operation and a path between tabs; `--ids` what stands behind `--prefix`,
/// in the first column, so that a file of bodies (`id<TAB>body`) does as well.
fn targets(args: &Args) -> Result<Vec<Target>, Fault> {
    if let Some(file) = args.text("paths") {
        let target = |line: &str| {
            let (operation, path) =
                line.split_once('\t').ok_or("a path needs an operation before it")?;
            Ok(Target { operation: operation.into(), path: path.to_owned() })
        };
        return read(file)?.lines().map(target).collect();
    }
    let (operation, prefix) = (Rc::from("read"), args.text("prefix").unwrap_or("/v1/products/"));
    let ids = read(args.required("ids")?)?;
    let target =
        |id: &str| Target { operation: Rc::clone(&operation), path: format!("{prefix}{id}") };
    Ok(ids.lines().filter_map(|line| line.split('\t').next()).map(target).collect())
}

/// The servers of this machine on some ports, given with commas between them.
fn addresses(ports: &str) -> Result<Arc<[SocketAddr]>, Fault> {
    let address = |port: &str| match port.parse() {
        Ok(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Err(_) => Err(format!("--port cannot be `{port}`").into()),
    };
    ports.split(',').map(address).collect()
}

fn optional<T: FromStr + Default>(args: &Args, name: &str) -> Result<Option<T>, Fault> {
    args.text(name).map(|_| args.value(name, T::default())).transpose()
}

fn read(path: &str) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}").into())
}
