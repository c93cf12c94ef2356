//! The part of a filter that a database can decide on flow records.
//!
//! In: an [`Expr`]. Out: a [`Predicate`] that no record of a flow that passes the filter fails, and whether it is the whole
//! filter. All records of a flow have the same pair of addresses and ports, so a test of either side is decided exactly; who
//! began the flow is settled over all points, so a test of one side only narrows.

use std::net::IpAddr;

use super::{Expr, Op, Operand, Side, Test};
use crate::store::predicate::Predicate;

/// A condition on flow records, and whether the records of a flow pass it exactly if the flow passes the filter.
#[must_use]
pub fn push(expr: &Expr) -> (Predicate, bool) {
    match expr {
        Expr::And(all) => {
            let parts: Vec<_> = all.iter().map(push).collect();
            let exact = parts.iter().all(|p| p.1);
            (parts.into_iter().fold(Predicate::True, |all, p| all.and(p.0)), exact)
        }
        Expr::Or(any) => {
            let parts: Vec<_> = any.iter().map(push).collect();
            let exact = parts.iter().all(|p| p.1);
            (Predicate::Or(parts.into_iter().map(|p| p.0).collect()), exact)
        }
        Expr::Not(inner) => match push(inner) {
            (predicate, true) => (Predicate::Not(Box::new(predicate)), true),
            (_, false) => (Predicate::True, false),
        },
        Expr::Test(test) => decide(test),
    }
}

fn decide(test: &Test) -> (Predicate, bool) {
    match test {
        Test::Net(side, low, high) => {
            let range = |field| Predicate::Bytes { field, low: bytes(*low), high: bytes(*high) };
            (Predicate::Or(vec![range("src_ip"), range("dst_ip")]), *side == Side::Any)
        }
        Test::Port(side, op, ports) => {
            let parts =
                ports.iter().flat_map(|p| ["src_port", "dst_port"].map(|field| port(field, *op, u64::from(*p))));
            (Predicate::Or(parts.collect()), *side == Side::Any)
        }
        Test::Proto(numbers) => {
            let equal = numbers.iter().map(|n| Predicate::equal("ip_proto", u64::from(*n)));
            (Predicate::Or(equal.collect()), true)
        }
        Test::Compare(name, Op::Eq, Operand::Text(value)) if name.text == "run" => {
            (Predicate::Text { field: "run", value: value.clone() }, true)
        }
        _ => (Predicate::True, false),
    }
}

fn port(field: &'static str, op: Op, value: u64) -> Predicate {
    let range = |low, high| Predicate::Range { field, low, high };
    match op {
        Op::Eq => range(value, value),
        Op::Ne => Predicate::Not(Box::new(range(value, value))),
        Op::Lt => value.checked_sub(1).map_or(Predicate::Or(Vec::new()), |high| range(0, high)),
        Op::Le => range(0, value),
        Op::Gt => range(value + 1, u64::MAX),
        Op::Ge => range(value, u64::MAX),
    }
}

fn bytes(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}
