//! Calls a server on 127.0.0.1 as fast as it answers, and says in one line of JSON what came of it.

use comptoir_bench::args::{Args, Fault};
use comptoir_bench::load::{Plan, Tally, Until, requests, run};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

const KNOWN: &[&str] = &[
    "port", "ids", "keys", "conns", "seconds", "count", "timeout", "record", "seed", "requests",
    "prefix",
];

fn main() -> Result<(), Fault> {
    let args = Args::parse(std::env::args().skip(1), KNOWN)?;
    let until = match args.text("count") {
        Some(_) => Until::Count(args.value("count", 0)?),
        None => Until::Seconds(args.value("seconds", 1.0)?),
    };
    let (ids, keys) = (read(args.required("ids")?)?, read(args.required("keys")?)?);
    // Only the first column: a file of bodies (`id<TAB>body`) does as well.
    let ids: Vec<&str> = ids.lines().filter_map(|line| line.split('\t').next()).collect();
    let keys: Vec<&str> = keys.lines().collect();
    let prefix = args.text("prefix").unwrap_or("/v1/products/");
    args.required("port")?;
    let plan = Plan {
        to: SocketAddr::from((Ipv4Addr::LOCALHOST, args.value("port", 0)?)),
        conns: args.value("conns", 64)?,
        until,
        timeout: Duration::from_secs(args.value("timeout", 600)?),
        requests: requests(
            prefix,
            &ids,
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

fn read(path: &str) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}").into())
}
