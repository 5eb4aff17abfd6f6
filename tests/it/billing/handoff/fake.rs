//! Billing systems as their documents say they are: they check who calls and what is said, know a repetition by its id,
//! and bill the newest value by time. And they fail as systems do.

use crate::hooks::receiver::Request;
use comptoir::kernel::Clock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What both are known by.
pub(crate) const SECRET: &str = "sk_test_4eC39HqLyjWDarjtT1zdp7dc";
/// The name of what both count.
pub(crate) const METER: &str = "api_calls";

/// Which system it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stripe,
    Lago,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It hangs up when it has read the request, which it does not take.
    HangsUp,
    /// It takes the event, and hangs up before it answers.
    CutAfterwards,
    /// It takes the event, and never answers.
    Silent,
    /// It answers with this status and takes nothing.
    Answers(u16),
    /// It takes the event, and answers 500 all the same.
    TakesAndFails,
    /// It has no time.
    Busy,
}

/// A value that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) at: i64,
    pub(crate) value: String,
}

#[derive(Debug, Default)]
struct State {
    faults: VecDeque<Fault>,
    /// By customer and id.
    taken: BTreeMap<(String, String), Taken>,
    /// Requests in all.
    requests: usize,
    /// What was said against the rules.
    broken: Vec<String>,
    /// Whether it knows the meter.
    unknown: bool,
}

/// A billing system.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

/// An answer: its status and body.
type Said = (u16, Value);

impl Fake {
    pub(crate) async fn start(kind: Kind, clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let fake = Self { kind, url, clock, state: Arc::default() };
        let this = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let this = this.clone();
                tokio::spawn(async move { this.converse(stream).await.ok() });
            }
        });
        fake
    }

    /// Has it fail at the next requests.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().faults.extend(faults);
    }

    /// Whether it knows the meter.
    pub(crate) fn knows(&self, known: bool) {
        self.state.lock().unknown = !known;
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.state.lock().requests
    }

    /// Values of a customer, the oldest first. Nothing was said against the rules.
    pub(crate) fn values(&self, customer: &str) -> Vec<Taken> {
        let state = self.state.lock();
        assert_eq!(state.broken, [""; 0]);
        let own = state.taken.iter().filter(|((of, _), _)| of == customer);
        let mut values: Vec<Taken> = own.map(|(_, taken)| taken.clone()).collect();
        values.sort_by_key(|taken| taken.at);
        values
    }

    /// What it bills a customer for a period, in seconds since 1970: the newest value by time.
    pub(crate) fn billed(&self, customer: &str, (from, to): (i64, i64)) -> Option<String> {
        let mut values = self.values(customer).into_iter();
        values.rfind(|taken| (from..to).contains(&taken.at)).map(|taken| taken.value)
    }

    async fn converse(self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = Request::read(&mut stream).await? {
            let fault = {
                let mut state = self.state.lock();
                state.requests += 1;
                state.faults.pop_front()
            };
            let headers = if fault == Some(Fault::Busy) { "retry-after: 7\r\n" } else { "" };
            let (status, body) = match fault {
                None => self.take(&request),
                Some(Fault::HangsUp) => return Ok(()),
                Some(Fault::CutAfterwards) => {
                    self.take(&request);
                    return Ok(());
                }
                Some(Fault::Silent) => {
                    self.take(&request);
                    // Until the sender hangs up.
                    let _ = stream.get_mut().read(&mut [0]).await?;
                    return Ok(());
                }
                Some(Fault::Answers(status)) => (status, json!({})),
                Some(Fault::TakesAndFails) => {
                    self.take(&request);
                    (500, json!({}))
                }
                Some(Fault::Busy) => (429, json!({})),
            };
            let body = body.to_string();
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
            );
            stream.get_mut().write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }

    fn take(&self, request: &Request) -> Said {
        let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
        if header("authorization") != format!("Bearer {SECRET}") {
            return (401, json!({ "error": { "type": "invalid_request_error" } }));
        }
        let mut state = self.state.lock();
        let said = match self.kind {
            Kind::Stripe => of_stripe(&mut state, request, self.clock.now().0 / 1_000_000),
            Kind::Lago => of_lago(&mut state, request),
        };
        said.unwrap_or_else(|why| {
            state.broken.push(why.clone());
            (400, json!({ "error": { "type": "invalid_request_error", "message": why } }))
        })
    }
}

