//! Records of the flow in question: which ones belong to it, and when it lived.
//!
//! In: a question that names a flow. Out: the condition that its records meet, at every point and of every kind. Joins the
//! flow to know its members; reads nothing else.

use std::collections::BTreeSet;

use sce_proto::{FlowInterval, Record};

use super::load::{Depth, Flows, Question, flows, has_key, keys};
use crate::correlate::Sighting;
use crate::store::predicate::Predicate;
use crate::store::{Store, StoreError};

/// Condition for records of a kind that they belong to the joined flow in question, and the question about the time in which
/// those lie.
pub(super) async fn members<S: Store, R: Record>(
    store: &S,
    question: &Question,
) -> Result<(Predicate, Question), StoreError> {
    if question.flow.is_empty() || flow_field::<R>().is_none() {
        return Ok((Predicate::True, question.clone()));
    }
    let depth = Depth { names: Some(BTreeSet::new()), ..Depth::default() };
    let flows = flows(store, question, depth).await?;
    let mut asked = question.clone();
    if R::TABLE == FlowInterval::TABLE {
        // Every record counts packets, and none of these flows has any before or after.
        let totals = || members_in(&flows).flat_map(|s| s.totals.iter().flatten());
        let first_ns = totals().map(|t| t.first_ns).min().unwrap_or(0);
        let last_ns = totals().map(|t| t.last_ns).max().unwrap_or(u64::MAX);
        asked.since_ns = asked.since_ns.max(first_ns);
        asked.until_ns = asked.until_ns.min(last_ns.saturating_add(1));
    }
    Ok((members_of::<R>(&flows), asked))
}

fn members_in(flows: &Flows) -> impl Iterator<Item = &Sighting> {
    flows.joined.iter().flat_map(|j| &j.members).map(|m| &flows.sightings[m.sighting])
}

/// Condition for records of a kind that they belong to one of these flows.
pub(super) fn members_of<R: Record>(flows: &Flows) -> Predicate {
    let Some(by) = flow_field::<R>() else { return Predicate::True };
    let members = members_in(flows);
    let value = |s: &Sighting| match by {
        "flow" => s.flow,
        _ => s.totals.iter().flatten().next().map_or(0, |t| t.flow_key),
    };
    let values: BTreeSet<u64> = members.map(value).collect();
    let these = Predicate::Or(values.into_iter().map(|v| Predicate::equal(by, v)).collect());
    // Roll-ups are in the order of their keys: what is said twice is found faster.
    if R::TABLE == FlowInterval::TABLE { these.and(has_key(&keys(members_in(flows)))) } else { these }
}

/// The field that says which flow a record belongs to.
fn flow_field<R: Record>() -> Option<&'static str> {
    ["flow", "flow_key"].into_iter().find(|name| R::position(name).is_some())
}
