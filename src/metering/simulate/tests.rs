//! Simulations of ledgers that tests write, where a surface would be in the way.

use super::*;
use crate::access::model::Name;
use crate::access::service::{By, create_app, create_partner, create_plan};
use crate::access::tests::definition;
use crate::metering::tests::{Bench, NOVEMBER, sample};

#[tokio::test]
async fn a_span_of_too_many_events_is_refused_with_what_to_do() {
    let bench = Bench::new().await;
    let by = By::new("test", sample(0).started_at);
    let name = |name: &str| name.parse::<Name>().unwrap();
    let plan = create_plan(&bench.db, &by, name("p"), definition(5)).await.unwrap();
    let partner = create_partner(&bench.db, &by, name("p")).await.unwrap();
    let app = create_app(&bench.db, &by, partner.id, plan.id, name("a")).await.unwrap();
    bench.record(&[sample(0), sample(1), sample(2), sample(3)]).await;
    let simulation = |most_events, apps| Simulation {
        proposed: plan.definition.clone(),
        plan: plan.clone(),
        span: NOVEMBER.parse().unwrap(),
        apps,
        most_events,
        now: by.now,
    };
    let few = simulate(&bench.db, simulation(3, None)).await.unwrap_err().to_string();
    assert!(few.contains("4 events") && few.contains("such as a day"), "{few}");
    // Events of keys that are nobody's are passed over; an app without calls is told.
    let told = simulate(&bench.db, simulation(4, None)).await.unwrap();
    assert_eq!((told.total.calls, told.apps.len(), told.apps[0].app_id), (0, 1, app.id));
    let unknown = vec![app.id, AppId(77)];
    let error = simulate(&bench.db, simulation(4, Some(unknown))).await.unwrap_err();
    assert!(matches!(error, SimulationError::UnknownApp { place: 1, .. }), "{error}");
}