/// Keeps a value; false where its id is known. Two values of a customer at one time would leave it open which is the
/// newest.
fn keep(state: &mut State, customer: &str, id: &str, taken: Taken) -> Result<bool, String> {
    let place = (customer.to_owned(), id.to_owned());
    if let Some(known) = state.taken.get(&place) {
        return if *known == taken { Ok(false) } else { Err(format!("{id} has changed")) };
    }
    if state.taken.iter().any(|((of, _), known)| of == customer && known.at == taken.at) {
        return Err(format!("two values of {customer} at {}", taken.at));
    }
    state.taken.insert(place, taken);
    Ok(true)
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

/// <https://docs.stripe.com/api/billing/meter-event/create>
fn of_stripe(state: &mut State, request: &Request, now: i64) -> Result<Said, String> {
    if request.line != "POST /v1/billing/meter_events HTTP/1.1" {
        return Err(request.line.clone());
    }
    if request.headers["content-type"] != "application/x-www-form-urlencoded" {
        return Err("no form".to_owned());
    }
    let form: BTreeMap<String, String> =
        url::form_urlencoded::parse(request.text.as_bytes()).into_owned().collect();
    let names: Vec<&str> = form.keys().map(String::as_str).collect();
    let fields =
        ["event_name", "identifier", "payload[stripe_customer_id]", "payload[value]", "timestamp"];
    if names != fields {
        return Err(format!("fields: {names:?}"));
    }
    let (id, at) = (&form["identifier"], number(&form["timestamp"])?);
    if !(1..=100).contains(&id.len()) || !(now - 35 * 86_400..=now + 300).contains(&at) {
        return Err(format!("{id} at {at}, now {now}"));
    }
    let (customer, value) = (&form["payload[stripe_customer_id]"], &form["payload[value]"]);
    if value.parse::<f64>().is_err() || !customer.starts_with("cus_") {
        return Err(format!("{customer}: {value}"));
    }
    if form["event_name"] != METER || state.unknown {
        let code = "no_meter";
        let error = json!({ "type": "invalid_request_error", "code": code, "message": "No meter" });
        return Ok((400, json!({ "error": error })));
    }
    let taken = Taken { at, value: value.clone() };
    if !keep(state, customer, id, taken)? {
        let message = format!("An event already exists with identifier {id}.");
        let error = json!({ "type": "invalid_request_error", "message": message });
        return Ok((400, json!({ "error": error })));
    }
    Ok((200, json!({ "object": "billing.meter_event", "identifier": id })))
}

/// <https://getlago.com/docs/api-reference/events/usage>
fn of_lago(state: &mut State, request: &Request) -> Result<Said, String> {
    if request.line != "POST /api/v1/events HTTP/1.1" {
        return Err(request.line.clone());
    }
    if request.headers["content-type"] != "application/json" {
        return Err("no JSON".to_owned());
    }
    let body: Value = serde_json::from_str(&request.text).map_err(|error| error.to_string())?;
    let event = body["event"].as_object().ok_or("no event")?;
    let names: Vec<&str> = event.keys().map(String::as_str).collect();
    let mut expected =
        ["transaction_id", "external_subscription_id", "code", "timestamp", "properties"];
    expected.sort_unstable();
    let mut names_sorted = names.clone();
    names_sorted.sort_unstable();
    if names_sorted != expected || body.as_object().is_none_or(|body| body.len() != 1) {
        return Err(format!("fields: {names:?}"));
    }
    let text = |name: &str| event[name].as_str().map(str::to_owned).ok_or(format!("no {name}"));
    let (id, customer) = (text("transaction_id")?, text("external_subscription_id")?);
    let at = event["timestamp"].as_i64().ok_or("no timestamp")?;
    let value = event["properties"]["total"].as_str().ok_or("no total")?;
    value.parse::<f64>().map_err(|_| format!("{value} is no number"))?;
    if text("code")? != METER || state.unknown {
        let details = json!({ "code": ["billable_metric_not_found"] });
        let error = json!({ "status": 422, "code": "validation_errors", "error_details": details });
        return Ok((422, error));
    }
    if !keep(state, &customer, &id, Taken { at, value: value.to_owned() })? {
        let details = json!({ "transaction_id": ["value_already_exist"] });
        let error = json!({ "status": 422, "error": "Unprocessable Entity", "code": "validation_errors",
            "error_details": details });
        return Ok((422, error));
    }
    Ok((200, json!({ "event": { "transaction_id": id } })))
}
