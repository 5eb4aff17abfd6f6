//! The categories as one tree, with what is in each and in all below it.

use super::categories::{Beside, Categories, CategoryRecord};
use super::grant::Grant;
use super::products::Products;
use crate::catalog::translations::CategoryTexts;
use crate::kernel::id::CategoryId;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is wanted of the tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct TreeRequest<'a> {
    /// The category to begin with; all roots where none is named.
    pub root: Option<CategoryId>,
    /// How many levels; all where none is named.
    pub depth: Option<u32>,
    /// What is included; the roots are then those of what is.
    pub grant: Option<&'a Grant>,
}

/// A category with those below it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TreeNode {
    /// The category.
    #[schema(value_type = String, example = "cat_5tR81kQmZx2")]
    pub id: CategoryId,
    /// What it is called.
    #[schema(example = "Enduits")]
    pub name: String,
    /// Its texts in other languages, by language (RFC 5646), where the retailer gives any. Absent from
    /// calls with `Accept-Language`, whose texts are chosen from here.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Option<BTreeMap<String, CategoryTexts>>)]
    pub translations: Value,
    /// How deep it is: 1 for a root.
    #[schema(example = 2)]
    pub level: u32,
    /// How many products are in the category itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = true, value_type = u64, example = 812)]
    pub product_count: Option<u64>,
    /// How many products are in it or in a category below it, each counted once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = true, value_type = u64, example = 1204)]
    pub total_count: Option<u64>,
    /// How many categories are right below it, also where `depth` leaves them out.
    #[schema(example = 0)]
    pub child_count: u64,
    /// The categories below it, by name; empty where `depth` leaves them out.
    #[schema(no_recursion)]
    pub children: Vec<Self>,
}

/// The tree; `None` where the root that was asked for is no category. Every category comes once:
/// where a feed has made a loop of parents, the loop is cut at its smallest id.
pub(super) fn tree(
    categories: &Categories,
    products: &Products,
    request: &TreeRequest<'_>,
) -> Option<Vec<TreeNode>> {
    let beside = Beside { products, grant: request.grant };
    let mut builder =
        Builder { categories, beside, totals: BTreeMap::new(), seen: BTreeSet::new() };
    builder.totals = builder.totals();
    let depth = request.depth.unwrap_or(u32::MAX);
    if let Some(root) = request.root {
        let record = categories.by_id.get(&root.0).filter(|_| beside.includes(root))?;
        let level = categories.path(record).len() as u32;
        builder.seen.insert(root.0);
        return Some(vec![builder.node(record, level, depth)]);
    }
    let is_there = |id: CategoryId| categories.by_id.contains_key(&id.0) && beside.includes(id);
    let is_root = |record: &&CategoryRecord| record.parent.is_none_or(|parent| !is_there(parent));
    let told = || categories.by_id.values().filter(|record| beside.includes(record.id));
    let roots: Vec<&CategoryRecord> = told().filter(is_root).collect();
    let reached: Vec<CategoryId> =
        categories.with_descendants(&roots.iter().map(|root| root.id).collect::<Vec<_>>());
    let mut reached: BTreeSet<u64> = reached.into_iter().map(|id| id.0).collect();
    let mut tops = roots;
    for record in told() {
        if !reached.contains(&record.id.0) {
            let loop_of = categories.with_descendants(&[record.id]);
            reached.extend(loop_of.into_iter().map(|id| id.0));
            tops.push(record);
        }
    }
    builder.seen.extend(tops.iter().map(|top| top.id.0));
    tops.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    // A root of what is included is as deep as it is for all.
    let level = |top: &CategoryRecord| match request.grant {
        None => 1,
        Some(_) => categories.path(top).len() as u32,
    };
    Some(tops.into_iter().map(|top| builder.node(top, level(top), depth)).collect())
}

struct Builder<'a> {
    categories: &'a Categories,
    beside: Beside<'a>,
    totals: BTreeMap<u64, u64>,
    seen: BTreeSet<u64>,
}

impl<'a> Builder<'a> {
    /// Products in each category or below it. Products share few different lists of categories, so
    /// the lists are walked and not the products.
    fn totals(&self) -> BTreeMap<u64, u64> {
        let mut totals = BTreeMap::new();
        for (list, uses) in self.beside.products.categories.iter() {
            let mut above: BTreeSet<u64> = BTreeSet::new();
            for id in list {
                let mut at = Some(*id);
                // What was seen has had its parents seen too, so a loop ends here.
                while let Some(id) = at.filter(|id| above.insert(*id)) {
                    at = self.categories.by_id.get(&id).and_then(|r| r.parent).map(|p| p.0);
                }
            }
            for id in above {
                *totals.entry(id).or_default() += u64::from(uses);
            }
        }
        totals
    }

    /// A category and `depth` levels with it. No deeper than 32 levels: beyond, parents are left out
    /// of paths too.
    fn node(&mut self, record: &'a CategoryRecord, level: u32, depth: u32) -> TreeNode {
        let ids = self.categories.children.get(&record.id.0).into_iter().flatten();
        let mut below: Vec<&'a CategoryRecord> = ids
            .filter(|id| !self.seen.contains(id))
            .filter_map(|id| self.categories.by_id.get(id))
            .collect();
        below.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        self.seen.extend(below.iter().map(|child| child.id.0));
        let child_count = below.len() as u64;
        let deeper = depth > 1 && (level as usize) < super::categories::DEEPEST;
        let children = if deeper {
            below.into_iter().map(|child| self.node(child, level + 1, depth - 1)).collect()
        } else {
            Vec::new()
        };
        let own = self.beside.count(record.id.0);
        let total = self.totals.get(&record.id.0).copied().unwrap_or_default();
        TreeNode {
            id: record.id,
            name: record.name.clone(),
            translations: record.translations.clone(),
            level,
            product_count: own.map(|count| count as u64),
            total_count: own.map(|_| total),
            child_count,
            children,
        }
    }
}
