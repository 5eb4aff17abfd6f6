//! Who is in a simulation: the apps that are tried out, and those that count on the same limits.

use super::{Simulation, SimulationError};
use crate::access::Environment;
use crate::access::error::AccessError;
use crate::access::model::{App, Definition};
use crate::access::service::{
    AppFilter, KeyRow, Walk, get_app, get_plan, list_apps, load_directory,
};
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::limit::{Per, SubjectId, Terms};
use crate::storage::Db;
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

/// Rows read at once.
const PAGE: u32 = 1_000;

/// An app that is tried out.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) app: App,
    /// What its plan grants at present.
    pub(super) present: Arc<Definition>,
}

/// A key whose calls are replayed.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) id: SubjectId,
    /// The place of its app among those that are tried out; none where it only counts on the same limits.
    pub(super) tried: Option<usize>,
    /// What it is held to before the span.
    pub(super) present: Held,
    /// What it is held to in the span.
    pub(super) then: Held,
}

/// The terms of a key.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) terms: Arc<Terms>,
    /// Whether other terms count at the level of the partner, too.
    pub(super) mixed: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) apps: Vec<Tried>,
    pub(super) actors: HashMap<KeyId, Actor>,
}

/// The definitions of plans, each read once.
struct Plans<'a> {
    db: &'a Db,
    known: HashMap<PlanId, Arc<Definition>>,
}

impl Plans<'_> {
    async fn get(&mut self, id: PlanId) -> Result<Arc<Definition>, AccessError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(Arc::clone(known));
        }
        let definition = Arc::new(get_plan(self.db, id).await?.definition);
        self.known.insert(id, Arc::clone(&definition));
        Ok(definition)
    }
}

/// The terms of a definition for live and for test keys.
struct Sides([Arc<Terms>; 2]);

impl Sides {
    fn of(definition: &Definition) -> Self {
        Self([Arc::new(definition.terms(true)), Arc::new(definition.terms(false))])
    }

    fn get(&self, live: bool) -> Arc<Terms> {
        Arc::clone(&self.0[usize::from(!live)])
    }

    fn of_partners(&self) -> bool {
        !self.0[0].level(Per::Partner).is_empty()
    }
}

/// The terms of all plans that the cast is held to.
struct Wardrobe {
    plans: HashMap<PlanId, Sides>,
    proposed: Sides,
}

impl Cast {
    /// Reads who is in a simulation.
    pub(super) async fn load(db: &Db, of: &Simulation) -> Result<Self, SimulationError> {
        let mut apps = Vec::new();
        let known = HashMap::from([(of.plan.id, Arc::new(of.plan.definition.clone()))]);
        let mut plans = Plans { db, known };
        for app in asked_for(db, of).await? {
            // An app that was created behind the span had no use in it, and no fee.
            if app.created_at < of.span.to {
                apps.push(Tried { present: plans.get(app.plan).await?, app });
            }
        }
        let places: HashMap<AppId, usize> =
            apps.iter().enumerate().map(|(place, tried)| (tried.app.id, place)).collect();
        let partners: HashSet<PartnerId> = apps.iter().map(|tried| tried.app.partner).collect();
        let mut rows = load_directory(db, of.now).await.map_err(AccessError::from)?;
        rows.retain(|row| partners.contains(&row.partner));
        let wardrobe = Wardrobe::of(&rows, &of.proposed);
        if !wardrobe.of_partners() {
            rows.retain(|row| places.contains_key(&row.app));
        }
        Ok(Self { actors: wardrobe.dress(&rows, &places), apps })
    }
}

/// The apps that are asked for: those that are named, or all that are on the plan.
async fn asked_for(db: &Db, of: &Simulation) -> Result<Vec<App>, SimulationError> {
    let mut apps = Vec::new();
    if let Some(named) = &of.apps {
        for (place, id) in named.iter().enumerate() {
            if named[..place].contains(id) {
                continue;
            }
            apps.push(get_app(db, *id, of.now).await.map_err(|error| match error {
                AccessError::NotFound { .. } => SimulationError::UnknownApp { place, id: *id },
                other => other.into(),
            })?);
        }
        return Ok(apps);
    }
    let mut after = String::new();
    loop {
        let walk = Walk { after, limit: PAGE };
        let page =
            list_apps(db, &AppFilter::default(), &walk, of.now).await.map_err(AccessError::from)?;
        let full = page.len() >= PAGE as usize;
        after = page.last().map(|app| app.id.to_string()).unwrap_or_default();
        apps.extend(page.into_iter().filter(|app| app.plan == of.plan.id));
        if !full {
            return Ok(apps);
        }
    }
}

impl Wardrobe {
    fn of(rows: &[KeyRow], proposed: &Definition) -> Self {
        let mut plans = HashMap::new();
        for row in rows {
            plans.entry(row.plan).or_insert_with(|| Sides::of(&row.definition));
        }
        Self { plans, proposed: Sides::of(proposed) }
    }

    /// Whether any limit counts the calls of all apps of a partner.
    fn of_partners(&self) -> bool {
        self.proposed.of_partners() || self.plans.values().any(Sides::of_partners)
    }

    /// The terms of a plan; of none, the proposed ones.
    fn sides(&self, plan: Option<PlanId>) -> &Sides {
        plan.and_then(|plan| self.plans.get(&plan)).unwrap_or(&self.proposed)
    }

    fn dress(&self, rows: &[KeyRow], places: &HashMap<AppId, usize>) -> HashMap<KeyId, Actor> {
        let plan_now = |row: &KeyRow| Some(row.plan);
        let plan_then = |row: &KeyRow| (!places.contains_key(&row.app)).then_some(row.plan);
        let (now, then) = (self.mixed(rows, plan_now), self.mixed(rows, plan_then));
        let actor = |row: &KeyRow| {
            let live = row.environment == Environment::Live;
            let held = |plan: Option<PlanId>, mixed: &HashSet<PartnerId>| Held {
                terms: self.sides(plan).get(live),
                mixed: mixed.contains(&row.partner),
            };
            let id = SubjectId {
                partner: row.partner,
                app: row.app,
                key: row.key,
                live,
                partner_since: row.partner_since,
                app_since: row.app_since,
            };
            let tried = places.get(&row.app).copied();
            let (present, then) = (held(plan_now(row), &now), held(plan_then(row), &then));
            (row.key, Actor { id, tried, present, then })
        };
        rows.iter().map(actor).collect()
    }

    /// The partners whose keys are held to several terms with limits for the partner.
    fn mixed(
        &self,
        rows: &[KeyRow],
        plan: impl Fn(&KeyRow) -> Option<PlanId>,
    ) -> HashSet<PartnerId> {
        let mut first: HashMap<PartnerId, Option<PlanId>> = HashMap::new();
        let mut mixed = HashSet::new();
        for row in rows {
            let plan = plan(row);
            let limited = self.sides(plan).of_partners();
            if limited && *first.entry(row.partner).or_insert(plan) != plan {
                mixed.insert(row.partner);
            }
        }
        mixed
    }
}
